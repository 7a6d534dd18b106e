"""Numbers of any unit as text."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["number_text", "reach_text"]

_MINUS = "\N{MINUS SIGN}"
_SMALL, _LARGE = 1e-2, 1e6


def number_text(value: float | str) -> str:
    """Three decimals, or four digits where those would hide it; a word as it is.

    Examples
    --------
    >>> [number_text(value) for value in (2.0, 0.00123456, "type II")]
    ['2.000', '0.001235', 'type II']
    """
    if isinstance(value, str):
        return value
    plain = value == 0 or _SMALL <= abs(value) < _LARGE
    return (f"{value:.3f}" if plain else f"{value:.4g}").replace("-", _MINUS)


def reach_text(reach: Sequence[float]) -> str:
    """How far a number may lie from where it is given: ``"± 0.014"`` where that is as far down as up.

    Three decimals, or two digits where those would hide it.

    Examples
    --------
    >>> reach_text((-0.25, 0.25)), reach_text((-2.0, 0.0)), reach_text((-0.00912, 0.00912))
    ('± 0.250', '−2.000/+0.000', '± 0.0091')
    """
    low, high = (f"{abs(end):.2g}" if 0 < abs(end) < _SMALL else number_text(abs(end)) for end in reach)
    signs = ["+" if end >= 0 else _MINUS for end in (0.0 + end for end in reach)]
    return f"± {high}" if low == high and reach[0] <= 0 <= reach[1] else f"{signs[0]}{low}/{signs[1]}{high}"
