"""Which of the calculations that a person names have a band path."""

from __future__ import annotations

from collections.abc import Sequence

from dftflow.analysis.band_path import on_path_or_recognised
from dftflow.analysis.dos_of_eigenvalues import grid_of_states
from dftflow.api.sources import LeftOut, NamedCalculation
from dftflow.errors import AnalysisError
from dftflow.model.absolute import CalculationLevels
from dftflow.model.reasons import shared_reasons
from dftflow.model.results import Bands, Results

__all__ = ["WithPath", "no_path_to_draw", "with_path"]

WithPath = tuple[NamedCalculation, Bands, CalculationLevels]


def with_path(calculations: Sequence[NamedCalculation]) -> tuple[list[WithPath], list[LeftOut]]:
    """Those that have a band path, and why not, of each other one."""
    shown: list[WithPath] = []
    left_out: list[LeftOut] = []
    for one in calculations:
        results = one.found.results
        if results.bands is None:
            left_out.append((one.name, one.found.levels().why_no_edges))
            continue
        along = on_path_or_recognised(results.bands)
        if max(along.on_path) >= 0:
            shown.append((one, along, one.levels()))
        else:
            left_out.append((one.name, _no_path(results, len(along.on_path))))
    return shown, left_out


def _no_path(results: Results, count: int) -> str:
    """That the k-points are none, and what does draw them, if anything."""
    try:
        if results.dos is None:
            grid_of_states(results)
    except AnalysisError:
        return f"its {count} k-points are no path"
    return f"its {count} k-points are no path; `dftflow plot dos` draws their density of states"


def no_path_to_draw(left_out: Sequence[LeftOut]) -> AnalysisError:
    """That none of them has a band path, and why."""
    return AnalysisError(
        "there is no band path to draw",
        reason="; ".join(shared_reasons(left_out)),
        fix="give the folder of a calculation along a path",
    )
