"""Words on figures and pages: chemical formulas, k-points, numbers, and where labels fit beside each other."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from fractions import Fraction

from dftflow.model.alignment import Range

__all__ = [
    "filled",
    "formula_parts",
    "kpoint_name",
    "kpoint_parts",
    "kpoint_text",
    "mathtext",
    "range_parts",
    "range_text",
    "signed",
    "spread_apart",
    "wrapped",
]

_WORD = re.compile(r"((?:[A-Za-z0-9()\[\]]|(?<=\d)\.(?=\d))+)")
_FORMULA = re.compile(r"(?:[A-Z][a-z]?|\d+(?:\.\d+)?|[()\[\]])+")
_ELEMENT = re.compile(r"(?<=[a-z\d)\]])(?=[A-Z(\[])")
_ELEMENT_START = re.compile(r"[A-Z(\[]")
_JOINED = re.compile(r"[^-/+_,;|]*[-/+_,;|]+|[^-/+_,;|]+")
_COUNT = re.compile(r"(?<=[A-Za-z)\]])(\d+(?:\.\d+)?)")


def formula_parts(text: str) -> list[tuple[str, bool]]:
    """Split `text` into (piece, is a subscript): the counts in every word that reads as a chemical formula.

    Own code because `pymatgen.util.string.latexify` lowers every digit after a letter, that of ``P4/mbm`` too.
    """
    parts: list[tuple[str, bool]] = []
    for word in _WORD.split(text):
        is_formula = _FORMULA.fullmatch(word) is not None and sum(map(str.isalpha, word)) > 1
        pieces = _COUNT.split(word) if is_formula else [word]
        parts += [(piece, i % 2 == 1) for i, piece in enumerate(pieces) if piece]
    return parts


def mathtext(text: str) -> str:
    """`text` for matplotlib: formula counts lowered, dollar signs of the user kept as they are."""
    return _lowered(formula_parts(text))


def _lowered(parts: list[tuple[str, bool]]) -> str:
    return "".join(f"$_{{{piece}}}$" if lowered else piece.replace("$", r"\$") for piece, lowered in parts)


def wrapped(text: str, width: int) -> str:
    """`text` for matplotlib, in lines of at most `width` characters.

    A word that fits into no line is broken after its hyphens, slashes and the like; a formula that fits into none is
    broken before an element.

    Lowered counts are smaller, and three of them take the room of two.
    """
    lines, length = [""], 0.0
    for word in text.split():
        for number, (chunk, shown) in enumerate(_chunks(word, width)):
            space = 1 if number == 0 and length else 0
            if length and length + space + _length(chunk) > width:
                lines, length, space = [*lines, ""], 0.0, 0
            lines[-1] += " " * space + shown
            length += space + _length(chunk)
    return "\n".join(lines)


def _length(word: str) -> float:
    return sum(len(piece) / (1.5 if lowered else 1) for piece, lowered in formula_parts(word))


def _chunks(word: str, width: int) -> list[tuple[str, str]]:
    """(as it is, as matplotlib shows it): `word` whole where it fits, else the words that it is joined of.

    Of these, a formula that does not fit is cut before its elements and brackets, another wherever `width` ends.
    """
    if _length(word) <= width:
        return [(word, mathtext(word))]
    joined = _JOINED.findall(word)
    if len(joined) > 1:
        return [chunk for piece in joined for chunk in _chunks(piece, width)]
    parts = formula_parts(word)
    if not any(lowered for _, lowered in parts):
        return [(piece, mathtext(piece)) for piece in textwrap.wrap(word, width, break_on_hyphens=False)]
    chunks = [("", "")]
    for piece, lowered in parts:
        for bit in [piece] if lowered else _ELEMENT.split(piece):
            if not lowered and chunks[-1][0] and _ELEMENT_START.match(bit):
                chunks.append(("", ""))
            plain, shown = chunks[-1]
            chunks[-1] = (plain + bit, shown + _lowered([(bit, lowered)]))
    return chunks


def kpoint_parts(label: str) -> list[tuple[str, bool]]:
    """Split the name of a k-point into (piece, is a subscript): ``G`` is Γ, ``X_1`` has an index."""
    match = re.fullmatch(r"(\\?[A-Za-z]+)((?:_[A-Za-z0-9]+|\d+)?)('?(?:-bar)?)", label)
    if match is None:
        return [(label, False)]
    letter = "Γ" if match[1].upper().lstrip("\\") in {"G", "GAMMA"} else match[1]
    parts = [(letter, False), (match[2].lstrip("_"), True), (match[3], False)]
    return [(piece, lowered) for piece, lowered in parts if piece]


def kpoint_name(label: str) -> str:
    """Name of a k-point for matplotlib."""
    return _lowered(kpoint_parts(label))


def kpoint_text(frac: Sequence[float]) -> str:
    """Fractional coordinates, with simple fractions as such: ``(1/2, 0, 0.137)``."""
    return f"({', '.join(map(_coordinate, frac))})"


def _coordinate(value: float) -> str:
    simple = Fraction(value).limit_denominator(8)
    return str(simple) if abs(simple - value) < 1e-5 else f"{value:.4f}".replace("-", "\N{MINUS SIGN}")


def signed(value_ev: float, range_ev: Range | None = None) -> str:
    """An offset with its sign and, where known, its range; three decimals."""
    number = f"{value_ev:+.3f}".replace("-", "\N{MINUS SIGN}")
    if range_ev is None:
        return number
    text = range_text(range_ev)
    return f"{number} {text}" if text.startswith("±") else f"{number} ({text})"


def range_text(range_ev: Range, decimals: int = 3) -> str:
    """``"± 0.014"`` for a range that reaches as far down as up, else ``"−2.089/+0.000"``."""
    low, high = (0.0 + end for end in range_ev)  # no -0.0
    if abs(low + high) < 0.5 * 10**-decimals:
        return f"± {high:.{decimals}f}"
    return f"{low:+.{decimals}f}/{high:+.{decimals}f}".replace("-", "\N{MINUS SIGN}")


def range_parts(range_ev: Range, decimals: int = 3) -> tuple[str, ...]:
    """`range_text` in the pieces that may stand on lines of their own."""
    low, slash, high = range_text(range_ev, decimals).partition("/")
    return (low + slash, high) if high else (low,)


def filled(parts: Sequence[str], width: int) -> str:
    """`parts` beside each other in lines of at most `width` characters; what ends in / or - joins without a space."""
    lines = [""]
    for part in parts:
        space = "" if not lines[-1] or lines[-1].endswith(("/", "-")) else " "
        if lines[-1] and len(lines[-1] + space + part) > width:
            lines.append(part)
        else:
            lines[-1] += space + part
    return "\n".join(lines)


def spread_apart(wanted: Sequence[float], gap: float) -> list[float]:
    """Positions at least `gap` apart, in the order of `wanted` and as near to it as possible (least squares).

    Pool-adjacent-violators on the positions less the room that those below need.
    """
    order = sorted(range(len(wanted)), key=wanted.__getitem__)
    blocks: list[tuple[float, int]] = []
    for rank, index in enumerate(order):
        mean, size = wanted[index] - rank * gap, 1
        while blocks and blocks[-1][0] > mean:
            below, count = blocks.pop()
            mean, size = (mean * size + below * count) / (size + count), size + count
        blocks.append((mean, size))
    flat = [mean for mean, size in blocks for _ in range(size)]
    placed = [0.0] * len(order)
    for rank, index in enumerate(order):
        placed[index] = flat[rank] + rank * gap
    return placed
