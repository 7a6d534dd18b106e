"""Atoms on one site, too close ones, and cells that hold too few."""

from __future__ import annotations

from pathlib import Path

import pytest
from castep_decks import cell, lint, only, said

CUBE = "4 0 0\n0 4 0\n0 0 4"
LARGE = "8.244 0 0\n0 11.735 0\n0 0 8.198"
UNIT = "Cs 0.03 0.25 0.994\nPb 0.5 0 0\nBr 0.496 0.25 0.052\nBr 0.206 0.473 0.794"


@pytest.mark.parametrize(
    ("atoms", "distance", "severity"),
    [
        ("Si 0 0 0\nGe 0 0 0", "0.000", "error"),
        ("Si 0 0 0\nSi 1 1 1", "0.000", "error"),
        ("Si 0 0 0\nSi 0.95 0 1", "0.200", "error"),
        ("Si 0 0 0\nSi 0.25 0 0", "1.000", "warning"),
        ("Si 0 0 0\nSi 0.5 0 0", "", ""),
        ("Si 0.5 0.5 0.5\nH 0 0 0\nH 0 0 0.18", "", ""),  # H2
        ("Si 0 0 0 MIXTURE=(1 0.5)\nGe 0 0 0 MIXTURE=(1 0.5)", "", ""),
    ],
)
def test_two_atoms(atoms: str, distance: str, severity: str, tmp_path: Path) -> None:
    found = lint(tmp_path, cell=cell(lattice=CUBE, atoms=atoms))
    assert said(found) == ([(".cell", 8, severity)] if severity else [])
    if severity:
        assert "in line 7 and" in only(found).message
        assert f"in line 8 are {distance} Å apart" in only(found).message


def test_positions_in_angstrom(tmp_path: Path) -> None:
    atoms = "Si 0.1 0 0\nGe 3.9 4.0 0"
    assert "are 0.200 Å apart" in only(lint(tmp_path, cell=cell(lattice=CUBE, atoms=atoms, absolute=True))).message


def test_an_atom_too_close_to_its_image(tmp_path: Path) -> None:
    found = lint(tmp_path, cell=cell(lattice="1.2 0 0\n0 5 0\n0 0 5", atoms="Si 0 0 0"))
    assert "(a periodic image) are 1.200 Å apart" in only(found).message


def test_only_the_first_pairs_are_listed(tmp_path: Path) -> None:
    atoms = "\n".join(f"Si {x:g} 0 0" for x in (0.0, 0.2, 0.4, 0.6, 0.8))
    found = lint(tmp_path, cell=cell(lattice=CUBE, atoms=atoms))
    assert len(said(found)) == 3
    assert "4 more pairs" in found[0].message


def test_a_lattice_in_another_unit(tmp_path: Path) -> None:
    """Nanometres taken for Ångström: no search for millions of neighbours."""
    found = only(lint(tmp_path, cell=cell(lattice="0.54 0 0\n0 0.54 0\n0 0 0.54")))
    assert "2 atoms share 0.157 Å3" in found.message


def test_an_asymmetric_unit_alone(tmp_path: Path) -> None:
    """CsPbBr3 Pnma holds 20 atoms."""
    found = only(lint(tmp_path, cell=cell(lattice=LARGE, atoms=UNIT)))
    assert (found.severity, found.line) == ("warning", 7)
    assert "4 atoms in 793 Å3 (1.05 g/cm3) are too few" in found.message


@pytest.mark.parametrize(
    ("lattice", "atoms"),
    [
        ("5.87 0 0\n0 5.87 0\n0 0 5.87", "Cs 0.5 0.5 0.5\nPb 0 0 0\nBr 0.5 0 0\nBr 0 0.5 0\nBr 0 0 0.5"),
        ("6.14 0 0\n0 6.14 0\n0 0 6.14", "Cs 0 0 0\nCs 0.5 0.5 0.5"),  # the thinnest metal
        ("5.87 0 0\n0 5.87 0\n0 0 20", "Cs 0.5 0.5 0.1\nPb 0 0 0\nBr 0.5 0 0\nBr 0 0.5 0\nBr 0 0 0.15"),  # a slab
        ("5 0 0\n0 5 0\n0 0 5", "O 0 0 0\nO 0 0 0.24"),  # a molecule in its box
        ("10 0 0\n0 10 0\n0 0 10", "Pb 0.9 0.9 0.9"),  # an atom
        ("5.31 0 0\n0 5.31 0\n0 0 5.31", "Ar 0 0 0\nAr 0.5 0.5 0\nAr 0.5 0 0.5\nAr 0 0.5 0.5"),
        ("3.78 0 0\n0 3.78 0\n0 0 6.17", "H 0 0 0.06\nH 0 0 0.94"),
    ],
)
def test_thin_cells_that_are_right(lattice: str, atoms: str, tmp_path: Path) -> None:
    assert said(lint(tmp_path, cell=cell(lattice=lattice, atoms=atoms))) == []
