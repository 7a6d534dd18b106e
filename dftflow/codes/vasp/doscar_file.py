"""Reads ``DOSCAR``: the density of states, and that of each atom's orbitals (https://vasp.at/wiki/DOSCAR)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np

from dftflow.codes.fortran_numbers import numbers_of
from dftflow.codes.vasp.vasprun_states import VaspDos
from dftflow.errors import ParseError
from dftflow.model.results import FloatArray

__all__ = ["read_doscar"]

LONGEST_LINE = 4096
SMALLEST_ROW_BYTES = 12
PRINTED_EV = 2e-3  # of energies with three decimals, over the rounding of the step
P, D = ("py", "pz", "px"), ("dxy", "dyz", "dz2", "dxz", "dx2-y2")
F = ("fy3x2", "fxyz", "fyz2", "fz3", "fxz2", "fzx2", "fx3")
ORBITALS = {len(names): names for names in (("s", "p", "d"), ("s", "p", "d", "f"), ("s", *P, *D), ("s", *P, *D, *F))}
"""Number of columns of one spin -> what they are: the file does not name them."""


def read_doscar(file: Path, *, spinor: bool, n_spins: int) -> tuple[VaspDos, float]:
    """The density of states, and the Fermi level in its head.

    Parameters
    ----------
    spinor
        Whether the run is non-collinear: the weight of each orbital is followed by three components of the spin.
    n_spins
        Spin channels of the run.

    Raises
    ------
    ParseError
        The file is no DOSCAR, is cut short, of another number of spins, or holds what is no number.
    """
    with file.open(encoding="latin-1") as stream:
        lines = iter(lambda: stream.readline(LONGEST_LINE), "")
        try:
            return _dos(lines, file.stat().st_size, 4 if spinor else n_spins, n_spins)
        except (ValueError, OverflowError) as damage:
            raise ParseError("DOSCAR is damaged or cut short", reason=str(damage), where=str(file)) from damage


def _dos(lines: Iterator[str], n_bytes: int, n_components: int, n_spins: int) -> tuple[VaspDos, float]:
    first = numbers_of(next(lines, ""))
    for _ in range(4):
        next(lines, "")
    head = _head(lines)
    if len(first) != 4 or first[2] not in (0, 1) or head is None:  # whether there are those of atoms
        raise ValueError("it does not begin as a DOSCAR")
    highest, lowest, n_energies, fermi = head
    if not 1 < n_energies < n_bytes / SMALLEST_ROW_BYTES or not lowest < highest:
        raise ValueError(f"{n_energies} energies from {lowest} to {highest} eV do not fit into its {n_bytes} bytes")
    energies = np.linspace(lowest, highest, n_energies)
    table = _table(lines, energies, "the total")
    if table.shape[1] != 2 * n_spins:
        raise ValueError(f"the total has {table.shape[1]} columns beside the energy, expected {2 * n_spins}")
    parts: list[FloatArray] = []
    while (again := _head(lines)) is not None:
        if again != head:
            raise ValueError(f"the head of atom {len(parts) + 1} is not that of the total")
        parts.append(_table(lines, energies, f"atom {len(parts) + 1}"))
    if len(parts) != first[1] * first[2] or len({part.shape for part in parts}) > 1:
        raise ValueError(f"there are {len(parts)} densities of atoms, expected those of {first[1] * first[2]:g} alike")
    orbitals = ORBITALS.get(parts[0].shape[1] // n_components, ()) if parts else ()
    if parts and len(orbitals) * n_components != parts[0].shape[1]:
        raise ValueError(f"an atom has {parts[0].shape[1]} columns, which are not those of whole shells")
    found = VaspDos(
        energies_ev=energies,
        total=table[:, :n_spins].T,
        integrated=table[:, n_spins:].T,
        projected=_by_spin(np.array(parts), n_components, n_spins) if parts else None,
        orbitals=orbitals,
    )
    return found, fermi


def _by_spin(parts: FloatArray, n_components: int, n_spins: int) -> FloatArray:
    """From (n_atoms, n, n_orbitals x n_components) to (n_spins, n_atoms, n_orbitals, n)."""
    split = parts.reshape(*parts.shape[:2], -1, n_components)
    return split.transpose(3, 0, 2, 1)[:n_spins]


def _head(lines: Iterator[str]) -> tuple[float, float, int, float] | None:
    """Highest and lowest energy, their number, and the Fermi level; None at the end of the file."""
    line = next((line for line in lines if line.strip()), "")
    if not line:
        return None
    numbers = numbers_of(line)
    if len(numbers) != 5 or numbers[2] != int(numbers[2]):
        raise ValueError(f"{line.strip()[:60]!r} is no head of a density of states")
    return numbers[0], numbers[1], int(numbers[2]), numbers[3]


def _table(lines: Iterator[str], energies: FloatArray, of: str) -> FloatArray:
    """What stands beside each energy, shape (n, columns); their distances are uniform, so that three decimals do."""
    rows = [numbers_of(line) for line in islice(lines, len(energies))]
    if len(rows) != len(energies) or len({len(row) for row in rows}) != 1 or len(rows[0]) < 2:
        raise ValueError(f"the density of {of} has not {len(energies)} equal rows")
    table = np.array(rows)
    if np.abs(table[:, 0] - energies).max() > PRINTED_EV:
        raise ValueError(f"the energies of {of} are not those of its head")
    return table[:, 1:]
