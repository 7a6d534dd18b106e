"""The values of a grid as LOCPOT and pp.x have them: one after another, so many a line, the first index fastest.

Lines of one layout (``5(1x,e17.11)``, ``5(1pe17.9)``) are decoded as bytes, a few thousand at once. What is laid out
otherwise is left to the caller, who reads those lines as text and goes on behind them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import BinaryIO, Self, TextIO

import numpy as np

from dftflow.analysis.calculation_levels import slab_normal
from dftflow.codes.packed_digits import exponentials
from dftflow.model.results import Atoms, FloatArray, PotentialGrid

__all__ = [
    "LARGEST_WHOLE_BYTES",
    "LINES_AT_ONCE",
    "RowLayout",
    "fits_grid",
    "gathered",
    "normal_of_averages",
    "said_points",
]

LARGEST_WHOLE_BYTES = 400_000_000
"""Of a larger file the plane averages alone are kept: its grid and the copy that results hold would take as much memory
as the file has bytes, where a desktop has a few gigabytes to spare."""
LINES_AT_ONCE = 1 << 12
"""Some 400 kB of text, which stay in the cache of a core with all that is made of them."""
_LAST = re.compile(rb"[-\d ]\.(\d+)E[+-]\d\d")
LONGEST_LINE = 400
_FARTHEST = 1 << 62


@dataclass(frozen=True, slots=True, kw_only=True)
class RowLayout:
    """How lines of equal numbers are printed.

    Attributes
    ----------
    columns, width
        Numbers a line, and letters a number.
    decimals
        Digits behind the point.
    end
        What ends a line.
    """

    columns: int
    width: int
    decimals: int
    end: bytes

    @classmethod
    def of_next(cls, stream: BinaryIO | TextIO) -> Self | None:
        """That of the next line of `stream`; None where it holds something else than numbers of one width."""
        start = stream.tell()
        if not 0 <= start < _FARTHEST:  # a text stream's way to say that it stands within a line's end
            return None
        line = os.pread(stream.fileno(), LONGEST_LINE, start).partition(b"\n")[0] + b"\n"
        bare = line.rstrip(b"\r\n")
        columns = len(bare.split())
        last = _LAST.search(bare, len(bare) - len(bare) // max(columns, 1))
        if last is None or last.end() != len(bare) or len(bare) % columns:
            return None
        return cls(columns=columns, width=len(bare) // columns, decimals=len(last[1]), end=line[len(bare) :])

    def read(self, stream: BinaryIO | TextIO, n_lines: int) -> FloatArray | None:
        """The numbers of the next lines of `stream`, which goes past them; None, and it stays, where one is otherwise.

        Returns
        -------
        values
            shape (n_lines * columns,); the same as from ``float``.
        """
        start, n_bytes = stream.tell(), n_lines * (self.columns * self.width + len(self.end))
        if not 0 <= start < _FARTHEST:
            return None
        text = os.pread(stream.fileno(), n_bytes, start)
        values = self._decoded(text, n_lines) if len(text) == n_bytes else None
        if values is not None:
            stream.seek(start + n_bytes)
        return values

    def _decoded(self, text: bytes, n_lines: int) -> FloatArray | None:
        lines = np.frombuffer(text, dtype=np.uint8).reshape(n_lines, -1)
        n_letters = self.columns * self.width
        if (lines[:, n_letters:] != np.frombuffer(self.end, dtype=np.uint8)).any():
            return None
        values = exponentials(lines[:, :n_letters].reshape(n_lines, self.columns, self.width), self.decimals)
        if values is None:
            return None
        for at in np.flatnonzero(np.isnan(values)):  # what one division cannot give
            line, column = divmod(int(at), self.columns)
            try:
                values[at] = float(lines[line, column * self.width : (column + 1) * self.width].tobytes())
            except ValueError:  # the text tells where it is no number
                return None
        return values


def normal_of_averages(n_bytes: int, atoms: Atoms, cell_ang: FloatArray) -> int | None:
    """Axis along which plane averages are kept of a file of `n_bytes`: the slab's normal, else the third.

    None where the whole grid is kept.
    """
    if n_bytes <= LARGEST_WHOLE_BYTES:
        return None
    normal = slab_normal(atoms.positions_frac, cell_ang)
    return 2 if normal is None else normal


def gathered(
    chunks: Iterable[FloatArray], shape: tuple[int, int, int], *, padded: tuple[int, int] | None, normal: int | None
) -> FloatArray:
    """The grid that `chunks` make up one after another, or its plane averages.

    Parameters
    ----------
    chunks
        Each of shape (n,); together as many values as `padded` and `shape` say.
    padded
        Points along the first two axes in the file, where it has more than `shape`; None where it has not.
    normal
        Axis along which averages are kept; None for the whole grid.

    Returns
    -------
    values
        `shape`, or 1 on the axes that were averaged.
    """
    n_a, n_b, n_c = shape
    wide_a, wide_b = padded or (n_a, n_b)
    if normal is None:
        grid = np.empty((wide_a, wide_b, n_c), order="F")
        flat, at = grid.reshape(-1, order="F"), 0
        for chunk in chunks:
            flat[at : at + chunk.size] = chunk
            at += chunk.size
        return grid if padded is None else grid[:n_a, :n_b].copy(order="F")
    kept = tuple(count if axis == normal else 1 for axis, count in enumerate(shape))
    sums = np.zeros(kept[::-1])
    for number, plane in enumerate(_planes(chunks, wide_a * wide_b)):
        whole = plane.reshape(1, wide_b, wide_a)[:, :n_b, :n_a]
        place = sums[number : number + 1] if normal == 2 else sums
        place += whole.sum(axis=tuple(axis for axis in (1, 2) if kept[2 - axis] == 1), keepdims=True)
    return (sums * (sums.size / (n_a * n_b * n_c))).transpose(2, 1, 0)


def _planes(chunks: Iterable[FloatArray], n_points: int) -> Iterable[FloatArray]:
    """The values of `chunks`, `n_points` at a time; each is overwritten by the next."""
    plane = np.empty(n_points)
    filled = 0
    for chunk in chunks:
        at = 0
        while at < chunk.size:
            part = chunk[at : at + n_points - filled]
            plane[filled : filled + part.size] = part
            at, filled = at + part.size, filled + part.size
            if filled == n_points:
                yield plane
                filled = 0


def fits_grid(potential: PotentialGrid, points: tuple[int | None, ...]) -> bool:
    """Whether `potential`, or its plane averages along the axis that they have, lies on a grid of `points`."""
    shape = potential.values_ev.shape
    return all(
        have == want for have, want in zip(shape, points, strict=True) if have > 1 or not _is_averaged(potential)
    )


def said_points(potential: PotentialGrid) -> str:
    """How many points `potential` has, and that it is averaged where it is."""
    averaged = " (plane averages alone: the file is large)" if _is_averaged(potential) else ""
    return f"{' x '.join(map(str, potential.values_ev.shape))} points{averaged}"


def _is_averaged(potential: PotentialGrid) -> bool:
    shape = potential.values_ev.shape
    return bool(min(shape) == 1 < max(shape))
