"""Densities of states of calculations as a figure."""

from __future__ import annotations

from dataclasses import replace
from typing import Unpack

from dftflow.analysis.dos_of_eigenvalues import (
    SIGMA_EV,
    at_most_whole,
    complete_up_to_ev,
    density_of_states,
    grid_of_states,
    without_empty_bands,
)
from dftflow.api.plotted import LookOptions, PlottedFigure, plotted, refuse_more, refuse_other, refuse_unknown
from dftflow.api.sources import NamedCalculation, Projected, Source, named_calculations, no_projections
from dftflow.errors import AnalysisError
from dftflow.figures.dos import ShownDos, dos_drawing
from dftflow.figures.energy_axis import AxisZero, Reference, common_reference, known_zeros
from dftflow.model.dos import DensityOfStates
from dftflow.model.energy import Energy
from dftflow.model.reasons import shared_reasons

__all__ = ["dos", "dos_of"]


def dos(
    *sources: Source,
    zero: Reference | None = None,
    sigma: float | None = None,
    project: Projected | None = None,
    **look: Unpack[LookOptions],
) -> PlottedFigure:
    """Densities of states: as the code wrote them, else from the eigenvalues of a regular grid.

    Parameters
    ----------
    sources
        Folders of results, or their files.
    zero
        As in `bands`.
    sigma
        Standard deviation in eV of the Gaussian that each eigenvalue becomes. When it is given, the code's own density
        of states, which has a width of its own, is not used; 0.1 where there is none.
    project
        What the total is parted into; by element where the files carry it unless given.
    look
        See `LookOptions`; its colours and labels may name elements and ``"total"`` too.

    Raises
    ------
    InputError
        There is no such folder or calculation.
    AnalysisError
        None has a density of states, or eigenvalues on a grid; those of a band path make none. Or it is to be parted,
        and the files do not tell into what.
    """
    refuse_unknown(dos, look)
    if project is not None:
        refuse_other("project", project, Projected)
    if zero is not None:
        refuse_other("zero", zero, Reference)
    shown: list[tuple[ShownDos, dict[Reference, AxisZero]]] = []
    calculations, left_out = named_calculations(sources)
    for one in calculations:
        try:
            shown.append(dos_of(one, sigma, project or "element"))
        except AnalysisError as error:
            left_out.append((one.name, error.sentence))
            continue
        if project in ("element", "orbital") and shown[-1][0].dos.projected is None:
            raise _no_parts(one)
    if not shown:
        raise AnalysisError("there is no density of states to draw", reason="; ".join(shared_reasons(left_out)))
    refuse_more(len(shown))
    zeros = [(curve.name, known) for curve, known in shown]
    reference = common_reference(zeros, zero)
    curves = [replace(curve, zero_ev=known[reference].known_ev) for curve, known in shown]
    parts = [name for curve in curves for name in curve.parts]
    return plotted(
        [curve.name for curve in curves], look,
        lambda look: dos_drawing(curves, reference, look),
        also=tuple(dict.fromkeys((*parts, "total"))), left_out=left_out,
    )  # fmt: skip


def dos_of(
    one: NamedCalculation, sigma_ev: float | None, project: Projected
) -> tuple[ShownDos, dict[Reference, AxisZero]]:
    """The density of states of a calculation, and every zero that it may be drawn from.

    Parameters
    ----------
    sigma_ev
        As `dos` takes it.
    project
        Into what it is parted, as far as the files tell.

    Raises
    ------
    AnalysisError
        When there is none.
    """
    results, levels = one.found.results, one.levels()
    dos, complete_ev, no_empty = results.dos, None, tuple[bool, ...]()
    if dos is None or sigma_ev is not None:
        grid, projections = grid_of_states(results)
        parts = None if project == "none" or projections is None else at_most_whole(projections)
        dos = density_of_states(grid, parts, sigma_ev=SIGMA_EV if sigma_ev is None else sigma_ev)
        complete_ev, no_empty = complete_up_to_ev(grid), without_empty_bands(grid)
    fermi = results.fermi if dos.fermi_ev is None else Energy(dos.fermi_ev, dos.zero)
    edges = levels.edges if levels.edges is not None and levels.edges.vbm.zero == dos.zero else None
    shown = ShownDos(
        name=one.name, dos=_parted(dos, project), zero_ev=0.0, edges=edges, complete_up_to_ev=complete_ev,
        no_empty_bands=no_empty,
    )  # fmt: skip
    return shown, known_zeros(dos.zero, fermi, levels)


def _no_parts(one: NamedCalculation) -> AnalysisError:
    if one.found.results.projections is None:
        return no_projections(one, "the density of states")
    why = "its code wrote the total alone; what the states are made of stands with the eigenvalues"
    return no_projections(one, "the density of states", reason=why, fix=f"draw the eigenvalues: --sigma {SIGMA_EV:g}")


def _parted(dos: DensityOfStates, project: Projected) -> DensityOfStates:
    if project == "none":
        return replace(dos, projected=None, groups=())
    return dos.by_element() if project == "element" else dos.by_orbital()
