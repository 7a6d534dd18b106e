"""Band edges and, when the cell holds a slab, work function and edges below the vacuum: from one calculation alone."""

from __future__ import annotations

import numpy as np

from dftflow.analysis.band_edges import edges_or_reason, why_no_clear_gap
from dftflow.analysis.cells import same_cell
from dftflow.analysis.potential_profile import potential_profile
from dftflow.analysis.vacuum import vacuum_levels
from dftflow.analysis.work_function import work_function_ev
from dftflow.errors import AnalysisError, ReferenceMismatch
from dftflow.model.absolute import CalculationLevels, SlabSide
from dftflow.model.energy import Energy
from dftflow.model.levels import BandEdges, PotentialProfile, VacuumLevel
from dftflow.model.periodic_cell import empty_widths_ang
from dftflow.model.results import Bands, FloatArray, PotentialGrid, Results

__all__ = [
    "AVERAGING_ANG",
    "EDGES_OF_ANOTHER_RUN",
    "calculation_levels",
    "slab_normal",
    "slab_profile",
    "slab_side",
    "smearing_ev",
]

LEAST_VACUUM_ANG = 6.0
AVERAGING_ANG = 1.0
XC_INSIDE = (
    "the potential is the local one, exchange and correlation included: in the vacuum it has died away only where the "
    "plane average is flat, to the spread given here"
)
FERMI_IN_GAP = (
    "this slab has a gap, and its Fermi level, with it the work function, may lie anywhere in it; E_vac - E_VBM and "
    "E_vac - E_CBM are fixed, at the slab's own k-points and with its quantum confinement"
)


EDGES_OF_ANOTHER_RUN = (
    "the band edges are of another run than the potential, on another zero: they are not given below the vacuum level"
)


def calculation_levels(results: Results) -> CalculationLevels:
    """Levels of one calculation; what it does not carry is None, with the reason.

    Raises
    ------
    ReferenceMismatch
        The potential and the Fermi level are of two calculations, which no reader puts into one `Results`.
    """
    edges, why_no_edges = edges_or_reason(results.bands)
    normal = None
    if results.structure is not None:
        normal = slab_normal(results.structure.frac_coords, results.structure.lattice.matrix)
    sides: tuple[SlabSide, ...] = ()
    why_no_vacuum = ""
    if normal is not None:
        try:
            sides = _sides(results, normal, edges)
        except ReferenceMismatch:
            raise
        except AnalysisError as error:
            why_no_vacuum = error.sentence
    return CalculationLevels(
        edges=edges,
        why_no_edges=why_no_edges,
        printed_gap=results.printed_gap if results.bands is None else None,
        normal=normal,
        sides=sides,
        why_no_vacuum=why_no_vacuum,
        remarks=tuple(_remarks(results, edges, sides)),
    )


def slab_normal(frac_coords: FloatArray, cell_ang: FloatArray) -> int | None:
    """The one lattice vector along which a cell holds 6 Å of vacuum or more; None for none, two or three.

    A cell that is empty along two or three vectors holds a wire or a molecule; one without atoms or volume, nothing.

    Parameters
    ----------
    frac_coords
        shape (n_atoms, 3); in any cell image.
    cell_ang
        shape (3, 3); rows are the lattice vectors. What counts is the height of the cell, not the vector's length.
    """
    if not len(frac_coords) or not np.isfinite(cell_ang).all() or not np.linalg.det(cell_ang):
        return None
    empty = np.flatnonzero(empty_widths_ang(frac_coords, cell_ang) >= LEAST_VACUUM_ANG)
    return int(empty[0]) if len(empty) == 1 else None


# --- band edges -------------------------------------------------------------------------------------------------


def _on_grid_alone(bands: Bands) -> bool:
    return all(segment == -1 for segment in bands.on_path) and not any(bands.labels)


def _remarks(results: Results, edges: BandEdges | None, sides: tuple[SlabSide, ...]) -> list[str]:
    lines = []
    if results.status == "unknown":
        lines.append("there is no readable log that tells whether this calculation converged")
    elif results.status != "finished":
        lines.append(
            f"not a finished calculation ({results.status.replace('_', ' ')}): its numbers need not be converged"
        )
    if edges is not None and results.bands is not None and _on_grid_alone(results.bands):
        count = len(results.bands.kpoints_frac)
        lines.append(
            f"the band edges are those at {count} k-point{'' if count == 1 else 's'} of no path: a set that misses the "
            "true edges gives too wide a gap"
        )
    if edges is not None and not edges.fermi_in_gap:
        between = f"{edges.vbm.value_ev:.4f} and {edges.cbm.value_ev:.4f} eV"
        lines.append(f"the Fermi level, {edges.fermi_ev:.4f} eV, does not lie between the band edges, {between}")
    touching = "" if edges is None else why_no_clear_gap(edges, smearing_ev(results))
    if touching:
        lines.append(touching)
    if sides and edges is not None and not _on_one_zero(edges, sides[0].vacuum):
        lines.append(EDGES_OF_ANOTHER_RUN)
    elif sides and edges is not None and not touching:
        lines.append(FERMI_IN_GAP)
    if sides and results.potential is not None and results.potential.kind == "local":
        lines.append(XC_INSIDE)
    return lines


