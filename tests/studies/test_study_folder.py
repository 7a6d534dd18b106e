"""A study's folder: it needs nothing outside, belongs to one plan, and is whole whenever a run is killed.

The engine here is `cp`: it leaves the model crystal's results.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from counting_engine import CountingEngine
from model_crystal import CBM, STEP, VBM, copying_engine

from dftflow.codes.gpaw.code import GPAW
from dftflow.errors import InputError, StoreError
from dftflow.jobs import store
from dftflow.jobs.local import Local
from dftflow.jobs.staging import keep_beside, make_folder, write_deck
from dftflow.jobs.step_state import StepState, write_state
from dftflow.jobs.store import note_in_plan, read_plan
from dftflow.model.outcome import StudyOutcome
from dftflow.studies import study_folder
from dftflow.studies.decks import write_decks
from dftflow.studies.execution import collect_study, outcome_of_folder, run_study
from dftflow.studies.plan import plan_study
from dftflow.studies.reader import Study, load_study
from dftflow.studies.standing import standing_of
from dftflow.studies.study_folder import StudyFolder
from dftflow.studies.work import Work

BULK, SLAB = "CsBr/bulk-bands", "CsBr/slab-110-potential"
THICK = ('setting = "cubic"', 'setting = "cubic"\nmin_thickness_ang = 24.0')


@pytest.fixture
def study(write_study: Callable[..., Path]) -> Study:
    return load_study(str(write_study(THICK)), "quick")


@pytest.fixture
def engine(study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """GPAW is `cp` from this folder, which has a folder a seed."""
    return copying_engine(study, tmp_path / "prepared", monkeypatch)


def numbers(outcome: StudyOutcome) -> list[tuple[str, str, str, float | str | None]]:
    return [(q.name, q.subject, q.method, q.value) for q in outcome.quantities]


def test_report_status_and_collect_need_the_folder_alone(study: Study, engine: Path, tmp_path: Path) -> None:
    """Moved, and study, crystal files and engine deleted."""
    first = run_study(study, tmp_path / "run")
    assert {step.state for step in first.steps} == {"finished"}
    shutil.move(tmp_path / "run", tmp_path / "elsewhere")
    study.file.unlink()
    shutil.rmtree(engine)
    again = outcome_of_folder(tmp_path / "elsewhere")
    assert numbers(again) == numbers(first)
    assert (again.preset, again.code, again.study_name) == ("quick", "gpaw", "study")
    found = standing_of(tmp_path / "elsewhere")
    assert {end.state for end in found.ends} == {"finished"}
    assert (found.study, found.preset, found.code) == ("study", "quick", "gpaw")
    gap = next(q for q in again.quantities if q.name == "band gap" and q.subject == "CsBr")
    assert gap.value == pytest.approx(CBM + 0.1 - VBM) and gap.origin == (BULK,)
    level = next(q for q in again.quantities if q.name == "ionisation potential")
    assert level.value == pytest.approx(STEP - VBM, abs=0.01) and level.origin == (SLAB, BULK)


@pytest.mark.parametrize("code", ["castep", "espresso", "gpaw", "vasp"])
def test_a_shared_folder_holds_one_calculation(code: str, write_study: Callable[..., Path], tmp_path: Path) -> None:
    """Two materials that are the same: one deck, so that the code finds one calculation and not two."""
    file = write_study(("cutoff_ev = 244.9", "cutoff_ev = 600.0"))
    text = file.read_text()
    file.write_text(text + "\n" + text[text.index("[materials.CsBr]") :].replace("materials.CsBr", "materials.Twin"))
    plan = plan_study(load_study(str(file), "quick", code=code))
    folder = StudyFolder.create(plan, tmp_path / "run", "run")
    work, local = Work(plan, folder), Local(tmp_path / "run")
    folders, commands = [], []
    for name in (BULK, "Twin/bulk-bands"):
        step = plan.step(name)
        job = work.job_here(step)
        folders.append(local.folder(work.node(step, work.job_here), job))
        commands.append(job.argv)
        folder.record(name, folders[-1], "")
        make_folder(folders[-1], tmp_path)
        keep_beside(folders[-1], job)
        write_deck(folders[-1], job)
    assert folders[0] == folders[1] and commands[0] == commands[1]
    assert len(plan.code.find(folders[0])) == 1
    assert not list(folders[0].glob("Twin*"))


def test_results_are_not_derived_for_another_text_of_the_study(
    study: Study, engine: Path, tmp_path: Path, write_study: Callable[..., Path]
) -> None:
    """The folder's own plan would answer, and not the study that was given."""
    run_study(study, tmp_path / "run")
    assert collect_study(study, tmp_path / "run").title == "CsBr"
    changed = load_study(str(write_study(THICK, ('title = "CsBr"', 'title = "Another"'))), "quick")
    with pytest.raises(StoreError, match="has been changed since"):
        collect_study(changed, tmp_path / "run")
    assert outcome_of_folder(tmp_path / "run").title == "CsBr"


