"""Writes ``POSCAR``, ``INCAR``, ``KPOINTS``, ``POTCAR.spec`` and the script of one calculation.

The templates in ``templates/vasp`` hold the tags; here the numbers are computed, and what VASP cannot express is
refused. Potentials are licensed: a deck names them (``POTCAR.spec``, one symbol a line, as pymatgen writes it) and
never holds one. Tags: https://vasp.at/wiki.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from dftflow.codes.deck_text import (
    align_comments,
    check_seed,
    decimal_text,
    of_half_the_moment,
    plain_text,
    refuse_corrections,
    with_source,
)
from dftflow.codes.hubbard_shells import check_hubbard_shells
from dftflow.codes.known_dispersion import check_known_dispersion
from dftflow.codes.least_cutoff import caution_on_cutoff
from dftflow.codes.uneven_grid import caution_on_grid
from dftflow.codes.vasp.cell_cutoff import check_cell_cutoff, least_cutoff, notes_on_cell_cutoff
from dftflow.codes.vasp.cell_freedom import VOLUME, choose_isif
from dftflow.codes.vasp.electrons import (
    DISPERSION_ELEMENTS,
    DISPERSIONS,
    PROGRAMS,
    band_count,
    electron_tags,
    is_aspherical,
)
from dftflow.codes.vasp.functionals import Functional, functional
from dftflow.codes.vasp.kpoints_file import bands_list, regular_grid
from dftflow.codes.vasp.options import VaspOptions
from dftflow.codes.vasp.potentials import LIBRARIES, PotentialName, choose_potentials
from dftflow.errors import SpecError
from dftflow.model.deck import Deck
from dftflow.model.kpoint_grid import MONKHORST_PACK
from dftflow.model.periodic_cell import largest_empty_part
from dftflow.model.spec import CalcSpec, Relaxation
from dftflow.rendering.quoting import SHELL, VASP
from dftflow.rendering.templates import render_template

if TYPE_CHECKING:
    from pymatgen.core import Lattice, Structure

__all__ = ["render_deck"]

SQUARE = 1e-6
TITLE_LENGTH = 80
SMALLEST_SIGMA_EV = 0.01


def render_deck(structure: Structure, spec: CalcSpec, seed: str, options: VaspOptions) -> Deck:
    """The input files of `spec` on `structure`; VASP's own names are fixed, so `seed` only names the deck.

    Parameters
    ----------
    structure
        Ordered crystal, or slab with its normal along a lattice vector.
    options
        Potentials, templates of the user's own.

    Raises
    ------
    SpecError
        VASP cannot do what is asked, or would do something else than it says.
    """
    check_seed(seed)
    _check(structure, spec)
    ordered, counts, order = _grouped(structure)
    lda = spec.xc.upper() == "LDA"
    names = choose_potentials(list(counts), options.potentials, lda=lda)
    check_cell_cutoff(spec, names)
    xc = functional(spec.xc)
    library, family = LIBRARIES[lda]
    isif, isif_note = (0, "") if spec.relaxation is None else choose_isif(ordered, spec.relaxation.cell)
    values = _incar_values(ordered, spec, xc, _n_bands(spec, names, counts))
    values["electrons"] = electron_tags(spec, order, list(counts))
    if spec.relaxation is not None:
        values |= _relaxation_values(spec.relaxation, isif, isif_note)
    programs = PROGRAMS[spec.spin_orbit]
    script = {"library": library, "family": family, "potentials": names, "programs": programs}
    incar = render_template(f"vasp/{spec.task}.incar.j2", values, search=options.search, language=VASP)
    return Deck(
        code="vasp",
        seed=seed,
        files={
            "POSCAR": _poscar(ordered, spec.title, [index in spec.fixed_atoms for index in order]),
            "INCAR": align_comments(incar, "#"),
            "KPOINTS": _kpoints(ordered, spec),
            "POTCAR.spec": "".join(f"{name.symbol}\n" for name in names),
            "vasp.sh": render_template("vasp/vasp.sh.j2", script, search=options.search, language=SHELL),
        },
        notes=_notes(spec, names, library, isif),
        cautions=(
            *caution_on_cutoff(spec, least_cutoff(names)),
            *notes_on_cell_cutoff(spec, names),
            *caution_on_grid(structure, spec),
        ),
    )


def _grouped(structure: Structure) -> tuple[Structure, dict[str, int], list[int]]:
    """The atoms by element, in the order in which the elements come; how many of each; where each atom stood."""
    from pymatgen.core import Structure

    symbols = [site.specie.symbol for site in structure]
    counts = {element: symbols.count(element) for element in dict.fromkeys(symbols)}
    order = sorted(range(len(symbols)), key=lambda index: list(counts).index(symbols[index]))
    # built anew, so that no velocities, oxidation states or site properties of the user's reach the POSCAR
    ordered = Structure(structure.lattice, [symbols[i] for i in order], structure.frac_coords[order])
    return ordered, counts, order


def _poscar(structure: Structure, title: str, fixed: list[bool]) -> str:
    from pymatgen.io.vasp import Poscar

    moves = [[not held] * 3 for held in fixed] if any(fixed) else None
    return Poscar(structure, comment=_title(title), selective_dynamics=moves).get_str(significant_figures=12)


def _kpoints(structure: Structure, spec: CalcSpec) -> str:
    kind, states = spec.grid_kind, spec.states_grid
    if states is not None:
        shift = None if states.kind == MONKHORST_PACK else states.shift
        title = f"{states.kind} grid of the states, and of the density: one run"
        return regular_grid(with_source(title, states.note), states.counts, shift)
    if not _lists_kpoints(spec):
        shift = None if spec.grid_kind == MONKHORST_PACK else spec.grid_shift
        return regular_grid(with_source(f"{kind} grid", spec.grid_note), spec.grid, shift)
    numbers, rest = "x".join(map(str, spec.grid)), _listed(spec)
    title = with_source(f"{kind} grid {numbers} up to time reversal, then {rest} at weight 0", spec.grid_note)
    reciprocal = structure.lattice.reciprocal_lattice.matrix
    return bands_list(title, spec.grid, spec.path, spec.edge_kpoints, reciprocal, shift=spec.grid_shift)


def _listed(spec: CalcSpec) -> str:
    if spec.task == "masses":
        return "points around the band edges"
    return "special points" if spec.path is None else "path and edges"


def _lists_kpoints(spec: CalcSpec) -> bool:
    """Whether ``KPOINTS`` is a list, with points at weight zero."""
    return spec.path is not None or bool(spec.edge_kpoints)


# --- what is refused --------------------------------------------------------------------------------------------


def _check(structure: Structure, spec: CalcSpec) -> None:
    refuse_corrections(spec, "VASP")
    if not structure.is_ordered:
        raise SpecError("the structure has sites with mixed or partial occupation", fix="give an ordered structure")
    spec.check_fixed_atoms(len(structure))
    spec.check_moments(len(structure))
    check_hubbard_shells(spec.hubbard_u_ev)
    _check_shells(spec)
    check_known_dispersion(spec, "VASP", DISPERSIONS, (site.specie.Z for site in structure), DISPERSION_ELEMENTS)
    if np.linalg.det(structure.lattice.matrix) < 0:
        raise SpecError("the lattice vectors are left-handed, which VASP refuses", fix="exchange two of them")
    if spec.slab_axis is not None:
        _check_slab(structure.lattice, spec.slab_axis)


def _check_shells(spec: CalcSpec) -> None:
    elements = [name.partition(":")[0] for name in spec.hubbard_u_ev]
    twice = next((element for element in elements if elements.count(element) > 1), None)
    if twice is not None:
        raise SpecError(
            f"VASP takes one U an element, and {twice} has {elements.count(twice)}",
            reason="LDAUL names one shell of each",
            fix=f"leave one shell of {twice} in hubbard_u_ev",
        )


def _check_slab(lattice: Lattice, axis: int) -> None:
    across = lattice.matrix[[other for other in range(3) if other != axis]]
    if np.abs(across @ lattice.matrix[axis]).max() > SQUARE * lattice.abc[axis] * max(lattice.abc):
        raise SpecError(
            f"lattice vector {'abc'[axis]} is not along the slab's normal",
            reason="VASP's IDIPOL corrects along a lattice vector",
            fix="give a cell in which it is normal to the other two",
        )


# --- INCAR ------------------------------------------------------------------------------------------------------


def _incar_values(structure: Structure, spec: CalcSpec, xc: Functional, n_bands: int | None) -> dict[str, Any]:
    values: dict[str, Any] = {
        "title": _title(spec.title),
        "reference": plain_text(spec.reference),
        "tags": xc.tags,
        "aspherical": is_aspherical(spec, xc),
        "hybrid": xc.hybrid,
        "cutoff_ev": decimal_text(spec.cutoff_ev),
        "cutoff_note": plain_text(spec.cutoff_note),
        "scf_tol_ev": decimal_text(spec.scf_tol_ev_per_atom * len(structure)),
        "scf_tol_note": f"{decimal_text(spec.scf_tol_ev_per_atom)} eV an atom, {len(structure)} atoms",
        "max_scf_cycles": spec.max_scf_cycles,
        "sigma_ev": decimal_text(max(spec.smearing_ev, SMALLEST_SIGMA_EV)),
        "sigma_note": "" if spec.smearing_ev >= SMALLEST_SIGMA_EV else "as good as none",
        "idipol": "" if spec.slab_axis is None else spec.slab_axis + 1,
        "dipol": "" if spec.slab_axis is None else _centre(structure, spec.slab_axis),
        "spinors": spec.spin_orbit,
    }
    if spec.task != "relax":
        values |= {"n_bands": n_bands or "", "empty_bands": spec.empty_count}
    if spec.task == "potential":
        values["listed"] = _lists_kpoints(spec)
    return values


def _relaxation_values(relaxation: Relaxation, isif: int, isif_note: str) -> dict[str, Any]:
    return {
        "isif": isif,
        "isif_note": isif_note,
        "max_steps": relaxation.max_steps,
        "force_tol_ev_per_ang": decimal_text(relaxation.force_tol_ev_per_ang),
        "force_note": with_source("eV/ang", relaxation.notes.get("force_tol_ev_per_ang")),
        "other_tolerances": f"{decimal_text(relaxation.energy_tol_ev_per_atom)} eV an atom, "
        f"{decimal_text(relaxation.displacement_tol_ang)} ang"
        + (f", {decimal_text(relaxation.stress_tol_gpa)} GPa" if relaxation.cell != "fixed" else ""),
    }


def _n_bands(spec: CalcSpec, names: Sequence[PotentialName], counts: Mapping[str, int]) -> int | None:
    """Filled and empty bands; None, which leaves it to VASP, where the valence of a potential is not known."""
    valences = [name.valence for name in names]
    if spec.task == "relax" or None in valences:
        return None
    electrons = sum((name.valence or 0) * counts[name.element] for name in names)
    return band_count(spec, electrons)


def _centre(structure: Structure, axis: int) -> str:
    """The middle between the slab's outermost atoms, in fractions of the cell; the slab may reach over its border."""
    middle = (largest_empty_part(structure.frac_coords[:, axis]).middle + 0.5) % 1.0
    return " ".join(f"{middle if i == axis else 0.5:.6f}" for i in range(3))


