"""Band structures with their densities of states beside them, of calculations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain

from dftflow.api.band_paths import WithPath, no_path_to_draw, with_path
from dftflow.api.dos_figure import dos_of
from dftflow.api.plotted import LookOptions, PlottedFigure, plotted, refuse_more
from dftflow.api.sources import NamedCalculation, Projected, Source, named_calculations
from dftflow.errors import AnalysisError
from dftflow.figures.band_figure import BandStructure
from dftflow.figures.dos import ShownDos
from dftflow.figures.energy_axis import AxisZero, Reference, common_reference, known_zeros
from dftflow.figures.states import StatesPanel, states_drawing

__all__ = ["states"]

_Dos = tuple[ShownDos, dict[Reference, AxisZero]]


def states(sources: Sequence[Source], zero: Reference | None, project: Projected, look: LookOptions) -> PlottedFigure:
    """What `bands` draws with ``dos=True``; raises `AnalysisError` where one has no density of states."""
    calculations, left_out = named_calculations(tuple(sources))
    shown, without = with_path(calculations)
    if not shown:
        raise no_path_to_draw([*left_out, *without])
    refuse_more(len(shown))
    named = [one.name for one, _, _ in shown]
    others = iter([one for one in calculations if one.name not in named])
    parted: Projected = "element" if project == "none" else project
    densities = [_dos_beside(one, others, parted) for one, _, _ in shown]
    zeros = [(one.name, known_zeros(bands.zero, bands.fermi, levels)) for one, bands, levels in shown]
    beside = [(f"the density of states of {name}", known) for name, (_, known) in zip(named, densities, strict=True)]
    reference = common_reference([*zeros, *beside], zero)
    panels = [
        _panel(each, known, density, reference)
        for each, (_, known), density in zip(shown, zeros, densities, strict=True)
    ]
    parts = [part for panel in panels for part in panel.dos.parts]
    return plotted(
        named, look, lambda look: states_drawing(panels, reference, look),
        also=tuple(dict.fromkeys((*parts, "total"))), left_out=left_out,
    )  # fmt: skip


def _dos_beside(one: NamedCalculation, others: Iterator[NamedCalculation], project: Projected) -> _Dos:
    """Of the next calculation that has a density of states and no path, else of the one with the path itself."""
    reason = ""
    for candidate in chain(others, (one,)):
        try:
            return dos_of(candidate, None, project)
        except AnalysisError as error:
            reason = error.sentence
    raise AnalysisError(
        f"there is no density of states beside the bands of {one.name}",
        reason=reason,
        fix="give the folder of a calculation on a grid of k-points behind it",
    )


def _panel(each: WithPath, known: dict[Reference, AxisZero], density: _Dos, reference: Reference) -> StatesPanel:
    one, bands, levels = each
    structure = BandStructure(
        name=one.name, bands=bands, edges=levels.edges, why_no_edges=levels.why_no_edges,
        zero_ev=known[reference].known_ev,
    )  # fmt: skip
    shown, zeros = density
    return StatesPanel(bands=structure, dos=replace(shown, zero_ev=zeros[reference].known_ev))