def test_another_preset_study_or_code_is_refused(
    study: Study, engine: Path, tmp_path: Path, write_study: Callable[..., Path]
) -> None:
    run_study(study, tmp_path / "run")
    before = (tmp_path / "run" / "plan.json").read_text()
    other_preset = load_study(str(study.file), "converged")
    with pytest.raises(StoreError, match="another plan: preset quick, not converged"):
        run_study(other_preset, tmp_path / "run")
    with pytest.raises(StoreError, match="code gpaw, not castep"):
        collect_study(load_study(str(study.file), "quick", code="castep"), tmp_path / "run")
    with pytest.raises(StoreError, match="kind of folder run, not decks"):
        write_decks(study, tmp_path / "run")
    renamed = study.file.rename(study.file.with_name("other.toml"))
    with pytest.raises(StoreError, match="study study, not other"):
        run_study(load_study(str(renamed), "quick"), tmp_path / "run")
    assert (tmp_path / "run" / "plan.json").read_text() == before


def test_a_doi_recalculates_nothing_and_a_cutoff_what_it_is_about(study: Study, engine: Path, tmp_path: Path) -> None:
    run_study(study, tmp_path / "run")
    text = study.file.read_text()
    study.file.write_text(text.replace('title = "CsBr"', 'title = "CsBr"\nreference = "10.1000/182"'))
    said: list[str] = []
    again = run_study(load_study(str(study.file), "quick"), tmp_path / "run", say=said.append)
    assert said == [] and len(list((tmp_path / "run").glob("steps/*/*"))) == 2
    assert again.settings["reference"] == "10.1000/182", "the report is that of the new text"
    study.file.write_text(text.replace("cutoff_ev = 244.9", "cutoff_ev = 250.0"))
    run_study(load_study(str(study.file), "quick"), tmp_path / "run", say=said.append)
    assert len(list((tmp_path / "run").glob("steps/*/*"))) == 4
    assert len(said) == 2 and all("its geometry or its settings have changed" in line for line in said)
    assert len(standing_of(tmp_path / "run").earlier) == 2


