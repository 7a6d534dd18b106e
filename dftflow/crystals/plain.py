"""A crystal as plain data that JSON can hold, and back: pymatgen's own form, site properties included.

It is read here and not by pymatgen, which imports and calls whatever a stored value names (``@module``), and takes
cells and places that its neighbour lists do not end with.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dftflow.crystals.per_structure import per_structure
from dftflow.model.entry_reason import reason_of

if TYPE_CHECKING:
    from pymatgen.core import Structure

__all__ = ["MARKS", "plain_of_unchanged", "plain_structure", "structure_of", "what_is_wrong"]

LONGEST_ANG, FARTHEST_CELLS = 1e4, 1e3
SMALLEST_ANG3 = 0.1
MOST_SITES = 100_000
MARKS = ("layer", "molecule")
"""Properties of sites that dftflow sets, both whole numbers."""

Length = Annotated[float, Field(ge=-LONGEST_ANG, le=LONGEST_ANG, allow_inf_nan=False)]
Place = Annotated[float, Field(ge=-FARTHEST_CELLS, le=FARTHEST_CELLS, allow_inf_nan=False)]


class _Plain(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class _Species(_Plain):
    element: str
    occu: float = Field(gt=0, le=1.0 + 1e-6)
    oxidation_state: float | None = Field(default=None, ge=-10, le=10)


class _Site(_Plain):
    species: list[_Species] = Field(min_length=1, max_length=20)
    abc: tuple[Place, Place, Place]
    label: str | None = None
    properties: dict[str, Any] | None = None


class _Lattice(_Plain):
    matrix: tuple[tuple[Length, Length, Length], tuple[Length, Length, Length], tuple[Length, Length, Length]]
    pbc: tuple[bool, bool, bool] = (True, True, True)


class _Structure(_Plain):
    lattice: _Lattice
    sites: list[_Site] = Field(min_length=1, max_length=MOST_SITES)
    charge: float | None = Field(default=None, ge=-1e4, le=1e4)
    properties: dict[str, Any] | None = None


def plain_structure(structure: Structure) -> dict[str, Any]:
    """``Structure.as_dict`` with numpy's numbers as Python's own."""
    from monty.json import jsanitize

    plain: dict[str, Any] = jsanitize(structure.as_dict())
    return plain


plain_of_unchanged = per_structure(plain_structure)
"""`plain_structure` of a structure that nobody changes, made once; nobody changes what it gives either."""


def structure_of(plain: Mapping[str, Any]) -> Structure:
    """The crystal of `plain_structure`; raises `ValueError` for what is none."""
    from pymatgen.core import Lattice, PeriodicSite, Structure

    told = _Structure.model_validate(plain)
    if abs(np.linalg.det(np.array(told.lattice.matrix))) < SMALLEST_ANG3:
        raise ValueError("the cell of a crystal has no volume")
    lattice = Lattice(np.array(told.lattice.matrix), pbc=told.lattice.pbc)
    _check_marks(told)
    sites = [
        PeriodicSite(_composition(site), site.abc, lattice, properties=site.properties, label=site.label)
        for site in told.sites
    ]
    return Structure.from_sites(sites, charge=told.charge, properties=told.properties)


def what_is_wrong(error: ValueError) -> str:
    """Of stored data, in one line: where it is wrong, and how."""
    if not isinstance(error, ValidationError):
        return " ".join(str(error).split())[:300]
    first = error.errors(include_url=False)[0]
    place = ".".join(str(part)[:40] for part in first["loc"][:12])
    got = repr(first.get("input"))
    return f"{place}: {reason_of(first)}, and not {got if len(got) < 60 else f'{got[:60]}...'}"


def _composition(site: _Site) -> dict[Any, float]:
    from pymatgen.core import Element, Species

    charged = [one for one in site.species if one.oxidation_state is not None]
    neutral = {Element(one.element): one.occu for one in site.species if one.oxidation_state is None}
    return neutral | {Species(one.element, one.oxidation_state): one.occu for one in charged}


def _check_marks(told: _Structure) -> None:
    """Each property of sites stands at all of them, those that are dftflow's own as whole numbers."""
    names = {frozenset(site.properties or {}) for site in told.sites}
    if len(names) > 1:
        raise ValueError("some sites of a crystal have properties that others lack")
    marks = [(site.properties or {}).get(name, 0) for site in told.sites for name in MARKS]
    charges = (told.properties or {}).get("molecule_charges", [])
    if not isinstance(charges, list) or any(type(number) is not int for number in [*marks, *charges]):
        raise ValueError("a mark of a site, or the charge of a molecule, is no whole number")
