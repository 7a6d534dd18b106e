"""What an alignment of several sources says: levels, the matrix of offsets and types, and what contradicts what."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from dftflow.analysis.alignment import alignment_type, apart_ev, contradictions, in_order
from dftflow.analysis.offset_matrix import OffsetMatrix, offset_matrix
from dftflow.analysis.transitivity import Closure
from dftflow.figures.labels import decimals_of, range_text, signed
from dftflow.model.alignment import NOT_GIVEN, SIGN_CONVENTION, Alignment, Range, ReferenceLevel
from dftflow.model.printable import only_printable
from dftflow.model.sourced_levels import SourcedLevels
from dftflow.report.closure import CLOSURE_TITLE, same_levels_text
from dftflow.report.fitted_table import TableColumn, fitted_table

__all__ = ["alignment_remarks", "alignment_text", "disagreements"]

NO_DIPOLE = (
    "Offsets are differences of levels that each lie below the vacuum level of a surface of its own (Anderson's rule): "
    "no dipole or strain of a common interface is in them."
)
_LEAST_WIDTH = 40


def alignment_text(
    columns: Sequence[SourcedLevels],
    rows: Sequence[Alignment],
    closures: Sequence[Closure],
    references: Sequence[ReferenceLevel],
    *,
    tolerance_ev: float,
    width: int,
) -> str:
    """The whole as text, no line of which is wider than `width` (40 at least)."""
    width = max(width, _LEAST_WIDTH)
    decimals = decimals_of([one.edges for one in columns], rows)
    own = [row for row in rows if row.first is not None]
    blocks = [
        _titled("Levels relative to vacuum (eV)", _levels_table(columns, decimals, width)),
        *_offset_blocks(columns, rows, own, decimals, width),
        _lines([*_how_to_read(columns, own, tolerance_ev)], width),
        *_quoted_block(rows, decimals, width),
        *_reference_block(references, decimals, width),
        *_closure_blocks(closures, decimals, width),
        _lines([f"! {line}" for line in (*disagreements(rows), *alignment_remarks(columns))], width, indent="  "),
    ]
    return "\n\n".join(filter(None, blocks))


def _number(value: float, decimals: int) -> str:
    """With a sign, and no minus zero."""
    return signed(round(value, decimals) + 0.0, decimals=decimals)


def _lines(lines: Sequence[str], width: int, indent: str = "") -> str:
    """Wrapped, each with the later lines of it indented."""
    return "\n".join(
        part for line in lines for part in textwrap.wrap(only_printable(line), width, subsequent_indent=indent)
    )


def _titled(title: str, table: Sequence[str]) -> str:
    return "\n".join([title, *table])


# --- levels -----------------------------------------------------------------------------------------------------


def _levels_table(columns: Sequence[SourcedLevels], decimals: int, width: int) -> list[str]:
    def numbers(head: str, value: Callable[[SourcedLevels], float]) -> TableColumn:
        return TableColumn(
            head=head, cells=tuple(_number(value(one), decimals).lstrip("+") for one in columns), right=True
        )

    return fitted_table(
        [
            TableColumn(head="material", cells=tuple(one.edges.material for one in columns), shortest=8),
            TableColumn(head="surface", cells=_surfaces(columns), shortest=16, leave_out=1),
            numbers("IP", lambda one: 0.0 - one.edges.vbm_ev),
            numbers("EA", lambda one: 0.0 - one.edges.cbm_ev),
            numbers("gap", lambda one: one.edges.cbm_ev - one.edges.vbm_ev),
            TableColumn(head="± of VBM, CBM", cells=tuple(_reach(one, decimals) for one in columns)),
            TableColumn(head="found by", cells=tuple(map(_found_by, columns)), shortest=8, leave_out=2),
            TableColumn(
                head="source", cells=tuple(one.edges.source or one.origin for one in columns), shortest=12, leave_out=3
            ),
        ],
        width,
    )


def _surfaces(columns: Sequence[SourcedLevels]) -> tuple[str, ...]:
    if not any(one.edges.surface for one in columns):
        return tuple("" for _ in columns)
    return tuple(one.edges.surface or NOT_GIVEN for one in columns)


def _found_by(one: SourcedLevels) -> str:
    return f"{one.way}: {one.method}" if one.method else one.way


def _reach(one: SourcedLevels, decimals: int) -> str:
    return range_text(one.edges.range_ev, decimals) if one.range_holds else NOT_GIVEN


# --- offsets ----------------------------------------------------------------------------------------------------


def _offset_blocks(
    columns: Sequence[SourcedLevels],
    rows: Sequence[Alignment],
    own: Sequence[Alignment],
    decimals: int,
    width: int,
) -> list[str]:
    """Three matrices, or the list of pairs where one of them is too wide."""
    matrix = offset_matrix([one.edges for one in columns], own)
    shown = [
        _matrix_lines(title, matrix, columns, cell)
        for title, cell in (
            ("Valence band offset (eV)", lambda row: _valence_cell(row, decimals)),
            ("Conduction band offset (eV)", lambda row: _conduction_cell(row, decimals)),
            ("Type", _type_cell),
        )
    ]
    if all(len(line) <= width for lines in shown for line in lines):
        return ["\n".join(lines) for lines in shown]
    return [_titled("Offsets (eV)", _pairs_table(rows, own, decimals, width))]


def _matrix_lines(
    title: str, matrix: OffsetMatrix, columns: Sequence[SourcedLevels], cell: Callable[[Alignment], str]
) -> list[str]:
    names = _short_names(columns)
    cells = [["." if one is None else cell(one) for one in row] for row in matrix.cells]
    head = f"{title}, row minus column" if title != "Type" else title
    widths = [max(map(len, (name, *column))) for name, column in zip(names, zip(*cells, strict=True), strict=True)]
    first = max(map(len, names))
    lines = [head, "  ".join(("".ljust(first), *(n.rjust(w) for n, w in zip(names, widths, strict=True))))]
    for name, row in zip(names, cells, strict=True):
        lines.append("  ".join((name.ljust(first), *(c.rjust(w) for c, w in zip(row, widths, strict=True)))))
    return [only_printable(line.rstrip()) for line in lines]


def _short_names(columns: Sequence[SourcedLevels]) -> list[str]:
    """The material, with its surface where it has several."""
    materials = [one.edges.material for one in columns]
    return [one.name if materials.count(one.edges.material) > 1 else one.edges.material for one in columns]


def _valence_cell(row: Alignment, decimals: int) -> str:
    return _with_range(_number(row.valence_band_offset_ev, decimals), row.range_ev, decimals)


def _conduction_cell(row: Alignment, decimals: int) -> str:
    value = row.conduction_band_offset_ev
    return NOT_GIVEN if value is None else _with_range(_number(value, decimals), row.range_ev, decimals)


def _with_range(number: str, range_ev: Range | None, decimals: int = 3) -> str:
    return number if range_ev is None else f"{number} {range_text(range_ev, decimals)}"


def _type_cell(row: Alignment) -> str:
    return f"{row.type}*" if row.is_as_it_stands and row.type != "not resolved" else row.type


def _pairs_table(rows: Sequence[Alignment], own: Sequence[Alignment], decimals: int, width: int) -> list[str]:
    numbers = {id(row): place for place, row in enumerate(rows, start=1)}
    count = Counter(row.pair for row in own)

    def pair(row: Alignment) -> str:
        assert row.first is not None and row.second is not None
        faces = [f" {edges.surface}" if count[row.pair] > 1 else "" for edges in (row.first, row.second)]
        return f"{row.first_name}{faces[0]} - {row.second_name}{faces[1]}"

    return fitted_table(
        [
            TableColumn(head="row", cells=tuple(f"[{numbers[id(row)]}]" for row in own), leave_out=2),
            TableColumn(head="first - second", cells=tuple(map(pair, own)), shortest=10),
            TableColumn(
                head="valence", cells=tuple(_number(row.valence_band_offset_ev, decimals) for row in own), right=True
            ),
            TableColumn(
                head="conduction",
                cells=tuple(_number(row.conduction_band_offset_ev or 0.0, decimals) for row in own),
                right=True,
            ),
            TableColumn(
                head="±",
                cells=tuple(NOT_GIVEN if row.range_ev is None else range_text(row.range_ev, decimals) for row in own),
                leave_out=1,
            ),
            TableColumn(head="type", cells=tuple(map(_type_cell, own))),
        ],
        width,
    )


def _how_to_read(columns: Sequence[SourcedLevels], own: Sequence[Alignment], tolerance_ev: float) -> Iterator[str]:
    yield f"{SIGN_CONVENTION[0].upper()}{SIGN_CONVENTION[1:]}."
    ranged = [row for row in own if row.range_ev is not None]
    said = [f"Tolerance {tolerance_ev:g} eV: a smaller offset counts as none."]
    if any(row.type != "not resolved" and not row.is_as_it_stands for row in own):
        said.append("A type holds for every value within ±; of errors not in ± it says nothing.")
    if any("*" in _type_cell(row) for row in own):
        said.append("* as the numbers stand, for at least one ± is not given.")
    yield " ".join(said)
    open_rows = [row for row in own if row.type == "not resolved"]
    if open_rows:
        yield f"Not resolved: {'; '.join(_why_open(row, tolerance_ev) for row in open_rows[:6])}" + (
            f"; and {len(open_rows) - 6} more." if len(open_rows) > 6 else "."
        )
    if ranged:
        yield from (f"± of {names}: {holds}." for holds, names in _holdings(columns))
    yield NO_DIPOLE


def _why_open(row: Alignment, tolerance_ev: float) -> str:
    assert row.first is not None and row.second is not None
    stands = alignment_type(row.first, row.second, tolerance_ev)
    names = f"{row.first_name} | {row.second_name}"
    if stands == "not resolved":
        return f"{names} (both offsets are none, or an edge lies on a border)"
    return f"{names} ({stands} as the numbers stand; another within ±)"


def _holdings(columns: Sequence[SourcedLevels]) -> list[tuple[str, str]]:
    """What ranges hold -> of which levels."""
    names: dict[str, list[str]] = {}
    for one, name in zip(columns, _short_names(columns), strict=True):
        names.setdefault(one.range_holds or NOT_GIVEN, []).append(name)
    return [(holds, ", ".join(of)) for holds, of in names.items()]


# --- what was quoted --------------------------------------------------------------------------------------------


def _quoted_block(rows: Sequence[Alignment], decimals: int, width: int) -> list[str]:
    quoted = [row for row in rows if row.first is None]
    if not quoted:
        return []
    table = [
        TableColumn(
            head="first - second", cells=tuple(f"{r.first_name} - {r.second_name}" for r in quoted), shortest=10
        ),
        TableColumn(head="valence", cells=tuple(_valence_cell(row, decimals) for row in quoted)),
        TableColumn(head="conduction", cells=tuple(_conduction_cell(row, decimals) for row in quoted)),
        TableColumn(head="type", cells=tuple(NOT_GIVEN if r.remarks else r.type for r in quoted), leave_out=1),
        TableColumn(head="method", cells=tuple(row.method for row in quoted), shortest=8, leave_out=2),
        TableColumn(head="source", cells=tuple(row.source for row in quoted), shortest=12, leave_out=3),
    ]
    return [_titled("Offsets quoted from others (eV)", fitted_table(table, width))]


def _reference_block(references: Sequence[ReferenceLevel], decimals: int, width: int) -> list[str]:
    if not references:
        return []
    table = [
        TableColumn(head="level", cells=tuple(level.name for level in references), shortest=8),
        TableColumn(head="energy", cells=tuple(_number(level.energy_ev, decimals) for level in references), right=True),
        TableColumn(head="source", cells=tuple(level.source for level in references), shortest=12, leave_out=1),
    ]
    return [_titled("Reference levels relative to vacuum (eV)", fitted_table(table, width))]


def disagreements(rows: Sequence[Alignment]) -> tuple[str, ...]:
    """A line for each offset of a quoted row that the levels contradict: by how much more than ranges and tolerance."""
    lines = []
    own = [row for row in rows if row.first is not None]
    for quoted in rows:
        for row, _, beyond_ev in contradictions(own, [quoted]):
            turned = in_order(quoted, row.first_name, row.second_name)
            for band, beyond in beyond_ev.items():
                ours, theirs = (getattr(one, f"{band}_band_offset_ev") for one in (row, turned))
                lines.append(
                    f"{_of(row)}: the levels give a {band} band offset of "
                    f"{_with_range(signed(ours), row.range_ev)} eV, {quoted.method} ({quoted.source}) "
                    f"{_with_range(signed(theirs), turned.range_ev)} eV: they contradict each other, "
                    f"{beyond:.2f} eV further apart than ± and tolerance allow"
                )
    return tuple(lines)


def _of(row: Alignment) -> str:
    assert row.first is not None and row.second is not None
    return " minus ".join(f"{edges.material} {edges.surface}".strip() for edges in (row.first, row.second))


def _closure_blocks(closures: Sequence[Closure], decimals: int, width: int) -> list[str]:
    blocks = []
    if same := same_levels_text(closures):
        blocks.append(_lines([same], width))
    apart = [closure for closure in closures if closure.reasons]
    if apart:
        table = [
            TableColumn(head="materials", cells=tuple(", ".join(c.materials) for c in apart), shortest=12),
            TableColumn(
                head="valence",
                cells=tuple(_with_range(_number(c.valence_ev, decimals), c.range_ev, decimals) for c in apart),
            ),
            TableColumn(
                head="conduction",
                cells=tuple("-" if c.conduction_ev is None else _number(c.conduction_ev, decimals) for c in apart),
                leave_out=1,
            ),
            TableColumn(head="why", cells=tuple("; ".join(c.reasons) for c in apart), shortest=12, leave_out=2),
        ]
        blocks.append("\n".join([_lines([f"{CLOSURE_TITLE}."], width), *fitted_table(table, width)]))
    return blocks


# --- what has to be known ---------------------------------------------------------------------------------------


def alignment_remarks(columns: Sequence[SourcedLevels]) -> tuple[str, ...]:
    """What of the levels together, then of each, a reader has to know."""
    names = _short_names(columns)
    lines = list(_of_all(columns, names))
    each: dict[str, list[str]] = {}
    for one, name in zip(columns, names, strict=True):
        for remark in one.remarks:
            each.setdefault(remark, []).append(name)
    return (*lines, *(f"{', '.join(dict.fromkeys(of))}: {remark}" for remark, of in each.items()))


def _of_all(columns: Sequence[SourcedLevels], names: Sequence[str]) -> Iterator[str]:
    surfaces = {one.edges.surface for one in columns}
    without = [name for one, name in zip(columns, names, strict=True) if not one.edges.surface]
    if len(surfaces - {""}) > 1:
        yield "the levels are of different surfaces; an ionisation potential changes with the surface"
    if without and len(without) < len(columns):
        yield f"no surface is given for {', '.join(without)}"
    ways = list(dict.fromkeys(map(_found_by, columns)))
    if len(ways) > 1:
        yield f"the levels were found in different ways ({'; '.join(ways)}); how these differ is in no ±"
    references = {one.edges.source.rpartition(":")[0] if one.edges.source == one.origin else one.edges.source
                  for one in columns if one.is_quoted}  # fmt: skip
    if len(references) > 1:
        yield f"the levels are quoted from {len(references)} different sources; how these differ is in no ±"
    yield from _of_one_material(columns)


def _of_one_material(columns: Sequence[SourcedLevels]) -> Iterator[str]:
    """Two levels of one material that stay apart whatever their ranges hold."""
    for number, one in enumerate(columns):
        for other in columns[number + 1 :]:
            if one.edges.material == other.edges.material:
                apart = apart_ev(one.edges.vbm_ev, one.edges.range_ev, other.edges.vbm_ev, other.edges.range_ev)
                if apart > 1e-9:
                    difference = abs(one.edges.vbm_ev - other.edges.vbm_ev)
                    yield (
                        f"the VBM of {one.name} ({one.edges.source or one.origin}) and of {other.name} "
                        f"({other.edges.source or other.origin}) differ by {difference:.2f} eV, more than their ± allow"
                    )
