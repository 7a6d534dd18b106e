"""Powder patterns below each other: what was measured, each crystal with its lines, and a mixture of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from dftflow.analysis.powder_pattern import SHAPE, angles_deg, mixture, pattern
from dftflow.figures.drawing import Drawing
from dftflow.figures.labels import mathtext, spread_apart
from dftflow.figures.look import PAGE_HEIGHT_IN, PAGE_IN, Look
from dftflow.model.diffraction import Diffraction
from dftflow.model.miller import miller_text
from dftflow.model.powder import PowderLine, PowderLines
from dftflow.model.records import Records
from dftflow.model.results import FloatArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["MOST_PATTERNS", "diffraction_drawing"]

MOST_PATTERNS = 10
_PANEL_IN, _FRAME_IN = 1.15, 0.55
_LABELLED = 12.0
"""Relative intensity from which on the planes of a line are named."""
_LABEL_PT, _LABEL_SHARE = 5.5, 0.014
"""Size of those names, and what each takes of the width."""
_LABEL_FROM, _LABEL_AT, _TOP, _BARE_TOP = 102.0, 112.0, 215.0, 140.0
_STICKS_FROM, _STICK, _BOTTOM = -5.0, 28.0, -36.0
_MIXTURE = "mixture"


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class _Panel:
    """One pattern: its curve, highest 100, the lines that it has sticks for, and peaks that are of no crystal."""

    name: str
    note: str
    angles_deg: FloatArray
    intensity: FloatArray
    lines: tuple[PowderLine, ...] = ()
    unassigned_deg: tuple[float, ...] = ()


def diffraction_drawing(found: Diffraction, look: Look, *, name: str = "diffraction", title: str = "") -> Drawing:
    """The pattern of each crystal, with the planes of its strong lines; markers and what was measured.

    Patterns are normalised to 100 at their highest point. A mixture is drawn where weights are given.
    """
    request = found.request
    title = title or "Powder diffraction"
    if not found.crystals:
        why = "; ".join(missing.reason for missing in found.without.values()) or "there are no crystals"
        return Drawing(name=name, title=title, caption="", build=None, missing=why)
    panels = _panels(found)

    def build() -> Figure:
        height_in = min(_FRAME_IN + _PANEL_IN * len(panels), PAGE_HEIGHT_IN)
        engine = ConstrainedLayoutEngine(hspace=0.0, h_pad=0.02)
        figure = Figure(figsize=look.size_in(PAGE_IN, height_in), layout=engine)
        axes = figure.subplots(len(panels), sharex=True, squeeze=False)[:, 0]
        colors = look.colors_of([one.crystal for one in found.crystals])
        for ax, panel in zip(axes, panels, strict=True):
            _draw(ax, panel, colors.get(panel.name, "0.25"), look)
            for marker in request.markers:
                ax.vlines(marker, _BOTTOM, _LABEL_FROM, color="0.45", linewidth=0.8, linestyle=(0, (1, 2)), zorder=0)
        axes[-1].set_xlim(*request.range_deg)
        axes[-1].set_xlabel(f"2θ (degrees), λ = {request.wavelength_nm:g} nm")
        figure.supylabel("Intensity (highest point 100)", fontsize=7.5)
        return figure

    return Drawing(
        name=name,
        title=title,
        caption=_caption(found),
        build=build,
        data=lambda: _data(panels),
        shows=(tuple(panels), request.markers, look),
    )


def _caption(found: Diffraction) -> str:
    request = found.request
    instrument = f", and {request.instrument_deg:g} degrees of the instrument" if request.instrument_deg else ""
    text = (
        f"Powder patterns at a wavelength of {request.wavelength_nm:g} nm, of crystallites of {request.size_nm:g} nm "
        f"(Scherrer's constant {SHAPE:g}, Lorentzian lines){instrument}. Sticks: the lines; the first planes of those "
        f"of {_LABELLED:g} % or more are named."
    )
    if request.weights:
        parts = ", ".join(f"{name} {weight:g}" for name, weight in request.weights.items())
        text += f" The mixture is of these parts by mass: {parts}."
    if request.markers:
        text += f" Dotted: {', '.join(f'{marker:g}' for marker in request.markers)} degrees."
    if any(not row.lines for row in found.peaks):
        text += " Question marks: peaks that no crystal has."
    if found.without:
        text += f" Without lines: {', '.join(found.without)}."
    return text


# --- panels -----------------------------------------------------------------------------------------------------


def _panels(found: Diffraction) -> list[_Panel]:
    request = found.request
    angles = angles_deg(request.range_deg, request.wavelength_ang, request.size_nm)
    curves = {one.crystal: _curve(found, one, angles) for one in found.crystals}
    panels = [
        _Panel(
            name=one.crystal,
            note=one.cell.partition(":")[0],
            angles_deg=angles,
            intensity=_normalised(curves[one.crystal]),
            lines=one.between(*request.range_deg),
        )
        for one in found.crystals
    ]
    shares = mixture(found.crystals, request.weights or {})
    if shares:
        total = sum((share * curves[name] for name, share in shares.items()), np.zeros_like(angles))
        panels.append(_Panel(name=_MIXTURE, note="", angles_deg=angles, intensity=_normalised(total)))
    if found.measured is not None:
        panels.insert(0, _measured(found))
    return panels


def _curve(found: Diffraction, one: PowderLines, angles: FloatArray) -> FloatArray:
    request = found.request
    return pattern(
        one.lines, angles, wavelength_ang=one.wavelength_ang, size_nm=request.size_nm,
        instrument_deg=request.instrument_deg,
    )  # fmt: skip


def _measured(found: Diffraction) -> _Panel:
    measured, (low, high) = found.measured, found.request.range_deg
    assert measured is not None
    inside = (measured.two_theta_deg >= low) & (measured.two_theta_deg <= high)
    counts = measured.intensity[inside]
    counts = counts - counts.min() if len(counts) else counts
    return _Panel(
        name=measured.name,
        note="measured",
        angles_deg=measured.two_theta_deg[inside],
        intensity=_normalised(counts),
        unassigned_deg=tuple(row.peak.two_theta_deg for row in found.peaks if not row.lines),
    )


def _normalised(counts: FloatArray) -> FloatArray:
    highest = float(counts.max(initial=0.0))
    return 100 * counts / highest if highest > 0 else counts


# --- drawing ----------------------------------------------------------------------------------------------------


def _draw(ax: Axes, panel: _Panel, color: str, look: Look) -> None:
    ax.plot(panel.angles_deg, panel.intensity, color=color, linewidth=0.9)
    for line in panel.lines:
        length = _STICK * line.intensity / 100
        ax.vlines(line.two_theta_deg, _STICKS_FROM - length, _STICKS_FROM, color=color, linewidth=0.8)
    _name_lines(ax, [line for line in panel.lines if line.intensity >= _LABELLED], color)
    for angle in panel.unassigned_deg:
        height = float(np.interp(angle, panel.angles_deg, panel.intensity))
        ax.annotate("?", (angle, height), xytext=(0, 2), textcoords="offset points", ha="center", fontsize=6.5)
    note = f" ({panel.note})" if panel.note else ""
    name = mathtext(look.label(panel.name)) + note
    ax.text(0.995, 0.98, name, transform=ax.transAxes, ha="right", va="top", fontsize=6.5, zorder=5)
    ax.set_ylim(_BOTTOM, _TOP if panel.lines else _BARE_TOP)
    ax.set_yticks([0, 50, 100])
    ax.spines[["top", "right"]].set_visible(False)


def _name_lines(ax: Axes, lines: Sequence[PowderLine], color: str) -> None:
    """Upright names above the lines, moved apart where they would lie over each other."""
    if not lines:
        return
    low, high = ax.get_xlim()
    gap = _LABEL_SHARE * (high - low)
    places = spread_apart([line.two_theta_deg for line in lines], gap)
    for line, place in zip(lines, places, strict=True):
        ax.annotate(
            miller_text(line.planes[0]).replace("-", "\N{MINUS SIGN}"),
            (line.two_theta_deg, _LABEL_FROM),
            xytext=(place, _LABEL_AT),
            ha="center",
            va="bottom",
            rotation=90,
            fontsize=_LABEL_PT,
            color=color,
            arrowprops={"arrowstyle": "-", "linewidth": 0.3, "color": color, "shrinkA": 0, "shrinkB": 0},
        )


def _data(panels: Sequence[_Panel]) -> Records:
    rows: list[tuple[str | float | None, ...]] = []
    for panel in panels:
        rows += [
            (panel.name, "line", line.two_theta_deg, line.intensity, line.d_ang, line.name) for line in panel.lines
        ]
        rows += [
            (panel.name, "pattern", float(angle), float(count), None, "")
            for angle, count in zip(panel.angles_deg, panel.intensity, strict=True)
        ]
    columns = ("pattern", "kind", "two_theta_deg", "intensity", "d_ang", "planes")
    return Records(columns=columns, rows=tuple(rows))
