"""Reasons that several places share, each said once, in few enough words to be read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from dftflow.model.cautions import by_caution

__all__ = ["listed", "shared_reasons"]

MOST = 3


def listed(names: Sequence[object], most: int = MOST) -> str:
    """The first names, three unless told, and how many more there are.

    Examples
    --------
    >>> listed(["a", "b", "c", "d"]), listed(["a"]), listed(["a", "b", "c"], most=2)
    ('a, b, c and 1 more', 'a', 'a, b and 1 more')
    """
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{', '.join(map(str, names[:most]))}{more}"


def shared_reasons(told: Iterable[tuple[object, str]]) -> tuple[str, ...]:
    """``places: reason`` for the three reasons that come first, from (place, its reason), and how many more there are.

    Examples
    --------
    >>> shared_reasons([("a", "no gap"), ("b", "damaged"), ("c", "no gap")])
    ('a, c: no gap', 'b: damaged')
    """
    lines = [f"{listed(places)}: {reason}" for reason, places in by_caution((str(p), [why]) for p, why in told).items()]
    return (*lines[:MOST], *([f"and {len(lines) - MOST} more"] if len(lines) > MOST else []))
