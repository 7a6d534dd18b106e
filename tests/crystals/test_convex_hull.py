"""Hulls that are solved by hand, and pymatgen's own between compounds."""

from __future__ import annotations

import pytest
from pymatgen.analysis.phase_diagram import CompoundPhaseDiagram, PDEntry
from pymatgen.core import Composition

from dftflow.crystals.convex_hull import HullInput, amounts_of, components_of, convex_hull
from dftflow.errors import StructureError
from dftflow.model.hull import HullPhase
from dftflow.model.phase import FormulaUnit


def of(name: str, per_unit_ev: float, formula: str = "") -> HullInput:
    counts = {element.symbol: float(n) for element, n in Composition(formula or name).items()}
    unit = FormulaUnit(formula=formula or name, counts=counts)
    return HullInput(name=name, unit=unit, energy_per_atom_ev=per_unit_ev / unit.atoms)


def solved(*phases: HullInput, terminals: tuple[str, ...] = ()) -> dict[str, HullPhase]:
    components, _ = components_of(phases, terminals)
    return {row.name: row for row in convex_hull(phases, components)[0]}


BINARY = (of("Li", -2.0), of("O2", -10.0), of("Li2O", -2 * 2.0 - 5.0 - 6.0), of("Li2O2", -2 * 2.0 - 10.0 - 6.4))
"""Formation of Li2O -6 eV (-2 per atom), of Li2O2 -6.4 eV (-1.6 per atom)."""


def test_a_binary_hull_between_elements() -> None:
    """Li2O2 against Li2O + 1/2 O2: -6.4 + 6 = -0.4 eV of 4 atoms. Li2O against Li + 1/2 Li2O2: (-6 + 3.2)/3."""
    found = solved(*BINARY)
    assert found["Li2O"].formation_ev_per_atom == pytest.approx(-2.0)
    assert found["Li2O2"].formation_ev_per_atom == pytest.approx(-1.6)
    assert found["Li2O2"].distance_ev_per_atom == pytest.approx(-0.1)
    assert dict(found["Li2O2"].decomposition) == pytest.approx({"Li2O": 1.0, "O2": 0.5})
    assert found["Li2O"].distance_ev_per_atom == pytest.approx((-6 + 3.2) / 3)
    assert dict(found["Li2O"].decomposition) == pytest.approx({"Li": 1.0, "Li2O2": 0.5})
    assert found["Li"].distance_ev_per_atom is None and found["Li"].above_hull_ev_per_atom == 0


def test_a_phase_above_a_binary_hull() -> None:
    found = solved(*BINARY, of("LiO2", -2.0 - 10.0 - 2.0))
    """Against 1/2 Li2O2 + 1/2 O2: -2 + 3.2 = 1.2 eV of 3 atoms."""
    assert found["LiO2"].above_hull_ev_per_atom == pytest.approx(0.4)
    assert dict(found["LiO2"].decomposition) == pytest.approx({"Li2O2": 0.5, "O2": 0.5})


HALIDES = (
    of("CsBr", -7.0),
    of("PbBr2", -10.0),
    of("CsPbBr3", -17.5),
    of("Cs4PbBr6", -38.9),
    of("CsPb2Br5", -27.4),
)
"""Formation from CsBr and PbBr2: CsPbBr3 -0.5, Cs4PbBr6 -0.9, CsPb2Br5 -0.4 eV per formula unit."""


def test_a_pseudo_binary_hull_between_the_outermost_salts() -> None:
    """CsPbBr3 against 1/7 Cs4PbBr6 + 3/7 CsPb2Br5: (4 x 1/7 + 3/7 = 1 Cs), -0.5 + 0.9/7 + 1.2/7 = -0.2 eV of 5 atoms.

    Cs4PbBr6 against CsPbBr3 + 3 CsBr: -0.4 eV of 11; CsPb2Br5 against CsPbBr3 + PbBr2: +0.1 eV of 8.
    """
    components, of_elements = components_of(HALIDES)
    assert components == ("CsBr", "PbBr2") and not of_elements
    found = solved(*HALIDES)
    assert found["CsPbBr3"].amounts == pytest.approx((1.0, 1.0))
    assert found["Cs4PbBr6"].amounts == pytest.approx((4.0, 1.0))
    assert found["Cs4PbBr6"].distance_ev_per_atom == pytest.approx(-0.4 / 11)
    assert dict(found["Cs4PbBr6"].decomposition) == pytest.approx({"CsPbBr3": 1.0, "CsBr": 3.0})
    assert found["CsPb2Br5"].above_hull_ev_per_atom == pytest.approx(0.1 / 8)
    assert found["CsPbBr3"].formation_ev_per_atom == pytest.approx(-0.5 / 5)


