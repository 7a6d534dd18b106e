"""Files of a run: whole or not at all, never through a link, and no place in them leads out of their folder."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from dftflow.errors import StoreError
from dftflow.jobs.by_hand import Ledger
from dftflow.jobs.store import (
    PlanFile,
    PlannedStep,
    below,
    leads_outside,
    read_plan,
    storage_errors,
    write_atomically,
    write_plan,
)

ESCAPES = ("../x", "a/../../x", "/etc", "..", ".", "a//b", "a/", "a\0b", "a\nb", "\x1b[2J", "x" * 5000)


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "mine.txt").write_text("mine")
    return folder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "root").mkdir()
    return tmp_path / "root"


def test_a_link_in_the_place_of_a_file_gives_way_and_what_it_leads_to_stays(root: Path, outside: Path) -> None:
    (root / "file").symlink_to(outside / "mine.txt")
    write_atomically(root / "file", "new")
    assert (outside / "mine.txt").read_text() == "mine"
    assert not (root / "file").is_symlink() and (root / "file").read_text() == "new"


@pytest.mark.parametrize("place", ["link", "a/link", "link/deeper"])
def test_a_link_in_the_place_of_a_folder_is_not_followed(root: Path, outside: Path, place: str) -> None:
    (root / "a").mkdir()
    link = root / place.removesuffix("/deeper")
    link.symlink_to(outside)
    with pytest.raises(OSError, match="symbolic links") as caught:
        write_atomically(root / place / "mine.txt", "new", root=root)
    assert caught.value.errno == errno.ELOOP and caught.value.filename == str(link)
    assert [file.name for file in outside.iterdir()] == ["mine.txt"]
    assert (outside / "mine.txt").read_text() == "mine"


def test_the_root_itself_may_be_a_link(root: Path, tmp_path: Path) -> None:
    (tmp_path / "latest").symlink_to(root)
    write_atomically(tmp_path / "latest" / "a" / "b" / "file", b"\0new", root=tmp_path / "latest")
    assert (root / "a" / "b" / "file").read_bytes() == b"\0new"


def test_a_temporary_name_that_somebody_laid_there_is_not_written_to(root: Path, outside: Path) -> None:
    for name in (f".file.{os.getpid()}", f".file.{os.getpid()}.tmp"):
        (root / name).symlink_to(outside / "mine.txt")
    write_atomically(root / "file", "new")
    assert (outside / "mine.txt").read_text() == "mine" and (root / "file").read_text() == "new"


@pytest.mark.parametrize("failing", ["fsync", "replace"])
def test_what_fails_leaves_the_old_file_and_nothing_else(
    root: Path, failing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_atomically(root / "file", "old")

    def full(*arguments: object, **options: object) -> None:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, failing, full)
    with pytest.raises(OSError, match="full") as caught:
        write_atomically(root / "file", "new")
    assert caught.value.filename == str(root / "file")
    assert [file.name for file in root.iterdir()] == ["file"] and (root / "file").read_text() == "old"


@pytest.mark.parametrize("place", ESCAPES)
def test_a_stored_place_stays_below_its_folder(root: Path, place: str) -> None:
    with pytest.raises(ValueError, match="no path below the folder"):
        below(root, place)
    for key in ("name", "folder", "earlier"):
        write_plan(root, PlanFile(header={}, steps=(PlannedStep(**{"name": "a/b", "title": "", key: place}),)))
        with pytest.raises(StoreError, match="plan of this folder cannot be read") as caught:
            read_plan(root)
        assert caught.value.where == str(root / "plan.json") and repr(place[:60]) in caught.value.reason


def test_places_below_are_taken(root: Path) -> None:
    for place in ("", "steps/CsBr/bulk-bands-0123456789", "(FA0.83Cs0.17)Pb(I0.6Br0.4)3/slab α"):
        assert below(root, place) == root / place


def test_a_link_that_leads_out_is_told_from_one_that_does_not(root: Path, outside: Path) -> None:
    (root / "in").mkdir()
    (root / "beside").symlink_to("in")
    (root / "out").symlink_to(outside)
    (root / "circle").symlink_to("circle")
    assert [leads_outside(root, root / name) for name in ("in", "beside", "none", "out", "out/deeper")] == [
        *(False, False, False, True, True)
    ]


@pytest.mark.parametrize(
    "content", ["[]", "{", '{"a": 1}', '{"a": [1]}', '{"../a": []}', '{"/a": ["x"]}', "[" * 5000, '"x"']
)
def test_a_ledger_that_names_what_is_not_below_or_is_no_ledger_is_refused(root: Path, content: str) -> None:
    (root / "written.json").write_text(content)
    with pytest.raises(StoreError, match="what was written into this folder cannot be read") as caught:
        Ledger(root)
    assert caught.value.where == str(root / "written.json")


def test_decks_are_not_written_through_a_link_and_a_persons_link_is_kept(root: Path, outside: Path) -> None:
    (root / "step").symlink_to(outside)
    with pytest.raises(StoreError, match="a link in this folder leads elsewhere"):
        Ledger(root).write({"step/deck.py": "text"})
    (root / "step").unlink()
    (root / "step").mkdir()
    (root / "step" / "deck.py").symlink_to(outside / "mine.txt")
    assert Ledger(root).write({"step/deck.py": "text"}) == ("step/deck.py",)
    assert (outside / "mine.txt").read_text() == "mine" and len(list(outside.iterdir())) == 1


@pytest.mark.parametrize("code", [errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EEXIST, errno.EISDIR, 0])
def test_a_place_that_is_refused_has_advice_for_every_command(code: int) -> None:
    """Many have a folder as an argument, and no option that names another."""
    with pytest.raises(StoreError) as caught, storage_errors(Path("runs/x")):
        raise OSError(code, os.strerror(code))
    assert "--out" not in str(caught.value) and caught.value.fix.endswith(", or name another place")
