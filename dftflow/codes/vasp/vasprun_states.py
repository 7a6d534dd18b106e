"""Density of states and weights of the states on orbitals, from ``vasprun.xml`` (https://vasp.at/wiki/LORBIT)."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from dftflow.codes.vasp.orbitals import orbital_names
from dftflow.codes.vasp.xml_sets import SetTable
from dftflow.model.projections import WeightArray
from dftflow.model.results import FloatArray

__all__ = ["OPT", "LargeTables", "ProjectedStates", "VaspDos", "density_of_states", "projected_states"]

OPT = "kpoints_opt"
"""Marks what is of the points of KPOINTS_OPT."""
TABLES = ("total", "partial", "projected", f"projected_{OPT}")
SAME_LEVEL_EV = 1e-3  # of single precision, at some hundred eV


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class ProjectedStates:
    """Weights of the states on the orbitals of each atom.

    Attributes
    ----------
    weights
        shape (n_spins, n_kpoints, n_bands, n_atoms, n_orbitals), in the order of the eigenvalues; of a spinor the sum
        of both components.
    orbitals
        length n_orbitals.
    """

    weights: WeightArray
    orbitals: tuple[str, ...]


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class VaspDos:
    """Density of states.

    Attributes
    ----------
    energies_ev
        shape (n,); ascending.
    total, integrated
        shape (n_spins, n); states per eV, and electrons up to each energy.
    projected
        shape (n_spins, n_atoms, n_orbitals, n); None where the run has none.
    orbitals
        length n_orbitals; ``()`` without `projected`.
    """

    energies_ev: FloatArray
    total: FloatArray
    integrated: FloatArray
    projected: FloatArray | WeightArray | None
    orbitals: tuple[str, ...]


class LargeTables:
    """Takes the tables out of the XML while it is parsed.

    Attributes
    ----------
    whole
        Part of the last geometry -> ``"weights"`` and, where the part repeats them, ``"eigenvalues"``.
    """

    def __init__(self) -> None:
        self.whole: dict[str, dict[str, SetTable]] = {}
        self._part = ""
        self._of_opt = False
        self._name = ""
        self._open: dict[str, SetTable] = {}
        self._table = SetTable()

    def take(self, event: str, element: ET.Element) -> bool:
        """Whether what begins or ends is of one of the tables, which has taken it then."""
        if not self._part:
            if event == "start":
                self._note(element)
            return bool(self._part)
        if event == "start":
            self._begin(element)
        elif element.tag == self._part:
            self._close()
            element.clear()
        else:
            self._table.end(element)
        return True

    def _note(self, element: ET.Element) -> None:
        if element.tag == "calculation":
            self.whole = {}
        elif element.tag == "dos":
            self._of_opt = element.get("comment") == OPT
        elif element.tag in TABLES:
            self._part, self._name, self._open = element.tag, "weights", {}

    def _begin(self, element: ET.Element) -> None:
        """Eigenvalues, where they are repeated, stand before the weights, each in an array of its own."""
        if element.tag == "eigenvalues":
            self._name = "eigenvalues"
        elif element.tag == "array":
            self._table = self._open[self._name] = SetTable(double=self._part == "total")
            self._name = "weights"
        else:
            self._table.begin(element)

    def _close(self) -> None:
        if not self._of_opt or self._part not in ("total", "partial"):
            self.whole[self._part] = self._open
        self._part = ""


# Four sets of spinors are the weight, and that of the three components of the spin.
def _may_be(n_sets: int, n_spins: int) -> bool:
    return n_sets in ((1, 4) if n_spins == 1 else (n_spins,))


def projected_states(tables: Mapping[str, SetTable], levels_ev: FloatArray, n_atoms: int) -> ProjectedStates:
    """What the tables of one part hold.

    Parameters
    ----------
    levels_ev
        shape (n_spins, n_kpoints, n_bands); eigenvalues as they are printed, which need not ascend.

    Raises
    ------
    ValueError
        The part is empty, holds what is no number, or is of other states, atoms or eigenvalues.
    """
    if "weights" not in tables:
        raise ValueError("it is empty")
    n_spins, n_kpoints, n_bands = levels_ev.shape
    found, orbitals = tables["weights"].values(), orbital_names(tables["weights"].fields)
    expected = (n_kpoints, n_bands, n_atoms, len(orbitals))
    if found.shape[1:] != expected or not _may_be(len(found), n_spins):
        raise ValueError(f"the table has the shape {found.shape}, expected {(n_spins, *expected)}")
    if "eigenvalues" in tables:
        again = tables["eigenvalues"].values()[:n_spins, ..., 0]
        if again.shape != levels_ev.shape or not (np.abs(again - levels_ev) < SAME_LEVEL_EV).all():
            raise ValueError("the eigenvalues beside it are not those of the run")
    order, found = np.argsort(levels_ev, axis=2, kind="stable"), found[:n_spins]
    if not (order == np.arange(n_bands)).all():
        found = np.take_along_axis(found, order[..., None, None], axis=2)
    return ProjectedStates(weights=found, orbitals=orbitals)


def density_of_states(tables: Mapping[str, Mapping[str, SetTable]], n_spins: int, n_atoms: int) -> VaspDos | None:
    """Of the k-points of the run; None where the file has none.

    Raises
    ------
    ValueError
        A table is empty, holds what is no number, or is of other spins, atoms or energies.
    """
    if "total" not in tables:
        return None
    if "weights" not in tables["total"]:
        raise ValueError("it is empty")
    table = tables["total"]["weights"].values()
    if table.ndim != 3 or table.shape[2] != 3 or not _may_be(len(table), n_spins):
        raise ValueError(f"the table has the shape {table.shape}, of {n_spins} spin channels")
    table = table[:n_spins]
    energies = table[0, :, 0]
    if not (table[..., 0] == energies).all() or not (np.diff(energies) > 0).all():
        raise ValueError("the energies do not ascend, or are not those of the other spin")
    projected, orbitals = _partial(tables.get("partial", {}), n_spins, n_atoms, energies)
    return VaspDos(
        energies_ev=energies, total=table[..., 1], integrated=table[..., 2], projected=projected, orbitals=orbitals
    )


def _partial(
    tables: Mapping[str, SetTable], n_spins: int, n_atoms: int, energies_ev: FloatArray
) -> tuple[WeightArray | None, tuple[str, ...]]:
    """The density on each orbital of each atom, shape (n_spins, n_atoms, n_orbitals, n)."""
    if "weights" not in tables:
        return None, ()
    found, orbitals = tables["weights"].values(), orbital_names(tables["weights"].fields[1:])
    n_sets = found.shape[1] if found.ndim == 4 else 0
    expected = (n_atoms, n_sets, len(energies_ev), 1 + len(orbitals))
    if found.shape != expected or not _may_be(n_sets, n_spins):
        raise ValueError(f"that of the atoms has the shape {found.shape}, expected {expected}")
    if not (np.abs(found[..., 0] - energies_ev) < SAME_LEVEL_EV).all():
        raise ValueError("the energies of an atom are not those of the total")
    return found[:, :n_spins, :, 1:].transpose(1, 0, 3, 2), orbitals
