"""Levels as a table that is read again: TOML, as a person would write it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dftflow.model.alignment import Alignment, Range, ReferenceLevel
from dftflow.model.printable import toml_text
from dftflow.model.sourced_levels import SourcedLevels

__all__ = ["level_table_text"]


def level_table_text(
    columns: Sequence[SourcedLevels], references: Sequence[ReferenceLevel], offsets: Sequence[Alignment]
) -> str:
    """The table, with every digit. Read again it is quoted; of what was calculated the method and reference say so."""
    blocks = [
        "# Band edges relative to vacuum, eV.",
        *("\n".join(["[[materials]]", *_material(one)]) for one in columns),
        *("\n".join(["[[levels]]", *_reference(one)]) for one in references),
        *("\n".join(["[[offsets]]", *_offset(row)]) for row in offsets),
    ]
    return "\n\n".join(blocks) + "\n"


def _material(one: SourcedLevels) -> Iterator[str]:
    edges = one.edges
    yield f"name = {toml_text(edges.material)}"
    if edges.surface:
        yield f"surface = {toml_text(edges.surface)}"
    yield f"vbm = {edges.vbm_ev!r}"
    yield f"cbm = {edges.cbm_ev!r}"
    yield from _uncertainty(edges.range_ev, one.range_holds)
    method = one.method if one.is_quoted else one.way
    if method:
        yield f"method = {toml_text(method)}"
    yield f"reference = {toml_text(edges.source or one.origin)}"
    if one.color:
        yield f"color = {toml_text(one.color)}"


def _uncertainty(range_ev: Range | None, holds: str) -> Iterator[str]:
    if range_ev is not None and any(range_ev):
        low, high = range_ev
        yield f"uncertainty = {high!r}" if low == -high else f"uncertainty = [{low!r}, {high!r}]"
        yield f"uncertainty_holds = {toml_text(holds)}"


def _reference(level: ReferenceLevel) -> Iterator[str]:
    yield f"name = {toml_text(level.name)}"
    yield f"energy = {level.energy_ev!r}"
    if level.source:
        yield f"reference = {toml_text(level.source)}"


def _offset(row: Alignment) -> Iterator[str]:
    yield f"materials = [{toml_text(row.first_name)}, {toml_text(row.second_name)}]"
    yield f"valence = {row.valence_band_offset_ev!r}"
    if row.conduction_band_offset_ev is not None:
        yield f"conduction = {row.conduction_band_offset_ev!r}"
    if not row.remarks:
        yield f"type = {toml_text(row.type)}"
    yield from _uncertainty(row.range_ev, row.range_holds)
    yield f"method = {toml_text(row.method)}"
    yield f"reference = {toml_text(row.source)}"
