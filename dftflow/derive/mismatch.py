"""Lattice mismatch of two crystals, of a study or any others: lengths beside each other, and strains of planes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

from dftflow.analysis.mismatch import match_text, published_text, strain_text
from dftflow.crystals.lattice_lengths import length_pairs
from dftflow.crystals.lattice_match import match_planes
from dftflow.crystals.plane_lattice import low_index_planes
from dftflow.crystals.planes import resolve_plane
from dftflow.derive.cell_origin import FUNCTIONAL, cell_origin
from dftflow.derive.findings import Findings
from dftflow.errors import DftflowError, SurfaceError
from dftflow.model.mismatch import LengthPair, Mismatch, MismatchRequest, NamedPlane, PlanePair, least_strained
from dftflow.model.outcome import MaterialOutcome
from dftflow.model.quantity import Missing, Quantity
from dftflow.model.surface import Plane

if TYPE_CHECKING:
    from pymatgen.core import Structure

__all__ = ["MatchedCrystal", "mismatch", "mismatch_quantities", "mismatches"]

BY_LENGTHS = "(first - second) / second"
BY_CELLS = "cells that both planes have (Zur and McGill)"
NAME_IT = (
    'name a setting of these with the plane: --plane "1 0 0 given" ..., ("100", "given") in Python, '
    'first_setting = "given" in a study'
)
_MILLER = re.compile(r"--miller ([-\d ]+) \(miller = [^)]*\)")
"""Indices as `dftflow slab` and its table take them."""
LATTICES_ALONE = "of the lattices alone: neither bonds nor terminations of the interface are in it"


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class MatchedCrystal:
    """A crystal, and where its cell comes from."""

    structure: Structure
    cell: str


def mismatch(request: MismatchRequest, first: MatchedCrystal, second: MatchedCrystal) -> Mismatch:
    """What is asked of two crystals.

    Raises
    ------
    SurfaceError
        A plane is none of its crystal, or ambiguous.
    StructureError
        No symmetry is found.
    """
    structures = first.structure, second.structure
    asked = _asked(request, structures)
    pairs = [_pair(request, structures, *planes) for planes in asked or _low_indices(request, structures)]
    if not asked:
        pairs = [pair for pair in pairs if pair.least is not None]
        pairs.sort(key=lambda pair: pair.least.mean_percent if pair.least else 0.0)
    missing = None if pairs else Missing(kind="not derived", reason=_why_none(request))
    return Mismatch(
        request=request,
        cells=(first.cell, second.cell),
        lengths=length_pairs(*structures),
        pairs=tuple(pairs),
        missing=missing,
    )


def _asked(request: MismatchRequest, structures: tuple[Structure, Structure]) -> list[tuple[Plane, Plane]]:
    first, second = structures
    return [(_resolved(first, one), _resolved(second, other)) for one, other in request.planes]


def _resolved(structure: Structure, plane: NamedPlane) -> Plane:
    try:
        return resolve_plane(structure, plane.miller, plane.setting)
    except SurfaceError as error:
        fix = NAME_IT if "--setting" in error.fix else _MILLER.sub(r"\1", error.fix)
        raise SurfaceError(error.summary, reason=error.reason, fix=fix, where=error.where) from None


def _low_indices(request: MismatchRequest, structures: tuple[Structure, Structure]) -> list[tuple[Plane, Plane]]:
    first, second = (low_index_planes(structure, request.max_index) for structure in structures)
    return list(product(first, second))


def _pair(request: MismatchRequest, structures: tuple[Structure, Structure], one: Plane, other: Plane) -> PlanePair:
    return match_planes(
        (structures[0], one),
        (structures[1], other),
        max_area_ang2=request.max_area_ang2,
        most_strain=request.most_strain_percent / 100,
    )


def _why_none(request: MismatchRequest) -> str:
    return (
        f"no two planes of indices up to {request.max_index} share a cell of at most {request.max_area_ang2:g} Å² "
        f"that is strained by {request.most_strain_percent:g} % or less"
    )


# --- of a study -------------------------------------------------------------------------------------------------


def mismatches(requests: Sequence[MismatchRequest], materials: Sequence[MaterialOutcome]) -> tuple[Mismatch, ...]:
    """Of each two crystals that a study asks for, with the cells that were calculated where they were."""
    by_name = {material.name: material for material in materials}
    return tuple(_of_study(request, by_name) for request in requests)


def _of_study(request: MismatchRequest, by_name: Mapping[str, MaterialOutcome]) -> Mismatch:
    named = [by_name[request.first], by_name[request.second]]
    first, second = (MatchedCrystal(structure=one.bulk.as_given, cell=cell_origin(one)) for one in named)
    try:
        return mismatch(request, first, second)
    except DftflowError as error:
        why = Missing(kind="not derived", reason=error.sentence)
        return Mismatch(request=request, cells=(first.cell, second.cell), lengths=(), pairs=(), missing=why)


def mismatch_quantities(findings: Findings) -> Iterator[Quantity]:
    """Every length that was compared, and of planes the strain of those asked for, else of the least strained ones."""
    by_name = {material.name: material for material in findings.materials}
    compared: set[str] = set()
    for found in findings.mismatches:
        origin, remarks = _told(found, by_name)
        subject, published = found.request.subject, found.request.published_percent
        for pair in found.lengths if subject not in compared or published is not None else ():
            yield _length(found, pair, origin, remarks)  # of two tables of one pair once
        compared.add(subject)
        best = least_strained(found.pairs)
        shown = found.pairs if found.request.planes else tuple(filter(None, (best,)))
        for planes in shown:
            yield _strain(found, planes, origin, remarks)
        if not shown:
            why = found.missing or Missing(kind="not derived", reason=_why_none(found.request))
            yield Quantity.of("least strain of two planes", found.request.subject, "%", None, why, method=BY_CELLS)


def _told(found: Mismatch, by_name: Mapping[str, MaterialOutcome]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Origin and remarks of every number."""
    request = found.request
    named = [by_name[name].bulk for name in (request.first, request.second)]
    origin = tuple(bulk.cell_step or bulk.source for bulk in named)
    cells = f"cells: {request.first} {found.cells[0]}; {request.second} {found.cells[1]}"
    steps = [bool(bulk.cell_step) for bulk in named]
    mixed = ("one cell is calculated and the other is not: their difference is of no one method",)
    return origin, (cells, *((FUNCTIONAL,) if all(steps) else mixed if any(steps) else ()))


