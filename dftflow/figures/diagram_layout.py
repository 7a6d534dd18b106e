"""Where everything of an alignment diagram stands: found from the sizes of its texts, all lengths in points."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial

from dftflow.errors import AnalysisError
from dftflow.figures.diagram_names import Names, set_names
from dftflow.figures.diagram_words import (
    CONDUCTION,
    SAYINGS,
    SHORT_TYPES,
    Saying,
    edge_texts,
    gap_text,
    has_ranges,
    level_text,
    notes,
    offset_texts,
    quoted_sources,
    surface_texts,
)
from dftflow.figures.labels import couple, spread_apart, wrapped
from dftflow.figures.look import COLUMN_IN, PAGE_IN
from dftflow.figures.ruler import Ruler
from dftflow.model.alignment import AbsoluteEdges, Alignment, ReferenceLevel

__all__ = ["LABEL_PT", "Diagram", "Label", "Layout", "laid_out"]

_MARGIN, _INDENT, _PAD, _BAR, _TIGHT = 4.0, 3.0, 2.5, 5.0, 1.2
_WIDEST_COLUMN, _WIDEST_PITCH = 92.0, 150.0
LABEL_PT = 6.5
"""Font of the names of levels."""

_LEADER = 9.0
_LONGEST_LABEL = 0.25
"""Of a reference level, as a share of the width."""

_Needs = Callable[[Saying], tuple[float, float]]

_ZOOM, _ZOOM_FROM_IN, _ZOOM_BELOW_EV = 118.0, 5.5, 0.35
"""Room for the zoom beside two columns; the width, and the offset, from and below which it is there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagram:
    """What is drawn.

    Attributes
    ----------
    between
        Place of a column -> the row of it and the column to its right.
    colors
        Material -> colour.
    decimals
        Of the offsets.
    contradicted
        A sentence on the offsets that quoted ones contradict; ``""`` where none is.
    """

    columns: tuple[AbsoluteEdges, ...]
    between: Mapping[int, Alignment]
    levels: tuple[ReferenceLevel, ...]
    colors: Mapping[str, str]
    decimals: int
    contradicted: str

    def offset_texts(self, row: Alignment, saying: Saying) -> tuple[str, str]:
        """Valence and conduction band offset, as they are shown."""
        return offset_texts(row, saying.offset, self.decimals)


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """A level that is named beside the columns, and the height at which its name stands, both in eV."""

    text: str
    energy_ev: float
    at_ev: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Sizes and places, from the lower left corner, in points.

    Attributes
    ----------
    panel
        Left, bottom, width and height of the axes.
    centers, column
        Of the columns within the axes; their width.
    low_ev, pt_per_ev
        The scale: its lower end, and what an eV takes.
    box, bar
        Height of what stands for the conduction band, and of the text in it; width of the bar of a range.
    with_gap
        The columns that have room for the number of their gap; all or none where numbers stand upright.
    strip, types
        Height of the numbers above and below the axes, and of the types below these; 0 where they stand between the
        columns.
    zoom
        As `panel`; None where there is none.
    """

    size: tuple[float, float]
    panel: tuple[float, float, float, float]
    centers: tuple[float, ...]
    column: float
    saying: Saying
    low_ev: float
    pt_per_ev: float
    box: float
    bar: float
    with_gap: frozenset[AbsoluteEdges]
    strip: float
    types: float
    names: Names
    labels: tuple[Label, ...]
    notes: str
    notes_pt: float
    zoom: tuple[float, float, float, float] | None

    @property
    def high_ev(self) -> float:
        """The upper end of the scale."""
        return self.low_ev + self.panel[3] / self.pt_per_ev

    def ev(self, points: float) -> float:
        """What `points` are on the scale."""
        return points / self.pt_per_ev


@dataclass(frozen=True, slots=True, kw_only=True)
class _Across:
    """What is settled by the width: margins, columns, and how much is said."""

    left: float
    width: float
    pitch: float
    column: float
    centers: tuple[float, ...]
    saying: Saying
    labels: tuple[str, ...]
    label_rooms: tuple[float, ...]
    zoom: bool


def laid_out(diagram: Diagram, width_in: float | None, height_in: float | None, ruler: Ruler) -> Layout:
    """Everything in its place.

    Raises
    ------
    AnalysisError
        When so many columns have no room in that width, or what is said none in that height.
    """
    needs = _needs_of(diagram, ruler)
    from_in = COLUMN_IN if len(diagram.columns) < 4 else PAGE_IN
    width = 72 * (width_in or _least_width_in(diagram, from_in, ruler, needs))
    across = _across(diagram, width, ruler, needs)
    if across is None:
        raise AnalysisError(
            f"{len(diagram.columns)} columns have no room in a diagram {width / 72:.2f} in wide",
            reason="names and numbers would be smaller than can be read",
            fix=f"draw it at least {_least_width_in(diagram, width / 72, ruler, needs):.1f} in wide, or fewer columns",
        )
    marks = quoted_sources(diagram.columns, diagram.levels)
    rows = tuple(diagram.between.values())
    names = set_names(
        [edges.material for edges in diagram.columns],
        surface_texts(diagram.columns, rows),
        [marks.get(edges.source, "") for edges in diagram.columns],
        across.width - _MARGIN if len(diagram.columns) == 1 else across.pitch,
        ruler,
    )
    notes_pt = 5.5 if width < 72 * 5 else 6.0
    left_out = _left_out(diagram, across.saying, names)
    text = notes(diagram.columns, rows, diagram.levels, across.saying, diagram.contradicted, left_out)
    below = wrapped(text, 0.99 * (width - 2 * _MARGIN), partial(ruler.length_pt, font_pt=notes_pt))
    return _upwards(diagram, across, names, (below, notes_pt), (width, height_in and 72 * height_in), ruler)


def _left_out(diagram: Diagram, saying: Saying, names: Names) -> list[str]:
    left_out = list(names.left_out)
    rows = diagram.between.values()
    if has_ranges(diagram.columns) and not saying.ranges:
        left_out.append("ranges")
    elif any(row.range_ev and any(row.range_ev) for row in rows) and "range" not in saying.offset:
        left_out.append("ranges of the offsets")
    return left_out


# --- across -----------------------------------------------------------------------------------------------------


def _least_width_in(diagram: Diagram, from_in: float, ruler: Ruler, needs: _Needs) -> float:
    width_in = from_in
    while _across(diagram, 72 * width_in, ruler, needs) is None:
        width_in = round(width_in + 0.1, 1)
    return width_in


def _across(diagram: Diagram, width: float, ruler: Ruler, needs: _Needs) -> _Across | None:
    """None where the columns have no room."""
    count = len(diagram.columns)
    left = _MARGIN + ruler.height_pt("Energy", 7.0) + 3 + ruler.width_pt("\N{MINUS SIGN}10", 6.5) + 4
    texts = _labels(diagram.levels, quoted_sources(diagram.columns, diagram.levels), _LONGEST_LABEL * width, ruler)
    right = _LEADER + max(ruler.width_pt(text, LABEL_PT) for text in texts) + _MARGIN
    zoom = _has_zoom(diagram, width)
    room = width - left - right - (_ZOOM if zoom else 0.0)
    pitch = min((room - 2 * _INDENT) / count, _WIDEST_PITCH)
    found = _saying(diagram, pitch, needs)
    if found is None:
        return None
    saying, column = found
    first = (room - count * pitch) / 2
    return _Across(
        left=left, width=room, pitch=pitch, column=column, saying=saying, labels=texts, zoom=zoom,
        centers=tuple(first + (i + 0.5) * pitch for i in range(count)),
        label_rooms=tuple(ruler.height_pt(text, LABEL_PT) + (2.5 if "\n" in text else 1.0) for text in texts),
    )  # fmt: skip


def _has_zoom(diagram: Diagram, width: float) -> bool:
    """Whether two columns have a step between their VBMs that their scale cannot show, and room for one that can."""
    row = diagram.between.get(0)
    small = row is not None and abs(row.valence_band_offset_ev) < _ZOOM_BELOW_EV
    return small and len(diagram.columns) == 2 and width >= 72 * _ZOOM_FROM_IN


def _labels(
    levels: Sequence[ReferenceLevel], marks: Mapping[str, str], longest: float, ruler: Ruler
) -> tuple[str, ...]:
    """The vacuum level, then the reference levels: on a line, else on several."""
    texts = [r"$E_\mathrm{vac}$"]
    for level in levels:
        text = level_text(level)
        if ruler.width_pt(text, LABEL_PT) > longest:
            number = text.rsplit(" ", 1)[1]
            length = partial(ruler.length_pt, font_pt=LABEL_PT)
            text = f"{wrapped(level.name, longest, length, shown=couple)}\n{number}"
        mark = marks.get(level.source, "")
        texts.append(rf"{text}$^\mathrm{{{mark}}}$" if mark else text)
    return tuple(texts)


def _saying(diagram: Diagram, pitch: float, needs: _Needs) -> tuple[Saying, float] | None:
    """The fullest that there is room for, and the width of a column."""
    for saying in SAYINGS:
        if not diagram.between and saying.offset != "with range" and not saying.in_strips:
            continue
        inside, between = needs(saying)
        if inside + between <= pitch:
            spare = pitch - inside - between
            column = inside + (0.7 if saying.in_strips or len(diagram.columns) == 1 else 0.4) * spare
            return saying, min(column, _WIDEST_COLUMN)
    return None


def _needs_of(diagram: Diagram, ruler: Ruler) -> _Needs:
    """Least width of a column and of the distance of two, for what is said; each measured once, at whatever width."""
    return cache(lambda saying: (_inside(diagram, saying, ruler), _between(diagram, saying, ruler)))


def _inside(diagram: Diagram, saying: Saying, ruler: Ruler) -> float:
    """Width of a column: its texts, and its bar at the left."""
    texts = [text for edges in diagram.columns for text in edge_texts(edges, saying.edge)]
    upright = saying.edge == "upright"
    thick = ruler.height_pt if upright else ruler.width_pt
    return max(thick(text, saying.font_pt) for text in texts) + _bar(diagram, saying) + (_TIGHT if upright else 2.0)


def _bar(diagram: Diagram, saying: Saying) -> float:
    return _BAR if saying.ranges and has_ranges(diagram.columns) else 0.0


def _between(diagram: Diagram, saying: Saying, ruler: Ruler) -> float:
    """Least distance of two columns: that of the numbers between them, or what lets them have numbers in strips."""
    if not diagram.between:
        return _TIGHT
    texts = [text for row in diagram.between.values() for text in diagram.offset_texts(row, saying)]
    if not saying.in_strips:
        return max(ruler.width_pt(text, saying.font_pt) for text in texts) + 5.0
    size = ruler.height_pt if saying.offset == "upright strip" else ruler.width_pt
    widths = [size(text, saying.font_pt) for text in texts]
    widths += [ruler.width_pt(SHORT_TYPES[row.type], saying.font_pt) for row in diagram.between.values()]
    return max(_TIGHT, max(widths) + 1.5 - _inside(diagram, saying, ruler))


# --- upwards ----------------------------------------------------------------------------------------------------


def _upwards(
    diagram: Diagram,
    across: _Across,
    names: Names,
    below: tuple[str, float],
    size: tuple[float, float | None],
    ruler: Ruler,
) -> Layout:
    width, height = size
    saying = across.saying
    texts = [text for edges in diagram.columns for text in edge_texts(edges, saying.edge)]
    tall = ruler.width_pt if saying.edge == "upright" else ruler.height_pt
    box = max(tall(text, saying.font_pt) for text in texts) + 2 * _PAD
    strip = _strip(diagram, saying, ruler)
    notes_height = ruler.height_pt(*below) if below[0] else 0.0
    types = ruler.height_pt("type", saying.font_pt) + 1 if strip else 0.0
    bottom = _MARGIN + notes_height + 5 + names.height_pt + 4 + strip + types
    others = bottom + strip + _MARGIN + 3
    anchors = _anchors(diagram, saying, box, ruler)
    least = max(max(a[2] + b[1] for a in anchors for b in anchors) + 54, sum(across.label_rooms) + 4, 80.0)
    panel = max(least, 162.0 if width < 72 * 5 else 194.0) if height is None else height - others
    if panel < least - 1e-6:
        raise AnalysisError(
            f"the diagram has no room in a height of {(height or 0.0) / 72:.2f} in",
            fix=f"draw it at least {(others + least) / 72 + 0.05:.1f} in high, or without a height of its own",
        )
    pt_per_ev, low_ev = _scale(anchors, panel)
    zoom = (width - _ZOOM + 34, bottom + 0.06 * panel, _ZOOM - 34 - _MARGIN, 0.72 * panel) if across.zoom else None
    layout = Layout(
        size=(width, others + panel), panel=(across.left, bottom, across.width, panel), centers=across.centers,
        column=across.column, saying=saying, low_ev=low_ev, pt_per_ev=pt_per_ev, box=box,
        bar=_bar(diagram, saying), with_gap=_with_gap(diagram, across, pt_per_ev, ruler), strip=strip, types=types,
        names=names, labels=(), notes=below[0], notes_pt=below[1], zoom=zoom,
    )  # fmt: skip
    return replace(layout, labels=_placed(diagram, across, layout))


def _with_gap(diagram: Diagram, across: _Across, pt_per_ev: float, ruler: Ruler) -> frozenset[AbsoluteEdges]:
    saying = across.saying
    found = set()
    for edges in diagram.columns:
        size = ruler.size_pt(gap_text(edges, saying.edge), saying.font_pt)
        wide, tall = size[::-1] if saying.edge == "upright" else size
        bar = _bar(diagram, saying) if any(edges.range_ev) else 0.0
        if tall + 4 <= pt_per_ev * (edges.cbm_ev - edges.vbm_ev) and wide + bar <= across.column:
            found.add(edges)
    return frozenset(() if saying.edge == "upright" and len(found) < len(set(diagram.columns)) else found)


def _strip(diagram: Diagram, saying: Saying, ruler: Ruler) -> float:
    if not (saying.in_strips and diagram.between):
        return 0.0
    texts = [text for row in diagram.between.values() for text in diagram.offset_texts(row, saying) if text]
    tall = ruler.width_pt if saying.offset == "upright strip" else ruler.height_pt
    heading = ruler.height_pt(CONDUCTION, saying.font_pt)
    return max(heading, max(tall(text, saying.font_pt) for text in texts)) + 5


def _anchors(diagram: Diagram, saying: Saying, box: float, ruler: Ruler) -> list[tuple[float, float, float]]:
    """(energy in eV, points that have to be there below, above)."""
    anchors = [(0.0, 0.0, 5.0), *((level.energy_ev, 4.0, 4.0) for level in diagram.levels)]
    for edges in diagram.columns:
        anchors += [(edges.vbm_ev, box + 6, 0.0), (edges.cbm_ev, 0.0, box + 2)]
        if saying.ranges:
            anchors += [(edges.vbm_ev + end, 3.0, 3.0) for end in edges.range_ev]
    if not saying.in_strips:
        for row in diagram.between.values():
            first, second = row.first, row.second
            assert first is not None
            assert second is not None
            valence, conduction = (
                ruler.height_pt(text, saying.font_pt) if text else 0.0 for text in diagram.offset_texts(row, saying)
            )
            anchors += [
                (min(first.vbm_ev, second.vbm_ev), valence + 2 * _PAD + 1, 0.0),
                (max(first.cbm_ev, second.cbm_ev), 0.0, conduction + 2 * _PAD),
            ]
    return anchors


def _scale(anchors: Iterable[tuple[float, float, float]], panel: float) -> tuple[float, float]:
    """Points an eV and the lowest energy: as large as every anchor allows that has to lie within the panel."""
    anchors = list(anchors)
    pt_per_ev = min(
        (panel - low[1] - high[2]) / (high[0] - low[0]) for high in anchors for low in anchors if high[0] > low[0]
    )
    return pt_per_ev, min(energy_ev - below / pt_per_ev for energy_ev, below, _ in anchors)


def _placed(diagram: Diagram, across: _Across, layout: Layout) -> tuple[Label, ...]:
    """Labels beside the columns, as near to their levels as they have room."""
    energies = [0.0, *(level.energy_ev for level in diagram.levels)]
    wanted = [(energy - layout.low_ev) * layout.pt_per_ev for energy in energies]
    rooms = across.label_rooms
    lowest, highest = (energies.index(end(energies)) for end in (min, max))
    within = (rooms[lowest] / 2 - 2, layout.panel[3] - rooms[highest] / 2 + 4)
    heights = spread_apart(wanted, rooms, within)
    return tuple(
        Label(text=text, energy_ev=energy, at_ev=layout.low_ev + layout.ev(height))
        for text, energy, height in zip(across.labels, energies, heights, strict=True)
    )
