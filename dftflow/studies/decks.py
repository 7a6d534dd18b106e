"""Writes a study's decks for another machine, each from the best geometry there is."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dftflow.codes.registry import load_code
from dftflow.codes.runsheet import run_sheet
from dftflow.errors import DftflowError
from dftflow.model import step as model
from dftflow.run.store import storage_errors, write_atomically
from dftflow.studies.cautions import by_caution, cautions_file
from dftflow.studies.plan import Step, StructureOf, StudyPlan
from dftflow.studies.reader import Study

if TYPE_CHECKING:
    from pymatgen.core import Structure

__all__ = ["WrittenDeck", "WrittenDecks", "write_decks"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenDeck:
    """One step's deck: its folder, its files, where its geometry is from, what its writer cautions about."""

    name: str
    folder: str
    files: tuple[str, ...]
    note: str
    cautions: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenDecks:
    """All decks of a study and the sheet that says how to run them."""

    decks: tuple[WrittenDeck, ...]
    sheet: Path

    @property
    def cautions(self) -> dict[str, list[str]]:
        """Caution -> the steps that it is about."""
        return by_caution((deck.name, deck.cautions) for deck in self.decks)


def write_decks(study: Study, out: Path) -> WrittenDecks:
    """Write every step's deck into ``out/<step>/``, and the run sheet.

    A finished step is left alone; a step that needs its geometry is written from it. Where the forerunner has not
    finished, the deck is written from the unrelaxed structure and says so.

    Parameters
    ----------
    study
        From `load_study`.
    out
        Created when it does not exist.

    Raises
    ------
    InputError
        When a crystal, a slab or a deck cannot be made.
    StoreError
        When `out` cannot be written.
    """
    plan = StudyPlan.of(study, load_code(study.content.code, study.code_options), for_decks=True)
    plan.check()
    steps = plan.steps()
    finished = {step.name for step in steps if _finished(plan, out / step.name)}
    decks = tuple(_write(plan, step, out, finished) for step in steps)
    written = WrittenDecks(decks=decks, sheet=out / "RUN.md")
    ids: dict[str, model.StepId] = {}
    sheet_steps = [_sheet_step(step, ids) for step in steps]
    commands = {step.name: _command(plan, step) for step in steps}
    with storage_errors(out):
        for name, text in run_sheet(plan.code, sheet_steps, commands, cautions=written.cautions).items():
            write_atomically(out / name, text)
            if name.endswith((".sh", ".slurm")):
                (out / name).chmod(0o755)
    return written


def _finished(plan: StudyPlan, folder: Path) -> bool:
    try:
        return folder.is_dir() and plan.code.diagnose(folder).status == "finished"
    except DftflowError:
        return False


def _write(plan: StudyPlan, step: Step, out: Path, finished: set[str]) -> WrittenDeck:
    folder = out / step.name
    if step.name in finished:
        files = tuple(sorted(file.name for file in folder.iterdir() if file.stem == step.seed))
        return WrittenDeck(name=step.name, folder=step.name, files=files, note="finished", cautions=())
    structure, spec = step.build(_best_structures(plan, out, finished))
    deck = plan.code.render(structure, spec, step.seed)
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in {**deck.files, **cautions_file(deck)}.items():
            write_atomically(folder / name, text)
    missing = [need for need in step.needs if need not in finished]
    note = f"from the unrelaxed structure, to be written again after {', '.join(missing)}" if missing else ""
    return WrittenDeck(
        name=step.name, folder=step.name, files=tuple(deck.files), note=note, cautions=(*deck.notes, *deck.cautions)
    )


def _best_structures(plan: StudyPlan, out: Path, finished: set[str]) -> StructureOf:
    relaxed = plan.structure_in({name: out / name for name in finished})
    by_name = {step.name: step for step in plan.steps()}

    def structure_of(name: str) -> Structure:
        return relaxed(name) if name in finished else by_name[name].build(structure_of)[0]

    return structure_of


def _sheet_step(step: Step, ids: dict[str, model.StepId]) -> model.Step:
    """The step as the run sheet takes it; `ids` knows those before it."""
    material, _, kind = step.name.rpartition("/")
    label, _, task = kind.rpartition("-")
    subject = model.Subject(kind=label.partition("-")[0], materials=(material,), label=label)
    ids[step.name] = model.StepId(subject=subject, task=task)
    needs = tuple(model.Need(step=ids[name], purpose="geometry") for name in step.needs)
    return model.Step(id=ids[step.name], title=step.title, needs=needs)


def _command(plan: StudyPlan, step: Step) -> tuple[str, ...]:
    structure, spec = step.build(plan.start_structures())
    return plan.code.command(plan.code.render(structure, spec, step.seed))
