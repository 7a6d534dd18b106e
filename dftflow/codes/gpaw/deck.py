"""A GPAW deck: a script as a person would write it, and the atoms as extended XYZ."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from dftflow.codes.deck_text import check_seed
from dftflow.codes.gpaw.corrections import check_corrections
from dftflow.codes.gpaw.data_set_cutoffs import least_cutoff
from dftflow.codes.gpaw.electrons import check_electrons, moments_text, setups_text
from dftflow.codes.gpaw.functionals import input_name
from dftflow.codes.gpaw.memory_use import helping_bands
from dftflow.codes.least_cutoff import caution_on_cutoff
from dftflow.codes.options import CodeOptions
from dftflow.codes.uneven_grid import caution_on_grid
from dftflow.crystals.atoms import to_extxyz
from dftflow.crystals.geometry import elements_of_unchanged
from dftflow.crystals.kpaths import sample_path
from dftflow.crystals.per_structure import per_structure
from dftflow.crystals.symmetry import keeps_symmetry
from dftflow.errors import SpecError
from dftflow.model.deck import Deck
from dftflow.model.kpoint_grid import monkhorst_pack_shift
from dftflow.model.spec import CalcSpec, KPath, KPoint, StatesGrid
from dftflow.rendering.quoting import PYTHON, Verbatim
from dftflow.rendering.templates import render_template

if TYPE_CHECKING:
    from pymatgen.core import Structure

__all__ = ["render_deck"]

EMPTY_BANDS_OF_RELAXATION = 8
MASS_TOLERANCE_EV2 = 1e-7  # a mass is a difference of some meV
LONGEST_LINE = 110
LINE_BREAK = "\n "
BANDS_ARGUMENTS = "atoms, calculator, kpoints=kpoints, labels=labels, segments=segments, empty_bands=empty_bands"
OPTIMISER_OF_IONS = "# BFGS from 70 eV/Å^2 in every direction"
OPTIMISER_OF_CRYSTAL = "# BFGS of atoms and cell from a model of the Hessian: bonds, angles, a soft rest"


def render_deck(structure: Structure, spec: CalcSpec, seed: str, options: CodeOptions) -> Deck:
    """Render `spec` for GPAW, with the user's own templates where `options` names them.

    Raises
    ------
    SpecError
        For a functional that GPAW does not have here, and for a slab along another axis than z.
    """
    functional = input_name(spec.xc)
    if spec.slab_axis not in (None, 2):
        raise SpecError("GPAW's dipole correction wants the slab's normal along z", fix="cleave with dftflow")
    check_corrections(spec, {site.specie.symbol for site in structure})
    check_seed(seed)
    spec.check_fixed_atoms(len(structure))
    spec.check_moments(len(structure))
    check_electrons(spec)
    keeps = _keeps_symmetry(structure, spec.fixed_atoms)
    symmetry, symmetry_note = _symmetry(spec, keeps)
    helping = helping_bands(len(structure)) if spec.task != "relax" else 0
    script = render_template(
        "gpaw/deck.py.j2",
        {
            "title": spec.title,
            "reference": spec.reference,
            "seed": seed,
            "cutoff_ev": repr(spec.cutoff_ev),
            "cutoff_note": spec.cutoff_note,
            "xc": functional,
            "takes_xc": spec.task == "shifts",
            "kpts": Verbatim(_kpts(spec)),
            "shifted": spec.shift is not None,
            "kpts_note": "holds Gamma" if spec.gamma_centred else spec.grid_kind,
            "grid_note": spec.grid_note,
            "nbands_empty": spec.empty_bands + helping if helping else EMPTY_BANDS_OF_RELAXATION,
            "helping_bands": helping or "",
            "smearing_ev": repr(spec.smearing_ev),
            "scf_tol_ev": f"{spec.scf_tol_ev_per_atom * len(structure):.2e}",
            "max_scf_cycles": spec.max_scf_cycles,
            "density_tol": "1e-4",
            "symmetry": Verbatim(symmetry),
            "symmetry_note": symmetry_note,
            "slab": spec.slab_axis is not None,
            "moments": Verbatim(moments_text(spec.moments_mub)),
            "setups": Verbatim(setups_text(spec.hubbard_u_ev)),
            "fixed_atoms": repr(sorted(spec.fixed_atoms)) if spec.fixed_atoms else "",
            "task_block": Verbatim(_task_block(structure, spec, keeps)),
        },
        search=options.search,
        language=PYTHON,
    )
    atoms = _atoms(structure, periodic=(True, True, spec.slab_axis is None))
    return Deck(
        code="gpaw",
        seed=seed,
        files={f"{seed}.py": script, f"{seed}.xyz": atoms},
        cautions=(
            *caution_on_cutoff(spec, least_cutoff(elements_of_unchanged(structure))),
            *caution_on_grid(structure, spec),
        ),
    )


_atoms = per_structure(to_extxyz)
_keeps_symmetry = per_structure(keeps_symmetry)


def _kpts(spec: CalcSpec) -> str:
    """ASE's words for the grid. Its ``gamma`` forces Γ into the grid or, when False, out of it, odd grids too; left out
    it means the grid of Monkhorst and Pack. One that stands elsewhere is that grid, moved.
    """
    if spec.shift is not None:
        moves = np.subtract(spec.shift, monkhorst_pack_shift(spec.grid)) / spec.grid
        return f"monkhorst_pack({spec.grid}) + [{', '.join(f'{move:.12g}' for move in moves)}]"
    gamma = ', "gamma": True' if spec.gamma_centred else ""
    return f'{{"size": {spec.grid}{gamma}}}'


def _symmetry(spec: CalcSpec, keeps: bool) -> tuple[str, str]:
    """GPAW's ``symmetry``, ``""`` for its default, and why."""
    if spec.task == "shifts":
        return "", ""  # the default, in which alone both codes of GPAW that it takes agree
    if not keeps:
        return '{"point_group": False}', "an operation could move an atom that is held; time reversal stays"
    if spec.slab_axis is None:
        return '{"symmorphic": False}', "screw axes and glide planes reduce the k-points too"
    return "", ""


