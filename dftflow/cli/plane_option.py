"""``--miller`` with three or four indices behind it, some of which look like options: ``--miller 1 -2 1 0``."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import click

from dftflow.model.bounds import MILLER_INDEX
from dftflow.model.printable import shown

__all__ = ["MillerIndices", "PlaneCommand"]

_NAME = "--miller"
_INDEX = re.compile(r"[+-]?\d{1,2}", re.ASCII)


class MillerIndices(click.ParamType):  # type: ignore[type-arg]  # generic from click 8.4 on alone
    """Three indices, or four of hexagonal axes, in one text."""

    name = "indices"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        """The numbers; fails with what they can be."""
        from dftflow.errors import SurfaceError
        from dftflow.model.miller import read_miller

        try:
            indices = read_miller(value)
        except SurfaceError as error:
            why = error.reason or "write 0 1 1, or 0 1 -1 1 of hexagonal axes"
            self.fail(f"{shown(value)} is no plane: {why}.", param, ctx)
        for number in indices:
            if not MILLER_INDEX.holds(number):
                self.fail(f"It cannot be {number}; it can be {MILLER_INDEX}.", param, ctx)
        return indices


class PlaneCommand(click.Command):
    """A command that takes `_NAME` and the whole numbers behind it as one."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click's, with the indices in one argument."""
        return super().parse_args(ctx, list(_gathered(args)))


def _gathered(args: list[str]) -> Iterable[str]:
    """Of click's parsers none takes a number of values that the command line decides."""
    left = list(args)
    while left:
        yield (first := left.pop(0))
        if first == "--":
            yield from left
            return
        if first == _NAME and left and _INDEX.fullmatch(left[0]):
            count = 4 if len(left) > 3 and _INDEX.fullmatch(left[3]) else 3
            yield " ".join(left[:count])
            left = left[count:]
