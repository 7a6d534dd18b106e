"""What bands are made of: a circle for each group of atomic functions, as large as its weight in the state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from dftflow.model.projections import ProjectionGroup, Projections
from dftflow.plot.kpath import PathAxis

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_weights", "group_name"]

LARGEST_PT2 = 26.0
LEAST_WEIGHT = 0.02


def group_name(group: ProjectionGroup) -> str:
    """``"Pb"``, ``"Pb 6"`` for one atom (counted from 1), ``"Pb p"``."""
    site = "" if group.site is None else f" {group.site + 1}"
    return f"{group.element}{site}{f' {group.orbital}' if group.orbital else ''}"


def draw_weights(
    ax: Axes,
    axis: PathAxis,
    projections: Projections,
    *,
    zero_ev: float,
    energy_window: tuple[float, float],
    colors: Mapping[str, str],
) -> None:
    """Circles on the bands whose area is the weight of each group; the largest is drawn first, so that all are seen.

    Parameters
    ----------
    zero_ev, energy_window
        As for `dftflow.plot.bands.draw_bands`.
    colors
        Name of a group -> colour.
    """
    low, high = energy_window
    for part in axis.parts:
        points = list(part.points)
        values = axis.bands.eigenvalues_ev[:, points] - zero_ev
        weights = np.nan_to_num(np.asarray(projections.weights[:, points], dtype=np.float64))
        x = np.broadcast_to(part.distance[None, :, None], values.shape)
        for rank, group in enumerate(_by_size(weights)):
            own = weights[..., group]
            seen = (values >= low) & (values <= high) & (own > LEAST_WEIGHT)
            color = colors[group_name(projections.groups[group])]
            ax.scatter(
                x[seen], values[seen], s=LARGEST_PT2 * own[seen], color=color, linewidths=0, alpha=0.75,
                zorder=1.5 + 0.01 * rank,
            )  # fmt: skip


def _by_size(weights: np.ndarray) -> list[int]:
    """Groups, the one of the largest weight altogether first."""
    return [int(i) for i in np.argsort(-weights.sum(axis=(0, 1, 2)), kind="stable")]
