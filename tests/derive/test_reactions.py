"""Reaction energies from known energies, their errors, and what is refused."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from phases import phase, phases

from dftflow.derive.findings import Findings
from dftflow.derive.reactions import reaction_quantities, reactions
from dftflow.model.energy_error import EnergyErrorRequest
from dftflow.model.phase import PhasesAt
from dftflow.model.point import Point
from dftflow.model.quantity import Quantity
from dftflow.model.reaction import Reaction, ReactionRequest, parse_equation

EQUATION = "Cs4PbBr6 -> CsPbBr3 + 3 CsBr"
ENERGIES = {"Cs4PbBr6": -40.0, "CsPbBr3": -17.0, "CsBr": -7.5}
"""-17 - 22.5 + 40 = +0.5 eV per formula unit, of 11 atoms."""


def request(equation: str = EQUATION, **stated: Any) -> ReactionRequest:
    reactants, products = parse_equation(equation)
    error = EnergyErrorRequest(**stated)
    return ReactionRequest(equation=equation, reactants=reactants, products=products, error=error)


def of(asked: ReactionRequest, own: dict[str, Any], elsewhere: PhasesAt | None = None) -> Reaction:
    (row,) = reactions([asked], own, elsewhere or {})
    return row


def quantities(row: Reaction) -> dict[str, Quantity]:
    return {one.name: one for one in reaction_quantities(Findings(admissions={}, reactions=(row,)))}


def test_energy_per_formula_unit_per_atom_and_per_mole() -> None:
    found = quantities(of(request(convergence_ev_per_atom=0.0), phases(ENERGIES)))
    assert found["reaction energy"].value == pytest.approx(0.5)
    assert found["reaction energy"].method == "per formula unit of Cs4PbBr6"
    assert found["reaction energy per atom"].value == pytest.approx(0.5 / 11)
    assert found["molar reaction energy"].value == pytest.approx(48.2427, abs=1e-4), "96.4853 kJ/mol per eV"
    assert found["molar reaction energy"].unit == "kJ/mol"
    assert set(found["reaction energy"].origin) == {f"{name}/bulk-bands" for name in ENERGIES}


def test_the_default_error_is_that_of_oxides_and_says_so() -> None:
    row = of(request(convergence_ev_per_atom=0.001), phases(ENERGIES))
    assert row.error is not None
    assert row.error.total_ev == pytest.approx(11 * math.hypot(0.024, 0.001))
    energy = quantities(row)["reaction energy"]
    for name, factor in (("", 1.0), (" per atom", 1 / 11)):
        reach = quantities(row)[f"reaction energy{name}"].uncertainty
        assert reach == pytest.approx((-factor * row.error.total_ev, factor * row.error.total_ev))
    assert quantities(row)["molar reaction energy"].uncertainty[1] == pytest.approx(96.4853 * row.error.total_ev)
    assert "oxides" in energy.uncertainty_holds and "10.1103/PhysRevB.85.155208" in energy.uncertainty_holds


def test_of_a_compound_from_its_elements_the_error_is_larger() -> None:
    row = of(request("2 Cs + Br2 -> 2 CsBr", convergence_ev_per_atom=0.0), phases({"Cs": -1, "Br2": -4, "CsBr": -7}))
    assert row.energy_ev == pytest.approx(-8) and row.error is not None
    assert row.error.functional_ev == pytest.approx(4 * 0.22) and "from elements" in row.error.functional_holds


@pytest.mark.parametrize(
    ("product_ev", "sign"), [(-17.0, "costs energy"), (-18.0, "releases energy"), (-17.5, "not resolved")]
)
def test_the_sign_is_told_where_it_is_larger_than_the_error(product_ev: float, sign: str) -> None:
    row = of(request(convergence_ev_per_atom=0.001), phases(ENERGIES | {"CsPbBr3": product_ev}))
    assert quantities(row)["sign of the reaction energy"].value == sign


def test_without_convergence_there_is_no_sign() -> None:
    found = quantities(of(request(), phases(ENERGIES)))
    sign = found["sign of the reaction energy"]
    assert sign.missing is not None and "convergence_ev_per_atom" in sign.missing.reason
    assert "nothing of how far it is converged" in found["reaction energy"].uncertainty_holds


def test_the_change_to_the_finest_point_of_each_sweep_is_the_convergence() -> None:
    """+0.5 eV; at 500 eV +0.53, at 600 eV +0.54; with a k-spacing of 0.2 +0.47: hypot(0.04, 0.03) = 0.05."""
    elsewhere = {
        Point.of({key: value}): phases(ENERGIES | {"CsPbBr3": -17.0 + more}, at=f"-{key}-{value}", **change)
        for key, value, more, change in (
            ("cutoff_ev", 600.0, 0.04, {"cutoff_ev": 600.0}),
            ("cutoff_ev", 500.0, 0.03, {"cutoff_ev": 500.0}),
            ("kpoint_spacing_per_ang", 0.2, -0.03, {"kpoints_grid": (7, 7, 7)}),
            ("kpoint_spacing_per_ang", 0.3, -0.5, {"kpoints_grid": (5, 5, 5)}),
        )
    }
    row = of(request(convergence_ev_per_atom=9.0), phases(ENERGIES), elsewhere)
    assert row.error is not None and row.error.convergence_ev == pytest.approx(0.05)
    assert row.error.convergence_holds == "change to the cutoff 600 and to the k-point spacing 0.2 of the sweep"


def test_a_sweep_that_leaves_out_a_material_tells_nothing() -> None:
    there = phases(ENERGIES, at="-kspacing-0.2") | {"CsBr": phase("CsBr", -7.5)}
    row = of(request(), phases(ENERGIES), {Point.of({"kpoint_spacing_per_ang": 0.2}): there})
    assert row.error is not None and row.error.convergence_ev is None


def test_points_that_differ_in_more_or_stand_on_two_footings_tell_nothing() -> None:
    both = Point.of({"cutoff_ev": 600.0, "kpoint_spacing_per_ang": 0.2})
    cutoff = Point.of({"cutoff_ev": 600.0})
    elsewhere = {
        both: phases(ENERGIES | {"CsBr": -7.4}, at="-both", cutoff_ev=600.0),
        cutoff: phases(ENERGIES, at="-cutoff", cutoff_ev=600.0) | {"CsBr": phase("CsBr", -7.4, at="-cutoff")},
    }
    row = of(request(), phases(ENERGIES), elsewhere)
    assert row.error is not None and row.error.convergence_ev is None


def test_another_functional_tells_what_the_functional_leaves_open() -> None:
    elsewhere = {
        Point.of({"xc": "LDA"}): phases(ENERGIES | {"CsBr": -7.6}, at="-xc-LDA", functional="LDA"),
        Point.of({"xc": "PBEsol"}): phases(ENERGIES | {"CsBr": -7.48}, at="-xc-PBEsol", functional="PBEsol"),
    }
    row = of(request(convergence_ev_per_atom=0.0), phases(ENERGIES), elsewhere)
    assert row.error is not None and row.error.functional_ev == pytest.approx(0.3)
    stated = of(request(functional_ev_per_atom=0.01, functional_source="10.1000/x"), phases(ENERGIES), elsewhere)
    assert stated.error is not None and stated.error.functional_ev == pytest.approx(0.11)
    assert stated.error.functional_holds == "10.1000/x"


def test_one_footing_or_refusal() -> None:
    row = of(request(), phases(ENERGIES) | {"CsBr": phase("CsBr", -7.5, cutoff_ev=500.0)})
    energy = quantities(row)["reaction energy"]
    assert energy.missing is not None and energy.missing.kind == "refused"
    assert "cutoff of Cs4PbBr6 and CsBr" in energy.missing.reason and energy.uncertainty is None


def test_a_member_without_an_energy_says_why() -> None:
    row = of(request(), phases(ENERGIES) | {"CsBr": phase("CsBr", None)})
    assert row.missing is not None and row.missing.kind == "failed"
    assert row.missing.reason == "CsBr has no energy: the engine died"


def test_what_became_another_compound_is_refused() -> None:
    own = phases(ENERGIES) | {"CsBr": phase("CsBr", -7.5, formula="RbBr")}
    row = of(request(), own)
    assert row.missing is not None and "3 Cs too few and 3 Rb too many" in row.missing.reason


@given(st.lists(st.floats(-100, 100), min_size=3, max_size=3), st.integers(1, 9))
def test_the_reverse_costs_what_the_reaction_gives(energies: list[float], n: int) -> None:
    own = phases(dict(zip(ENERGIES, energies, strict=True)))
    there = of(request(f"{n} Cs4PbBr6 -> {n} CsPbBr3 + {3 * n} CsBr"), own)
    back = of(request("CsPbBr3 + 3 CsBr -> Cs4PbBr6"), own)
    assert there.energy_ev is not None and back.energy_ev is not None
    assert there.energy_ev == pytest.approx(-n * back.energy_ev, abs=1e-9)
    assert there.atoms == pytest.approx(11 * n)
