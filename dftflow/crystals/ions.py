"""The ions of a crystal: single atoms, and molecules that count as one.

Cleaving moves and counts ions, not atoms, so that no molecule is cut and every layer has a formal charge.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import gcd
from typing import TYPE_CHECKING, Any

import numpy as np
from ase.data import atomic_masses, atomic_numbers, covalent_radii

from dftflow.errors import SurfaceError
from dftflow.model.results import FloatArray, readonly

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pymatgen.core import Structure

__all__ = [
    "OXIDATION_STATE",
    "IonicUnit",
    "bonded_groups",
    "chemical_formula",
    "formal_charge",
    "formula_of",
    "ionic_units",
    "name_of_group",
    "states_of_units",
    "with_oxidation_states",
    "with_states_of",
]

OXIDATION_STATE = "oxidation_state"
"""Site property with the oxidation state that a file gives an atom, None where it gives none. It is no pymatgen
`Species`, which would make of Sn4+ and of the Sn that a code returns two elements."""

BOND_FACTOR = 1.25
"""Longest bond in units of the sum of the covalent radii: 1.84 Å for C-N, 1.34 Å for C-H."""

_MOLECULAR = frozenset({"H", "C", "N", "O", "P", "S"})

_ION_CHARGES = (
    dict.fromkeys(("Li", "Na", "K", "Rb", "Cs", "Ag"), 1)
    | dict.fromkeys(("Be", "Mg", "Ca", "Sr", "Ba", "Zn", "Cd", "Ge", "Sn", "Pb"), 2)
    | dict.fromkeys(("F", "Cl", "Br", "I"), -1)
    | dict.fromkeys(("O", "S", "Se", "Te"), -2)
)

# Atoms of a molecule -> its usual abbreviation and its charge.
_MOLECULAR_IONS = {
    frozenset({"C": 1, "N": 2, "H": 5}.items()): ("FA", 1),
    frozenset({"C": 1, "N": 1, "H": 6}.items()): ("MA", 1),
    frozenset({"N": 1, "H": 4}.items()): ("NH4", 1),
}


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class IonicUnit:
    """A single ion, or a molecule that counts as one.

    Attributes
    ----------
    name
        ``"Cs"``; ``"FA"``, ``"MA"``; any other molecule by its formula in parentheses.
    charge
        Formal charge, in e.
    indices
        Its sites in the structure.
    symbols
        Elements of these sites.
    positions_ang
        shape (n_atoms, 3); Cartesian, a molecule in one piece.
    centre_ang
        shape (3,); centre of mass.
    """

    name: str
    charge: int
    indices: tuple[int, ...]
    symbols: tuple[str, ...]
    positions_ang: FloatArray
    centre_ang: FloatArray

    def __post_init__(self) -> None:
        shape = (len(self.indices), 3)
        object.__setattr__(self, "positions_ang", readonly(self.positions_ang, shape, "positions_ang"))
        object.__setattr__(self, "centre_ang", readonly(self.centre_ang, (3,), "centre_ang"))

    def moved(self, shift_ang: NDArray[np.float64], rotation: NDArray[np.float64] | None = None) -> IonicUnit:
        """The unit turned by `rotation` about the origin, then shifted, as a rigid body."""
        positions_ang, centre_ang = self.positions_ang, self.centre_ang
        if rotation is not None:
            positions_ang, centre_ang = positions_ang @ rotation.T, centre_ang @ rotation.T
        return IonicUnit(
            name=self.name,
            charge=self.charge,
            indices=self.indices,
            symbols=self.symbols,
            positions_ang=positions_ang + shift_ang,
            centre_ang=centre_ang + shift_ang,
        )


def formal_charge(units: Iterable[IonicUnit]) -> int:
    """Sum of the formal charges, in e."""
    return sum(unit.charge for unit in units)


def chemical_formula(units: Iterable[IonicUnit], *, reduced: bool = False, formula_units: int = 0) -> str:
    """Formula with the ions in the order A, B, X: ``"Cs2Br6"``, or ``"CsBr3"`` when `reduced`.

    With the number of `formula_units` that a cell of a mixture holds it is ``"FA0.85Cs0.15PbBr3"``, ions of one charge
    in the order of their amounts.
    """
    units = tuple(units)
    counts = Counter(unit.name for unit in units)
    charges = {unit.name: unit.charge for unit in units}
    if formula_units:
        by_amount = sorted(counts, key=lambda name: (charges[name] < 0, abs(charges[name]), -counts[name], name))
        shares = [(name, f"{counts[name] / formula_units:.4g}") for name in by_amount]
        return "".join(name if share == "1" else f"{name}{share}" for name, share in shares)
    names = sorted(counts, key=lambda name: (charges[name] < 0, abs(charges[name]), name))
    divisor = gcd(*counts.values()) if reduced and counts else 1
    numbers = [(name, counts[name] // divisor) for name in names]
    return "".join(name if number == 1 else f"{name}{number}" for name, number in numbers)


def formula_of(structure: Structure) -> str:
    """Reduced formula with molecules by their names (``"FAPbBr3"``); by elements where an ion is not known.

    Of a mixture, whose ``properties["formula_units"]`` is set, by formula unit (``"FA0.85Cs0.15PbBr3"``).
    """
    formula_units = int((structure.properties or {}).get("formula_units", 0))
    try:
        return chemical_formula(ionic_units(structure), reduced=True, formula_units=formula_units)
    except SurfaceError:
        return str(structure.composition.reduced_formula)


def with_oxidation_states(structure: Structure, states: Sequence[float | None]) -> Structure:
    """A copy whose sites have these oxidation states, one each."""
    copy = structure.copy()
    copy.add_site_property(OXIDATION_STATE, list(states))
    return copy


def with_states_of(structure: Structure, like: Structure) -> Structure:
    """`structure`, as a code returns it, with the oxidation states of the crystal or slab that it was calculated from.

    By element where one has the same state everywhere; otherwise atom by atom of each element, whose order every deck
    keeps.
    """
    known = like.site_properties.get(OXIDATION_STATE)
    if not known or OXIDATION_STATE in structure.site_properties:
        return structure
    of_element: dict[str, list[float | None]] = {}
    for site, state in zip(like, known, strict=True):
        of_element.setdefault(site.specie.symbol, []).append(state)
    symbols = [site.specie.symbol for site in structure]
    same = Counter(symbols) == {symbol: len(states) for symbol, states in of_element.items()}
    used: Counter[str] = Counter()
    states: list[float | None] = []
    for symbol in symbols:
        given = of_element.get(symbol, [None])
        one = len(set(given)) == 1
        states.append(given[0] if one else given[used[symbol]] if same else None)
        used[symbol] += 1
    return with_oxidation_states(structure, states)


def states_of_units(units: Sequence[IonicUnit]) -> list[int | None]:
    """Oxidation states to keep with the atoms of `units`, None where the element alone tells the charge."""
    states: list[int | None] = []
    for unit in units:
        told = len(unit.symbols) == 1 and _ION_CHARGES.get(unit.name) != unit.charge
        states += [unit.charge if told else None] * len(unit.symbols)
    return states


def ionic_units(structure: Structure, *, molecule_charges: Mapping[str, int] | None = None) -> tuple[IonicUnit, ...]:
    """Ions of an ordered crystal, in the order of their first sites.

    Molecules are the groups of H, C, N, O, P, S (and of sites with the property ``molecule`` >= 0) that bonds hold
    together; an atom without such a bond is an ion by itself.

    Parameters
    ----------
    structure
        An ordered crystal. A molecule's charge is the sum of its oxidation states, if the sites have them, else that
        in ``properties["molecule_charges"]``, else that of a known ion (FA, MA, NH4). An ion's charge is its
        oxidation state (of its `Species`, or the site property `OXIDATION_STATE`), or else its element's only usual
        one.
    molecule_charges
        Formula in Hill order (``"C2H8N"``: C, H, then the alphabet) -> charge; comes before all others.

    Raises
    ------
    SurfaceError
        For a disordered crystal, an ion of unknown charge, a network of bonds without end, and a site property
        ``molecule`` that contradicts the bonds.
    """
    if not structure.is_ordered:
        raise SurfaceError(
            f"{structure.composition.reduced_formula} is disordered",
            reason="a site that holds several elements has no definite ion",
            fix="order it first, e.g. by a supercell",
        )
    marks = _molecule_marks(structure)
    units = []
    for indices, positions in _bonded_groups(structure, marks):
        _check_marks(structure, indices, marks)
        name, charge = _identity(structure, indices, molecule_charges or {})
        masses = np.array([atomic_masses[atomic_numbers[structure[i].specie.symbol]] for i in indices])
        units.append(
            IonicUnit(
                name=name,
                charge=charge,
                indices=indices,
                symbols=tuple(structure[i].specie.symbol for i in indices),
                positions_ang=positions,
                centre_ang=masses @ positions / masses.sum(),
            )
        )
    _check_same_molecules(units, marks)
    return tuple(units)


def bonded_groups(structure: Structure) -> tuple[tuple[tuple[int, ...], NDArray[np.float64]], ...]:
    """Sites of each ion as `ionic_units` counts them, with Cartesian positions in one piece, shape (n, 3) each.

    Raises
    ------
    SurfaceError
        For a network of bonds without end.
    """
    return tuple(_bonded_groups(structure, _molecule_marks(structure)))


def name_of_group(symbols: Iterable[str]) -> str:
    """``"Cs"``; ``"FA"``, ``"MA"``; any other molecule by its formula in Hill order, ``"C2H8N"``."""
    counts = Counter(symbols)
    return _MOLECULAR_IONS.get(frozenset(counts.items()), (_hill(counts), None))[0]


def _molecule_marks(structure: Structure) -> tuple[int, ...]:
    marks = structure.site_properties.get("molecule") or [-1] * len(structure)
    return tuple(-1 if mark is None else int(mark) for mark in marks)


def _bonds(structure: Structure, marks: Sequence[int]) -> dict[int, list[tuple[int, NDArray[np.int64]]]]:
    """Site -> its bonded partners, each with the image of the cell it lies in."""
    radii = np.array([covalent_radii[site.specie.Z] for site in structure])
    member = np.array([m >= 0 or site.specie.symbol in _MOLECULAR for m, site in zip(marks, structure, strict=True)])
    bonds: dict[int, list[tuple[int, NDArray[np.int64]]]] = {i: [] for i in range(len(structure))}
    if not member.any():
        return bonds
    reach = 2 * BOND_FACTOR * float(radii[member].max())
    first, second, images, distance = structure.get_neighbor_list(reach, exclude_self=True)
    bonded = member[first] & member[second] & (distance < BOND_FACTOR * (radii[first] + radii[second]))
    for i, j, image in zip(first[bonded], second[bonded], images[bonded], strict=True):
        bonds[int(i)].append((int(j), np.asarray(image, dtype=np.int64)))
    return bonds


def _bonded_groups(structure: Structure, marks: Sequence[int]) -> Iterator[tuple[tuple[int, ...], NDArray[np.float64]]]:
    """Sites held together by bonds, with Cartesian positions in one piece."""
    bonds = _bonds(structure, marks)
    frac_coords = structure.frac_coords  # made anew whenever it is asked for
    visited: set[int] = set()
    for seed in range(len(structure)):
        if seed in visited:
            continue
        images = {seed: np.zeros(3, dtype=np.int64)}
        waiting = [seed]
        while waiting:
            site = waiting.pop()
            for partner, step in bonds[site]:
                image = images[site] + step
                if partner not in images:
                    images[partner] = image
                    waiting.append(partner)
                elif not np.array_equal(images[partner], image):
                    raise SurfaceError(
                        f"the bonds at {structure[site].specie.symbol} (atom {site + 1}) run through the whole crystal",
                        reason="a covalent network is no molecule, and every cut would break its bonds",
                        fix="dftflow cleaves ionic crystals and molecular ions only",
                    )
        visited |= images.keys()
        indices = tuple(sorted(images))
        shifts = np.array([images[i] for i in indices])
        yield indices, structure.lattice.get_cartesian_coords(frac_coords[list(indices)] + shifts)


def _check_marks(structure: Structure, indices: tuple[int, ...], marks: Sequence[int]) -> None:
    found = {marks[i] for i in indices} - {-1}
    if len(found) > 1 or (found and any(marks[i] < 0 for i in indices)):
        raise SurfaceError(
            f"molecules {sorted(found)} are bonded to each other or to atoms outside them",
            reason=f"a bond joins {', '.join(f'{structure[i].specie.symbol}{i + 1}' for i in indices)}",
            fix="check the distances between the molecules, or drop the site property 'molecule'",
        )


def _check_same_molecules(units: Sequence[IonicUnit], marks: Sequence[int]) -> None:
    """A mark may come back on copies of its molecule, but never on its fragments."""
    makeup: dict[int, list[str]] = {}
    for unit in units:
        atoms = sorted(unit.symbols)
        mark = marks[unit.indices[0]]
        if mark >= 0 and makeup.setdefault(mark, atoms) != atoms:
            raise SurfaceError(
                f"molecule {mark} is in pieces",
                reason=f"bonds hold together {''.join(makeup[mark])} and {''.join(atoms)}, not one molecule",
                fix="check the bond lengths, or drop the site property 'molecule'",
            )


def _hill(counts: Mapping[str, int]) -> str:
    first = [symbol for symbol in ("C", "H") if symbol in counts and "C" in counts]
    order = first + sorted(set(counts) - set(first))
    return "".join(symbol if counts[symbol] == 1 else f"{symbol}{counts[symbol]}" for symbol in order)


def _identity(structure: Structure, indices: tuple[int, ...], given: Mapping[str, int]) -> tuple[str, int]:
    """Name and charge of the ion on the sites `indices`."""
    counts = Counter(structure[i].specie.symbol for i in indices)
    formula = _hill(counts)
    states = [_state(structure, i) for i in indices]
    known, usual = _MOLECULAR_IONS.get(frozenset(counts.items()), (f"({formula})", None))
    single = len(indices) == 1
    name = formula if single else known
    candidates: tuple[Any, ...] = (
        given.get(formula),
        None if any(state is None for state in states) else sum(float(state) for state in states if state is not None),
        None if single else _recorded_charge(structure, indices[0]),
        _ION_CHARGES.get(formula) if single else usual,
    )
    charge = next((value for value in candidates if value is not None), None)
    if charge is None or abs(charge - round(charge)) > 1e-3:
        raise SurfaceError(
            f"the charge of {formula} is {'not known' if charge is None else f'{charge:g}, not a whole number'}",
            reason="formal charges decide which terminations are neutral",
            fix="give a CIF with _atom_type_oxidation_number, or in Python a structure with oxidation states "
            "(structure.add_oxidation_state_by_element)"
            + ("" if single else f" or molecule_charges={{{formula!r}: 1}}"),
        )
    return name, round(charge)


def _state(structure: Structure, index: int) -> float | None:
    """Oxidation state of a site; None when it has none."""
    of_species = getattr(structure[index].specie, "oxi_state", None)
    state = structure[index].properties.get(OXIDATION_STATE) if of_species is None else of_species
    return None if state is None else float(state)


def _recorded_charge(structure: Structure, index: int) -> int | None:
    mark = structure[index].properties.get("molecule")
    mark = -1 if mark is None else int(mark)
    recorded = (structure.properties or {}).get("molecule_charges", ())
    return int(recorded[mark]) if 0 <= mark < len(recorded) else None