def _length(found: Mismatch, pair: LengthPair, origin: tuple[str, ...], remarks: tuple[str, ...]) -> Quantity:
    published = published_text(found) if pair is found.nearest else ""
    strained = f"{found.request.first} on {found.request.second} is {strain_text(pair.strain_percent)}"
    return Quantity(
        name=f"lattice mismatch, {pair.first} | {pair.second}", subject=found.request.subject, unit="%",
        value=pair.percent, method=BY_LENGTHS, origin=origin,
        remarks=(pair.compared, strained, *filter(None, (published,)), *remarks),
    )  # fmt: skip


def _strain(found: Mismatch, pair: PlanePair, origin: tuple[str, ...], remarks: tuple[str, ...]) -> Quantity:
    name = f"least strain of {pair.first} | {pair.second}"
    if pair.least is None:
        return Quantity.of(name, found.request.subject, "%", None, pair.missing, method=BY_CELLS)
    low, high = pair.least.principal_percent
    cell = f"a cell of {pair.least.area_ang2[0]:.1f} Å², {pair.least.cells[0]} | {pair.least.cells[1]} primitive ones"
    strains = f"principal strains {low:+.2f} and {high:+.2f} %, von Mises' {pair.least.von_mises_percent:.2f} %"
    told = (cell, match_text(pair.least, found.request.first), strains, LATTICES_ALONE)
    return Quantity(
        name=name, subject=found.request.subject, unit="%", value=pair.least.mean_percent, method=BY_CELLS,
        origin=origin, remarks=(*told, *remarks),
    )  # fmt: skip