def test_another_engine_recalculates_all_and_says_so(
    study: Study, engine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def version(number: str) -> None:
        def fingerprint(self: object, elements: Any) -> Mapping[str, str]:
            return {"gpaw": number}

        monkeypatch.setattr(GPAW, "fingerprint", fingerprint)

    version("26.7.0")
    run_study(study, tmp_path / "run")
    version("26.8.0")
    said: list[str] = []
    outcome = run_study(study, tmp_path / "run", say=said.append)
    assert len(said) == 2 and all("gpaw 26.7.0 -> 26.8.0" in line for line in said)
    assert {step.engine["gpaw"] for step in outcome.steps} == {"26.8.0"}
    found = standing_of(tmp_path / "run")
    assert {end.state for end in found.ends} == {"finished"} and len(found.earlier) == 2


def test_a_run_of_0_1_is_refused_by_name(study: Study, engine: Path, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "plan.json").write_text('[{"name": "CsBr/bulk-bands", "title": "", "folder": ""}]')
    for act in (lambda: run_study(study, tmp_path / "run"), lambda: outcome_of_folder(tmp_path / "run")):
        with pytest.raises(StoreError, match=r"a run of dftflow 0\.1") as caught:
            act()
        assert "in another folder" in caught.value.fix and "dftflow parse" in caught.value.fix


@pytest.mark.parametrize(
    "damage",
    ["", "{", "[" * 100_000, '{"schema": "dftflow-plan/9"}', '{"schema": "dftflow-plan/1"}'],
    ids=["empty", "cut", "deep", "of another version", "without steps"],
)
def test_a_damaged_plan_is_named(study: Study, engine: Path, tmp_path: Path, damage: str) -> None:
    run_study(study, tmp_path / "run")
    (tmp_path / "run" / "plan.json").write_text(damage)
    with pytest.raises(StoreError, match="plan of this folder cannot be read") as caught:
        outcome_of_folder(tmp_path / "run")
    assert "plan.json" in caught.value.where


def test_a_damaged_record_costs_its_step_alone_and_is_mended_by_a_run(
    study: Study, engine: Path, tmp_path: Path
) -> None:
    run_study(study, tmp_path / "run")
    (record,) = (tmp_path / "run").glob("steps/CsBr/bulk-bands-*/built.json")
    record.write_text(record.read_text()[:100])
    outcome = outcome_of_folder(tmp_path / "run")
    states = {step.name: step.state for step in outcome.steps}
    assert states == {BULK: "refused", SLAB: "finished"}
    assert {step.state for step in run_study(study, tmp_path / "run").steps} == {"finished"}


# --- killed -----------------------------------------------------------------------------------------------------


def killed_run(study: Study, out: Path, at: int, *, after: bool) -> bool:
    """Run in a child that kills itself before or after its write number `at`; whether it came to the end."""
    child = os.fork()
    if child == 0:
        count = 0

        def counted(change: Callable[..., None]) -> Callable[..., None]:
            def done(*given: Any, **named: Any) -> None:
                nonlocal count
                count += 1
                if count == at and not after:
                    os.kill(os.getpid(), 9)
                change(*given, **named)
                if count == at:
                    os.kill(os.getpid(), 9)

            return done

        # every change of a file of the state is one rename, or one line more of the journal; then the journal goes
        os.replace, study_folder.note_in_plan = counted(os.replace), counted(study_folder.note_in_plan)
        store.remove_journal = counted(store.remove_journal)
        try:
            run_study(study, out, workers=1)
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.mark.parametrize("after", [False, True])
def test_killed_at_every_write_of_a_run_it_goes_on(study: Study, engine: Path, tmp_path: Path, after: bool) -> None:
    """Before each write of a file of the state, or right after it: what is there can be read, and the run goes on."""
    whole = numbers(run_study(study, tmp_path / "whole"))
    at = 0
    while True:
        at += 1
        out = tmp_path / f"killed-{at}"
        ended = killed_run(study, out, at, after=after)
        if (out / "plan.json").exists():
            states = {step.state for step in outcome_of_folder(out).steps}
            assert states <= {"finished", "waiting", "not_run", "running"}, (at, states)
        else:
            with pytest.raises(InputError, match="no study"):
                outcome_of_folder(out)
        assert numbers(run_study(study, out, workers=1)) == whole, at
        assert numbers(outcome_of_folder(out)) == whole, at
        if ended:
            break
    assert at > 10
    content = json.loads((tmp_path / "whole" / "plan.json").read_text())
    assert content["schema"] == "dftflow-plan/1" and all(step["folder"] for step in content["steps"])
    assert not (tmp_path / "whole" / "plan.jsonl").exists()


def test_the_journal_of_a_killed_run_of_another_text_says_nothing(
    study: Study, write_study: Callable[..., Path], engine: Path, tmp_path: Path
) -> None:
    """Killed when the new plan was written and the journal of the old one was not yet removed."""
    run_study(study, tmp_path / "run")
    plan = read_plan(tmp_path / "run")
    assert plan is not None
    for step in plan.steps:
        note_in_plan(tmp_path / "run", plan.id, step=step.name, folder=step.folder)
    journal = (tmp_path / "run" / "plan.jsonl").read_bytes()
    folder = StudyFolder.create(
        plan_study(load_study(str(write_study(THICK, ("cutoff_ev = 244.9", "cutoff_ev = 300.0"))), "quick")),
        tmp_path / "run",
        "run",
    )
    (tmp_path / "run" / "plan.jsonl").write_bytes(journal)
    there = StudyFolder.existing(tmp_path / "run")
    assert [there.folder_of(step) for step in there.plan.steps] == [None] * len(plan.steps)
    assert [there.earlier_folder_of(step) for step in folder.plan.steps] == [
        tmp_path / "run" / step.folder for step in plan.steps
    ]


def test_without_its_journal_a_killed_run_goes_on_with_what_has_finished(
    study: Study, engine: Path, tmp_path: Path
) -> None:
    """As the message of a damaged one advises."""
    out = tmp_path / "run"
    whole = numbers(run_study(study, out))
    folder = StudyFolder.existing(out)
    for step in folder.plan.steps:
        folder.note(step.name, None)
    folder.write_whole()  # as it was before the first step
    (out / "plan.jsonl").write_text("{\n")
    with pytest.raises(StoreError, match="what became of the steps"):
        run_study(study, out)
    (out / "plan.jsonl").unlink()
    before = {file: file.stat().st_mtime_ns for file in out.glob("steps/**/results.json")}
    assert numbers(run_study(study, out)) == whole
    assert {file: file.stat().st_mtime_ns for file in out.glob("steps/**/results.json")} == before


def test_noting_a_step_does_not_write_the_plan(study: Study, tmp_path: Path) -> None:
    """A thousand steps would write a thousand times a plan of a thousand steps."""
    folder = StudyFolder.create(plan_study(study), tmp_path, "run")
    before = (tmp_path / "plan.json").read_bytes()
    for step in folder.plan.steps:
        folder.record(step.name, tmp_path / "steps" / "a-0", "")
    folder.add_wall_time(2.5)
    assert (tmp_path / "plan.json").read_bytes() == before
    assert len((tmp_path / "plan.jsonl").read_text().splitlines()) == len(folder.plan.steps) + 1
    there = StudyFolder.existing(tmp_path)
    assert {there.folder_of(step) for step in there.plan.steps} == {tmp_path / "steps" / "a-0"}
    assert there.wall_time_s == 2.5


# --- who else is at work, and what was changed since --------------------------------------------------------------


def test_a_step_that_was_started_on_another_machine_is_uncertain_everywhere(
    study: Study, engine: Path, tmp_path: Path
) -> None:
    run_study(study, tmp_path / "run")
    (folder,) = (tmp_path / "run").glob("steps/CsBr/bulk-bands-*")
    (folder / "results.json").unlink()
    write_state(folder, StepState(state="running", host="far", boot="1", pid=7, birth=1.0))
    assert {end.name: end.state for end in standing_of(tmp_path / "run").ends}[BULK] == "uncertain"
    outcome = outcome_of_folder(tmp_path / "run")
    assert {step.name: step.state for step in outcome.steps} == {BULK: "uncertain", SLAB: "finished"}
    gap = next(q for q in outcome.quantities if q.name == "band gap")
    assert gap.missing is not None and gap.missing.kind == "uncertain" and "process 7" in gap.missing.reason
    again = run_study(study, tmp_path / "run")
    assert {step.name: step.state for step in again.steps}[BULK] == "uncertain"


@pytest.mark.parametrize("name", ["results.json", "bands.npz", "built.json"])
def test_results_that_were_changed_since_are_refused_by_every_command(
    study: Study, engine: Path, tmp_path: Path, name: str
) -> None:
    """One bit of a number in it: the file is as whole as before."""
    run_study(study, tmp_path / "run")
    (folder,) = (tmp_path / "run").glob("steps/CsBr/bulk-bands-*")
    content = (folder / name).read_bytes()
    at = content.index(b"\x09@") if name == "bands.npz" else content.index(b"4")  # of a float, or a digit
    changed = content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]
    assert changed != content
    (folder / name).write_bytes(changed)
    outcome = outcome_of_folder(tmp_path / "run")
    assert {step.name: step.state for step in outcome.steps} == {BULK: "refused", SLAB: "finished"}
    assert {end.name: end.state for end in standing_of(tmp_path / "run").ends}[BULK] == "refused"
    again = {step.name: step.state for step in run_study(study, tmp_path / "run").steps}
    # the record is written again, an archive whose checksum fails is calculated again, an edited number is refused
    assert again == {BULK: "refused" if name == "results.json" else "finished", SLAB: "finished"}


