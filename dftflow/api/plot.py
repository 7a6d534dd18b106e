"""Figures of results, each kind in a line of Python: ``plot("bands", "folder")``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from dftflow.api.alignment_figure import alignment
from dftflow.api.band_figure import bands
from dftflow.api.convergence_figure import convergence
from dftflow.api.dos_figure import dos
from dftflow.api.plotted import PlottedFigure
from dftflow.api.potential_figure import potential
from dftflow.api.structure_figure import structure
from dftflow.errors import InputError

__all__ = ["KINDS", "plot"]

KINDS: Mapping[str, Callable[..., PlottedFigure]] = {
    "bands": bands,
    "dos": dos,
    "potential": potential,
    "alignment": alignment,
    "structure": structure,
    "convergence": convergence,
}
"""Kind of figure -> what draws it."""


def plot(kind: str, *sources: Any, **options: Any) -> PlottedFigure:
    """A figure of `kind`: the function of that name, ``plot("bands", "folder")`` for ``bands("folder")``.

    Raises
    ------
    InputError
        There is no such kind.
    """
    if kind not in KINDS:
        raise InputError(f"there is no figure of the kind {kind!r}", fix=f"use one of {', '.join(KINDS)}")
    return KINDS[kind](*sources, **options)
