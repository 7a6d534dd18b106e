"""Formulas as CIFs write them."""

from __future__ import annotations

import pytest

from dftflow.crystals.cif_block import CifBlock
from dftflow.crystals.cif_claims import cif_claims

FORMULAS = [
    ("sum", "C H5 Br3 N2 Pb", {"C": 1, "H": 5, "Br": 3, "N": 2, "Pb": 1}),
    ("sum", "Br3 Cs1 Pb1", {"Br": 3, "Cs": 1, "Pb": 1}),
    ("sum", "Cs4 Pb4 Br12", {"Cs": 4, "Pb": 4, "Br": 12}),
    ("sum", "CsPbBr3", {"Cs": 1, "Pb": 1, "Br": 3}),
    ("sum", "C D5 Br3 N2 Pb", {"C": 1, "H": 5, "Br": 3, "N": 2, "Pb": 1}),
    ("sum", "Cs0.99 Br", {"Cs": 0.99, "Br": 1}),
    ("moiety", "C H5 N2 1+, Br3 Pb 1-", {"C": 1, "H": 5, "Br": 3, "N": 2, "Pb": 1}),
    ("moiety", "C H5 N2 +, Br3 Pb -", {"C": 1, "H": 5, "Br": 3, "N": 2, "Pb": 1}),
    ("moiety", "2(C H6 N 1+), Br4 Pb 2-", {"C": 2, "H": 12, "N": 2, "Br": 4, "Pb": 1}),
    ("moiety", "Br3 Pb 1-, C H6 N 1+, 0.5(H2 O)", {"Br": 3, "Pb": 1, "C": 1, "H": 7, "N": 1, "O": 0.5}),
    ("structural", "Cs (Pb Br3)", {"Cs": 1, "Pb": 1, "Br": 3}),
    ("structural", "(C H (N H2)2) (Pb Br3)", {"C": 1, "H": 5, "N": 2, "Pb": 1, "Br": 3}),
    ("structural", "[C H3 N H3] [Pb I3]", {"C": 1, "H": 6, "N": 1, "Pb": 1, "I": 3}),
    ("structural", "Cs2 Sn I6", {"Cs": 2, "Sn": 1, "I": 6}),
]


@pytest.mark.parametrize(("kind", "text", "counts"), FORMULAS)
def test_formulas(kind: str, text: str, counts: dict[str, float]) -> None:
    block = CifBlock(data={f"_chemical_formula_{kind}": text}, text="", where="")
    (formula,) = cif_claims(block).formulas.values()
    assert formula == pytest.approx(counts)


@pytest.mark.parametrize(
    "text",
    ["?", ".", "", "(Br3 Pb)n, n(C H6 N)", "Csx Pb Br3", "Cs(1-x) Br", "see text", "C H5 N2 Pb Br3 solvent", "X Y"],
)
@pytest.mark.parametrize("kind", ["sum", "moiety", "structural"])
def test_what_is_no_formula_is_no_claim(kind: str, text: str) -> None:
    block = CifBlock(data={f"_chemical_formula_{kind}": text}, text="", where="")
    assert cif_claims(block).formulas == {}
