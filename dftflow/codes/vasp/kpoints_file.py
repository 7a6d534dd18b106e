"""Writes and reads ``KPOINTS``, and finds the grid behind a list of k-points.

Eigenvalues besides the grid are one run with it: the SCF's grid as an explicit list with weights, then the points of
the path and of the band edges with weight zero, which VASP calculates in the same self-consistent potential
(https://vasp.at/wiki/KPOINTS). Each line ends in a comment that says what the point is, so that it can be read back:
``! grid``, ``! path 0 X`` (segment and name), ``! point R``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dftflow.crystals.kpaths import sample_path
from dftflow.errors import ParseError
from dftflow.model.kpoint_grid import NO_SHIFT, Counts, Shift, common_shift, grid_points, same_shift
from dftflow.model.results import FloatArray
from dftflow.model.spec import KPath, KPoint

if TYPE_CHECKING:
    from pymatgen.io.vasp import Kpoints

__all__ = ["SAME_K", "bands_list", "grid_behind", "half_grid", "read_names", "regular_grid"]

SAME_K = 1e-6
MOST_BYTES = 20_000_000
_GAMMA = ("Γ", "\\GAMMA", "GAMMA", "\\G", "{\\GAMMA}", "$\\GAMMA$")


def regular_grid(title: str, grid: Counts, shift: Shift | None = None) -> str:
    """``KPOINTS`` with a grid of Monkhorst and Pack, or with one that stands `shift` steps from one that holds Γ.

    VASP shifts the second by half a step along each direction with an even number (https://vasp.at/wiki/KPOINTS), as
    equation 3 of 10.1103/PhysRevB.13.5188 does.
    """
    mode, moved = ("Monkhorst-Pack", NO_SHIFT) if shift is None else ("Gamma", shift)
    return f"{title}\n0\n{mode}\n{' '.join(map(str, grid))}\n{' '.join(f'{x:g}' for x in moved)}\n"


def half_grid(grid: Counts, shift: Shift) -> tuple[FloatArray, list[int]]:
    """The grid's points, one of each pair k and -k, and how many of the grid each stands for (1 or 2).

    Only time reversal is used, which holds for every crystal without a magnetic field. `shift` is 0 or 1/2 along each
    direction, so that -k is a point of the grid too, up to a reciprocal lattice vector.
    """
    twice = 2 * np.array(grid)
    numerators = np.rint(grid_points(grid, shift) * twice).astype(int)
    points, weights = [], []
    for row in sorted(map(tuple, numerators.tolist())):
        opposite = tuple((-n + q // 2) % q - q // 2 for n, q in zip(row, twice.tolist(), strict=True))
        if row < opposite:
            continue
        points.append(np.array(row) / twice)
        weights.append(1 if row == opposite else 2)
    return np.array(points), weights


def bands_list(
    title: str,
    grid: Counts,
    path: KPath | None,
    edges: Sequence[KPoint],
    reciprocal_per_ang: FloatArray,
    *,
    shift: Shift,
) -> str:
    """``KPOINTS`` with the grid, and with weight zero the path and those of `edges` that are no point of it."""
    points, weights = half_grid(grid, shift)
    lines = [_line(point, weight, "grid") for point, weight in zip(points, weights, strict=True)]
    along, labels, segments = sample_path(path, reciprocal_per_ang) if path is not None else ([], [], [])
    lines += [
        _line(point, 0, f"path {segment} {label}")
        for point, label, segment in zip(along, labels, segments, strict=True)
    ]
    lines += [_line(edge.frac, 0, f"point {edge.label}") for edge in edges if edge.frac not in along]
    return "\n".join([title, str(len(lines)), "Reciprocal", *lines]) + "\n"


def _line(point: Sequence[float] | FloatArray, weight: int, name: str) -> str:
    return "".join(f"{x + 0.0:15.10f}" for x in point) + f"{weight:5d}  ! {name}".rstrip()


def grid_behind(kpoints: FloatArray, weights: FloatArray) -> tuple[Counts, Shift] | None:
    """The grid, and its shift, whose points up to time reversal are the weighted ones of a list; None without one.

    Parameters
    ----------
    kpoints
        shape (n, 3).
    weights
        shape (n,); any norm.
    """
    found = kpoints[weights > 0]
    if len(found) == 0:
        return None
    a, b, c = (len({_folded(x) for x in (*found[:, i], *-found[:, i])}) for i in range(3))
    grid, shift = (a, b, c), common_shift(found, (a, b, c))
    if int(np.prod(grid)) > 2 * len(found) or shift is None or not same_shift(_doubled(shift), NO_SHIFT):
        return None
    points, shares = half_grid(grid, shift)
    norm = weights[weights > 0].sum() / sum(shares)
    expected = {_pair(point): share * norm for point, share in zip(points, shares, strict=True)}
    given = {_pair(p): float(w) for p, w in zip(found, weights[weights > 0], strict=True)}
    fits = len(given) == len(found) and given.keys() == expected.keys()
    return (grid, shift) if fits and all(abs(given[key] - expected[key]) < SAME_K for key in given) else None


def _folded(x: float) -> float:
    """Into the range from 0 up to but not including 1, with the digits that files keep."""
    return float(round(x % 1.0, 6)) % 1.0


def _doubled(shift: Shift) -> Shift:
    return (2 * shift[0], 2 * shift[1], 2 * shift[2])


def _pair(point: FloatArray) -> tuple[float, ...]:
    """The same for k and -k, and for points that a reciprocal lattice vector parts."""
    return min(tuple(_folded(x) for x in point), tuple(_folded(-x) for x in point))


# --- names ------------------------------------------------------------------------------------------------------


def read_names(file: Path, kpoints: FloatArray, *, same_k: float = SAME_K) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Name and path segment of each k-point of a run, as its ``KPOINTS`` has them.

    Parameters
    ----------
    kpoints
        shape (n, 3); the run's own.
    same_k
        Within which they are those of the file: the digits that the run printed.

    Returns
    -------
    labels
        ``"G"`` for Γ.
    on_path
        -1 off the paths. In a list that says nothing of paths every point of weight zero is on path 0. In line mode
        lines that share a corner are one segment.

    Raises
    ------
    ParseError
        The file cannot be read, or lists other k-points than the run's: it belongs to another run.
    """
    try:
        if file.stat().st_size > MOST_BYTES:
            raise ParseError("KPOINTS is far too large to be one", where=str(file))
        lines = file.read_bytes().decode("latin-1").splitlines()
    except OSError as error:
        raise ParseError("the file cannot be read", reason=str(error), where=str(file)) from error
    mode = lines[2].strip()[:1].lower() if len(lines) > 2 else ""
    try:
        if mode == "l":
            return _line_mode(lines, kpoints, same_k)
        if len(lines) > 1 and int(lines[1].split()[0]) > 0:
            return _listed(lines, kpoints, same_k, cartesian=mode in ("c", "k"))
    except (IndexError, ValueError, OverflowError, TypeError, AttributeError, KeyError) as error:
        raise ParseError("KPOINTS is damaged or belongs to another run", reason=str(error), where=str(file)) from error
    return ("",) * len(kpoints), (-1,) * len(kpoints)


def _listed(
    lines: list[str], kpoints: FloatArray, same_k: float, *, cartesian: bool
) -> tuple[tuple[str, ...], tuple[int, ...]]:
    count = int(lines[1].split()[0])
    if count != len(kpoints) or len(lines) < 3 + count:
        raise ValueError(f"it lists {count} k-points, the run has {len(kpoints)}")
    labels, segments = [], []
    for number, (line, kpoint) in enumerate(zip(lines[3 : 3 + count], kpoints, strict=True), 4):
        words = line.split()
        at, weight = np.array(words[:3], dtype=float), float(words[3])
        if not cartesian and not np.abs(at - kpoint).max() < same_k:  # "not <" refuses NaN too
            raise ValueError(f"line {number} is not the run's k-point")
        label, segment = _name([word for word in words[4:] if word != "!"], weight)
        labels.append(label)
        segments.append(segment)
    return tuple(labels), tuple(segments)


def _name(words: list[str], weight: float) -> tuple[str, int]:
    if words[:1] == ["grid"]:
        return "", -1
    if words[:1] == ["point"]:
        return _gamma(" ".join(words[1:])), -1
    if words[:1] == ["path"] and len(words) > 1:
        if not re.fullmatch(r"[0-9]{1,4}", words[1]):
            raise ValueError(f"{words[1]!r} is no number of a path")
        return _gamma(" ".join(words[2:])), int(words[1])
    label = _gamma(" ".join(words))
    return ("" if label == "None" else label), (0 if weight == 0 else -1)


def _gamma(label: str) -> str:
    return "G" if label.upper() in _GAMMA else label


def _line_mode(lines: list[str], kpoints: FloatArray, same_k: float) -> tuple[tuple[str, ...], tuple[int, ...]]:
    from pymatgen.io.vasp import Kpoints

    said = Kpoints.from_str("\n".join(lines))
    n, corners = said.num_kpts, np.array(said.kpts, dtype=float)
    if n < 2 or len(corners) % 2 or n * len(corners) // 2 != len(kpoints) or corners.shape[1:] != (3,):
        raise ValueError(f"{len(corners) // 2} lines of {n} k-points do not make the run's {len(kpoints)}")
    in_reciprocal = said.coord_type is not None and said.coord_type.lower().startswith("r")
    labels, segments = [""] * len(kpoints), [0] * len(kpoints)
    segment = -1
    for index in range(len(corners) // 2):
        start, end = corners[2 * index], corners[2 * index + 1]
        first, last = index * n, (index + 1) * n - 1
        wrong = max(np.abs(start - kpoints[first]).max(), np.abs(end - kpoints[last]).max())
        if in_reciprocal and not wrong < same_k:
            raise ValueError(f"line {index + 1} has other ends than the run's")
        jumps = index == 0 or bool(np.abs(start - corners[2 * index - 1]).max() >= SAME_K)
        segment += jumps
        segments[first : last + 1] = [segment] * n
        labels[first], labels[last] = _corner(said, 2 * index), _corner(said, 2 * index + 1)
    return tuple(labels), tuple(segments)


def _corner(said: Kpoints, index: int) -> str:
    label = said.labels[index] if said.labels is not None and index < len(said.labels) else None
    return _gamma((label or "").strip())
