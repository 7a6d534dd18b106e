"""Starting magnetic moments of a crystal: what it carries, what a person gives, and where open shells ask for them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from dftflow.errors import DftflowError, SpecError

if TYPE_CHECKING:
    from pymatgen.core import Structure

__all__ = ["MOMENT", "check_open_shells", "moments_of", "open_shells", "with_moments", "with_moments_of"]

MOMENT = "magmom"
"""pymatgen's name of the site property: a number in Bohr magnetons, a vector of three, or a `Magmom`."""

MOST_MOMENT_MUB = 10.0
MOST_LISTED = 16
FARTHEST_ANG = 1.0
"""How far an atom may move in a relaxation and still be told from the others of its element."""

_MAGNETIC_METALS = frozenset({"Cr", "Mn", "Fe", "Co", "Ni", "Ce", "Pr", "Nd", "Pm", "Sm", "Eu", "Gd", "Tb", "Dy", "Ho",
                              "Er", "Tm"})  # fmt: skip
"""Elements that have moments in their metals, or in most of their alloys."""
OPEN_SHELLS = frozenset((*range(21, 31), *range(57, 72), *range(91, 104)))
"""Atomic numbers of the elements whose ions can have open 3d, 4f or 5f shells."""

_USUAL_STATE = {"Cr": 3, "Mn": 2, "Fe": 3, "Co": 2, "Ni": 2}
"""Charge of an ion whose charge nobody tells, as far as it decides whether its d shell is open: any of them is."""


def moments_of(structure: Structure) -> tuple[float, ...]:
    """Starting moments along one axis, in Bohr magnetons, one an atom; ``()`` where all are zero or none is given.

    Raises
    ------
    SpecError
        For moments that point in several directions, and for what is no moment.
    """
    given = structure.site_properties.get(MOMENT)
    if given is None:
        return ()
    vectors = np.array([_vector(moment) for moment in given])
    if not vectors.any():
        return ()
    axis = vectors[np.abs(vectors).max(axis=1).argmax()]
    axis = axis / np.linalg.norm(axis)
    along = vectors @ axis
    if np.abs(vectors - along[:, None] * axis).max() > 1e-3:
        raise SpecError(
            "the moments of the crystal point in several directions",
            reason="decks are written for moments along one axis",
            fix="give the moments of the study yourself, as numbers along one axis",
        )
    sign = 1.0 if along[np.flatnonzero(along)[0]] * _first(vectors) > 0 else -1.0
    return tuple(round(float(moment), 6) + 0.0 for moment in sign * along)


def _first(vectors: np.ndarray) -> float:
    """The first component that is not zero of the first moment that is not: its sign is that of the moment."""
    moment = vectors[np.flatnonzero(vectors.any(axis=1))[0]]
    return float(moment[np.flatnonzero(moment)[0]])


def _vector(given: Any) -> list[float]:
    moment = getattr(given, "moment", given)
    moment = 0.0 if moment is None else moment
    try:
        values = [float(one) for one in np.atleast_1d(np.asarray(moment, dtype=float)).ravel()]
    except (TypeError, ValueError):
        values = []
    if len(values) not in (1, 3) or not np.all(np.abs(values) <= MOST_MOMENT_MUB):
        raise SpecError(
            f"{str(given)[:60]!r} is no magnetic moment of an atom",
            reason=f"it is a number, or a vector of three, of at most {MOST_MOMENT_MUB:g} Bohr magnetons",
            fix="give the moments of the study yourself",
        )
    return [0.0, 0.0, values[0]] if len(values) == 1 else values


def with_moments(structure: Structure, moments: Mapping[str, float | Sequence[float]]) -> Structure:
    """A copy with these moments, in Bohr magnetons, and zero for every other element.

    Parameters
    ----------
    moments
        Element -> one for all of its atoms, or one for each of them in their order.

    Raises
    ------
    SpecError
        For an element that the crystal does not have, and a list of another length than it has atoms of it.
    """
    symbols = [site.specie.symbol for site in structure]
    counts = Counter(symbols)
    left = {}
    for element, given in moments.items():
        if element not in counts:
            raise SpecError(
                f"a moment is given for {element}, of which the crystal has none",
                fix=f"its elements are {', '.join(counts)}",
            )
        values = [given] * counts[element] if isinstance(given, int | float) else list(given)
        if len(values) != counts[element]:
            raise SpecError(
                f"{len(values)} moments are given for {counts[element]} atoms of {element}",
                fix=f"give one for all of them, {element} = 2.0, or a list of {counts[element]}",
            )
        left[element] = iter(values)
    copy = structure.copy()
    copy.add_site_property(MOMENT, [float(next(left[symbol])) if symbol in left else 0.0 for symbol in symbols])
    return copy


def with_moments_of(structure: Structure, like: Structure) -> Structure:
    """`structure`, as a code returns it, with the moments of what it was calculated from, place by place.

    As it is where it has moments, or `like` has none.

    Raises
    ------
    SpecError
        When its atoms cannot be told from those of `like`: in another cell, or too far from their places.
    """
    known = like.site_properties.get(MOMENT)
    if known is None or MOMENT in structure.site_properties or not moments_of(like):
        return structure
    partners = _partners(structure, like)
    copy = structure.copy()
    copy.add_site_property(MOMENT, [known[partner] for partner in partners])
    return copy