def smearing_ev(results: Results) -> float | None:
    """The wider smearing of the runs that energies and eigenvalues are of; None where neither tells one."""
    methods = (results.method, None if results.bands_run is None else results.bands_run.method)
    widths = [method.smearing_ev for method in methods if method is not None and method.smearing_ev is not None]
    return max(widths, default=None)


# --- the vacuum -------------------------------------------------------------------------------------------------


def _sides(results: Results, normal: int, edges: BandEdges | None) -> tuple[SlabSide, ...]:
    if results.potential is None:
        raise AnalysisError("the cell holds a vacuum, but there is no potential to find its level in")
    fermi = results.fermi
    if fermi is None:
        raise AnalysisError("there is no Fermi level to count from")
    # Only plane averages are used, so that any window of the macroscopic average will do.
    profile = slab_profile(results, normal, period_ang=AVERAGING_ANG)
    return tuple(slab_side(vacuum, fermi, edges) for vacuum in vacuum_levels(profile, results.potential.zero))


def slab_profile(results: Results, normal: int, *, period_ang: float) -> PotentialProfile:
    """Profile of a slab along the lattice vector out of its plane, whichever of its cell that is.

    Parameters
    ----------
    normal
        Number of that vector: 0, 1 or 2.
    period_ang
        Distance along the normal after which the crystal's plane averages repeat.

    Raises
    ------
    AnalysisError
        There is no potential or no geometry, they are of two cells, or the period does not fit into the cell.
    """
    if results.potential is None or results.structure is None:
        raise AnalysisError("a profile needs the potential and the geometry of one calculation")
    grid = _standing_on(results.potential, normal)
    _refuse_other_cell(results.potential, results.structure.lattice.matrix)
    heights: FloatArray = np.asarray(results.structure.frac_coords[:, normal], dtype=np.float64)
    return potential_profile(grid, heights, period_ang)


def slab_side(vacuum: VacuumLevel, fermi: Energy, edges: BandEdges | None) -> SlabSide:
    """Levels below the vacuum level of one side of a slab; its edges count where they are of the potential's own run.

    Raises
    ------
    AnalysisError
        The vacuum level does not lie above the Fermi level, or they are of two calculations.
    """
    own = edges if edges is not None and _on_one_zero(edges, vacuum) else None
    return SlabSide(
        vacuum=vacuum,
        work_function_ev=work_function_ev(vacuum, fermi),
        ionisation_potential_ev=None if own is None else vacuum.level - own.vbm,
        electron_affinity_ev=None if own is None else vacuum.level - own.cbm,
    )


def _on_one_zero(edges: BandEdges, vacuum: VacuumLevel) -> bool:
    """Not so when the eigenvalues are of a run of their own; see `Results.bands_run`."""
    return edges.vbm.zero == vacuum.level.zero


def _standing_on(grid: PotentialGrid, normal: int) -> PotentialGrid:
    """The same potential with the lattice vector `normal` as the third one."""
    if grid.values_ev.shape[normal] == 1:
        raise AnalysisError(
            f"the potential holds no plane averages along lattice vector {'abc'[normal]}, where the vacuum lies",
            reason="it has one grid point there",
        )
    order = [(normal + 1) % 3, (normal + 2) % 3, normal]
    return PotentialGrid(
        values_ev=np.transpose(grid.values_ev, order), cell_ang=grid.cell_ang[order], kind=grid.kind, zero=grid.zero
    )


def _refuse_other_cell(grid: PotentialGrid, cell_ang: FloatArray) -> None:
    """Refuse a potential of another geometry."""
    if not same_cell(grid.cell_ang, cell_ang):
        raise AnalysisError(
            "the potential belongs to another cell than the geometry",
            reason=f"volumes {abs(np.linalg.det(grid.cell_ang)):.3f} and {abs(np.linalg.det(cell_ang)):.3f} Å³",
            fix="write the potential at the last geometry",
        )
