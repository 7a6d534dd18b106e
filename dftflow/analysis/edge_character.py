"""What the states at a band edge are made of, and how wide the bands beside the gap are."""

from __future__ import annotations

from typing import Literal

import numpy as np

from dftflow.errors import AnalysisError
from dftflow.model.found_dos import EdgeCharacter
from dftflow.model.kpoint_grid import same_kpoint
from dftflow.model.levels import BandEdges
from dftflow.model.projections import ProjectionGroup, Projections
from dftflow.model.results import Bands

__all__ = ["DEGENERATE_EV", "Edge", "band_width_ev", "edge_character"]

DEGENERATE_EV = 0.01
"""States this near to the edge, at its k-point, count as one with it."""
SAME_K = 1e-4

Edge = Literal["vbm", "cbm"]


def edge_character(bands: Bands, projections: Projections, edges: BandEdges, edge: Edge) -> EdgeCharacter:
    """Mean of the weights of the states at an edge, summed over the atoms of each element.

    Symmetry exchanges atoms of one element alone: a sum over them is the same at every k-point of a star, and the mean
    over degenerate states does not depend on which of them a code happens to give.

    Parameters
    ----------
    bands, projections
        Of the same states.
    edges
        As found in `bands`.
    edge
        Which of the two.

    Raises
    ------
    AnalysisError
        When the states at the edge were not projected, or nothing of them lies in any group.
    """
    level, k = (edges.vbm, edges.vbm_k) if edge == "vbm" else (edges.cbm, edges.cbm_k)
    here = same_kpoint(bands.kpoints_frac, np.array(k), SAME_K)
    values = np.where(here[None, :, None], bands.eigenvalues_ev, np.nan)
    filled = np.arange(values.shape[2])[None] < np.array([_filled(bands, spin) for spin in range(len(values))])[:, None]
    own_side = (filled if edge == "vbm" else ~filled)[:, None, :]
    near = (np.abs(values - level.value_ev) <= DEGENERATE_EV) & own_side
    shells = projections.by_orbital()
    weights = shells.weights[near].astype(float)
    weights = weights[np.isfinite(weights).all(axis=1)]
    if not len(weights):
        raise AnalysisError("the states at the band edge were not projected on atoms")
    mean = weights.mean(axis=0)
    captured = float(mean.sum())
    if not captured > 0:
        raise AnalysisError("nothing of the states at the band edge lies on the shells of the atoms")
    named = {_name(group): float(part) / captured for group, part in zip(shells.groups, mean, strict=True)}
    shares = tuple(sorted(named.items(), key=lambda item: -item[1]))
    states = int(near.sum() / max(int(here.sum()), 1))
    return EdgeCharacter(shares=shares, captured=captured, states=max(states, 1))


def _name(group: ProjectionGroup) -> str:
    return group.element if group.orbital is None else f"{group.element} {group.orbital}"


def band_width_ev(bands: Bands, edge: Edge) -> float:
    """From the lowest to the highest state of the band that the edge is of, along the path where there is one.

    Of two spin channels, in the one that has the edge.
    """
    along = np.array(bands.on_path) >= 0
    values = bands.eigenvalues_ev[:, along if along.any() else slice(None)]
    counts = [_filled(bands, spin) for spin in range(len(values))]
    if edge == "vbm":
        rows = [channel[:, count - 1] for channel, count in zip(values, counts, strict=True) if count]
        row = max(rows, key=lambda one: float(one.max()))
    else:
        row = min(
            (channel[:, count] for channel, count in zip(values, counts, strict=True)), key=lambda one: float(one.min())
        )
    return float(row.max() - row.min())


def _filled(bands: Bands, spin: int) -> int:
    return round(bands.n_electrons[spin] / bands.electrons_per_band)
