"""Writes the ``.cell`` and ``.param`` of one calculation.

The templates in ``templates/castep`` hold the keywords; here the blocks are computed (lattice, positions, k-points,
path, potentials) and what CASTEP cannot express is refused. Keywords and units: CASTEP 18.1 to 21.1 ``--help``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from dftflow.codes.castep.input.constraints import ionic_constraints_block
from dftflow.codes.castep.input.electrons import (
    DISPERSION_ELEMENTS,
    DISPERSIONS,
    electron_notes,
    electron_values,
    hubbard_block,
    spin_text,
    spins_break_symmetry,
)
from dftflow.codes.castep.input.keywords import FAMILIES, KeywordFamily, functional, tolerance_notes
from dftflow.codes.castep.input.kpoint_blocks import grid_lines, grid_offset, list_block, path_block
from dftflow.codes.castep.input.potentials import Potentials, choose_potentials
from dftflow.codes.castep.options import CastepOptions
from dftflow.codes.deck_text import (
    align_comments,
    check_seed,
    decimal_text,
    plain_text,
    refuse_core_levels,
    refuse_corrections,
)
from dftflow.codes.hubbard_shells import check_hubbard_shells
from dftflow.codes.known_dispersion import check_known_dispersion
from dftflow.codes.least_cutoff import caution_on_cutoff
from dftflow.codes.uneven_grid import caution_on_grid
from dftflow.errors import SpecError
from dftflow.model.deck import Deck
from dftflow.model.spec import CalcSpec, Relaxation
from dftflow.rendering.quoting import CASTEP, Verbatim
from dftflow.rendering.templates import render_template

if TYPE_CHECKING:
    from pymatgen.core import Lattice, Structure

__all__ = ["render_deck"]

CELL_CONSTRAINTS = {
    "isotropic": "   1 1 1  ! a = b = c, varied together\n   0 0 0  ! angles fixed",
    "lengths": "   1 2 3  ! a, b and c varied independently\n   0 0 0  ! angles fixed",
    "all": "   1 2 3  ! a, b and c varied independently\n   4 5 6  ! angles too",
}
SAME_LENGTH_ANG = 1e-5
ALONG_AXIS = 1e-6
MIX_CHARGE_AMP_CRYSTAL = 0.5
MIX_CHARGE_AMP_SLAB = 0.2
POTENTIAL_FILE = "<seed>.pot_fmt: ions + Hartree + XC, Hartree units"
MS_SCF_TOL_EV = {2e-6: 'Materials Studio quality "Medium"'}
MS_SMEARING_EV = {0.1: "Materials Studio default"}
TITLE_LENGTH = 80
CHECKPOINT = ".castep_bin"  # what a run that ends leaves with `write_checkpoint : minimal`; it lacks the wave functions
LONGEST_STEM = 255 - len(CHECKPOINT)


def render_deck(structure: Structure, spec: CalcSpec, seed: str, options: CastepOptions) -> Deck:
    """``<seed>.cell`` and ``<seed>.param`` for `spec` on `structure`.

    Parameters
    ----------
    structure
        Ordered crystal, or slab with its normal along a Cartesian axis.
    options
        Keyword family, potentials, templates of the user's own.

    Raises
    ------
    SpecError
        CASTEP cannot do what is asked, or would do something else than it says.
    """
    check_seed(seed)
    _check(structure, spec)
    family = options.keywords
    pots = choose_potentials(_elements(structure), spec, family, options.potentials)
    cell_values = _cell_values(structure, spec, family, pots)
    cell = render_template(_cell_template(spec), cell_values, search=options.search, language=CASTEP)
    param = render_template(_param_template(spec, family), _param_values(spec), search=options.search, language=CASTEP)
    return Deck(
        code="castep",
        seed=seed,
        files={f"{seed}.cell": align_comments(cell, "!"), f"{seed}.param": align_comments(param, "!")},
        notes=(*pots.notes, *electron_notes(spec), *_break_notes(cell, family), *_reuse_notes(spec)),
        cautions=(*caution_on_cutoff(spec, pots.least_cutoff), *caution_on_grid(structure, spec)),
    )


def _break_notes(cell: str, family: KeywordFamily) -> tuple[str, ...]:
    if family == "academic" or "\nBREAK\n" not in cell:
        return ()
    return (
        "The k-path jumps at BREAK, which the help of Materials Studio does not mention; "
        "where it is refused, run the segments as decks of their own.",
    )


def _reuse_notes(spec: CalcSpec) -> tuple[str, ...]:
    if not spec.continues:
        return ()
    return (f"It starts from {_reused(spec)}, which the earlier calculation leaves: run that one first.",)


def _check(structure: Structure, spec: CalcSpec) -> None:
    refuse_corrections(spec, "CASTEP")
    check_known_dispersion(spec, "CASTEP", DISPERSIONS, (site.specie.Z for site in structure), DISPERSION_ELEMENTS)
    check_hubbard_shells(spec.hubbard_u_ev)
    refuse_core_levels(spec, "CASTEP", "it needs a core hole, and a potential made for it")
    if not structure.is_ordered:
        raise SpecError("the structure has sites with mixed or partial occupation", fix="give an ordered structure")
    if functional(spec.xc).hybrid and spec.task == "potential":
        raise SpecError(
            f"CASTEP has no local potential to write with {spec.xc}",
            reason="the exchange of a hybrid functional is not local",
            fix="take the potential from a PBE run",
        )
    spec.check_fixed_atoms(len(structure))
    spec.check_moments(len(structure))
    if spec.spin_polarised and spec.smearing_ev <= 0:
        raise SpecError(
            "CASTEP has no moments to find with fixed occupations",
            reason="fix_occupancy holds the total moment that the calculation starts with",
            fix="set smearing_ev = 0.01 or more",
        )
    _check_continues(spec.continues)
    if spec.slab_axis is not None:
        _check_slab(structure.lattice, spec.slab_axis)
    if spec.relaxation is not None and spec.relaxation.cell == "isotropic":
        _check_isotropic(structure.lattice)


def _check_slab(lattice: Lattice, axis: int) -> None:
    letter = "xyz"[axis]
    off_axis = [*np.delete(lattice.matrix[axis], axis), *np.delete(lattice.matrix[:, axis], axis)]
    if np.abs(off_axis).max() > ALONG_AXIS * lattice.abc[axis] or lattice.matrix[axis, axis] < 0:
        raise SpecError(
            f"the slab's normal is not along Cartesian {letter}",
            reason="CASTEP's dipole_dir names a Cartesian axis, not a lattice vector",
            fix=f"rotate the cell: lattice vector {'abc'[axis]} along {letter}, the other two normal to it",
        )


def _check_continues(stem: str) -> None:
    if not stem:
        return
    if not re.fullmatch(r"[A-Za-z0-9._+/-]+", stem) or len(stem) > LONGEST_STEM:
        raise SpecError(
            f"CASTEP cannot reuse {stem!r}",
            fix=f"use letters, digits, '.', '_', '+', '-' and '/' only, at most {LONGEST_STEM} of them",
        )
    if stem.endswith((CHECKPOINT, ".check")):
        raise SpecError(f"continues is {stem!r}", fix=f"give the stem alone: {stem.rpartition('.')[0]!r}")


def _check_isotropic(lattice: Lattice) -> None:
    if max(lattice.abc) - min(lattice.abc) > SAME_LENGTH_ANG:
        lengths = ", ".join(f"{length:.4f}" for length in lattice.abc)
        raise SpecError(
            "CASTEP cannot scale this cell by one factor",
            reason=f"its constraint '1 1 1' means a = b = c, but the lengths are {lengths} Å",
            fix="relax with cell='lengths'",
        )


# --- .cell -----------------------------------------------------------------------------------------------------------


def _cell_template(spec: CalcSpec) -> str:
    return "castep/bulk.cell.j2" if spec.slab_axis is None else "castep/slab.cell.j2"


def _cell_values(structure: Structure, spec: CalcSpec, family: KeywordFamily, pots: Potentials) -> dict[str, Any]:
    offset = grid_offset(spec)
    values = {
        "title": _title(spec.title),
        "reference": plain_text(spec.reference),
        "lattice": _lattice(structure),
        "positions": _positions(structure, spec),
        "grid": " ".join(map(str, spec.grid)),
        "grid_kind": spec.grid_kind,
        "grid_note": plain_text(spec.grid_note),
        "grid_offset": " ".join(map(decimal_text, offset)),
        "grid_offset_note": "half a step of the grid where its number is even" if any(offset) else "",
        "moving_ions": spec.relaxation is not None,
        "ionic_constraints": Verbatim(ionic_constraints_block(structure, spec.fixed_atoms)),
        "band_points": Verbatim(_band_points(spec, FAMILIES[family].upper())),
        "hubbard": Verbatim(hubbard_block(spec.hubbard_u_ev)),
        "potentials_note": pots.comment,
        "potentials": Verbatim(pots.block),
    }
    if spec.slab_axis is None:
        freedom = "" if spec.relaxation is None else spec.relaxation.cell
        values |= {"cell_freedom": freedom, "cell_constraints": Verbatim(CELL_CONSTRAINTS.get(freedom, ""))}
        values["unlike_spins"] = spins_break_symmetry(structure, spec)
    return values


def _band_points(spec: CalcSpec, prefix: str) -> str:
    """The block of the k-points whose bands are wanted; ``""`` where the SCF's own are all."""
    if spec.states_grid is not None:
        return grid_lines(spec.states_grid, prefix)
    if spec.path is not None:
        return path_block(spec.path, spec.edge_kpoints, prefix)
    return list_block(spec, prefix) if spec.edge_kpoints else ""


