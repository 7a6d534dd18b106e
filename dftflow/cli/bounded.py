"""Numbers on the command line, within the same bounds as those of a study file."""

from __future__ import annotations

from typing import Any

import click

from dftflow.model.bounds import Bound
from dftflow.model.printable import shown

__all__ = ["Within"]


class Within(click.ParamType):  # type: ignore[type-arg]  # generic from click 8.4 on alone
    """A number within a bound; a whole one unless `kind` is ``float``."""

    def __init__(self, bound: Bound, kind: type[int] | type[float] = float) -> None:
        self.name = "integer" if kind is int else "number"
        self._bound, self._kind = bound, kind

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | float:
        """The number; fails with what it can be."""
        try:
            number = self._kind(value)
        except (TypeError, ValueError, OverflowError):
            self.fail(f"{shown(value)} is no {self.name}.", param, ctx)
        if not self._bound.holds(number):
            self.fail(f"It cannot be {shown(number)}; it can be {self._bound}.", param, ctx)
        return number
