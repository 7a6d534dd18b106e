"""A cleaved slab and what is known of its two faces."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from dftflow.model.kpoint_grid import PlaneVectors
from dftflow.model.miller import miller_text
from dftflow.model.results import FloatArray, readonly
from dftflow.model.shown import Shown

if TYPE_CHECKING:
    from pymatgen.core import Structure

__all__ = ["GIVEN", "AtomicLayer", "FoundSurface", "Plane", "SlabModel"]

GIVEN = "given"
"""The setting of a plane whose indices count in the cell that the structure at hand is given in."""


MOST_PARTS = 24
"""Of a lattice vector of the crystal: a supercell's vector holds that many of its cell's at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plane:
    """A lattice plane in a named cell setting, with its names in the other settings.

    Attributes
    ----------
    miller
        Indices in `setting`.
    setting
        ``Pnma``, ``Pbnm``, ``cubic``, the Hermann-Mauguin symbol of the cell's space group, or ``given``: the cell that
        the structure at hand is given in.
    equivalents
        Setting -> indices of the same plane there (``{"Pbnm": (1, 1, 0), "pseudocubic": (1, 1, 1)}``).
    miller_cell
        Indices in the cell that the structure at hand is given in.
    four_indices
        The plane was named by four indices (hkil), and is shown so.
    """

    miller: tuple[int, int, int]
    setting: str
    equivalents: tuple[tuple[str, tuple[int, int, int]], ...]
    miller_cell: tuple[int, int, int]
    four_indices: bool = False

    def __str__(self) -> str:
        cell = "of the given cell" if self.setting == GIVEN else self.setting
        return f"{self.text} {cell}"

    @property
    def text(self) -> str:
        """The indices as they were given: ``(011)``, ``(11-20)``."""
        h, k, m = self.miller
        return miller_text((h, k, -h - k, m) if self.four_indices else self.miller)

    @property
    def short(self) -> str:
        """The indices; with their cell where they are others in the given one, or count in it alone."""
        in_place = self.setting != GIVEN and self.miller == self.miller_cell
        return self.text if in_place else str(self)

    def named(self, setting: str) -> tuple[int, int, int] | None:
        """Indices in a setting; None where they are not known."""
        return self.miller if setting == self.setting else dict(self.equivalents).get(setting)


@dataclass(frozen=True, slots=True, kw_only=True)
class AtomicLayer:
    """One layer of a slab: what it holds per surface cell, its height and its formal charge."""

    formula: str
    z_ang: float
    formal_charge: int


@dataclass(frozen=True, eq=False, slots=True, kw_only=True, repr=False)
class SlabModel(Shown):
    """A slab whose normal is the cell's z, with the vacuum in its cell.

    Attributes
    ----------
    structure
        pymatgen `Structure`; lattice vector c is along z and perpendicular to a and b.
    plane
        The plane it was cleaved along.
    termination
        Name of the surface layer(s): ``"FABr"``, ``"PbBr2"``, ``"CsPbBr3|Br"`` when the two faces differ,
        ``"CsBr3/2 (half Cs2Br6)"``-like for a compensated polar face.
    layers
        From bottom to top.
    formal_charge
        Of the slab, in e, per surface cell.
    symmetric
        An operation of the slab maps one face onto the other.
    polar
        The formal dipole along the normal is not zero, or the slab is charged.
    compensated
        The plane is polar, and the faces were made neutral by taking ions away.
    tasker
        Type of the stacking (10.1088/0022-3719/12/22/036): ``"I"``, neutral planes of atoms; ``"II"``, charged ones of
        which the slab has no dipole; ``"III"``, polar, compensated or not; ``""`` where it is not known.
    charges
        The formal charges that were counted with, and where they come from.
    why
        Why ``auto`` takes this slab of its plane; ``""`` for the others.
    remarks
        What is to be known of its faces, one line each.
    stoichiometric
        Same composition as the crystal.
    area_ang2, thickness_ang, vacuum_ang, period_ang
        Of one surface cell; outermost atom to outermost atom; height of the empty part; distance along the normal
        after which the crystal's plane averages repeat.
    crystal_ang
        shape (3, 3); lattice vectors of the crystal that it was cut from, in the axes of the slab; None in what an
        earlier version stored.
    refused
        ``""`` when the slab may be calculated by default, else why not.
    """

    structure: Structure
    plane: Plane
    termination: str
    layers: tuple[AtomicLayer, ...]
    formal_charge: int
    symmetric: bool
    polar: bool
    stoichiometric: bool
    area_ang2: float
    thickness_ang: float
    vacuum_ang: float
    period_ang: float
    crystal_ang: FloatArray | None = None
    compensated: bool = False
    tasker: str = ""
    charges: str = ""
    why: str = ""
    remarks: tuple[str, ...] = ()
    refused: str = ""

    def __post_init__(self) -> None:
        if self.crystal_ang is not None:
            object.__setattr__(self, "crystal_ang", readonly(self.crystal_ang, (3, 3), "crystal_ang"))

    def _in_short(self) -> str:
        refused = ", refused" if self.refused else ""
        size = f"{len(self.structure)} atoms, {self.thickness_ang:.2f} Å"
        return f"{self.plane}, {self.termination}: {size}{refused}"

    @property
    def plane_vectors(self) -> PlaneVectors | None:
        """Its lattice vectors a and b in units of those of the crystal; None where these are not known."""
        if self.crystal_ang is None:
            return None
        parts = self.structure.lattice.matrix[:2] @ np.linalg.inv(self.crystal_ang)
        a, b = (tuple(Fraction(float(x)).limit_denominator(MOST_PARTS) for x in vector) for vector in parts)
        return ((a[0], a[1], a[2]), (b[0], b[1], b[2]))

    @property
    def of_polar_plane(self) -> bool:
        """Whether its plane is polar, compensated or not: no bulk cut of such a plane has a converged level."""
        return self.polar or self.compensated


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundSurface:
    """What surface a slab is that was not cut here, read back from its calculated geometry.

    Attributes
    ----------
    plane
        The plane of the crystal that it is parallel to.
    bottom, top
        Its faces, named as in `SlabModel.termination` by the cut that lies nearest: the top is on the side to which the
        lattice vector out of the plane leads.
    layers
        How many there are.
    period_ang
        Distance along the normal after which the crystal's plane averages repeat.
    rms_ang
        How far its ions lie from those of the cut: what a relaxation did to it.
    strain
        Of its plane against that of the crystal, the root of the ratio of their areas less one.
    polar
        The plane is polar: any faces are a choice.
    """

    plane: Plane
    bottom: str
    top: str
    layers: int
    period_ang: float
    rms_ang: float
    strain: float
    polar: bool

    @property
    def termination(self) -> str:
        """Both faces, bottom first; one name where they have the same."""
        return "|".join(dict.fromkeys((self.bottom, self.top)))

    def __str__(self) -> str:
        return f"{self.plane}, {self.termination}"