def _task_block(structure: Structure, spec: CalcSpec, keeps: bool) -> str:
    if spec.task == "bands":
        return _bands_block(structure, spec)
    if spec.task == "shifts":
        return _shifts_block(spec)
    if spec.states_grid is not None:
        return _dos_block(spec, spec.states_grid)
    if spec.task == "masses":
        return _masses_block(spec)
    if spec.task == "potential":
        return _potential_block(spec)
    goal = spec.relaxation
    assert goal is not None
    dispersion = _dispersion(spec)
    sources = {name: f"  # {PYTHON.inert(note)}" for name, note in goal.notes.items()}
    return "\n".join(
        [
            OPTIMISER_OF_IONS if goal.cell == "fixed" else OPTIMISER_OF_CRYSTAL,
            "engine.relax(",
            "    atoms,",
            "    calculator,",
            f"    cell={PYTHON.quoted(goal.cell)},",
            f"    energy_tol_ev_per_atom={goal.energy_tol_ev_per_atom!r},{sources.get('energy_tol_ev_per_atom', '')}",
            f"    force_tol_ev_per_ang={goal.force_tol_ev_per_ang!r},{sources.get('force_tol_ev_per_ang', '')}",
            f"    stress_tol_gpa={goal.stress_tol_gpa!r},{sources.get('stress_tol_gpa', '')}",
            f"    displacement_tol_ang={goal.displacement_tol_ang!r},{sources.get('displacement_tol_ang', '')}",
            f"    max_steps={goal.max_steps},",
            f"    keep_symmetry={keeps},",
            *([f"    {dispersion},"] if dispersion else []),
            ")",
        ]
    )


def _dispersion(spec: CalcSpec) -> str:
    """Argument of the engine's tasks; ``""`` without a correction."""
    return "" if spec.dispersion == "none" else f"dispersion={PYTHON.quoted(spec.dispersion)}"


