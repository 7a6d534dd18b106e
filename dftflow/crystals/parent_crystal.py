"""The crystal that a slab was cut from, read back from the slab: what else could have been cut from it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from math import gcd
from typing import TYPE_CHECKING

import numpy as np

from dftflow.crystals.ions import OXIDATION_STATE, IonicUnit, formal_charge, ionic_units
from dftflow.crystals.overlay import IonStack, shortest_vectors_ang, stack_of
from dftflow.crystals.planes import coprime_indices, resolve_plane
from dftflow.crystals.slabs_alike import planes_that_fit, slabs_alike
from dftflow.crystals.symmetry import FROM_SYMPREC, symmetry_dataset
from dftflow.model.surface import GIVEN, Plane, SlabModel

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pymatgen.core import Structure

__all__ = ["ParentCrystal", "parent_crystal"]

Indices = tuple[int, int, int]
SAME_PLACE_ANG = 0.05
SYMPREC_ANG = 0.1
MAX_PERIODS = 6
MAX_INDEX = 2
ROUGHNESS_ANG = 1.5
"""A relaxed slab may be thinner than it was cut by this much."""


@dataclass(frozen=True, eq=False, kw_only=True)
class ParentCrystal:
    """A crystal whose first two lattice vectors are those of the surface cell that `model` has.

    Attributes
    ----------
    model
        The slab as it was cut; its normal is z.
    structure
        The crystal; its third vector leads from one repeat to the next.
    """

    model: SlabModel
    structure: Structure

    @cached_property
    def units(self) -> tuple[IonicUnit, ...]:
        """Its ions."""
        return ionic_units(self.structure)

    def with_ions(self, count: int) -> list[IonStack]:
        """Slabs with the two faces of the model and `count` ions a surface cell; none when no thickness has as many."""
        lift_ang = self.structure.lattice.matrix[2]
        found = []
        for rotation, shift_ang in self._lifts():
            share = shift_ang[2] / lift_ang[2] * len(self.units)
            periods = (count - len(ionic_units(self.model.structure))) / share
            if abs(periods - round(periods)) < 1e-3:
                stack = self._thicker(rotation, shift_ang, round(periods))
                found += [stack] if stack is not None and len(stack.names) == count else []
        return found

    def _lifts(self) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64]]]:
        """Cartesian operations of the crystal that move it up by the least height at which it repeats, mirrored or not.

        Of a surface cell that was doubled for its faces, only those that keep the doubled cell.
        """
        lattice = self.structure.lattice.matrix
        data = symmetry_dataset(self.structure, symprec_ang=SYMPREC_ANG, angle_tolerance_deg=FROM_SYMPREC)
        upright = np.all(data.rotations[:, 2] == [0, 0, 1], axis=1)
        rises = np.where(data.translations[:, 2] % 1 < 1e-2, 1.0, data.translations[:, 2] % 1)[upright]
        least = np.isclose(rises, rises.min(), atol=1e-2)
        for turn, translation in zip(data.rotations[upright][least], data.translations[upright][least], strict=True):
            whole = translation - np.floor(translation) + [0, 0, translation[2] % 1 < 1e-2]
            yield np.linalg.solve(lattice, turn.T @ lattice).T, whole @ lattice

    def _thicker(self, rotation: NDArray[np.float64], shift_ang: NDArray[np.float64], periods: int) -> IonStack | None:
        """The model with its upper face moved up by so many periods, crystal between; None when the faces meet."""
        cell = self.model.structure.lattice.matrix
        layers = _layers(self.model.structure)
        bottom, top = layers[0], layers[-1]
        low, high = (
            float(np.mean([_edge(first, highest=True), _edge(second, highest=False)]))
            for first, second in (layers[:2], layers[-2:])
        )
        high += periods * shift_ang[2]
        if high < low - 1e-3:
            return None
        for _ in range(abs(periods)):
            top = [
                unit.moved(shift_ang, rotation)
                if periods > 0
                else unit.moved(-shift_ang).moved(np.zeros(3), rotation.T)
                for unit in top
            ]
        return stack_of([*bottom, *self._between(low, high), *top], cell)

    def _between(self, low_ang: float, high_ang: float) -> list[IonicUnit]:
        """Ions of the crystal whose centres lie between two heights."""
        up = self.structure.lattice.matrix[2]
        chosen = []
        for unit in self.units:
            first, last = ((height - unit.centre_ang[2]) / up[2] for height in (low_ang, high_ang))
            chosen += [unit.moved(turn * up) for turn in range(int(np.ceil(first)), int(np.ceil(last)))]
        return chosen

    def neighbours(self, found: IonStack, thickness_ang: float) -> Iterator[tuple[SlabModel, IonStack]]:
        """Slabs of this crystal, of any plane of low indices, with the surface cell and the ions of `found`."""
        thickness_ang = max(thickness_ang - ROUGHNESS_ANG, 1.0)
        for plane in self._planes(found):
            yield from slabs_alike(
                self.structure, plane, found, thicknesses_ang=(thickness_ang,), vacuum_ang=self.model.vacuum_ang
            )

    def _planes(self, found: IonStack) -> Iterator[Plane]:
        """Planes whose surface cell goes into that of `found` a whole number of times, each of its kind once."""
        names: dict[Indices, Indices] = {}
        for miller, of_cell in self._indices():
            names.setdefault(of_cell, miller)
        for of_cell in planes_that_fit(self.structure, found, names, symprec_ang=SAME_PLACE_ANG):
            yield Plane(miller=names[of_cell], setting=self._setting, equivalents=(), miller_cell=of_cell)

    @cached_property
    def _setting(self) -> str:
        """The setting of the model's plane; of the cell that the crystal was given in only the other names are left."""
        plane = self.model.plane
        return plane.equivalents[0][0] if plane.setting == GIVEN else plane.setting

    def _indices(self) -> Iterator[tuple[Indices, Indices]]:
        """Low indices in the setting that the model's plane is named in, and the same in this cell.

        One matrix leads from the first to the second, up to a factor of each column, as indices are made coprime: four
        planes tell it.
        """
        setting = self._setting
        corners: tuple[Indices, ...] = ((1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 1))
        *columns, sums = (resolve_plane(self.structure, corner, setting).miller_cell for corner in corners)
        matrix = np.array(columns).T * np.linalg.solve(np.array(columns, dtype=float).T, np.array(sums, dtype=float))
        for miller in product(range(MAX_INDEX, -MAX_INDEX - 1, -1), repeat=3):
            h, k, m = miller
            if gcd(h, k, m) == 1:
                yield (h, k, m), coprime_indices(matrix @ np.array(miller))


