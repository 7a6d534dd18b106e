"""Reads ``<seed>.pdos_bin``: the weight of each state on atomic orbitals, which CASTEP writes for OptaDOS.

Big-endian Fortran records, as the manual of OptaDOS lists them: version and a line of text (neither in the older
``.pdos_weights``); numbers of k-points, spins, orbitals and bands; species, ion within the species and l of each
orbital; for each k-point its number and coordinates, and for each spin its number, its number of bands, and for each
band the weights. The file names no element and no energy.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dftflow.codes.castep.output.content import whole_content
from dftflow.codes.castep.output.fortran_records import record_places
from dftflow.errors import ParseError
from dftflow.model.projections import SHELLS, WeightArray
from dftflow.model.results import FloatArray

__all__ = ["AtomicOrbital", "PdosFile", "read_pdos_file"]

LARGEST_WEIGHT = 10.0  # Mulliken's may be negative or pass 1, by tenths
LINE_BYTES, INT_BYTES, DOUBLE_BYTES = 80, 4, 8
MOST_SPINS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class AtomicOrbital:
    """Number of its species and of its ion among those of the species, both from 1, and its shell."""

    species: int
    ion: int
    shell: str


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class PdosFile:
    """What the file holds.

    Attributes
    ----------
    kpoints_frac
        shape (n_kpoints, 3); by their number, for blocks of a parallel run come in any order.
    n_bands
        shape (n_kpoints, n_spins); how many bands have weights.
    weights
        shape (n_spins, n_kpoints, most bands, n_orbitals); NaN behind the bands of a channel with fewer.
    orbitals
        length n_orbitals.
    """

    kpoints_frac: FloatArray
    n_bands: NDArray[np.int64]
    weights: WeightArray
    orbitals: tuple[AtomicOrbital, ...]


class _Records:
    """The records in order, each checked for its length."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.data = whole_content(file)
        self._places = record_places(file, self.data)
        self.at = 0

    def next(self, n_bytes: int | None, what: str) -> int:
        """Start of the next record, which has to have `n_bytes`."""
        self.at, length = next(self._places, (len(self.data), -1))
        if length < 0:
            raise self.damaged(f"it ends before {what}")
        if n_bytes is not None and length != n_bytes:
            raise self.damaged(f"{what} takes {length} bytes, expected {n_bytes}")
        return self.at

    def integer(self, what: str) -> int:
        """One integer."""
        return int(self.integers(1, what)[0])

    def integers(self, count: int, what: str) -> NDArray[np.int32]:
        """That many integers."""
        start = self.next(count * INT_BYTES, what)
        return np.frombuffer(self.data, dtype=">i4", count=count, offset=start).astype(np.int32)

    def ended(self) -> bool:
        """Whether nothing follows."""
        return next(self._places, None) is None

    def damaged(self, reason: str) -> ParseError:
        """The refusal, at the record read last."""
        where = f"{self.file}, byte {self.at}"
        return ParseError("the file of weights is damaged, or of another kind", reason=reason, where=where)


def read_pdos_file(file: Path) -> PdosFile:
    """All weights.

    Raises
    ------
    ParseError
        The file is cut short, longer than its head says, or holds what is no weight.
    """
    records = _Records(file)
    n_kpoints = _n_kpoints(records)
    n_spins, n_orbitals, most_bands = (records.integer(f"the number of {n}") for n in ("spins", "orbitals", "bands"))
    least = min(n_kpoints, n_spins, n_orbitals, most_bands)
    if least < 1 or n_spins > MOST_SPINS or n_kpoints * n_orbitals * DOUBLE_BYTES > len(records.data):
        raise records.damaged(f"{n_kpoints} k-points, {n_spins} spins and {n_orbitals} orbitals do not fit into it")
    orbitals = _orbitals(records, n_orbitals)
    kpoints, n_bands, parts = np.full((n_kpoints, 3), np.nan), np.zeros((n_kpoints, n_spins), dtype=np.int64), {}
    for _ in range(n_kpoints):
        k = _kpoint(records, kpoints)
        for spin in range(n_spins):
            parts[k, spin] = _block(records, spin, most_bands, n_orbitals)
            n_bands[k, spin] = len(parts[k, spin])
    if not records.ended():
        raise records.damaged("more follows than its head says")
    weights = np.full((n_spins, n_kpoints, n_bands.max(), n_orbitals), np.nan, dtype=np.float32)
    for (k, spin), part in parts.items():
        weights[spin, k, : len(part)] = part
    return PdosFile(kpoints_frac=kpoints, n_bands=n_bands, weights=weights, orbitals=orbitals)


def _n_kpoints(records: _Records) -> int:
    """Behind version and text, where the file has them."""
    start, first = records.next(None, "its first number"), int.from_bytes(records.data[:INT_BYTES], "big")
    if first == DOUBLE_BYTES:
        records.next(LINE_BYTES, "the line of text")
        return records.integer("the number of k-points")
    if first != INT_BYTES:
        raise records.damaged(f"its first record takes {first} bytes")
    return int(np.frombuffer(records.data, dtype=">i4", count=1, offset=start)[0])


def _orbitals(records: _Records, count: int) -> tuple[AtomicOrbital, ...]:
    species, ions, shells = (records.integers(count, f"the {n} of the orbitals") for n in ("species", "ions", "l"))
    if species.min() < 1 or ions.min() < 1 or shells.min() < 0 or shells.max() >= len(SHELLS):
        raise records.damaged("an orbital has no species, no ion or no l")
    return tuple(
        AtomicOrbital(species=int(s), ion=int(i), shell=SHELLS[shell])
        for s, i, shell in zip(species, ions, shells, strict=True)
    )


def _kpoint(records: _Records, kpoints: FloatArray) -> int:
    """Index of the next k-point, whose coordinates are put in its place."""
    start = records.next(INT_BYTES + 3 * DOUBLE_BYTES, "a k-point")
    k = int.from_bytes(records.data[start : start + INT_BYTES], "big", signed=True) - 1
    if not 0 <= k < len(kpoints) or not np.isnan(kpoints[k]).all():
        raise records.damaged(f"k-point {k + 1} comes twice, or is none of {len(kpoints)}")
    found = np.frombuffer(records.data, dtype=">f8", count=3, offset=start + INT_BYTES)
    if not np.isfinite(found).all():
        raise records.damaged(f"k-point {k + 1} has no coordinates")
    kpoints[k] = found
    return k


def _block(records: _Records, spin: int, most_bands: int, n_orbitals: int) -> WeightArray:
    """Weights of the bands of one k-point and spin, shape (n_bands, n_orbitals)."""
    if records.integer("the number of the spin") != spin + 1:
        raise records.damaged(f"spin {spin + 1} is not where it should be")
    n_bands = records.integer("the number of bands")
    if not 0 < n_bands <= most_bands:
        raise records.damaged(f"there are {n_bands} bands, of {most_bands} at most")
    block = np.array(list(_rows(records, n_bands, n_orbitals)))
    if not (np.abs(block) <= LARGEST_WEIGHT).all():
        raise records.damaged("a weight is none")
    return block.astype(np.float32)


def _rows(records: _Records, n_bands: int, n_orbitals: int) -> Iterator[FloatArray]:
    for band in range(n_bands):
        start = records.next(n_orbitals * DOUBLE_BYTES, f"the weights of band {band + 1}")
        yield np.frombuffer(records.data, dtype=">f8", count=n_orbitals, offset=start).astype(np.float64)
