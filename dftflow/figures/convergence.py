"""How calculations converge: the steps of relaxations, and series in which one setting varies."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from dftflow.errors import AnalysisError
from dftflow.figures.drawing import Drawing
from dftflow.figures.labels import wrapped
from dftflow.figures.look import COLUMN_IN, Look
from dftflow.model.records import Records
from dftflow.model.results import RelaxationStep

__all__ = ["Relaxation", "SeriesPoint", "relaxations_drawing", "series_drawing"]

_PANEL_IN = 1.25


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class Relaxation:
    """The steps of a geometry optimisation, and how it ended."""

    name: str
    steps: tuple[RelaxationStep, ...]
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Panel:
    """One quantity of the steps: its label, its values, and whether it is drawn on a logarithmic scale."""

    label: str
    values: Callable[[Relaxation], list[float | None]]
    log: bool = False


def _energies(relaxation: Relaxation) -> list[float | None]:
    last = relaxation.steps[-1].energy_ev
    return [step.energy_ev - last for step in relaxation.steps]


def _volumes(relaxation: Relaxation) -> list[float | None]:
    last = relaxation.steps[-1].volume_ang3
    return [100 * (step.volume_ang3 / last - 1) if last else None for step in relaxation.steps]


_PANELS = (
    _Panel(label="$E - E_\\mathrm{last}$ (eV)", values=_energies),
    _Panel(label="max. force\n(eV/Å)", values=lambda r: [step.max_force_ev_per_ang for step in r.steps], log=True),
    _Panel(label="max. stress\n(GPa)", values=lambda r: [step.max_stress_gpa for step in r.steps], log=True),
    _Panel(label="$V/V_\\mathrm{last} - 1$ (%)", values=_volumes),
)


def relaxations_drawing(relaxations: Sequence[Relaxation], look: Look) -> Drawing:
    """Energy, largest force, largest stress and volume over the steps of relaxations; what none has is left out.

    Raises
    ------
    AnalysisError
        When one has no steps.
    """
    for relaxation in relaxations:
        if not relaxation.steps:
            raise AnalysisError(f"{relaxation.name} has no steps of a relaxation")
    panels = [panel for panel in _PANELS if any(_tells(panel.values(relaxation)) for relaxation in relaxations)]
    panels = panels or [_PANELS[0]]

    def build() -> Figure:
        figure = Figure(figsize=look.size_in(COLUMN_IN, _PANEL_IN * len(panels) + 0.7), layout="constrained")
        axes = figure.subplots(len(panels), 1, sharex=True, squeeze=False).ravel()
        colors = look.colors_of([relaxation.name for relaxation in relaxations])
        for panel, ax in zip(panels, axes, strict=True):
            for relaxation in relaxations:
                _draw_steps(ax, panel, relaxation, colors[relaxation.name])
            if panel.log:
                ax.set_yscale("log")
            ax.set_ylabel(panel.label)
        axes[-1].set_xlabel("Ionic step")
        axes[-1].xaxis.set_major_locator(MaxNLocator(integer=True))
        _name(figure, axes[0], [look.label(relaxation.name) for relaxation in relaxations])
        return figure

    ends = "; ".join(f"{r.name}: {len(r.steps)} steps, {r.status.replace('_', ' ')}" for r in relaxations)
    return Drawing(
        name="convergence",
        title="Convergence of relaxations" if len(relaxations) > 1 else "Convergence of a relaxation",
        caption="Energy and volume of the cell relative to the last step, largest force and stress, as far as the "
        f"files give them, over the ionic steps ({ends}).",
        build=build,
        data=lambda: _steps_data(relaxations),
        shows=(tuple(relaxations), look),
    )


def _tells(values: Sequence[float | None]) -> bool:
    """Whether there is anything to see: a number at all, and not the same one throughout."""
    known = [value for value in values if value is not None]
    return len(known) > 0 and (len(known) == 1 or max(known) - min(known) > 1e-9)


def _draw_steps(ax: Axes, panel: _Panel, relaxation: Relaxation, color: str) -> None:
    known = [
        (number, value)
        for number, value in enumerate(panel.values(relaxation), start=1)
        if value is not None and not (panel.log and value <= 0)
    ]
    ax.plot([x for x, _ in known], [y for _, y in known], "o-", color=color, markersize=2.5, label=relaxation.name)


def _name(figure: Figure, ax: Axes, names: Sequence[str]) -> None:
    """The only one as the title, several in a legend."""
    if len(names) == 1:
        ax.set_title(wrapped(names[0], int(figure.get_figwidth() * 14)))
    else:
        handles, _ = ax.get_legend_handles_labels()
        texts = [wrapped(name, int(figure.get_figwidth() * 12)) for name in names]
        figure.legend(handles, texts, loc="outside upper center", ncols=1 if max(map(len, texts)) > 15 else 3)


def _steps_data(relaxations: Sequence[Relaxation]) -> Records:
    rows = [
        (
            relaxation.name, number, step.energy_ev, step.max_force_ev_per_ang, step.max_stress_gpa,
            step.max_displacement_ang, step.volume_ang3,
        )
        for relaxation in relaxations
        for number, step in enumerate(relaxation.steps, start=1)
    ]  # fmt: skip
    columns = (
        "name", "step", "energy_ev", "max_force_ev_per_ang", "max_stress_gpa", "max_displacement_ang", "volume_ang3",
    )  # fmt: skip
    return Records(columns=columns, rows=tuple(rows))


# --- one setting that varies ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesPoint:
    """One calculation of a series.

    Attributes
    ----------
    value, text
        Of the setting that varies: as a number, and as it is named.
    energy_per_atom_ev
        Total energy.
    band_gap_ev
        None where there is none.
    """

    name: str
    value: float
    text: str
    energy_per_atom_ev: float
    band_gap_ev: float | None


def series_drawing(points: Sequence[SeriesPoint], setting: str, look: Look, *, remark: str = "") -> Drawing:
    """Energy per atom relative to the finest calculation, and the gap, over the setting that varies.

    Parameters
    ----------
    points
        From the coarsest to the finest.
    setting
        ``"cutoff"``, whose values are drawn to scale, or what is drawn as names at equal distances.
    remark
        What is added to the caption.
    """
    gaps = [point for point in points if point.band_gap_ev is not None]

    def build() -> Figure:
        n_panels = 2 if gaps else 1
        figure = Figure(figsize=look.size_in(COLUMN_IN, 1.5 * n_panels + 0.6), layout="constrained")
        axes = figure.subplots(n_panels, 1, sharex=True, squeeze=False).ravel()
        places = [point.value if setting == "cutoff" else float(i) for i, point in enumerate(points)]
        finest = points[-1].energy_per_atom_ev
        energies = [1000 * (point.energy_per_atom_ev - finest) for point in points]
        color = look.colors_of([setting])[setting]
        axes[0].plot(places, energies, "o-", color=color)
        axes[0].axhline(0, color="0.6", linewidth=0.5, zorder=0)
        axes[0].set_ylabel("$E - E_\\mathrm{finest}$\n(meV per atom)")
        if gaps:
            known = [
                (x, point.band_gap_ev) for x, point in zip(places, points, strict=True) if point.band_gap_ev is not None
            ]
            axes[1].plot([x for x, _ in known], [y for _, y in known], "s-", color=color)
            axes[1].set_ylabel("Band gap (eV)")
        if setting == "cutoff":
            axes[-1].set_xlabel("Plane-wave cutoff (eV)")
        else:
            axes[-1].set_xticks(places, [point.text.replace(" (", "\n(") for point in points])
            axes[-1].set_xlabel("Grid of k-points")
            if len(points) > 5:
                axes[-1].tick_params(axis="x", labelrotation=90)
        return figure

    return Drawing(
        name="convergence",
        title=f"Convergence with the {setting}",
        caption=f"Total energy per atom relative to the finest calculation ({points[-1].name}, {points[-1].text})"
        f"{' and band gap' if gaps else ''}; of these {len(points)} calculations of one cell the {setting} alone "
        f"varies.{remark}",
        build=build,
        data=lambda: Records(
            columns=("name", "value", "setting", "energy_per_atom_ev", "band_gap_ev"),
            rows=tuple((p.name, p.value, p.text, p.energy_per_atom_ev, p.band_gap_ev) for p in points),
        ),
        shows=(tuple(points), setting, remark, look),
    )
