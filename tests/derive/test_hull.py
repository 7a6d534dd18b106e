"""Hulls with errors: what is resolved, what is not, and what leaves no hull at all."""

from __future__ import annotations

import pytest
from phases import phase, phases

from dftflow.derive.findings import Findings
from dftflow.derive.hull import hull, hull_quantities
from dftflow.model.energy_error import EnergyErrorRequest
from dftflow.model.hull import Hull, HullRequest
from dftflow.model.phase import PhasesAt
from dftflow.model.point import Point
from dftflow.model.quantity import Quantity

SALTS = {"CsBr": -7.0, "PbBr2": -10.0, "CsPbBr3": -17.5, "Cs4PbBr6": -38.9, "CsPb2Br5": -27.4}
"""From CsBr and PbBr2: CsPbBr3 -0.5, Cs4PbBr6 -0.9 (-0.4 from CsPbBr3), CsPb2Br5 -0.4 eV (+0.1 eV from CsPbBr3)."""
ELEMENTS = {"Cs": -1.0, "Pb": -3.0, "Br2": -4.0}


def of(energies: dict[str, float], elsewhere: PhasesAt | None = None, **stated: float) -> Hull:
    error = EnergyErrorRequest(**({"convergence_ev_per_atom": 0.001} | stated))
    found = hull(HullRequest(materials=tuple(energies), error=error), phases(energies), elsewhere or {})
    assert found is not None
    return found


def quantities(found: Hull) -> dict[tuple[str, str], Quantity]:
    return {(q.subject, q.name): q for q in hull_quantities(Findings(admissions={}, hull=found))}


def test_what_lies_within_its_error_is_not_resolved() -> None:
    """Cs4PbBr6 lies 36 meV per atom below the others, CsPb2Br5 12.5 above: the error is 24."""
    found = of(SALTS)
    assert found.components == ("CsBr", "PbBr2") and not found.of_elements
    told = {row.name: row.stability for row in found.rows}
    assert told == {
        "CsBr": "end of the hull",
        "PbBr2": "end of the hull",
        "CsPbBr3": "stable",
        "Cs4PbBr6": "stable",
        "CsPb2Br5": "not resolved",
    }
    assert of(SALTS, functional_ev_per_atom=0.01).row("CsPb2Br5").stability == "unstable"
    assert of(SALTS, functional_ev_per_atom=0.04).row("Cs4PbBr6").stability == "not resolved"


def test_without_convergence_no_stability_is_told() -> None:
    found = hull(HullRequest(materials=tuple(SALTS)), phases(SALTS), {})
    assert found is not None
    told = {row.name: row.stability for row in found.rows}
    assert set(told.values()) == {"end of the hull", "not resolved"}


def test_shares_are_of_formula_units_between_compounds_and_of_atoms_between_elements() -> None:
    row = of(SALTS).row("Cs4PbBr6")
    assert row.shares == pytest.approx((0.8, 0.2)) and row.atoms_per_share == pytest.approx(11 / 5)
    assert row.formation_ev_per_share == pytest.approx(-0.9 / 5)
    row = of(SALTS | ELEMENTS).row("CsPbBr3")
    assert row.shares == pytest.approx((0.2, 0.2, 0.6)) and row.atoms_per_share == 1


def test_quantities_of_a_phase() -> None:
    found = quantities(of(SALTS))
    assert found["Cs4PbBr6", "formation energy per atom"].value == pytest.approx(-0.9 / 11)
    assert found["Cs4PbBr6", "energy above the hull"].value == 0
    distance = found["Cs4PbBr6", "energy above the hull of its rivals"]
    assert distance.value == pytest.approx(-0.4 / 11)
    assert distance.method == "per atom, against 3 CsBr + 1 CsPbBr3"
    assert distance.uncertainty is not None and distance.uncertainty[1] == pytest.approx(0.02402, abs=1e-5)
    assert found["CsPb2Br5", "energy above the hull"].value == pytest.approx(0.1 / 8)
    assert "against 1 CsPbBr3 + 1 PbBr2" in found["CsPb2Br5", "energy above the hull"].method
    assert found["CsPbBr3", "stability"].value == "stable"
    ends = [found["CsPbBr3", f"{end} chemical potential of CsBr"].value for end in ("lowest", "highest")]
    assert ends == pytest.approx([-0.5, -0.4 / 3]), "PbBr2 and Cs4PbBr6"


def test_a_second_phase_of_a_composition_leaves_that_of_the_compound() -> None:
    """CsPbBr3 lies 40 meV per atom below Cs4PbBr6 and CsPb2Br5, and 10 below its cubic phase."""
    error = EnergyErrorRequest(convergence_ev_per_atom=0.001)
    own = phases(SALTS) | {"cubic": phase("cubic", -17.45, formula="CsPbBr3")}
    found = hull(HullRequest(materials=tuple(own), error=error), own, {})
    assert found is not None
    assert (found.row("CsPbBr3").stability, found.row("cubic").stability) == ("stable", "not resolved")
    told = quantities(found)
    assert "whether cubic lies below it is not resolved" in told["CsPbBr3", "stability"].remarks
    assert told["cubic", "energy above the hull"].value == pytest.approx(0.01)


