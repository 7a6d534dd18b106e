"""Names under the columns of an alignment diagram: lying where they fit, else upright, at last shortened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from dftflow.figures.labels import mathtext, unbroken, wrapped
from dftflow.figures.ruler import Ruler

__all__ = ["Names", "set_names"]

_LINE = 1.22
"""Distance of two lines, as a multiple of the size of their font."""

_FONTS_PT = (7.0, 6.5, 6.0)
_UPRIGHT_FONTS_PT = (7.0, 6.5, 6.0, 5.5, 5.0)
_LONGEST_PT = 112.0
"""Of an upright name."""

_MOST_LINES, _TORN_FROM_PT, _APART_PT = 7, 40.0, 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """Names and surfaces as matplotlib takes them, all of one kind.

    Attributes
    ----------
    surfaces
        ``""`` for one that has none, or stands behind its name.
    lying
        Whether they are read from left to right.
    after_pt
        How far each surface stands from where its name begins: down, or to the right when they stand upright.
    thick_pt
        How thick name and surface are together when they stand upright.
    left_out
        What is not said, in words.
    """

    names: tuple[str, ...]
    surfaces: tuple[str, ...]
    font_pt: float
    lying: bool
    height_pt: float
    after_pt: tuple[float, ...]
    thick_pt: float = 0.0
    left_out: tuple[str, ...] = ()

    @property
    def surface_font_pt(self) -> float:
        """Surfaces are set smaller."""
        return _small_pt(self.font_pt)


def _small_pt(font_pt: float) -> float:
    return max(font_pt - 0.5, 5.0)


def set_names(
    names: Sequence[str], surfaces: Sequence[str], marks: Sequence[str], slot_pt: float, ruler: Ruler
) -> Names:
    """Names with their marks and surfaces, in a font and direction in which they fit into `slot_pt` each."""
    for font_pt in _FONTS_PT:
        lying = _lying(names, surfaces, marks, slot_pt, font_pt, ruler, torn=False)
        if lying is not None:
            return lying
    for joined in (False, True):
        for font_pt in _UPRIGHT_FONTS_PT:
            upright = _upright(names, surfaces, marks, slot_pt, font_pt, ruler, joined=joined)
            if upright is not None:
                return upright
    torn = _lying(names, surfaces, marks, slot_pt, 6.0, ruler, torn=True) if slot_pt >= _TORN_FROM_PT else None
    return torn or _shortened(names, surfaces, marks, slot_pt, ruler)


def _marked(shown: str, mark: str) -> str:
    return rf"{shown}$^\mathrm{{{mark}}}$" if mark else shown


def _lying(
    names: Sequence[str],
    surfaces: Sequence[str],
    marks: Sequence[str],
    slot_pt: float,
    font_pt: float,
    ruler: Ruler,
    *,
    torn: bool,
) -> Names | None:
    small_pt = _small_pt(font_pt)
    slot_pt -= _APART_PT
    room_pt = slot_pt - (4.0 if any(marks) else 0.0)
    of_name, of_surface = (partial(ruler.length_pt, font_pt=size) for size in (font_pt, small_pt))
    if not torn:
        widest = [of_name(piece) for name in names for piece in unbroken(name)]
        widest += [of_surface(piece) for surface in surfaces for piece in unbroken(surface)]
        if max(widest, default=0.0) > room_pt:
            return None
    shown = tuple(_marked(wrapped(n, room_pt, of_name), mark) for n, mark in zip(names, marks, strict=True))
    below = tuple(wrapped(s, slot_pt, of_surface) for s in surfaces)
    if not torn and max(a.count("\n") + b.count("\n") + 2 for a, b in zip(shown, below, strict=True)) > _MOST_LINES:
        return None
    after_pt = tuple(ruler.height_pt(text, font_pt) + 1.5 for text in shown)
    height_pt = max(
        after + (ruler.height_pt(text, small_pt) if text else 0.0) for after, text in zip(after_pt, below, strict=True)
    )
    return Names(names=shown, surfaces=below, font_pt=font_pt, lying=True, height_pt=height_pt, after_pt=after_pt)


def _upright(
    names: Sequence[str],
    surfaces: Sequence[str],
    marks: Sequence[str],
    slot_pt: float,
    font_pt: float,
    ruler: Ruler,
    *,
    joined: bool,
) -> Names | None:
    """Side by side, or `joined` on one line."""
    if joined:
        names = [f"{name} {surface}".strip() for name, surface in zip(names, surfaces, strict=True)]
        surfaces = [""] * len(names)
    small_pt = _small_pt(font_pt)
    of_name, of_surface = (partial(ruler.length_pt, font_pt=size) for size in (font_pt, small_pt))
    room_pt = _LONGEST_PT - (4.0 if any(marks) else 0.0)
    longest = [of_name(piece) for name in names for piece in unbroken(name)]
    longest += [of_surface(piece) for surface in surfaces for piece in unbroken(surface)]
    if max(longest, default=0.0) > room_pt:
        return None
    shown = tuple(_marked(wrapped(n, room_pt, of_name), mark) for n, mark in zip(names, marks, strict=True))
    below = tuple(wrapped(s, room_pt, of_surface) for s in surfaces)
    return _upright_block(shown, below, font_pt, slot_pt, ruler)


def _upright_block(
    shown: tuple[str, ...],
    below: tuple[str, ...],
    font_pt: float,
    slot_pt: float,
    ruler: Ruler,
    left_out: tuple[str, ...] = (),
) -> Names | None:
    small_pt = _small_pt(font_pt)
    if _thinnest_pt(shown, font_pt) + _thinnest_pt(below, small_pt) > slot_pt:
        return None
    first_pt = max(ruler.height_pt(text, font_pt) for text in shown) + 1.5
    rest_pt = max((ruler.height_pt(text, small_pt) for text in below if text), default=-1.5)
    if first_pt + rest_pt > slot_pt - (_APART_PT if any(below) else 0.5):
        return None
    height_pt = max(
        *(ruler.width_pt(text, font_pt) for text in shown), *(ruler.width_pt(text, small_pt) for text in below)
    )
    return Names(
        names=shown,
        surfaces=below,
        font_pt=font_pt,
        lying=False,
        height_pt=height_pt,
        after_pt=(first_pt,) * len(shown),
        thick_pt=first_pt + rest_pt,
        left_out=left_out,
    )


def _thinnest_pt(texts: Sequence[str], font_pt: float) -> float:
    """At least the height of the tallest of the texts: that of its lines without lowered counts."""
    return max(((1 + _LINE * text.count("\n")) * font_pt for text in texts if text), default=0.0)


def _shortened(
    names: Sequence[str], surfaces: Sequence[str], marks: Sequence[str], slot_pt: float, ruler: Ruler
) -> Names:
    """Upright on one line; what is too long ends in an ellipsis."""
    font_pt = 6.0 if slot_pt > 9.0 else 5.0
    texts, ends = [], set()
    for name, surface, mark in zip(names, surfaces, marks, strict=True):
        whole = f"{name} {surface}".strip()
        text = whole
        while text and ruler.length_pt(f"{text}…", font_pt) > _LONGEST_PT - 4.0:
            text = text[:-1]
        if text != whole:
            ends.add("surfaces" if text.startswith(name) else "ends of names")
            text = name if text.startswith(name) else f"{text}…"
        texts.append(_marked(mathtext(text), mark))
    empty = ("",) * len(texts)
    block = _upright_block(tuple(texts), empty, font_pt, 1e9, ruler, tuple(sorted(ends)))
    assert block is not None
    return block
