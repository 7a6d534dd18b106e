"""Band edges and, when the cell holds a slab, work function and edges below the vacuum: from one calculation alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dftflow.analysis.band_edges import find_band_edges
from dftflow.analysis.potential_profile import potential_profile
from dftflow.analysis.vacuum import vacuum_levels
from dftflow.errors import AnalysisError, BandEdgeError
from dftflow.model.absolute import CalculationLevels, SlabSide
from dftflow.model.energy import Energy
from dftflow.model.levels import BandEdges, VacuumLevel
from dftflow.model.results import FloatArray, PotentialGrid, Results

if TYPE_CHECKING:
    from pymatgen.core import Structure

__all__ = ["calculation_levels", "slab_normal"]

LEAST_VACUUM_ANG = 6.0
AVERAGING_ANG = 1.0
XC_INSIDE = (
    "the potential is the local one, exchange and correlation included: in the vacuum it has died away only where the "
    "plane average is flat, to the spread given here"
)


def calculation_levels(results: Results) -> CalculationLevels:
    """Levels of one calculation; what it does not carry is None, with the reason."""
    edges, why_no_edges = _edges(results)
    normal = None if results.structure is None else slab_normal(results.structure)
    remarks = [] if results.status == "finished" else [f"the calculation is {results.status.replace('_', ' ')}"]
    sides: tuple[SlabSide, ...] = ()
    why_no_vacuum = ""
    if normal is not None:
        try:
            sides = _sides(results, normal, edges)
        except AnalysisError as error:
            why_no_vacuum = str(error)
    if sides and results.potential is not None and results.potential.kind == "local":
        remarks.append(XC_INSIDE)
    return CalculationLevels(
        edges=edges,
        why_no_edges=why_no_edges,
        normal=normal,
        sides=sides,
        why_no_vacuum=why_no_vacuum,
        remarks=tuple(remarks),
    )


def slab_normal(structure: Structure) -> int | None:
    """The one lattice vector along which a cell holds 6 Å of vacuum or more; None for none, two or three.

    A cell that is empty along two or three vectors holds a wire or a molecule.
    """
    heights = 1.0 / np.linalg.norm(np.linalg.inv(structure.lattice.matrix), axis=0)
    empty = []
    for axis in range(3):
        ordered = np.sort(structure.frac_coords[:, axis] % 1.0)
        gaps = np.diff(ordered, append=ordered[0] + 1.0)
        widest_ang = float(gaps.max() * heights[axis])
        if widest_ang >= LEAST_VACUUM_ANG:
            empty.append(axis)
    return empty[0] if len(empty) == 1 else None


def _edges(results: Results) -> tuple[BandEdges | None, str]:
    if results.bands is None:
        return None, "there are no eigenvalues"
    try:
        return find_band_edges(results.bands), ""
    except BandEdgeError as error:
        return None, error.summary


def _sides(results: Results, normal: int, edges: BandEdges | None) -> tuple[SlabSide, ...]:
    if results.potential is None:
        raise AnalysisError("the cell holds a vacuum, but there is no potential to find its level in")
    if results.fermi_ev is None:
        raise AnalysisError("there is no Fermi level to count from")
    assert results.structure is not None
    grid = _standing_on(results.potential, normal)
    heights: FloatArray = np.asarray(results.structure.frac_coords[:, normal], dtype=np.float64)
    # Only plane averages are used, so that any window of the macroscopic average will do.
    profile = potential_profile(grid, heights, period_ang=AVERAGING_ANG)
    fermi = Energy(results.fermi_ev, grid.zero)
    return tuple(_side(vacuum, fermi, edges) for vacuum in vacuum_levels(profile, grid.zero))


def _side(vacuum: VacuumLevel, fermi: Energy, edges: BandEdges | None) -> SlabSide:
    return SlabSide(
        vacuum=vacuum,
        work_function_ev=vacuum.level - fermi,
        ionisation_potential_ev=None if edges is None else vacuum.level - edges.vbm,
        electron_affinity_ev=None if edges is None else vacuum.level - edges.cbm,
    )


def _standing_on(grid: PotentialGrid, normal: int) -> PotentialGrid:
    """The same potential with the lattice vector `normal` as the third one."""
    order = [axis for axis in range(3) if axis != normal] + [normal]
    return PotentialGrid(
        values_ev=np.transpose(grid.values_ev, order), cell_ang=grid.cell_ang[order], kind=grid.kind, zero=grid.zero
    )
