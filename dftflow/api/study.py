"""A study from Python: read it, see its steps, run it or write its decks, read what a folder holds, write the report.

>>> import dftflow                                                           # doctest: +SKIP
>>> outcome = dftflow.run("fapbbr3-cspbbr3", "runs/demo", preset="quick")    # doctest: +SKIP
>>> dftflow.load_outcome("runs/demo").to_frame()                             # doctest: +SKIP
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, astuple, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, overload

from dftflow.errors import InputError
from dftflow.input_file import named_place
from dftflow.jobs.store import read_plan
from dftflow.model.records import Records
from dftflow.studies import reader
from dftflow.studies.paced import Say
from dftflow.studies.preview import PreviewedStep, preview
from dftflow.studies.reader import Study
from dftflow.studies.remedied import MOST_TRIES

if TYPE_CHECKING:
    import pandas as pd
    from jobflow.core.flow import Flow

    from dftflow.jobs.executor import Executor
    from dftflow.jobs.graph import Observer
    from dftflow.model.outcome import StudyOutcome
    from dftflow.report.write import WrittenOutcome
    from dftflow.studies.decks import WrittenDecks

__all__ = [
    "StudyLike",
    "StudyPlan",
    "load_outcome",
    "load_study",
    "plan",
    "run",
    "to_jobflow",
    "write_decks",
    "write_outcome",
]

Place: TypeAlias = str | os.PathLike[str]
StudyLike: TypeAlias = Place | Study
"""A shipped name, a file, or what `load_study` gave."""


class StudyPlan(Sequence[PreviewedStep]):
    """The steps of a study as they would run now, each after those that it needs."""

    def __init__(self, study: Study, steps: Sequence[PreviewedStep]) -> None:
        self.study = study
        self._steps = tuple(steps)

    def __len__(self) -> int:
        return len(self._steps)

    @overload
    def __getitem__(self, place: int) -> PreviewedStep: ...

    @overload
    def __getitem__(self, place: slice) -> StudyPlan: ...

    def __getitem__(self, place: int | slice) -> PreviewedStep | StudyPlan:
        return StudyPlan(self.study, self._steps[place]) if isinstance(place, slice) else self._steps[place]

    @property
    def left(self) -> tuple[PreviewedStep, ...]:
        """Those that have not finished yet."""
        return tuple(step for step in self if step.state != "finished")

    @property
    def cost_left_s(self) -> float:
        """Rough seconds of GPAW on one core that these take, each calculation once."""
        return sum(step.cost_s for step in self.left if not step.same_as)

    def to_dict(self) -> dict[str, Any]:
        """As plain data, with the unit in each name."""
        return {"study": self.study.name, "preset": self.study.preset_name, "steps": [asdict(step) for step in self]}

    def to_frame(self) -> pd.DataFrame:
        """A line for each step as a pandas table; raises `CodeNotFoundError` without pandas."""
        columns = tuple(field.name for field in fields(PreviewedStep))
        rows = (tuple(", ".join(v) if isinstance(v, tuple) else v for v in astuple(step)) for step in self)
        return Records(columns=columns, rows=tuple(rows)).frame()

    def __repr__(self) -> str:
        code = self.study.content.code
        return (
            f"<StudyPlan {self.study.name}, preset {self.study.preset_name}, {code}: {len(self)} steps, "
            f"{len(self.left)} left, {self.cost_left_s:.0f} s>"
        )

    def _repr_html_(self) -> str:
        from dftflow.report.cell_html import block, rows_html  # with matplotlib

        heads = ("step", "state", "atoms", "k-points", "cutoff (eV)", "cost (s)", "needs")
        rows = [
            (
                step.name, step.state.replace("_", " "), step.atoms, step.grid, step.cutoff_ev, round(step.cost_s),
                f"same as {step.same_as}" if step.same_as else ", ".join(step.needs),
            )
            for step in self
        ]  # fmt: skip
        left = f"{len(self.left)} of {len(self)} steps left, {self.cost_left_s:.0f} s of GPAW on one core"
        title = f"{self.study.name}, preset {self.study.preset_name}, {self.study.content.code}: {left}"
        return str(block(title, rows_html(heads, rows)))


def load_study(
    study: Place,
    preset: str | None = None,
    *,
    code: str | None = None,
    folder: Place | None = None,
    ask_again: bool = False,
) -> Study:
    """Read and check a study.

    Parameters
    ----------
    study
        Shipped name or path.
    preset
        ``study``, ``quick``, ``converged``, or one that the file defines; unless given, the one that the file names.
    code
        Name of a DFT code, instead of the one the file names.
    folder
        Of its run, whose plan keeps what the Materials Project answered; ``runs/STUDY-PRESET`` unless given.
    ask_again
        Ask the Materials Project again for what is kept.

    Raises
    ------
    StudyError
        With the file, and the line where one line is to blame.
    SourceError, CodeNotFoundError
        From the Materials Project, where a table of materials stands for entries of it that are not known yet.
    StoreError
        When the plan in `folder` cannot be read.
    """
    root = None if folder is None else named_place(folder)
    return reader.load_study(study, preset, code=code, folder=root, ask_again=ask_again)


def plan(
    study: StudyLike,
    folder: Place | None = None,
    *,
    preset: str | None = None,
    code: str | None = None,
    say: Say = lambda line: None,
) -> StudyPlan:
    """The steps of a study: what each needs, whether it is there, the cost expected. Nothing is written or run.

    Parameters
    ----------
    study, preset, code
        As for `load_study`; or what it gave, without preset and code.
    folder
        Of the run; ``runs/STUDY-PRESET`` unless given.
    say
        Told how far it is.

    Raises
    ------
    InputError, SourceError
        When the study, a crystal or a slab cannot be made.
    StoreError
        When `folder` belongs to another study, preset or code.
    """
    chosen = _chosen(study, preset, code, folder)
    return StudyPlan(chosen, preview(chosen, None if folder is None else named_place(folder), say=say))


def run(
    study: StudyLike,
    folder: Place | None = None,
    *,
    preset: str | None = None,
    code: str | None = None,
    workers: int | None = None,
    machine: str | None = None,
    given: Mapping[str, float] | None = None,
    executor: Executor | None = None,
    most_tries: int = MOST_TRIES,
    observer: Observer = lambda views: None,
    say: Say = lambda line: None,
) -> StudyOutcome:
    """Run every step of a study that is not finished yet, and derive what the study asks for.

    Parameters
    ----------
    study, preset, code
        As for `load_study`; or what it gave, without preset and code.
    folder
        ``runs/STUDY-PRESET`` unless given. What is finished there is used, not run again; `write_outcome` writes the
        report.
    machine
        Its name in ``machines.toml``; its ``default``, or this machine, unless given.
    workers, given, executor, most_tries, observer, say
        As `dftflow.studies.execution.run_study` takes them.

    Returns
    -------
    StudyOutcome
        Also when steps failed: what does not depend on them is there, and the failures are named.

    Raises
    ------
    InputError, SourceError
        When the study, a crystal, a plane or a deck cannot be made; before anything runs.
    CodeNotFoundError
        When the code cannot run on this machine.
    StoreError
        When the folder cannot be written, is in use, or belongs to another study, preset or code.
    """
    from dftflow.jobs.machine_profile import load_machine
    from dftflow.studies.execution import run_study  # with all that is derived, as below: `plan` waits for none of it

    return run_study(
        _chosen(study, preset, code, folder),
        None if folder is None else named_place(folder),
        workers=workers,
        machine=load_machine(machine),
        given=given,
        executor=executor,
        most_tries=most_tries,
        observer=observer,
        say=say,
    )


def to_jobflow(
    study: StudyLike, folder: Place | None = None, *, preset: str | None = None, code: str | None = None
) -> Flow:
    """The study as a flow of jobflow: a job for each step, after those that it needs, and a last one that derives.

    The plan is put into the folder now; each job runs its step there, where it is called, and gives its state and
    folder. The last one writes ``results.json`` and the report, and gives the quantities. What has finished is not run
    again.

    Parameters
    ----------
    study, preset, code
        As for `load_study`; or what it gave, without preset and code.
    folder
        ``runs/STUDY-PRESET`` unless given; every machine that runs a job has to see it.

    Raises
    ------
    InputError, SourceError
        When the study, a crystal, a plane or a deck cannot be made.
    CodeNotFoundError
        When jobflow is not installed, or the code cannot run on this machine.
    StoreError
        When the folder cannot be written, is in use, or belongs to another study, preset or code.
    """
    from dftflow.exchange.flow import study_flow  # with matplotlib

    return study_flow(_chosen(study, preset, code, folder), None if folder is None else named_place(folder))


def write_decks(
    study: StudyLike,
    folder: Place,
    *,
    preset: str | None = None,
    code: str | None = None,
    say: Say = lambda line: None,
) -> WrittenDecks:
    """Write every step's deck into ``folder/<step>/`` for another machine, and the sheet that says how to run them.

    Parameters
    ----------
    study, preset, code
        As for `load_study`; or what it gave, without preset and code.
    folder
        Made where it is not there. A deck that a person has changed is kept.
    say
        Told how far it is.

    Raises
    ------
    InputError, SourceError
        When the study, a crystal, a slab or a deck cannot be made.
    StoreError
        When `folder` cannot be written, or belongs to another study, preset or code.
    """
    from dftflow.studies import decks

    return decks.write_decks(_chosen(study, preset, code, folder), named_place(folder), say=say)


def load_outcome(
    folder: Place,
    study: StudyLike | None = None,
    *,
    preset: str | None = None,
    code: str | None = None,
    places: Mapping[str, Place] | None = None,
    say: Say = lambda line: None,
) -> StudyOutcome:
    """What a study ended with, from what lies in a folder; nothing is run, nothing is written.

    Parameters
    ----------
    folder
        Of a run or of decks, which knows its study; the ``results.json`` in it stands for it. With `study`, any folder
        that has the results of each step in ``folder/<step>``.
    study, preset, code
        Of calculations that were made without dftflow: as for `load_study`, or what it gave, without preset and code.
    places
        Step name -> folder of its results, for those that lie elsewhere.
    say
        Told how far it is.

    Raises
    ------
    InputError
        There is no such folder, it holds no study and none is given, or `places` names no step or no folder.
    StoreError
        Its study is another one, of another version of dftflow, or cannot be read.
    CalculationError
        With `study`, when no step has left anything.
    """
    from dftflow.studies.execution import collect_study, outcome_of_folder

    root = named_place(folder)
    if root.name == "results.json" and root.is_file():
        root = _folder_of_results(root)
    elsewhere = {step: named_place(place) for step, place in (places or {}).items()}
    if study is not None:
        return collect_study(_chosen(study, preset, code, root), root, places=elsewhere, say=say)
    if preset is not None or code is not None:
        raise InputError("the study in a folder has its preset and code", fix="leave preset and code out")
    return outcome_of_folder(root, places=elsewhere, say=say)


def write_outcome(outcome: StudyOutcome, folder: Place, *, say: Say = lambda line: None) -> WrittenOutcome:
    """Write ``results.json``, the figures and ``report.html`` into a folder, that of the run or another one.

    Raises
    ------
    StoreError
        When the folder cannot be written, or holds such files that are not dftflow's.
    """
    from dftflow.report import write  # with matplotlib

    return write.write_outcome(outcome, named_place(folder), say=say)


def _folder_of_results(file: Path) -> Path:
    if read_plan(file.parent) is None:
        raise InputError(
            "this results.json lies in no folder of a run or of decks",
            reason="it has the numbers, and not the crystals and bands that they are derived from",
            fix=f'dftflow.quantities("{file}") gives its numbers',
            where=str(file),
        )
    return file.parent


def _chosen(study: StudyLike, preset: str | None, code: str | None, folder: Place | None) -> Study:
    if not isinstance(study, Study):
        return load_study(study, preset, code=code, folder=folder)
    if preset is not None or code is not None:
        raise InputError(
            "the study has been read with its preset and code",
            reason=f"it is {study.name}, preset {study.preset_name}, code {study.content.code}",
            fix=f"dftflow.load_study({str(study.file)!r}, preset=..., code=...) reads it with others",
        )
    return study