def _elements(structure: Structure) -> list[str]:
    return list(dict.fromkeys(site.specie.symbol for site in structure))


def _lattice(structure: Structure) -> Verbatim:
    rows = structure.lattice.matrix
    return Verbatim("\n".join("".join(f"{round(x, 10) + 0.0:17.10f}" for x in row) for row in rows))


def _positions(structure: Structure, spec: CalcSpec) -> Verbatim:
    """Fractional positions, species by species: the order that CASTEP keeps and writes back."""
    return Verbatim(
        "\n".join(
            f"{element:<3s}"
            + "".join(f"{round(x, 12) + 0.0:17.12f}" for x in site.frac_coords)
            + spin_text(spec, index)
            for element in _elements(structure)
            for index, site in enumerate(structure)
            if site.specie.symbol == element
        )
    )


# --- .param ----------------------------------------------------------------------------------------------------------


def _param_template(spec: CalcSpec, family: KeywordFamily) -> str:
    return f"castep/bands-{family}.param.j2" if _calculates_bands(spec) else f"castep/{spec.task}.param.j2"


def _calculates_bands(spec: CalcSpec) -> bool:
    """Whether CASTEP goes on after the SCF with further states: along a path, at a list of points, on a grid."""
    return spec.task in ("bands", "dos") or bool(spec.edge_kpoints)


