"""Which surface of a crystal a study begins with, where a person names none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from textwrap import shorten
from typing import TYPE_CHECKING

from dftflow.crystals.ions import ionic_units
from dftflow.crystals.planes import coprime_indices, resolve_plane
from dftflow.crystals.slabs import choose_slab, enumerate_slabs
from dftflow.crystals.symmetry import averaging_period_ang, space_group
from dftflow.errors import SurfaceError
from dftflow.model.surface import GIVEN, Plane, SlabModel

if TYPE_CHECKING:
    from pymatgen.core import Structure

__all__ = ["SurfaceChoice", "choose_surface"]

Indices = tuple[int, int, int]

SIZES_ANG = ((10.0, 15.0), (8.0, 13.0))
"""Thickness and vacuum of the presets ``study`` and ``quick``; a test compares them."""

MOST_OTHERS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class SurfaceChoice:
    """A plane, or why there is none.

    Attributes
    ----------
    miller, setting
        None and ``""`` where no plane can be calculated.
    why, setting_why
        Reasons, one line each.
    termination
        The one that is taken of itself.
    notes
        Lines on the planes that were left out.
    """

    miller: Indices | None
    setting: str = ""
    why: str = ""
    setting_why: str = ""
    termination: str = ""
    notes: tuple[str, ...] = ()


def choose_surface(structure: Structure) -> SurfaceChoice:
    """The plane of low indices with the widest spacing of which a neutral slab with two alike faces can be cut.

    Planes of wide spacing are those that crystals show most (Bravais, Friedel, Donnay and Harker, who count screws and
    glides too: a/2 for (100) of rutile, so that (110) comes first): a first choice, and no surface energy. A polar
    plane, whose outermost layers have to be thinned out, comes after all others.
    """
    try:
        ionic_units(structure)
    except SurfaceError as error:
        return SurfaceChoice(miller=None, notes=(f"No surface: {error.sentence}.",))
    refused: list[str] = []
    found: list[tuple[Plane, SlabModel]] = []
    spacings: set[float] = set()
    for plane in _planes(structure):
        spacing = round(averaging_period_ang(structure, plane.miller_cell), 3)
        if spacing in spacings:  # most often a plane that symmetry makes alike
            continue
        try:
            slab = _fit_slab(structure, plane)
        except SurfaceError as error:
            refused.append(f"{_name(plane)}: {error.reason or error.summary}{f'; {error.fix}' if error.fix else ''}")
            continue
        spacings.add(spacing)
        found.append((plane, slab))
    found.sort(key=lambda row: row[1].compensated)
    return _choice(found, refused)


def _choice(found: list[tuple[Plane, SlabModel]], refused: list[str]) -> SurfaceChoice:
    left_out = tuple(shorten(f"Not taken: {line}", 160, placeholder=" …") for line in refused[:MOST_OTHERS])
    if not found:
        none = "No surface: of the planes of low indices none gives a slab that is neutral with two alike faces."
        return SurfaceChoice(miller=None, notes=(none, *left_out))
    plane, slab = found[0]
    others = [
        f"{_name(other)} ({len(model.structure)} atoms, {model.termination})"
        for other, model in found[1 : 1 + MOST_OTHERS]
        if not model.compensated
    ]
    kind = "polar, with thinned-out faces" if slab.compensated else "not polar"
    again = (f"Others that are not polar: {', '.join(others)}; add a table like this one for each.",) if others else ()
    return SurfaceChoice(
        miller=plane.miller,
        setting=plane.setting,
        why=f"{kind}; {len(slab.structure)} atoms in {slab.thickness_ang:.1f} Å",
        setting_why="the indices belong to the cell of the file itself"
        if plane.setting == GIVEN
        else "the cell setting that the indices belong to",
        termination=slab.termination,
        notes=(*again, *left_out),
    )


def _name(plane: Plane) -> str:
    return f"{plane.text} {plane.setting}"


def _fit_slab(structure: Structure, plane: Plane) -> SlabModel:
    """The slab of the preset ``study``, where that of ``quick`` can be cut too."""
    slabs = [
        choose_slab(enumerate_slabs(structure, plane, min_thickness_ang=thickness, vacuum_ang=vacuum))
        for thickness, vacuum in SIZES_ANG
    ]
    return slabs[0]


def _planes(structure: Structure) -> Iterator[Plane]:
    """Planes of low indices in the setting of the space group, else in the given cell, widest spacing first."""
    setting = _setting(structure)
    seen: set[Indices] = set()
    rows: list[tuple[float, Indices, Plane]] = []
    for indices in _low_indices():
        plane = resolve_plane(structure, indices, setting)
        if plane.miller_cell in seen:
            continue
        seen.add(plane.miller_cell)
        rows.append((-averaging_period_ang(structure, plane.miller_cell), indices, plane))
    rows.sort(key=lambda row: (round(row[0], 3), sum(row[1]), row[1]))
    yield from (plane for _, _, plane in rows)


def _low_indices() -> list[Indices]:
    """(hkl) of 0 and 1, those along one axis first."""
    found = [coprime_indices(indices) for indices in product((0, 1), repeat=3) if any(indices)]
    return sorted(set(found), key=lambda indices: (sum(indices), indices))


def _setting(structure: Structure) -> str:
    """The symbol of the space group where it names one setting of this cell; else ``given``."""
    symbol = space_group(structure).symbol
    try:
        for indices in _low_indices():
            resolve_plane(structure, indices, symbol)
    except SurfaceError:
        return GIVEN
    return symbol
