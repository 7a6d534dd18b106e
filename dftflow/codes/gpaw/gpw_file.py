"""``.gpw``, the file that GPAW's ``calc.write`` leaves, of versions 1 to 26.

Layout: ``gpaw/new/gpw.py`` of GPAW 26 (versions 4 and later of the file), ``gpaw/old/calculator.py`` and
``gpaw/old/wavefunctions/base.py`` (1 to 3). All energies in it are in eV, lengths in Å; occupations go from 0 to 1
for every band of a spin channel.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dftflow.codes.gpaw.ulm_file import read_ulm
from dftflow.crystals.atoms import from_arrays
from dftflow.errors import ParseError
from dftflow.model.results import FloatArray, readonly
from dftflow.units import EV_PER_ANG3_GPA

if TYPE_CHECKING:
    from pymatgen.core import Structure

__all__ = ["GpwFile", "KohnShamLevels", "read_gpw"]

DAMAGE = (KeyError, ValueError, TypeError, AttributeError, IndexError, ArithmeticError, RuntimeError, MemoryError)
FIRST_NEW_VERSION = 4
LARGEST_OCCUPATION = 1.5  # Methfessel and Paxton's lie a little outside of 0 to 1
MOST_ATOMS = 1_000_000
_RESULTS = ("forces", "stress")
_LEVELS = ("eigenvalues", "occupations", "fermi_levels")
_KPOINTS = ("ibzkpts", "bzkpts", "weights")
_VOIGT = ((0, 5, 4), (5, 1, 3), (4, 3, 2))


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class KohnShamLevels:
    """Eigenvalues as the file holds them.

    Attributes
    ----------
    eigenvalues_ev, occupations
        shape (n_spins, n_kpoints, n_bands); of spinors n_spins = 1. Occupations go from 0 to 1.
    kpoints_frac, weights
        shape (n_kpoints, 3) and (n_kpoints,); the irreducible ones.
    all_kpoints_frac
        shape (n, 3); before the symmetries were used.
    spinor
        Non-collinear.
    """

    eigenvalues_ev: FloatArray
    occupations: FloatArray
    kpoints_frac: FloatArray
    weights: FloatArray
    all_kpoints_frac: FloatArray
    spinor: bool


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class GpwFile:
    """What a ``.gpw`` file tells.

    Attributes
    ----------
    version
        Of GPAW; ``""`` in files that do not tell it.
    file_version
        Of the layout.
    energy_ev, free_energy_ev
        Extrapolated to zero width, and E - TS; both counted from GPAW's reference atoms, as GPAW gives them. None
        in a file of a fixed density.
    fermi_levels_ev
        One, or one a channel; infinite where a channel has no empty band.
    levels, why_no_levels
        The eigenvalues, or why there are none.
    parameters
        The input, without what was left at its default.
    converged
        As the file tells; None in files of layout 4 and later, which do not.
    hartree_ev
        Hartree energy that was counted with.
    has_potential
        Whether the electrostatic potential lies in it.
    """

    version: str
    file_version: int
    structure: Structure
    energy_ev: float | None
    free_energy_ev: float | None
    forces_ev_per_ang: FloatArray | None
    stress_gpa: FloatArray | None
    fermi_levels_ev: tuple[float, ...]
    levels: KohnShamLevels | None
    why_no_levels: str
    parameters: Mapping[str, Any]
    converged: bool | None
    hartree_ev: float | None
    has_potential: bool


def read_gpw(file: Path) -> GpwFile:
    """Content of a ``.gpw`` file; wave functions, densities and projections are left where they are.

    Raises
    ------
    ParseError
        It is no such file, is damaged or cut short, or contradicts itself.
    """
    tree = read_ulm(file, "gpaw", _is_wanted)
    try:
        return _content(tree)
    except DAMAGE as error:
        reason = f"{type(error).__name__}: {error}"[:200]
        raise ParseError("the .gpw file is damaged", reason=reason, where=str(file)) from error


def _is_wanted(name: str) -> bool:
    group, _, inner = name.partition(".")
    if group == "results":
        return inner in _RESULTS
    if group == "wave_functions":
        return inner in _LEVELS or inner.removeprefix("kpts.") in _KPOINTS
    return group in ("atoms", "parameters")


def _content(tree: dict[str, Any]) -> GpwFile:
    version = tree["version"]
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise ValueError(f"the layout has the version {version!r}")
    structure = _structure(tree["atoms"])
    told = tree.get("results", {})
    levels, why_no_levels = _levels(tree, version)
    stress = told.get("stress")
    return GpwFile(
        version=_text(tree.get("gpaw_version", "")),
        file_version=version,
        structure=structure,
        energy_ev=_number(told.get("energy")),
        free_energy_ev=_number(told.get("free_energy")),
        forces_ev_per_ang=_finite(told.get("forces"), (len(structure), 3), "forces"),
        stress_gpa=None if stress is None else _stress(stress),
        fermi_levels_ev=_fermi_levels(tree),
        levels=levels,
        why_no_levels=why_no_levels,
        parameters=_mapping(tree.get("parameters", {})),
        converged=_converged(tree, version),
        hartree_ev=_number(tree.get("ha")),
        has_potential="electrostatic_potential" in _mapping(tree.get("hamiltonian", {})),
    )


def _structure(atoms: dict[str, Any]) -> Structure:
    numbers = np.asarray(atoms["numbers"])
    if numbers.ndim != 1 or not 0 < len(numbers) <= MOST_ATOMS or not np.issubdtype(numbers.dtype, np.integer):
        raise ValueError(f"the atomic numbers are {numbers.dtype} of the shape {numbers.shape}")
    cell = _finite(atoms["cell"], (3, 3), "the cell")
    places = _finite(atoms["positions"], (len(numbers), 3), "the positions")
    if cell is None or places is None or not abs(np.linalg.det(cell)) > 0:
        raise ValueError("the cell has no volume")
    return from_arrays(numbers, cell, places)


def _stress(stress: object) -> FloatArray:
    """Tensor in GPa from ASE's six components (xx, yy, zz, yz, xz, xy) in eV/Å³; positive is tension in both."""
    six = _finite(stress, (6,), "the stress")
    assert six is not None
    return np.asarray(EV_PER_ANG3_GPA * six[np.array(_VOIGT)], dtype=np.float64)


