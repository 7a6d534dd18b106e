"""Functionals there and back."""

from __future__ import annotations

import pytest

from dftflow.codes.vasp.functionals import functional, functional_name
from dftflow.errors import SpecError

PBE = ("PAW_PBE Pb_d 06Sep2000", "PAW_PBE Br 06Sep2000")
NUMBERS = ("AEXX", "HFSCREEN")


def printed(name: str) -> dict[str, object]:
    """The tags of a deck as VASP prints them back."""
    tags = dict(functional(name).tags)
    told: dict[str, object] = {"LHFCALC": False, "GGA": "--"}
    for tag, value in tags.items():
        told[tag] = True if value == ".TRUE." else float(value) if tag in NUMBERS else value
    return told


@pytest.mark.parametrize(
    "name",
    [
        *("LDA", "PW91", "PBE", "PBEsol", "RPBE", "revPBE", "AM05"),
        *("SCAN", "RSCAN", "R2SCAN"),
        *("PBE0", "HSE03", "HSE06", "HSEsol", "B3LYP"),
    ],
)
def test_a_deck_of_a_functional_is_read_back_as_it(name):
    assert functional_name(printed(name), PBE) == name


@pytest.mark.parametrize(
    ("titels", "name"),
    [
        (PBE, "PBE"),
        (("PAW Pb_d 1", "PAW Br 2"), "LDA"),
        (("PAW_GGA Pb 1",), "PW91"),
        (("PAW_PBE Pb 1", "PAW Br 2"), None),
        ((), None),
    ],
)
def test_without_a_tag_the_potentials_decide(titels, name):
    assert functional_name({"GGA": "--"}, titels) == name


def test_a_hybrid_without_a_name_is_told_with_its_numbers():
    told = {"LHFCALC": True, "AEXX": 0.3, "HFSCREEN": 0.11, "GGA": "PE"}
    assert functional_name(told, PBE) == "hybrid of PBE, AEXX 0.3, HFSCREEN 0.11"


def test_an_unknown_functional_is_refused():
    with pytest.raises(SpecError, match="'XYZ'"):
        functional("XYZ")
