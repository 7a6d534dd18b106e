"""The figures of a hull: the hull itself, and the chemical potentials at which its phases are stable."""

from __future__ import annotations

from dftflow.figures import chemical_potentials as potentials
from dftflow.figures import hull as energies
from dftflow.figures.drawing import Drawing
from dftflow.figures.look import Look
from dftflow.model.hull import Hull

__all__ = ["hull_figures"]

_DRAWN = (2, 3)
"""Numbers of components that fit on a page."""


def hull_figures(hull: Hull, look: Look) -> tuple[Drawing, ...]:
    """Both, or why there are none; of a hull that there is not the first alone, which says why."""
    size = len(hull.components)
    if hull.missing is None and size in _DRAWN:
        return energies.hull_drawing(hull, look), potentials.chemical_potentials_drawing(hull, look)
    if hull.missing is not None:
        return (_absent(energies.NAME, energies.TITLE, hull.missing.reason),)
    why = f"{size} components fit on no page; the quantities have the numbers"
    return _absent(energies.NAME, energies.TITLE, why), _absent(potentials.NAME, potentials.TITLE, why)


def _absent(name: str, title: str, why: str) -> Drawing:
    return Drawing(name=name, title=title, caption="", build=None, missing=why)
