"""Writes the inputs of pw.x, pp.x and average.x for one calculation, and the script that runs them in order.

The templates in ``templates/espresso`` hold the keywords; here the numbers are computed (Ry and bohr), and what
Quantum ESPRESSO cannot express is refused. Keywords: https://www.quantum-espresso.org/Doc/INPUT_PW.html and
INPUT_PP.html (6.4 and later).
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dftflow.codes.deck_text import (
    align_comments,
    check_seed,
    of_half_the_moment,
    plain_text,
    refuse_core_levels,
    refuse_corrections,
    with_source,
)
from dftflow.codes.espresso.cell_cutoff import check_cell_cutoff, least_cutoff, notes_on_cell_cutoff
from dftflow.codes.espresso.cell_freedom import choose_cell_freedom
from dftflow.codes.espresso.electrons import check_electrons, electron_notes, electron_values, species_of
from dftflow.codes.espresso.functionals import functional_name, input_dft
from dftflow.codes.espresso.kpoints_card import grid_card, path_card
from dftflow.codes.espresso.options import EspressoOptions
from dftflow.codes.espresso.potentials import Potential, choose_potentials
from dftflow.codes.hubbard_shells import check_hubbard_shells
from dftflow.codes.least_cutoff import caution_on_cutoff
from dftflow.codes.uneven_grid import caution_on_grid
from dftflow.errors import SpecError
from dftflow.model.deck import Deck
from dftflow.model.periodic_cell import largest_empty_part
from dftflow.model.spec import CalcSpec
from dftflow.rendering.quoting import ESPRESSO, SHELL, Verbatim
from dftflow.rendering.templates import render_template
from dftflow.units import BOHR_ANG, RYDBERG_EV

if TYPE_CHECKING:
    from pymatgen.core import Lattice, Structure

__all__ = ["render_deck"]

ALONG_AXIS = 1e-6
TITLE_LENGTH = 70
ECUTRHO_FACTORS = {"norm-conserving": 4.0, "ultrasoft": 8.0, "PAW": 8.0}
UNKNOWN_ECUTRHO_FACTOR = 8.0
UNKNOWN_ECUTRHO_NOTE = "8 times ecutwfc: enough for most potentials of any kind; norm-conserving ones need 4"
DIPOLE_REGION_ANG = 1.0  # well inside what the vacuum levels leave out in the middle
SLAB_SCF_SHARE = 0.01  # at 1e-6 Ry the dipole of a symmetric CsBr slab was off by 0.01 D, 13 meV between its faces
MOST_AVERAGE_POINTS = 5000  # of average.x
KBAR_PER_GPA = 10


def render_deck(
    structure: Structure, spec: CalcSpec, seed: str, options: EspressoOptions, *, folder: Path | None = None
) -> Deck:
    """Input files and ``<seed>.sh`` for `spec` on `structure`.

    Parameters
    ----------
    structure
        Ordered crystal, or slab with its normal along a Cartesian axis.
    options
        Potentials, cutoff of the density, slab correction, templates of the user's own.
    folder
        Where the potentials lie; None when that is not known.

    Raises
    ------
    SpecError
        Quantum ESPRESSO cannot do what is asked, or would do something else than it says.
    """
    check_seed(seed)
    _check(structure, spec, options)
    chosen = choose_potentials(_elements(structure), options.potentials, folder)
    _check_cutoff_in_2d(spec, chosen, options)
    check_cell_cutoff(spec, chosen)
    species, labels = species_of(structure, spec, chosen)
    check_electrons(spec, species, chosen, options.hubbard)
    values = _values(structure, spec, seed, chosen, options)
    values |= {
        "species": [f"{one.label:<2s} {_mass(one.potential.element):10.4f}  {one.potential.file}" for one in species],
        "positions": _positions(structure, labels, spec.fixed_atoms),
        **electron_values(spec, species, options.hubbard),
    }
    return Deck(
        code="espresso",
        seed=seed,
        files=_files(structure, spec, seed, values, options),
        notes=(*_notes(spec, chosen, values), *electron_notes(spec, options.hubbard)),
        cautions=_cautions(structure, spec, chosen),
    )


def _elements(structure: Structure) -> list[str]:
    return list(dict.fromkeys(site.specie.symbol for site in structure))


# --- what is refused --------------------------------------------------------------------------------------------


def _check(structure: Structure, spec: CalcSpec, options: EspressoOptions) -> None:
    refuse_corrections(spec, "Quantum ESPRESSO")
    check_hubbard_shells(spec.hubbard_u_ev)
    refuse_core_levels(spec, "pw.x", "its potentials hold no core states")
    if not structure.is_ordered:
        raise SpecError("the structure has sites with mixed or partial occupation", fix="give an ordered structure")
    spec.check_fixed_atoms(len(structure))
    spec.check_moments(len(structure))
    if np.linalg.det(structure.lattice.matrix) < 0:
        raise SpecError("the lattice vectors are left-handed, which pw.x refuses", fix="exchange two of them")
    if spec.slab_axis is not None:
        _check_slab(structure.lattice, spec.slab_axis, options)


def _check_slab(lattice: Lattice, axis: int, options: EspressoOptions) -> None:
    if axis != 2 and options.slab_correction == "2D":
        raise SpecError("assume_isolated = '2D' wants the slab's normal along z", fix="use slab_correction='dipole'")
    off_axis = [*np.delete(lattice.matrix[axis], axis), *np.delete(lattice.matrix[:, axis], axis)]
    if np.abs(off_axis).max() > ALONG_AXIS * lattice.abc[axis]:
        raise SpecError(
            f"lattice vector {'abc'[axis]} is not along the slab's normal",
            reason="the sawtooth of the dipole correction runs along a lattice vector, the plane averages too",
            fix=f"rotate the cell: {'abc'[axis]} along {'xyz'[axis]}, the other two normal to it",
        )


def _check_cutoff_in_2d(spec: CalcSpec, chosen: Sequence[Potential], options: EspressoOptions) -> None:
    """pw.x 6.7 takes GTH potentials with assume_isolated = '2D', and gives levels that are 150 eV off."""
    gth = [one.file for one in chosen if one.file.lower().endswith(".gth")]
    if spec.slab_axis is not None and options.slab_correction == "2D" and gth:
        raise SpecError(
            f"assume_isolated = '2D' does not go together with {', '.join(gth)}",
            reason="pw.x cuts the long range of GTH potentials off wrongly",
            fix="use UPF potentials, or slab_correction='dipole'",
        )


# --- files ------------------------------------------------------------------------------------------------------


def _stages(spec: CalcSpec) -> tuple[str, ...]:
    """The programs in their order; ``bands`` is the last, because it puts its own XML and wave functions in the way."""
    if spec.task == "relax":
        return ("relax",)
    average = ("average",) if spec.task == "potential" and spec.slab_axis is not None else ()
    if spec.states_grid is not None:
        return ("scf", "nscf", "projwfc")
    bands = ("bands",) if spec.path is not None or spec.edge_kpoints else ()
    potential = () if spec.task == "masses" else ("pp",)
    return ("scf", *potential, *average, *bands)


def _files(
    structure: Structure, spec: CalcSpec, seed: str, values: dict[str, Any], options: EspressoOptions
) -> dict[str, str]:
    def render(template: str, content: Mapping[str, Any]) -> str:
        text = render_template(f"espresso/{template}", content, search=options.search, language=ESPRESSO)
        # the rows of a list of k-points are left as they are
        return "\n\n".join(part if "K_POINTS" in part else align_comments(part, "!") for part in text.split("\n\n"))

    stages = _stages(spec)
    files: dict[str, str] = {}
    for stage in stages:
        if stage == "pp":
            files[f"{seed}.pp.in"] = render("pp.in.j2", {"seed": seed})
        elif stage == "projwfc":
            files[f"{seed}.projwfc.in"] = render("projwfc.in.j2", {"seed": seed})
        elif stage == "average":
            files[f"{seed}.average.in"] = render("average.in.j2", _average(structure, spec, seed, values))
        else:
            files[f"{seed}.{stage}.in"] = render("pw.in.j2", values | _stage_values(structure, spec, stage))
    names = [one.file for one in values["potentials"]]
    script = {"seed": seed, "stages": stages, "potentials": names}
    files[f"{seed}.sh"] = render_template("espresso/espresso.sh.j2", script, search=options.search, language=SHELL)
    return files


def _stage_values(structure: Structure, spec: CalcSpec, stage: str) -> dict[str, Any]:
    if stage == "bands":
        card = path_card(spec.path, spec.edge_kpoints, structure.lattice.reciprocal_lattice.matrix)
        note = "special points beside the grid of the SCF (segment -1)"
        if spec.path is not None:
            note = "path, then band edges beside it (segment -1)"
    elif stage == "nscf" and spec.states_grid is not None:
        card = grid_card(spec.states_grid.counts, spec.states_grid.shift)
        note = with_source(f"a grid of its own for the states, {spec.states_grid.kind}", spec.states_grid.note)
    else:
        card = grid_card(spec.grid, spec.grid_shift)
        note = "Monkhorst-Pack: an even number leaves out Gamma (offset 1), an odd one holds it (offset 0)"
        if spec.shift is not None:
            note = f"a grid {spec.grid_kind}"
        if spec.gamma_centred:
            note = "Gamma is a point of the grid, whatever its numbers (offset 0)"
        note = with_source(note, spec.grid_note)
    calculation = ("vc-relax" if spec.moves_cell else "relax") if stage == "relax" else stage
    return {"calculation": calculation, "kpoints": Verbatim(card), "kpoints_note": note}


def _average(structure: Structure, spec: CalcSpec, seed: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """average.x wants at least as many points as the FFT grid has: about L sqrt(E_cut(density))/π, and good factors."""
    axis = spec.slab_axis
    assert axis is not None
    along = structure.lattice.abc[axis] / BOHR_ANG * math.sqrt(float(values["ecutrho_ry"])) / math.pi
    return {"seed": seed, "points": min(2 * math.ceil(1.1 * along) + 50, MOST_AVERAGE_POINTS), "axis": axis + 1}


def _values(
    structure: Structure, spec: CalcSpec, seed: str, chosen: Sequence[Potential], options: EspressoOptions
) -> dict[str, Any]:
    factor, factor_note = _ecutrho_factor(chosen, options.ecutrho_factor)
    ecutwfc_ry = spec.cutoff_ev / RYDBERG_EV
    share = 1.0 if spec.slab_axis is None else SLAB_SCF_SHARE
    conv_thr_ry = share * spec.scf_tol_ev_per_atom * len(structure) / RYDBERG_EV
    cell = "fixed" if spec.relaxation is None else spec.relaxation.cell
    simple_cubic = choose_cell_freedom(structure, cell).simple_cubic
    return {
        "title": _title(spec.title),
        "reference": plain_text(spec.reference),
        "seed": seed,
        "simple_cubic_ang": f"{structure.lattice.a:.10f}" if simple_cubic else "",
        "n_atoms": len(structure),
        "ecutwfc_ry": _number(ecutwfc_ry),
        "cutoff_note": with_source(f"{spec.cutoff_ev:.8g} eV", spec.cutoff_note),
        "ecutrho_ry": _number(factor * ecutwfc_ry),
        "ecutrho_note": factor_note,
        "input_dft": _functional(spec.xc, chosen),
        "degauss_ry": _number(spec.smearing_ev / RYDBERG_EV) if spec.smearing_ev > 0 else "",
        "degauss_note": f"{spec.smearing_ev:.8g} eV",
        "n_bands": _n_bands(structure, spec, chosen) or "",
        "bands_note": "" if spec.task == "relax" else f"{spec.empty_count} of them empty",
        "conv_thr_ry": _number(conv_thr_ry),
        "conv_thr_note": _conv_thr_note(spec, len(structure), share),
        "max_scf_cycles": spec.max_scf_cycles,
        "relaxation": _relaxation(structure, spec),
        "slab": _slab(structure, spec, options),
        "potentials": chosen,
        "lattice": _lattice(structure),
    }


def _lattice(structure: Structure) -> Verbatim:
    rows = structure.lattice.matrix
    return Verbatim("\n".join("".join(f"{round(x, 10) + 0.0:17.10f}" for x in row) for row in rows))


def _positions(structure: Structure, labels: Sequence[str], fixed: Sequence[int]) -> Verbatim:
    """One atom a line; behind one that is held the zeros of if_pos."""
    return Verbatim(
        "\n".join(
            f"{label:<2s}"
            + "".join(f"{round(x, 12) + 0.0:17.12f}" for x in site.frac_coords)
            + ("  0 0 0" if index in fixed else "")
            for index, (site, label) in enumerate(zip(structure, labels, strict=True))
        )
    )


def _conv_thr_note(spec: CalcSpec, n_atoms: int, share: float) -> str:
    note = f"per cell: {_number(spec.scf_tol_ev_per_atom)} eV an atom, {n_atoms} atoms"
    return note if share == 1 else f"{note}; {share:.0%} of it, because a dipole converges more slowly than the energy"


def _mass(element: str) -> float:
    from pymatgen.core import Element

    return float(Element(element).atomic_mass)


def _ecutrho_factor(chosen: Sequence[Potential], own: float | None) -> tuple[float, str]:
    if own is not None:
        return own, f"{own:g} times ecutwfc, as asked"
    kinds = {one.kind for one in chosen}
    if None in kinds:
        return UNKNOWN_ECUTRHO_FACTOR, UNKNOWN_ECUTRHO_NOTE
    factor = max(ECUTRHO_FACTORS[kind] for kind in kinds if kind is not None)
    return factor, f"{factor:g} times ecutwfc: potentials are {' and '.join(sorted(str(kind) for kind in kinds))}"


def _functional(xc: str, chosen: Sequence[Potential]) -> str:
    """Value of input_dft; ``""`` where every potential is known to be of that functional itself."""
    written = input_dft(xc)
    own = {one.functional for one in chosen}
    return "" if own == {functional_name(written)} else written


def _n_bands(structure: Structure, spec: CalcSpec, chosen: Sequence[Potential]) -> int | None:
    """Filled and empty bands; None, which leaves it to pw.x, where the valence of a potential is not known."""
    valences = {one.element: one.valence for one in chosen}
    electrons = 0.0
    for site in structure:
        valence = valences[site.specie.symbol]
        if valence is None:
            return None
        electrons += valence
    empty = spec.empty_count if spec.task != "relax" else max(4, round(0.1 * electrons))
    filled = electrons if spec.spin_orbit else (electrons + abs(sum(spec.moments_mub))) / 2
    return math.ceil(filled - 1e-6) + empty


def _relaxation(structure: Structure, spec: CalcSpec) -> dict[str, Any] | None:
    goal = spec.relaxation
    if goal is None:
        return None
    freedom = choose_cell_freedom(structure, goal.cell)
    return {
        "max_steps": goal.max_steps,
        "energy_ry": _number(goal.energy_tol_ev_per_atom * len(structure) / RYDBERG_EV),
        "energy_note": with_source(
            f"per cell: {_number(goal.energy_tol_ev_per_atom)} eV an atom", goal.notes.get("energy_tol_ev_per_atom")
        ),
        "force_ry_per_bohr": _number(goal.force_tol_ev_per_ang * BOHR_ANG / RYDBERG_EV),
        "force_note": with_source(
            f"{_number(goal.force_tol_ev_per_ang)} eV/ang", goal.notes.get("force_tol_ev_per_ang")
        ),
        "cell_dofree": freedom.dofree,
        "cell_note": freedom.note,
        "pressure_kbar": _number(KBAR_PER_GPA * goal.stress_tol_gpa),
        "pressure_note": with_source("kbar", goal.notes.get("stress_tol_gpa")),
    }


def _slab(structure: Structure, spec: CalcSpec, options: EspressoOptions) -> dict[str, Any] | None:
    axis = spec.slab_axis
    if axis is None:
        return None
    width = DIPOLE_REGION_ANG / structure.lattice.abc[axis]
    vacuum = largest_empty_part(structure.frac_coords[:, axis])
    return {
        "correction": options.slab_correction,
        "edir": axis + 1,
        "emaxpos": f"{(vacuum.middle - width / 2) % 1.0:.6f}",
        "eopreg": f"{width:.6f}",
        "region_ang": f"{DIPOLE_REGION_ANG:g}",
    }


# --- notes ------------------------------------------------------------------------------------------------------


def _notes(spec: CalcSpec, chosen: Sequence[Potential], values: Mapping[str, Any]) -> tuple[str, ...]:
    names = ", ".join(one.file for one in chosen)
    notes = [
        f"Potentials are not part of the deck: set ESPRESSO_PSEUDO to the folder that holds {names}.",
        *_notes_on_potentials(spec, chosen, values),
    ]
    if values["slab"] is not None and values["slab"]["correction"] == "2D":
        notes.append(
            "With assume_isolated = '2D' the potential holds only within half the cell's height of every charge: near "
            "the middle of the vacuum it is an artefact, and dftflow finds no plateau there. Use "
            "slab_correction='dipole' for vacuum levels."
        )
    return tuple(notes)


def _cautions(structure: Structure, spec: CalcSpec, chosen: Sequence[Potential]) -> tuple[str, ...]:
    low = caution_on_cutoff(spec, least_cutoff(chosen))
    if spec.relaxation is None:
        return low
    lacking = "pw.x has no criterion for displacements; that of the study does not act."
    return (*low, lacking, *notes_on_cell_cutoff(spec, chosen), *caution_on_grid(structure, spec))


def _notes_on_potentials(spec: CalcSpec, chosen: Sequence[Potential], values: Mapping[str, Any]) -> list[str]:
    unread = [one.file for one in chosen if one.md5 is None]
    notes = [f"{', '.join(unread)} could not be looked into while the deck was written."] if unread else []
    unsaid = [one.file for one in chosen if one.least_cutoff_ry is None and one.narrow_cutoff_ry is None]
    if unsaid and not spec.moves_cell:
        notes.append(f"Which cutoff {', '.join(unsaid)} needs is not known here: compare with the source of the file.")
    if values["ecutrho_note"] == UNKNOWN_ECUTRHO_NOTE:
        notes.append("ecutrho is 8 times ecutwfc, because the kind of a potential is not known here.")
    if values["input_dft"]:
        notes.append(f"input_dft sets the functional: not all potentials are known to be made for {spec.xc}.")
    valence_unknown = [one.file for one in chosen if one.valence is None]
    if valence_unknown and spec.task != "relax":
        notes.append(
            f"The number of bands is left to pw.x, because the valence of {', '.join(valence_unknown)} is not known "
            f"here: for {spec.empty_count} empty bands set nbnd, in every .in of pw.x, to "
            f"{'' if spec.spin_orbit else 'half '}the number of electrons plus "
            f"{spec.empty_count}{of_half_the_moment(spec)}."
        )
    return notes


# --- text -------------------------------------------------------------------------------------------------------


def _number(value: float) -> str:
    """Shortest decimal text with ten digits: 17.9996, 7.35e-07."""
    return f"{value:.10g}"


def _title(text: str) -> str:
    """As `plain_text`, short, and without the signs that end a Fortran string or begin a comment."""
    return re.sub(r"[\s!#&'\"/]+", " ", plain_text(text)).strip()[:TITLE_LENGTH].strip() or "untitled"
