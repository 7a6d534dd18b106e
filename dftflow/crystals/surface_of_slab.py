"""Which plane of a crystal, and which termination, a slab is that somebody else made: the inverse of cutting one.

The planes of low indices whose surface cell goes into that of the slab are tried. Of each, the slabs with as many ions
are laid over it, and the nearest one names plane and termination. The crystal is the one whose bulk was calculated, so
that no experimental lattice constant and no other phase comes in.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from math import gcd
from typing import TYPE_CHECKING

import numpy as np

from dftflow.crystals.faces import units_by_height
from dftflow.crystals.ions import IonicUnit, ionic_units, with_all_states, with_oxidation_states, with_states_of
from dftflow.crystals.overlay import IonStack, Misfit, misfit, stack_of
from dftflow.crystals.planes import PSEUDOCUBIC, resolve_plane
from dftflow.crystals.slabs_alike import planes_that_fit, slabs_alike
from dftflow.errors import SurfaceError
from dftflow.model.surface import GIVEN, FoundSurface, Plane, SlabModel

if TYPE_CHECKING:
    from pymatgen.core import Structure

__all__ = ["surface_of_slab"]

MAX_INDEX = 3
SYMPREC_ANG = 0.05
FARTHEST_ANG = 1.5
"""No ion of a relaxed surface moves as far; ions of one kind are 4 Å and more apart."""

NEARER = 0.8
"""Of slabs of two planes the one that lies closer than this share of the distance to the other is the one."""

SAME_RMS_ANG = 0.02
THINNER_ANG = (1.5, 0.7, 0.05)
"""By how much a slab may have got thicker or its layers rumpled since it was cut."""

VACUUM_ANG = 15.0

Indices = tuple[int, int, int]


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class _Candidate:
    """A slab of the crystal that the calculated one may be, and how far its ions lie from it."""

    model: SlabModel
    fit: Misfit
    upside_down: bool


def surface_of_slab(slab: Structure, crystal: Structure, normal: int) -> FoundSurface:
    """Plane and termination of a slab.

    Parameters
    ----------
    slab
        As calculated.
    crystal
        The bulk as calculated, any cell of it. The plane is named in its tabulated setting where it has one.
    normal
        Lattice vector of the slab's cell along which the vacuum lies: 0, 1 or 2.

    Raises
    ------
    SurfaceError
        No slab of a plane of low indices is near, or those of two planes are as near, or the ions cannot be told.
    """
    slab, crystal = _with_charges(_standing(slab, normal), crystal)
    units = units_by_height(slab)
    found = stack_of(units, slab.lattice.matrix)
    near = _nearest(_candidates(found, crystal))
    if len(near) > 1:
        near = _nearest(_by_atoms(stack_of(_atoms(units), slab.lattice.matrix), near))
    if not near:
        raise SurfaceError(
            "no slab of a plane of low indices has these ions in this surface cell",
            reason=f"indices up to {MAX_INDEX} were tried, terminations that are cuts of the crystal, and strains of "
            "the plane up to 3 %",
            fix="a face that is reconstructed, passivated or has an adsorbate is none of these: give the averaging "
            "window yourself",
        )
    if len(near) > 1:
        two = " or ".join(f"{_named(one.model.plane, crystal)}, {one.model.termination}" for one in near[:2])
        apart = " and ".join(f"{one.fit.rms_ang:.2f}" for one in near[:2])
        raise SurfaceError(f"it may be {two}", reason=f"its ions lie {apart} Å (rms) from them")
    return _surface(near[0], found, crystal)


def _nearest(candidates: Iterable[_Candidate]) -> list[_Candidate]:
    """The nearest one of every plane, as far as it cannot be told which of them is the nearest."""
    of_plane: dict[Indices, _Candidate] = {}
    for one in sorted(candidates, key=lambda one: one.fit.rms_ang):
        of_plane.setdefault(one.model.plane.miller_cell, one)
    ranked = list(of_plane.values())
    farthest_ang = max(ranked[0].fit.rms_ang / NEARER, SAME_RMS_ANG) if ranked else 0.0
    return [one for one in ranked if one.fit.rms_ang <= farthest_ang]


def _by_atoms(found: IonStack, candidates: Sequence[_Candidate]) -> Sequence[_Candidate]:
    """The same by all atoms, so that it counts how molecules lie; as before where all of these have turned too far."""
    near = []
    for one in candidates:
        atoms = stack_of(_atoms(ionic_units(one.model.structure)), one.model.structure.lattice.matrix)
        fit = misfit(found, atoms.upside_down() if one.upside_down else atoms)
        if fit is not None and fit.max_ang < FARTHEST_ANG:
            near.append(replace(one, fit=fit))
    return near or candidates


def _atoms(units: Iterable[IonicUnit]) -> list[IonicUnit]:
    """Each atom as an ion of its own."""
    return [
        replace(
            unit,
            name=symbol,
            indices=(index,),
            symbols=(symbol,),
            positions_ang=position[None],
            centre_ang=position,
        )
        for unit in units
        for index, symbol, position in zip(unit.indices, unit.symbols, unit.positions_ang, strict=True)
    ]


def _standing(slab: Structure, normal: int) -> Structure:
    """The slab with the lattice vector `normal` as the third one, right-handed as before."""
    from pymatgen.core import Lattice, Structure

    order = [(normal + 1) % 3, (normal + 2) % 3, normal]
    return Structure(
        Lattice(slab.lattice.matrix[order]),
        slab.species,
        slab.frac_coords[:, order],
        site_properties=slab.site_properties,
        properties=slab.properties,
    )


def _with_charges(slab: Structure, crystal: Structure) -> tuple[Structure, Structure]:
    """Both with the charges of the crystal's ions where they are known, else none at all, which tells the cuts too."""
    try:
        crystal = with_all_states(crystal)
        slab = with_states_of(slab, crystal)
        ionic_units(slab)
    except SurfaceError:
        return with_oxidation_states(slab, [0] * len(slab)), with_oxidation_states(crystal, [0] * len(crystal))
    return slab, crystal


