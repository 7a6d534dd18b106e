"""Reads ``atomic_proj.xml`` of projwfc.x 6.5 and later: the amplitude of each state on each atomic function.

Functions are orthogonalised by Löwdin's way, so that the squares of the amplitudes add up to at most 1. Energies are in
Ry, k-points Cartesian in units of 2π/alat; the functions have numbers and no names, which are in what projwfc.x prints.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dftflow.codes.espresso.xml_tree import XmlElement, read_xml
from dftflow.model.projections import WeightArray
from dftflow.model.results import FloatArray
from dftflow.units import RYDBERG_EV

__all__ = ["AtomicProjections", "read_atomic_projections"]

MOST = 1.02  # of a sum of squares, which rounding lets pass 1


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class AtomicProjections:
    """What the file holds.

    Attributes
    ----------
    kpoints_alat
        shape (n_kpoints, 3); Cartesian, in units of 2π/alat.
    energies_ev
        shape (n_spins, n_kpoints, n_bands).
    weights
        shape (n_spins, n_kpoints, n_bands, n_functions).
    """

    kpoints_alat: FloatArray
    energies_ev: FloatArray
    weights: WeightArray


def read_atomic_projections(file: Path) -> AtomicProjections:
    """All amplitudes, squared.

    Raises
    ------
    ParseError
        The file is none of this kind, is cut short, holds what is no number, or other numbers of them than its head
        says.
    """
    root = read_xml(file, "PROJECTIONS")
    head = root.one("HEADER")
    n_bands, n_kpoints, n_spins, n_functions = (
        head.integer_attribute(f"NUMBER_OF_{name}") for name in ("BANDS", "K-POINTS", "SPIN_COMPONENTS", "ATOMIC_WFC")
    )
    n_spins = 1 if n_spins == 4 else n_spins
    states = root.one("EIGENSTATES")
    points, energies, parts = (list(states.all(name)) for name in ("K-POINT", "E", "PROJS"))
    if n_spins not in (1, 2) or not len(points) == len(energies) == len(parts) == n_spins * n_kpoints > 0:
        raise states.damage(f"there are states at {len(points)} k-points, expected {n_spins} times {n_kpoints}")
    kpoints = np.array([point.numbers(3) for point in points]).reshape(n_spins, n_kpoints, 3)
    if not (kpoints == kpoints[0]).all():
        raise states.damage("the k-points of the spins differ")
    found_ev = np.array([part.numbers(n_bands) for part in energies]) * RYDBERG_EV
    weights = np.array([_squares(part, n_bands, n_functions) for part in parts])
    return AtomicProjections(
        kpoints_alat=kpoints[0],
        energies_ev=found_ev.reshape(n_spins, n_kpoints, n_bands),
        weights=weights.reshape(n_spins, n_kpoints, n_bands, n_functions),
    )


def _squares(part: XmlElement, n_bands: int, n_functions: int) -> WeightArray:
    """Shape (n_bands, n_functions)."""
    functions = list(part.all("ATOMIC_WFC"))
    if [function.integer_attribute("index") for function in functions] != list(range(1, n_functions + 1)):
        raise part.damage(f"there are {len(functions)} atomic functions, expected 1 to {n_functions} in order")
    amplitudes = np.array([function.numbers(2 * n_bands) for function in functions]).reshape(n_functions, n_bands, 2)
    squares = (amplitudes**2).sum(axis=2)
    if (squares.sum(axis=0) > MOST).any():
        raise part.damage("a state lies on the atomic functions by more than the whole")
    return np.asarray(squares.T, dtype=np.float32)
