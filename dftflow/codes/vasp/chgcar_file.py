"""Reads ``CHGCAR``, the density of the valence electrons on VASP's fine grid.

Format (`dftflow.codes.vasp.volume_file`; https://vasp.at/wiki/CHGCAR): the density times the volume of the cell, so
that its mean is the number of electrons. The first set is the whole density; with ISPIN = 2 the magnetisation follows,
of a non-collinear run its three components.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from dftflow.codes.vasp.volume_file import Damage, VolumeHead, VolumeSets
from dftflow.errors import ParseError
from dftflow.model.results import Density, FloatArray

__all__ = ["read_chgcar"]

LARGEST = 1e9
"""Electrons: no density times a volume is more."""
COUNTED_TO = 0.01
"""Electrons: the charges within the spheres of the PAW method are put on a grid."""
COLLINEAR, SPINOR = (1, 2), 4


def read_chgcar(file: Path) -> Density:
    """What the density says of its run; its values are looked at one after another, and none is kept.

    Raises
    ------
    ParseError
        The file is no ``CHGCAR``, or is cut short or damaged.
    """
    try:
        with file.open(encoding="latin-1") as stream, np.errstate(all="ignore"):
            head = VolumeHead.read(stream)
            sets = VolumeSets(stream, head, file.stat().st_size, largest=LARGEST)
            n_electrons = _sum(sets.values()) / int(np.prod(sets.shape))
            while sets.goes_on():
                _sum(sets.values())
    except OSError as error:
        raise ParseError("the file cannot be read", reason=str(error), where=str(file)) from error
    except (Damage, ValueError, IndexError, OverflowError, MemoryError) as error:
        raise ParseError("CHGCAR is cut short or damaged", reason=str(error), where=str(file)) from error
    if sets.count not in (*COLLINEAR, SPINOR):
        raise ParseError(
            f"CHGCAR holds {sets.count} sets",
            reason="a run writes one, with spin two, and with non-collinear spin four",
            where=str(file),
        )
    return Density(
        cell_ang=head.cell_ang,
        n_electrons=n_electrons,
        counted_to=COUNTED_TO,
        n_spins=1 if sets.count == SPINOR else sets.count,
        spinor=sets.count == SPINOR,
    )


def _sum(chunks: Iterable[FloatArray]) -> float:
    return float(sum(chunk.sum() for chunk in chunks))
