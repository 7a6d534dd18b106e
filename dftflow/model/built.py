"""What a step calculates, as it was built: kept beside its deck, so that a number is named by what it belongs to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dftflow.model.spec import CalcSpec
from dftflow.model.surface import SlabModel

if TYPE_CHECKING:
    from pymatgen.core import Structure

__all__ = ["Built"]


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class Built:
    """The structure of a step, what is calculated of it, and what it is.

    Attributes
    ----------
    model
        The slab that it is, where it is one: plane, termination, layers.
    parents
        Name of each step whose geometry it is made from -> digest of that geometry (`geometry_digest` of
        `dftflow.crystals.geometry`).
    assumed
        Names of those of them that had no result yet: the geometry is then what they start from.
    edges_from
        Name of that one of them of which the places of the band edges are taken, and no geometry; ``""`` for none.
    facts
        What its kind of subject keeps of it besides, as plain data: the k-point at which a band edge is said to lie.
    """

    structure: Structure
    spec: CalcSpec
    model: SlabModel | None = None
    parents: Mapping[str, str] = field(default_factory=dict)
    assumed: tuple[str, ...] = ()
    edges_from: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def geometries(self) -> tuple[str, ...]:
        """Names of the steps whose geometry it is made from."""
        return tuple(name for name in self.parents if name != self.edges_from)

    @property
    def assumed_geometries(self) -> tuple[str, ...]:
        """Those of them that had no result yet."""
        return tuple(name for name in self.assumed if name != self.edges_from)
