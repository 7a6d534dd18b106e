"""What speaks against a slab, which of a plane's slabs comes first, and why, in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import gcd

import numpy as np

from dftflow.crystals.cuts import Cut
from dftflow.crystals.formal_charges import is_covalent
from dftflow.crystals.ions import IonicUnit, has_perovskite_formula
from dftflow.crystals.layers import POLAR_STEP_EV

__all__ = ["Judgement", "Size", "is_polar", "ranked", "remarks", "tasker_type", "why_first"]

PLANE_GAP_ANG = 0.6
"""Atoms of a layer whose heights differ by more are two planes to Tasker's types: F and Ca of (111) fluorite, 0.79 Å;
tilts spread the layers of a perovskite by less from one ion to the next."""

BROKEN_PER_ANG2 = 0.02
"""Valence over area below which no bond is broken: between the sheets of graphite none is."""

AX_SOURCE = "arXiv:2011.04269"


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How thick slabs are to be."""

    min_thickness_ang: float | None
    n_layers: int | None


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class Judgement:
    """Judges the slabs of one plane.

    Attributes
    ----------
    crystal
        Ions of one repeat of the crystal.
    size
        That was asked for.
    """

    crystal: Sequence[IonicUnit]
    size: Size

    def refusal(self, cut: Cut) -> str:
        """Why the slab is not to be calculated by default; ``""`` when it may be."""
        if cut.charge != 0:
            return f"formal charge {cut.charge:+d} per surface cell: such a slab is metallic"
        if cut.excess != 0:
            much = sorted({unit.name for unit in cut.units if unit.test_charge * cut.excess > 0})
            return f"polar: {' and '.join(much)} in excess, which leaves partly filled bonds: such a slab is metallic"
        if is_polar(cut):
            return _why_polar(cut)
        if not cut.flips:
            turned = cut.faces[0] == cut.faces[1] and any(len(unit.symbols) > 1 for unit in cut.units)
            why = " (the molecules point to one of them)" if turned else ""
            return f"its two faces differ{why}, and with them the two vacuum levels"
        if cut.thickness_ang < (self.size.min_thickness_ang or 0.0):
            return f"{cut.thickness_ang:.2f} Å thick, less than the {self.size.min_thickness_ang} Å asked for"
        return ""

    def stoichiometric(self, cut: Cut) -> bool:
        """Whether it has the composition of the crystal."""
        return cut.is_made_of(self.crystal)

    def of_perovskite(self) -> bool:
        """Whether the crystal is a halide of a perovskite's formula."""
        return has_perovskite_formula(self.crystal) and all(unit.charge >= -1 for unit in self.crystal)


def _why_polar(cut: Cut) -> str:
    if not any(unit.charge for unit in cut.units):
        return "polar: unlike elements follow each other from face to face, a dipole across the slab"
    return f"polar: its ions' charges make a potential step of {abs(cut.potential_step_ev):.1f} eV across the slab"


def is_polar(cut: Cut) -> bool:
    """Whether it is charged, or a dipole."""
    return cut.excess != 0 or abs(cut.potential_step_ev) > POLAR_STEP_EV


def tasker_type(cut: Cut) -> str:
    """``"I"``, ``"II"`` or ``"III"``, ``""`` where no charges tell unlike planes apart: see `SlabModel.tasker`."""
    if cut.surface or is_polar(cut):
        return "III"
    planes = [plane for layer in cut.layers for plane in _planes(layer)]
    if not any(unit.test_charge for unit in cut.units) and len(set(map(_shares, planes))) > 1:
        return ""
    return "II" if any(sum(unit.test_charge for unit in plane) for plane in planes) else "I"


