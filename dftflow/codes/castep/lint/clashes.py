"""Checks what keywords say together: pairs that exclude each other, tasks that lack something, defaults that moved."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from dftflow.codes.castep.input.deck_file import DeckBlock, DeckFile, DeckKeyword
from dftflow.codes.castep.input.keyword_table import canonical_name, keyword_table
from dftflow.codes.castep.input.param_file import FALSE
from dftflow.codes.castep.lint.cutoff import check_cutoff
from dftflow.codes.castep.lint.electrons import check_electrons
from dftflow.codes.castep.lint.finding import Finding
from dftflow.codes.castep.lint.kpath_families import SAMPLINGS
from dftflow.codes.castep.lint.potentials import check_hybrid
from dftflow.codes.castep.lint.spin import check_coupling, check_initial_spins, check_j_dependence, check_spin
from dftflow.codes.castep.lint.structure import CellFacts
from dftflow.codes.castep.lint.values import DeckValues

__all__ = ["check_exclusions", "check_parameters", "check_together"]

GEOMETRY = ("geometryoptimization", "geometryoptimisation")
ALONG_AXIS = 1e-4
HARMLESS = ("write_eigenvalues",)  # of either family, read by both


def check_exclusions(deck: DeckFile) -> Iterator[Finding]:
    """Keywords of one file of which one at most may stand."""
    things: dict[str, DeckKeyword | DeckBlock] = {}
    for thing in deck.things:
        off = isinstance(thing, DeckKeyword) and thing.value.lower() in FALSE
        if not off:
            things.setdefault(canonical_name(thing.name), thing)
    for exclusion in keyword_table().exclusions:
        found = sorted((things[name] for name in exclusion.names if name in things), key=lambda thing: thing.line)
        for later in found[1:]:
            yield Finding(
                file=deck.file,
                line=later.line,
                severity="error",
                message=f"{later.name} and {found[0].name} (line {found[0].line}) exclude each other: {exclusion.why}",
                fix="leave one",
            )


def check_parameters(deck: DeckFile, *, alone: bool) -> Iterator[Finding]:
    """What the keywords of a ``.param`` file say together; `alone` is one whose ``.cell`` is not there."""
    values = DeckValues.of(deck)
    yield from _restart(values)
    yield from _effects(values)
    yield from _dipole(values)
    yield from _families(values)
    yield from _defaults(values)
    yield from check_spin(values)
    yield from check_coupling(values)
    if alone:
        yield from check_cutoff(values, None, frozenset())


def check_together(param: DeckFile, cell: DeckFile, facts: CellFacts) -> Iterator[Finding]:
    """What the ``.param`` and the ``.cell`` of one calculation say together."""
    values, of_cell = DeckValues.of(param), DeckValues.of(cell)
    names = {canonical_name(name) for name in (*cell.values, *cell.block_of)}
    yield from _bands_need_points(values, names, facts)
    yield from _geometry_needs_freedom(values, of_cell, facts)
    sites = facts.sites or ()
    yield from check_cutoff(values, facts.potentials, frozenset(site.species.lower() for site in sites))
    yield from check_electrons(values, facts.potentials, sites)
    yield from check_initial_spins(values, cell, sites)
    yield from check_j_dependence(values, cell, facts.potentials, sites)
    yield from check_hybrid(values, cell, facts.potentials, sites)
    if values.option("dipole_correction") not in ("", "none"):
        yield from _slab(values, of_cell, facts)


def _slab(values: DeckValues, of_cell: DeckValues, facts: CellFacts) -> Iterator[Finding]:
    """A cell whose dipole is corrected."""
    fixed_cell = of_cell.is_on("fix_all_cell") or not any(facts.cell_constraints or (1,))
    if values.option("task") in GEOMETRY and facts.sites is not None and not fixed_cell:
        yield values.finding(
            "dipole_correction",
            "warning",
            "the cell of this slab is relaxed: its vacuum will shrink",
            "fix_all_cell : true in the .cell file",
        )
    axis = "xyz".find(values.option("dipole_dir") or "z")
    if facts.lattice is None or axis < 0:
        return
    along = np.abs(facts.lattice.matrix) / np.array(facts.lattice.abc)[:, None]
    normal = along[:, axis] > 1 - ALONG_AXIS
    if normal.sum() != 1 or along[~normal, axis].max() > ALONG_AXIS:
        yield values.finding(
            "dipole_dir" if "dipole_dir" in values.given else "dipole_correction",
            "warning",
            f"no lattice vector lies along Cartesian {'xyz'[axis]} with the other two normal to it",
            "dipole_dir names a Cartesian axis: rotate the cell",
        )


def _restart(values: DeckValues) -> Iterator[Finding]:
    both = [name for name in ("continuation", "reuse") if name in values.given and values.option(name) != "null"]
    if len(both) == 2:
        yield values.finding(
            "reuse", "error", "a run is either a continuation or a reuse", "continuation goes on, reuse starts anew"
        )


def _effects(values: DeckValues) -> Iterator[Finding]:
    """Keywords without effect, or with another than meant."""
    if values.is_on("fixed_npw") and values.option("finite_basis_corr") not in ("", "0", "none"):
        yield values.finding(
            "finite_basis_corr",
            "warning",
            "with fixed_npw the number of plane waves does not change: there is nothing to correct",
            "fixed_npw : false, or finite_basis_corr : 0",
        )
    if values.is_on("fix_occupancy") and "smearing_width" in values.given:
        yield values.finding(
            "smearing_width", "warning", "with fix_occupancy nothing is smeared", "fix_occupancy : false"
        )
    if values.is_on("write_formatted_elf") and not values.is_on("calculate_elf"):
        yield values.finding("write_formatted_elf", "warning", "there is no ELF to write", "calculate_elf : true")


def _dipole(values: DeckValues) -> Iterator[Finding]:
    correction, direction = values.option("dipole_correction"), values.option("dipole_dir")
    if direction and correction in ("", "none"):
        yield values.finding(
            "dipole_dir", "warning", "dipole_dir has no effect without dipole_correction", "dipole_correction : static"
        )
    if direction == "a" and correction == "static":
        yield values.finding(
            "dipole_dir", "error", "all directions go with a self-consistent correction only", "dipole_dir : Z"
        )


def _families(values: DeckValues) -> Iterator[Finding]:
    """bs_* belongs to task BandStructure, spectral_* to task Spectral."""
    task = values.option("task")
    family = {"spectral": "spectral", "bandstructure": "bs"}.get(task, "")
    other = {"spectral": "bs", "bs": "spectral"}.get(family, "")
    for name in values.given:
        first, _, rest = name.partition("_")
        if first not in ("bs", "spectral") or rest in HARMLESS:
            continue
        twin = f"{'spectral' if first == 'bs' else 'bs'}_{rest}"
        if twin in values.given and values.option(twin) != values.option(name) and first == "bs":
            yield values.finding(name, "warning", f"{name} and {twin} differ", "leave the one that goes with the task")
        elif first == other and twin not in values.given:
            yield values.finding(
                name, "warning", f"{name} does not go with task {task}", f"write {family}_{rest}, or change the task"
            )


def _defaults(values: DeckValues) -> Iterator[Finding]:
    task = values.option("task")
    for changed in keyword_table().changed_defaults:
        if changed.name not in values.given and (not changed.tasks or task in changed.tasks):
            yield values.finding(
                "task",
                "note",
                f"{changed.name} is left to its default: {changed.values}",
                f"write {changed.name} out",
            )
    if "xc_functional" not in values.given:
        yield values.finding("task", "note", "xc_functional is left to its default: LDA", "write xc_functional out")


def _bands_need_points(values: DeckValues, names: set[str], facts: CellFacts) -> Iterator[Finding]:
    task, spectral_task = values.option("task"), values.option("spectral_task")
    wants_bands = task == "bandstructure" or (task == "spectral" and spectral_task in ("", "bandstructure"))
    if not wants_bands or facts.sites is None:
        return
    family, other = ("bs", "spectral") if task == "bandstructure" else ("spectral", "bs")
    if any(f"{family}_{sampling}" in names for sampling in SAMPLINGS):
        return
    if any(f"{other}_{sampling}" in names for sampling in SAMPLINGS):
        yield values.finding(
            "task",
            "warning",
            f"the .cell file gives its k-points as {other}_kpoint_*, which do not go with task {task}",
            f"name them {family}_kpoint_*",
        )
    else:
        yield values.finding(
            "task",
            "warning",
            "no k-points are given for the bands: those of the SCF will be used",
            f"%BLOCK {family}_kpoint_path in the .cell file",
        )


def _geometry_needs_freedom(values: DeckValues, of_cell: DeckValues, facts: CellFacts) -> Iterator[Finding]:
    if values.option("task") not in GEOMETRY or facts.sites is None:
        return
    cell_fixed = of_cell.is_on("fix_all_cell") or (
        facts.cell_constraints is not None and not any(facts.cell_constraints)
    )
    ions_fixed = of_cell.is_on("fix_all_ions") or len(facts.fixed) == len(facts.sites)
    if cell_fixed and ions_fixed:
        yield values.finding(
            "task", "error", "neither the cell nor an atom may move: nothing to optimise", "free some of them"
        )
