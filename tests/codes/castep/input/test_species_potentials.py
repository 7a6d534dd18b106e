"""What SPECIES_POT names for each species, and what its names tell of the kind."""

from __future__ import annotations

from pathlib import Path

import pytest
from castep_decks import cell, potentials

from dftflow.codes.castep.input.cell_file import read_cell_sites
from dftflow.codes.castep.input.deck_file import scan_deck
from dftflow.codes.castep.input.species_potentials import NamedPotential, read_species_potentials


@pytest.mark.parametrize(
    ("text", "ultrasoft", "j_dependent", "is_file"),
    [
        ("C19", True, False, False),
        ("qc5", True, False, False),
        ("NCP19", False, False, False),
        ("NCP", False, False, False),
        ("SOC19", False, True, False),
        ("HARD", None, None, False),
        ("MS", None, None, False),
        ("Si_00PBE.usp", True, False, True),
        ("Si_00.usp", True, False, True),
        ("Si_C19_PBE_OTF.usp", True, False, True),
        ("Si_NCP19_PBE_OTF.usp", False, False, True),
        ("Si_00PBE_OP.recpot", False, False, True),
        ("Si.usp", None, False, True),
        ("Si.uspso", None, True, True),
        ("Si.UPF", None, True, True),
        ("own.otfglib", None, None, True),
        ("3|1.8|5|6|7|30:31:32", True, False, False),
        ("3|1.8|5|6|7|30N:31N:32N", False, False, False),
    ],
)
def test_what_a_name_tells(text: str, ultrasoft: bool | None, j_dependent: bool | None, is_file: bool) -> None:
    potential = NamedPotential(species="Si", text=text, line=1)
    assert (potential.ultrasoft, potential.j_dependent, potential.is_file) == (ultrasoft, j_dependent, is_file)


def test_species_element_and_library(tmp_path: Path) -> None:
    file = tmp_path / "a.cell"
    block = potentials("NCP19", "Si:a  a.usp", 'si  "3|1.8|5|6|7|30:31:32"')
    file.write_text(cell(block, atoms="Si:a 0 0 0\nSi 0.5 0.5 0.5\nC 0.25 0.25 0.25"))
    deck = scan_deck(file)
    found = read_species_potentials(deck)
    texts = [potential.text for site in read_cell_sites(deck) if (potential := found.of(site))]
    assert texts == ["a.usp", "3|1.8|5|6|7|30:31:32", "NCP19"]
    assert [potential.line for potential in found.lines] == [13, 14, 12]


def test_without_the_block_every_species_has_the_default(tmp_path: Path) -> None:
    file = tmp_path / "a.cell"
    file.write_text(cell())
    deck = scan_deck(file)
    assert read_species_potentials(deck).of(read_cell_sites(deck)[0]) is None
