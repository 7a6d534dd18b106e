"""What bands are made of: a circle for each group of atomic functions, as large as its weight in the state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.colors import to_rgb

from dftflow.figures.kpath import PathAxis
from dftflow.model.projections import ProjectionGroup, Projections

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
    """Circles on the bands whose area is the weight of each group, the smaller ones upon the larger.

    Parameters
    ----------
    zero_ev, energy_window
        As for `dftflow.figures.bands.draw_bands`.
    colors
        Name of a group -> colour.
    """
    low, high = energy_window
    shades = np.array([to_rgb(colors[group_name(group)]) for group in projections.groups])
    for part in axis.parts:
        points = list(part.points)
        values = axis.bands.eigenvalues_ev[:, points] - zero_ev
        weights = np.nan_to_num(np.asarray(projections.weights[:, points], dtype=np.float64))
        inside = (values >= low) & (values <= high)
        spin, point, band, group = np.nonzero((weights > LEAST_WEIGHT) & inside[..., None])
        order = np.argsort(-weights[spin, point, band, group], kind="stable")
        spin, point, band, group = (index[order] for index in (spin, point, band, group))
        ax.scatter(
            part.distance[point], values[spin, point, band], s=LARGEST_PT2 * weights[spin, point, band, group],
            c=shades[group], linewidths=0, zorder=2.5,
        )  # fmt: skip
