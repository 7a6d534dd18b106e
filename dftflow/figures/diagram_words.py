"""What an alignment diagram says: numbers at the edges and between the columns, names, and the notes below."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from dftflow.figures.labels import couple, filled, range_text, signed
from dftflow.model.alignment import AbsoluteEdges, Alignment, AlignmentType, Range, ReferenceLevel

__all__ = [
    "CONDUCTION",
    "SAYINGS",
    "SHORT_TYPES",
    "VALENCE",
    "Saying",
    "edge_texts",
    "gap_text",
    "has_ranges",
    "level_text",
    "notes",
    "offset_texts",
    "quoted_sources",
    "surface_texts",
]

VALENCE, CONDUCTION = r"$\Delta E_\mathrm{V}$", r"$\Delta E_\mathrm{C}$"
SHORT_TYPES: Mapping[AlignmentType, str] = {
    "type I": "I", "type II": "II", "type III": "III", "quasi-type II": "~II", "not resolved": "?",
}  # fmt: skip
_MOST_SOURCES = 6
_MINUS = "\N{MINUS SIGN}"

EdgeSaying = Literal["with range", "range below", "plain", "number", "upright"]
OffsetSaying = Literal["with range", "range below", "range broken", "with type", "number", "strip", "upright strip"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Saying:
    """How much is said.

    Attributes
    ----------
    edge
        At the edges: ``EA 3.90 ± 0.06`` on one line or two, ``EA 3.90`` lying or standing upright, ``3.90``.
    offset
        Between the columns: with range and type, with the type, the number alone; in a strip above and below the
        columns, lying or upright, where there is no room between them.
    ranges
        Whether the ranges are drawn as bars.
    """

    edge: EdgeSaying
    offset: OffsetSaying
    font_pt: float
    ranges: bool = True

    @property
    def in_strips(self) -> bool:
        """Whether the offsets stand above and below the columns."""
        return self.offset in ("strip", "upright strip")


def _sayings() -> tuple[Saying, ...]:
    between: tuple[tuple[EdgeSaying, OffsetSaying], ...] = (
        ("with range", "with range"), ("range below", "with range"), ("range below", "range below"),
        ("range below", "range broken"), ("plain", "range below"), ("plain", "range broken"),
        ("plain", "with type"), ("plain", "number"), ("number", "number"),
    )  # fmt: skip
    apart: tuple[tuple[EdgeSaying, OffsetSaying], ...] = (
        ("range below", "strip"), ("plain", "strip"), ("number", "strip"), ("upright", "strip"),
        ("upright", "upright strip"),
    )  # fmt: skip
    ladder = [Saying(edge=e, offset=o, font_pt=size) for e, o in between for size in (7.0, 6.5, 6.0)]
    ladder += [Saying(edge=e, offset=o, font_pt=size) for e, o in apart for size in (7.0, 6.5, 6.0, 5.5)]
    ladder += [
        Saying(edge="upright", offset="upright strip", font_pt=size, ranges=ranges)
        for ranges in (True, False)
        for size in (6.0, 5.5, 5.0)
    ]
    return tuple(ladder)


SAYINGS = _sayings()
"""From the fullest to the tersest; the first that there is room for counts."""


# --- numbers ----------------------------------------------------------------------------------------------------


def edge_texts(edges: AbsoluteEdges, saying: EdgeSaying) -> tuple[str, str]:
    """Electron affinity and ionisation potential."""
    deeper = (0.0 - edges.range_ev[1], 0.0 - edges.range_ev[0])
    affinity, potential = (
        _edge_text(name, 0.0 - level_ev, deeper, saying)
        for name, level_ev in (("EA", edges.cbm_ev), ("IP", edges.vbm_ev))
    )
    return affinity, potential


def _edge_text(name: str, value_ev: float, range_ev: Range, saying: EdgeSaying) -> str:
    with_range = saying in ("with range", "range below") and any(range_ev)
    # a range that two decimals would show as none
    decimals = 3 if with_range and any(end and not round(end, 2) for end in range_ev) else 2
    number = f"{value_ev:.{decimals}f}".replace("-", _MINUS)
    if saying == "number":
        return number
    text = f"{name} {number}"
    if not with_range:
        return text
    return (" " if saying == "with range" else "\n").join((text, range_text(range_ev, decimals)))


def gap_text(edges: AbsoluteEdges, saying: EdgeSaying) -> str:
    """The gap, which stands between the edges."""
    number = f"{edges.cbm_ev - edges.vbm_ev:.2f}"
    return number if saying == "number" else rf"$E_\mathrm{{g}}$ {number}"


def offset_texts(row: Alignment, saying: OffsetSaying, decimals: int) -> tuple[str, str]:
    """Valence and conduction band offset; ``""`` for one that is not known."""
    valence, conduction = (
        _offset_text(name, value_ev, row.range_ev, saying, decimals)
        for name, value_ev in ((VALENCE, row.valence_band_offset_ev), (CONDUCTION, row.conduction_band_offset_ev))
    )
    if saying == "number":
        valence += f"\ntype {SHORT_TYPES[row.type]}"
    elif saying in ("with range", "range below"):
        valence += f"\n{row.type}"
    elif saying in ("range broken", "with type"):
        valence += f"\n{filled(row.type.replace('-', '- ').split(), 8)}"
    return valence, conduction


def _offset_text(name: str, value_ev: float | None, range_ev: Range | None, saying: OffsetSaying, decimals: int) -> str:
    if value_ev is None:
        return ""
    if saying in ("strip", "upright strip"):
        return signed(value_ev, decimals=decimals)
    if saying == "with range":
        return f"{name}\n{signed(value_ev, range_ev if range_ev and any(range_ev) else None, decimals)}"
    text = f"{name}\n{signed(value_ev, decimals=decimals)}"
    if saying in ("with type", "number") or range_ev is None or not any(range_ev):
        return text
    known = range_text(range_ev, decimals)
    known = known if known.startswith("±") else f"({known})"
    return "\n".join((text, known.replace("/", "/\n") if saying == "range broken" else known))


def level_text(level: ReferenceLevel) -> str:
    """Name and energy of a reference level."""
    return f"{couple(level.name)} {level.energy_ev:.2f}".replace(" -", f" {_MINUS}")


def has_ranges(columns: Sequence[AbsoluteEdges]) -> bool:
    """Whether any column may lie elsewhere than where it is drawn."""
    return any(any(edges.range_ev) for edges in columns)


# --- names and notes --------------------------------------------------------------------------------------------


def surface_texts(columns: Sequence[AbsoluteEdges], rows: Sequence[Alignment]) -> list[str]:
    """The surface of every column; the method too, where the columns do not share one."""
    texts = []
    several = len(_ways(rows)) > 1
    for edges in columns:
        ways = _ways([row for row in rows if edges in (row.first, row.second)]) if several else []
        texts.append(" ".join((edges.surface, *(f"by {way}" for way in ways))).strip())
    return texts


def _ways(rows: Sequence[Alignment]) -> list[str]:
    return list(dict.fromkeys(row.same_way for row in rows))


def quoted_sources(columns: Sequence[AbsoluteEdges], levels: Sequence[ReferenceLevel]) -> Mapping[str, str]:
    """Where quoted numbers are from -> the mark of those from there: a letter, or a star where they are too many."""
    sources = [*(edges.source for edges in columns), *(level.source for level in levels)]
    found = list(dict.fromkeys(source for source in sources if source))
    return {source: chr(ord("a") + i) if len(found) <= _MOST_SOURCES else "*" for i, source in enumerate(found)}


def notes(
    columns: Sequence[AbsoluteEdges],
    rows: Sequence[Alignment],
    levels: Sequence[ReferenceLevel],
    saying: Saying,
    contradicted: str,
    left_out: Sequence[str],
) -> str:
    """What a reader of the diagram alone has to know: signs, bars, method, where quoted numbers are from."""
    said = []
    if rows:
        said.append("ΔE: edge on the left minus edge on the right (eV); positive: the left lies higher.")
    if saying.edge == "number":
        said.append("Above the CBM: electron affinity; below the VBM: ionisation potential (eV).")
    if has_ranges(columns) and saying.ranges:
        said.append("Bars: range of both edges.")
    if rows:
        said.append(_method(rows))
        shown = (
            {SHORT_TYPES[row.type]: row.type for row in rows} if saying.in_strips or saying.offset == "number" else {}
        )
        if any(row.is_as_it_stands and row.type != "not resolved" for row in rows):
            said.append("Types as the numbers stand where no ± is given.")
        said += [f"{short}: {shown[short]}." for short in ("~II", "?") if short in shown]
    if contradicted:
        said.append(f"{contradicted}.")
    if any(edges.source for edges in columns):
        said.append("Dashed: quoted.")
    marks = quoted_sources(columns, levels)
    if "*" in marks.values():
        left_out = [*left_out, "sources of what is quoted (*)"]
    elif marks:
        said.append("; ".join(f"{mark}: {source}" for source, mark in marks.items()) + ".")
    if left_out:
        said.append(f"Without room here: {', '.join(left_out)}.")
    return " ".join(said)


def _method(rows: Sequence[Alignment]) -> str:
    ways = _ways(rows)
    way = ways[0] if len(ways) == 1 else "several methods"
    polar = ", polar plane" if any(row.polar for row in rows) else ""
    tolerances = " and ".join(dict.fromkeys(f"{row.tolerance_ev:.3g}" for row in rows))
    return f"By {way}{polar}; types for a tolerance of {tolerances} eV."
