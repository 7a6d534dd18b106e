"""Band structures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from dftflow.errors import AnalysisError
from dftflow.model.kpoint_grid import same_kpoint
from dftflow.model.levels import BandEdges
from dftflow.model.results import Bands, FloatArray
from dftflow.plot.labels import kpoint_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_bands", "path_length"]

_SAME_K = 1e-4


@dataclass(frozen=True, eq=False, slots=True)
class _Segment:
    """An unbroken run along the path: which k-points, and how far each lies along the x axis (1/Å)."""

    points: list[int]
    distance: FloatArray


def _segments(bands: Bands) -> list[_Segment]:
    on_path = [i for i, number in enumerate(bands.on_path) if number >= 0]
    segments, start = [], 0.0
    for _, group in groupby(on_path, key=lambda i: bands.on_path[i]):
        points = list(group)
        cartesian = bands.kpoints_frac[points] @ bands.reciprocal_per_ang
        steps = np.linalg.norm(np.diff(cartesian, axis=0), axis=1)
        distance = start + np.concatenate([[0.0], np.cumsum(steps)])
        segments.append(_Segment(points, distance))
        start = float(distance[-1])
    if not segments:
        raise AnalysisError(
            "there is no band path to draw",
            reason="every k-point belongs to a grid",
            fix="calculate the bands along a path",
        )
    return segments


def path_length(bands: Bands) -> float:
    """Length of the band path, jumps left out, in 1/Å (2π included)."""
    return float(_segments(bands)[-1].distance[-1])


def _ticks(bands: Bands, segments: list[_Segment]) -> list[tuple[float, str]]:
    """Position and name of every labelled point; where the path jumps the two names share one tick (``X|R``)."""
    names: list[tuple[float, list[str]]] = []
    for segment in segments:
        for point, x in zip(segment.points, segment.distance, strict=True):
            label = bands.labels[point]
            if not label:
                continue
            if not names or x - names[-1][0] > 1e-9:
                names.append((float(x), []))
            if label not in names[-1][1]:
                names[-1][1].append(label)
    return [(x, "|".join(map(kpoint_name, labels))) for x, labels in names]


def _places(bands: Bands, segments: list[_Segment], k: tuple[float, float, float]) -> Iterator[float]:
    """Where along the path `k`, -k, or either plus a reciprocal lattice vector, is met."""
    for segment in segments:
        for point, x in zip(segment.points, segment.distance, strict=True):
            if same_kpoint(bands.kpoints_frac[point], np.array(k), _SAME_K):
                yield float(x)


def draw_bands(
    ax: Axes, bands: Bands, edges: BandEdges, *, zero_ev: float, energy_window: tuple[float, float], color: str
) -> None:
    """Bands along their path, the gap shaded, the VBM (filled) and CBM (open) marked wherever the path meets them.

    Parameters
    ----------
    zero_ev
        The energy, on the scale of `bands`, that is drawn as 0.
    energy_window
        Lowest and highest energy shown, relative to `zero_ev`.

    Raises
    ------
    AnalysisError
        When no k-point lies on a path.
    """
    low, high = energy_window
    segments = _segments(bands)
    for spin, style in zip(bands.eigenvalues_ev, ("-", "--"), strict=False):
        for segment in segments:
            values = spin[segment.points] - zero_ev
            seen = (values.max(axis=0) >= low) & (values.min(axis=0) <= high)
            ax.plot(segment.distance, values[:, seen], style, color=color, linewidth=0.8)
    vbm, cbm = edges.vbm.value_ev - zero_ev, edges.cbm.value_ev - zero_ev
    ax.axhspan(vbm, cbm, facecolor="0.93", edgecolor="none", zorder=0)
    for level, k, face, name in ((vbm, edges.vbm_k, color, "VBM"), (cbm, edges.cbm_k, "white", "CBM")):
        places = list(dict.fromkeys(_places(bands, segments, k)))
        ax.plot(
            places, [level] * len(places), "o", markersize=3.6, markerfacecolor=face, markeredgecolor="black",
            markeredgewidth=0.6, label=name, clip_on=False, zorder=5,
        )  # fmt: skip
    ticks = _ticks(bands, segments)
    for x, _ in ticks[1:-1]:
        ax.axvline(x, color="0.6", linewidth=0.4, zorder=1)
    ax.set_xticks([x for x, _ in ticks], [name for _, name in ticks])
    ax.tick_params(axis="x", length=0)
    ax.set_xlim(0.0, float(segments[-1].distance[-1]))
    ax.set_ylim(low, high)
