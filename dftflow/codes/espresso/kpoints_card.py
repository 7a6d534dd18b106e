"""The K_POINTS card of pw.x: written with the names of the points as comments, and read back with them.

The XML of a band structure holds coordinates alone; which point is R, and where a segment of the path begins, stands
in the comments of the deck. Format: https://www.quantum-espresso.org/Doc/INPUT_PW.html#K_POINTS.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from dftflow.errors import ParseError
from dftflow.model.kpoint_grid import Counts, Shift
from dftflow.model.results import FloatArray
from dftflow.model.spec import KPath, KPoint

__all__ = ["grid_card", "path_card", "read_names"]

EXTRA = -1
MAX_BYTES = 20_000_000
SAME_K = 1e-6
_SAFE_LABEL = re.compile(r"[^\w',.+-]+")
_HEAD = re.compile(r"\s*K_POINTS\s+[({]?\s*crystal\s*[)}]?\s*(?:[!#].*)?", re.IGNORECASE)
_ROW = re.compile(r"\s*" + r"([+-]?\d+\.\d{1,16})\s+" * 3 + r"[\d.eE+-]+\s*(?:!\s*(.*))?", re.ASCII)
_NAME = re.compile(r"(\S*) segment (-?\d{1,6})")


def grid_card(grid: Counts, shift: Shift) -> str:
    """A regular grid, whose `shift` (see `dftflow.model.kpoint_grid`) is 0 or 1/2 along each direction.

    pw.x takes the offsets 0 and 1: the second is half a step, that is (r - 1)/n + 1/2n with r = 1 ... n.
    """
    offsets = [round(2 * step) for step in shift]
    return f"K_POINTS automatic\n{' '.join(map(str, grid))}  {' '.join(map(str, offsets))}"


def path_card(path: KPath | None, edges: tuple[KPoint, ...], reciprocal_per_ang: FloatArray) -> str:
    """The points of `path`, then those of `edges` that it leaves out (segment -1), by fractional coordinates."""
    from dftflow.crystals.kpaths import sample_path

    kpoints, labels, segments = sample_path(path, reciprocal_per_ang) if path is not None else ([], [], [])
    for point in edges:
        if point.frac not in kpoints:
            kpoints.append(point.frac)
            labels.append(point.label)
            segments.append(EXTRA)
    rows = [
        "".join(f"{x + 0.0:14.10f}" for x in point) + f"  1.0  ! {_SAFE_LABEL.sub('_', label) or '-'} segment {segment}"
        for point, label, segment in zip(kpoints, labels, segments, strict=True)
    ]
    return "\n".join(["K_POINTS crystal", str(len(rows)), *rows])


def read_names(file: Path, kpoints_frac: FloatArray) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Label and segment of every point in the card of `file`.

    Parameters
    ----------
    kpoints_frac
        shape (n, 3); the points as they were calculated, which have to be those of the card.

    Raises
    ------
    ParseError
        The file cannot be read, has no list of k-points in crystal coordinates, or lists others.
    """
    lines = _lines(file)
    head = next((i for i, line in enumerate(lines) if _HEAD.fullmatch(line)), None)
    if head is None:
        raise ParseError("the deck has no list of k-points in crystal coordinates", where=str(file))
    rows = [(number, line) for number, line in enumerate(lines[head + 1 :], head + 2) if line.strip()]
    if not rows or rows[0][1].strip() != str(len(kpoints_frac)) or len(rows) - 1 < len(kpoints_frac):
        raise ParseError(
            f"the deck does not list the {len(kpoints_frac)} k-points that were calculated", where=f"{file}:{head + 2}"
        )
    found = [
        (_name(line, point, f"{file}:{number}"), number)
        for (number, line), point in zip(rows[1:], kpoints_frac, strict=False)
    ]
    named = [name for name, _ in found if name is not None]
    if not named:
        return ("",) * len(found), (0,) * len(found)
    if len(named) < len(found):
        at = next(number for name, number in found if name is None)
        raise ParseError("this k-point has no name and segment, while others have", where=f"{file}:{at}")
    return tuple(label for label, _ in named), tuple(segment for _, segment in named)


def _name(line: str, point: FloatArray, where: str) -> tuple[str, int] | None:
    """Label and segment of one row; None where it has no such comment."""
    found = _ROW.fullmatch(line)
    if found is None:
        raise ParseError("this is no k-point", where=where)
    listed = np.array([float(found[i]) for i in (1, 2, 3)])
    if np.abs(listed - point).max() > SAME_K:
        raise ParseError(
            "the deck lists another k-point here than was calculated",
            reason=f"{listed.tolist()} and {np.round(point, 8).tolist()}",
            fix="the deck may have been changed after the run",
            where=where,
        )
    told = _NAME.fullmatch((found[4] or "").strip())
    if told is None:
        return None
    return "" if told[1] == "-" else told[1], int(told[2])


def _lines(file: Path) -> list[str]:
    try:
        if file.stat().st_size > MAX_BYTES:
            raise ParseError("the file is too large for an input of pw.x", where=str(file))
        return file.read_bytes().decode("latin-1").split("\n")
    except OSError as error:
        raise ParseError("the file cannot be read", reason=error.strerror or str(error), where=str(file)) from error
