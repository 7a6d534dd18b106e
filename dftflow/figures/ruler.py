"""How large texts are, before they are drawn."""

from __future__ import annotations

from functools import cache, lru_cache

import matplotlib as mpl
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from dftflow.figures.labels import formula_parts

__all__ = ["Ruler"]

_REFERENCE_PT, _DPI, _LOWERED, _AFTER_LOWERED = 10.0, 288.0, 0.7, 0.06
_OF_FONTS = ("font.", "mathtext.", "text.hinting")


class Ruler:
    """Measures texts in the fonts that are set when it is made, by the renderer that draws them.

    Every text is measured once: in a style without hinting, its size in another font follows by proportion.
    """

    def __init__(self) -> None:
        self._fonts = tuple(f"{key}={value}" for key, value in mpl.rcParams.items() if key.startswith(_OF_FONTS))

    def size_pt(self, shown: str, font_pt: float) -> tuple[float, float]:
        """Width and height (points) of a text as matplotlib takes it, of one line or several."""
        width, height = _measured(shown, self._fonts)
        return width * font_pt, height * font_pt

    def width_pt(self, shown: str, font_pt: float) -> float:
        """Width (points) of a text as matplotlib takes it."""
        return self.size_pt(shown, font_pt)[0]

    def height_pt(self, shown: str, font_pt: float) -> float:
        """Height (points) of a text as matplotlib takes it."""
        return self.size_pt(shown, font_pt)[1]

    def length_pt(self, text: str, font_pt: float) -> float:
        """Length (points) of a text as a person writes it, with the counts of formulas lowered."""
        return sum(
            self.width_pt(piece.replace("$", r"\$"), font_pt * (_LOWERED if lowered else 1.0))
            + (_AFTER_LOWERED * font_pt if lowered else 0.0)
            for piece, lowered in formula_parts(text)
        )


@cache
def _sheet() -> tuple[Figure, RendererAgg]:
    """What is measured on; one for all, for a renderer remembers the lines that it knows."""
    return Figure(dpi=_DPI), RendererAgg(1, 1, _DPI)  # type: ignore[no-untyped-call]


@lru_cache(maxsize=16384)
def _measured(shown: str, fonts: tuple[str, ...]) -> tuple[float, float]:
    """Width and height in units of the size of the font; `fonts` are those that are set."""
    figure, renderer = _sheet()
    text = Text(text=shown, fontsize=_REFERENCE_PT)
    text.set_figure(figure)
    box = text.get_window_extent(renderer)
    unit = _REFERENCE_PT * _DPI / 72
    return box.width / unit, box.height / unit
