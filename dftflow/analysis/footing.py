"""Whether total energies of several crystals stand on one footing, so that their differences mean something.

Stricter than `dftflow.analysis.comparability`, which it asks of each two: what no file tells is no agreement, all are
with spin or without, and k-points are as dense.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from dftflow.analysis.comparability import compare
from dftflow.model.comparison import ComparisonRow
from dftflow.model.kpoint_grid import spacing_of_grid
from dftflow.model.results import Results

__all__ = ["MOST_COARSER", "MOST_COARSER_WIDE_GAP", "WIDE_GAP_EV", "Footed", "unlike"]

MUST_AGREE = (
    "code", "functional", "dispersion correction", "cutoff", "potentials", "spin", "spin-orbit coupling", "Hubbard U",
)  # fmt: skip
SMEARING = "smearing"

MOST_COARSER = 1.5
"""Largest step of a member's k-grid over that of the finest among those with a gap: one point more or less along an
axis of a small cell is as much. A metal may be finer without making the others coarse."""

WIDE_GAP_EV, MOST_COARSER_WIDE_GAP = 3.0, 3.0
"""Above that gap states are local and the sampling error of the energy falls off within a lattice vector: grids may be
coarser, as of one point in a cell of 8 Å beside 0.3 1/Å."""

SAME = 1e-9


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class Footed:
    """One calculation; `gap_ev` is None for a metal, and where no gap is known."""

    name: str
    results: Results
    gap_ev: float | None = None


def unlike(members: Sequence[Footed]) -> str:
    """The first two that do not stand on one footing, with the setting and both its values; ``""`` where all do."""
    for first, second in combinations(members, 2):
        for row in compare(first.results, second.results).rows:
            if _parts(row, first, second):
                return _sentence(row, first, second)
    return _unlike_grids(members)


def _parts(row: ComparisonRow, first: Footed, second: Footed) -> bool:
    if row.quantity in MUST_AGREE:
        without_common = row.quantity == "potentials" and row.verdict == "caution"
        near = row.quantity == "cutoff" and row.verdict == "caution"
        return row.verdict != "same" and not without_common and not near
    if row.quantity == SMEARING:
        return row.verdict != "same" and (first.gap_ev is None or second.gap_ev is None)
    return row.quantity == "status" and row.verdict == "differs"


def _sentence(row: ComparisonRow, first: Footed, second: Footed) -> str:
    known = "is not known of both" if row.verdict == "unknown" else "is not the same"
    told = f": {row.consequence}" if row.consequence else ""
    return f"the {row.quantity} of {first.name} and {second.name} {known} ({row.first} | {row.second}){told}"


def _unlike_grids(members: Sequence[Footed]) -> str:
    steps = {member.name: _step_per_ang(member.results) for member in members}
    for name, step in steps.items():
        if step is None:
            return f"the k-points of {name} are not known"
    known = {name: step for name, step in steps.items() if step is not None}
    with_gap = [known[member.name] for member in members if member.gap_ev is not None]
    finest = min(with_gap or known.values())
    for member in members:
        wide = member.gap_ev is not None and member.gap_ev > WIDE_GAP_EV
        most = MOST_COARSER_WIDE_GAP if wide else MOST_COARSER
        if known[member.name] > most * finest * (1 + SAME):
            other = next(name for name, step in known.items() if step == finest)
            return (
                f"the k-points of {member.name} are {known[member.name]:.3f} 1/Å apart, those of {other} "
                f"{finest:.3f} 1/Å: more than {most:g} times as coarse; give the preset one kpoint_spacing_per_ang"
            )
    return ""


def _step_per_ang(results: Results) -> float | None:
    """Largest step of the grid that was used, along the three reciprocal lattice vectors."""
    method = results.method
    if method is None:
        return None
    if method.kpoints_grid is not None and results.structure is not None and min(method.kpoints_grid) > 0:
        return spacing_of_grid(results.structure.lattice.matrix, method.kpoints_grid)
    return method.kpoint_spacing_per_ang
