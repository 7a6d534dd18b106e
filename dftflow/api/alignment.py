"""Alignment of any number of materials, from numbers, tables, results of studies and folders of results.

>>> from dftflow.api.alignment import align
>>> found = align({"ZnO": {"ip_ev": 7.7, "ea_ev": 4.4}, "ZIF-8": {"ip_ev": 6.4, "ea_ev": 1.9}})
>>> found.matrix.types[0][1], round(found.rows[0].valence_band_offset_ev, 3)
('type II', -1.3)
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from dftflow.analysis import alignment as analysis
from dftflow.analysis.alignment import alignment_type, in_order, with_contradictions
from dftflow.analysis.offset_matrix import OffsetMatrix, offset_matrix
from dftflow.analysis.transitivity import Closure, closures
from dftflow.api.level_sources import Source, levels_from
from dftflow.errors import InputError
from dftflow.figures.look import FORMATS
from dftflow.jobs.output_place import write_output
from dftflow.model.alignment import NOT_GIVEN, SIGN_CONVENTION, Alignment, ReferenceLevel
from dftflow.model.bounds import TOLERANCE_EV
from dftflow.model.printable import brief
from dftflow.model.records import Records
from dftflow.model.sourced_levels import LevelSource, SourcedLevels
from dftflow.quoted.level_table_text import level_table_text
from dftflow.report.alignment_text import alignment_remarks, alignment_text, disagreements

if TYPE_CHECKING:
    import pandas as pd

    from dftflow.api.plotted import PlottedFigure

__all__ = ["BandAlignment", "Fill", "align"]

Fill = Literal["flat", "gradient"]
SEVERAL_WAYS = "levels found in several ways"
REPR_WIDTH = 100
TABLES = ("csv", "toml", "json")
_COLUMNS = (
    "first", "first_surface", "second", "second_surface", "valence_band_offset_ev", "conduction_band_offset_ev",
    "range_low_ev", "range_high_ev", "range_holds", "type", "type_as_numbers_stand", "tolerance_ev", "method",
    "first_source", "second_source", "source", "contradicts",
)  # fmt: skip


@dataclass(frozen=True, eq=False, slots=True, repr=False, kw_only=True)
class BandAlignment:
    """Levels of several materials beside each other, with the offsets between each two of them.

    Attributes
    ----------
    columns
        The levels, from left to right.
    rows
        One for each two levels of different materials, first minus second, then the offsets quoted from others. Rows
        that contradict each other name each other by number, from 1.
    closures
        How far offsets of one kind between three materials are from adding up.
    references
        Redox couples, electrodes.
    notes
        What of the sources was not used, and why.
    refused
        Files and parts of results that fail a check.
    """

    columns: tuple[SourcedLevels, ...]
    rows: tuple[Alignment, ...]
    closures: tuple[Closure, ...]
    references: tuple[ReferenceLevel, ...]
    tolerance_ev: float
    notes: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()

    @property
    def matrix(self) -> OffsetMatrix:
        """Each against each: offsets and types."""
        return offset_matrix([one.edges for one in self.columns], self.rows)

    @property
    def remarks(self) -> tuple[str, ...]:
        """What a reader has to know: contradictions first."""
        return (*disagreements(self.rows), *alignment_remarks(self.columns))

    def text(self, width: int = REPR_WIDTH) -> str:
        """Levels, offsets, types and what has to be known of them, at most `width` columns wide."""
        return alignment_text(
            self.columns, self.rows, self.closures, self.references, tolerance_ev=self.tolerance_ev, width=width
        )

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        names = ", ".join(_materials(self.columns))
        return f"<BandAlignment of {brief(names)}: {len(self.rows)} offsets>"

    def _repr_html_(self) -> str:
        from dftflow.report.notebook import alignment_html  # with matplotlib

        notes = (*self.remarks, *self.notes, *self.refused)
        return str(alignment_html(self.columns, self.rows, lambda: self.plot().drawing, notes))

    # --- as data ---

    def to_dict(self) -> dict[str, Any]:
        """As plain data: the document of ``dftflow align --json``."""
        return {
            "sign": SIGN_CONVENTION,
            "tolerance_ev": self.tolerance_ev,
            "levels": [_column_document(one) for one in self.columns],
            "offsets": [dict(zip(_COLUMNS, row, strict=True)) for row in self.records.rows],
            "closures": [asdict(closure) for closure in self.closures],
            "references": [asdict(level) for level in self.references],
            "remarks": list(self.remarks),
            "notes": list(self.notes),
            "refused": list(self.refused),
        }

    @property
    def records(self) -> Records:
        """One row for each row of offsets."""
        return Records(columns=_COLUMNS, rows=tuple(_record(row, self.tolerance_ev) for row in self.rows))

    def to_csv(self) -> str:
        """The rows of offsets as comma-separated text."""
        return self.records.csv()

    def to_frame(self) -> pd.DataFrame:
        """The rows of offsets as a pandas table; raises `CodeNotFoundError` without pandas."""
        return self.records.frame()

    def to_table(self) -> str:
        """Levels, reference levels and quoted offsets as a table (TOML) that `align` reads."""
        quoted = [row for row in self.rows if row.first is None]
        return level_table_text(self.columns, self.references, quoted)

    # --- as a figure ---

    def plot(
        self,
        out: str | os.PathLike[str] | None = None,
        *,
        size: str | tuple[float, float] | None = None,
        fill: Fill = "flat",
        style: str | Sequence[str] = (),
        colors: Mapping[str, str] | None = None,
    ) -> PlottedFigure:
        """The diagram, written to `out` where it is given.

        Parameters
        ----------
        out
            ``.svg``, ``.pdf`` or ``.png``; ``.csv`` for the numbers that are drawn.
        size, style
            See `dftflow.api.plotted.LookOptions`.
        fill
            Bands of one tint, or fading away from their edges.
        colors
            As those of `LookOptions`, by material; before those of a table.

        Raises
        ------
        InputError
            For a size, colour or style that is none.
        StoreError
            When the file cannot be written.
        """
        from dftflow.api.plotted import LookOptions, plotted, refuse_other  # with matplotlib
        from dftflow.figures.alignment import alignment_drawing

        refuse_other("fill", fill, Fill)
        asked = {one.edges.material: one.color for one in self.columns if one.color} | dict(colors or {})
        options = LookOptions(size=size, style=style, colors=asked)
        names = _materials(self.columns)
        edges = [one.edges for one in self.columns]
        figure = plotted(
            names,
            options,
            lambda look: alignment_drawing(
                edges,
                self.rows,
                colors=look.colors_of(names),
                levels=self.references,
                width_in=look.width_in,
                height_in=look.height_in,
                fill=fill,
            ),
        )
        if out is not None:
            figure.save(out)
        return figure

    def save(self, out: str | os.PathLike[str], *, size: str | None = None, fill: Fill = "flat") -> Path:
        """Write what the suffix says: a picture (svg, pdf, png), the offsets (csv), the levels (toml) or all (json).

        Raises
        ------
        InputError
            For another suffix, and for a table that is one of the sources.
        StoreError
            When the file cannot be written.
        """
        file = Path(out)
        kind = file.suffix.lower().removeprefix(".")
        if kind in FORMATS:
            self.plot(file, size=size, fill=fill)
            return file
        if kind not in TABLES:
            known = ", ".join(f".{suffix}" for suffix in (*FORMATS, *TABLES))
            raise InputError(f"nothing is written as {file.suffix or 'a file without a suffix'}", fix=f"use {known}")
        if any(_is_in(one.origin, file) for one in self.columns):
            raise InputError("this file is one of the sources", fix="give another name", where=str(file))
        texts = {"csv": self.to_csv, "toml": self.to_table, "json": self._json}
        write_output(file, texts[kind]())
        return file

    def _json(self) -> str:
        return json.dumps(self.to_dict(), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def align(
    *sources: Source,
    tolerance_ev: float = 0.10,
    order: str | Sequence[str] = (),
    levels: Sequence[ReferenceLevel] = (),
) -> BandAlignment:
    """Band offsets and types between all materials of the sources, by their levels below the vacuum.

    Parameters
    ----------
    *sources
        Tables (TOML, YAML as bapt reads it, CSV), a ``results.json`` or its folder, a folder of a slab's results of any
        code (``"FAPbBr3=results/slab"``), a crystal and its slab (``"FAPbBr3=results/bulk+results/slab"``), mappings
        such as ``{"CsPbBr3": {"ip_ev": 5.9, "ea_ev": 3.6}}``, `AbsoluteEdges`, outcomes of studies and what
        `dftflow.api.levels.levels` gave; in any number and mixture.
    tolerance_ev
        Offsets of at most this size count as none.
    order
        Materials that come first, from left to right; the others follow as they come.
    levels
        Redox couples and electrodes, beside those of the tables.

    Raises
    ------
    InputError
        A source cannot be read or holds no levels, a number cannot be what its name says, two levels have both material
        and surface in common, or there are fewer than two materials.
    AnalysisError, ParseError
        Levels do not follow from results, or these are damaged.
    """
    if not TOLERANCE_EV.holds(tolerance_ev):
        raise InputError(f"the tolerance cannot be {tolerance_ev} eV", fix=f"give one {TOLERANCE_EV}")
    _refuse_other_levels(levels)
    read = [levels_from(source) for source in sources]
    columns = _ordered([one for source in read for one in source.levels], [order] if isinstance(order, str) else order)
    _refuse_alike(columns)
    names = _materials(columns)
    if len(names) < 2:
        raise InputError(
            "an alignment needs two materials",
            reason=f"the sources have {', '.join(names) or 'none'}",
            fix="name another table, results.json or folder",
        )
    own = _rows(columns, tolerance_ev)
    quoted, unused = _quoted_rows(read, names, tolerance_ev)
    rows = with_contradictions([*own, *quoted])
    return BandAlignment(
        columns=columns,
        rows=rows,
        closures=closures(rows),
        references=tuple(dict.fromkeys((*(level for source in read for level in source.references), *levels))),
        tolerance_ev=tolerance_ev,
        notes=tuple(dict.fromkeys((*(note for source in read for note in source.notes), *unused))),
        refused=tuple(dict.fromkeys(line for source in read for line in source.refused)),
    )


def _materials(columns: Sequence[SourcedLevels]) -> list[str]:
    """Each once, in the order of the columns."""
    return list(dict.fromkeys(one.edges.material for one in columns))


def _refuse_other_levels(levels: Sequence[ReferenceLevel]) -> None:
    if isinstance(levels, str) or not all(isinstance(level, ReferenceLevel) for level in levels):
        raise InputError(
            f"levels are no ReferenceLevels: {brief(repr(levels))}",
            fix='give each with its energy: dftflow.model.alignment.ReferenceLevel(name="H+/H2", energy_ev=-4.44)',
        )


def _ordered(columns: Sequence[SourcedLevels], order: Sequence[str]) -> tuple[SourcedLevels, ...]:
    names = _materials(columns)
    unknown = [name for name in order if name not in names]
    if unknown:
        raise InputError(f"there is no material {unknown[0]!r} to order", fix=f"there are {', '.join(names)}")
    place = {name: number for number, name in enumerate(dict.fromkeys((*order, *names)))}
    return tuple(sorted(columns, key=lambda one: place[one.edges.material])) if order else tuple(columns)


def _refuse_alike(columns: Sequence[SourcedLevels]) -> None:
    known: dict[tuple[str, str], SourcedLevels] = {}
    for one in columns:
        other = known.setdefault((one.edges.material, one.edges.surface), one)
        if other is not one:
            raise InputError(
                f"{one.name} stands twice",
                reason=f"in {other.origin} and in {one.origin}",
                fix='leave one out, or tell them apart: surface = "(110), UPS"',
                where=one.origin,
            )


def _rows(columns: Sequence[SourcedLevels], tolerance_ev: float) -> list[Alignment]:
    ways = {one.way for one in columns}
    way = next(iter(ways)) if len(ways) == 1 else SEVERAL_WAYS
    count = Counter(one.edges.material for one in columns)
    return [
        _row(one, other, way, tolerance_ev, with_faces=count[one.edges.material] > 1 or count[other.edges.material] > 1)
        for one, other in combinations(columns, 2)
        if one.edges.material != other.edges.material
    ]


def _row(one: SourcedLevels, other: SourcedLevels, way: str, tolerance_ev: float, *, with_faces: bool) -> Alignment:
    """Their offsets; without a range where neither has one."""
    method = " and ".join(dict.fromkeys((one.way, other.way)))
    row = analysis.align(
        one.edges,
        other.edges,
        method=f"{method}, {one.name} and {other.name}" if with_faces else method,
        way=way,
        range_holds=_holds(one, other),
        tolerance_ev=tolerance_ev,
        polar=one.polar or other.polar,
        relaxed=None,
    )
    return row if one.range_holds or other.range_holds else replace(row, range_ev=None, range_holds="")


def _holds(one: SourcedLevels, other: SourcedLevels) -> str:
    if one.range_holds == other.range_holds:
        return one.range_holds
    return "; ".join(f"of {each.name}: {each.range_holds or NOT_GIVEN}" for each in (one, other))


def _quoted_rows(
    read: Sequence[LevelSource], names: Sequence[str], tolerance_ev: float
) -> tuple[list[Alignment], list[str]]:
    """Quoted offsets between the materials at hand, in their order; and a line for each of the others."""
    rows, unused = [], []
    for row in (row for source in read for row in source.offsets):
        if set(row.pair) <= set(names):
            rows.append(in_order(replace(row, tolerance_ev=tolerance_ev), *sorted(row.pair, key=names.index)))
        else:
            pair = f"{row.first_name} and {row.second_name}"
            unused.append(f"{row.source}: the offset of {pair} is of no two materials here")
    return rows, unused


def _column_document(one: SourcedLevels) -> dict[str, Any]:
    edges = one.edges
    return {
        "material": edges.material,
        "surface": edges.surface,
        "vbm_ev": edges.vbm_ev,
        "cbm_ev": edges.cbm_ev,
        "ionisation_potential_ev": 0.0 - edges.vbm_ev,
        "electron_affinity_ev": 0.0 - edges.cbm_ev,
        "range_ev": list(edges.range_ev) if one.range_holds else None,
        "range_holds": one.range_holds,
        "quoted": one.is_quoted,
        "way": one.way,
        "method": one.method,
        "source": edges.source,
        "origin": one.origin,
        "remarks": list(one.remarks),
    }


def _record(row: Alignment, tolerance_ev: float) -> tuple[float | str | None, ...]:
    first, second = row.first, row.second
    low, high = row.range_ev or (None, None)
    stands = alignment_type(first, second, tolerance_ev) if first is not None and second is not None else None
    type = None if row.first is None and row.remarks else row.type
    return (
        row.first_name, "" if first is None else first.surface,
        row.second_name, "" if second is None else second.surface,
        row.valence_band_offset_ev, row.conduction_band_offset_ev, low, high, row.range_holds, type, stands,
        tolerance_ev, row.method, "" if first is None else first.source, "" if second is None else second.source,
        row.source, "; ".join(map(str, row.contradicts)),
    )  # fmt: skip


def _is_in(origin: str, file: Path) -> bool:
    """Whether a source (``file:line``) lies in `file`."""
    place = Path(origin.rpartition(":")[0] or origin)
    return place.exists() and file.exists() and place.samefile(file)
