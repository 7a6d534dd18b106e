"""What is noted beside a plan: lines of this plan, whole ones, nothing through a link."""

from __future__ import annotations

from pathlib import Path

import pytest

from dftflow.errors import StoreError
from dftflow.jobs.journal import JOURNAL_FILE, add_to_journal, journal_of, remove_journal
from dftflow.jobs.store import PlanFile, PlannedStep, note_in_plan, read_plan, write_plan

PLAN = PlanFile(header={}, steps=tuple(PlannedStep(name=name, title="") for name in ("a/x", "b/y")), id="here")


def test_what_is_noted_comes_back_in_its_order(tmp_path: Path) -> None:
    changes = [{"step": "a/x", "folder": "steps/ü"}, {"wall_time_s": 1.5}, {"step": "a/x", "folder": ""}]
    for change in changes:
        add_to_journal(tmp_path, "here", change)
        add_to_journal(tmp_path, "another", {"wall_time_s": 9.0})
    assert list(journal_of(tmp_path, "here")) == changes


def test_no_journal_is_no_change(tmp_path: Path) -> None:
    remove_journal(tmp_path)
    assert list(journal_of(tmp_path, "here")) == []


@pytest.mark.parametrize("cut", range(1, 40))
def test_the_beginning_of_a_line_is_dropped(tmp_path: Path, cut: int) -> None:
    add_to_journal(tmp_path, "here", {"step": "a/x", "folder": "one"})
    add_to_journal(tmp_path, "here", {"step": "b/y", "folder": "two"})
    file = tmp_path / JOURNAL_FILE
    file.write_bytes(file.read_bytes()[:-cut])
    assert list(journal_of(tmp_path, "here")) == [{"step": "a/x", "folder": "one"}]


def test_a_plan_is_what_was_written_and_noted(tmp_path: Path) -> None:
    write_plan(tmp_path, PLAN)
    note_in_plan(tmp_path, "here", step="a/x", folder="steps/a", failure="")
    note_in_plan(tmp_path, "here", step="b/y", folder="", failure="no crystal")
    note_in_plan(tmp_path, "here", step="of another text", folder="steps/c")
    note_in_plan(tmp_path, "here", wall_time_s=2.0)
    found = read_plan(tmp_path)
    assert found is not None and found.wall_time_s == 2.0
    assert [(step.name, step.folder, step.failure) for step in found.steps] == [
        ("a/x", "steps/a", ""),
        ("b/y", "", "no crystal"),
    ]
    write_plan(tmp_path, found)
    assert not (tmp_path / JOURNAL_FILE).exists() and read_plan(tmp_path) == found


@pytest.mark.parametrize(
    "line",
    ["{", "[]", "1", '{"plan": "here", "folder": "../x", "step": "a/x"}', '{"plan": "here", "folder": 1}', "\udcff"],
)
def test_a_damaged_journal_is_named(tmp_path: Path, line: str) -> None:
    write_plan(tmp_path, PLAN)
    (tmp_path / JOURNAL_FILE).write_bytes(line.encode("utf-8", "surrogateescape") + b"\n")
    with pytest.raises(StoreError, match="what became of the steps") as caught:
        read_plan(tmp_path)
    assert caught.value.where == str(tmp_path / JOURNAL_FILE) and caught.value.reason
    (tmp_path / JOURNAL_FILE).unlink()
    assert read_plan(tmp_path) == PLAN


def test_a_link_in_its_place_is_neither_read_nor_written(tmp_path: Path) -> None:
    write_plan(tmp_path, PLAN)
    (tmp_path / "mine.txt").write_text("mine")
    (tmp_path / JOURNAL_FILE).symlink_to("mine.txt")
    with pytest.raises(StoreError, match="a link, which is not followed"):
        read_plan(tmp_path)
    with pytest.raises(StoreError):
        note_in_plan(tmp_path, "here", wall_time_s=1.0)
    write_plan(tmp_path, PLAN)
    assert (tmp_path / "mine.txt").read_text() == "mine" and not (tmp_path / JOURNAL_FILE).is_symlink()
