"""What band edges are made of: shares that do not depend on which of degenerate states a code gives."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from free_electrons import path_bands

from dftflow.analysis.band_edges import find_band_edges
from dftflow.analysis.edge_character import band_width_ev, edge_character
from dftflow.errors import AnalysisError
from dftflow.model.projections import ProjectionGroup, Projections
from dftflow.model.results import Bands

GROUPS = (
    ProjectionGroup(element="Pb", site=0, orbital="s"),
    ProjectionGroup(element="Br", site=1, orbital="px"),
    ProjectionGroup(element="Br", site=1, orbital="py"),
    ProjectionGroup(element="Br", site=2, orbital="p"),
)


def weights_of(bands: Bands, *rows: tuple[float, ...]) -> Projections:
    """The same weights for all states of a band; the last row for all further bands."""
    weights = np.empty((*bands.eigenvalues_ev.shape, len(GROUPS)), dtype=np.float32)
    for band in range(weights.shape[2]):
        weights[:, :, band] = rows[min(band, len(rows) - 1)]
    return Projections(weights=weights, groups=GROUPS, method="made up")


def test_shares_are_of_what_is_captured_and_summed_over_atoms_and_orbitals() -> None:
    bands = path_bands()
    edges = find_band_edges(bands)
    found = edge_character(bands, weights_of(bands, (0.2, 0.1, 0.1, 0.4), (0.0, 0.5, 0.0, 0.0)), edges, "vbm")
    assert dict(found.shares) == pytest.approx({"Br p": 0.75, "Pb s": 0.25})
    assert found.captured == pytest.approx(0.8) and found.states == 1
    assert found.text() == "Br p 75 %, Pb s 25 %"
    assert found.text(least=0.3) == "Br p 75 %"


def test_degenerate_states_of_one_side_are_averaged() -> None:
    """Three conduction bands at one energy: whatever the code's choice among them, the mean is the same."""
    bands = path_bands()
    values = np.array(bands.eigenvalues_ev)
    values[..., 2] = values[..., 1] + 0.004
    values[..., 3] = values[..., 1] + 0.5
    same = replace(bands, eigenvalues_ev=np.sort(values, axis=2))
    rows = ((0.0, 0.0, 0.0, 1.0), (1.0, 0.0, 0.0, 0.0), (0.0, 1.0, 0.0, 0.0), (0.0, 0.0, 0.0, 9.0))
    found = edge_character(same, weights_of(same, *rows), find_band_edges(same), "cbm")
    assert found.states == 2
    assert dict(found.shares) == pytest.approx({"Pb s": 0.5, "Br p": 0.5})


def test_states_that_were_not_projected_have_no_character() -> None:
    bands = path_bands()
    edges = find_band_edges(bands)
    with pytest.raises(AnalysisError, match="not projected"):
        edge_character(bands, weights_of(bands, (np.nan,) * 4), edges, "vbm")
    with pytest.raises(AnalysisError, match="nothing of the states"):
        edge_character(bands, weights_of(bands, (0.0,) * 4), edges, "vbm")


@pytest.mark.parametrize("n_spins", [1, 2])
def test_the_width_of_a_free_electron_band_is_that_of_the_zone(n_spins: int) -> None:
    """From Γ to R of a cube of 4 Å: hbar^2/2m 3 (pi/a)^2."""
    width_ev = 3.80998212 * 3 * (np.pi / 4.0) ** 2
    assert band_width_ev(path_bands(n_spins=n_spins), "vbm") == pytest.approx(width_ev, rel=1e-9)
