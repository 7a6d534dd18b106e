"""An outcome and an alignment as plain data, and as rows of a table; types of lower layers find it by its name."""

from __future__ import annotations

from functools import singledispatch
from pathlib import Path
from typing import Any

from dftflow.model.alignment import Alignment
from dftflow.model.outcome import StudyOutcome
from dftflow.model.records import Records
from dftflow.report.quantity_table import quantity_records
from dftflow.report.results_json import alignment_document, results_document

__all__ = ["data_of", "records_of"]

_OFFSETS = (
    "first", "second", "method", "valence_band_offset_ev", "conduction_band_offset_ev", "lowest_ev", "highest_ev",
    "range_holds", "type", "tolerance_ev", "remarks", "source",
)  # fmt: skip


@singledispatch
def data_of(thing: object) -> dict[str, Any]:
    """What JSON can hold of it: of an outcome ``results.json``, of an alignment its entry there."""
    raise TypeError(f"{type(thing).__name__} has no plain data")


@singledispatch
def records_of(thing: object) -> Records:
    """Its rows: of an outcome the quantities, of an alignment the offsets."""
    raise TypeError(f"{type(thing).__name__} has no table")


@data_of.register
def _(outcome: StudyOutcome) -> dict[str, Any]:
    return results_document(outcome, Path())


@data_of.register
def _(row: Alignment) -> dict[str, Any]:
    return alignment_document(row)


@records_of.register
def _(outcome: StudyOutcome) -> Records:
    return quantity_records(outcome.quantities)


@records_of.register
def _(row: Alignment) -> Records:
    lowest_ev, highest_ev = row.range_ev or (None, None)
    values = (
        row.first_name, row.second_name, row.method, row.valence_band_offset_ev, row.conduction_band_offset_ev,
        lowest_ev, highest_ev, row.range_holds, row.type, row.tolerance_ev, "; ".join(row.remarks), row.source,
    )  # fmt: skip
    return Records(columns=_OFFSETS, rows=(values,))
