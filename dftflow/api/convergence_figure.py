"""How calculations converge, as a figure."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Literal, Unpack

from dftflow.analysis.convergence import series_of
from dftflow.api.plotted import LookOptions, PlottedFigure, plotted, refuse_other, refuse_unknown
from dftflow.api.sources import LeftOut, NamedCalculation, Source, named_calculations
from dftflow.errors import AnalysisError
from dftflow.figures.convergence import Relaxation, SeriesPoint, relaxations_drawing, series_drawing

__all__ = ["Against", "convergence"]

Against = Literal["step", "setting"]


def convergence(*sources: Source, against: Against | None = None, **look: Unpack[LookOptions]) -> PlottedFigure:
    """How relaxations converge step by step, or energy and gap of a series in which one setting varies.

    Parameters
    ----------
    sources
        Folders of results.
    against
        ``"step"`` or ``"setting"``; the latter unless given when there are several calculations of which one setting
        alone varies.
    look
        See `LookOptions`.

    Raises
    ------
    InputError
        There is no such folder or calculation.
    AnalysisError
        None has steps, and they are no series.
    """
    refuse_unknown(convergence, look, "window")
    if against is not None:
        refuse_other("against", against, Against)
    calculations, left_out = named_calculations(sources)
    with_steps = [one for one in calculations if one.found.results.steps]
    if against == "setting" or (against is None and len(calculations) > 1):
        try:
            return _series(calculations, look, left_out)
        except AnalysisError as error:
            if against == "setting" or not with_steps:
                raise
            left_out.append(("as a series", error.sentence))
    if not with_steps:
        raise AnalysisError("there are no steps of a relaxation", reason="none of the files holds any")
    relaxations = [
        Relaxation(name=one.name, steps=one.found.results.steps, status=one.found.results.status) for one in with_steps
    ]
    left_out += [(one.name, "no steps of a relaxation") for one in calculations if one not in with_steps]
    names = [one.name for one in relaxations]
    draw = partial(relaxations_drawing, relaxations)
    return plotted(names, look, draw, left_out=left_out)


def _series(
    calculations: Sequence[NamedCalculation], options: LookOptions, left_out: Sequence[LeftOut]
) -> PlottedFigure:
    results = [one.found.results for one in calculations]
    series = series_of(results, [one.name for one in calculations])
    points = []
    for place, value, text in zip(series.order, series.values, series.texts, strict=True):
        one, levels = results[place], calculations[place].levels()
        assert one.energy_ev is not None
        assert one.structure is not None
        energy_ev = one.energy_ev / len(one.structure)
        gap_ev = None if levels.edges is None else levels.edges.band_gap_ev
        name = calculations[place].name
        points.append(SeriesPoint(name=name, value=value, text=text, energy_per_atom_ev=energy_ev, band_gap_ev=gap_ev))
    untold = f" The files do not tell: {', '.join(series.untold)}." if series.untold else ""
    names = [point.name for point in points]
    return plotted(
        names,
        options,
        lambda look: series_drawing(points, series.setting, look, remark=untold),
        also=(series.setting,),
        left_out=left_out,
    )
