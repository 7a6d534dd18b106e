"""A crystal from an entry of type structures, as OPTIMADE defines it (10.1038/s41597-021-00974-z, specification 1.2).

What cannot be calculated as it stands is refused: sites that several elements share or that are empty in part, atoms
without a place, hydrogens that are only said to be attached, and cells that are not periodic.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pymatgen.core import Composition, Element, Lattice, Structure

from dftflow.crystals.missing_hydrogens import missing_hydrogens
from dftflow.crystals.number_bounds import MAX_ATOMS_READ
from dftflow.crystals.plain import what_is_wrong
from dftflow.errors import StructureError

__all__ = ["FIELDS", "structure_of_entry"]

FIELDS = (
    "lattice_vectors", "cartesian_site_positions", "species", "species_at_sites", "nsites", "dimension_types",
    "nperiodic_dimensions", "structure_features", "chemical_formula_reduced", "last_modified",
)  # fmt: skip

WHOLE = 1e-6

Length = Annotated[float, Field(ge=-1e4, le=1e4)]
Vector = tuple[Length, Length, Length]


class _Table(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, strict=False)


class _Species(_Table):
    name: str
    chemical_symbols: list[str] = Field(min_length=1)
    concentration: list[float] = Field(min_length=1)
    attached: list[str] | None = None

    @property
    def element(self) -> Element | None:
        """The only element, on the whole site."""
        whole = len(self.concentration) == 1 and abs(self.concentration[0] - 1) < WHOLE
        known = len(self.chemical_symbols) == 1 and Element.is_valid_symbol(self.chemical_symbols[0])
        return Element(self.chemical_symbols[0]) if whole and known else None


class _Entry(_Table):
    lattice_vectors: tuple[Vector, Vector, Vector]
    cartesian_site_positions: list[Vector] = Field(min_length=1, max_length=MAX_ATOMS_READ)
    species: list[_Species] = Field(max_length=1000)
    species_at_sites: list[str]
    nsites: int | None = None
    dimension_types: list[int] | None = None
    structure_features: list[str] = []
    chemical_formula_reduced: str | None = Field(default=None, max_length=500)


_FEATURES = {
    "disorder": "sites are shared by several elements, or are occupied in part",
    "assemblies": "groups of sites exclude each other",
    "unknown_positions": "atoms have no place",
    "implicit_atoms": "atoms have no place",
    "site_attachments": "atoms are attached to sites without a place of their own",
}


def structure_of_entry(attributes: Mapping[str, Any], where: str) -> tuple[Structure, list[str]]:
    """The crystal, and what a person should know of it.

    Parameters
    ----------
    attributes
        Of the entry, as JSON.
    where
        What the entry is called, for messages.

    Raises
    ------
    StructureError
        It is no crystal that can be calculated.
    ValueError
        The attributes are not those of a structure.
    """
    _refuse_features(attributes, where)
    try:
        entry = _Entry.model_validate(attributes)
    except ValidationError as error:
        raise ValueError(what_is_wrong(error)) from None
    sites = len(entry.species_at_sites)
    if not sites == len(entry.cartesian_site_positions) == (entry.nsites or sites):
        raise ValueError("numbers of sites, of their places and of their species differ")
    elements = _elements(entry, where)
    structure = Structure(
        Lattice(entry.lattice_vectors), elements, entry.cartesian_site_positions, coords_are_cartesian=True
    )
    _check_formula(structure, entry.chemical_formula_reduced, where)
    return structure, _remarks(entry)


def _refuse_features(attributes: Mapping[str, Any], where: str) -> None:
    """What an entry says of itself; a vector or a place that is null is unknown."""
    features = attributes.get("structure_features") or []
    for feature in features if isinstance(features, list) else []:
        why = _FEATURES.get(str(feature), f"it has the feature {str(feature)[:40]!r}, which is not known here")
        raise _refused(why, where)
    for key in ("lattice_vectors", "cartesian_site_positions"):
        found = attributes.get(key)
        if isinstance(found, list) and any(isinstance(vector, list) and None in vector for vector in (*found, found)):
            flat = attributes.get("dimension_types")
            raise _refused(f"{key} are not all known (dimension_types is {flat})", where)


def _elements(entry: _Entry, where: str) -> list[Element]:
    species = {one.name: one for one in entry.species}
    standing = set(entry.species_at_sites)
    for one in entry.species:
        if one.attached:
            raise _hydrogens(entry, f"{', '.join(one.attached)} are attached to sites of {one.name}", where)
        if one.name not in standing:
            raise _hydrogens(entry, f"its species {one.name} stands at no site", where)
    found = []
    for name in entry.species_at_sites:
        if name not in species:
            raise ValueError(f"there is no species {name!r}")
        one = species[name]
        if one.element is None:
            shares = ", ".join(f"{s} {c:g}" for s, c in zip(one.chemical_symbols, one.concentration, strict=False))
            raise _refused(f"the species {name} is {shares}", where)
        found.append(one.element)
    return found


def _hydrogens(entry: _Entry, reason: str, where: str) -> StructureError:
    """Atoms without a place, which of a hybrid perovskite are its hydrogens."""
    listed = [symbol for one in entry.species for symbol in (*one.chemical_symbols, *(one.attached or ()))]
    if "H" not in listed:
        return _refused(reason, where)
    named = {one.name: one.element for one in entry.species}
    sites = zip(entry.species_at_sites, entry.cartesian_site_positions, strict=True)
    kept = [(element, place) for name, place in sites if (element := named.get(name)) is not None]
    elements, places = [element for element, _ in kept], [place for _, place in kept]
    skeleton = Structure(Lattice(entry.lattice_vectors), elements, places, coords_are_cartesian=True)
    return missing_hydrogens(skeleton, reason, 0, where)


def _check_formula(structure: Structure, formula: str | None, where: str) -> None:
    """The formula and the sites say the same; else hydrogens are missing, or who knows what."""
    own = structure.composition.reduced_composition
    if formula is None or Composition(formula).reduced_composition.almost_equals(own):
        return
    reason = f"its formula is {formula}, its sites are {own.reduced_formula}"
    if "H" in Composition(formula) and "H" not in structure.composition:
        raise missing_hydrogens(structure, reason, 0, where)
    raise _refused(reason, where)


def _remarks(entry: _Entry) -> list[str]:
    along = "".join(name for name, periodic in zip("abc", entry.dimension_types or (), strict=False) if not periodic)
    return [f"the provider says that it does not repeat along {' and '.join(along)}"] if along else []


def _refused(reason: str, where: str) -> StructureError:
    fix = "make an ordered model of it, or take another entry"
    return StructureError("this entry is no ordered crystal", reason=reason, fix=fix, where=where)
