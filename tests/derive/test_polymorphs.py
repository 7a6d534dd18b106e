"""Phases of one composition above the lowest of them."""

from __future__ import annotations

import pytest
from phases import phase

from dftflow.derive.findings import Findings
from dftflow.derive.polymorphs import polymorph_quantities, polymorphs
from dftflow.model.energy_error import EnergyErrorRequest
from dftflow.model.phase import PhaseEnergy
from dftflow.model.polymorph import PhasesRequest
from dftflow.model.quantity import Quantity

OWN = {
    "cubic": phase("cubic", -16.9, formula="CsPbBr3"),
    "gamma": phase("gamma", -17.0, formula="CsPbBr3"),
    "beta": phase("beta", -16.5, formula="CsPbBr3"),
    "salt": phase("salt", -7.5, formula="CsBr"),
}


def of(own: dict[str, PhaseEnergy]) -> dict[tuple[str, str], Quantity]:
    request = PhasesRequest(materials=tuple(own), error=EnergyErrorRequest(convergence_ev_per_atom=0.001))
    rows = polymorphs(request, own, {})
    found = polymorph_quantities(Findings(admissions={}, polymorphs=rows))
    return {(one.subject, one.name): one for one in found}


def test_each_is_above_the_lowest_of_its_composition() -> None:
    found = of(OWN)
    name = "energy above the lowest phase"
    assert [found[one, name].value for one in ("cubic", "gamma", "beta")] == pytest.approx([0.1, 0.0, 0.5])
    assert ("salt", name) not in found, "it is the only one of its composition"
    assert found["gamma", name].uncertainty is None
    assert any("not resolved" in remark for remark in found["cubic", name].remarks), "0.1 eV < 5 x 0.024 eV"
    assert not any("not resolved" in remark for remark in found["beta", name].remarks)
    assert found["cubic", "volume per formula unit"].value == pytest.approx(100.0)


def test_without_one_of_them_the_lowest_is_not_known() -> None:
    found = of(OWN | {"beta": phase("beta", None, formula="CsPbBr3")})
    missing = found["cubic", "energy above the lowest phase"].missing
    assert missing is not None and "beta has no energy" in missing.reason


def test_nothing_is_asked() -> None:
    assert polymorphs(None, OWN, {}) == ()