def test_a_deck_that_was_edited_after_the_end_stands_beside_every_number(
    study: Study, engine: Path, tmp_path: Path
) -> None:
    run_study(study, tmp_path / "run")
    (deck,) = (tmp_path / "run").glob("steps/CsBr/bulk-bands-*/*.py")
    deck.write_text(deck.read_text().replace("FermiDirac(0.1)", "FermiDirac(0.2)"))
    for outcome in (outcome_of_folder(tmp_path / "run"), run_study(study, tmp_path / "run")):
        (step,) = [step for step in outcome.steps if step.name == BULK]
        assert step.state == "finished" and any("its deck was changed" in remark for remark in step.remarks)


@pytest.mark.parametrize("damage", [lambda text: text[: len(text) // 2], lambda text: "", lambda text: "{}"])
def test_a_damaged_plan_is_mended_as_its_refusal_says(
    write_study: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: Callable[[str], str]
) -> None:
    """What has finished is found, and nothing runs again."""
    engine, file, root = CountingEngine(tmp_path / "engine", monkeypatch), write_study(), tmp_path / "run"
    assert len(engine.run(file, root)) == 2
    plan = root / "plan.json"
    plan.write_text(damage(plan.read_text()))
    with pytest.raises(StoreError, match="plan of this folder cannot be read") as caught:
        engine.run(file, root)
    assert caught.value.fix.startswith("move it away, and give the study to this folder again: `dftflow run STUDY")
    plan.rename(tmp_path / "damaged.json")
    assert engine.run(file, root) == []
    assert {end.state for end in standing_of(root).ends} == {"finished"}


def test_a_damaged_plan_of_decks_is_mended_likewise(write_study: Callable[..., Path], tmp_path: Path) -> None:
    study, root = load_study(write_study(), "quick"), tmp_path / "decks"
    before = write_decks(study, root)
    script = next(root.glob("CsBr/*/*.py"))
    script.write_text(script.read_text() + "# mine\n")
    (root / "plan.json").write_text("{")
    with pytest.raises(StoreError, match="plan of this folder cannot be read"):
        write_decks(study, root)
    (root / "plan.json").unlink()
    again = write_decks(study, root)
    assert [deck.folder for deck in again.decks] == [deck.folder for deck in before.decks]
    assert script.read_text().endswith("# mine\n")
