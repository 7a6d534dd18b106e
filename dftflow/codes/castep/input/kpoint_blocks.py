"""How a ``.cell`` file gives the k-points of a calculation: the SCF's grid, and those whose bands are wanted.

CASTEP's ``KPOINT_MP_OFFSET`` moves the grid of Monkhorst and Pack, in fractions of the reciprocal lattice vectors
(castep-docs, cell keywords). The bands follow a path or a list, never both; the keywords of both begin with
``SPECTRAL`` or ``BS``. The weights of a list are optional (Materials Studio help, BS_KPOINT_LIST).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dftflow.codes.deck_text import decimal_text, plain_text
from dftflow.model.kpoint_grid import Counts, Shift, grid_points, monkhorst_pack_shift, same_kpoint
from dftflow.model.spec import CalcSpec, KPath, KPoint, StatesGrid

__all__ = ["grid_lines", "grid_offset", "list_block", "path_block"]

SAME_K = 1e-6


def grid_offset(spec: CalcSpec) -> Shift:
    """``KPOINT_MP_OFFSET`` of the SCF's grid: 1/(2n) along a direction with an even n when the grid is to hold Γ."""
    return _offset(spec.grid, spec.grid_shift)


def _offset(grid: Counts, shift: Shift) -> Shift:
    moved = np.subtract(shift, monkhorst_pack_shift(grid)) % 1.0
    a, b, c = (float(x) for x in moved / np.array(grid))
    return (a, b, c)


def grid_lines(states: StatesGrid, prefix: str) -> str:
    """The keywords of a grid for the states alone."""
    offset = " ".join(map(decimal_text, _offset(states.counts, states.shift)))
    note = "; ".join(filter(None, (f"of the states, {states.kind}", plain_text(states.note))))
    return (
        f"{prefix}_KPOINT_MP_GRID   : {' '.join(map(str, states.counts))}  ! {note}\n"
        f"{prefix}_KPOINT_MP_OFFSET : {offset}"
    )


def list_block(spec: CalcSpec, prefix: str) -> str:
    """The edge points with their names, then the points of the SCF's grid, of which k and -k are one.

    CASTEP's ``.bands`` holds the points of its last task alone: without the grid's in the list they would be lost.
    """
    if spec.task == "masses":
        lines = "\n".join(map(_line, spec.edge_kpoints))
        head = "! calculated after the SCF: around the band edges"
        return f"{head}\n%BLOCK {prefix}_KPOINT_LIST\n{lines}\n%ENDBLOCK {prefix}_KPOINT_LIST"
    points = [*spec.edge_kpoints, *(KPoint(label="", frac=frac) for frac in _grid_beside(spec))]
    lines = "\n".join(_line(point) for point in points)
    return (
        "! calculated after the SCF: where band edges may lie, then the points of the grid (k and -k are one)\n"
        f"%BLOCK {prefix}_KPOINT_LIST\n{lines}\n%ENDBLOCK {prefix}_KPOINT_LIST"
    )


def _grid_beside(spec: CalcSpec) -> list[tuple[float, float, float]]:
    """Points of the SCF's grid up to time reversal, without those that are edge points."""
    taken = np.array([point.frac for point in spec.edge_kpoints]).reshape(-1, 3)
    found: list[tuple[float, float, float]] = []
    for point in grid_points(spec.grid, spec.grid_shift):
        if not same_kpoint(taken, point, SAME_K).any():
            taken = np.vstack([taken, point])
            a, b, c = point.tolist()
            found.append((a, b, c))
    return found


def path_block(path: KPath, edges: Sequence[KPoint], prefix: str) -> str:
    """The path block with its spacing.

    CASTEP takes a path or a list of k-points, not both, and it hits exactly only the corners of a path. A band-edge
    point that is no corner is therefore joined to the path's first point by a segment of its own.
    """
    corners = [point for segment in path.segments for point in segment]
    fracs = np.array([corner.frac for corner in corners])
    lost = [edge for edge in edges if not same_kpoint(fracs, np.array(edge.frac), SAME_K).any()]
    segments = [*path.segments, *((corners[0], edge) for edge in lost)]
    lines = "\nBREAK\n".join("\n".join(_line(point) for point in segment) for segment in segments)
    first = corners[0].label
    extra = "".join(f"! {first} - {edge.label}: a band edge is at {edge.label}, off the path\n" for edge in lost)
    return (
        f"{extra}%BLOCK {prefix}_KPOINT_PATH\n{lines}\n%ENDBLOCK {prefix}_KPOINT_PATH\n\n"
        f"{prefix}_KPOINT_PATH_SPACING : {decimal_text(path.spacing_per_ang)} 1/ang  ! with the 2 pi included"
    )


def _line(point: KPoint) -> str:
    return "".join(f"{round(x, 10) + 0.0:14.10f}" for x in point.frac) + f"  ! {plain_text(point.label)}"
