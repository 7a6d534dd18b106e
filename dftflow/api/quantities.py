"""Every number of a study with its unit, range and origin, or the reason why there is none.

>>> import dftflow                                           # doctest: +SKIP
>>> dftflow.quantities("runs/demo/results.json").to_frame()  # doctest: +SKIP
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, overload

from dftflow.errors import InputError
from dftflow.input_file import named_place
from dftflow.model.outcome import StudyOutcome
from dftflow.model.point import Point
from dftflow.model.quantity import Quantity
from dftflow.report.markup import formula_html, range_html
from dftflow.report.quantity_table import quantity_records
from dftflow.report.results_file import read_results

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Quantities", "quantities"]


class Quantities(Sequence[Quantity]):
    """Numbers of a study, in the order in which they were derived."""

    def __init__(self, quantities: Sequence[Quantity]) -> None:
        self._all = tuple(quantities)

    def __len__(self) -> int:
        return len(self._all)

    @overload
    def __getitem__(self, place: int) -> Quantity: ...

    @overload
    def __getitem__(self, place: slice) -> Quantities: ...

    def __getitem__(self, place: int | slice) -> Quantity | Quantities:
        return Quantities(self._all[place]) if isinstance(place, slice) else self._all[place]

    def where(self, *, name: str = "", subject: str = "", point: Mapping[str, float | str] | None = None) -> Quantities:
        """Those whose name and subject hold these texts: ``where(name="gap", subject="CsPbBr3")``.

        With `point`, those calculated with exactly these settings: ``{"cutoff_ev": 300}``; of the study as it
        is written ``{}``. Raises `InputError` for a setting that no study sweeps.
        """
        try:
            asked = None if point is None else Point.of(point)
        except ValueError as error:
            raise InputError("there can be no such point", reason=str(error)) from None
        found = [one for one in self if name in one.name and subject in one.subject]
        return Quantities([one for one in found if asked is None or one.point == asked])

    def to_dict(self) -> list[dict[str, Any]]:
        """As plain data: ``quantities`` of ``results.json``."""
        return [one.as_dict() for one in self]

    def to_csv(self) -> str:
        """A line for each as comma-separated text, with a line of names."""
        return quantity_records(self).csv()

    def to_frame(self) -> pd.DataFrame:
        """A line for each as a pandas table; raises `CodeNotFoundError` without pandas."""
        return quantity_records(self).frame()

    def __repr__(self) -> str:
        return f"<Quantities: {len(self)}, {sum(one.missing is not None for one in self)} of them without a value>"

    def _repr_html_(self) -> str:
        from dftflow.report.cell_html import block, rows_html  # with matplotlib

        swept = any(one.point for one in self)
        heads = ("name", "subject", "method", "value", "unit", "range", "missing", *(("point",) if swept else ()))
        rows = [
            (
                one.name, formula_html(one.subject), one.method, one.value, one.unit,
                None if one.uncertainty is None else range_html(one.uncertainty),
                None if one.missing is None else f"{one.missing.kind}: {one.missing.reason}",
                *((str(one.point),) if swept else ()),
            )
            for one in self
        ]  # fmt: skip
        return str(block(f"{len(self)} quantities", rows_html(heads, rows)))


def quantities(source: str | os.PathLike[str] | StudyOutcome) -> Quantities:
    """Every quantity of a study.

    Parameters
    ----------
    source
        A ``results.json`` of any version of dftflow, the folder that holds one, or a `StudyOutcome`.

    Raises
    ------
    InputError
        When there is none, or no regular file.
    ParseError
        When it is damaged, or of an unknown version.
    """
    if isinstance(source, StudyOutcome):
        return Quantities(source.quantities)
    return Quantities(read_results(named_place(source)))