def _converged(tree: dict[str, Any], version: int) -> bool | None:
    told = _mapping(tree.get("scf", {})).get("converged")
    return told if isinstance(told, bool) and version < FIRST_NEW_VERSION else None


def _fermi_levels(tree: dict[str, Any]) -> tuple[float, ...]:
    """One, or one a channel; before layout 3 their mean and the distance between them were stored."""
    waves, old = _mapping(tree.get("wave_functions", {})), _mapping(tree.get("occupations", {}))
    if waves.get("fermi_levels") is not None:
        levels = np.asarray(waves["fermi_levels"], dtype=np.float64)
        if levels.ndim != 1 or len(levels) not in (1, 2) or np.isnan(levels).any():
            raise ValueError(f"the Fermi levels are {levels!r}")
        return tuple(float(level) for level in levels)
    middle, split = _number(old.get("fermilevel")), _number(old.get("split")) or 0.0
    if middle is None:
        return ()
    return (middle + split / 2, middle - split / 2) if split else (middle,)


# --- eigenvalues ------------------------------------------------------------------------------------------------


def _levels(tree: dict[str, Any], version: int) -> tuple[KohnShamLevels | None, str]:
    waves = _mapping(tree.get("wave_functions", {}))
    if waves.get("eigenvalues") is None or waves.get("occupations") is None:
        return None, "the file holds no eigenvalues"
    if "kpts" not in waves:
        return None, f"the file, of layout {version}, does not hold the k-points of its eigenvalues"
    values = np.asarray(waves["eigenvalues"])
    spinor = values.ndim == 2
    if spinor and version < FIRST_NEW_VERSION:
        return None, f"how a file of layout {version} counts the occupations of spinors is not known"
    values, occupations = (np.asarray(waves[name])[None] if spinor else waves[name] for name in _LEVELS[:2])
    kpts = waves["kpts"]
    weights = _finite(kpts["weights"], (None,), "the weights")
    assert weights is not None
    shape = (np.shape(values)[0], len(weights), np.shape(values)[2])
    if shape[0] not in (1, 2) or 0 in shape:
        raise ValueError(f"the eigenvalues have the shape {np.shape(values)}")
    found = KohnShamLevels(
        eigenvalues_ev=_there(values, shape, "the eigenvalues"),
        occupations=_there(occupations, shape, "the occupations"),
        kpoints_frac=_there(kpts["ibzkpts"], (len(weights), 3), "the k-points"),
        weights=weights,
        all_kpoints_frac=_there(kpts["bzkpts"], (None, 3), "the k-points"),
        spinor=spinor,
    )
    if not abs(weights.sum() - 1) < 1e-6 or (weights < 0).any():
        raise ValueError(f"the weights of the k-points sum to {weights.sum()}")
    if not (np.abs(found.occupations) <= LARGEST_OCCUPATION).all():
        raise ValueError("an occupation does not lie between 0 and 1")
    return found, ""


# --- values -----------------------------------------------------------------------------------------------------


def _there(values: object, shape: tuple[int | None, ...], name: str) -> FloatArray:
    found = _finite(values, shape, name)
    if found is None:
        raise ValueError(f"there are no values: {name}")
    return found


def _finite(values: object, shape: tuple[int | None, ...], name: str) -> FloatArray | None:
    if values is None:
        return None
    if np.asarray(values).dtype.kind == "c":
        raise ValueError(f"{name}: complex numbers")
    found = readonly(values, shape, name)
    if not np.isfinite(found).all():
        raise ValueError(f"{name}: what is no number stands there")
    return found


def _number(value: object) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not np.isfinite(value):
        raise ValueError(f"{value!r} is no number"[:80])
    return float(value)


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.isprintable():
        raise ValueError("the version of GPAW is no text")
    return value[:40]


def _mapping(value: object) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise TypeError("a group of the file is none")
    return value
