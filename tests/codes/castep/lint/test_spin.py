"""Spins of a run without spin, and spin-orbit coupling without what it needs."""

from __future__ import annotations

from pathlib import Path

import pytest
from castep_decks import cell, lint, only, param, potentials, said

MAGNETIC = cell(atoms="Fe 0 0 0 SPIN=2\nFe 0.5 0.5 0.5", lattice="2.9 0 0\n0 2.9 0\n0 0 2.9")


@pytest.mark.parametrize(
    ("lines", "severity"),
    [
        (["spin : 2", "spin_polarized : true"], ""),
        (["spin : 2", "spin_treatment : vector"], ""),
        (["spin : 2"], ""),
        (["spin : 0"], ""),
        (["spin : -2", "continuation : default"], ""),
        (["spin : -2"], "warning"),
        (["spin : 2", "spin_polarised : false"], "error"),
    ],
)
def test_a_spin_of_the_param_file(lines: list[str], severity: str, tmp_path: Path) -> None:
    assert said(lint(tmp_path, param=param(*lines))) == ([(".param", 4, severity)] if severity else [])


def test_a_spin_that_polarizes_by_default_is_a_note(tmp_path: Path) -> None:
    (found,) = lint(tmp_path, param=param("spin : 2"))
    assert "write spin_polarized" in found.fix


@pytest.mark.parametrize(
    ("lines", "wrong"),
    [
        ([], "by default"),
        (["spin_polarized : false"], "spin_polarized is false"),
        (["spin_polarized : true"], ""),
        (["spin : 2"], ""),
        (["spin_treatment : noncollinear"], ""),
        (["spin_treatment : polarised"], ""),
        (["nspins : 2"], ""),
        (["reuse : before.check"], ""),
    ],
)
def test_spins_of_atoms(lines: list[str], wrong: str, tmp_path: Path) -> None:
    found = lint(tmp_path, param=param(*lines), cell=MAGNETIC)
    assert said(found) == ([(".cell", 7, "warning")] if wrong else [])
    if wrong:
        assert wrong in only(found).message
        assert "1 atom has" in only(found).message


@pytest.mark.parametrize("spin", ["SPIN 4", "SPIN : -2", "SPIN= - 3", "SPIN=(0 0 1.5)", "spin=1 LABEL=a"])
def test_every_way_to_write_a_spin(spin: str, tmp_path: Path) -> None:
    assert said(lint(tmp_path, param=param(), cell=MAGNETIC.replace("SPIN=2", spin))) == [(".cell", 7, "warning")]


def test_spins_of_zero_are_none(tmp_path: Path) -> None:
    assert said(lint(tmp_path, param=param(), cell=MAGNETIC.replace("SPIN=2", "SPIN=0.0"))) == []
    assert said(lint(tmp_path, cell=MAGNETIC)) == []


# --- spin-orbit coupling ----------------------------------------------------------------------------------------------

COUPLED = ("spin_treatment : vector", "spin_orbit_coupling : true", "relativistic_treatment : dirac")
SOC = potentials("SOC19")


def test_the_documented_set_is_right(tmp_path: Path) -> None:
    """castep-docs, "Spin Orbit Coupling": a system without spin density."""
    assert said(lint(tmp_path, param=param(*COUPLED, "spin_polarised : false"), cell=cell(SOC))) == []


@pytest.mark.parametrize(
    ("missing", "message"),
    [(COUPLED[0], "spin_treatment is left to its default"), (COUPLED[2], "relativistic_treatment is left to its")],
)
def test_a_keyword_that_is_missing(missing: str, message: str, tmp_path: Path) -> None:
    lines = [line for line in COUPLED if line != missing]
    found = only(lint(tmp_path, param=param(*lines), cell=cell(SOC)))
    assert (found.severity, found.line) == ("error", 4 + lines.index(COUPLED[1]))
    assert message in found.message
    assert found.fix == missing


def test_a_keyword_that_says_something_else(tmp_path: Path) -> None:
    found = only(lint(tmp_path, param=param(*COUPLED[:2], "relativistic_treatment : ZORA"), cell=cell(SOC)))
    assert found.line == 6
    assert "is zora" in found.message


@pytest.mark.parametrize(
    ("block", "line"),
    [
        ([], 1),
        ([potentials("C19")], 11),
        ([potentials("NCP19")], 11),
        ([potentials("Si Si.usp")], 11),
        ([potentials("SOC19", "Si 3|1.8|5|6|7|30:31:32")], 12),
        ([potentials("Si SOC19")], 0),
        ([potentials("Si Si.uspso")], 0),
        ([potentials("Si Si.UPF")], 0),
    ],
)
def test_potentials_without_j(block: list[str], line: int, tmp_path: Path) -> None:
    for suffix in ("usp", "uspso", "UPF"):
        (tmp_path / f"Si.{suffix}").touch()
    found = lint(tmp_path, param=param(*COUPLED), cell=cell(*block))
    assert said(found) == ([(".cell", line, "error")] if line else [])


def test_potentials_from_files_are_made_already(tmp_path: Path) -> None:
    """The example of c2x, which ran: relativistic_treatment is read by the maker of potentials alone."""
    (tmp_path / "Si.UPF").touch()
    assert said(lint(tmp_path, param=param(*COUPLED[:2]), cell=cell(potentials("Si Si.UPF")))) == []