@pytest.mark.parametrize("other_ev", [-17.45, -17.55])
def test_phases_that_change_places_along_a_sweep_keep_their_rivals(other_ev: float) -> None:
    """At 500 eV the cubic phase is 0.05 eV per formula unit above CsPbBr3 or below it: an error of 10 or 10 meV."""
    own = phases(SALTS) | {"cubic": phase("cubic", -17.5 + 0.01, formula="CsPbBr3")}
    at = {"at": "-cutoff-500", "cutoff_ev": 500.0}
    there = phases(SALTS, **at) | {"cubic": phase("cubic", other_ev, formula="CsPbBr3", **at)}
    found = hull(HullRequest(materials=tuple(own)), own, {Point.of({"cutoff_ev": 500.0}): there})
    assert found is not None
    error = found.row("cubic").error
    assert error is not None and error.convergence_ev == pytest.approx(abs(other_ev + 17.49) / 5)
    error = found.row("CsPbBr3").error
    assert error is not None and error.convergence_ev == pytest.approx(0), "against other compositions"


def test_a_second_phase_of_an_end_may_become_the_lowest_along_a_sweep() -> None:
    own = phases(SALTS) | {"rocksalt": phase("rocksalt", -6.98, formula="CsBr")}
    at = {"at": "-cutoff-500", "cutoff_ev": 500.0}
    there = phases(SALTS, **at) | {"rocksalt": phase("rocksalt", -7.02, formula="CsBr", **at)}
    found = hull(HullRequest(materials=tuple(own)), own, {Point.of({"cutoff_ev": 500.0}): there})
    assert found is not None and found.missing is None
    error = found.row("rocksalt").error
    assert error is not None and error.convergence_ev == pytest.approx(0.04 / 2)
    assert found.row("CsPbBr3").formation_error.convergence_ev == pytest.approx(0), "from CsBr, as it is called"


def test_energies_are_from_the_terminals_that_are_named() -> None:
    """rocksalt lies 0.2 eV above CsBr: from it CsPbBr3 gains 0.2 eV more."""
    own = phases(SALTS) | {"rocksalt": phase("rocksalt", -6.8, formula="CsBr")}
    found = hull(HullRequest(materials=tuple(own), terminals=("rocksalt", "PbBr2")), own, {})
    assert found is not None
    told = quantities(found)
    assert told["CsPbBr3", "formation energy per atom"].value == pytest.approx(-0.7 / 5)
    assert told["CsPbBr3", "formation energy per atom"].method == "from rocksalt, PbBr2"
    assert told["CsPbBr3", "highest chemical potential of rocksalt"].value == pytest.approx(-0.2 - 0.4 / 3)


def test_against_elements_the_error_is_that_of_formation() -> None:
    found = of({"Cs": -1.0, "Br2": -4.0, "CsBr": -3.6}).row("CsBr")
    assert found.error is not None and found.error.functional_ev == pytest.approx(0.22)
    assert found.stability == "stable", "-0.6 eV of 2 atoms"
    row = of(SALTS | ELEMENTS).row("CsPbBr3")
    assert row.error is not None and row.error.functional_ev == pytest.approx(0.024), "its rivals are salts"
    assert row.formation_error.functional_ev == pytest.approx(0.22)


def test_with_the_elements_it_lies_between_these() -> None:
    found = of(SALTS | ELEMENTS)
    assert found.components == ("Cs", "Pb", "Br2") and found.of_elements
    assert found.row("CsPbBr3").phase.formation_ev_per_atom == pytest.approx((-17.5 + 1 + 3 + 6) / 5)
    assert "CsPbBr3" in found.regions_ev and "CsPb2Br5" not in found.regions_ev
    assert any(set(facet) >= {"CsPbBr3", "PbBr2"} for facet in found.facets)


@pytest.mark.parametrize("name", SALTS)
def test_a_phase_without_an_energy_leaves_no_hull(name: str) -> None:
    own = phases(SALTS) | {name: phase(name, None)}
    found = hull(HullRequest(materials=tuple(SALTS)), own, {})
    assert found is not None and found.missing is not None and f"{name} has no energy" in found.missing.reason
    told = quantities(found)
    assert {subject for subject, _ in told} == set(SALTS)
    assert all(one.missing is not None for one in told.values())


def test_one_footing_or_none() -> None:
    own = phases(SALTS) | {"CsBr": phase("CsBr", -7.0, functional="LDA")}
    found = hull(HullRequest(materials=tuple(SALTS)), own, {})
    assert found is not None and found.missing is not None and found.missing.kind == "refused"
    assert "functional" in found.missing.reason


def test_what_lies_between_nothing_is_refused() -> None:
    found = of({"CsBr": -7.0, "PbBr2": -10.0, "CsPb": -4.0, "Cs3Pb": -6.0, "Br2": -4.0})
    assert found.missing is not None and "not independent" in found.missing.reason


def test_the_error_is_the_change_of_the_distance_along_a_sweep() -> None:
    """At 500 eV CsBr is 0.01 eV lower: Cs4PbBr6 -> CsPbBr3 + 3 CsBr gains 0.03 eV of 11 atoms."""
    there = phases(SALTS | {"CsBr": -7.01}, at="-cutoff-500", cutoff_ev=500.0)
    row = of(SALTS, {Point.of({"cutoff_ev": 500.0}): there}).row("Cs4PbBr6")
    assert row.error is not None and row.error.convergence_ev == pytest.approx(0.03 / 11)


def test_nothing_is_asked() -> None:
    assert hull(None, phases(SALTS), {}) is None
    assert list(hull_quantities(Findings(admissions={}))) == []
