"""Words on figures and pages: chemical formulas, k-points, numbers, and where labels fit beside each other."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from itertools import accumulate, groupby, pairwise
from operator import itemgetter

from dftflow.model.alignment import AbsoluteEdges, Alignment, Range

__all__ = [
    "couple",
    "decimals_of",
    "filled",
    "formula_parts",
    "kpoint_name",
    "kpoint_parts",
    "kpoint_text",
    "mathtext",
    "range_text",
    "signed",
    "spread_apart",
    "unbroken",
    "wrapped",
]

_WORD = re.compile(r"((?:[A-Za-z0-9()\[\]]|(?<=\d)\.(?=\d))+)")
_FORMULA = re.compile(r"(?:[A-Z][a-z]?|\d+(?:\.\d+)?|[()\[\]])+")
_ELEMENT = re.compile(r"(?<=[a-z\d)\]])(?=[A-Z(\[])")
_ELEMENT_START = re.compile(r"[A-Z(\[]")
_JOINED = re.compile(r"[^-/+_,;|]*[-/+_,;|]+|[^-/+_,;|]+")
_CHARGE = re.compile(r"(?<=[A-Za-z\d)\]])((?<=[A-Za-z)\]])\d*\+|-)(?=[/,; )]|$)")
_GROUP = re.compile(r"[(\[][^()\[\]]*[)\]](?:\d+(?:\.\d+)?)?|[^()\[\]]+")
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


def couple(text: str) -> str:
    """A redox couple or an electrode for matplotlib: counts lowered, those of elements too, charges raised.

    A number before a plus counts charges (``Fe3+``); before a minus it may be either (``I3-``), and is lowered.
    """
    shown = []
    for number, piece in enumerate(_CHARGE.split(text)):
        if number % 2:
            shown.append(f"$^{{{piece}}}$")
            continue
        for word in _WORD.split(piece):
            pieces = _COUNT.split(word) if _FORMULA.fullmatch(word) else [word]
            shown.append(_lowered([(bit, i % 2 == 1) for i, bit in enumerate(pieces) if bit]))
    return "".join(shown)


def _lowered(parts: list[tuple[str, bool]]) -> str:
    return "".join(f"$_{{{piece}}}$" if lowered else piece.replace("$", r"\$") for piece, lowered in parts)


def wrapped(
    text: str,
    width: float,
    length: Callable[[str], float] | None = None,
    shown: Callable[[str], str] = mathtext,
) -> str:
    """`text` for matplotlib, in lines of at most `width`.

    A word that fits into no line is broken after its hyphens, slashes and the like; a formula that fits into none is
    broken around its brackets, else before an element.

    Parameters
    ----------
    length
        How long a text is, in the unit of `width`; else in characters, of which three lowered ones take the room of
        two.
    shown
        Gives matplotlib's text of a piece of `text`; `couple` for redox couples.
    """
    length = length or _characters
    blank = length("x x") - length("xx")
    lines, taken = [""], 0.0
    for word in text.split():
        for number, (chunk, as_shown) in enumerate(_chunks(word, width, length, shown)):
            space = " " if number == 0 and taken else ""
            room = length(chunk)
            if taken and taken + bool(space) * blank + room > width:
                lines, taken, space = [*lines, ""], 0.0, ""
            lines[-1] += space + as_shown
            taken += bool(space) * blank + room
    return "\n".join(lines)


def unbroken(text: str) -> list[str]:
    """What `wrapped` may put into lines of their own without tearing a word or what a formula has between brackets."""
    joined = [piece for word in text.split() for piece in _JOINED.findall(word)]
    return [group for piece in joined for group in _groups(piece)]


def _characters(word: str) -> float:
    return sum(len(piece) / (1.5 if lowered else 1) for piece, lowered in formula_parts(word))


def _groups(word: str) -> list[str]:
    """A formula in its brackets with their counts and what stands between these; another word as it is."""
    return _GROUP.findall(word) if _FORMULA.fullmatch(word) and "".join(_GROUP.findall(word)) == word else [word]


def _chunks(
    word: str, width: float, length: Callable[[str], float], shown: Callable[[str], str]
) -> list[tuple[str, str]]:
    """(as it is, as matplotlib shows it): `word` whole where it fits, else the words that it is joined of.

    Of these, a formula that does not fit is cut around its brackets or before its elements, another wherever `width`
    ends.
    """
    if length(word) <= width:
        return [(word, shown(word))]
    joined = _JOINED.findall(word)
    if len(joined) > 1:
        return [chunk for piece in joined for chunk in _chunks(piece, width, length, shown)]
    if not any(lowered for _, lowered in formula_parts(word)):
        return [(piece, shown(piece)) for piece in _cut(word, width, length)]
    groups = _groups(word)
    if all(length(group) <= width for group in groups):
        parts_of = _shared_out(formula_parts(word), groups)
        return [(group, _lowered(parts)) for group, parts in zip(groups, parts_of, strict=True)]
    return _elements(word)


def _cut(word: str, width: float, length: Callable[[str], float]) -> list[str]:
    """`word` in pieces as long as `width` holds, of one character at least."""
    pieces = [""]
    for letter in word:
        if pieces[-1] and length(pieces[-1] + letter) > width:
            pieces.append("")
        pieces[-1] += letter
    return pieces


def _shared_out(parts: list[tuple[str, bool]], groups: list[str]) -> list[list[tuple[str, bool]]]:
    """The parts of a formula that stand in each of its groups."""
    shared: list[list[tuple[str, bool]]] = []
    marks = [(letter, lowered) for piece, lowered in parts for letter in piece]
    for group in groups:
        here, marks = marks[: len(group)], marks[len(group) :]
        shared.append([("".join(c for c, _ in run), low) for low, run in groupby(here, key=itemgetter(1))])
    return shared


def _elements(word: str) -> list[tuple[str, str]]:
    """A formula cut before its elements and brackets."""
    chunks = [("", "")]
    for piece, lowered in formula_parts(word):
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


def decimals_of(columns: Iterable[AbsoluteEdges], rows: Iterable[Alignment]) -> int:
    """How many decimals offsets have that stand side by side: two where no number has more, else three."""
    values = [value for edges in columns for value in (edges.vbm_ev, edges.cbm_ev, *edges.range_ev)]
    values += [row.valence_band_offset_ev for row in rows]
    return 2 if all(abs(value - round(value, 2)) < 1e-6 for value in values) else 3


def signed(value_ev: float, range_ev: Range | None = None, decimals: int = 3) -> str:
    """An offset with its sign and, where known, its range."""
    number = f"{value_ev:+.{decimals}f}".replace("-", "\N{MINUS SIGN}")
    if range_ev is None:
        return number
    text = range_text(range_ev, decimals)
    return f"{number} {text}" if text.startswith("±") else f"{number} ({text})"


def range_text(range_ev: Range, decimals: int = 3) -> str:
    """``"± 0.014"`` for a range that reaches as far down as up, else ``"−2.089/+0.000"``."""
    low, high = (0.0 + end for end in range_ev)  # no -0.0
    if abs(low + high) < 0.5 * 10**-decimals:
        return f"± {high:.{decimals}f}"
    return f"{low:+.{decimals}f}/{high:+.{decimals}f}".replace("-", "\N{MINUS SIGN}")


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


def spread_apart(
    wanted: Sequence[float], gap: float | Sequence[float], within: tuple[float, float] | None = None
) -> list[float]:
    """Positions at least `gap` apart, in the order of `wanted` and as near to it as possible (least squares).

    Where `gap` is the room that each takes, two are half the room of both apart.

    Pool-adjacent-violators on the positions less the room that those below need. What has to lie `within` two bounds
    that are far enough from each other does.
    """
    order = sorted(range(len(wanted)), key=wanted.__getitem__)
    rooms = [gap if isinstance(gap, float | int) else gap[index] for index in order]
    below = list(accumulate(((a + b) / 2 for a, b in pairwise(rooms)), initial=0.0))
    blocks: list[tuple[float, int]] = []
    for rank, index in enumerate(order):
        mean, size = wanted[index] - below[rank], 1
        while blocks and blocks[-1][0] > mean:
            lower, count = blocks.pop()
            mean, size = (mean * size + lower * count) / (size + count), size + count
        blocks.append((mean, size))
    flat = [mean for mean, size in blocks for _ in range(size)]
    if within is not None:
        low, high = within[0], within[1] - below[-1]
        flat = [min(max(mean, low), high) for mean in flat]
    placed = [0.0] * len(order)
    for rank, index in enumerate(order):
        placed[index] = flat[rank] + below[rank]
    return placed
