"""Runs a study on this machine, from the file to the outcome."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from dftflow.codes.base import Code
from dftflow.codes.reading import read_results
from dftflow.codes.registry import load_code
from dftflow.errors import CodeNotFoundError, DftflowError, StoreError
from dftflow.model.outcome import StudyOutcome
from dftflow.run.job import Job, Limits, Node, Verdict
from dftflow.run.local import NodeView, Observer, run_graph
from dftflow.run.record import recorded_outcomes
from dftflow.run.store import RunStore, storage_errors, write_atomically
from dftflow.studies.cautions import cautions_file
from dftflow.studies.cost import expected_cost
from dftflow.studies.gather import gather
from dftflow.studies.plan import Step, StudyPlan
from dftflow.studies.reader import Study, load_study

__all__ = ["RunHeader", "default_folder", "outcome_of_run", "read_run", "run_study"]

CLOCK_EVERY_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunHeader:
    """Content of a run's ``run.json``: what was asked for."""

    study: str
    preset: str
    code: str
    wall_time_s: float | None = None


def default_folder(study: Study) -> Path:
    """``runs/<study>-<preset>``."""
    return Path("runs") / f"{study.name}-{study.preset_name}"


def run_study(
    study: Study,
    out: Path | None = None,
    *,
    workers: int | None = None,
    limits: Limits | None = None,
    observer: Observer = lambda views: None,
) -> StudyOutcome:
    """Run every step of a study that is not finished yet, and derive what the study asks for.

    Parameters
    ----------
    study
        From `load_study`.
    out
        Folder of the run; `default_folder` unless given. What is finished there is used, not run again.
    workers
        Engine processes at once; one a core unless given.
    limits
        Wall time and memory of each engine process.
    observer
        Called a few times a second with the state of all steps.

    Returns
    -------
    StudyOutcome
        Also when steps failed: what does not depend on them is there, and the failures are named.

    Raises
    ------
    InputError, SourceError
        When a crystal, a plane or a deck cannot be made; before anything runs.
    CodeNotFoundError
        When the code cannot run on this machine.
    StoreError
        When the folder cannot be written, or is in use.
    """
    code = load_code(study.content.code, study.code_options)
    plan = StudyPlan.of(study, code)
    plan.check()
    if not code.runs_here:
        raise CodeNotFoundError(
            f"{code.name} cannot run on this machine",
            fix=f"{code.how_to_get_it}; or write its decks with `dftflow decks` and run them elsewhere",
        )
    store = RunStore(out or default_folder(study))
    _keep_inputs(plan, store.root)
    clock = _WallClock(store.root, observer)
    ends = run_graph(
        [_node(plan, step) for step in plan.steps()],
        store,
        workers=workers or os.cpu_count() or 1,
        limits=limits,
        observer=clock,
    )
    return gather(plan, ends, wall_time_s=clock.write())


def read_run(folder: Path) -> RunHeader:
    """What the run in `folder` was asked for; raises `StoreError` when there is no run."""
    return _read_header(RunStore.existing(folder).root)


def _read_header(root: Path) -> RunHeader:
    file = root / "run.json"
    try:
        return RunHeader(**json.loads(file.read_text()))
    except (OSError, ValueError, TypeError) as error:
        raise StoreError("the run's header cannot be read", reason=str(error), where=str(file)) from error


def outcome_of_run(folder: Path) -> StudyOutcome:
    """Derive the outcome of a run from its folder, running nothing."""
    header = read_run(folder)
    kept = load_study(str(folder / "study.toml"), header.preset, code=header.code)
    # The study as it was run; paths in it count from where the file lay.
    study = replace(kept, file=Path(header.study), name=Path(header.study).stem)
    plan = StudyPlan.of(study, load_code(study.content.code, study.code_options))
    store = RunStore.existing(folder)
    return gather(plan, recorded_outcomes(store), wall_time_s=header.wall_time_s)


class _WallClock:
    """An observer that keeps the run's wall time in ``run.json``, summed over all calls, killed ones included."""

    def __init__(self, root: Path, observer: Observer) -> None:
        self._root = root
        self._observer = observer
        self._header = _read_header(root)
        self._started = self._written = time.monotonic()

    def __call__(self, views: Sequence[NodeView]) -> None:
        self._observer(views)
        if time.monotonic() - self._written > CLOCK_EVERY_S:
            self.write()

    def write(self) -> float:
        """Wall time so far, in seconds; written down."""
        self._written = time.monotonic()
        total_s = (self._header.wall_time_s or 0.0) + self._written - self._started
        with storage_errors(self._root):
            text = json.dumps(asdict(replace(self._header, wall_time_s=total_s)), indent=1)
            write_atomically(self._root / "run.json", text)
        return total_s


def _keep_inputs(plan: StudyPlan, root: Path) -> None:
    """What was asked, the study file and the crystals as they were, beside the results."""
    with storage_errors(root):
        study = plan.study
        if not (root / "run.json").exists():
            header = RunHeader(study=str(study.file.resolve()), preset=study.preset_name, code=plan.code.name)
            write_atomically(root / "run.json", json.dumps(asdict(header), indent=1))
        (root / "study.toml").write_bytes(plan.study.file.read_bytes())
        (root / "structures").mkdir(exist_ok=True)
        for material in plan.materials:
            material.start.to(str(root / "structures" / f"{material.name}.cif"), fmt="cif")


def _node(plan: StudyPlan, step: Step) -> Node:
    code = plan.code

    def prepare(folders: Mapping[str, Path]) -> Job:
        structure, spec = step.build(plan.structure_in(folders))
        deck = code.render(structure, spec, step.seed)
        return Job(files=deck.files, argv=code.command(deck), beside=cautions_file(deck))

    def judge(folder: Path) -> Verdict:
        return _verdict(code, folder)

    def doing(folder: Path) -> str:
        return code.progress(folder).doing

    return Node(
        name=step.name,
        title=step.title,
        needs=step.needs,
        prepare=prepare,
        judge=judge,
        doing=doing,
        cost=_cost_from_start(plan, step),
    )


def _verdict(code: Code, folder: Path) -> Verdict:
    diagnosis = code.diagnose(folder)
    if diagnosis.status == "finished":
        try:
            read_results(code, folder)
        except DftflowError as error:
            return Verdict(ok=False, failure=str(error), log_tail=diagnosis.log_tail)
        return Verdict(ok=True)
    name = diagnosis.status.replace("_", " ")
    return Verdict(ok=False, failure=f"{name}: {diagnosis.message}".rstrip(": "), log_tail=diagnosis.log_tail)


def _cost_from_start(plan: StudyPlan, step: Step) -> float:
    """Cost on the unrelaxed structures, which are all that is known before the run."""
    structure, spec = step.build(plan.start_structures())
    return expected_cost(structure, spec)
