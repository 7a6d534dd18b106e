"""Alignment diagrams of every kind, and what has to hold of each."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

from levels import FACES, MANY
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.text import Text
from text_boxes import overlaps

from dftflow.analysis.alignment import align, exchanged
from dftflow.figures.alignment import alignment_drawing
from dftflow.figures.drawing import Drawing
from dftflow.figures.labels import decimals_of, signed
from dftflow.model.alignment import AbsoluteEdges, Alignment, Range, ReferenceLevel

LONG = ("formamidinium lead bromide, cubic average structure", "caesium lead bromide, orthorhombic, relaxed at 0 K")
NAMES = (*MANY, *LONG, "Cs2Ag0.5In0.5BiBr6", "interface-of-FAPbBr3/CsPbBr3-on-TiO2", "Si")
SURFACES = (*FACES, "", "(011) Pnma, CsBr3/2 (half Cs2Br6), not known whether relaxed", "(1-10), WO3", "(111)")
LEVELS = tuple(
    ReferenceLevel(name=name, energy_ev=energy, source=source)
    for name, energy, source in (
        ("H+/H2", -4.44, "10.1351/pac198658070955"), ("O2/H2O", -5.67, "10.1351/pac198658070955"),
        ("CO2/CH4", -4.61, ""), ("Au", -5.1, "a table, row 3"), ("Al", -4.28, ""), ("CO2/HCOOH", -4.28, ""),
        ("PEDOT:PSS, annealed at 140 C in nitrogen", -5.0, ""), ("Li+/Li", -1.4, ""),
    )
)  # fmt: skip
MINUS = "\N{MINUS SIGN}"


@dataclass(frozen=True, kw_only=True)
class Case:
    """What is drawn, and how wide."""

    columns: tuple[AbsoluteEdges, ...]
    rows: tuple[Alignment, ...]
    levels: tuple[ReferenceLevel, ...]
    width_in: float | None
    fill: str

    def drawing(self) -> Drawing:
        """As a person asks for it."""
        return alignment_drawing(
            self.columns,
            self.rows,
            levels=self.levels,
            width_in=self.width_in,
            fill=self.fill,  # type: ignore[arg-type]
        )


def case(seed: int) -> Case:
    """1 to 12 columns, close, far, anywhere: affinities of either sign, gaps of 0.1 to 12 eV, potentials to 13 eV."""
    dice = random.Random(seed)
    count = (1, 2, 3, 4, 2, 5, 3, 2, 2, 3, 2, dice.randrange(6, 13))[seed % 12]
    step = dice.choice((0.0, 0.02, -0.02, 0.3, -3.0, None))
    top = dice.choice((-4.2, -5.8, -9.4, -11.5))
    columns = []
    for place in range(count):
        shift = 0.0 if step is None else place % 2 * step if abs(step) > 1 else place * step
        vbm = dice.uniform(-13.0, -2.5) if step is None else min(top + shift, -1.0)
        gap = dice.choice((0.1, 0.4, dice.uniform(1.0, 3.5), 12.0, abs(vbm) - 0.6, abs(vbm) + dice.uniform(0.1, 1.5)))
        columns.append(
            AbsoluteEdges(
                material=dice.choice(NAMES), surface=f"{dice.choice(SURFACES)} {place}".strip(), vbm_ev=vbm,
                cbm_ev=vbm + max(gap, 0.1), range_ev=_range(dice, seed),
                source=dice.choice(("", "", "10.1021/acsami.1c18025", f"levels-of-others.csv, row {place}")),
            )
        )  # fmt: skip
    return Case(
        columns=tuple(columns), rows=tuple(_rows(columns, dice)), levels=LEVELS[: dice.choice((0, 0, 1, 2, 4, 8))],
        width_in=(3.3, 6.7, 4.5)[seed // 12 % 3], fill=("flat", "gradient")[seed % 10 == 9],
    )  # fmt: skip


def _range(dice: random.Random, seed: int) -> Range:
    """None at all in a third of the cases; else the spread of a line-up, nothing, or the gap of a slab on one side."""
    kind, size = dice.randrange(4) if seed % 3 else 0, dice.choice((0.02, 0.3, 1.4, 2.9))
    return {0: (0.0, 0.0), 1: (-size, 0.0)}.get(kind, (-size, size))


def _rows(levels: list[AbsoluteEdges], dice: random.Random) -> Iterator[Alignment]:
    """Rows of most neighbours, some told the other way round or without a conduction band, of one method or of two."""
    ways = ("bulk line-up through the slabs", dice.choice(("bulk line-up through the slabs", "work functions")))
    for number, (first, second) in enumerate(pairwise(levels)):
        if dice.random() < 0.05:
            continue
        way = ways[number % 2]
        row = align(first, second, method=f"{way} (010) and (010)", way=way, range_holds="spread")
        row = replace(row, conduction_band_offset_ev=None) if dice.random() < 0.05 else row
        yield exchanged(row) if number % 3 == 1 else row


def faults(case: Case, figure: Figure) -> list[str]:
    """What is wrong with the figure of a case; nothing is what is wanted."""
    ax = figure.axes[0]
    found = [f"overlap: {pair}" for pair in overlaps(figure)]
    found += [f"small: {text.get_text()}" for text in figure.findobj(Text) if text.get_fontsize() < 5]
    return [*found, *_crossing(figure, ax), *_unsaid(case, figure, ax), *_elsewhere(case, ax)]


def _crossing(figure: Figure, ax: Axes) -> list[str]:
    """Texts that neither lie within a band nor beside it, and those on an edge, a step or an arrow."""
    bands = [patch.get_window_extent() for patch in ax.patches if isinstance(patch, Rectangle)]
    lines = [line for line in ax.get_lines() if line.get_linestyle() == "-" and line.get_linewidth() >= 0.6]
    strokes = [line.get_window_extent() for line in lines]
    strokes += [text.get_window_extent() for text in ax.texts if not text.get_text()]  # arrows
    found = []
    for text in (text for text in ax.texts if text.get_text()):
        box = text.get_window_extent().padded(-1)
        found += [f"on a line: {text.get_text()}" for stroke in strokes if box.overlaps(stroke)]
        for band in bands:
            inside = band.x0 < box.x0 and box.x1 < band.x1 and band.y0 < box.y0 and box.y1 < band.y1
            if box.overlaps(band) and not inside:
                found.append(f"crossing: {text.get_text()}")
    return found


def plain(shown: str) -> str:
    """What a person reads, without the blanks."""
    return re.sub(r"\s|\$|[_^]\{|\}|\\mathrm\{[a-z*]\}", "", shown)


def _unsaid(case: Case, figure: Figure, ax: Axes) -> list[str]:
    """Names, numbers and sources that are neither there nor said to be left out."""
    texts = [text.get_text() for text in ax.texts]
    notes = " ".join(" ".join(text.get_text() for text in figure.texts).split())
    words = [plain(text) for text in texts]
    found = []
    for edges in case.columns:
        name, surface = plain(edges.material), plain(edges.surface)
        if not any(word.startswith(name) for word in words) and "ends of names" not in notes:
            found.append(f"no name: {edges.material}")
        if not any(surface in word for word in words) and not re.search("ends of names|surfaces", notes):
            found.append(f"no surface: {edges.surface}")
        for number in (f"{0.0 - edges.vbm_ev:.2f}", f"{0.0 - edges.cbm_ev:.2f}".replace("-", MINUS)):
            if not any(number in text for text in texts):
                found.append(f"no number: {number}")
        if edges.source and plain(edges.source) not in plain(notes) and "sources of what is quoted" not in notes:
            found.append(f"no source: {edges.source}")
    decimals = decimals_of(case.columns, case.rows)
    for row in _between(case):
        for value in (row.valence_band_offset_ev, row.conduction_band_offset_ev):
            if value is not None and not any(signed(value, decimals=decimals) in text for text in texts):
                found.append(f"no offset: {value}")
    found += [f"no level: {v.name}" for v in case.levels if not any(plain(v.name) in word for word in words)]
    if case.rows and "edge on the left minus edge on the right" not in notes:
        found.append("no sign")
    if any(any(row.range_ev or ()) for row in _between(case)):
        shown = any("Delta" in text and ("±" in text or "(" in text) for text in texts)
        if not shown and "ranges" not in notes:
            found.append("no ranges")
    return found


def _between(case: Case) -> list[Alignment]:
    found = []
    for left, right in pairwise(case.columns):
        for row in case.rows:
            if (row.first, row.second) == (left, right):
                found.append(row)
            elif (row.first, row.second) == (right, left):
                found.append(exchanged(row))
    return found


def drawn_levels(ax: Axes, left: float, right: float) -> list[float]:
    """Energies of the lines that begin and end where a column does."""
    lines = [line for line in ax.get_lines() if len(line.get_xdata()) == 2]
    ends = [(line, [float(x) for x in line.get_xdata()]) for line in lines]
    return sorted({float(line.get_ydata()[0]) for line, (a, b) in ends if abs(a - left) + abs(b - right) < 1e-6})


def column_ends(ax: Axes, count: int) -> list[tuple[float, float]]:
    """Where each column begins and ends, from the thick lines of its edges."""
    thick = [line for line in ax.get_lines() if line.get_linewidth() == 1.4]
    ends = sorted({tuple(round(float(x), 6) for x in line.get_xdata()) for line in thick})
    assert len(ends) == count
    return ends  # type: ignore[return-value]


def _elsewhere(case: Case, ax: Axes) -> list[str]:
    """Edges and levels that are not drawn where they are, or outside the axes."""
    low, high = ax.get_ylim()
    found = []
    for edges, ends in zip(case.columns, column_ends(ax, len(case.columns)), strict=True):
        levels = drawn_levels(ax, *ends)
        if any(abs(a - b) > 1e-9 for a, b in zip(levels, (edges.vbm_ev, edges.cbm_ev), strict=True)):
            found.append(f"levels: {levels} for {edges}")
        if not low < edges.vbm_ev < edges.cbm_ev < high:
            found.append(f"outside: {edges}")
    across = drawn_levels(ax, *ax.get_xlim())
    if any(all(abs(level.energy_ev - at) > 1e-9 for at in across) for level in case.levels) or 0.0 not in across:
        found.append(f"reference levels: {across}")
    return found
