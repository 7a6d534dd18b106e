"""What a kind of subject is: which steps it has, and how each is built. One file of this folder a kind.

bulk  ──┬── bulk-relax ──┬── bulk-bands ── bulk-masses; bulk-shifts, bulk-dos
slab  ──┴────────────────┴── slab-<hkl>-relax ── slab-<hkl>-potential      (one pair a slab)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from dftflow.model.built import Built
from dftflow.model.levels import BandEdges
from dftflow.model.step import Purpose, Step, StepId
from dftflow.studies.material import Material
from dftflow.studies.reader import Study

if TYPE_CHECKING:
    from pymatgen.core import Structure


__all__ = ["Kind", "Parent"]


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class Parent:
    """An earlier step as a later one sees it: how it was built, and the geometry that it ended with.

    Without a result, the geometry is the one that it starts from.

    Attributes
    ----------
    purpose
        What it is needed for.
    edges
        Where its band edges lie, where that is what it is needed for; None as long as it has no result.
    """

    built: Built
    structure: Structure
    purpose: Purpose = "geometry"
    edges: BandEdges | None = None


@runtime_checkable
class Kind(Protocol):
    """A kind of subject. Steps are data: what a kind puts into their ``settings``, it reads when it builds them."""

    name: str

    def steps(self, study: Study, materials: Mapping[str, Material]) -> tuple[Step, ...]:
        """Every step of this kind in `study`, each after those of this kind that it needs."""
        ...

    def build(
        self, step: Step, study: Study, materials: Mapping[str, Material], parents: Mapping[StepId, Parent]
    ) -> Built:
        """Structure and calculation of one of its steps.

        `parents` has the steps that it needs the geometry, or the band edges, of. ``parents``, ``assumed`` and
        ``edges_from`` of the answer are left empty.
        """
        ...
