"""``dftflow mismatch``: how far two crystals are from fitting onto each other."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from dftflow.cli.bounded import Within
from dftflow.cli.completion import Crystals
from dftflow.cli.table import text_table
from dftflow.model.bounds import FRACTION_PERCENT, MATCH_AREA_ANG2, MISMATCH_INDEX, STRAIN_PERCENT

if TYPE_CHECKING:
    from dftflow.model.mismatch import Mismatch, PlaneMatch, PlanePair

__all__ = ["command"]

MOST_PAIRS = 8
"""Of planes that are shown where none were asked for."""


class _Plane(click.ParamType):  # type: ignore[type-arg]  # generic from click 8.4 on alone
    """Indices of a plane in one text, with the setting behind them: ``"0 1 0 Pnma"``, ``010``."""

    name = "plane"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Indices, or indices and setting; fails for what is no plane."""
        from dftflow.errors import SurfaceError
        from dftflow.model.miller import read_miller

        if not isinstance(value, str):
            return value
        indices, _, setting = value.strip().rpartition(" ")
        if not indices or setting.lstrip("+-").isdigit():
            indices, setting = value, ""
        try:
            miller = read_miller(indices)
        except SurfaceError as error:
            self.fail(f"{value!r} is no plane: {error.reason or 'write 0 1 1, or 0 1 1 Pnma with its setting'}.")
        return (miller, setting) if setting else miller


@click.command()
@click.argument("first", type=Crystals())
@click.argument("second", type=Crystals())
@click.option("--plane", "planes", type=_Plane(), nargs=2, multiple=True, metavar="PLANE PLANE", help='One of each: '
              '"1 0 0 cubic" "0 1 0 Pnma".  [default: all of low indices]')  # fmt: skip
@click.option("--max-index", type=Within(MISMATCH_INDEX, int), default=1, show_default=True, help="Of those planes.")
@click.option("--max-area", "max_area_ang2", type=Within(MATCH_AREA_ANG2), default=150.0, show_default=True,
              help="Of the cell that both share, Å².")  # fmt: skip
@click.option("--most-strain", "most_strain_percent", type=Within(STRAIN_PERCENT), default=10.0, show_default=True,
              help="Largest principal strain, %.")  # fmt: skip
@click.option("--published", "published_percent", type=Within(FRACTION_PERCENT), help="A published mismatch, %.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(first: str, second: str, as_json: bool, **options: Any) -> None:
    """Compare the lattices of two crystals: FIRST is strained onto SECOND.

    \b
      dftflow mismatch FAPbBr3_Pm-3m_FA100 CsPbBr3_Pnma --published 3.4
      dftflow mismatch FAPbBr3_Pm-3m_FA100 CsPbBr3_Pnma --plane "1 0 0 cubic" "0 1 0 Pnma"

    Lengths are compared that a mismatch may be quoted of; then planes, by the cells that both have. A crystal is a
    shipped name, a file, or a database's id.
    """
    from dftflow.api.mismatch import lattice_mismatch

    compared = lattice_mismatch(first, second, **options)
    if as_json:
        click.echo(json.dumps(compared.to_dict(), indent=1, ensure_ascii=False, allow_nan=False))
    else:
        click.echo("\n\n".join([_head(compared.found), _lengths(compared.found), _planes(compared.found)]))


def _head(found: Mismatch) -> str:
    request = found.request
    return (
        f"{request.first} (first, cell {found.cells[0]}) on {request.second} (second, cell {found.cells[1]})\n"
        "mismatch: (first - second) / second; strain: of the first, which takes on the length of the second"
    )


def _lengths(found: Mismatch) -> str:
    from dftflow.analysis.mismatch import published_text

    rows = [
        (
            pair.first,
            f" {pair.first_ang:.4f}",
            pair.second,
            f" {pair.second_ang:.4f}",
            f" {pair.percent:+.2f}",
            f" {pair.strain_percent:+.2f}",
        )
        for pair in found.lengths
    ]
    if not rows:
        return "no axes of the two are within 10 % of each other"
    table = text_table(("first", "Å", "second", "Å", "mismatch (%)", "strain (%)"), rows)
    return "\n".join(filter(None, [table, published_text(found)]))


def _planes(found: Mismatch) -> str:
    if found.missing is not None:
        return found.missing.reason
    asked = bool(found.request.planes)
    shown = found.pairs if asked else found.pairs[:MOST_PAIRS]
    rows = [row for pair in shown for row in _rows(pair)]
    header = ("first", "second", "cells", "area (Å²)", "principal (%)", "mean (%)", "vectors, strain along each (%)")
    left = len(found.pairs) - len(shown)
    more = [f"and {left} pairs of planes that are strained more; --json has them"] if left else []
    why = [f"{pair.first} | {pair.second}: {pair.missing.reason}" for pair in shown if pair.missing is not None]
    table = [text_table(header, rows)] if rows else []
    return "\n".join([*table, *why, *more])


def _rows(pair: PlanePair) -> list[tuple[str, ...]]:
    """The cell of least strain, and the smallest one where that is another."""
    matches = [match for match in dict.fromkeys((pair.smallest, pair.least)) if match is not None]
    return [(str(pair.first), str(pair.second), *_cells(match)) for match in matches]


def _cells(match: PlaneMatch) -> tuple[str, ...]:
    from dftflow.analysis.mismatch import vector_text

    low, high = match.principal_percent
    along = "; ".join(
        f"{vector_text(one.first)} | {vector_text(one.second)} {one.strain_percent:+.2f}" for one in match.vectors
    )
    return (
        f"{match.cells[0]} | {match.cells[1]}",
        f" {match.area_ang2[0]:.1f}",
        f"{low:+.2f}, {high:+.2f}",
        f" {match.mean_percent:.2f}",
        along,
    )
