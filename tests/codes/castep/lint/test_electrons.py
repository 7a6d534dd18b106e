"""Electrons are counted where every potential tells its valence, and held against the bands."""

from __future__ import annotations

from pathlib import Path

import pytest
from castep_decks import cell, lint, only, param, potentials, said

SI = "Si 3|1.8|5|6|7|30:31:32"
P = "P 3|1.8|5|6|7|30:31:32"
DECK = cell(potentials(SI))  # 8 electrons
DOPED = cell(potentials(SI, P), atoms="Si 0 0 0\nP 0.25 0.25 0.25")  # 9 electrons
POLARIZED = "spin_polarized : true"


@pytest.mark.parametrize(
    ("lines", "filled"),
    [
        (["nbands : 4"], 0),
        (["nbands : 3"], 4),
        (["nbands : 4", "charge : -2"], 5),
        (["nbands : 3", "charge : 2"], 0),
        (["nbands : 4", "nelectrons : 10"], 5),
        (["nbands : 4", "nup : 5", "ndown : 3", POLARIZED], 5),
        (["nbands : 4", "spin : 2", POLARIZED], 5),
        (["nbands : 4", "spin : 2"], 5),  # which makes it polarized
        (["nbands : 5", "spin : -2", POLARIZED], 0),
        (["nbands : 7", "spin_treatment : vector"], 8),
        (["nbands : 8", "spin_treatment : vector"], 0),
    ],
)
def test_fewer_bands_than_filled(lines: list[str], filled: int, tmp_path: Path) -> None:
    found = lint(tmp_path, param=param(*lines), cell=DECK)
    assert said(found) == ([(".param", 4, "error")] if filled else [])
    if filled:
        assert f"fill {filled} bands" in only(found).message
        assert f"nbands : {filled} at least" in only(found).fix


def test_an_odd_electron_fills_a_band_too(tmp_path: Path) -> None:
    assert said(lint(tmp_path, param=param("nbands : 5"), cell=DOPED)) == []
    assert "9 electrons fill 5 bands" in only(lint(tmp_path, param=param("nbands : 4"), cell=DOPED)).message


def test_bands_of_the_task(tmp_path: Path) -> None:
    path = "%BLOCK bs_kpoint_path\n0 0 0\n0.5 0 0.5\n%ENDBLOCK bs_kpoint_path"
    text = param("bs_nbands : 2").replace("SinglePoint", "BandStructure")
    found = only(lint(tmp_path, param=text, cell=cell(potentials(SI), path)))
    assert (found.severity, found.line) == ("warning", 4)


@pytest.mark.parametrize(
    "deck",
    [
        cell(),
        cell(potentials("C19")),
        cell(potentials("NCP19", "Si Si.usp")),
        cell(potentials("Si 3|1.8|5|6|7|30")),  # 3p in the core
        cell(potentials(SI), atoms="Si 0 0 0 MIXTURE=(1 0.5)\nGe 0 0 0 MIXTURE=(1 0.5)\nSi 0.25 0.25 0.25"),
    ],
)
def test_nothing_is_said_of_electrons_that_cannot_be_counted(deck: str, tmp_path: Path) -> None:
    (tmp_path / "Si.usp").touch()
    assert said(lint(tmp_path, param=param("nbands : 1", "fix_occupancy : true"), cell=deck)) == []


@pytest.mark.parametrize(
    ("lines", "wrong"),
    [
        (["fix_occupancy : true"], True),
        (["fix_occupancy : true", "spin_polarized : false"], True),
        (["fix_occupancy : false"], False),
        (["fix_occupancy : true", "charge : 1"], False),
        (["fix_occupancy : true", POLARIZED], False),
        (["fix_occupancy : true", "spin : 1", POLARIZED], False),
        (["fix_occupancy : true", "spin_treatment : vector"], False),
        (["fix_occupancy : true", "continuation : default"], False),
    ],
)
def test_an_odd_electron_among_pairs(lines: list[str], wrong: bool, tmp_path: Path) -> None:
    found = lint(tmp_path, param=param(*lines), cell=DOPED)
    assert said(found) == ([(".param", 4, "error")] if wrong else [])
    if wrong:
        assert only(found).message.startswith("9 electrons do not fill")


def test_an_even_number_fills_its_pairs(tmp_path: Path) -> None:
    assert said(lint(tmp_path, param=param("fix_occupancy : true"), cell=DECK)) == []
