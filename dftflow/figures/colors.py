"""One colour a material, the same in every figure of a study."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

__all__ = ["PALETTE", "material_colors"]

PALETTE = (
    "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#762714", "#9D00FF", "#3B149D", "#4E274E",
)  # fmt: skip
"""Okabe and Ito's six that stand out on white (10.1038/nmeth.1618), then four that stay apart from them and each other.

Any two differ by at least 15 in CIE L*a*b*, to the normal eye and, by the model of Machado et al.
(10.1109/TVCG.2009.113), without its red, green or blue cones.
"""


def material_colors(names: Iterable[str]) -> Mapping[str, str]:
    """Name of a material -> its colour (``#RRGGBB``), by its place among `names`.

    After the tenth the colours begin anew, darker by half each time: still different, but no longer apart to everyone.
    """
    return {name: _color(place) for place, name in enumerate(dict.fromkeys(names))}


def _color(place: int) -> str:
    turn, index = divmod(place, len(PALETTE))
    channels = (int(PALETTE[index][i : i + 2], 16) for i in (1, 3, 5))
    return "#" + "".join(f"{round(channel / 2**turn):02X}" for channel in channels)
