"""Builds a drawing, of which a test looks at the figure."""

from __future__ import annotations

from matplotlib.figure import Figure

from dftflow.figures.drawing import Drawing

__all__ = ["built"]


def built(drawing: Drawing) -> Figure:
    """The figure; a drawing that cannot be built fails the test."""
    assert drawing.build is not None
    return drawing.build()
