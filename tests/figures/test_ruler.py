from __future__ import annotations

from collections.abc import Iterator

import matplotlib.style
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from dftflow.figures import drawing
from dftflow.figures.labels import mathtext
from dftflow.figures.ruler import Ruler


@pytest.fixture(autouse=True)
def style() -> Iterator[None]:
    with matplotlib.style.context(["default", drawing.__file__.replace("drawing.py", "dftflow.mplstyle")]):
        yield


@pytest.mark.parametrize("dpi", [72, 150, 300])
@pytest.mark.parametrize("font_pt", [5.0, 6.5, 10.0])
@pytest.mark.parametrize("shown", ["EA 3.90", "CsPbBr$_{3}$\n(010) Pnma", r"$\Delta E_\mathrm{V}$", r"costs \$5"])
def test_a_text_takes_the_room_that_it_is_measured_to(shown: str, font_pt: float, dpi: int) -> None:
    figure = Figure(dpi=dpi)
    box = figure.text(0, 0, shown, fontsize=font_pt).get_window_extent(FigureCanvasAgg(figure).get_renderer())
    width, height = Ruler().size_pt(shown, font_pt)
    assert width == pytest.approx(box.width * 72 / dpi, rel=0.02, abs=72 / dpi)
    assert height == pytest.approx(box.height * 72 / dpi, rel=0.02, abs=72 / dpi)


@pytest.mark.parametrize("text", ["CsPbBr3", "(FA0.83Cs0.17)Pb(I0.6Br0.4)3", "spiro-OMeTAD", "costs $5"])
def test_a_name_is_as_long_as_what_is_shown_of_it(text: str) -> None:
    ruler = Ruler()
    assert ruler.length_pt(text, 7.0) == pytest.approx(ruler.width_pt(mathtext(text), 7.0), rel=0.02)
    assert ruler.height_pt("a\nb", 7.0) > 2 * ruler.height_pt("a", 7.0)


def test_another_font_has_other_lengths() -> None:
    plain = Ruler().width_pt("CsPbBr", 7.0)
    with matplotlib.style.context({"font.family": "monospace"}):
        assert Ruler().width_pt("CsPbBr", 7.0) != plain
