"""Densities of states of calculations as a figure."""

from __future__ import annotations

from dataclasses import replace
from typing import Unpack

from dftflow.analysis.dos_of_eigenvalues import SIGMA_EV, complete_up_to_ev, density_of_states, grid_of_states
from dftflow.api.plotted import LookOptions, PlottedFigure, plotted, refuse_more
from dftflow.api.sources import NamedCalculation, Source, named_calculations
from dftflow.errors import AnalysisError
from dftflow.plot.dos import ShownDos, dos_drawing
from dftflow.plot.energy_axis import AxisZero, Reference, common_reference, known_zeros

__all__ = ["dos"]


def dos(
    *sources: Source, zero: Reference | None = None, sigma: float | None = None, **look: Unpack[LookOptions]
) -> PlottedFigure:
    """Densities of states: as the code wrote them, else from the eigenvalues of a regular grid.

    Parameters
    ----------
    sources
        Folders of results, or their files.
    zero
        As in `bands`.
    sigma
        Standard deviation in eV of the Gaussian that each eigenvalue becomes; 0.1 unless given.
    look
        See `LookOptions`; its colours and labels may name elements and ``"total"`` too.

    Raises
    ------
    InputError
        There is no such folder or calculation.
    AnalysisError
        None has a density of states, or eigenvalues on a grid; those of a band path make none.
    """
    shown: list[tuple[ShownDos, dict[Reference, AxisZero]]] = []
    left_out: list[str] = []
    for one in named_calculations(sources):
        try:
            shown.append(_dos_of(one, sigma))
        except AnalysisError as error:
            left_out.append(f"{one.name}: {error.sentence}")
    if not shown:
        raise AnalysisError("there is no density of states to draw", reason="; ".join(left_out))
    refuse_more(len(shown))
    zeros = [(curve.name, known) for curve, known in shown]
    reference = common_reference(zeros, zero)
    curves = [replace(curve, zero_ev=known[reference].known_ev) for curve, known in shown]
    elements = [element for curve in curves for element in curve.by_element]
    return plotted(
        [curve.name for curve in curves], look,
        lambda look: dos_drawing(curves, zeros[0][1][reference].axis_label, look),
        also=tuple(dict.fromkeys((*elements, "total"))), left_out=left_out,
    )  # fmt: skip


def _dos_of(one: NamedCalculation, sigma_ev: float | None) -> tuple[ShownDos, dict[Reference, AxisZero]]:
    results = one.found.results
    grid = grid_of_states(results)
    levels = one.levels()
    shown = ShownDos(
        name=one.name,
        dos=density_of_states(grid, sigma_ev=SIGMA_EV if sigma_ev is None else sigma_ev),
        zero_ev=0.0,
        edges=levels.edges,
        complete_up_to_ev=complete_up_to_ev(grid),
    )
    return shown, known_zeros(grid.zero, grid.fermi, levels)