def _shares(plane: Sequence[IonicUnit]) -> frozenset[tuple[str, int]]:
    """Of each kind of ion how many, in the smallest whole numbers: alike in planes of one composition."""
    counts = Counter(unit.name for unit in plane)
    common = gcd(*counts.values())
    return frozenset((name, count // common) for name, count in counts.items())


def _planes(layer: Sequence[IonicUnit]) -> Iterable[Sequence[IonicUnit]]:
    rising = sorted(layer, key=lambda unit: float(unit.centre_ang[2]))
    planes = [[rising[0]]]
    for below, unit in pairwise(rising):
        if unit.centre_ang[2] - below.centre_ang[2] >= PLANE_GAP_ANG:
            planes.append([])
        planes[-1].append(unit)
    return planes


def remarks(cut: Cut) -> tuple[str, ...]:
    """Of faces that leave bonds of a covalent crystal dangling: polar ones of a compound, all of an element."""
    names = {unit.name for unit in cut.units}
    single = all(len(unit.symbols) == 1 for unit in cut.units)
    if not single or not is_covalent(names) or cut.broken_per_ang2 < BROKEN_PER_ANG2:
        return ()
    if len(names) > 1 and tasker_type(cut) != "III":
        return ()
    return (
        f"dangling bonds: its faces break bonds of valence {cut.broken_per_ang2 * cut.area_ang2:.1f} a surface cell; a "
        "real one reconstructs or is passivated, and the states of this one can lie in the gap",
    )


# --- order ------------------------------------------------------------------------------------------------------------


def ranked(cuts: Iterable[Cut], judge: Judgement) -> list[Cut]:
    """The best first. Of halide perovskites AX faces, then the thinner; else what has the crystal's composition, then
    what breaks the least; the last entries make the order independent of how the crystal was given."""
    key = _rank_of_perovskite if judge.of_perovskite() else _rank
    return sorted(cuts, key=lambda cut: (bool(judge.refusal(cut)), *key(cut, judge)))


def _rank_of_perovskite(cut: Cut, judge: Judgement) -> tuple[object, ...]:
    thickness_ang = round(cut.thickness_ang, 2)
    return not _has_ax_faces(cut), thickness_ang, len(cut.units), cut.termination, _heights(cut)


def _rank(cut: Cut, judge: Judgement) -> tuple[object, ...]:
    order = not judge.stoichiometric(cut), _broken(cut), round(cut.area_ang2, 2), cut.termination
    return *order, round(cut.thickness_ang, 2), len(cut.units), _heights(cut)


def _broken(cut: Cut) -> float:
    """To three digits, so that what symmetry makes equal compares equal."""
    return float(f"{cut.broken_per_ang2:.3g}")


def _heights(cut: Cut) -> tuple[float, ...]:
    """Of the layers, from the face from which they are the lesser ones."""
    heights = [float(np.mean([unit.centre_ang[2] for unit in layer])) for layer in cut.layers]
    upwards = tuple(round(z - heights[0], 2) for z in heights)
    return min(upwards, tuple(round(heights[-1] - z, 2) for z in reversed(heights)))


def _has_ax_faces(cut: Cut) -> bool:
    charges = {unit.charge for unit in cut.layers[0]}
    return cut.faces[0] == cut.faces[1] and max(charges) == 1 and min(charges) < 0


def why_first(accepted: Sequence[Cut], names: Sequence[str], judge: Judgement) -> str:
    """Why the first of the slabs that are not refused is the one to take, as the end of "auto takes NAME: …"."""
    first, others = accepted[0], accepted[1:]
    number = judge.size.n_layers
    cuts = f"each plain cut of {number} layers is refused" if number else "every plain cut of this plane is polar"
    polar = f"{cuts}, and its faces were thinned out until neutral; " if first.surface else ""
    if not others:
        return f"{polar}the only one that is not refused"
    return polar + (_why_of_perovskite if judge.of_perovskite() else _why)(first, others, names[1], judge)


def _why_of_perovskite(first: Cut, others: Sequence[Cut], second: str, judge: Judgement) -> str:
    if _has_ax_faces(first) and not all(map(_has_ax_faces, others)):
        return f"faces of a monovalent cation and a halide were found more stable (CsPbI3: {AX_SOURCE})"
    return f"the thinnest that is not refused; nothing here tells whether {second} is more stable"


def _why(first: Cut, others: Sequence[Cut], second: str, judge: Judgement) -> str:
    if judge.stoichiometric(first) and not any(map(judge.stoichiometric, others)):
        return "the only one with the crystal's composition that is not refused"
    nearest = others[0]
    if _broken(first) < _broken(nearest):
        less = f"bonds of valence {_broken(first):g} against {_broken(nearest):g} per Å²"
        return f"its faces break less than those of {second}, {less}"
    if round(first.area_ang2, 2) < round(nearest.area_ang2, 2):
        return f"it needs the smaller surface cell; nothing here tells whether {second} is more stable"
    return f"the first by name: nothing here tells whether {second}, which breaks as much, is more stable"