def _param_values(spec: CalcSpec) -> dict[str, Any]:
    values: dict[str, Any] = {
        "title": _title(spec.title),
        "reference": plain_text(spec.reference),
        "reuse": _reused(spec),
        "xc": functional(spec.xc).keyword,
        **electron_values(spec),
        "cutoff_ev": decimal_text(spec.cutoff_ev),
        "cutoff_note": plain_text(spec.cutoff_note),
        "scf_tol_ev": decimal_text(spec.scf_tol_ev_per_atom),
        "scf_tol_note": MS_SCF_TOL_EV.get(spec.scf_tol_ev_per_atom, ""),
        "max_scf_cycles": spec.max_scf_cycles,
        "smearing_ev": decimal_text(spec.smearing_ev) if spec.smearing_ev > 0 else "",
        "smearing_note": MS_SMEARING_EV.get(spec.smearing_ev, ""),
        "mix_charge_amp": MIX_CHARGE_AMP_CRYSTAL if spec.slab_axis is None else MIX_CHARGE_AMP_SLAB,
        "dipole_dir": "" if spec.slab_axis is None else "XYZ"[spec.slab_axis],
    }
    if _calculates_bands(spec):
        values |= _band_values(spec)
    if spec.relaxation is not None:
        values |= _relaxation_values(spec.relaxation)
    return values


def _band_values(spec: CalcSpec) -> dict[str, Any]:
    wants_potential = spec.task == "potential"
    use = (
        "its mean lines the crystal up with a slab"
        if spec.slab_axis is None
        else "its level in the vacuum is the slab's zero"
    )
    return {
        "empty_bands": spec.empty_count,
        "points": _points_named(spec),
        "weights": spec.states_grid is not None,
        "local_potential": spec.task in ("bands", "potential") and not functional(spec.xc).hybrid,
        "potential_note": POTENTIAL_FILE if wants_potential else use,
        "density": wants_potential,
    }


def _points_named(spec: CalcSpec) -> str:
    if spec.states_grid is not None:
        return "the grid of the states"
    return "the path" if spec.path is not None else "the list of k-points"


def _relaxation_values(relaxation: Relaxation) -> dict[str, Any]:
    notes = {name: plain_text(note) for name, note in tolerance_notes(relaxation).items()}
    return {
        "cell_moves": relaxation.cell != "fixed",
        "energy_tol_ev": decimal_text(relaxation.energy_tol_ev_per_atom),
        "force_tol_ev_per_ang": decimal_text(relaxation.force_tol_ev_per_ang),
        "stress_tol_gpa": decimal_text(relaxation.stress_tol_gpa),
        "displacement_tol_ang": decimal_text(relaxation.displacement_tol_ang),
        "energy_note": notes["energy_tol_ev_per_atom"],
        "force_note": notes["force_tol_ev_per_ang"],
        "stress_note": notes["stress_tol_gpa"],
        "displacement_note": notes["displacement_tol_ang"],
        "max_steps": relaxation.max_steps,
    }


def _reused(spec: CalcSpec) -> str:
    """The checkpoint to start from. A continuation would go on with the old task in the old cell: reuse starts anew."""
    return f"{spec.continues}{CHECKPOINT}" if spec.continues else ""


# --- text ------------------------------------------------------------------------------------------------------------


def _title(text: str) -> str:
    """As `plain_text`, short enough for the keyword ``comment`` and without the signs that start a comment."""
    return re.sub(r"[\s!#;%]+", " ", plain_text(text)).strip()[:TITLE_LENGTH].strip()
