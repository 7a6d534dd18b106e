"""The rows of a formatted grid, chunk by chunk: the index of each grid point and its values.

Rows of one width, as CASTEP writes them (``3i6,f20.6``), are decoded as bytes. From the first chunk that is laid out
otherwise the rest is tokenized, with the same numbers.
"""

from __future__ import annotations

import io
import os
from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import local
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from dftflow.codes.fixed_width import ByteArray, decimals, integers
from dftflow.errors import ParseError
from dftflow.model.results import FloatArray

__all__ = ["GridRows", "RowChunk"]

ROWS_AT_ONCE = 1 << 15  # some 1.2 MB of text, which stays in the cache of a core
INDEX_WIDTH = 6
VALUE_WIDTH = 20
DECIMALS = 6
THREADS = 2
NEWLINE = ord("\n")
LEAST_BYTES_A_ROW = 8
LONGEST_LINE = 1000
RowChunk = tuple[NDArray[np.int64], FloatArray]
"""Flat index (c fastest) of each point, shape (n,); values, shape (n_columns, n)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GridRows:
    """Where the rows of one file lie and what they should be.

    Attributes
    ----------
    start
        Byte behind the head.
    header_lines
        Lines up to there.
    shape
        Grid points along a, b, c.
    n_columns
        Values a row.
    """

    file: Path
    start: int
    header_lines: int
    shape: tuple[int, int, int]
    n_columns: int

    @property
    def n_points(self) -> int:
        """Rows that the head announces."""
        a, b, c = self.shape
        return a * b * c

    def chunks(self) -> Iterator[RowChunk]:
        """All rows up to the announced number, in the order of the file.

        Raises
        ------
        ParseError
            A row is damaged or lies outside the grid, or the file ends too early.
        """
        self.refuse_too_short()
        done = 0
        for chunk in self._fast():
            done += chunk[0].size
            yield chunk
        if done < self.n_points:
            yield from self._slow(done)

    def refuse_too_short(self) -> None:
        """Raise `ParseError` when the file cannot hold what its head announces, before room is made for it."""
        n_bytes = self.file.stat().st_size - self.start
        if n_bytes < self.n_points * LEAST_BYTES_A_ROW:
            raise ParseError(
                f"expected {self.n_points} grid points, and the file holds {n_bytes} bytes of them",
                reason="the file is cut short or damaged",
                where=f"{self.file}:{self.header_lines + 1}",
            )

    # --- rows of one width ---

    @property
    def _width(self) -> int:
        return 3 * INDEX_WIDTH + VALUE_WIDTH * self.n_columns + 1

    def _fast(self) -> Iterator[RowChunk]:
        """Chunks up to the first that is laid out otherwise, decoded by two threads: NumPy works outside the GIL."""
        with self.file.open("rb") as stream, ThreadPoolExecutor(THREADS) as pool:
            own = local()
            waiting: deque[Future[RowChunk | None]] = deque()
            for first in range(0, self.n_points, ROWS_AT_ONCE):
                waiting.append(pool.submit(self._chunk, stream.fileno(), first, own))
                if len(waiting) > THREADS + 1 and not (yield from _given(waiting)):
                    break
            while waiting and (yield from _given(waiting)):
                pass

    def _chunk(self, descriptor: int, first: int, own: local) -> RowChunk | None:
        """Rows from number `first` on; None when they are cut short or not laid out as usual."""
        if not hasattr(own, "text"):
            own.text = np.empty((min(self.n_points, ROWS_AT_ONCE), self._width), dtype=np.uint8)
            own.columns = np.empty(own.text.shape[::-1], dtype=np.uint8)
        rows = min(self.n_points - first, ROWS_AT_ONCE)
        text, columns = own.text[:rows], own.columns[:, :rows]
        if os.preadv(descriptor, [text.data], self.start + first * self._width) != text.size:
            return None
        np.copyto(columns, text.T)
        return self._decoded(columns)

    def _decoded(self, columns: ByteArray) -> RowChunk | None:
        """Rows as bytes, shape (width, n), one row a character position."""
        rows = columns.shape[1]
        if (columns[-1] != NEWLINE).any():
            return None
        flat: NDArray[np.int64] = np.zeros(rows, dtype=np.int64)
        for axis, count in enumerate(self.shape):
            index = integers(columns[axis * INDEX_WIDTH : (axis + 1) * INDEX_WIDTH])
            if index is None or index.min() < 1 or index.max() > count:
                return None
            flat *= count
            flat += index
            flat -= 1
        values: FloatArray = np.empty((self.n_columns, rows))
        for column in range(self.n_columns):
            at = 3 * INDEX_WIDTH + column * VALUE_WIDTH
            found = decimals(columns[at : at + VALUE_WIDTH], DECIMALS)
            if found is None:
                return None
            values[column] = found
        return flat, values

    # --- rows of any layout ---

    def _slow(self, done: int) -> Iterator[RowChunk]:
        """The rows behind the first `done`, which are of the usual width."""
        with self.file.open("rb") as stream:
            stream.seek(self.start + done * self._width)
            while done < self.n_points:
                lines = self._lines(stream, done)
                yield self._tokenized(lines, self.header_lines + done + 1)
                done += len(lines)

    def _lines(self, stream: BinaryIO, done: int) -> list[bytes]:
        lines = [stream.readline(LONGEST_LINE) for _ in range(min(self.n_points - done, ROWS_AT_ONCE))]
        while lines and not lines[-1]:
            lines.pop()
        if not lines or not lines[-1].endswith(b"\n"):
            raise ParseError(
                f"{done + max(len(lines) - 1, 0)} grid points, expected {self.n_points}",
                reason="the file is cut short",
                where=f"{self.file}:{self.header_lines + done + len(lines)}",
            )
        return lines

    def _tokenized(self, lines: list[bytes], first_line: int) -> RowChunk:
        try:
            table = np.loadtxt(io.BytesIO(b"".join(lines)), ndmin=2, comments=None, encoding="latin-1")
            if table.shape != (len(lines), 3 + self.n_columns) or not np.isfinite(table).all():
                raise ValueError
        except ValueError:
            raise self._damaged(lines, first_line) from None
        index = table[:, :3].T
        inside = (index == np.round(index)) & (index >= 1) & (index <= np.array(self.shape)[:, None])
        if not inside.all():
            row = int(np.argmin(inside.all(axis=0)))
            raise ParseError("a grid point lies outside the grid", where=f"{self.file}:{first_line + row}")
        a, b, c = index.astype(np.int64) - 1
        return (a * self.shape[1] + b) * self.shape[2] + c, np.ascontiguousarray(table[:, 3:].T)

    def _damaged(self, lines: list[bytes], first_line: int) -> ParseError:
        row = next((row for row, line in enumerate(lines) if not self._is_whole(line)), 0)
        return ParseError(
            f"a row of the grid is damaged: {lines[row].decode('latin-1').strip()[:80]!r}",
            reason=f"three indices and {self.n_columns} values were expected",
            where=f"{self.file}:{first_line + row}",
        )

    def _is_whole(self, line: bytes) -> bool:
        try:
            numbers = [float(word) for word in line.split()]
        except ValueError:
            return False
        return len(numbers) == 3 + self.n_columns and bool(np.isfinite(numbers).all())


def _given(waiting: deque[Future[RowChunk | None]]) -> Generator[RowChunk, None, bool]:
    """Gives the first chunk that is waited for; whether there was one. If not, the others are not waited for."""
    chunk = waiting.popleft().result()
    if chunk is None:
        waiting.clear()
        return False
    yield chunk
    return True
