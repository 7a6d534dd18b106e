"""Joins the eigenvalues of two runs of one crystal: those of the SCF, and those at further k-points.

Band edges are found over all k-points together. That is right only where both sets are eigenvalues of one Hamiltonian
on one zero; a VBM of one functional and a CBM of another make no gap. What is not known does not agree.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from dftflow.analysis.atoms import SAME_PLACE_ANG, atoms_of, farthest_atom_ang, other_elements
from dftflow.analysis.cells import SAME_CELL_ANG, cell_difference_ang
from dftflow.model.kpoint_grid import same_kpoint
from dftflow.model.method import SAME_CUTOFF_EV, Method
from dftflow.model.results import Bands, BandsRun, FloatArray

__all__ = ["JoinedBands", "join_bands", "why_other_method"]

SAME_EIGENVALUE_EV = 1e-3
SAME_LEVEL_EV = 1e-4
SAME_U_EV = 1e-4
SAME_ELECTRONS = 1e-3
SAME_K = 1e-5


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class JoinedBands:
    """The eigenvalues of both runs, or of the further one alone with the reason.

    Attributes
    ----------
    why_not
        Why they were not joined; ``""`` when they were.
    """

    bands: Bands
    why_not: str = ""


def join_bands(scf: Bands, scf_run: BandsRun, further: Bands, further_run: BandsRun) -> JoinedBands:
    """The eigenvalues of the SCF with the further ones behind them, when both are of one Hamiltonian on one zero.

    They are when the further ones are those of their own run, when lattice, electrons, spin channels, functional,
    cutoff and U are known to agree, and when the filled bands and the lowest empty one agree to 1 meV at every k-point
    that stands in both. Atoms of one run that are not those of the other refuse it as well; where they are not told and
    no k-point stands in both, the Fermi levels have to agree to 1 meV. Fermi level, electrons and zero of the joined
    eigenvalues are those of the SCF. Otherwise the further ones stand alone, as they are.
    """
    why = (
        _why_not_its_own(further, further_run)
        or _why_other_system(scf, further)
        or why_other_method(scf_run.method, further_run.method)
        or _why_other_atoms(scf_run, further_run)
        or _why_other_values(scf, further)
        or _why_other_zero(scf, scf_run, further, further_run)
    )
    return JoinedBands(bands=further, why_not=why) if why else JoinedBands(bands=_joined(scf, further))


def _why_not_its_own(further: Bands, run: BandsRun) -> str:
    """Why eigenvalues cannot be of the run that they lie beside; ``""`` where nothing says so."""
    if run.structure is not None:
        apart_ang = cell_difference_ang(further.cell_ang, np.asarray(run.structure.lattice.matrix, dtype=np.float64))
        if not apart_ang <= SAME_CELL_ANG:
            return f"the lattice of the band structure differs by {apart_ang:.4f} Å from that in its log"
    if run.log_fermi is not None:
        levels_ev = further.fermi_by_spin_ev or (further.fermi_ev,)
        if not min(abs(level - run.log_fermi.value_ev) for level in levels_ev) <= SAME_LEVEL_EV:
            said = f"{further.fermi_ev:.5f} eV, by its log {run.log_fermi.value_ev:.5f} eV"
            return f"the Fermi level of the band structure is {said}"
    return ""


def _why_other_atoms(scf: BandsRun, further: BandsRun) -> str:
    if scf.structure is None or further.structure is None:
        return ""
    here, there = atoms_of(scf.structure), atoms_of(further.structure)
    other = other_elements(here, there)
    if other:
        return f"the atoms are not the same: {other}"
    apart_ang = farthest_atom_ang(here, there, np.asarray(scf.structure.lattice.matrix, dtype=np.float64))
    return "" if apart_ang <= SAME_PLACE_ANG else f"the places of the atoms differ by up to {apart_ang:.4f} Å"


def why_other_method(scf: Method, further: Method) -> str:
    """Why eigenvalues by `further` cannot stand beside those by `scf`; ``""`` when functional and cutoff agree.

    What is not known does not agree; a U is compared where both tell theirs.
    """
    if scf.functional is None or further.functional is None:
        return "it is not known whether the functionals are the same"
    if scf.functional.casefold() != further.functional.casefold():
        return f"the SCF was made with {scf.functional}, the band structure with {further.functional}"
    if scf.cutoff_ev is None or further.cutoff_ev is None:
        return "it is not known whether the cutoffs are the same"
    if abs(scf.cutoff_ev - further.cutoff_ev) > SAME_CUTOFF_EV:
        return f"the SCF has a cutoff of {scf.cutoff_ev:g} eV, the band structure one of {further.cutoff_ev:g} eV"
    return _why_other_u(scf.hubbard_u_ev, further.hubbard_u_ev)


def _why_other_u(scf: Mapping[str, float] | None, further: Mapping[str, float] | None) -> str:
    if scf is None or further is None:
        return ""
    for shell in sorted({*scf, *further}):
        here, there = scf.get(shell, 0.0), further.get(shell, 0.0)
        if not abs(here - there) <= SAME_U_EV:
            return f"the SCF has U = {here:g} eV on {shell}, the band structure {there:g} eV"
    return ""


def _why_other_system(scf: Bands, further: Bands) -> str:
    apart_ang = cell_difference_ang(scf.cell_ang, further.cell_ang)
    if not apart_ang <= SAME_CELL_ANG:
        return f"the lattices differ by {apart_ang:.4f} Å"
    electrons = sum(scf.n_electrons), sum(further.n_electrons)
    if not abs(electrons[0] - electrons[1]) <= SAME_ELECTRONS:
        return f"the SCF has {electrons[0]:g} electrons, the band structure {electrons[1]:g}"
    channels = _channels(scf), _channels(further)
    if channels[0] != channels[1]:
        return f"the SCF has {channels[0]}, the band structure {channels[1]}"
    return ""


def _channels(bands: Bands) -> str:
    if bands.spinor:
        return "spinors"
    return "two spin channels" if len(bands.n_electrons) == 2 else "one spin channel"


def _why_other_values(scf: Bands, further: Bands) -> str:
    """Where a k-point that stands in both has other eigenvalues; ``""`` when there is none."""
    count = _bands_that_matter(scf, further)
    for here, there in _shared_points(scf, further):
        pair = scf.eigenvalues_ev[:, there, :count] - further.eigenvalues_ev[:, here, :count]
        apart_ev = float(np.nanmax(np.abs(pair), initial=0.0))
        if apart_ev > SAME_EIGENVALUE_EV:
            place = " ".join(f"{x:.4g}" for x in further.kpoints_frac[here])
            return f"the eigenvalues at the k-point ({place}), which stands in both, differ by {apart_ev:.4f} eV"
    return ""


def _shared_points(scf: Bands, further: Bands) -> Iterator[tuple[int, int]]:
    """Numbers of a k-point in `further` and of the same one in `scf`."""
    for here, point in enumerate(further.kpoints_frac):
        for there in np.flatnonzero(same_kpoint(scf.kpoints_frac, point, SAME_K)):
            yield here, int(there)


def _why_other_zero(scf: Bands, scf_run: BandsRun, further: Bands, further_run: BandsRun) -> str:
    """The zero is that of the same atoms, of the same values somewhere, or of the same Fermi level."""
    if (scf_run.structure is not None and further_run.structure is not None) or any(_shared_points(scf, further)):
        return ""
    apart_ev = abs(scf.fermi_ev - further.fermi_ev)
    if apart_ev <= SAME_EIGENVALUE_EV:
        return ""
    differ = f"no k-point stands in both, and the Fermi levels differ by {apart_ev:.4f} eV"
    return f"{differ}: nothing shows that the eigenvalues have one zero"


def _bands_that_matter(scf: Bands, further: Bands) -> int:
    """The filled bands and the lowest empty one; the higher ones of an SCF need not be converged."""
    filled = math.ceil(max(*scf.n_electrons, *further.n_electrons) / scf.electrons_per_band)
    counts = int(scf.eigenvalues_ev.shape[2]), int(further.eigenvalues_ev.shape[2])
    return min(filled + 1, *counts)


def _joined(scf: Bands, further: Bands) -> Bands:
    weights = None if scf.weights is None else np.concatenate([scf.weights, np.zeros(len(further.kpoints_frac))])
    return replace(
        scf,
        eigenvalues_ev=_side_by_side(scf.eigenvalues_ev, further.eigenvalues_ev),
        kpoints_frac=np.concatenate([scf.kpoints_frac, further.kpoints_frac]),
        labels=scf.labels + further.labels,
        on_path=scf.on_path + further.on_path,
        weights=weights,
    )


def _side_by_side(first: FloatArray, second: FloatArray) -> FloatArray:
    """One array (n_spins, all k-points, largest number of bands); a row with fewer bands ends in NaN."""
    widest = max(first.shape[2], second.shape[2])
    padded = [
        np.pad(part, ((0, 0), (0, 0), (0, widest - part.shape[2])), constant_values=np.nan) for part in (first, second)
    ]
    return np.concatenate(padded, axis=1)
