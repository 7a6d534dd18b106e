"""What a notebook shows of a type: a short line where it prints, a table and a picture where it draws."""

from __future__ import annotations

from importlib import import_module

from dftflow.model.printable import brief

__all__ = ["Shown"]

_NOTEBOOK = "dftflow.report.notebook"
"""Pictures are made in a layer above the types that have them. It is named, as commands and codes are, and found when
something is shown; no type needs it."""


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
