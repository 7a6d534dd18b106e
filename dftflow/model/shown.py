"""What a notebook shows of a type, and a program takes of it: a short line, a table and a picture, plain data.

Pictures and tables are made in a layer above the types that have them. It is named, as commands and codes are, and
found when it is asked for; no type needs it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from dftflow.model.printable import brief

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Shown", "Tabled"]

_NOTEBOOK, _DATA = "dftflow.report.notebook", "dftflow.report.plain_data"


class Shown:
    """A type that notebooks show; its name and what `_in_short` says of it make its `repr`."""

    __slots__ = ()

    def _in_short(self) -> str:
        """What it is, in less than a line."""
        return ""

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {brief(self._in_short())}>"

    def _repr_html_(self) -> str:
        return str(import_module(_NOTEBOOK).html_of(self))


class Tabled(Shown):
    """A type that notebooks show, and that is plain data and a table too."""

    __slots__ = ()

    def to_dict(self) -> dict[str, Any]:
        """As plain data that JSON can hold, with the unit in each name."""
        data: dict[str, Any] = import_module(_DATA).data_of(self)
        return data

    def to_frame(self) -> pd.DataFrame:
        """As a pandas table; raises `CodeNotFoundError` without pandas."""
        return import_module(_DATA).records_of(self).frame()
