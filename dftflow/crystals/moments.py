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
_MAGNETIC_METALS = frozenset({"Cr", "Mn", "Fe", "Co", "Ni", "Ce", "Pr", "Nd", "Pm", "Sm", "Eu", "Gd", "Tb", "Dy", "Ho",
                              "Er", "Tm"})  # fmt: skip
"""Elements that have moments in their metals, or in most of their alloys."""
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
    """`structure`, as a code returns it, with the moments of what it was calculated from.

    Atom by atom of each element, whose order every deck keeps; as it is where it has moments, or other atoms.
    """
    known = like.site_properties.get(MOMENT)
    if known is None or MOMENT in structure.site_properties:
        return structure
    left: dict[str, list[Any]] = {}
    for site, moment in zip(like, known, strict=True):
        left.setdefault(site.specie.symbol, []).append(moment)
    symbols = [site.specie.symbol for site in structure]
    if Counter(symbols) != {symbol: len(moments) for symbol, moments in left.items()}:
        return structure
    order = {symbol: iter(moments) for symbol, moments in left.items()}
    copy = structure.copy()
    copy.add_site_property(MOMENT, [next(order[symbol]) for symbol in symbols])
    return copy


# --- where they are likely --------------------------------------------------------------------------------------


def open_shells(structure: Structure) -> tuple[str, ...]:
    """Elements that are likely to have moments here: ``("Ni (3d8)",)``.

    An ion of a 3d element with 1 to 9 d electrons, by its formal charge, or of a lanthanide with 1 to 13 f electrons;
    of a crystal without charges the elements that are magnetic as metals. 4d, 5d and 5f ions mostly pair their
    electrons or need more than a starting moment, and are not named.
    """
    elements = {site.specie.symbol: site.specie for site in structure}
    if not any(21 <= element.Z <= 30 or 57 <= element.Z <= 71 for element in elements.values()):
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
    else:
        return ""
    usual = {_USUAL_STATE[element.symbol]} if element.symbol in _USUAL_STATE else {3} if shell == "4f" else set()
    left = sorted(electrons - charge for charge in charges or usual)
    return next((f"{shell}{count}" for count in left if 0 < count < full), "")


def check_open_shells(structure: Structure, *, fix: str) -> None:
    """Refuse to calculate without spin what is likely to have moments, where nobody says so.

    Parameters
    ----------
    fix
        How moments are given where this is asked: with ``{element}`` in it.

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
            fix=fix.format(element=element),
        )
