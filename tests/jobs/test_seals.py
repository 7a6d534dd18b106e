"""Which files were changed after they were sealed."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from dftflow.jobs import seals as seals_module
from dftflow.jobs.seals import changed_files, seal_files
from dftflow.jobs.store import is_temporary, write_atomically


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "step"
    (folder / "save").mkdir(parents=True)
    (folder / "results.json").write_text('{"energy_ev": -1.0}')
    (folder / "save" / "data.xml").write_text("abc")
    (folder / "state.json").write_text("{}")
    (folder / "link").symlink_to("results.json")
    return folder


def test_every_plain_file_is_sealed_by_its_content(folder: Path) -> None:
    seals = seal_files(folder, without=("state.json",))
    assert set(seals) == {"results.json", "save/data.xml"}
    # the test vector of FIPS 180-4 for "abc"
    assert seals["save/data.xml"].sha256 == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert changed_files(folder, seals) == ()


def test_an_edit_of_one_digit_is_seen_though_size_and_time_are_as_before(folder: Path) -> None:
    seals = seal_files(folder)
    file = folder / "results.json"
    about = file.stat()
    file.write_text('{"energy_ev": -2.0}')
    os.utime(file, ns=(about.st_atime_ns, about.st_mtime_ns))
    assert changed_files(folder, seals) == ("results.json",)


@pytest.mark.parametrize("damage", ["cut", "folder", "link"])
def test_what_is_not_the_file_it_was_is_changed(folder: Path, damage: str) -> None:
    seals = seal_files(folder)
    file = folder / "results.json"
    content = file.read_text()
    file.unlink()
    if damage == "cut":
        file.write_text(content[:5])
    elif damage == "folder":
        file.mkdir()
    else:
        (folder.parent / "elsewhere").write_text(content)
        file.symlink_to(folder.parent / "elsewhere")
    assert changed_files(folder, seals) == ("results.json",)


def test_a_copy_is_the_same(folder: Path, tmp_path: Path) -> None:
    seals = seal_files(folder)
    shutil.copytree(folder, tmp_path / "copy", symlinks=True)
    assert changed_files(tmp_path / "copy", seals) == ()


def test_what_was_thrown_away_is_not_changed(folder: Path) -> None:
    seals = seal_files(folder)
    shutil.rmtree(folder / "save")
    assert changed_files(folder, seals) == ()


def test_what_another_process_is_writing_or_takes_away_meanwhile_is_not_sealed(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As two processes do that wait for the same engine: both seal what it left, and write the state beside it."""
    (folder / ".results.lock").write_text("an engine's own")
    whole, hashed, seen = set(seal_files(folder)), seals_module._sha256, []
    assert ".results.lock" in whole

    def while_another_writes(file: Path) -> str:
        (folder / "zz-short-lived").unlink(missing_ok=True)
        return hashed(file)

    def before_the_rename(source: str, target: str, **folders: int) -> None:
        (folder / "zz-short-lived").write_text("listed, then gone")
        seen.append((source, set(seal_files(folder))))
        renamed(source, target, **folders)

    renamed = os.replace
    monkeypatch.setattr(seals_module, "_sha256", while_another_writes)
    monkeypatch.setattr(os, "replace", before_the_rename)
    write_atomically(folder / "state.json", "{}")
    ((temporary, sealed),) = seen
    assert sealed == whole
    assert is_temporary(temporary) and not is_temporary(".results.lock")