def parent_crystal(model: SlabModel) -> ParentCrystal | None:
    """The crystal of a slab as it was cut; None when the slab is too thin to tell how its layers go on.

    It repeats after a whole number of the heights after which its plane averages do. Among the vectors of that height
    that lay the slab over itself, the one that makes the crystal of the highest symmetry is taken.
    """
    for periods in range(1, MAX_PERIODS + 1):
        crystals = [
            (len(symmetry_dataset(crystal, symprec_ang=SAME_PLACE_ANG).rotations), crystal)
            for repeat_ang in _repeats(model, periods * model.period_ang)
            if (crystal := _folded(model.structure, repeat_ang)) is not None
        ]
        if crystals:
            return ParentCrystal(model=model, structure=max(crystals, key=lambda found: found[0])[1])
    return None


def _repeats(model: SlabModel, height_ang: float) -> Iterator[NDArray[np.float64]]:
    """Vectors of that height that lay the slab over itself, one of those that the surface cell makes alike."""
    stack = stack_of([unit for layer in _layers(model.structure) for unit in layer], model.structure.lattice.matrix)
    outermost = [len(layer) for layer in _layers(model.structure)] if model.compensated else [0]
    whole = slice(outermost[0], len(stack.names) - outermost[-1])
    names, places = np.array(stack.names), stack.places_ang
    for target in np.flatnonzero(names == names[0]):
        vector = places[target] - places[0]
        if abs(vector[2] - height_ang) > SAME_PLACE_ANG:
            continue
        if all(_lies_over(stack, whole, way) for way in (vector, -vector)):
            yield vector


def _lies_over(stack: IonStack, whole: slice, vector: NDArray[np.float64]) -> bool:
    """Whether all ions that `vector` moves to a height of the `whole` layers come to lie on one of their kind."""
    names, moved = np.array(stack.names), stack.places_ang + vector
    heights = stack.places_ang[whole, 2]
    within = (moved[:, 2] > heights.min() - SAME_PLACE_ANG) & (moved[:, 2] < heights.max() + SAME_PLACE_ANG)
    apart = np.linalg.norm(shortest_vectors_ang(moved[within], stack.places_ang, stack.cell_ang), axis=2)
    apart[names[within][:, None] != names[None]] = np.inf
    return bool((apart.min(axis=1) < SAME_PLACE_ANG).all())


def _folded(slab: Structure, repeat_ang: NDArray[np.float64]) -> Structure | None:
    """The crystal that repeats after a vector; None when some of its ions lie in no layer of the slab."""
    from pymatgen.core import Lattice, Structure

    lattice = Lattice([*slab.lattice.matrix[:2], repeat_ang])
    units = ionic_units(slab)
    centres = lattice.get_fractional_coords(np.array([unit.centre_ang for unit in units]))
    names = np.array([unit.name for unit in units])
    alike = (lattice.get_all_distances(centres, centres) < SAME_PLACE_ANG) & (names[:, None] == names[None])
    kept = [unit for unit, first in zip(units, alike.argmax(axis=1) == np.arange(len(units)), strict=True) if first]
    sites = [index for unit in kept for index in unit.indices]
    crystal = Structure(
        lattice,
        [slab[index].specie for index in sites],
        np.concatenate([unit.positions_ang for unit in kept]),
        coords_are_cartesian=True,
        site_properties={
            name: [slab.site_properties[name][index] for index in sites]
            for name in ("molecule", OXIDATION_STATE)
            if name in slab.site_properties
        },
        properties=slab.properties,
    )
    return crystal if formal_charge(ionic_units(crystal)) == 0 else None


def _edge(units: Sequence[IonicUnit], *, highest: bool) -> float:
    heights = [float(unit.centre_ang[2]) for unit in units]
    return max(heights) if highest else min(heights)


def _layers(slab: Structure) -> list[list[IonicUnit]]:
    """Ions of a slab as it was cut, by its own numbers of the layers."""
    numbers = slab.site_properties["layer"]
    layers: dict[int, list[IonicUnit]] = {}
    for unit in ionic_units(slab):
        layers.setdefault(numbers[unit.indices[0]], []).append(unit)
    return [layers[number] for number in sorted(layers)]
