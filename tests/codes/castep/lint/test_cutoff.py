"""A cutoff in the wrong unit is found also where no potential tells its own."""

from __future__ import annotations

from pathlib import Path

import pytest
from castep_decks import cell, lint, only, param, potentials, said


@pytest.mark.parametrize("deck", [None, cell(), cell(potentials("C19"))])
@pytest.mark.parametrize(
    ("cutoff", "wrong"),
    [
        ("30 eV", True),
        ("30", True),
        ("60", True),
        ("30 Ry", False),
        ("30 Ha", False),
        ("100 eV", False),
        ("5 Ry", True),
    ],
)
def test_a_cutoff_below_that_of_any_library(cutoff: str, wrong: bool, deck: str | None, tmp_path: Path) -> None:
    found = lint(tmp_path, param=param(f"cut_off_energy : {cutoff}"), cell=deck)
    assert said(found) == ([(".param", 4, "warning")] if wrong else [])
    if wrong:
        assert "272 eV" in only(found).message
        assert ("Ry (" in only(found).message) == ("Ry" not in cutoff)


def test_what_the_potential_says_goes_before(tmp_path: Path) -> None:
    """Caesium has its own word for 54 eV, and a species without a string has none."""
    block = potentials("Cs 2|3.1|4.0|2.2|2|3|5|50U3.4:60U3.1:51:52U3.1(qc=3)")
    metal = cell(block, lattice="5 0 0\n0 5 0\n0 0 5", atoms="Cs 0 0 0")
    assert said(lint(tmp_path, param=param("cut_off_energy : 60 eV"), cell=metal)) == []
    assert "below the coarse" in only(lint(tmp_path, param=param("cut_off_energy : 30 eV"), cell=metal)).message
    mixed = metal.replace("Cs 0 0 0", "Cs 0 0 0\nI 0.5 0.5 0.5")
    assert "272 eV" in only(lint(tmp_path, param=param("cut_off_energy : 60 eV"), cell=mixed)).message
