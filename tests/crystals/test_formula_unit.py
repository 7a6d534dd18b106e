"""Formula units are those of the formula, whatever cell is given."""

from __future__ import annotations

import pytest

from dftflow.crystals.formula_unit import formula_unit
from dftflow.crystals.primitive_cell import primitive_cell_of
from dftflow.crystals.shipped import load_shipped
from dftflow.crystals.substitution import substitute
from dftflow.crystals.supercell import supercell_of


@pytest.mark.parametrize(
    ("name", "formula", "counts"),
    [
        ("CsPbBr3_Pnma", "CsPbBr3", {"Cs": 1, "Pb": 1, "Br": 3}),
        ("Cs4PbBr6_R-3c", "Cs4PbBr6", {"Cs": 4, "Pb": 1, "Br": 6}),
        ("FAPbBr3_Pm-3m_FA100", "FAPbBr3", {"C": 1, "N": 2, "H": 5, "Pb": 1, "Br": 3}),
        ("Br2_Cmce", "Br2", {"Br": 2}),
        ("Pb_Fm-3m", "Pb", {"Pb": 1}),
    ],
)
def test_of_shipped_crystals(name: str, formula: str, counts: dict[str, int]) -> None:
    crystal = load_shipped(name).structure
    for cell in (crystal, primitive_cell_of(crystal), supercell_of(crystal, (2, 1, 1))):
        unit = formula_unit(cell)
        assert unit.formula == formula and dict(unit.counts) == pytest.approx(counts)


def test_of_a_mixture_it_is_a_part_of_the_cell() -> None:
    host = load_shipped("CsPbBr3_Pm-3m").structure
    unit = formula_unit(substitute(host, site="Cs", by="FA", fraction=0.25, supercell=(2, 2, 1)))
    assert unit.formula == "Cs0.75FA0.25PbBr3"
    assert unit.counts["Cs"] == pytest.approx(0.75) and unit.counts["Br"] == pytest.approx(3)
