"""A crystal as units on places: atoms, and molecules that keep their size when the cell is scaled."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
from ase.data import atomic_masses, atomic_numbers

from dftflow.crystals.ions import bonded_groups, name_of_group
from dftflow.errors import SurfaceError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pymatgen.core import Structure

__all__ = ["SITE_LABEL", "Unit", "crystal_of", "repeated", "units_of", "units_once"]

SITE_LABEL = "mixed_site"
"""Site property with the name that a file gives a place of several occupants, empty for a place of one."""


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class Unit:
    """An atom, or a molecule.

    Attributes
    ----------
    name
        ``"Cs"``, ``"FA"``, ``"C2H8N"``.
    symbols
        Elements, one an atom.
    frac
        shape (3,); the place of the atom, of a molecule its centre of mass.
    offsets_ang
        shape (n_atoms, 3); Cartesian, from there.
    label
        What a file calls its place, where it calls it anything; ``""`` otherwise.
    marked
        Whether its atoms are known to be one molecule, by more than their distances.
    charge
        In e, of a molecule that is marked and whose charge was given.
    properties
        Site properties of each atom, but the number of its molecule.
    """

    name: str
    symbols: tuple[str, ...]
    frac: NDArray[np.float64]
    offsets_ang: NDArray[np.float64]
    label: str = ""
    marked: bool = False
    charge: int | None = None
    properties: tuple[Mapping[str, Any], ...] = field(default=())

    def at(self, frac: NDArray[np.float64]) -> Unit:
        """The same elsewhere."""
        return replace(self, frac=frac)


def units_of(structure: Structure) -> tuple[Unit, ...]:
    """Units of a crystal in the order of their first atoms; in a network of bonds each atom is one."""
    return tuple(_unit(structure, indices, positions) for indices, positions in _groups(structure))


def units_once(structure: Structure, alike: Sequence[int]) -> tuple[Unit, ...]:
    """The first of those units whose atoms have the same numbers in `alike`, one number an atom."""
    kept: dict[frozenset[int], Unit] = {}
    for indices, positions in _groups(structure):
        kept.setdefault(frozenset(int(alike[k]) for k in indices), _unit(structure, indices, positions))
    return tuple(kept.values())


def _groups(structure: Structure) -> tuple[tuple[tuple[int, ...], NDArray[np.float64]], ...]:
    try:
        return bonded_groups(structure)
    except SurfaceError:
        return tuple(((k,), structure.cart_coords[[k]]) for k in range(len(structure)))


def _unit(structure: Structure, indices: Sequence[int], positions_ang: NDArray[np.float64]) -> Unit:
    symbols = tuple(structure[k].specie.symbol for k in indices)
    told = [dict(structure[k].properties) for k in indices]
    marks = [mark if (mark := properties.pop("molecule", -1)) is not None else -1 for properties in told]
    labels = [str(properties.pop(SITE_LABEL, None) or "") for properties in told]
    charges = (structure.properties or {}).get("molecule_charges", ())
    single = len(indices) == 1
    masses = np.array([atomic_masses[atomic_numbers[symbol]] for symbol in symbols])
    centre = positions_ang[0] if single else masses @ positions_ang / masses.sum()
    frac = structure.frac_coords[indices[0]] if single else structure.lattice.get_fractional_coords(centre)
    return Unit(
        name=name_of_group(symbols),
        symbols=symbols,
        frac=np.array(frac, dtype=np.float64),
        offsets_ang=positions_ang - centre,
        label=labels[0],
        marked=marks[0] >= 0,
        charge=charges[marks[0]] if 0 <= marks[0] < len(charges) else None,
        properties=tuple(told),
    )


def repeated(units: Iterable[Unit], repeats: tuple[int, int, int]) -> tuple[Unit, ...]:
    """Units of the cell that is `repeats` times as long along each lattice vector."""
    steps = [np.array(step) for step in product(*(range(n) for n in repeats))]
    return tuple(unit.at((unit.frac + step) / np.array(repeats)) for unit in units for step in steps)


def crystal_of(cell_ang: NDArray[np.float64], units: Sequence[Unit]) -> Structure:
    """The crystal, its atoms in the order of its units.

    Returns
    -------
    Structure
        Site property ``molecule``: -1 for an atom that is not marked, else the number of its molecule, which is
        written whole. ``properties["molecule_charges"]`` has the charge of each, where all are known.
    """
    from pymatgen.core import Structure

    inverse = np.linalg.inv(cell_ang)
    marked = [k for k, unit in enumerate(units) if unit.marked]
    number = {k: n for n, k in enumerate(marked)}
    atoms = [(k, unit, j) for k, unit in enumerate(units) for j in range(len(unit.symbols))]
    names = {name for unit in units for told in unit.properties for name in told}
    properties: dict[str, list[Any]] = {
        name: [unit.properties[j].get(name) if unit.properties else None for _, unit, j in atoms]
        for name in sorted(names)
    }
    properties["molecule"] = [number.get(k, -1) for k, _, _ in atoms]
    structure = Structure(
        cell_ang,
        [unit.symbols[j] for _, unit, j in atoms],
        [unit.frac + unit.offsets_ang[j] @ inverse for _, unit, j in atoms],
        site_properties=properties,
    )
    charges = tuple(units[k].charge for k in marked)
    if all(charge is not None for charge in charges):
        structure.properties["molecule_charges"] = charges
    return structure
