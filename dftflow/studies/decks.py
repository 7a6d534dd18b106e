"""A study's decks for another machine, in a folder that needs nothing outside: plan, decks, run sheet.

Each deck is written from the best geometry there is. Call `advance` as results come in; the scripts do.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from dftflow.codes.runsheet import run_sheet
from dftflow.errors import CalculationError, StoreError
from dftflow.jobs.by_hand import ByHand, Ledger
from dftflow.jobs.graph import run_graph
from dftflow.jobs.harmless import harmless
from dftflow.jobs.job import NodeOutcome
from dftflow.jobs.lock import locked
from dftflow.model.admission import Admitted
from dftflow.model.cautions import by_caution
from dftflow.model.deck import Deck
from dftflow.model.step import Step
from dftflow.studies.builder import source_needs
from dftflow.studies.paced import Say
from dftflow.studies.plan import Plan, plan_study
from dftflow.studies.reader import Study
from dftflow.studies.study_folder import StudyFolder
from dftflow.studies.work import Work

__all__ = ["WrittenDeck", "WrittenDecks", "advance", "write_decks"]

SCRIPTS = (".sh", ".slurm")
BEGINS_ANEW = "starts from its deck: the attempt that ended there has left no geometry that it could go on from"
BY_HAND = ", or none that can be written without the files that were changed by hand"


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenDeck:
    """One step's deck.

    Attributes
    ----------
    note
        Where its geometry is from, when that is not the last word; ``"finished"`` when it has been run.
    remarks
        What stands beside its numbers, when it has been run; of a relaxation that is about to be started again, that it
        cannot go on.
    failure
        Why there is no deck, or why what lies there is not what is asked for; nothing is written then.
    cautions
        What its writer cautions about, and what is to be known of the crystals that it is of.
    kept
        Its files that a person has changed, and that were left as they are.
    behind
        What those lack of what is asked for now.
    tries
        Attempts of a person's that failed, and how it went on after each.
    """

    name: str
    folder: str
    files: tuple[str, ...]
    note: str
    remarks: tuple[str, ...]
    failure: str
    cautions: tuple[str, ...]
    kept: tuple[str, ...]
    behind: tuple[str, ...]
    tries: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenDecks:
    """All decks of a study, the sheet that says how to run them, and its files that a person has changed."""

    decks: tuple[WrittenDeck, ...]
    sheet: Path
    kept: tuple[str, ...]

    @property
    def cautions(self) -> dict[str, list[str]]:
        """Caution -> the steps that it is about."""
        return by_caution((deck.name, deck.cautions) for deck in self.decks)


def write_decks(study: Study, out: Path, *, say: Say = lambda line: None) -> WrittenDecks:
    """Write every step's deck into ``out/<step>/``, and the run sheet.

    A finished step is left alone; a step that needs its geometry is written from it. Where the forerunner has not
    finished, the deck is written from the unrelaxed structure and says so. A file that a person has changed is kept.

    Parameters
    ----------
    study
        From `load_study`.
    out
        Created when it does not exist.
    say
        Told how far it is, when there are many steps.

    Raises
    ------
    InputError
        When a crystal, a slab or a deck cannot be made.
    StoreError
        When `out` cannot be written, or belongs to another study, preset or code.
    """
    tell = harmless(say)
    plan = plan_study(study, say=tell)
    work = Work(plan)
    work.check(decks=True, say=tell)
    with locked(out):
        work.folder = StudyFolder.create(plan, out, "decks")
        return _write(work)


def advance(out: Path, step: str | None = None) -> WrittenDecks:
    """Bring the decks in `out` up to date with the results that lie there.

    A relaxation that ended before it had converged goes on from its last geometry: its deck is written anew, and what
    the attempt left is put into ``tries``. That is done for `step` alone, which somebody is about to start: of another
    one it cannot be told whether it runs.

    Parameters
    ----------
    out
        That `write_decks` wrote to, wherever it lies now.
    step
        Name of the step whose deck is to be ready: the next thing is to start it, and nothing runs there.

    Raises
    ------
    StoreError
        When `out` holds no decks; nothing is written there then.
    StudyError
        When there is no such step.
    CalculationError
        When the deck of `step` cannot be written from the result that it needs.
    """
    _refuse_what_holds_no_decks(out)
    with locked(out):
        folder = StudyFolder.existing(out)
        wanted = None if step is None else folder.plan.step(step)
        work = Work(folder.plan, folder)
        written = _write(work, starts=step or "")
    if wanted is not None:
        _refuse_unready(next(deck for deck in written.decks if deck.name == wanted.name))
    return written


def _refuse_what_holds_no_decks(out: Path) -> None:
    if StudyFolder.existing(out).layout != "decks":
        raise StoreError(
            "this folder holds a run and no decks",
            where=str(out),
            fix="`dftflow run` goes on with a run; give a folder that `dftflow decks` wrote to",
        )


def _refuse_unready(deck: WrittenDeck) -> None:
    if deck.failure or (deck.note and deck.note != "finished"):
        raise CalculationError(f"the deck of {deck.name} is not ready", reason=deck.failure or deck.note)
    if deck.behind and not deck.note:
        raise CalculationError(
            f"the deck of {deck.name} was changed by hand, and is not what is asked for now",
            reason="; ".join(deck.behind),
            fix=f"move {', '.join(deck.kept)} away to have it written anew, and make your change in that",
        )


def _write(work: Work, *, starts: str = "") -> WrittenDecks:
    assert work.folder is not None
    out = work.folder.root
    steps = work.plan.steps
    ledger = Ledger(out)
    ends = run_graph([work.node_by_hand(step) for step in steps], ByHand(out, ledger, starts=starts))
    decks = tuple(_written(work, step, ends[step.name], starts=starts) for step in steps)
    sheet = run_sheet(
        work.plan.code,
        steps,
        {step.name: _command(work, step) for step in steps},
        cautions=by_caution((deck.name, deck.cautions) for deck in decks),
    )
    kept = (*work.folder.kept, *ledger.write(sheet))
    for name in sheet:
        if name.endswith(SCRIPTS) and not (out / name).is_symlink():  # rights go through a link
            (out / name).chmod(0o755)
    return WrittenDecks(decks=decks, sheet=out / "RUN.md", kept=kept)


def _written(work: Work, step: Step, end: NodeOutcome, *, starts: str) -> WrittenDeck:
    record, admission = work.records.get(step.id), work.admissions.get(step.id)
    finished, refused = end.state == "finished", end.state == "refused"
    waiting = [str(need) for need in source_needs(step) if not work.is_admitted(str(need))]
    edges = {str(need.step) for need in step.needs if need.purpose == "edges"}
    of = "around assumed band edges" if edges.issuperset(waiting) else "from the unrelaxed structure"
    note = f"{of}, to be written again after {', '.join(waiting)}" if waiting else ""
    return WrittenDeck(
        name=step.name,
        folder=step.name,
        files=() if record is None or refused else tuple(record.deck),
        note="finished" if finished else note,
        remarks=admission.remarks
        if isinstance(admission, Admitted)
        else (BEGINS_ANEW + (BY_HAND if end.kept else ""),)
        if step.name == starts and step.id.task == "relax" and end.state == "failed"
        else (),
        failure=f"{end.failure}; move {step.name} away to have its deck written"
        if refused
        else end.failure
        if record is None and not finished
        else "",
        cautions=()
        if record is None or finished or refused
        else (*record.notes, *record.cautions, *_of_crystals(work.plan, step)),
        kept=end.kept,
        behind=() if finished or refused else work.behind.get(step.id, ()),
        tries=tuple(f"{attempt} ({attempt.folder})" for attempt in end.tries),
    )


def _of_crystals(plan: Plan, step: Step) -> tuple[str, ...]:
    """What the readers of its crystals remarked."""
    materials = [plan.materials[name] for name in step.id.subject.materials]
    return tuple(f"crystal {m.name}: {text}" for m in materials for text in m.crystal.warnings)


def _command(work: Work, step: Step) -> tuple[str, ...]:
    deck = Deck(code=work.plan.code.name, seed=step.seed, files={})
    return work.plan.code.command(deck)
