"""Studies whose steps lie in one store: what is the same calculation is run once, whoever asks for it."""

from __future__ import annotations

import json
import shutil
import time
from multiprocessing import get_context
from multiprocessing.context import ForkProcess
from pathlib import Path

import pytest
from counting_engine import CountingEngine
from model_crystal import CBM, VBM

from dftflow.cli.main import main
from dftflow.errors import StoreError, StudyError
from dftflow.exchange.archive import write_archive
from dftflow.exchange.unpacking import unpack_archive
from dftflow.jobs.shared_store import StepHome
from dftflow.jobs.store import existing_plan
from dftflow.report.results_json import results_document
from dftflow.studies.cleaning import remove, what_can_go
from dftflow.studies.execution import outcome_of_folder, run_study
from dftflow.studies.preview import preview
from dftflow.studies.printed import printed_of
from dftflow.studies.reader import load_study
from dftflow.studies.standing import standing_of
from dftflow.studies.study_folder import StudyFolder

STUDY = """\
schema = 1
title = "{title}"
code = "gpaw"
store = "{store}"

[materials.{name}]
structure = "CsBr_Pm-3m"
cutoff_ev = {cutoff}
relax_kpoints = [2, 2, 2]
bands_kpoints = [4, 4, 4]
cell = "isotropic"
band_edge = "G"
"""
SLAB = """
[[materials.{name}.slabs]]
miller = [1, 1, 0]
setting = "cubic"
"""


