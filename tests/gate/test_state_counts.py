"""Whether projections and density of states are of the states that a calculation has."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from dftflow.gate.calculation import sound
from dftflow.model.dos import DensityOfStates
from dftflow.model.energy import EnergyZero
from dftflow.model.projections import ProjectionGroup, Projections
from dftflow.model.results import Bands, Results

ZERO = EnergyZero(run="a", reference="cell_average")
ENERGIES = np.linspace(-10, 5, 1501)


def results(n_bands: int = 3, **changed: Any) -> Results:
    """Two filled levels of Gaussians at -5 and -4 eV, an empty one at 2 eV."""
    bands = Bands(
        eigenvalues_ev=np.array([[[-5.0, -4.0, 2.0]]]),
        kpoints_frac=np.zeros((1, 3)),
        labels=("",),
        on_path=(-1,),
        reciprocal_per_ang=np.eye(3),
        n_electrons=(4.0,),
        fermi_ev=-1.0,
        zero=ZERO,
        stands_in="log",
    )
    total = sum(2 * np.exp(-(((ENERGIES - e) / 0.1) ** 2)) / (0.1 * np.sqrt(np.pi)) for e in (-5.0, -4.0, 2.0))
    dos: dict[str, Any] = {
        "energies_ev": ENERGIES,
        "total": np.array([total]),
        "fermi_ev": -1.0,
        "zero": ZERO,
        "broadening_ev": 0.1,
        "source": "a test",
    }
    weights = np.full((1, 1, n_bands, 1), 0.5)
    return Results(
        code="vasp",
        code_version="",
        status="finished",
        bands=bands,
        projections=Projections(weights=weights, groups=(ProjectionGroup(element="Si"),), method=""),
        dos=DensityOfStates(**(dos | changed)),
    )


def test_what_fits_is_kept() -> None:
    found = sound(results())
    assert found.refused == ()
    assert found.results.dos is not None
    assert found.results.projections is not None


@pytest.mark.parametrize("changed", [{"fermi_ev": -4.5}, {"fermi_ev": 3.0}])
def test_a_density_with_another_number_of_electrons_is_refused(changed: dict[str, float]) -> None:
    found = sound(results(**changed))
    assert found.refused_parts == ("dos",)
    assert found.results.dos is None
    assert found.results.projections is not None


def test_the_codes_own_sum_counts_before_trapezoids() -> None:
    sums = np.interp(ENERGIES, [-6, -3, 1, 3], [0, 3.9, 3.9, 6])[None]
    assert sound(results(integrated=sums)).refused_parts == ("dos",)


@pytest.mark.parametrize(
    ("changed", "detail"),
    [
        ({"fermi_ev": -4.5, "broadening_ev": None}, "how wide the levels were smeared"),
        ({"fermi_ev": 20.0}, "outside"),
        ({"energies_ev": ENERGIES + 5.5, "fermi_ev": 4.5}, "below all states"),
    ],
)
def test_what_cannot_be_decided_refuses_nothing(changed: dict[str, Any], detail: str) -> None:
    found = sound(results(**changed))
    assert found.refused == ()
    assert any(check.passed is None and detail in check.detail for check in found.results.checks)


def test_projections_of_other_states_are_refused_and_go_with_the_bands() -> None:
    assert sound(results(n_bands=2)).refused_parts == ("projections",)
    lost = replace(results(), lost={"bands": "no number"})
    assert sound(lost).results.projections is None
