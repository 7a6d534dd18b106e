"""How a figure is to look, whichever it is: size, energy window, colours and names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from dftflow.figures.colors import material_colors

__all__ = ["COLUMN_IN", "FORMATS", "PAGE_HEIGHT_IN", "PAGE_IN", "Look"]

FORMATS = ("svg", "pdf", "png")

COLUMN_IN, PAGE_IN, PAGE_HEIGHT_IN = 3.3, 6.7, 9.5
"""Width of a column and of a page of a journal, and the height of that page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What a person asks of a figure; what is left out is as the kind of figure needs it.

    Attributes
    ----------
    width_in, height_in
        Size of the figure.
    window_ev
        Lowest and highest energy drawn, relative to the zero of the figure.
    colors
        Name of what is drawn (a calculation, a material, an element) -> ``#RRGGBB``.
    labels
        The same names -> what stands in their place in titles and legends.
    """

    width_in: float | None = None
    height_in: float | None = None
    window_ev: tuple[float, float] | None = None
    colors: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)

    def size_in(self, width_in: float, height_in: float) -> tuple[float, float]:
        """The size asked for, else the one given."""
        return self.width_in or width_in, self.height_in or height_in

    def label(self, name: str) -> str:
        """What `name` is called on the figure."""
        return self.labels.get(name, name)

    def colors_of(self, names: Sequence[str]) -> Mapping[str, str]:
        """Name -> its colour: the one asked for, else one by its place among `names`."""
        return {name: self.colors.get(name, color) for name, color in material_colors(names).items()}
