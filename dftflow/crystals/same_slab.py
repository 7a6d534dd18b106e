"""Whether a calculated slab has the surface that was asked for, after whatever a relaxation did to it.

The ions of the slab are laid over those of the model. A relaxation moves single ions by an angstrom; planes and
terminations that a perovskite's tilts alone tell apart differ by half of that. So distances alone do not decide: the
crystal that the model was cut from is cut along its other planes of low indices too, and the nearest slab is the one
that was calculated. What is as near to two of them, or has gained or lost symmetry, is said.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from dftflow.crystals.faces import faces_of, units_by_height
from dftflow.crystals.ions import IonicUnit, chemical_formula, formal_charge, ionic_units, with_states_of
from dftflow.crystals.likeness import Likeness
from dftflow.crystals.overlay import IonStack, Misfit, misfit, plane_cells, stack_of
from dftflow.crystals.parent_crystal import ParentCrystal, parent_crystal
from dftflow.model.surface import SlabModel

if TYPE_CHECKING:
    from pymatgen.core import Structure

__all__ = ["compare_surface"]

SAME_PLACE_ANG = 0.02
FARTHEST_ANG = 1.5
"""No ion of a relaxed surface moves as far; ions of one kind are 4 Å and more apart."""

NEARER = 0.8
"""Of two slabs the one that lies closer than this share of the distance to the other is the one that was calculated;
between them it cannot be decided."""

SYMPREC_ANG = 0.1


def compare_surface(slab: Structure, model: SlabModel, *, relaxed: bool = False) -> Likeness:
    """Whether a calculated slab is `model`, and what makes it another surface.

    Where it lies in its cell, the order of its atoms, another basis or a supercell of its plane, a turn or a reflection
    of the plane and another number of layers between the same faces are the same surface. It may not stand on its head
    unless its faces are alike: levels are those of the upper one. How a molecule has turned is not compared.

    Parameters
    ----------
    slab
        As calculated, its normal along c.
    model
        As it was cut.
    relaxed
        The slab comes out of a relaxation that started from `model`, which may undo a distortion.

    Raises
    ------
    SurfaceError
        When the charges of its ions are not known.
    """
    pair = _Pair(slab=with_states_of(slab, model.structure), model=model)
    if pair.cells is None:
        have, want = _plane_text(slab), _plane_text(model.structure)
        return Likeness(refusal=f"a surface cell of {have}, where that of {model.plane} has {want}")
    own = pair.own
    if own is None or own[0].max_ang > FARTHEST_ANG:
        return Likeness(refusal=_difference(pair, None if own is None else own[0]))
    fit, stack = own
    if fit.rms_ang < SAME_PLACE_ANG:
        return Likeness()
    nearest = pair.nearest(stack)
    if nearest is not None and nearest[1] * NEARER < fit.rms_ang:
        what = f"{nearest[0]}, from which its ions lie {nearest[1]:.2f} Å (rms) off"
        asked = f"that of the study, {_name(model)}, they lie {fit.rms_ang:.2f} Å off"
        if nearest[1] < NEARER * fit.rms_ang:
            return Likeness(refusal=f"a slab of {what}; from {asked}")
        return Likeness(remark=f"it may be a slab of {what}; from {asked}")
    return _by_symmetry(pair, stack, relaxed=relaxed)


def _by_symmetry(pair: _Pair, asked: IonStack, *, relaxed: bool) -> Likeness:
    """What the operations of the two slabs tell of the phases that they were cut from."""
    have, want = pair.found.operations(SYMPREC_ANG) / (pair.cells or 1), asked.operations(SYMPREC_ANG)
    molecular = max(pair.model.structure.site_properties["molecule"]) >= 0
    counts = f"{have:g} symmetry operations a surface cell, where that of the study has {want}"
    if have > want and not relaxed:
        return Likeness(refusal=f"a slab of another phase of the crystal: {counts}")
    if have != want and not (have < want and molecular):
        return Likeness(remark=f"the slab may be one of another phase of the crystal: it has {counts}")
    return Likeness()


@dataclass(frozen=True, eq=False, kw_only=True)
class _Pair:
    """A slab as it was calculated and the model it is to be, with what comparing them needs more than once."""

    slab: Structure
    model: SlabModel

    @cached_property
    def units(self) -> Sequence[IonicUnit]:
        return units_by_height(self.slab)

    @cached_property
    def found(self) -> IonStack:
        return stack_of(self.units, self.slab.lattice.matrix)

    @cached_property
    def crystal(self) -> ParentCrystal | None:
        return parent_crystal(self.model)

    @cached_property
    def cells(self) -> int | None:
        """How many surface cells of the model that of the slab is; None when it is no supercell of it."""
        asked = stack_of(ionic_units(self.model.structure), self.model.structure.lattice.matrix)
        matrix = next(plane_cells(self.found.cell_ang, asked.cell_ang), None)
        return None if matrix is None else round(abs(np.linalg.det(matrix)))

    @cached_property
    def own(self) -> tuple[Misfit, IonStack] | None:
        """The slab between the faces of the model that has as many ions as the one found, and how far it lies."""
        asked = stack_of(ionic_units(self.model.structure), self.model.structure.lattice.matrix)
        count, left = divmod(len(self.found.names), self.cells or 1)
        if count == len(asked.names):
            same = [asked]
        else:
            same = [] if left or self.crystal is None else self.crystal.with_ions(count)
        fits = [(fit, stack) for stack in same if (fit := misfit(self.found, stack)) is not None]
        return min(fits, key=lambda pair: pair[0].rms_ang, default=None)

    def nearest(self, own: IonStack | None = None) -> tuple[str, float] | None:
        """Name of the slab of the same crystal, of any plane but not `own`, that lies nearest, and how far."""
        best: tuple[str, float] | None = None
        for slab, stack in self._others():
            for way, name in [(stack, ""), (stack.upside_down(), ", upside down")][: 1 if slab.symmetric else 2]:
                fit = misfit(self.found, way)
                if fit is None or fit.max_ang > FARTHEST_ANG or (best is not None and fit.rms_ang >= best[1]):
                    continue
                if own is None or not _alike(way, own):
                    best = f"{_other_name(slab, self.model)}{name}", fit.rms_ang
        return best

    def _others(self) -> Iterator[tuple[SlabModel, IonStack]]:
        if self.crystal is not None:
            yield from self.crystal.neighbours(self.found, float(np.ptp(self.found.places_ang[:, 2])))


def _alike(first: IonStack, second: IonStack) -> bool:
    fit = misfit(first, second) or misfit(second, first)
    return fit is not None and fit.max_ang < 5 * SAME_PLACE_ANG


def _difference(pair: _Pair, fit: Misfit | None) -> str:
    """What tells a slab from all those between the faces of the model, as the end of "a calculation of …"."""
    found, asked = faces_of(pair.slab), faces_of(pair.model.structure)
    for name, have, want in (("lower", found.bottom, asked.bottom), ("upper", found.top, asked.top)):
        if have != want:
            return f"a slab whose {name} face is {have}, where the study asks for {pair.model.termination}: {want}"
    nearest = pair.nearest()
    named = "" if nearest is None else f"; it is a slab of {nearest[0]}"
    charge, wanted = formal_charge(pair.units), pair.model.formal_charge * (pair.cells or 1)
    if charge != wanted:
        return (
            f"a slab with a formal charge of {charge:+d}, where that of the study, {_name(pair.model)}, has "
            f"{wanted:+d}{named}"
        )
    if fit is None:
        have = chemical_formula(pair.units)
        return f"a slab of {have}, which no thickness of the slab of the study, {_name(pair.model)}, has{named}"
    return (
        f"a slab whose ions lie up to {fit.max_ang:.1f} Å from those of the slab of the study, "
        f"{_name(pair.model)}{named}"
    )


def _name(slab: SlabModel) -> str:
    return f"{slab.plane}, {slab.termination}"


def _other_name(slab: SlabModel, asked: SlabModel) -> str:
    """Without the number that tells namesakes apart where both are of one plane: it depends on the thickness."""
    same = slab.plane.named(slab.plane.setting) == asked.plane.named(slab.plane.setting)
    return f"{slab.plane}, another one with the faces {slab.termination.split(' #')[0]}" if same else _name(slab)


def _plane_text(structure: Structure) -> str:
    lattice = structure.lattice
    return f"{lattice.a:.2f} x {lattice.b:.2f} Å, {lattice.gamma:.0f} degrees"
