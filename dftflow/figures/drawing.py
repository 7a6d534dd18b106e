"""One figure that can be drawn: what it is called and says, how it is drawn, and the numbers that it shows."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib.style
from matplotlib.figure import Figure

from dftflow.model.records import Records

__all__ = ["Drawing"]

_STYLE = Path(__file__).with_name("dftflow.mplstyle")
_NO_DATE: dict[str, dict[str, None]] = {"svg": {"Date": None}, "pdf": {"CreationDate": None}, "png": {}}


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class Drawing:
    """One figure, not drawn yet.

    Attributes
    ----------
    name
        Stem of its files.
    caption
        What it shows, in a sentence or two; also the alternative text.
    build
        Draws it; None when the data are missing.
    data
        The numbers that it shows; None where there are none.
    shows
        All that `build` draws from, as plain data, arrays, dataclasses and crystals.
    missing
        Why there is no figure, else ``""``.
    of
        The material that it is of; ``""`` for several.
    """

    name: str
    title: str
    caption: str
    build: Callable[[], Figure] | None
    data: Callable[[], Records] | None = None
    shows: tuple[object, ...] = ()
    missing: str = ""
    of: str = ""

    def render(self, *formats: str, styles: Sequence[str] = ()) -> dict[str, bytes]:
        """Format (``svg``, ``pdf``, ``png``) -> content of the file; empty when there is nothing to draw.

        Parameters
        ----------
        styles
            matplotlib's style sheets, by name or path, on top of dftflow's own.
        """
        if self.build is None:
            return {}
        files = {}
        with matplotlib.style.context(["default", str(_STYLE), *styles]):
            figure = self.build()
            figure.draw_without_rendering()
            figure.set_layout_engine("none")
            for extension in formats:
                buffer = io.BytesIO()
                figure.savefig(buffer, format=extension, metadata=_NO_DATE[extension])
                files[extension] = _with_fallbacks(buffer.getvalue()) if extension == "svg" else buffer.getvalue()
        return files


def _with_fallbacks(svg: bytes) -> bytes:
    """`svg` where formulas too name the fonts that stand in for DejaVu Sans; matplotlib names none for them."""
    return svg.replace(b"font-family: 'DejaVu Sans';", b"font-family: 'DejaVu Sans', 'Verdana', 'Arial', sans-serif;")
