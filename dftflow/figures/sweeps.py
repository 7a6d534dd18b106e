"""How the numbers of a study change along its sweeps: a figure for each setting."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dftflow.derive.swept import SweptSeries
from dftflow.figures.drawing import Drawing
from dftflow.figures.labels import wrapped
from dftflow.figures.look import COLUMN_IN, Look
from dftflow.model.point import SWEPT, value_text
from dftflow.model.quantity import TOTAL_ENERGY
from dftflow.model.reasons import listed
from dftflow.model.records import Records

__all__ = ["sweep_drawing"]

_PANEL_IN, _LINE_IN = 1.25, 0.16
_LABEL_LETTERS = 16
"""Of a label, in a line along a panel."""
_WORDS = {
    "cutoff_ev": ("Plane-wave cutoff (eV)", "cutoff"),
    "kpoint_spacing_per_ang": ("Largest k-point spacing (1/Å)", "k-point spacing"),
    "slab_thickness_ang": ("Least thickness of the slab (Å)", "thickness of the slabs"),
    "vacuum_ang": ("Vacuum (Å)", "vacuum"),
    "smearing_ev": ("Smearing (eV)", "smearing"),
    "xc": ("Functional", "functional"),
    "orientation": ("Orientation of the molecule", "orientation of the molecule"),
    "fraction": ("Fraction of the sites taken", "fraction of a mixture"),
    "ordering": ("Ordering of the mixture", "ordering of the mixture"),
    "seed": ("Seed of the ordering", "seed of the ordering"),
}
"""Of each setting that may be swept the label of its axis, and what it is called in a title."""
MOST_ABSENT = 6
_LABELS = {TOTAL_ENERGY: "Change of energy\n(meV per atom)"}


def sweep_drawing(series: Sequence[SweptSeries], look: Look) -> Drawing:
    """The change of each number from that of the finest value, or of the last word, in meV, over the setting.

    Parameters
    ----------
    series
        One or more of the same setting; each kind of number gets a panel.
    """
    setting, to_scale = series[0].setting, series[0].is_to_scale
    axis_label, called = _WORDS[setting]
    names = tuple(dict.fromkeys(one.name for one in series))
    ofs = list(dict.fromkeys(one.of for one in series))
    places = _places([value for one in series for value in one.swept], to_scale)

    def build() -> Figure:
        height_in = _PANEL_IN * len(names) + _LINE_IN * len(ofs) + 0.6
        figure = Figure(figsize=look.size_in(COLUMN_IN, height_in), layout="constrained")
        axes = figure.subplots(len(names), 1, sharex=True, squeeze=False).ravel()
        colors = look.colors_of(ofs)
        for name, ax in zip(names, axes, strict=True):
            for one in (one for one in series if one.name == name):
                _draw(ax, one, places, colors[one.of])
            ax.axhline(0, color="0.6", linewidth=0.5, zorder=0)
            ax.set_ylabel(_LABELS.get(name, f"Change of\n{wrapped(f'{name} (meV)', _LABEL_LETTERS)}"))
        if not to_scale:
            axes[-1].set_xticks(list(places.values()), [wrapped(str(value), 12) for value in places])
        axes[-1].set_xlabel(axis_label)
        handles = {line.get_label(): line for ax in axes for line in ax.get_lines() if line.get_label() in ofs}
        figure.legend(
            [handles[of] for of in ofs],
            [wrapped(look.label(of), 44) for of in ofs],
            loc="outside upper center",
        )
        return figure

    ends = "; ".join(f"{one.name} of {one.of}: from that at {value_text(one.settings[-1])}" for one in series)
    return Drawing(
        name=f"sweep-{SWEPT[setting]}",
        title=f"Sweep of the {called}",
        caption=f"Change in meV over {setting}, all else being the same. {ends[:1].upper()}{ends[1:]}. "
        f"What does not change at all is left out.{_absent_text(series)}",
        build=build,
        data=lambda: _data(series),
        shows=(tuple((one.setting, one.of, one.quantities, one.absent, one.swept) for one in series), look),
    )


def _places(values: Sequence[float | str], to_scale: bool) -> dict[float | str, float]:
    """Where each value stands: to scale, or at equal distances."""
    return {value: float(value) if to_scale else float(place) for place, value in enumerate(dict.fromkeys(values))}


def _draw(ax: Axes, one: SweptSeries, places: dict[float | str, float], color: str) -> None:
    """A line leads from number to number; between two words there is nothing that it could lead through."""
    marks = "o-" if one.is_to_scale else "o"
    ax.plot([places[value] for value in one.settings], one.changes_mev, marks, color=color, markersize=3, label=one.of)


def _absent_text(series: Sequence[SweptSeries]) -> str:
    """What has no value somewhere, where that is and why."""
    absent = [
        f"{one.name} of {one.of} at {value_text(value)} ({quantity.missing.kind})"
        for one in series
        for value, quantity in zip(one.absent_settings, one.absent, strict=True)
        if quantity.missing is not None
    ]
    return f" Without a value: {listed(absent, MOST_ABSENT)}." if absent else ""


def _data(series: Sequence[SweptSeries]) -> Records:
    rows = [
        (one.name, quantity.subject, str(one.others), value, quantity.value, quantity.unit, change)
        for one in series
        for quantity, value, change in zip(one.quantities, one.settings, one.changes_mev, strict=True)
    ]
    columns = ("name", "subject", "others", series[0].setting, "value", "unit", "change_mev")
    return Records(columns=columns, rows=tuple(rows))
