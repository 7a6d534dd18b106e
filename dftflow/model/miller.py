"""Miller indices as people write them: (hkl), and (hkil) of Miller and Bravais for hexagonal axes."""

from __future__ import annotations

import re
from collections.abc import Sequence, Sized
from operator import index

from dftflow.errors import SurfaceError
from dftflow.model.printable import shown

__all__ = ["FORMS", "THIRD_INDEX", "miller_text", "read_miller", "third_index_holds"]

FORMS = "three whole numbers, or four (hkil) of hexagonal axes"
THIRD_INDEX = "of four indices (hkil) the third is minus the sum of the first two"


def miller_text(miller: Sequence[int]) -> str:
    """``(011)``, with blanks where an index has two digits."""
    separator = " " if any(abs(value) > 9 for value in miller) else ""
    return f"({separator.join(map(str, miller))})"


def third_index_holds(miller: Sequence[int]) -> bool:
    """Whether h + k + i = 0; of three indices, always."""
    return len(miller) != 4 or sum(miller[:3]) == 0


def read_miller(miller: str | Sequence[int]) -> tuple[int, ...]:
    """Three or four indices of a plane, from numbers or from a text.

    Parameters
    ----------
    miller
        ``(0, 1, 1)``, ``"011"``, ``"(1-10)"``, ``"0 1 -12"``, ``"1-210"``: in a text one digit each where nothing
        stands between them.

    Raises
    ------
    SurfaceError
        For what is neither three nor four whole numbers, for four of which h + k + i is not 0, and for all zeros.
    """
    found = _written(miller) if isinstance(miller, str) else miller
    try:
        indices = tuple(index(value) for value in found) if isinstance(found, Sized) else ()
    except TypeError:
        indices = ()
    if len(indices) not in (3, 4):
        example = '"011"' if isinstance(miller, str) else "[0, 1, 1]"
        raise SurfaceError(f"miller indices {shown(miller)} are not {FORMS}", fix=f"write them like {example}")
    h, k, m = *indices[:2], indices[-1]
    if not any((h, k, m)):
        raise SurfaceError(
            f"miller indices {miller_text(indices)} name no plane", fix="give at least one index that is not zero"
        )
    if not third_index_holds(indices):
        raise SurfaceError(
            f"miller indices {miller_text(indices)} name no plane",
            reason=THIRD_INDEX,
            fix=f"write ({h}, {k}, {-h - k}, {m}), or three indices",
        )
    return indices


def _written(miller: str) -> Sequence[int]:
    text = miller.strip().strip("()[]").strip()
    pattern = r"[+-]?\d{1,4}" if re.search(r"[\s,]", text) else r"[+-]?\d"
    found = re.findall(pattern, text)
    return [int(value) for value in found] if re.sub(r"[\s,]", "", text) == "".join(found) else []
