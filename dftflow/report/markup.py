"""Texts of others as HTML: escaped, no longer than a cell of a notebook holds, counts of formulas lowered."""

from __future__ import annotations

from collections.abc import Iterable

from markupsafe import Markup

from dftflow.figures.labels import formula_parts, kpoint_parts, range_text
from dftflow.model.alignment import Range
from dftflow.model.printable import brief, only_printable

__all__ = ["formula_html", "kpoint_html", "plain_html", "range_html"]


def plain_html(text: object, longest: int = 300) -> Markup:
    """`text` in one line, cut in its middle where it has more letters than `longest`."""
    return Markup("{}").format(brief(str(text), longest))


def formula_html(text: str, longest: int | None = 300) -> Markup:
    """`text` with the counts of its formulas lowered; whole where nothing is `longest`, lines and all."""
    return _lowered(formula_parts(only_printable(text, keep="\n") if longest is None else brief(text, longest)))


def kpoint_html(label: str | None) -> Markup:
    """The name of a k-point, its index lowered; nothing where it has none."""
    return _lowered(kpoint_parts(brief(label))) if label else Markup("")


def range_html(range_ev: Range) -> Markup:
    """``± 0.014`` or ``−2.089/+0.000``, in one piece."""
    return plain_html(range_text(range_ev).replace(" ", "\N{NO-BREAK SPACE}"))


def _lowered(parts: Iterable[tuple[str, bool]]) -> Markup:
    return Markup("").join(Markup("<sub>{}</sub>").format(text) if lowered else text for text, lowered in parts)
