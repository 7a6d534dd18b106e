"""What a series of calculations of one crystal is a series of: the one setting that varies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from dftflow.analysis.comparability import compare
from dftflow.analysis.one_cell import why_another_cell
from dftflow.errors import AnalysisError
from dftflow.model.kpoint_grid import grid_text
from dftflow.model.results import Results

__all__ = ["Series", "series_of"]

Setting = Literal["cutoff", "k-point density"]
_VARY: tuple[Setting, ...] = ("cutoff", "k-point density")
_NO_MATTER = ("version", "physical constants")
SHOWN = 3


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class Series:
    """Calculations that differ in one setting, from the coarsest to the finest.

    Attributes
    ----------
    setting
        What varies.
    order
        Place of each in what was given.
    values
        Of the setting: the cutoff in eV, the points of the grid.
    texts
        The same as text.
    untold
        What the files do not tell of all, so that nothing shows that it does not vary too.
    """

    setting: Setting
    order: tuple[int, ...]
    values: tuple[float, ...]
    texts: tuple[str, ...]
    untold: tuple[str, ...] = ()


def series_of(results: Sequence[Results], names: Sequence[str]) -> Series:
    """Find the one setting by which calculations of one crystal differ.

    Parameters
    ----------
    results, names
        Two or more, and what each is called.

    Raises
    ------
    AnalysisError
        When they are of different crystals or cells, one is not finished, nothing varies, more than one thing does, or
        that which does is neither the cutoff nor the grid of k-points.
    """
    _same_crystal(results, names)
    rows = [row for other in results[1:] for row in compare(results[0], other).rows if row.quantity not in _NO_MATTER]
    varied = list(dict.fromkeys(row.quantity for row in rows if row.verdict in ("differs", "caution")))
    untold = tuple(dict.fromkeys(row.quantity for row in rows if row.verdict == "unknown"))
    setting = next((name for name in _VARY if varied == [name]), None)
    if setting is None:
        raise AnalysisError(
            "these calculations are no series in which one setting varies",
            reason=f"between them vary: {', '.join(varied)}" if varied else "nothing varies between them",
            fix="name folders that differ in the cutoff alone or in the k-points alone, or draw the steps of "
            "relaxations with --against step",
        )
    settings = [_setting(one, name, setting) for one, name in zip(results, names, strict=True)]
    order = sorted(range(len(settings)), key=lambda i: settings[i][0])
    values, texts = zip(*(settings[i] for i in order), strict=True)
    return Series(setting=setting, order=tuple(order), values=values, texts=texts, untold=untold)


def _same_crystal(results: Sequence[Results], names: Sequence[str]) -> None:
    for one, name in zip(results, names, strict=True):
        if one.structure is None or one.energy_ev is None:
            what = "structure" if one.structure is None else "energy"
            raise AnalysisError(f"{name} cannot stand in a series", reason=f"its files give no {what}")
        if one.status not in ("finished", "unknown"):
            why = f"it did not finish ({one.status.replace('_', ' ')})"
            raise AnalysisError(f"{name} cannot stand in a series", reason=why, fix="leave it out")
    structures = [one.structure for one in results if one.structure is not None]
    formulas = [structure.composition.reduced_formula for structure in structures]
    if len(set(formulas)) > 1:
        said = ", ".join(f"{name}: {formula}" for name, formula in zip(names, formulas, strict=True))
        raise AnalysisError("these are calculations of different crystals", reason=said)
    others = [why_another_cell(structures[0], structure) for structure in structures]
    apart = [f"{name} has {why}" for name, why in zip(names, others, strict=True) if why]
    if apart:
        more = f"; {len(apart) - SHOWN} more are of others" if len(apart) > SHOWN else ""
        raise AnalysisError(
            "these calculations are of different cells",
            reason=f"beside {names[0]}, {'; '.join(apart[:SHOWN])}{more}",
            fix="name those of one crystal or of one slab, which differ in the cutoff alone or in the k-points alone",
        )


def _setting(results: Results, name: str, setting: Setting) -> tuple[float, str]:
    method = results.method
    if method is not None and setting == "cutoff" and method.cutoff_ev is not None:
        return method.cutoff_ev, f"{method.cutoff_ev:g} eV"
    if method is not None and setting != "cutoff" and method.kpoints_grid is not None:
        return float(np.prod(method.kpoints_grid)), grid_text(method.kpoints_grid, method.kpoints_shift)
    raise AnalysisError(f"the files of {name} do not tell its {setting}")
