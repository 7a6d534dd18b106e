"""Quantities as rows of a table: value, unit, range and origin, or the reason why there is no value."""

from __future__ import annotations

from collections.abc import Iterable

from dftflow.model.point import SWEPT
from dftflow.model.quantity import Quantity
from dftflow.model.records import Cell, Records

__all__ = ["quantity_records"]

_COLUMNS = (
    "name", "subject", "method", "value", "unit", "lowest", "highest", "range holds", "origin", "remarks", "missing",
)  # fmt: skip


def quantity_records(quantities: Iterable[Quantity]) -> Records:
    """A row for each; ``lowest`` and ``highest`` are how far the value may lie from where it is given.

    Of a study with sweeps each setting that is swept has a column; it is empty where it is as the study has it.
    """
    found = tuple(quantities)
    used = {key for quantity in found for key, _ in quantity.point.settings}
    swept = tuple(key for key in SWEPT if key in used)
    rows = tuple((*_row(quantity), *map(quantity.point.get, swept)) for quantity in found)
    return Records(columns=(*_COLUMNS, *swept), rows=rows)


def _row(quantity: Quantity) -> tuple[Cell, ...]:
    low, high = quantity.uncertainty or (None, None)
    return (
        quantity.name,
        quantity.subject,
        quantity.method,
        quantity.value,
        quantity.unit,
        low,
        high,
        quantity.uncertainty_holds,
        "; ".join(quantity.origin),
        "; ".join(quantity.remarks),
        "" if quantity.missing is None else f"{quantity.missing.kind}: {quantity.missing.reason}",
    )
