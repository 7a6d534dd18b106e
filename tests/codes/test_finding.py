"""Calculations in folders, in folders of folders, by one of their files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from dftflow.codes.base import Calculation
from dftflow.codes.finding import find_calculations
from dftflow.errors import InputError, ParseError, SpecError


class Double:
    """A code whose calculations are the files ``*.<name>``."""

    def __init__(self, name: str) -> None:
        self.name = name

    def find(self, folder: Path) -> tuple[Calculation, ...]:
        files = sorted(folder.glob(f"*.{self.name}"))
        return tuple(Calculation(code=self.name, folder=folder, seed=file.stem, files=(file,)) for file in files)


@pytest.fixture(autouse=True)
def two_codes(monkeypatch: pytest.MonkeyPatch) -> None:
    codes = {"alpha": Double("alpha"), "beta": Double("beta")}

    def load(name: str) -> Any:
        if name not in codes:
            raise SpecError(f"there is no code called {name!r}")
        return codes[name]

    monkeypatch.setattr("dftflow.codes.finding.code_names", lambda: tuple(codes))
    monkeypatch.setattr("dftflow.codes.finding.load_code", load)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in (
        "top.alpha",
        "b/two.beta",
        "b/one.alpha",
        "a/deep/er/three.alpha",
        ".hidden/no.alpha",
        "a/.no/no.beta",
    ):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    return tmp_path


def names(found: tuple[Calculation, ...], top: Path) -> list[str]:
    return [f"{(c.folder / c.seed).relative_to(top)}.{c.code}" for c in found]


def test_folder_by_folder_and_code_by_code(tree: Path) -> None:
    found = find_calculations(tree)
    assert names(found, tree) == ["top.alpha", "a/deep/er/three.alpha", "b/one.alpha", "b/two.beta"]


def test_one_code_alone(tree: Path) -> None:
    assert names(find_calculations(tree, "beta"), tree) == ["b/two.beta"]


def test_hidden_folders_are_read_when_they_are_asked_for(tree: Path) -> None:
    assert names(find_calculations(tree / ".hidden"), tree) == [".hidden/no.alpha"]


def test_a_file_gives_its_own_calculation(tree: Path) -> None:
    assert names(find_calculations(tree / "b" / "one.alpha"), tree) == ["b/one.alpha"]


def test_a_file_in_the_folder_where_one_stands(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tree / "b")
    for name in ("one.alpha", "./one.alpha"):
        (found,) = find_calculations(Path(name))
        assert found.seed == "one" and found.files == (Path("one.alpha"),)


def test_a_file_of_no_calculation(tree: Path) -> None:
    (tree / "notes.txt").touch()
    assert find_calculations(tree / "notes.txt") == ()
    assert find_calculations(tree / "b" / "one.alpha", "beta") == ()


def test_an_empty_folder(tmp_path: Path) -> None:
    assert find_calculations(tmp_path) == ()


def test_no_such_place(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file or folder") as caught:
        find_calculations(tmp_path / "nowhere")
    assert caught.value.where == str(tmp_path / "nowhere")


@pytest.mark.parametrize("name", ["", "gamma"])
def test_no_such_code(tree: Path, name: str) -> None:
    with pytest.raises(SpecError):
        find_calculations(tree, name)


def test_links_in_a_circle_end(tree: Path) -> None:
    (tree / "a" / "back").symlink_to(tree, target_is_directory=True)
    assert len(find_calculations(tree)) == 4


def test_a_link_as_the_top_is_followed(tree: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(tree / "b", target_is_directory=True)
    assert [found.seed for found in find_calculations(link)] == ["one", "two"]


def test_a_folder_that_cannot_be_read_is_not_passed_over(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Made here without permissions, for the superuser may read everything."""
    scandir = os.scandir

    def guarded(path: Any) -> Any:
        if Path(path).name == "deep":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", guarded)
    with pytest.raises(ParseError, match="cannot be read") as caught:
        find_calculations(tree)
    assert caught.value.where.endswith("deep") and caught.value.reason == "Permission denied"
