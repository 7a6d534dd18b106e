"""Which texts of a figure meet, measured by the renderer."""

from __future__ import annotations

import itertools

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text


def _shown_texts(figure: Figure) -> list[Text]:
    """Every text that is drawn: matplotlib keeps spare tick labels, and labels of ticks outside the view."""
    of_ticks: set[Text] = set()
    drawn: list[Text] = []
    for ax in figure.findobj(lambda artist: isinstance(artist, Axes) and artist.get_visible()):
        for axis, limits in ((ax.xaxis, ax.get_xlim()), (ax.yaxis, ax.get_ylim())):
            for tick in axis.majorTicks + axis.minorTicks:
                of_ticks |= {tick.label1, tick.label2}
            pairs = zip(axis.get_majorticklocs(), axis.get_ticklabels(), strict=False)  # none on a shared axis
            drawn += [label for place, label in pairs if min(limits) <= place <= max(limits)]
    drawn += [text for text in figure.findobj(Text) if text not in of_ticks]
    return [text for text in drawn if text.get_visible() and text.get_text().strip()]


def overlaps(figure: Figure) -> list[tuple[str, str]]:
    """Pairs of texts whose boxes, less a hair, meet on the canvas; and texts that leave the canvas."""
    renderer = FigureCanvasAgg(figure).get_renderer()  # from here on the renderer of the figure
    figure.draw_without_rendering()
    boxes = [(text.get_text(), text.get_window_extent(renderer)) for text in _shown_texts(figure)]
    pairs = [(a, b) for (a, p), (b, q) in itertools.combinations(boxes, 2) if p.padded(-0.5).overlaps(q.padded(-0.5))]
    width, height = figure.canvas.get_width_height()
    outside = [(t, "canvas") for t, b in boxes if b.x0 < -1 or b.y0 < -1 or b.x1 > width + 1 or b.y1 > height + 1]
    return pairs + outside