# --- notes ------------------------------------------------------------------------------------------------------


def _notes(spec: CalcSpec, names: Sequence[PotentialName], library: str, isif: int) -> tuple[str, ...]:
    symbols = " ".join(name.symbol for name in names)
    notes = [
        f"POTCAR is not part of the deck: put the potentials {symbols} of {library} together in this order, or set "
        "VASP_PP_PATH to the folder that holds the library; vasp.sh checks the names, and the valences that are known "
        "here, before it starts VASP.",
    ]
    if isif == VOLUME:
        notes.append("ISIF = 8 needs VASP 6.4.1 or later.")
    if _lists_kpoints(spec):
        notes.append(
            f"The grid is reduced by time reversal alone (ISYM = {-1 if spec.spin_orbit else 0}), because VASP takes "
            "an explicit list as it stands. The SCF does not test the points of weight zero: NELMIN gives them cycles "
            "to converge in."
        )
    without_enmax = [name.symbol for name in names if name.enmax_ev is None]
    if without_enmax and not spec.moves_cell:
        notes.append(
            f"ENMAX of {', '.join(without_enmax)} is not known here: see in the POTCAR (grep ENMAX POTCAR) that "
            "ENCUT is not below the largest."
        )
    unknown = [name.symbol for name in names if name.valence is None]
    if unknown and spec.task != "relax":
        notes.append(
            f"NBANDS is left to VASP, because the valence of {', '.join(unknown)} is not known here: set it to "
            + ("" if spec.spin_orbit else "half ")
            + f"the sum of the POTCAR's ZVAL over all atoms, plus {spec.empty_count}{of_half_the_moment(spec)}."
        )
    if spec.smearing_ev < SMALLEST_SIGMA_EV:
        asked = f"a smearing of {decimal_text(spec.smearing_ev)} eV" if spec.smearing_ev > 0 else "fixed occupations"
        notes.append(f"SIGMA = {SMALLEST_SIGMA_EV} eV stands for {asked}: with a gap the result is the same.")
    return tuple(notes)


# --- text -------------------------------------------------------------------------------------------------------


def _title(text: str) -> str:
    """As `plain_text`, short, and without the signs that separate tags, start comments, join lines or open blocks."""
    return re.sub(r"[\s!#;=\\{}\"]+", " ", plain_text(text)).strip()[:TITLE_LENGTH].strip() or "untitled"
