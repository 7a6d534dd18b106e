"""The figures of a hull: the hull itself, and the chemical potentials at which its phases are stable."""

from __future__ import annotations

from dftflow.figures.chemical_potentials import chemical_potentials_drawing
from dftflow.figures.drawing import Drawing
from dftflow.figures.hull import hull_drawing
from dftflow.figures.look import Look
from dftflow.model.hull import Hull

__all__ = ["hull_figures"]


def hull_figures(hull: Hull, look: Look) -> tuple[Drawing, ...]:
    """Both; of a hull that there is not the first alone, which says why."""
    drawn = hull_drawing(hull, look)
    return (drawn,) if hull.missing is not None else (drawn, chemical_potentials_drawing(hull, look))