def _candidates(found: IonStack, crystal: Structure) -> Iterator[_Candidate]:
    thickness_ang = float(np.ptp(found.places_ang[:, 2]))
    sizes = tuple(max(thickness_ang - thinner_ang, 1.0) for thinner_ang in THINNER_ANG)
    for miller in planes_that_fit(crystal, found, _low_indices(), symprec_ang=SYMPREC_ANG):
        plane = Plane(miller=miller, setting=GIVEN, equivalents=(), miller_cell=miller)
        for model, stack in slabs_alike(crystal, plane, found, thicknesses_ang=sizes, vacuum_ang=VACUUM_ANG):
            for way, upside_down in [(stack, False), (stack.upside_down(), True)][: 1 if model.symmetric else 2]:
                fit = misfit(found, way)
                if fit is not None and fit.max_ang < FARTHEST_ANG:
                    yield _Candidate(model=model, fit=fit, upside_down=upside_down)


def _low_indices() -> Iterator[Indices]:
    """Coprime indices, those of small and positive numbers first."""
    triples = product(range(-MAX_INDEX, MAX_INDEX + 1), repeat=3)
    whole = [(h, k, m) for h, k, m in triples if gcd(h, k, m) == 1]
    yield from sorted(whole, key=lambda one: (sum(map(abs, one)), sum(value < 0 for value in one), one[::-1]))


def _surface(best: _Candidate, found: IonStack, crystal: Structure) -> FoundSurface:
    model = best.model
    own_ang2 = abs(float(np.linalg.det(found.cell_ang)))
    cells = round(own_ang2 / model.area_ang2)
    faces = model.termination.split(" #")[0].split("|")
    bottom, *_, top = (faces * 2)[::-1] if best.upside_down else faces * 2
    return FoundSurface(
        plane=_named(model.plane, crystal),
        bottom=bottom,
        top=top,
        layers=len(model.layers),
        period_ang=model.period_ang,
        rms_ang=best.fit.rms_ang,
        strain=(own_ang2 / (cells * model.area_ang2)) ** 0.5 - 1,
        polar=model.of_polar_plane,
    )


def _named(plane: Plane, crystal: Structure) -> Plane:
    """The plane in a tabulated setting of the crystal, of its own axes where they are one; else in the cell at hand.

    Of a crystal with molecules the framework's setting is the last one, and the one that people use.
    """
    given = resolve_plane(crystal, plane.miller_cell, GIVEN)
    tabulated = [name for name, _ in given.equivalents if name not in (GIVEN, PSEUDOCUBIC)]
    own = [name for name in reversed(tabulated) if given.named(name) == given.miller_cell]
    for setting in (*own, *tabulated):
        miller = given.named(setting)
        try:
            return given if miller is None else resolve_plane(crystal, _upward(miller), setting)
        except SurfaceError:
            continue
    return given


def _upward(miller: Indices) -> Indices:
    """The same plane with the first index that is not zero positive."""
    h, k, m = miller
    return miller if next(value for value in miller if value) > 0 else (-h, -k, -m)
