"""Derives the outcome of a study from calculations that were run elsewhere, in the folders that hold their results.

What somebody ran by hand need not be what the study asks for. A calculation of another crystal is refused; one with
another cutoff, functional, grid or geometry is used, and the outcome says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from dftflow.analysis.calculation_levels import slab_normal
from dftflow.analysis.comparability import compare
from dftflow.codes.base import Code
from dftflow.codes.registry import load_code
from dftflow.errors import DftflowError, InputError, ParseError, StoreError, StudyError
from dftflow.gate.calculation import Sound, sound
from dftflow.model.kpoint_grid import Counts, Shift, grid_text, same_shift
from dftflow.model.outcome import StudyOutcome
from dftflow.model.results import Results
from dftflow.model.spec import CalcSpec
from dftflow.run.job import JobState, NodeOutcome
from dftflow.studies.gather import gather
from dftflow.studies.plan import Step, StructureOf, StudyPlan
from dftflow.studies.reader import Study

if TYPE_CHECKING:
    from pymatgen.core import Structure

__all__ = ["collect_study"]

SAME_CUTOFF_EV = 0.01
SAME_VOLUME = 0.005


def collect_study(study: Study, folder: Path, *, places: Mapping[str, Path] | None = None) -> StudyOutcome:
    """The outcome of `study` from the results below `folder`; nothing is run, and nothing is written.

    Parameters
    ----------
    study
        From `load_study`, with the code that ran the calculations.
    folder
        Where `write_decks` wrote them: each step's results lie in ``folder/<step>``.
    places
        Step name -> folder of its results, for those that lie elsewhere.

    Raises
    ------
    StoreError
        There is no such folder.
    StudyError
        `places` names a step that the study does not have.
    InputError
        When a crystal or a slab of the study cannot be made, or a folder in `places` is none.
    ParseError
        When no step has left anything.
    """
    if not folder.is_dir():
        raise StoreError("there is no such folder", where=str(folder), fix="give the folder that holds the results")
    plan = StudyPlan.of(study, load_code(study.content.code), for_decks=True)
    plan.check()
    steps = plan.steps()
    elsewhere = _checked(places or {}, steps)
    ends: dict[str, NodeOutcome] = {}
    used: dict[str, Results] = {}
    remarks: list[str] = []
    for step in steps:
        asked = step.build(_as_they_ended(plan, used))
        end, results = _end(plan.code, step, asked, elsewhere.get(step.name, folder / step.name))
        ends[step.name] = end
        if results is not None:
            used[step.name] = results
            exact = all(need in used for need in step.needs)
            grid = exact or (study.preset.kpoint_spacing_per_ang is None and asked[1].slab_axis is None)
            remarks += [f"{step.name}: {text}" for text in _departures(results, *asked, exact=exact, grid=grid)]
    if all(end.state == "not_run" for end in ends.values()):
        raise _nothing(plan.code, folder)
    outcome = gather(plan, ends)
    return replace(outcome, warnings=(*remarks, *_unlike(plan, used), *outcome.warnings))


def _checked(places: Mapping[str, Path], steps: Sequence[Step]) -> dict[str, Path]:
    names = [step.name for step in steps]
    for name, place in places.items():
        if name not in names:
            raise StudyError(f"the study has no step {name!r}", fix=f"its steps are {', '.join(names)}")
        if not place.is_dir():
            raise InputError(f"there is no such folder for the step {name}", where=str(place))
    return dict(places)


def _nothing(code: Code, folder: Path) -> ParseError:
    own_run = (folder / "plan.json").exists()
    return ParseError(
        f"there are no results of {code.name} for any step of the study",
        where=str(folder),
        fix="`dftflow report FOLDER` reports a run of dftflow"
        if own_run
        else "run the decks; give the folder that `dftflow decks` wrote to, and the preset and the code it was given",
    )


def _as_they_ended(plan: StudyPlan, used: Mapping[str, Results]) -> StructureOf:
    """Lookup of final structures, as if nothing had moved where there is no result."""
    by_name = {step.name: step for step in plan.steps()}

    def structure_of(name: str) -> Structure:
        ended = used[name].structure if name in used else None
        return by_name[name].build(structure_of)[0] if ended is None else ended

    return structure_of


# --- one step ---------------------------------------------------------------------------------------------------


def _end(code: Code, step: Step, asked: tuple[Structure, CalcSpec], folder: Path) -> tuple[NodeOutcome, Results | None]:
    """How the step ended, and its results where they can be used."""
    if not folder.is_dir() or not code.find(folder):
        failure = f"no results of {code.name} in {folder}"
        return NodeOutcome(name=step.name, title=step.title, state="not_run", folder=None, failure=failure), None
    log_tail, results = "", None
    state: JobState = "failed"
    try:
        diagnosis = code.diagnose(folder)
        log_tail = diagnosis.log_tail
        judged, is_untouched = _whole_results(code, folder)
        results = None if judged is None else judged.results
        if diagnosis.status != "finished":
            failure = f"{diagnosis.status.replace('_', ' ')}: {diagnosis.message}"
        elif judged is None:
            failure = "the calculation has left no output"
        else:
            failure = _unfit(judged, *asked)
        if is_untouched and not log_tail:
            state, failure = "not_run", f"input files alone, or nothing was left of the run ({diagnosis.message})"
    except DftflowError as error:
        failure = str(error)
    if not failure:
        state, log_tail = "finished", ""
    end = NodeOutcome(
        name=step.name,
        title=step.title,
        state=state,
        folder=folder,
        failure=failure,
        log_tail=log_tail,
        wall_time_s=None if results is None else results.wall_time_s,
    )
    return end, None if failure else results


def _whole_results(code: Code, folder: Path) -> tuple[Sound | None, bool]:
    """What may be used of the one calculation in `folder`, and whether there is no output at all.

    Raises
    ------
    ParseError
        There are several, or a file of it is refused.
    """
    found = code.find(folder)
    if len(found) > 1:
        seeds = ", ".join(calculation.seed for calculation in found)
        raise ParseError(f"several calculations share a folder: {seeds}", where=str(folder))
    reading = code.read(found[0])
    for file in reading.files:
        if file.error is not None:
            raise file.error
    return None if reading.results is None else sound(reading.results), reading.results is None


def _unfit(judged: Sound, structure: Structure, spec: CalcSpec) -> str:
    """Why whole results are not those of this step; "" when they are."""
    results = judged.results
    lacking = {
        "a geometry": results.structure is None,
        "eigenvalues": spec.task == "bands" and results.bands is None,
        "a potential": spec.task == "potential" and results.potential is None,
        "a Fermi level": spec.task == "potential" and results.fermi_ev is None,
    }
    missing = [name for name, is_missing in lacking.items() if is_missing]
    if missing or results.structure is None:
        refused = "".join(f"; {part}: {judged.why_without(part)}" for part in judged.refused_parts)
        return f"finished, but there is not what the step is for: {', '.join(missing)}{refused}"
    asked, found = structure.composition, results.structure.composition
    is_slab = spec.slab_axis is not None  # whose thickness is the user's choice, and with it the formula
    if _shape(results.structure) != _shape(structure):
        return f"a calculation of {_shape(results.structure)}, where the study asks for {_shape(structure)}"
    if is_slab and asked.chemical_system == found.chemical_system:
        return ""
    if asked.reduced_formula == found.reduced_formula:
        return ""
    return f"a calculation of {found.reduced_formula}, where the study asks for {asked.reduced_formula}"


def _shape(structure: Structure) -> str:
    normal = slab_normal(structure.frac_coords, structure.lattice.matrix)
    return "a cell without a vacuum" if normal is None else f"a slab with the vacuum along {'abc'[normal]}"


def _departures(results: Results, structure: Structure, spec: CalcSpec, *, exact: bool, grid: bool) -> list[str]:
    """What is known of a calculation and is not as the study asks.

    The volume counts only where `structure` is made from results of all that the step needs (`exact`), the grid where
    it does not depend on such a result (`grid`).
    """
    lines = []
    method = results.method
    if method is not None and method.functional is not None and method.functional.casefold() != spec.xc.casefold():
        lines.append(f"calculated with {method.functional}, the study asks for {spec.xc}")
    if method is not None and method.cutoff_ev is not None and abs(method.cutoff_ev - spec.cutoff_ev) > SAME_CUTOFF_EV:
        lines.append(f"calculated at {method.cutoff_ev:g} eV, the study asks for {spec.cutoff_ev:g} eV")
    if grid and method is not None and method.kpoints_grid is not None:
        lines += _other_grid(method.kpoints_grid, method.kpoints_shift, spec)
    if exact and results.structure is not None and spec.task != "relax" and spec.slab_axis is None:
        have_ang3, want_ang3 = (crystal.volume / len(crystal) for crystal in (results.structure, structure))
        if abs(have_ang3 / want_ang3 - 1) > SAME_VOLUME:
            lines.append(
                f"calculated at {have_ang3:.3f} Å³ an atom, where the geometry it is to be made from has "
                f"{want_ang3:.3f}: its deck may be older than the relaxation"
            )
    return lines


def _other_grid(counts: Counts, shift: Shift | None, spec: CalcSpec) -> list[str]:
    if counts == spec.grid and shift is not None and same_shift(shift, spec.grid_shift):
        return []
    have, want = grid_text(counts, shift), grid_text(spec.grid, spec.grid_shift)
    return [f"calculated on {have} k-points, the study asks for {want}"]


def _unlike(plan: StudyPlan, used: Mapping[str, Results]) -> list[str]:
    """Crystals and slabs whose levels are lined up, although they were calculated in different ways."""
    lines = []
    for material in plan.materials:
        for index in range(len(material.slab_entries)):
            names = material.bands_step, material.slab_step(index, "potential")
            if all(name in used for name in names):
                rows = compare(*(used[name] for name in names)).rows
                lines += [
                    f"{names[0]} and {names[1]} differ in their {row.quantity} ({row.first} | {row.second}): "
                    f"{row.consequence}"
                    for row in rows
                    if row.verdict == "differs"
                ]
    return lines
