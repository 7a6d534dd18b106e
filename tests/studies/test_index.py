"""The index of a run spares reading and changes no answer, whether it is missing, damaged, copied or outdated."""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from model_crystal import copying_engine

from dftflow.jobs import run_index
from dftflow.jobs.run_index import INDEX_FILE, RunIndex, write_index
from dftflow.jobs.step_state import StepState, read_state, write_state
from dftflow.jobs.store import existing_plan, note_in_plan
from dftflow.studies import standing
from dftflow.studies.execution import run_study
from dftflow.studies.reader import load_study
from dftflow.studies.standing import Standing, standing_of


@pytest.fixture
def root(write_study: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run that has ended."""
    study = load_study(str(write_study()), "quick")
    copying_engine(study, tmp_path / "prepared", monkeypatch)
    run_study(study, tmp_path / "run")
    assert (tmp_path / "run" / INDEX_FILE).is_file()
    return tmp_path / "run"


def step_folder(root: Path) -> Path:
    return sorted((root / "steps").glob("*/*-*"))[0]


def results(root: Path) -> Path:
    return step_folder(root) / "results.json"


def without_index(root: Path) -> Standing:
    kept = (root / INDEX_FILE).read_bytes()
    (root / INDEX_FILE).unlink()
    try:
        return standing_of(root)
    finally:
        (root / INDEX_FILE).write_bytes(kept)


def test_of_what_is_as_it_was_neither_states_nor_the_plan_are_read(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = without_index(root)
    assert {end.state for end in expected.ends} == {"finished"}

    def read(*what: object) -> None:
        raise AssertionError("it was read")

    monkeypatch.setattr(standing, "read_state", read)
    monkeypatch.setattr(standing, "existing_plan", read)
    assert standing_of(root) == expected


def damaged(root: Path) -> None:
    content = (root / INDEX_FILE).read_bytes()
    (root / INDEX_FILE).write_bytes(content.replace(b'"finished"', b'"fin1shed"').replace(b"[1", b"[2", 1))


def same_size(root: Path) -> None:
    """Another digit, and the times of the file as they were, as far as one can set them."""
    file = results(root)
    before, text = file.stat(), file.read_text()
    at = text.index('"energy')
    digit = next(place for place in range(at, len(text)) if text[place].isdigit())
    file.write_text(text[:digit] + str((int(text[digit]) + 1) % 10) + text[digit + 1 :])
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def moved_behind_a_link(root: Path) -> None:
    folder = step_folder(root)
    shutil.move(folder, root.parent / "elsewhere")
    folder.symlink_to(root.parent / "elsewhere")


def failed_since(root: Path) -> None:
    write_state(step_folder(root), StepState(state="failed", failure="by hand"))


def another_plan(root: Path) -> None:
    file = root / "plan.json"
    file.write_text(file.read_text().replace("bulk: geometry", "bulk: Geometry"))


def noted_since(root: Path) -> None:
    plan = existing_plan(root)
    note_in_plan(root, plan.id, step=plan.steps[0].name, folder="", failure="taken back")


@pytest.mark.parametrize(
    "change",
    [
        damaged,
        lambda root: (root / INDEX_FILE).write_bytes((root / INDEX_FILE).read_bytes()[:-40]),
        lambda root: (root / INDEX_FILE).write_text("[" * 100_000),
        lambda root: results(root).unlink(),
        lambda root: results(root).write_text("{}"),
        lambda root: (results(root).unlink(), results(root).symlink_to(root.parent / "prepared")),
        lambda root: (step_folder(root) / "state.json").unlink(),
        same_size,
        moved_behind_a_link,
        failed_since,
        another_plan,
        noted_since,
    ],
)
def test_whatever_changes_is_told_as_without_an_index(root: Path, change: Callable[[Path], object]) -> None:
    change(root)
    assert standing_of(root) == without_index(root)


def test_a_copied_folder_is_read_where_it_lies(root: Path) -> None:
    shutil.copytree(root, root.parent / "copy")
    copy = root.parent / "copy"
    assert RunIndex(copy).finished(copy, step_folder(copy).relative_to(copy).as_posix()) is None
    assert [end.state for end in standing_of(copy).ends] == [end.state for end in standing_of(root).ends]


def test_it_is_rebuilt_from_the_folders(root: Path) -> None:
    written = (root / INDEX_FILE).read_bytes()
    (root / INDEX_FILE).unlink()
    write_index(root, existing_plan(root), root)
    assert (root / INDEX_FILE).read_bytes() == written


def test_it_says_nothing_of_its_own_even_where_its_digest_is_right(root: Path) -> None:
    """Somebody may write one: what it then says of a folder that has not finished is not believed."""
    place = step_folder(root).relative_to(root).as_posix()
    _, text = (root / INDEX_FILE).read_bytes().split(b"\n")
    content = json.loads(text)
    for files in ({}, {"../../plan.json": None}, [], None, {"state.json": [1, 2]}):
        content["steps"][place][3] = files
        changed = json.dumps(content).encode()
        (root / INDEX_FILE).write_bytes(run_index._digest(changed) + b"\n" + changed)
        assert RunIndex(root).finished(root, place) is None


def test_a_step_that_runs_again_is_no_more_in_it(root: Path) -> None:
    folder = step_folder(root)
    place = folder.relative_to(root).as_posix()
    assert RunIndex(root).finished(root, place) is not None
    write_state(folder, StepState(state="waiting", wall_time_s=read_state(folder).wall_time_s))
    assert RunIndex(root).finished(root, place) is None
    write_index(root, existing_plan(root), root)
    assert place not in json.loads((root / INDEX_FILE).read_bytes().split(b"\n")[1])["steps"]


def test_status_loads_nothing_heavy_where_all_has_finished(root: Path) -> None:
    script = (
        "import sys\nfrom dftflow.cli.main import main\nassert main(['status', sys.argv[1]]) == 0\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules}), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script, str(root)], capture_output=True, text=True, check=True)
    loaded = set(ast.literal_eval(done.stderr))
    assert "finished" in done.stdout
    assert not loaded & {"pymatgen", "ase", "scipy", "spglib", "numpy", "matplotlib", "jinja2", "pandas", "rich"}