def _partners(structure: Structure, like: Structure) -> list[int]:
    """Which atom of `like` each atom is, by element and place."""
    from scipy.optimize import linear_sum_assignment  # type: ignore[import-untyped]

    here, there = (np.array([site.specie.symbol for site in one]) for one in (structure, like))
    partners = np.full(len(here), -1)
    farthest_ang = 0.0
    for element in sorted(set(here)):
        own, other = np.flatnonzero(here == element), np.flatnonzero(there == element)
        if len(own) != len(other):
            break
        apart = like.lattice.get_all_distances(structure.frac_coords[own], like.frac_coords[other])
        rows, columns = linear_sum_assignment(apart**2)
        partners[own[rows]] = other[columns]
        farthest_ang = max(farthest_ang, float(apart[rows, columns].max()))
    if (partners < 0).any() or len(here) != len(there) or farthest_ang > FARTHEST_ANG:
        raise SpecError(
            f"the magnetic moments of {like.composition.reduced_formula} cannot be given to the geometry found",
            reason=f"it has {len(here)} atoms where the moments are for {len(there)}, or they lie more than "
            f"{FARTHEST_ANG:g} Å from their places",
            fix="calculate the geometry in the cell of the study, or make that cell the study's, with its own moments",
        )
    return [int(partner) for partner in partners]


# --- where they are likely --------------------------------------------------------------------------------------


def open_shells(structure: Structure) -> tuple[str, ...]:
    """Elements that are likely to have moments here: ``("Ni (3d8)",)``.

    An ion of a 3d element with 1 to 9 d electrons, by its formal charge, or of a lanthanide or actinide with 1 to 13 f
    electrons; of a crystal without charges the elements that are magnetic as metals. 4d and 5d ions mostly pair their
    electrons, and are not named.
    """
    elements = {site.specie.symbol: site.specie for site in structure}
    if not any(element.Z in OPEN_SHELLS for element in elements.values()):
        return ()
    if len(elements) == 1 or all(element.is_metal for element in elements.values()):
        return tuple(sorted(_MAGNETIC_METALS & elements.keys()))
    charges = _charges(structure)
    if charges and not any(map(any, charges.values())):
        return tuple(sorted(_MAGNETIC_METALS & elements.keys()))
    found = {symbol: _open(element, charges.get(symbol)) for symbol, element in elements.items()}
    return tuple(f"{symbol} ({shell})" for symbol, shell in sorted(found.items()) if shell)


def _charges(structure: Structure) -> dict[str, set[int]]:
    """Charges of the ions of each element; none where they are not known."""
    from dftflow.crystals.ions import ionic_units  # with ASE

    charges: dict[str, set[int]] = {}
    try:
        for unit in ionic_units(structure):
            if len(unit.symbols) == 1:
                charges.setdefault(unit.symbols[0], set()).add(unit.charge)
    except DftflowError:
        return {}
    return charges


def _open(element: Any, charges: set[int] | None) -> str:
    """The open shell of an ion, ``"3d8"``; ``""`` where it is closed."""
    if 21 <= element.Z <= 30:
        shell, electrons, full = "3d", element.Z - 18, 10
    elif 57 <= element.Z <= 71:
        shell, electrons, full = "4f", element.Z - 54, 14
    elif 91 <= element.Z <= 103:
        shell, electrons, full = "5f", element.Z - 86, 14
    else:
        return ""
    usual = {_USUAL_STATE[element.symbol]} if element.symbol in _USUAL_STATE else {3} if shell[1] == "f" else set()
    left = sorted(electrons - charge for charge in charges or usual)
    return next((f"{shell}{count}" for count in left if 0 < count < full), "")


def check_open_shells(structure: Structure, *, fix: str) -> None:
    """Refuse to calculate without spin what is likely to have moments, where nobody says so.

    Parameters
    ----------
    fix
        How moments are given where this is asked, with ``{element}`` in it, and ``{each}`` for one moment an atom.

    Raises
    ------
    SpecError
        See `open_shells`; also where the moments that the crystal carries cannot be used.
    """
    if moments_of(structure):
        return
    found = open_shells(structure)
    if found:
        element = found[0].partition(" ")[0]
        raise SpecError(
            f"{structure.composition.reduced_formula} is likely to have magnetic moments: {', '.join(found)}",
            reason="without spin polarisation gap, levels and energy of an open shell are those of another state",
            fix=fix.format(element=element, each=_one_each(structure, element)),
        )


def _one_each(structure: Structure, element: str) -> str:
    """``2.0, -2.0``: a moment for each atom of an element, up and down in turn."""
    count = sum(site.specie.symbol == element for site in structure)
    if count > MOST_LISTED:
        return f"{count} numbers"
    return ", ".join("2.0" if number % 2 == 0 else "-2.0" for number in range(count))
