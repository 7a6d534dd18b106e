"""What VASP calls the orbitals of its projections (https://vasp.at/wiki/LORBIT)."""

from __future__ import annotations

from dftflow.model.projections import SHELLS, ProjectionGroup

__all__ = ["groups_of", "orbital_names"]

_RENAMED = {"x2-y2": "dx2-y2", "dx2": "dx2-y2"}


def orbital_names(fields: list[str]) -> tuple[str, ...]:
    """Orbitals by the names of columns.

    Raises
    ------
    ValueError
        A column is none of an orbital, or two are of one.
    """
    names = tuple(_RENAMED.get(name, name) for name in fields)
    strange = [name for name in names if name[:1] not in SHELLS]
    if strange or not names or len(set(names)) != len(names):
        raise ValueError(f"the columns are {' '.join(fields)[:60]!r}, expected orbitals")
    return names


def groups_of(elements: tuple[str, ...], orbitals: tuple[str, ...]) -> tuple[ProjectionGroup, ...]:
    """Each orbital of each atom, the orbitals of an atom behind each other."""
    return tuple(
        ProjectionGroup(element=element, site=site, orbital=orbital)
        for site, element in enumerate(elements)
        for orbital in orbitals
    )