def _potential_block(spec: CalcSpec) -> str:
    numbers = ", ".join(filter(None, (f"empty_bands={spec.empty_bands}", _dispersion(spec))))
    if not spec.edge_kpoints:
        return f"engine.potential(atoms, calculator, {numbers})"
    return "\n".join(
        [
            "# special points of the surface's zone, beside the grid",
            f"kpoints = {_wrapped([point.frac for point in spec.edge_kpoints])}",
            f"labels = {_wrapped([point.label for point in spec.edge_kpoints])}",
            f"engine.potential(atoms, calculator, kpoints=kpoints, labels=labels, {numbers})",
        ]
    )


def _shifts_block(spec: CalcSpec) -> str:
    return "\n".join(
        [
            "# special points, which the grid holds",
            f"kpoints = {_wrapped([point.frac for point in spec.edge_kpoints])}",
            f"labels = {_wrapped([point.label for point in spec.edge_kpoints])}",
            f"corrections = {_wrapped(list(spec.corrections))}",
            f"empty_bands = {spec.empty_bands}",
            "engine.shifts(",
            "    atoms,",
            "    calculator,",
            "    kpoints=kpoints,",
            "    labels=labels,",
            "    corrections=corrections,",
            "    empty_bands=empty_bands,",
            ")",
        ]
    )


def _dos_block(spec: CalcSpec, states: StatesGrid) -> str:
    note = "; ".join(filter(None, (states.kind, PYTHON.inert(states.note))))
    numbers = ", ".join(filter(None, (f"empty_bands={spec.empty_bands}", _dispersion(spec))))
    return "\n".join(
        [
            "# a grid of its own for the states, in the density of the SCF",
            f"grid = {states.counts}  # {note}",
            f"engine.dos(atoms, calculator, grid=grid, shift={states.shift}, {numbers})",
        ]
    )


def _masses_block(spec: CalcSpec) -> str:
    return "\n".join(
        [
            "# points around the band edges (segment -1)",
            f"kpoints = {_wrapped([point.frac for point in spec.edge_kpoints])}",
            f"labels = {_wrapped([point.label for point in spec.edge_kpoints])}",
            "segments = [-1] * len(kpoints)",
            *_engine_bands(spec, f"eigenstates_ev2={MASS_TOLERANCE_EV2!r}"),
        ]
    )


def _bands_block(structure: Structure, spec: CalcSpec) -> str:
    assert spec.path is not None
    return "\n".join(
        [
            _points(structure, spec.path, spec.edge_kpoints),
            *_engine_bands(spec),
        ]
    )


def _engine_bands(spec: CalcSpec, more: str = "") -> list[str]:
    return [
        f"empty_bands = {spec.empty_bands}",
        "engine.bands(",
        f"    {', '.join(filter(None, (BANDS_ARGUMENTS, _dispersion(spec), more)))}",
        ")",
    ]


@per_structure
def _points(structure: Structure, path: KPath, others: Sequence[KPoint]) -> str:
    """The points of a path, and those of `others` that it leaves out."""
    kpoints, labels, segments = sample_path(path, structure.lattice.reciprocal_lattice.matrix)
    for point in others:
        if point.frac in kpoints:
            continue
        kpoints.append(point.frac)
        labels.append(point.label)
        segments.append(-1)
    return "\n".join(
        [
            "# the path, then what special points it leaves out (segment -1)",
            f"kpoints = {_wrapped(kpoints)}",
            f"labels = {_wrapped(labels)}",
            f"segments = {_wrapped(segments)}",
        ]
    )


def _wrapped(values: list[Any]) -> str:
    """A list in lines, broken where `pprint.pformat` with ``compact=True`` breaks them, in a fraction of its time."""
    words = [repr(value) for value in values]
    if sum(map(len, words)) + 2 * len(words) <= LONGEST_LINE:
        return repr(values)
    lines, left = [""], LONGEST_LINE
    for number, word in enumerate(words, start=1):
        ends = number == len(words)  # and a bracket stands behind it
        if left - ends < len(word) + 2:
            lines.append("")
            left = LONGEST_LINE
        lines[-1] += f"{word}, "
        left -= len(word) + 2
    return f"[{LINE_BREAK.join(line.rstrip() for line in lines)}".removesuffix(",") + "]"
