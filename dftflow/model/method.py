"""How a calculation was made, as its own files say: what has to agree before two results may be subtracted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from dftflow.model.kpoint_grid import Shift

__all__ = ["SAME_CUTOFF_EV", "SAME_U_EV", "Method", "hubbard_text"]

SAME_CUTOFF_EV = 0.01
"""Cutoffs are printed with one or two decimals, and go through Rydberg or Hartree."""

SAME_U_EV = 1e-3


def hubbard_text(hubbard_u_ev: Mapping[str, float] | None) -> str:
    """Each U in words; ``""`` where there is none, or it is not told."""
    return ", ".join(f"{shell} {value:g} eV" for shell, value in sorted((hubbard_u_ev or {}).items()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """Everything that decides what an energy of a calculation means; None where its files do not tell.

    Attributes
    ----------
    functional
        Exchange-correlation functional under its common name: ``"PBE"``, ``"LDA"``, ``"HSE06"``.
    dispersion
        Dispersion correction by the name in `dftflow.model.dispersion` (``"D3(BJ)"``), by the code's own where it has
        none there; ``"none"`` without one.
    cutoff_ev
        Plane-wave cutoff of the wave functions.
    potentials
        Element -> what identifies its potential: a file's name, a library's string, its hash. An element that is
        left out is not told.
    kpoints_grid
        Points of the SCF's regular grid along each reciprocal lattice vector.
    kpoints_shift
        Where that grid stands, in its own steps from one that holds Γ: 0 or 1/2 in most codes (see
        `dftflow.model.kpoint_grid`).
    kpoint_spacing_per_ang
        Largest step of that grid along the three reciprocal lattice vectors, 2π included.
    smearing, smearing_ev
        Occupation scheme (``"fixed"``, ``"gaussian"`` …) and its width; no width with ``"fixed"``.
    spin_polarised, spin_orbit
        Two spin channels, or spinors; spin-orbit coupling.
    spinor
        Non-collinear: a band holds one electron.
    dipole_correction
        ``"none"``, or its axis and kind (``"z, self-consistent"``).
    hubbard_u_ev
        ``"Ti:d"`` -> U; empty without one.
    n_electrons
        Valence electrons per cell.
    constants
        The set of physical constants: ``"CODATA 2014"``.
    """

    code: str
    code_version: str
    functional: str | None = None
    dispersion: str | None = None
    cutoff_ev: float | None = None
    potentials: Mapping[str, str] | None = None
    kpoints_grid: tuple[int, int, int] | None = None
    kpoints_shift: Shift | None = None
    kpoint_spacing_per_ang: float | None = None
    smearing: str | None = None
    smearing_ev: float | None = None
    spin_polarised: bool | None = None
    spin_orbit: bool | None = None
    spinor: bool | None = None
    dipole_correction: str | None = None
    hubbard_u_ev: Mapping[str, float] | None = field(default_factory=dict)
    n_electrons: float | None = None
    constants: str | None = None
