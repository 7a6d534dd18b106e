"""A figure that a person asked for: seen in a notebook, saved as a file, its numbers as a table."""

from __future__ import annotations

import difflib
import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Any, TypedDict, get_args

import matplotlib.style
from matplotlib.colors import is_color_like

from dftflow.api.sources import LeftOut, by_name
from dftflow.errors import InputError
from dftflow.figures.drawing import Drawing
from dftflow.figures.look import COLUMN_IN, FORMATS, PAGE_IN, Look
from dftflow.jobs.output_place import write_output

__all__ = ["LookOptions", "PlottedFigure", "plotted", "refuse_more", "refuse_other", "refuse_unknown", "size_of"]

MOST = 12
"""Panels of one figure."""


_SIZES = {"column": COLUMN_IN, "page": PAGE_IN}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)[x×](\d+(?:\.\d+)?)")
LEAST_IN, MOST_IN = 1.0, 40.0


class LookOptions(TypedDict, total=False):
    """How any figure may be asked to look.

    Attributes
    ----------
    window
        Lowest and highest energy, in eV from the zero of the figure.
    size
        ``"column"`` (3.3 in wide), ``"page"`` (6.7 in wide), ``"5x4"`` or ``(5, 4)``: width and height in inches.
    style
        matplotlib's style sheets, by name or path, on top of dftflow's own.
    colors, labels
        Name, or number from 1, of what is drawn -> colour, and text that stands for it.
    """

    window: tuple[float, float] | None
    size: str | tuple[float, float] | None
    style: str | Sequence[str]
    colors: Mapping[str, str]
    labels: Mapping[str, str]


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class PlottedFigure:
    """A figure, drawn when it is looked at or saved.

    Attributes
    ----------
    drawing
        The figure itself.
    names
        Of what it shows.
    left_out
        What was found and is not drawn, each with the reason.
    styles
        Style sheets on top of dftflow's own.
    """

    drawing: Drawing
    names: tuple[str, ...]
    left_out: tuple[str, ...] = ()
    styles: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"<{self.drawing.title}: {', '.join(self.names)}>"

    def _repr_html_(self) -> str:
        from dftflow.report.cell_html import block, notes_html
        from dftflow.report.inline_figure import inline_figure

        figure = inline_figure(self.drawing, self.styles)
        return str(block(self.drawing.title, figure, notes_html(self.left_out)))

    def csv(self) -> str:
        """The numbers that are drawn."""
        return "" if self.drawing.data is None else self.drawing.data().csv()

    def save(self, path: str | PathLike[str]) -> Path:
        """Write the figure; ``.svg``, ``.pdf`` and ``.png`` are pictures, ``.csv`` the numbers drawn.

        Raises
        ------
        InputError
            For another suffix.
        StoreError
            When the file cannot be written.
        """
        file = Path(path)
        kind = file.suffix.lower().removeprefix(".")
        if kind not in (*FORMATS, "csv"):
            fix = f"use one of {', '.join(f'.{known}' for known in (*FORMATS, 'csv'))}"
            raise InputError(f"no figure is written as {file.suffix or 'a file without a suffix'}", fix=fix)
        content = self.csv().encode() if kind == "csv" else self.drawing.render(kind, styles=self.styles)[kind]
        write_output(file, content)
        return file


def size_of(size: str | tuple[float, float] | None) -> tuple[float | None, float | None]:
    """Width and height in inches; None for what the figure decides itself.

    Raises
    ------
    InputError
        For what is no size.
    """
    if size is None:
        return None, None
    if isinstance(size, str) and size in _SIZES:
        return _SIZES[size], None
    match = _SIZE.fullmatch(size) if isinstance(size, str) else None
    pair = _pair(match.groups() if match else size)
    if pair is None or not all(LEAST_IN <= length <= MOST_IN for length in pair):
        fix = f"give column, page, or width and height in inches, {LEAST_IN:g} to {MOST_IN:g}, as 5x4"
        raise InputError(f"{size} is no size of a figure", fix=fix)
    return pair


