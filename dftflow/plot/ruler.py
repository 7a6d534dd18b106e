"""How large texts are, before they are drawn."""

from __future__ import annotations

from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from dftflow.plot.labels import mathtext

__all__ = ["Ruler"]


class Ruler:
    """Measures texts in the fonts that are set when it is made, by the renderer that draws them."""

    def __init__(self) -> None:
        figure = Figure(dpi=288)
        self._per_pt = figure.dpi / 72
        self._renderer = RendererAgg(1, 1, figure.dpi)  # type: ignore[no-untyped-call]
        self._text = Text()
        self._text.set_figure(figure)
        self._known: dict[tuple[str, float], tuple[float, float]] = {}

    def size_pt(self, shown: str, font_pt: float) -> tuple[float, float]:
        """Width and height (points) of a text as matplotlib takes it, of one line or several."""
        key = (shown, font_pt)
        if key not in self._known:
            self._text.set_text(shown)
            self._text.set_fontsize(font_pt)
            box = self._text.get_window_extent(self._renderer)
            self._known[key] = (box.width / self._per_pt, box.height / self._per_pt)
        return self._known[key]

    def width_pt(self, shown: str, font_pt: float) -> float:
        """Width (points) of a text as matplotlib takes it."""
        return self.size_pt(shown, font_pt)[0]

    def height_pt(self, shown: str, font_pt: float) -> float:
        """Height (points) of a text as matplotlib takes it."""
        return self.size_pt(shown, font_pt)[1]

    def length_pt(self, text: str, font_pt: float) -> float:
        """Length (points) of a text as a person writes it, with the counts of formulas lowered."""
        return self.width_pt(mathtext(text), font_pt)
