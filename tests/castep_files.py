"""Writes the files that a CASTEP run leaves, in its layout, from arrays: what a run elsewhere would have brought."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dftflow.model.results import Bands, PotentialGrid
from dftflow.units import BOHR_ANG, HARTREE_EV

FINISHED = """\
 | Welcome to Academic Release CASTEP version 21.11|
 Run started: Tue, 24 Nov 2026 10:00:00 +0000

 ***************************** General Parameters ******************************
 type of calculation                            : {task}
 *******************************************************************************

Total time          =    131.31 s
Peak Memory Use     = 102400 kB
"""


def write_finished(
    folder: Path, seed: str, *, bands: Bands, potential: PotentialGrid, task: str = "single point energy"
) -> None:
    """``<seed>.castep``, ``.bands`` and ``.pot_fmt`` of a finished run of `task`, as CASTEP calls it."""
    (folder / f"{seed}.castep").write_text(FINISHED.format(task=task))
    (folder / f"{seed}.bands").write_text(bands_text(bands))
    (folder / f"{seed}.pot_fmt").write_text(potential_text(potential.values_ev / HARTREE_EV, potential.cell_ang))


def bands_text(bands: Bands) -> str:
    """A ``.bands`` file; the k-points in reverse order, as a parallel run may leave them."""
    n_spins, n_kpoints, n_bands = bands.eigenvalues_ev.shape
    cell_bohr = 2 * np.pi * np.linalg.inv(bands.reciprocal_per_ang).T / BOHR_ANG
    lines = [
        f"Number of k-points {n_kpoints:4d}",
        f"Number of spin components {n_spins}",
        f"Number of electrons {bands.n_electrons[0]:6.4g}",
        f"Number of eigenvalues {n_bands:6d}",
        f"Fermi energy (in atomic units) {bands.fermi_ev / HARTREE_EV:12.6f}",
        "Unit cell vectors",
        *("".join(f"{component:12.6f}" for component in vector) for vector in cell_bohr),
    ]
    for index in reversed(range(n_kpoints)):
        numbers = (*bands.kpoints_frac[index], 1 / n_kpoints)
        lines.append(f"K-point {index + 1:5d}" + "".join(f"{number:12.8f}" for number in numbers))
        for spin in range(n_spins):
            lines.append(f"Spin component {spin + 1}")
            lines += [f"{value / HARTREE_EV:14.8f}" for value in bands.eigenvalues_ev[spin, index]]
    return "\n".join(lines) + "\n"


def potential_text(values_hartree: NDArray[np.float64], cell_ang: NDArray[np.float64]) -> str:
    """A ``.pot_fmt`` file, c fastest."""
    lengths = np.linalg.norm(cell_ang, axis=1)
    vectors = [
        "".join(f"{component:14.7f}" for component in vector) + f"     {name} ={length:12.6f}"
        for name, vector, length in zip("abc", cell_ang, lengths, strict=True)
    ]
    head = [
        " BEGIN header",
        "  ",
        "           Real Lattice(A)               Lattice parameters(A)    Cell Angles",
        *vectors,
        "  ",
        "   1   F                        ! nspins, non-collinear spin",
        "".join(f"{count:6d}" for count in values_hartree.shape) + "                ! fine FFT grid along <a,b,c>",
        ' END header: data is "<a b c> pot" in units of Hartrees',
        "  ",
    ]
    rows = [
        "".join(f"{index + 1:6d}" for index in place) + f"{value:20.6f}"
        for place, value in np.ndenumerate(values_hartree)
    ]
    return "\n".join(head + rows) + "\n"


def fortran_record(content: bytes) -> bytes:
    """A record of a binary file: big-endian, between two lengths."""
    length = struct.pack(">i", len(content))
    return length + content + length


def fortran_integers(*numbers: int) -> bytes:
    """A record of integers."""
    return fortran_record(struct.pack(f">{len(numbers)}i", *numbers))
