"""Rows of numbers with named columns: as comma-separated text, and as a pandas table."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dftflow.errors import CodeNotFoundError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Cell", "Records"]

Cell = float | int | str | bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """A table to calculate with.

    Attributes
    ----------
    columns
        Names, with the unit: ``"energy_ev"``.
    rows
        One value a column; None for what is not known.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]

    def csv(self) -> str:
        """Comma-separated text with a line of names; a value that is not known is empty."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(self.columns)
        writer.writerows(["" if value is None else value for value in row] for row in self.rows)
        return text.getvalue()

    def frame(self) -> pd.DataFrame:
        """The same as a pandas table.

        Raises
        ------
        CodeNotFoundError
            pandas is not installed.
        """
        try:
            import pandas as pd
        except ModuleNotFoundError as error:
            from dftflow.installer import install_line  # with the metadata of packages

            raise CodeNotFoundError(
                "a table of pandas needs pandas, which is not installed",
                fix=f"{install_line('pandas')}, or take to_dict()",
            ) from error
        return pd.DataFrame(list(self.rows), columns=list(self.columns))
