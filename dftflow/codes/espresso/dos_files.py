"""Reads the tables of dos.x and projwfc.x (https://www.quantum-espresso.org/Doc/INPUT_PROJWFC.html)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dftflow.codes.fortran_numbers import numbers_of
from dftflow.errors import ParseError
from dftflow.model.results import FloatArray

__all__ = ["DosTable", "read_dos", "read_pdos", "read_pdos_total"]

FERMI = re.compile(r"EFermi\s*=((?:\s*-?\d+\.\d+)+)\s*eV")
LONGEST_LINE = 4096
PRINTED = 0.01  # of three digits, in each of the terms of a sum


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class DosTable:
    """One table.

    Attributes
    ----------
    energies_ev
        shape (n,)
    values
        shape (n_spins, n_columns, n); per eV.
    integrated
        shape (n,); electrons up to each energy, of dos.x alone.
    fermi_ev
        One, or one a spin; ``()`` in the tables of projwfc.x.
    """

    energies_ev: FloatArray
    values: FloatArray
    integrated: FloatArray | None = None
    fermi_ev: tuple[float, ...] = ()


def read_dos(file: Path, n_spins: int) -> DosTable:
    """The total of dos.x; raises `ParseError` for what is none, is cut short, or of another number of spins."""
    names = ("dos(E)", "Int dos(E)") if n_spins == 1 else ("dosup(E)", "dosdw(E)", "Int dos(E)")
    head, table = _table(file, n_spins, names, n_spins + 2)
    found = FERMI.search(head)
    levels = () if found is None else tuple(numbers_of(found[1]))
    return DosTable(energies_ev=table[0], values=table[1 : 1 + n_spins, None], integrated=table[-1], fermi_ev=levels)


def read_pdos_total(file: Path, n_spins: int) -> DosTable:
    """The total of projwfc.x; raises as `read_dos` does."""
    names = ("dos(E)", "pdos(E)") if n_spins == 1 else ("dosup(E)", "dosdw(E)", "pdosup(E)", "pdosdw(E)")
    _, table = _table(file, n_spins, names, 1 + 2 * n_spins)
    return DosTable(energies_ev=table[0], values=table[1 : 1 + n_spins, None])


def read_pdos(file: Path, n_spins: int, n_orbitals: int) -> DosTable:
    """That of one shell of an atom, a column for each of its `n_orbitals`; raises as `read_dos` does."""
    names = ("ldos(E)", "pdos(E)") if n_spins == 1 else ("ldosup(E)", "ldosdw(E)", "pdosup(E)", "pdosdw(E)")
    _, table = _table(file, n_spins, names, 1 + n_spins * (1 + n_orbitals))
    local = table[1 : 1 + n_spins]
    values = table[1 + n_spins :].reshape(n_orbitals, n_spins, -1).transpose(1, 0, 2)
    apart = np.abs(values.sum(axis=1) - local)
    if (apart > PRINTED * (np.abs(values).sum(axis=1) + np.abs(local))).any():
        raise _refused(file, "the orbitals do not add up to the shell")
    return DosTable(energies_ev=table[0], values=values)


def _table(file: Path, n_spins: int, names: tuple[str, ...], n_columns: int) -> tuple[str, FloatArray]:
    """First line and columns, shape (n_columns, n)."""
    with file.open(encoding="latin-1") as stream:
        head = stream.readline(LONGEST_LINE)
        if not head.lstrip("# ").startswith("E (eV)") or any(name not in head.replace("_1", "") for name in names):
            raise _refused(file, f"its columns are {head.strip()[:80]!r}, not those of {n_spins} spin channels")
        try:
            rows = [numbers_of(line) for line in iter(lambda: stream.readline(LONGEST_LINE), "") if line.strip()]
        except ValueError as error:
            raise _refused(file, str(error)) from error
    if len(rows) < 2 or any(len(row) != n_columns for row in rows):
        raise _refused(file, f"it has not two rows or more of {n_columns} numbers each")
    table = np.array(rows).T
    steps = np.diff(table[0])
    if not (steps > 0).all() or steps.max() > 3 * steps.min() + 2e-3:
        raise _refused(file, "its energies do not ascend in equal steps: a row is missing, or has too few digits")
    return head, table


def _refused(file: Path, reason: str) -> ParseError:
    return ParseError("the density of states is damaged, or of a kind that is not read", reason=reason, where=str(file))
