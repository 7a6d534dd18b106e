"""Alignment diagrams: any number of materials on one vacuum scale, with the offsets between neighbours."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

from dftflow.analysis.alignment import check_edges, contradictions, exchanged
from dftflow.figures.colors import material_colors
from dftflow.figures.diagram import draw_diagram
from dftflow.figures.diagram_layout import Diagram
from dftflow.figures.drawing import Drawing
from dftflow.figures.labels import decimals_of
from dftflow.model.alignment import AbsoluteEdges, Alignment, ReferenceLevel
from dftflow.model.records import Records

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["alignment_drawing", "diagram_columns"]

_DATA = (
    "kind", "name", "surface", "second_name", "second_surface", "energy_ev", "vbm_ev", "cbm_ev",
    "valence_band_offset_ev", "conduction_band_offset_ev", "range_low_ev", "range_high_ev", "type", "method", "source",
)  # fmt: skip


def alignment_drawing(
    columns: Sequence[AbsoluteEdges],
    rows: Sequence[Alignment],
    *,
    colors: Mapping[str, str] | None = None,
    levels: Sequence[ReferenceLevel] = (),
    width_in: float | None = None,
    height_in: float | None = None,
    fill: Literal["flat", "gradient"] = "flat",
    name: str = "alignment",
) -> Drawing:
    """Band edges of any number of surfaces on the vacuum scale, with the offsets between those that stand side by side.

    Parameters
    ----------
    columns
        From left to right; see `diagram_columns`.
    rows
        What the offsets between neighbours are taken from: rows that stand on their very levels. Neighbours without a
        row have no offset.
    colors
        Material -> colour; those of `material_colors` unless given.
    levels
        Drawn as lines across the diagram: redox couples, electrodes.
    width_in, height_in
        Of the figure, in inches; else a width of 3.3 (up to three columns), of 6.7 or what the columns need, and the
        height that it takes.
    fill
        Whether the bands are of one tint or fade away from their edges.
    name
        Stem of the figure's files.

    Returns
    -------
    Drawing
        Its `data` have every number of the diagram, those that it has no room for too. Drawing it raises
        `AnalysisError` for edges that `check_edges` refuses, and for a size in which nothing could be read.
    """
    columns, rows, levels = tuple(columns), tuple(rows), tuple(levels)
    shades = material_colors(edges.material for edges in columns) if colors is None else colors
    between = {i: row for i, pair in enumerate(pairwise(columns)) if (row := _between(*pair, rows)) is not None}
    used = {edges.material: shades[edges.material] for edges in columns}
    decimals = decimals_of(columns, rows)
    contradicted = _contradicted(between.values(), rows)
    diagram = Diagram(
        columns=columns, between=between, levels=levels, colors=used, decimals=decimals, contradicted=contradicted
    )

    def build() -> Figure:
        for edges in columns:
            check_edges(edges)
        return draw_diagram(diagram, width_in=width_in, height_in=height_in, fill=fill)

    return Drawing(
        name=name,
        title="Band alignment",
        caption=_caption(diagram),
        build=build if columns else None,
        data=(lambda: _data(diagram)) if columns else None,
        shows=(columns, tuple(between.items()), used, levels, decimals, contradicted, width_in, height_in, fill),
        missing="" if columns else "there are no band edges relative to vacuum",
    )


def _caption(diagram: Diagram) -> str:
    said = ["Band edges relative to the vacuum level: ionisation potential (IP), electron affinity (EA) and gap."]
    rows = diagram.between.values()
    if rows:
        ways = ", ".join(dict.fromkeys(row.same_way for row in rows))
        said.append(f"Offsets between neighbours by {ways}, the edge on the left minus the edge on the right.")
    holds = "; ".join(dict.fromkeys(row.range_holds for row in rows if row.range_holds))
    if holds:
        said.append(f"Ranges: {holds}.")
    if diagram.contradicted:
        said.append(f"{diagram.contradicted}.")
    if any(edges.source for edges in diagram.columns):
        said.append("Dashed outlines: quoted numbers.")
    return " ".join(said)


def _contradicted(between: Iterable[Alignment], rows: Sequence[Alignment]) -> str:
    """Which offsets between neighbours are contradicted by quoted ones, and where these are from; else ``""``."""
    pairs: dict[str, list[str]] = {}
    for row, quoted, _ in contradictions(between, rows):
        pairs.setdefault(quoted.source or quoted.method, []).append(f"{row.first_name} and {row.second_name}")
    said = [f"{', '.join(dict.fromkeys(of))} by {source}" for source, of in pairs.items()]
    return f"Contradicted: {'; '.join(said)}" if said else ""


def _data(diagram: Diagram) -> Records:
    """One row for every column, every offset between neighbours and every reference level; `kind` says which."""
    found: list[dict[str, float | str | None]] = [
        {
            "kind": "edges", "name": e.material, "surface": e.surface, "vbm_ev": e.vbm_ev, "cbm_ev": e.cbm_ev,
            "range_low_ev": e.range_ev[0], "range_high_ev": e.range_ev[1], "source": e.source,
        }
        for e in diagram.columns
    ]  # fmt: skip
    for place, row in diagram.between.items():
        left, right = diagram.columns[place : place + 2]
        low, high = row.range_ev or (None, None)
        offset: dict[str, float | str | None] = {
            "kind": "offset", "name": left.material, "surface": left.surface, "second_name": right.material,
            "second_surface": right.surface, "valence_band_offset_ev": _rounded(row.valence_band_offset_ev),
            "conduction_band_offset_ev": _rounded(row.conduction_band_offset_ev),
            "range_low_ev": low, "range_high_ev": high, "type": row.type, "method": row.method, "source": row.source,
        }  # fmt: skip
        found.append(offset)
    found += [{"kind": "level", "name": v.name, "energy_ev": v.energy_ev, "source": v.source} for v in diagram.levels]
    return Records(columns=_DATA, rows=tuple(tuple(row.get(name) for name in _DATA) for row in found))


def _rounded(value_ev: float | None) -> float | None:
    """Without the noise of a difference of two levels."""
    return None if value_ev is None else round(value_ev, 9)


def diagram_columns(rows: Iterable[Alignment], names: Sequence[str]) -> tuple[AbsoluteEdges, ...]:
    """The levels that `rows` stand on, each once: by material in the order of `names`, else as they come.

    A single row keeps its own order, first and second.
    """
    rows = tuple(rows)
    found = list(dict.fromkeys(edges for row in rows for edges in (row.first, row.second) if edges is not None))
    order = list(dict.fromkeys([*(names if len(rows) > 1 else ()), *(edges.material for edges in found)]))
    return tuple(sorted(found, key=lambda edges: order.index(edges.material)))


def _between(left: AbsoluteEdges, right: AbsoluteEdges, rows: Sequence[Alignment]) -> Alignment | None:
    """The first row that stands on both, turned so that `left` is its first."""
    for row in rows:
        if (row.first, row.second) == (left, right):
            return row
        if (row.first, row.second) == (right, left):
            return exchanged(row)
    return None
