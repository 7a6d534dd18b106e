"""An export takes the place of no file, and writes to no place of dftflow's own."""

from __future__ import annotations

import errno
import os
from contextlib import ExitStack
from pathlib import Path

import pytest
from outcomes import CS_011, StoredRun

from dftflow.api.exchange import export_archive, export_ase
from dftflow.errors import InputError
from dftflow.exchange.archive import write_archive
from dftflow.exchange.ase_rows import write_rows
from dftflow.exchange.new_file import new_file
from dftflow.studies.study_folder import StudyFolder

EXPORTS = {"zip": export_archive, "db": export_ase, "json": export_ase}


@pytest.mark.parametrize("ending", EXPORTS)
def test_a_file_that_is_there_stays(run: StoredRun, tmp_path: Path, ending: str) -> None:
    mine = tmp_path / f"mine.{ending}"
    mine.write_text("years of work")
    with pytest.raises(InputError, match="something at this place already"):
        EXPORTS[ending](run.root, mine)
    assert mine.read_text() == "years of work"
    link = tmp_path / f"link.{ending}"
    link.symlink_to(tmp_path / "nowhere")
    with pytest.raises(InputError, match="something at this place already"):
        EXPORTS[ending](run.root, link)
    assert link.is_symlink() and not (tmp_path / "nowhere").exists()


def test_what_writes_refuses_too(run: StoredRun, tmp_path: Path) -> None:
    mine = tmp_path / "mine.db"
    mine.write_text("years of work")
    with pytest.raises(InputError, match="already"):
        write_archive(run.root, mine)
    with pytest.raises(InputError, match="already"):
        write_rows(run.outcome(), {step.name: step.id for step in StudyFolder.existing(run.root).plan.steps}, mine)
    assert mine.read_text() == "years of work"


@pytest.mark.parametrize("place", ["plan.json", "RESULTS.json", "figures/new.json", "{step}/new.json"])
def test_places_of_dftflow_are_refused_where_nothing_is_yet(run: StoredRun, place: str) -> None:
    file = run.root / place.format(step=run.folder(CS_011).relative_to(run.root))
    file.parent.mkdir(exist_ok=True)
    before = file.read_bytes() if file.exists() else None
    with pytest.raises(InputError, match="writes to this place" if before is None else "already"):
        export_ase(run.root, file)
    assert (file.read_bytes() if file.exists() else None) == before


def test_a_name_of_ones_own_in_the_folder_is_taken(run: StoredRun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(run.root)
    assert export_ase(".", "rows.db") > 0


def test_what_came_while_it_was_written_stays(tmp_path: Path) -> None:
    file = tmp_path / "study.db"
    with ExitStack() as stack:
        stack.enter_context(new_file(file)).write_text("new")
        file.write_text("somebody was faster")
        with pytest.raises(InputError, match="already"):
            stack.close()
    assert file.read_text() == "somebody was faster"
    assert list(tmp_path.iterdir()) == [file]


def test_a_file_system_without_second_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def link(*_: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", link)
    with new_file(tmp_path / "study.db") as beside:
        beside.write_text("new")
    assert [path.name for path in tmp_path.iterdir()] == ["study.db"]