class Place:
    """A folder of studies, with the store beside it."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root, self.store = root / "all", root / "all" / "store"
        (self.root / "studies").mkdir(parents=True)
        self.engine = CountingEngine(root / "engine", monkeypatch)

    def study(
        self, title: str, *, name: str = "CsBr", slab: bool = False, cutoff: float = 244.9, store: str = "../store"
    ) -> Path:
        file = self.root / "studies" / f"{title}.toml"
        text = STUDY + (SLAB if slab else "")
        file.write_text(text.format(title=title, name=name, cutoff=cutoff, store=store))
        return file

    def run(self, file: Path, root: Path | None = None) -> list[str]:
        return self.engine.run(file, root or self.folder(file))

    def folder(self, file: Path) -> Path:
        return self.root / "runs" / file.stem

    def steps(self) -> list[str]:
        return sorted(folder.name for folder in (self.store / "steps").iterdir())


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    return Place(tmp_path, monkeypatch)


def states(root: Path) -> set[str]:
    return {end.state for end in standing_of(root).ends}


def gap(root: Path) -> float:
    (material,) = outcome_of_folder(root).materials
    edges = material.bulk.edges
    assert edges is not None
    return edges.band_gap_ev


def test_a_second_study_runs_only_what_is_new(place: Place) -> None:
    first, second = place.study("first"), place.study("second", name="Salt", slab=True)
    assert place.run(first) == ["CsBr-bulk-bands"]
    (kept,) = place.store.glob("steps/*/built.json")
    before = kept.read_bytes()
    assert place.run(second) == ["Salt-slab-110-potential"]
    assert len(place.steps()) == 2 and not (place.folder(first) / "steps").exists()
    assert kept.read_bytes() == before  # the other study finds its step as it was
    assert states(place.folder(first)) == states(place.folder(second)) == {"finished"}
    printed = printed_of(place.folder(first), "CsBr/bulk-bands", lines=5)
    assert printed and printed == printed_of(place.folder(second), "Salt/bulk-bands", lines=5)
    assert gap(place.folder(first)) == gap(place.folder(second)) == pytest.approx(CBM + 0.1 - VBM)
    assert place.run(first) == place.run(second) == []


@pytest.mark.parametrize("store", ["/proc/store", "../all"])
def test_a_store_that_can_be_none_is_named_anew_in_the_study(place: Place, store: str) -> None:
    (place.root / "all").mkdir()
    (place.root / "all" / "mine").touch()
    with pytest.raises(StoreError) as caught:
        place.run(place.study("first", store=store))
    assert "`store`" in caught.value.fix and "study" in caught.value.fix and "--out" not in caught.value.fix


def test_another_setting_is_another_calculation(place: Place) -> None:
    assert place.run(place.study("first")) == place.run(place.study("second", cutoff=300.0)) == ["CsBr-bulk-bands"]
    assert len(place.steps()) == 2


def begun(place: Place, file: Path) -> ForkProcess:
    """Another dftflow that runs the study, as it is when its engine has been started."""
    process = get_context("fork").Process(target=run_study, args=(load_study(str(file), "quick"), place.folder(file)))
    process.start()
    until = time.monotonic() + 60
    while not place.engine.started and time.monotonic() < until:
        time.sleep(0.02)
    assert place.engine.started == ["CsBr-bulk-bands"]
    return process


@pytest.mark.parametrize("killed", [False, True])
def test_what_another_dftflow_calculates_is_waited_for(place: Place, killed: bool) -> None:
    """Also when it is killed meanwhile: its engine goes on."""
    first, second = place.study("first"), place.study("second", name="Salt")
    place.engine.before = {"CsBr-bulk-bands": "sleep 4"}
    place.engine._log.write_text("")
    other = begun(place, first)
    if killed:
        other.kill()
    outcome = run_study(load_study(str(second), "quick"), place.folder(second), workers=1)
    other.join(60)
    assert not other.is_alive()
    assert {step.state for step in outcome.steps} == {"finished"}
    assert place.engine.started == ["CsBr-bulk-bands"]
    assert killed or states(place.folder(first)) == {"finished"}


def test_a_step_that_waits_for_another_run_takes_no_worker(place: Place) -> None:
    """Nor does it start more than there are workers, when its turn comes because the other was killed."""
    first, second = place.study("first"), place.study("second", name="Salt", slab=True)
    place.engine.before = {"CsBr-bulk-bands": "sleep 4"}
    place.engine._log.write_text("")
    other = begun(place, first)
    seen: list[dict[str, str]] = []
    outcome = run_study(
        load_study(str(second), "quick"),
        place.folder(second),
        workers=1,
        observer=lambda views: seen.append({view.name: view.state for view in views}),
    )
    other.join(60)
    assert {step.state for step in outcome.steps} == {"finished"}
    assert place.engine.started == ["CsBr-bulk-bands", "Salt-slab-110-potential"]
    both = [states for states in seen if states["Salt/slab-110-potential"] == "finished"]
    assert both and both[0]["Salt/bulk-bands"] == "waiting", "the slab has ended before what is waited for"


def test_a_plan_says_what_is_already_in_the_store(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = place.study("first"), place.study("second", name="Salt", slab=True)
    arguments = ["plan", str(second), "--preset", "quick", "--out", str(place.folder(second))]
    assert main(arguments) == 0
    assert "0 of 2 steps are there;" in capsys.readouterr().out
    place.run(first)
    assert main(arguments) == 0
    said = capsys.readouterr().out
    assert "already in the store" in said and "1 of 2 steps are there (1 in the store);" in said
    rows = {row.name: row for row in preview(load_study(str(second), "quick"), place.folder(second))}
    assert {name: row.in_store for name, row in rows.items()} == {
        "Salt/bulk-bands": True, "Salt/slab-110-potential": False
    }  # fmt: skip
    other = place.study("third", cutoff=300.0)
    assert [row.state for row in preview(load_study(str(other), "quick"), place.folder(other))] == ["waiting"]
    assert not place.folder(second).exists() and len(list((place.store / "users").iterdir())) == 1, "nothing is written"


def test_the_results_name_their_steps_as_seen_from_the_run(place: Place, tmp_path: Path) -> None:
    file = place.study("first")
    place.run(file)
    root = place.folder(file)
    (step,) = results_document(outcome_of_folder(root), root)["steps"]
    assert step["folder"] == f"../../store/steps/{place.steps()[0]}"
    linked = tmp_path / "elsewhere" / "deep" / "run"
    linked.parent.mkdir(parents=True)
    linked.symlink_to(root)
    (step,) = results_document(outcome_of_folder(linked), linked)["steps"]
    assert (linked / step["folder"] / "built.json").is_file(), "as the system follows it"


def test_nothing_is_removed_that_another_study_uses(place: Place) -> None:
    first, second = place.study("first"), place.study("second", slab=True)
    place.run(first)
    place.run(second)
    used = set(place.steps())
    assert what_can_go(place.folder(first)) == what_can_go(place.folder(second)) == ()
    for cutoff in (300.0, 320.0, 244.9):  # the last one is that of the other study again
        place.run(place.study("second", slab=True, cutoff=cutoff))
    found = what_can_go(place.folder(first))
    gone = {one.path.name for one in found}
    assert gone and gone == set(place.steps()) - used - earlier(place.folder(second))
    with StepHome(place.store, is_shared=True).held(), pytest.raises(StoreError, match="calculated in this store"):
        remove(place.folder(first), found)
    remove(place.folder(first), found)
    assert gone.isdisjoint(place.steps()) and used <= set(place.steps())
    assert place.run(first) == place.run(second) == []


def earlier(root: Path) -> set[str]:
    """Folders of the plan before the last, which its study may come back to."""
    return {Path(step.earlier).name for step in existing_plan(root).steps}


def test_what_is_in_use_since_it_was_listed_stays(place: Place) -> None:
    first, second = place.study("first"), place.study("second", cutoff=300.0)
    place.run(first)
    place.run(second)
    place.run(place.study("second"))
    place.run(place.study("second", cutoff=320.0))
    found = what_can_go(place.folder(first))
    assert len(found) == 1  # of 300 eV
    place.run(place.study("third", cutoff=300.0))
    remove(place.folder(first), found)
    assert found[0].path.is_dir()


def test_nothing_is_removed_where_a_study_is_not_found(place: Place) -> None:
    first, second = place.study("first"), place.study("second", cutoff=300.0)
    place.run(first)
    place.run(second)
    place.folder(second).rename(place.root / "elsewhere")
    with pytest.raises(StoreError, match="not found"):
        what_can_go(place.folder(first))
    assert place.run(second, place.root / "elsewhere") == []  # where it lies now is written down
    assert what_can_go(place.folder(first)) == ()


def test_moved_together_nothing_is_lost(place: Place, tmp_path: Path) -> None:
    file = place.study("first")
    place.run(file)
    place.root.rename(tmp_path / "moved")
    assert states(tmp_path / "moved" / "runs" / "first") == {"finished"}


def test_a_run_that_is_moved_alone_is_refused_with_a_way_out(place: Place, tmp_path: Path) -> None:
    file = place.study("first")
    place.run(file)
    alone = tmp_path / "far" / "away" / "run"
    alone.parent.mkdir(parents=True)
    place.folder(file).rename(alone)
    with pytest.raises(StoreError, match="not there") as refusal:
        standing_of(alone)
    assert f"--out {alone}" in str(refusal.value)
    assert place.run(file, alone) == [] and states(alone) == {"finished"}


def test_a_copy_of_a_run_is_a_user_of_its_own(place: Place) -> None:
    file = place.study("first")
    place.run(file)
    shutil.copytree(place.folder(file), place.root / "runs" / "copy")
    assert place.run(file, place.root / "runs" / "copy") == []
    users = {json.loads(user.read_text())["folder"] for user in (place.store / "users").iterdir()}
    assert users == {"../runs/first", "../runs/copy"}


def test_a_store_is_made_where_nothing_else_is(place: Place) -> None:
    (place.root / "store").mkdir()
    (place.root / "store" / "thesis.txt").write_text("")
    with pytest.raises(StoreError, match="it holds thesis"):
        place.run(place.study("first"))
    assert sorted(place.store.iterdir()) == [place.store / "thesis.txt"]


def test_a_store_below_the_home_is_there_and_stays_there(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(place.root))
    monkeypatch.chdir(place.root)
    file = place.study("a", store="~/store")
    assert place.run(file) and place.steps()
    assert not list(place.root.rglob("~"))
    assert existing_plan(place.folder(file)).store == str(place.store)


def test_a_store_in_the_home_of_nobody_is_refused_where_it_is_written(place: Place) -> None:
    file = place.study("a", store="~nobody-is-called-so/store")
    with pytest.raises(StudyError, match="store: there is no home folder") as caught:
        load_study(str(file), "quick")
    (number,) = [n for n, line in enumerate(file.read_text().splitlines(), start=1) if line.startswith("store")]
    assert caught.value.where == f"{file}:{number}"


def test_a_store_that_comes_or_goes_is_refused(place: Place) -> None:
    file = place.study("first")
    place.run(file)
    file.write_text(file.read_text().replace('store = "../store"\n', ""))
    with pytest.raises(StoreError, match="and the study has them in its own folder"):
        place.run(file)
    own = place.root / "runs" / "own"
    assert place.run(file, own) == ["CsBr-bulk-bands"]
    with pytest.raises(StoreError, match="lie in its own folder, and the study has them in"):
        place.run(place.study("first"), own)


# --- what a stranger wrote --------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["status", "report", "clean", "collect"])
@pytest.mark.parametrize("where", ["../all/store", "/etc", "../secret"])
def test_the_plan_of_a_stranger_reads_nothing_of_anybodys_store(
    place: Place, tmp_path: Path, command: str, where: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """It names a store that does not know it, or a folder that is none."""
    file = place.study("first")
    place.run(file)
    (tmp_path / "secret" / "steps").mkdir(parents=True)
    shutil.copytree(place.folder(file), tmp_path / "stranger")
    for name in ("plan.json", "index.json"):
        content = (tmp_path / "stranger" / name).read_text()
        (user,) = (one.stem for one in (place.store / "users").iterdir())
        (tmp_path / "stranger" / name).write_text(content.replace("../../store", where).replace(user, "0" * 16))
    before = sorted(tmp_path.rglob("*"))
    given = [str(file), str(tmp_path / "stranger")] if command == "collect" else [str(tmp_path / "stranger")]
    assert main([command, *given]) != 0
    assert "store" in capsys.readouterr().err
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("user", ["../../x", "", "0" * 15 + "/", "A" * 16])
def test_an_id_is_no_path(place: Place, user: str) -> None:
    file = place.study("first")
    place.run(file)
    plan = place.folder(file) / "plan.json"
    (known,) = (one.stem for one in (place.store / "users").iterdir())
    plan.write_text(plan.read_text().replace(known, user))
    with pytest.raises(StoreError, match="no place of a store"):
        standing_of(place.folder(file))


# --- handed on --------------------------------------------------------------------------------------------------


def test_an_archive_holds_the_steps_and_needs_no_store(place: Place, tmp_path: Path) -> None:
    file = place.study("first", slab=True)
    place.run(file)
    write_archive(place.folder(file), tmp_path / "all.zip")
    shutil.rmtree(place.root)
    unpack_archive(tmp_path / "all.zip", tmp_path / "taken")
    assert states(tmp_path / "taken") == {"finished"}
    assert gap(tmp_path / "taken") == pytest.approx(CBM + 0.1 - VBM)
    assert not place.root.exists()


def test_an_archive_is_gone_on_with_where_it_was_put(place: Place, tmp_path: Path) -> None:
    """Its steps lie in its own folder then, where they are found by what they calculate, also for a changed study."""
    file = place.study("first", slab=True)
    place.run(file)
    write_archive(place.folder(file), tmp_path / "all.zip")
    taken = tmp_path / "taken"
    unpack_archive(tmp_path / "all.zip", taken)
    assert place.run(file, taken) == [] and states(taken) == {"finished"}
    text = (taken / "study.toml").read_text()
    assert 'store = "../store"' in text and not (tmp_path / "store").exists()
    file.write_text(text.replace('title = "first"', 'title = "another"'))
    with pytest.raises(StoreError, match="take `store` out of the study"):
        place.run(file, taken)
    file.write_text(file.read_text().replace('store = "../store"\n', ""))
    assert place.run(file, taken) == [] and states(taken) == {"finished"}


def test_an_archive_of_jobs_says_where_its_steps_lie_once(place: Place, tmp_path: Path) -> None:
    """Steps that were carried out alone, as jobs are, note their place beside the plan: that in the store."""
    file = place.study("first")
    place.run(file)
    folder = StudyFolder.existing(place.folder(file))
    (step,) = folder.plan.steps
    folder.record_apart(step.name, folder.folder_of(step), "")
    write_archive(place.folder(file), tmp_path / "all.zip")
    unpack_archive(tmp_path / "all.zip", tmp_path / "taken")
    assert states(tmp_path / "taken") == {"finished"}