def test_it_agrees_with_the_compound_phase_diagram_of_pymatgen() -> None:
    entries = [PDEntry(Composition(p.unit.formula), p.energy_per_atom_ev * p.unit.atoms, name=p.name) for p in HALIDES]
    theirs = CompoundPhaseDiagram(entries, [Composition("CsBr"), Composition("PbBr2")])
    found = solved(*HALIDES)
    for entry in theirs.all_entries:
        own = found[entry.original_entry.name]
        assert own.above_hull_ev_per_atom == pytest.approx(theirs.get_e_above_hull(entry), abs=1e-9)
        assert own.formation_ev_per_atom == pytest.approx(theirs.get_form_energy_per_atom(entry), abs=1e-9)


def test_a_ternary_hull_between_elements() -> None:
    """CsPbBr3 against CsBr + PbBr2: -0.5 eV of 5 atoms, whatever the elements; formation -4.2 - 2.9 - 0.5 eV."""
    elements = (of("Cs", -1.0), of("Pb", -3.0), of("Br2", -4.0))
    salts = (of("CsBr", -1 - 2 - 4.2), of("PbBr2", -3 - 4 - 2.9), of("CsPbBr3", -1 - 3 - 6 - 4.2 - 2.9 - 0.5))
    components, of_elements = components_of((*salts, *elements))
    assert components == ("Cs", "Pb", "Br2") and of_elements, "by electronegativity"
    found = solved(*salts, *elements)
    assert found["CsPbBr3"].formation_ev_per_atom == pytest.approx(-7.6 / 5)
    assert found["CsPbBr3"].distance_ev_per_atom == pytest.approx(-0.1)
    assert dict(found["CsPbBr3"].decomposition) == pytest.approx({"CsBr": 1.0, "PbBr2": 1.0})
    assert found["CsPbBr3"].amounts == pytest.approx((1.0, 1.0, 1.5))


def test_of_two_phases_the_upper_one_falls_into_the_lower() -> None:
    found = solved(*HALIDES, of("cubic", -17.4, "CsPbBr3"))
    assert found["cubic"].above_hull_ev_per_atom == pytest.approx(0.1 / 5)
    assert dict(found["cubic"].decomposition) == pytest.approx({"CsPbBr3": 1.0})
    assert found["CsPbBr3"].distance_ev_per_atom == pytest.approx(-0.2 / 5), "its rivals are other compositions"


def test_terminals_may_be_given() -> None:
    found = solved(*HALIDES[:4], terminals=("CsBr", "PbBr2"))
    assert found["CsPbBr3"].formation_ev_per_atom == pytest.approx(-0.1)
    with pytest.raises(StructureError, match="does not lie between CsPbBr3, PbBr2"):
        solved(*HALIDES, terminals=("CsPbBr3", "PbBr2"))


def test_phases_that_no_terminals_hold_together_are_refused() -> None:
    """Four compounds in the plane Cs-Pb-Br that none of the others make: a quadrangle."""
    phases = (of("CsBr", -7.0), of("PbBr2", -10.0), of("CsPb", -1.0), of("Cs3Pb", -3.0), of("Br2", -4.0))
    with pytest.raises(StructureError, match="not independent"):
        components_of(phases)


def test_amounts_are_formula_units() -> None:
    assert amounts_of(HALIDES, ("CsBr", "PbBr2"))[4] == pytest.approx([1.0, 2.0])
