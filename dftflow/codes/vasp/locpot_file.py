"""Reads ``LOCPOT``, the potential on VASP's fine grid.

Format (`dftflow.codes.vasp.volume_file`; https://vasp.at/wiki/LOCPOT): the potential energy of an electron in eV, on
the zero of the run's eigenvalues and higher in the vacuum than in the crystal
(https://vasp.at/wiki/Computing_the_work_function). Unlike the density of a CHGCAR it is *not* multiplied by the cell's
volume. With ISPIN = 2 there are two sets, spin up and spin down (not sum and difference).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from dftflow.codes.grid_body import gathered, normal_of_averages
from dftflow.codes.vasp.volume_file import Damage, VolumeHead, VolumeSets
from dftflow.errors import ParseError
from dftflow.model.energy import EnergyZero
from dftflow.model.results import FloatArray, PotentialGrid

__all__ = ["read_locpot"]

LARGEST_EV = 1e6


def read_locpot(
    file: Path, *, kind: Literal["electrostatic", "local"], zero: EnergyZero, n_sets: Sequence[int] = ()
) -> PotentialGrid:
    """The potential of a run; that of the two spins is averaged.

    Of a file beyond `dftflow.codes.grid_body.LARGEST_WHOLE_BYTES` the plane averages alone are given, along the slab's
    normal or, without one, along the third lattice vector, and the grid is never held.

    Parameters
    ----------
    kind
        What the run wrote, which the file itself does not say: ``"electrostatic"`` with LVHAR, ``"local"`` with LVTOT.
    zero
        Zero of the run's eigenvalues.
    n_sets
        How many sets there may be; ``()`` when it is not known.

    Raises
    ------
    ParseError
        The file is no ``LOCPOT``, is cut short or damaged, or comes from a non-collinear run.
    """
    try:
        with file.open(encoding="latin-1") as stream, np.errstate(all="ignore"):
            head = VolumeHead.read(stream)
            n_bytes = file.stat().st_size
            sets = VolumeSets(stream, head, n_bytes, largest=LARGEST_EV)
            values = _mean(sets, normal_of_averages(n_bytes, head.atoms, head.cell_ang))
    except OSError as error:
        raise ParseError("the file cannot be read", reason=str(error), where=str(file)) from error
    except (Damage, ValueError, IndexError, OverflowError, MemoryError) as error:
        raise ParseError("LOCPOT is cut short or damaged", reason=str(error), where=str(file)) from error
    count = sets.count
    if count > 2:
        raise ParseError(
            f"a LOCPOT with {count} sets cannot be read",
            reason="the potential of a non-collinear run is written in different ways by different versions of VASP",
            fix="calculate the potential without spin-orbit coupling",
            where=str(file),
        )
    if n_sets and count not in n_sets:
        raise ParseError(
            f"LOCPOT holds {count} sets, a run like this writes {' or '.join(map(str, dict.fromkeys(n_sets)))}",
            reason="it is cut short or of another run",
            where=str(file),
        )
    return PotentialGrid(
        values_ev=values,
        cell_ang=head.cell_ang,
        kind=kind,
        zero=zero,
        n_spins=None if kind == "electrostatic" else count,
        atoms=head.atoms,
    )


def _mean(sets: VolumeSets, normal: int | None) -> FloatArray:
    """Mean of the first two sets, or the only one; all are read."""
    total = gathered(sets.values(), sets.shape, padded=None, normal=normal)
    while sets.goes_on():
        further = gathered(sets.values(), sets.shape, padded=None, normal=normal)
        if sets.count == 2:
            total += further
            total /= 2
    total.setflags(write=False)  # which spares the results a copy
    return total
