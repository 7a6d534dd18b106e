"""Quantities of effective masses: means over directions, and the reduced mass of both carriers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dftflow.derive.findings import Findings
from dftflow.derive.masses import mass_quantities
from dftflow.model.effective_mass import Carrier, CrystalMasses, EdgeMasses, MassTensor
from dftflow.model.quantity import Missing, Quantity


def edge(carrier: Carrier, *masses: float) -> EdgeMasses:
    a, b, c = masses
    near = (-0.01, 0.01)
    return EdgeMasses(
        carrier=carrier,
        tensor=MassTensor(
            masses=(a, b, c),
            ranges=(near, near, near),
            axes=((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)),
            offset_per_ang=0.0,
            residual_ev=0.0,
            window_ev=0.01,
            parabolic=0.01,
        ),
    )


def found(*edges: EdgeMasses) -> dict[str, Quantity]:
    crystal = CrystalMasses(material="A", step="A/bulk-masses", edges=edges)
    return {one.name: one for one in mass_quantities(Findings(admissions={}, masses=(crystal,)))}


def test_means_and_the_reduced_mass() -> None:
    """Silicon's electrons, 0.19, 0.19 and 0.92: 0.32 of the density of states of one valley, 0.26 of conductivity."""
    told = found(edge("hole", 0.3, 0.3, 0.3), edge("electron", 0.19, 0.19, 0.92))
    assert told["density-of-states mass of the electron"].value == pytest.approx(0.321, abs=1e-3)
    conductivity = told["conductivity mass of the electron"].value
    assert conductivity == pytest.approx(0.258, abs=1e-3)
    assert told["reduced mass"].value == pytest.approx(0.3 * 0.258 / 0.558, abs=1e-3)
    assert told["effective mass of the electron, principal axis 3"].value == 0.92
    assert (
        told["effective mass of the electron, principal axis 3"].method
        == "along (0.00, 0.00, 1.00) of the Cartesian axes"
    )


def test_axes_of_one_mass_are_no_axes() -> None:
    """A sphere has none, an ellipsoid of revolution one; a direction is written forwards and without -0.00."""
    told = found(edge("hole", 0.3, 0.301, 0.3), edge("electron", 0.19, 0.1901, 0.92))
    hole, electron = (
        [told[f"effective mass of the {carrier}, principal axis {n}"].method for n in (1, 2, 3)]
        for carrier in ("hole", "electron")
    )
    assert hole == ["along any direction"] * 3
    across = "along any direction normal to (0.00, 0.00, 1.00) of the Cartesian axes"
    assert electron == [across, across, "along (0.00, 0.00, 1.00) of the Cartesian axes"]
    tilted = edge("hole", 0.1, 0.2, 0.3)
    assert tilted.tensor is not None
    axes = ((-0.6, 0.8, -0.001), (0.8, 0.6, 0.0), (0.0, 0.001, -1.0))
    told = found(replace(tilted, tensor=replace(tilted.tensor, axes=axes)), edge("electron", 0.1, 0.2, 0.3))
    methods = [told[f"effective mass of the hole, principal axis {n}"].method for n in (1, 2, 3)]
    assert [method.split(")")[0] + ")" for method in methods] == [
        "along (0.60, -0.80, 0.00)", "along (0.80, 0.60, 0.00)", "along (0.00, 0.00, 1.00)"
    ]  # fmt: skip


def test_one_edge_without_masses_leaves_no_reduced_mass() -> None:
    why = Missing(kind="not derived", reason="the band is not parabolic")
    told = found(EdgeMasses(carrier="hole", missing=why), edge("electron", 0.2, 0.2, 0.2))
    reduced = told["reduced mass"]
    assert reduced.missing is not None and reduced.missing.reason == "hole: the band is not parabolic"
    assert told["effective mass of the hole"].missing == why
