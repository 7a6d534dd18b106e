"""Eigenvalues of a ``.gpw`` file as `Bands`, with the electrons that fill them."""

from __future__ import annotations

import numpy as np

from dftflow.codes.gpaw.gpw_file import GpwFile, KohnShamLevels
from dftflow.codes.gpaw.kpoint_set import grid_of_points
from dftflow.model.energy import EnergyZero
from dftflow.model.results import Bands

__all__ = ["bands_of", "density_was_fixed", "electrons_of"]

WHOLE = 0.05
DIGITS = 6
HALF = 0.5


def density_was_fixed(gpw: GpwFile) -> bool:
    """Whether the eigenvalues were calculated in the density of another set of k-points.

    So they were on k-points that are no regular grid, in files of the years in which ``fixdensity`` was a keyword when
    it was set, and in files since layout 4 without an energy.
    """
    if gpw.levels is not None and grid_of_points(gpw.levels.all_kpoints_frac) is None:
        return True
    return bool(gpw.parameters.get("fixdensity")) or (gpw.file_version >= 4 and gpw.energy_ev is None)


def bands_of(gpw: GpwFile, zero: EnergyZero, log_electrons: float | None = None) -> Bands | None:
    """The eigenvalues; None where the file holds none, or no Fermi level because all bands are filled.

    Parameters
    ----------
    log_electrons
        Valence electrons as the log of the same run gives them.
    """
    levels = gpw.levels
    finite = [level for level in gpw.fermi_levels_ev if np.isfinite(level)]
    if levels is None or not finite:
        return None
    n_kpoints, apart = len(levels.kpoints_frac), len(set(gpw.fermi_levels_ev)) > 1
    on_path = 0 if grid_of_points(levels.all_kpoints_frac) is None else -1
    return Bands(
        eigenvalues_ev=np.sort(levels.eigenvalues_ev, axis=2),
        kpoints_frac=levels.kpoints_frac,
        labels=("",) * n_kpoints,
        on_path=(on_path,) * n_kpoints,
        reciprocal_per_ang=gpw.structure.lattice.reciprocal_lattice.matrix,
        n_electrons=electrons_of(gpw, levels, log_electrons),
        fermi_ev=max(finite),
        zero=zero,
        fermi_by_spin_ev=gpw.fermi_levels_ev if apart and len(finite) == len(gpw.fermi_levels_ev) else (),
        weights=levels.weights,
        spinor=levels.spinor,
        stands_in="log",
    )


def electrons_of(gpw: GpwFile, levels: KohnShamLevels, log_electrons: float | None = None) -> tuple[float, ...]:
    """Electrons per channel: the sum of the occupations, weighted.

    On the k-points of a fixed density that sum is not the number of electrons. There it is, in this order, the number
    in the log; the whole number of bands below the Fermi level, where that is one number at all k-points and lies next
    to the sum; else the sum, which fills no number of bands.
    """
    per_band = 1 if levels.spinor or len(levels.eigenvalues_ev) == 2 else 2
    sums = per_band * np.einsum("skn,k->s", levels.occupations, levels.weights)
    if not density_was_fixed(gpw):
        return tuple(round(float(total), DIGITS) for total in sums)
    if log_electrons is not None and len(sums) == 1:
        return (log_electrons,)
    filled = np.count_nonzero(levels.occupations > HALF, axis=2)
    wholes = per_band * filled[:, 0]
    is_whole = (filled == filled[:, :1]).all(axis=1) & (np.abs(sums - wholes) <= WHOLE)
    return tuple(
        float(whole if sure else round(float(total), DIGITS))
        for whole, sure, total in zip(wholes, is_whole, sums, strict=True)
    )
