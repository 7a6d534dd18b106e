"""Schottky barriers between the metals and the semiconductors that a study aligns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, product

from dftflow.analysis.alignment import BY_LINE_UP, edges_from_levels
from dftflow.derive.findings import Findings
from dftflow.derive.missing import MissingOffset
from dftflow.derive.surfaces import PLATEAU_HOLDS
from dftflow.model.alignment import AlignmentRequest, ReferenceLevel
from dftflow.model.contact import BY_VACUUM, CONTACT_LACKS, SchottkyContact
from dftflow.model.outcome import MaterialOutcome, SlabOutcome
from dftflow.model.quantity import Missing, Quantity

__all__ = ["Contacts", "contact_quantities", "contacts"]

RANGE_HOLDS = f"{BY_LINE_UP}; of the work function: {PLATEAU_HOLDS}"
NO_BARRIER = "below zero: by these levels there is no barrier"
BARRIERS = {"Schottky barrier for electrons": "electron_barrier_ev", "Schottky barrier for holes": "hole_barrier_ev"}

_Pair = tuple[MaterialOutcome, SlabOutcome, MaterialOutcome, SlabOutcome]


@dataclass(frozen=True, slots=True, kw_only=True)
class Contacts:
    """What follows from the alignments that a study asks for; `missing` has each pair without a row, metal first."""

    rows: tuple[SchottkyContact, ...]
    missing: tuple[MissingOffset, ...]


def contacts(requests: Sequence[AlignmentRequest], materials: Sequence[MaterialOutcome]) -> Contacts:
    """Every surface of a metal with every one of a semiconductor that a request takes, each once."""
    by_name = {material.name: material for material in materials}
    rows: dict[SchottkyContact, None] = {}
    lacking: dict[tuple[str, str], Missing] = {}
    for request in requests:
        for metal, other in _pairs(request, by_name):
            found = [_contact(*pair) for pair in _surfaces(request, metal, other)]
            rows |= dict.fromkeys(found)
            if not found:
                lacking.setdefault((metal.name, other.name), _why(metal, other))
    missing = tuple(MissingOffset(first=a, second=b, missing=why) for (a, b), why in lacking.items())
    return Contacts(rows=tuple(rows), missing=missing)


def _pairs(
    request: AlignmentRequest, by_name: dict[str, MaterialOutcome]
) -> Iterator[tuple[MaterialOutcome, MaterialOutcome]]:
    """A metal, and a material that is none."""
    for names in combinations(request.materials, 2):
        first, second = (by_name[name] for name in names)
        if first.bulk.is_metal != second.bulk.is_metal:
            yield (first, second) if first.bulk.is_metal else (second, first)


def _surfaces(request: AlignmentRequest, metal: MaterialOutcome, other: MaterialOutcome) -> Iterator[_Pair]:
    """The surfaces of both that have what a barrier is made of."""
    for a, b in product(metal.slabs, other.slabs):
        taken = request.takes(metal.name, a.subject) and request.takes(other.name, b.subject)
        if taken and a.own is not None and b.levels is not None:
            yield metal, a, other, b


def _contact(metal: MaterialOutcome, a: SlabOutcome, other: MaterialOutcome, b: SlabOutcome) -> SchottkyContact:
    assert a.own is not None and b.levels is not None, "pairs without are left out"
    reach_ev = b.levels.spread.total_ev + a.own.vacuum.spread_ev
    return SchottkyContact(
        metal=ReferenceLevel(name=f"{metal.name} {a.model.plane.short} Fermi level", energy_ev=-a.own.work_function_ev),
        metal_name=metal.name,
        metal_surface=metal.surface(a),
        edges=edges_from_levels(other.name, other.surface(b), b.levels),
        method=f"{BY_VACUUM} {a.model.plane.short} and {b.model.plane.short}",
        range_ev=(-reach_ev, reach_ev),
        range_holds=RANGE_HOLDS,
        remarks=(CONTACT_LACKS, *_remarks(metal, a), *_remarks(other, b), *b.line_up_remarks),
    )


def _remarks(material: MaterialOutcome, slab: SlabOutcome) -> list[str]:
    unrelaxed = [slab.relaxation] if slab.relaxation else []
    return [f"{material.name} {slab.model.plane}: {text}" for text in (*unrelaxed, *slab.remarks)]


def _why(metal: MaterialOutcome, other: MaterialOutcome) -> Missing:
    lacks = [f"no work function of {metal.name}"] if not any(slab.own for slab in metal.slabs) else []
    lacks += [f"no band edges of {other.name} below the vacuum"] if not any(s.levels for s in other.slabs) else []
    known = [slab.missing for slab in (*metal.slabs, *other.slabs) if slab.missing and slab.missing.kind != "metallic"]
    reason = "; ".join([*(lacks or ["no surfaces that the alignment takes"]), *(why.reason for why in known)])
    return Missing(kind=known[0].kind if known else "not derived", reason=reason)


def contact_quantities(findings: Findings) -> tuple[Quantity, ...]:
    """Both barriers of each contact, with the steps that they come from, and why a pair has none."""
    steps = {
        (material.name, material.surface(slab)): (slab.levels_step, material.bulk.edges_step)
        for material in findings.materials
        for slab in material.slabs
    }
    found = []
    for row in findings.contacts:
        origin = (steps[row.metal_name, row.metal_surface][0], *steps[row.edges.material, row.edges.surface])
        for name, key in BARRIERS.items():
            value = getattr(row, key)
            found.append(
                Quantity.of(
                    name, row.subject, "eV", value, None, method=row.method,
                    uncertainty=row.range_ev, uncertainty_holds=row.range_holds, origin=origin,
                    remarks=(*row.remarks, *((NO_BARRIER,) if value < 0 else ())),
                )
            )  # fmt: skip
    nothing = [
        Quantity(name=name, subject=f"{pair.first} | {pair.second}", unit="eV", value=None, missing=pair.missing)
        for pair in findings.no_contacts
        for name in BARRIERS
    ]
    return (*found, *nothing)
