"""The ions of a crystal: single atoms, and molecules that count as one.

Cleaving moves and counts ions, not atoms, so that no molecule is cut and every layer has a formal charge. The atoms of
a network of bonds without end are single ones.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import gcd
from typing import TYPE_CHECKING

import numpy as np
from ase.data import atomic_masses, atomic_numbers, covalent_radii

from dftflow.crystals.formal_charges import (
    MOLECULAR_IONS,
    assign_charges,
    electronegativity,
    may_balance,
    test_charges,
    usual_charge,
)
from dftflow.errors import StructureError, SurfaceError
from dftflow.model.bounds import ION_CHARGE
from dftflow.model.printable import shown
from dftflow.model.results import FloatArray, readonly

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pymatgen.core import Structure

__all__ = [
    "OXIDATION_STATE",
    "IonicUnit",
    "Ions",
    "bonded_groups",
    "charges_may_balance",
    "chemical_formula",
    "formal_charge",
    "formula_of",
    "has_perovskite_formula",
    "ionic_units",
    "ions_of",
    "name_of_group",
    "states_of_units",
    "with_all_states",
    "with_charges",
    "with_oxidation_states",
    "with_states_of",
]

OXIDATION_STATE = "oxidation_state"
"""Site property with the oxidation state that a file gives an atom, None where it gives none. It is no pymatgen
`Species`, which would make of Sn4+ and of the Sn that a code returns two elements."""

BOND_FACTOR = 1.25
"""Longest bond in units of the sum of the covalent radii: 1.84 Å for C-N, 1.34 Å for C-H."""

PAIR_FACTOR = 1.1
"""The same of a pair of one heavy chalcogen: Te-Te is 2.75 Å long in MnTe2 and 3.46 Å between the layers of NiTe2."""

_MOLECULAR = frozenset({"H", "C", "N", "O", "P", "S"})
_PAIRED = frozenset({"Se", "Te"})
"""They bond to themselves as S does in pyrite; SeO2 and TeO2 are networks."""


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class IonicUnit:
    """A single ion, or a molecule that counts as one.

    Attributes
    ----------
    name
        ``"Cs"``; ``"FA"``, ``"MA"``; any other molecule by its formula in parentheses.
    charge
        Formal charge, in e.
    test_charge
        What stands for it where polarity is asked (`formal_charges.test_charges`): of GaAs, which has no charges, +1
        and -1.
    indices
        Its sites in the structure.
    symbols
        Elements of these sites.
    positions_ang
        shape (n_atoms, 3); Cartesian, a molecule in one piece.
    centre_ang
        shape (3,); centre of mass.
    moment_mub
        The magnetic moment that an ion starts with.
    """

    name: str
    charge: int
    test_charge: int
    indices: tuple[int, ...]
    symbols: tuple[str, ...]
    positions_ang: FloatArray
    centre_ang: FloatArray
    moment_mub: float = 0.0

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
            test_charge=self.test_charge,
            indices=self.indices,
            symbols=self.symbols,
            positions_ang=positions_ang + shift_ang,
            centre_ang=centre_ang + shift_ang,
            moment_mub=self.moment_mub,
        )


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class Ions:
    """The ions of a structure, in the order of their first sites, and in words where their charges come from."""

    units: tuple[IonicUnit, ...]
    charges: str


def formal_charge(units: Iterable[IonicUnit]) -> int:
    """Sum of the formal charges, in e."""
    return sum(unit.charge for unit in units)


def has_perovskite_formula(units: Iterable[IonicUnit]) -> bool:
    """Whether three anions come on two cations of two kinds or more, as in ABX3 and its ordered relatives."""
    counts = Counter((unit.name, unit.charge, len(unit.symbols)) for unit in units)
    anions = sum(count for (_, charge, size), count in counts.items() if charge < 0 and size == 1)
    cations = [count for (_, charge, _), count in counts.items() if charge > 0]
    return len(cations) > 1 and 2 * anions == 3 * sum(cations) and anions + sum(cations) == counts.total()


def chemical_formula(units: Iterable[IonicUnit], *, reduced: bool = False, formula_units: int = 0) -> str:
    """Formula with the ions in the order A, B, X: ``"Cs2Br6"``, or ``"CsBr3"`` when `reduced`; ``"GaAs"``.

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
    names = sorted(counts, key=lambda name: (charges[name] < 0, abs(charges[name]), *_by_electronegativity(name)))
    divisor = gcd(*counts.values()) if reduced and counts else 1
    numbers = [(name, counts[name] // divisor) for name in names]
    return "".join(name if number == 1 else f"{name}{number}" for name, number in numbers)


def _by_electronegativity(name: str) -> tuple[float, str]:
    """Orders ions of one charge: molecules first, then ``"CsAg"`` and ``"GaAs"``."""
    return (electronegativity(name) or 9.0 if name in atomic_numbers else 0.0), name


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


def with_charges(structure: Structure, charges: Mapping[str, int | Sequence[int]]) -> Structure:
    """A copy whose ions have these formal charges.

    Parameters
    ----------
    structure
        An ordered crystal.
    charges
        Element, or formula or usual name of a molecule (``"CO3"``, ``"MA"``), -> charge, in e; or the charge of each
        such ion, in the order of the structure, where they differ. A molecule's charge is spread over its atoms.

    Raises
    ------
    StructureError
        There is no such ion, there are not as many, or a charge is none.
    """
    groups = _groups(structure)
    named: dict[str, list[tuple[int, ...]]] = {}
    for group in groups:
        for name in dict.fromkeys((group.formula, _usual_name(group.formula))):
            named.setdefault(name, []).append(group.indices)
    states = list(structure.site_properties.get(OXIDATION_STATE) or [None] * len(structure))
    for name, value in charges.items():
        sites = named.get(name, [])
        values = list(value) if isinstance(value, Sequence) else [value] * len(sites)
        _check_charges(name, values, len(sites), sorted({group.formula for group in groups}))
        for indices, charge in zip(sites, values, strict=True):
            for index in indices:
                states[index] = charge / len(indices) if len(indices) > 1 else charge
    return with_oxidation_states(structure, states)


def _check_charges(name: str, given: Sequence[int], found: int, formulae: Sequence[str]) -> None:
    if not found:
        raise StructureError(
            f"there is no {shown(name)} that could have a charge",
            reason=f"the ions of the crystal are {', '.join(formulae)}",
            fix="name one of these",
        )
    wrong = next((value for value in given if not (isinstance(value, int) and ION_CHARGE.holds(value))), None)
    if wrong is not None:
        raise StructureError(
            f"{shown(wrong)} is no charge of {name}",
            reason=f"it is a whole number {ION_CHARGE}",
            fix=f"write it like {name} = 2",
        )
    if len(given) != found:
        raise StructureError(
            f"there are {len(given)} charges of {name}, of which the cell has {found}",
            reason="a list has one for each, in the order of the file",
            fix="give as many, or one for all of them",
        )


def with_all_states(structure: Structure) -> Structure:
    """`structure` with the oxidation states that `ions_of` found, unless its ions alone tell them; raises as that."""
    units = ionic_units(structure)
    states = states_of_units(units)
    if states is None:
        return structure
    of_site = dict(zip((index for unit in units for index in unit.indices), states, strict=True))
    return with_oxidation_states(structure, [of_site[index] for index in range(len(structure))])


def states_of_units(units: Sequence[IonicUnit]) -> list[float] | None:
    """Oxidation states to keep with the atoms of `units`; None where the ions alone tell all charges.

    A molecule's charge is spread over its atoms.
    """
    if all(usual_charge(_hill(Counter(unit.symbols))) == unit.charge for unit in units):
        return None
    sizes = [(unit.charge, len(unit.symbols)) for unit in units]
    return [charge if size == 1 else charge / size for charge, size in sizes for _ in range(size)]


def ionic_units(structure: Structure) -> tuple[IonicUnit, ...]:
    """`ions_of` without where the charges come from."""
    return ions_of(structure).units


def ions_of(structure: Structure) -> Ions:
    """Ions of an ordered crystal.

    Molecules are the groups of H, C, N, O, P, S, of Se, of Te (and of sites with the property ``molecule`` >= 0) that
    bonds hold together; an atom without such a bond is an ion by itself, and so is each of a network without end.

    Parameters
    ----------
    structure
        An ordered crystal or slab. A charge is the sum of the oxidation states of the ion's sites (of a `Species`, or
        the site property `OXIDATION_STATE`), a molecule's also that in ``properties["molecule_charges"]``; without
        them `assign_charges` tells it.

    Raises
    ------
    SurfaceError
        For a disordered crystal, ions whose charges are not known, molecules that overlap, and a site property
        ``molecule`` that contradicts the bonds.
    """
    if not structure.is_ordered:
        raise SurfaceError(
            f"{structure.composition.reduced_formula} is disordered",
            reason="a site that holds several elements has no definite ion",
            fix="order it first, e.g. by a supercell",
        )
    groups = _groups(structure)
    formulae = [group.formula for group in groups]
    assigned = assign_charges(formulae, [_told_charge(structure, group.indices) for group in groups])
    tests = test_charges(formulae, assigned.charges)
    units = tuple(map(_unit, groups, assigned.charges, tests))
    _check_same_molecules(units, _molecule_marks(structure))
    return Ions(units=units, charges=assigned.why)


def charges_may_balance(structure: Structure) -> bool:
    """Whether the ions of an ordered crystal can have usual or common charges that sum to zero, in any way.

    Raises
    ------
    SurfaceError
        A charge that is told is not a whole number, or molecules overlap.
    """
    groups = _groups(structure)
    told = [_told_charge(structure, group.indices) for group in groups]
    return may_balance([group.formula for group in groups], told)


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class _Group:
    """Sites that are one ion."""

    indices: tuple[int, ...]
    symbols: tuple[str, ...]
    positions_ang: NDArray[np.float64]
    formula: str


def _unit(group: _Group, charge: int, test_charge: int) -> IonicUnit:
    masses = np.array([atomic_masses[atomic_numbers[symbol]] for symbol in group.symbols])
    single = len(group.indices) == 1
    return IonicUnit(
        name=group.formula if single else _usual_name(group.formula),
        charge=charge,
        test_charge=test_charge,
        indices=group.indices,
        symbols=group.symbols,
        positions_ang=group.positions_ang,
        centre_ang=masses @ group.positions_ang / masses.sum(),
    )


def _usual_name(formula: str) -> str:
    """Of a molecule; an element's is its symbol."""
    return formula if formula in atomic_numbers else MOLECULAR_IONS.get(formula, (f"({formula})", None))[0]


def _groups(structure: Structure) -> tuple[_Group, ...]:
    """The sites of each ion, in the order of their first ones."""
    marks = _molecule_marks(structure)
    symbols = [site.specie.symbol for site in structure]
    found = []
    for indices, positions in _bonded_groups(structure, marks):
        _check_marks(structure, indices, marks)
        own = tuple(symbols[i] for i in indices)
        found.append(_Group(indices=indices, symbols=own, positions_ang=positions, formula=_hill(Counter(own))))
    return tuple(sorted(found, key=lambda group: group.indices[0]))


def bonded_groups(structure: Structure) -> tuple[tuple[tuple[int, ...], NDArray[np.float64]], ...]:
    """Sites of each ion as `ions_of` counts them, with Cartesian positions in one piece, shape (n, 3) each.

    Raises
    ------
    SurfaceError
        For molecules that overlap.
    """
    return tuple(_bonded_groups(structure, _molecule_marks(structure)))


def name_of_group(symbols: Iterable[str]) -> str:
    """``"Cs"``; ``"FA"``, ``"MA"``; any other molecule by its formula in Hill order, ``"C2H8N"``."""
    formula = _hill(Counter(symbols))
    return MOLECULAR_IONS.get(formula, (formula, 0))[0]


def _molecule_marks(structure: Structure) -> tuple[int, ...]:
    marks = structure.site_properties.get("molecule") or [-1] * len(structure)
    return tuple(-1 if mark is None else int(mark) for mark in marks)


def _bonds(structure: Structure, marks: Sequence[int]) -> dict[int, list[tuple[int, NDArray[np.int64]]]]:
    """Site -> its bonded partners, each with the image of the cell it lies in."""
    symbols = [site.specie.symbol for site in structure]
    radii = np.array([covalent_radii[site.specie.Z] for site in structure], dtype=np.float64)
    member = np.array(
        [m >= 0 or symbol in _MOLECULAR for m, symbol in zip(marks, symbols, strict=True)], dtype=np.bool_
    )
    paired = np.array([atomic_numbers[symbol] if symbol in _PAIRED else 0 for symbol in symbols], dtype=np.int64)
    bonds: dict[int, list[tuple[int, NDArray[np.int64]]]] = {i: [] for i in range(len(structure))}
    if not (member | (paired > 0)).any():
        return bonds
    reach = 2 * BOND_FACTOR * float(radii[member | (paired > 0)].max())
    first, second, images, distance = structure.get_neighbor_list(reach, exclude_self=True)
    bonded = member[first] & member[second] & (distance < BOND_FACTOR * (radii[first] + radii[second]))
    alike = (paired[first] > 0) & (paired[first] == paired[second])
    bonded |= alike & (distance < PAIR_FACTOR * (radii[first] + radii[second]))
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
        endless = False
        waiting = [seed]
        while waiting:
            site = waiting.pop()
            for partner, step in bonds[site]:
                image = images[site] + step
                if partner not in images:
                    images[partner] = image
                    waiting.append(partner)
                endless = endless or not np.array_equal(images[partner], image)
        visited |= images.keys()
        indices = tuple(sorted(images))
        if endless:
            _check_network(structure, indices, marks)
            yield from (((i,), structure.lattice.get_cartesian_coords(frac_coords[[i]])) for i in indices)
            continue
        shifts = np.array([images[i] for i in indices])
        yield indices, structure.lattice.get_cartesian_coords(frac_coords[list(indices)] + shifts)


def _check_network(structure: Structure, indices: tuple[int, ...], marks: Sequence[int]) -> None:
    """A network of bonds without end is cut between its atoms, but with hydrogen or marks it is of molecules."""
    hydrogen = next((i for i in indices if structure[i].specie.symbol == "H" or marks[i] >= 0), None)
    if hydrogen is not None:
        raise SurfaceError(
            f"the bonds at {structure[hydrogen].specie.symbol} (atom {hydrogen + 1}) run through the whole crystal",
            reason="molecules that overlap, or a polymer, have no definite ions",
            fix="check the distances between the molecules; a crystal of chains that are polymers cannot be cut here",
        )


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


def _told_charge(structure: Structure, indices: tuple[int, ...]) -> float | None:
    """Charge of the ion on the sites `indices` where the structure gives it."""
    states = [_state(structure, i) for i in indices]
    known = [state for state in states if state is not None]
    if len(known) == len(states):
        return sum(known)
    return None if len(indices) == 1 else _recorded_charge(structure, indices[0])


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
