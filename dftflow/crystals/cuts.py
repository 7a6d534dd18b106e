"""A piece of crystal between two parallel cuts: layers of ions in the axes of the slab."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import gcd, pi

import numpy as np
from pymatgen.core import Lattice, Structure

from dftflow.crystals.ions import OXIDATION_STATE, IonicUnit, chemical_formula, formal_charge, states_of_units
from dftflow.crystals.moments import MOMENT
from dftflow.crystals.symmetry import spglib_dataset
from dftflow.model.results import FloatArray, readonly
from dftflow.units import BOHR_ANG, HARTREE_EV

__all__ = ["Cut", "Flip", "potential_step_ev"]

SYMMETRY_TOLERANCE_ANG = 0.1
_SURELY_ANOTHER_ANG = 0.5
"""No operation within `SYMMETRY_TOLERANCE_ANG` brings two atoms to one place whose heights differ by more."""
_VACUUM_ANG = 10.0

Layer = tuple[IonicUnit, ...]
Flip = tuple[int, ...]
"""For every ion of a cut, the number of the ion that an operation which swaps the two faces maps it on."""


def potential_step_ev(dipole_e_ang: float, area_ang2: float) -> float:
    """Of a neutral sheet with a dipole along its normal: 4π e² p / A."""
    return 4 * pi * HARTREE_EV * BOHR_ANG * dipole_e_ang / area_ang2


@dataclass(frozen=True, eq=False, kw_only=True)
class Cut:
    """Layers of ions from bottom to top; z is the normal.

    Attributes
    ----------
    layers
        Ions of each layer.
    in_plane_ang
        shape (2, 3); lattice vectors of the surface cell, the first along x.
    crystal_ang
        shape (3, 3); lattice vectors of the crystal as it was given, in the axes of the cut.
    broken_per_ang2
        Valence of the bonds that a face cuts, over its area, the mean of both faces.
    surface
        Name of both faces when part of their layer was taken away; ``""`` for a plain cut.
    """

    layers: tuple[Layer, ...]
    in_plane_ang: FloatArray
    crystal_ang: FloatArray
    broken_per_ang2: float = 0.0
    surface: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "in_plane_ang", readonly(self.in_plane_ang, (2, 3), "in_plane_ang"))
        object.__setattr__(self, "crystal_ang", readonly(self.crystal_ang, (3, 3), "crystal_ang"))

    @cached_property
    def units(self) -> Layer:
        """All ions, bottom layer first."""
        return tuple(unit for layer in self.layers for unit in layer)

    @cached_property
    def heights_ang(self) -> tuple[float, float]:
        """z of the lowest and of the highest atom."""
        z = np.concatenate([unit.positions_ang[:, 2] for unit in self.units])
        return float(z.min()), float(z.max())

    @property
    def thickness_ang(self) -> float:
        """Outermost atom to outermost atom."""
        low, high = self.heights_ang
        return high - low

    @property
    def area_ang2(self) -> float:
        """Of one surface cell."""
        return float(abs(np.cross(*self.in_plane_ang)[2]))

    @property
    def charge(self) -> int:
        """Formal charge of a surface cell, in e."""
        return formal_charge(self.units)

    @property
    def excess(self) -> int:
        """Sum of the test charges of a surface cell: the charge, or which element of a crystal without charges it has
        more of."""
        return sum(unit.test_charge for unit in self.units)

    @property
    def potential_step_ev(self) -> float:
        """Difference of the electron's potential energy across the cut that its test charges make (no screening).

        Meaningless for a cut with an `excess`.
        """
        dipole_e_ang = sum(unit.test_charge * float(unit.centre_ang[2]) for unit in self.units)
        return potential_step_ev(dipole_e_ang, self.area_ang2)

    @property
    def faces(self) -> tuple[str, str]:
        """Reduced formulae of the bottom and the top layer."""
        return chemical_formula(self.layers[0], reduced=True), chemical_formula(self.layers[-1], reduced=True)

    def repeated(self, repeats: tuple[tuple[int, int], tuple[int, int]]) -> Cut:
        """The same cut with a surface cell of `repeats` times the in-plane vectors."""
        matrix = np.array(repeats)
        span = range(-int(np.abs(matrix).sum()), int(np.abs(matrix).sum()) + 1)
        steps = np.array([(i, j) for i in span for j in span])
        inside = np.floor(steps @ np.linalg.inv(matrix) + 1e-9)
        shifts = steps[np.all(inside == 0, axis=1)] @ self.in_plane_ang
        vectors = matrix @ self.in_plane_ang
        x = vectors[0] / np.linalg.norm(vectors[0])
        turn = np.array([x, [-x[1], x[0], 0.0], [0.0, 0.0, 1.0]])
        layers = tuple(tuple(unit.moved(turn @ s, turn) for unit in layer for s in shifts) for layer in self.layers)
        return replace(self, layers=layers, in_plane_ang=vectors @ turn.T, crystal_ang=self.crystal_ang @ turn.T)

    @property
    def termination(self) -> str:
        """Name of the faces: ``"CsBr"``, ``"CsBr|PbBr2"`` (bottom first) or ``"CsBr3 (half)"``."""
        return self.surface or "|".join(dict.fromkeys(self.faces))

    def without(self, removed: Iterable[int], surface: str) -> Cut:
        """The cut without the ions of these numbers in `units`, its faces now named `surface`."""
        gone = {id(self.units[number]) for number in removed}
        layers = tuple(tuple(unit for unit in layer if id(unit) not in gone) for layer in self.layers)
        return replace(self, layers=layers, surface=surface)

    def is_made_of(self, units: Iterable[IonicUnit]) -> bool:
        """Whether the composition is that of `units`."""
        own, other = Counter(unit.name for unit in self.units), Counter(unit.name for unit in units)
        shares = [{name: count // gcd(*counts.values()) for name, count in counts.items()} for counts in (own, other)]
        return shares[0] == shares[1]

    def cell_ang(self, vacuum_ang: float) -> FloatArray:
        """Lattice vectors with `vacuum_ang` between the outermost atoms of neighbouring slabs."""
        return np.vstack([self.in_plane_ang, [0.0, 0.0, self.thickness_ang + vacuum_ang]])

    def centred(self, vacuum_ang: float) -> tuple[Layer, ...]:
        """The layers with the slab in the middle of its cell, the centre of every ion within the cell in the plane."""
        shifts = iter(self._shifts_ang(vacuum_ang))
        return tuple(tuple(unit.moved(next(shifts)) for unit in layer) for layer in self.layers)

    def _shifts_ang(self, vacuum_ang: float) -> list[FloatArray]:
        """How far each ion moves in `centred`."""
        cell = self.cell_ang(vacuum_ang)
        lift = np.array([0.0, 0.0, vacuum_ang / 2 - self.heights_ang[0]])
        centres = np.array([unit.centre_ang for unit in self.units])
        turns = np.floor((centres + lift) @ np.linalg.inv(cell) + 1e-6) * np.array([1.0, 1.0, 0.0])
        found = {turn: lift - np.array(turn) @ cell for turn in set(map(tuple, turns.tolist()))}
        return [found[tuple(turn)] for turn in turns.tolist()]

    def to_structure(self, vacuum_ang: float) -> Structure:
        """The slab in its cell, layer by layer.

        Site properties: ``layer`` counts from the bottom; ``molecule`` is -1 for a single ion, else the number of the
        molecule, whose charge is in ``properties["molecule_charges"]``; `OXIDATION_STATE` where any ion has another
        charge than its usual one; `MOMENT` where an ion has a magnetic moment.
        """
        symbols: list[str] = []
        positions: list[FloatArray] = []
        numbers: list[int] = []
        molecules: list[int] = []
        charges: list[int] = []
        units: list[IonicUnit] = []
        for number, layer in enumerate(self.centred(vacuum_ang)):
            for unit in sorted(layer, key=lambda unit: (unit.charge < 0, abs(unit.charge), unit.name)):
                molecular = len(unit.symbols) > 1
                symbols += unit.symbols
                positions.append(unit.positions_ang)
                numbers += [number] * len(unit.symbols)
                molecules += [len(charges) if molecular else -1] * len(unit.symbols)
                charges += [unit.charge] if molecular else []
                units.append(unit)
        states = states_of_units(units)
        moments = [unit.moment_mub for unit in units for _ in unit.symbols]
        return Structure(
            Lattice(self.cell_ang(vacuum_ang)),
            symbols,
            np.concatenate(positions),
            coords_are_cartesian=True,
            site_properties={"layer": numbers, "molecule": molecules}
            | ({} if states is None else {OXIDATION_STATE: states})
            | ({MOMENT: moments} if any(moments) else {}),
            properties={"molecule_charges": tuple(charges)},
        )

    @cached_property
    def flips(self) -> tuple[Flip, ...]:
        """Operations of the slab's own symmetry that map one face onto the other."""
        if not self._may_flip():
            return ()
        shifts = self._shifts_ang(_VACUUM_ANG)
        flipped = [(w, t) for w, t in self._operations(shifts) if round(w[2, 2]) == -1]
        return tuple(set(self._images_of_units(shifts, flipped)))

    def _may_flip(self) -> bool:
        """Whether the heights of each element are the same from below and from above, which an exchange of faces asks.

        Costs nothing beside a search for the symmetry, which is not needed where they are not.
        """
        low, high = self.heights_ang
        heights: dict[str, list[float]] = {}
        for unit in self.units:
            for symbol, z in zip(unit.symbols, unit.positions_ang[:, 2].tolist(), strict=True):
                heights.setdefault(symbol, []).append(z)
        return all(
            abs(z - (low + high - other)) < _SURELY_ANOTHER_ANG
            for found in map(sorted, heights.values())
            for z, other in zip(found, reversed(found), strict=True)
        )

    def _operations(self, shifts_ang: Sequence[FloatArray]) -> list[tuple[FloatArray, FloatArray]]:
        """Symmetry operations (rotation, translation) of the ions moved by `shifts_ang`, in units of their cell.

        Ions of unlike charges are unlike; moments that are turned round are the same, by time reversal.
        """
        cell = self.cell_ang(_VACUUM_ANG)
        atoms = [(symbol, unit.charge, abs(unit.moment_mub)) for unit in self.units for symbol in unit.symbols]
        kinds = {atom: number for number, atom in enumerate(sorted(set(atoms)))}
        moved = [unit.positions_ang + shift for unit, shift in zip(self.units, shifts_ang, strict=True)]
        positions = np.concatenate(moved) @ np.linalg.inv(cell)
        numbers = [kinds[atom] for atom in atoms]
        data = spglib_dataset(cell, positions, numbers, symprec_ang=SYMMETRY_TOLERANCE_ANG)
        return [] if data is None else list(zip(data.rotations, data.translations, strict=True))

    def _images_of_units(
        self, shifts_ang: Sequence[FloatArray], operations: Iterable[tuple[FloatArray, FloatArray]]
    ) -> Iterator[Flip]:
        cell = self.cell_ang(_VACUUM_ANG)
        moved = [unit.centre_ang + shift for unit, shift in zip(self.units, shifts_ang, strict=True)]
        centres = np.array(moved) @ np.linalg.inv(cell)
        names = np.array([unit.name for unit in self.units])
        unlike = names[:, None] != names[None]
        for rotation, translation in operations:
            offsets = (centres @ rotation.T + translation)[:, None] - centres[None]
            distance = np.linalg.norm((offsets - np.round(offsets)) @ cell, axis=2)
            distance[unlike] = np.inf
            yield tuple(distance.argmin(axis=1).tolist())
