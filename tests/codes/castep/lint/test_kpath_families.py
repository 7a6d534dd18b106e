"""Both families of band k-points in one file."""

from __future__ import annotations

from pathlib import Path

import pytest
from castep_decks import cell, lint, only, param, path_block, said

BS = path_block("0 0 0 ! G", "0.5 0 0.5 ! X")
SAME = path_block("0.0 0.0 0.0", "1/2 0 1/2", family="spectral")
OTHER = path_block("0 0 0 ! G", "0.5 0.5 0.5 ! L", family="spectral")


def deck_of(task: str) -> str:
    return param().replace("SinglePoint", task)


@pytest.mark.parametrize(
    ("task", "takes", "line"),
    [
        ("BandStructure", "task BandStructure takes bs_kpoint_path", 14),
        ("Spectral", "task Spectral takes spectral_kpoint_path", 10),
        ("SinglePoint", "task BandStructure takes bs_kpoint_path, task Spectral takes spectral_kpoint_path", 10),
    ],
)
def test_paths_that_differ(task: str, takes: str, line: int, tmp_path: Path) -> None:
    found = only(lint(tmp_path, param=deck_of(task), cell=cell(BS + OTHER)))
    assert (found.file.suffix, found.line, found.severity) == (".cell", line, "warning")
    assert "different k-points" in found.message
    assert found.message.endswith(takes)


def test_the_cell_alone(tmp_path: Path) -> None:
    assert said(lint(tmp_path, cell=cell(BS + OTHER))) == [(".cell", 10, "warning")]


@pytest.mark.parametrize("given", [None, "Spectral"])
def test_the_same_path_twice_is_a_note(given: str | None, tmp_path: Path) -> None:
    found = lint(tmp_path, param=deck_of(given) if given else None, cell=cell(BS + SAME))
    assert said(found) == []
    assert "the same k-points" in found[-1].message


@pytest.mark.parametrize(
    "more",
    [
        SAME + "bs_kpoint_path_spacing : 0.1 1/ang\nspectral_kpoint_path_spacing : 0.2 1/ang\n",
        SAME + "spectral_kpoints_path_spacing : 0.2 1/ang\n",
        "spectral_kpoint_mp_grid : 4 4 4\n",
        "%BLOCK spectral_kpoints_list\n0 0 0\n0.5 0 0.5\n%ENDBLOCK spectral_kpoints_list\n",
    ],
)
def test_other_things_that_differ(more: str, tmp_path: Path) -> None:
    assert "different k-points" in only(lint(tmp_path, cell=cell(BS + more))).message


def test_one_family_is_right(tmp_path: Path) -> None:
    assert said(lint(tmp_path, param=deck_of("BandStructure"), cell=cell(BS))) == []