def _pair(given: object) -> tuple[float, float] | None:
    """Two numbers; None for anything else."""
    if isinstance(given, str) or not isinstance(given, Sequence) or len(given) != 2:
        return None
    try:
        return float(given[0]), float(given[1])
    except (TypeError, ValueError):
        return None


def _look_of(options: LookOptions) -> tuple[Look, tuple[str, ...]]:
    """The look that was asked for, and the style sheets.

    Raises
    ------
    InputError
        For a size, window, colour or style that is none.
    """
    width, height = size_of(options.get("size"))
    asked = options.get("window")
    window = None if asked is None else _pair(asked)
    if asked is not None and (window is None or not window[0] < window[1]):
        raise InputError(f"{asked} is no window", fix="give two energies in eV, the lower first: window=(-4, 5)")
    colors = options.get("colors", {})
    for name, color in colors.items():
        if not is_color_like(color):
            raise InputError(f"the colour of {name}, {color!r}, is none", fix="give one such as #0072B2")
    style = options.get("style", ())
    styles = (style,) if isinstance(style, str) else tuple(style)
    for sheet in styles:
        if sheet not in matplotlib.style.available and not Path(sheet).is_file():
            fix = f"give a file, or one of {', '.join(matplotlib.style.available)}"
            raise InputError(f"there is no style sheet {sheet!r}", fix=fix)
    look = Look(width_in=width, height_in=height, window_ev=window, colors=colors, labels=options.get("labels", {}))
    return look, styles


def plotted(
    names: Sequence[str], options: LookOptions, draw: Callable[[Look], Drawing], *, also: Sequence[str] = (),
    left_out: Sequence[LeftOut] = (),
) -> PlottedFigure:  # fmt: skip
    """The figure that `draw` makes of the look that was asked for.

    Parameters
    ----------
    names
        Of what it shows; colours and labels may be given for these, by name or number.
    options
        See `LookOptions`.
    draw
        Look -> figure.
    also
        Names of what else has a colour and a label: elements.
    left_out
        What was found and is not drawn, and the reason.

    Raises
    ------
    InputError
        For a look that cannot be had.
    """
    look, styles = _look_of(options)
    every = (*names, *(name for name in also if name not in names))
    look = replace(
        look, colors=by_name(look.colors, every, "colour of"), labels=by_name(look.labels, every, "label of")
    )
    not_drawn = tuple(f"{name}: {reason}" for name, reason in left_out)
    return PlottedFigure(drawing=draw(look), names=tuple(names), left_out=not_drawn, styles=styles)


def refuse_unknown(figure: Callable[..., PlottedFigure], look: Mapping[str, object], *without: str) -> None:
    """Raise `InputError` for an option of `look` that the figure does not have.

    Parameters
    ----------
    figure
        The function that makes it, whose own options have names.
    look
        The others that were given.
    without
        Those of `LookOptions` that say nothing of this figure; they may be given empty.
    """
    own = [name for name, it in inspect.signature(figure).parameters.items() if it.kind is it.KEYWORD_ONLY]
    known = [*own, *(name for name in LookOptions.__annotations__ if name not in without)]
    for name, value in look.items():
        if name in known or (name in without and not value):
            continue
        near = difflib.get_close_matches(name, known, n=1)
        guess = f"did you mean {near[0]}? " if near else ""
        raise InputError(
            f"a figure of the kind {figure.__name__!r} has no option {name!r}",
            fix=f"{guess}it takes {', '.join(known)}",
        )


def refuse_other(name: str, value: object, kinds: Any) -> None:
    """Raise `InputError` for a value of the option `name` that is none of the texts of the `Literal` `kinds`."""
    if value not in get_args(kinds):
        raise InputError(f"{name} cannot be {value!r}", fix=f"use one of {', '.join(get_args(kinds))}")


def refuse_more(count: int, most: int = MOST) -> None:
    """Raise `InputError` for more than fit into one figure."""
    if count > most:
        raise InputError(f"{count} calculations do not fit into one figure", fix=f"name {most} or fewer of them")
