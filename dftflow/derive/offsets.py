"""Band offsets between the surfaces of materials, by every way that the results allow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

from dftflow.analysis.alignment import (
    BY_LINE_UP,
    BY_WORK_FUNCTION,
    align,
    edges_from_levels,
    edges_from_work_function,
    in_order,
    published_alignment,
    with_contradictions,
)
from dftflow.derive.findings import Findings
from dftflow.derive.missing import MissingOffset
from dftflow.errors import AnalysisError
from dftflow.model.alignment import AbsoluteEdges, Alignment, AlignmentRequest, PublishedOffset
from dftflow.model.levels import SurfaceLevels
from dftflow.model.outcome import MaterialOutcome, SlabOutcome
from dftflow.model.quantity import (
    ALIGNMENT_TYPE,
    CONDUCTION_OFFSET,
    POLAR_PLANE,
    VALENCE_OFFSET,
    Missing,
    Quantity,
)

__all__ = ["WAYS", "Offsets", "offset_quantities", "offsets"]

OFFSETS = {VALENCE_OFFSET: "eV", CONDUCTION_OFFSET: "eV", ALIGNMENT_TYPE: ""}

EdgesOf = Callable[[MaterialOutcome, SlabOutcome], AbsoluteEdges]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Way:
    """A way to an offset: its name, where a surface's edges come from, what their range holds, and whether it lines up
    crystal and slab.
    """

    method: str
    edges_of: EdgesOf
    range_holds: str
    lines_up: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Offsets:
    """What follows from the alignments that a study asks for.

    Attributes
    ----------
    rows
        For each request the line-ups come first, those of planes that are not polar before the others, then the work
        functions, then what is published. A row that an earlier request has too stands once; two rows of one pair
        never share a method.
    missing
        Every two materials without a row of the study's own.
    warnings
        A line for each pair of surfaces, surface and material that no row could be made of.
    """

    rows: tuple[Alignment, ...]
    missing: tuple[MissingOffset, ...]
    warnings: tuple[str, ...]


def offsets(
    requests: Sequence[AlignmentRequest],
    materials: Sequence[MaterialOutcome],
    unbuilt: Mapping[str, Missing] | None = None,
) -> Offsets:
    """Rows of offsets, and what could not be derived.

    Parameters
    ----------
    requests
        Which materials, and which of their surfaces.
    materials
        Everything that is known of them.
    unbuilt
        Name of a surface of which no slab was ever built -> why.
    """
    by_name = {material.name: material for material in materials}
    rows: list[Alignment] = []
    warnings: list[str] = []
    lacking: dict[tuple[str, str], list[Missing]] = {}
    for asked in requests:
        request = replace(asked, materials=_with_gaps(asked, by_name))
        warnings += _without_slabs(request, by_name, unbuilt or {})
        lacks = {name: _lacks(request, by_name[name], unbuilt or {}) for name in request.materials}
        for first_name, second_name in combinations(request.materials, 2):
            lacking.setdefault((first_name, second_name), []).extend((*lacks[first_name], *lacks[second_name]))
        for way, pair in _tries(request, by_name):
            try:
                rows.append(_row(way, *pair, request.tolerance_ev))
            except AnalysisError as error:
                first, a, second, b = pair
                faces = f"{first.name} {first.face(a)} | {second.name} {second.face(b)}"
                warnings.append(f"no offset by the {way.method} {faces}: {error.sentence}")
                if a.levels and b.levels:
                    lacking[first.name, second.name].append(Missing(kind="not derived", reason=error.sentence))
        rows += [_published(row, asked) for row in asked.published]
    return Offsets(
        rows=with_contradictions(_told_apart(list(dict.fromkeys(rows)))),
        missing=_missing(lacking, rows),
        warnings=tuple(dict.fromkeys(warnings)),
    )


def _with_gaps(request: AlignmentRequest, by_name: Mapping[str, MaterialOutcome]) -> tuple[str, ...]:
    """The materials of a request that are no metals, which have no band edges (see `dftflow.derive.contacts`)."""
    return tuple(name for name in request.materials if not by_name[name].bulk.is_metal)


def _tries(request: AlignmentRequest, by_name: dict[str, MaterialOutcome]) -> Iterator[tuple[_Way, _Pair]]:
    """Every way with every pair of surfaces that the request takes, in the order of the rows."""
    pairs = [pair for names in combinations(request.materials, 2) for pair in _faces(request, by_name, *names)]
    pairs.sort(key=lambda pair: pair[1].model.of_polar_plane or pair[3].model.of_polar_plane)
    return ((way, pair) for way in WAYS for pair in pairs)


def _lacks(request: AlignmentRequest, material: MaterialOutcome, unbuilt: Mapping[str, Missing]) -> list[Missing]:
    """Why no surface of the material that the request takes has levels; nothing where one has."""
    slabs = [slab for slab in material.slabs if request.takes(material.name, slab.subject)]
    if any(slab.missing is None for slab in slabs):
        return []
    found = [
        Missing(kind=slab.missing.kind, reason=f"{material.name} {material.face(slab)} has no levels: {slab.failure}")
        for slab in slabs
        if slab.missing is not None
    ]
    found += _unbuilt_of(request, material.name, unbuilt).values()
    return found or [Missing(kind="not derived", reason=f"no slab of {material.name} is calculated")]


def _unbuilt_of(request: AlignmentRequest, material: str, unbuilt: Mapping[str, Missing]) -> dict[str, Missing]:
    own = (name for name in unbuilt if name.startswith(f"{material}/"))
    return {name: unbuilt[name] for name in own if request.takes(material, name)}


def _without_slabs(
    request: AlignmentRequest, by_name: Mapping[str, MaterialOutcome], unbuilt: Mapping[str, Missing]
) -> list[str]:
    """A line for each surface, and each material, that a request takes and of which there is no slab."""
    lines = []
    for name in request.materials:
        surfaces = _unbuilt_of(request, name, unbuilt)
        lines += [f"no offset by way of {surface}: {why.reason}" for surface, why in surfaces.items()]
        if not surfaces and not by_name[name].slabs:
            lines.append(f"no offset of {name}: no slab of {name} is calculated")
    return lines


def _missing(
    lacking: Mapping[tuple[str, str], Sequence[Missing]], rows: Sequence[Alignment]
) -> tuple[MissingOffset, ...]:
    """The pairs that no row of the study's own stands for, each once."""
    there = {row.pair for row in rows if not row.source}
    found: dict[frozenset[str], MissingOffset] = {}
    for (first, second), reasons in lacking.items():
        if frozenset((first, second)) not in there:
            text = "; ".join(dict.fromkeys(why.reason for why in reasons))
            why = Missing(kind=reasons[0].kind, reason=text)
            found.setdefault(frozenset((first, second)), MissingOffset(first=first, second=second, missing=why))
    return tuple(found.values())


def _told_apart(rows: Sequence[Alignment]) -> list[Alignment]:
    """The rows, with more in their method where one of the same two materials has it too, until none has."""
    told = list(rows)
    for more in (_by_faces, _by_source, _by_tolerance, _by_number):
        counts = Counter(map(_name, told))
        told = [
            replace(row, method=more(row, number), way=row.same_way) if counts[_name(row)] > 1 else row
            for number, row in enumerate(told, start=1)
        ]
    return told


def _name(row: Alignment) -> tuple[str, str, str]:
    return row.first_name, row.second_name, row.method


def _by_faces(row: Alignment, _: int) -> str:
    if row.first is None or row.second is None:
        return row.method
    return f"{row.same_way} {row.first.surface} and {row.second.surface}"


def _by_source(row: Alignment, _: int) -> str:
    return f"{row.method}, {row.source}" if row.source else row.method


def _by_tolerance(row: Alignment, _: int) -> str:
    return f"{row.method}, tolerance {row.tolerance_ev:g} eV"


def _by_number(row: Alignment, number: int) -> str:
    return f"{row.method}, row {number}"


_Pair = tuple[MaterialOutcome, SlabOutcome, MaterialOutcome, SlabOutcome]


def _faces(request: AlignmentRequest, by_name: dict[str, MaterialOutcome], first: str, second: str) -> list[_Pair]:
    """Every surface of the first material with every one of the second, of those that the request names."""
    one, other = by_name[first], by_name[second]
    return [
        (one, a, other, b)
        for a in one.slabs
        for b in other.slabs
        if request.takes(first, a.subject) and request.takes(second, b.subject)
    ]


def _published(row: PublishedOffset, request: AlignmentRequest) -> Alignment:
    quoted = published_alignment(
        method=row.method,
        first_name=row.materials[0],
        second_name=row.materials[1],
        valence_band_offset_ev=row.valence_band_offset_ev,
        conduction_band_offset_ev=row.conduction_band_offset_ev,
        type=row.type,
        tolerance_ev=request.tolerance_ev,
        source=row.doi,
    )
    return in_order(quoted, *sorted(row.materials, key=request.materials.index))


def _row(
    way: _Way, first: MaterialOutcome, a: SlabOutcome, second: MaterialOutcome, b: SlabOutcome, tolerance_ev: float
) -> Alignment:
    return align(
        way.edges_of(first, a),
        way.edges_of(second, b),
        method=f"{way.method} {a.model.plane.short} and {b.model.plane.short}",
        way=way.method,
        range_holds=way.range_holds,
        tolerance_ev=tolerance_ev,
        polar=a.model.of_polar_plane or b.model.of_polar_plane,
        relaxed=_both_relaxed(a, b),
        remarks=(*_remarks(first, a, second, b), *(_of_line_up((a, b)) if way.lines_up else ())),
    )


def _edges_by_line_up(material: MaterialOutcome, slab: SlabOutcome) -> AbsoluteEdges:
    return edges_from_levels(material.name, material.surface(slab), _levels(material, slab))


def _edges_by_work_function(material: MaterialOutcome, slab: SlabOutcome) -> AbsoluteEdges:
    levels = _levels(material, slab)
    assert material.bulk.edges is not None
    if levels.slab_edges is None:
        raise AnalysisError(
            f"nothing bounds the Fermi level in the slab of {material.name} {material.face(slab)}",
            reason=levels.why_no_slab_edges,
        )
    if not levels.slab_edges.fermi_in_gap:
        raise AnalysisError(
            f"the Fermi level does not lie in the gap of the slab of {material.name} {material.face(slab)}",
            reason="the work function then bounds no band edge",
        )
    return edges_from_work_function(
        material.name,
        material.surface(slab),
        levels.work_function_ev,
        band_gap_ev=material.bulk.edges.band_gap_ev,
        slab_gap_ev=levels.slab_edges.band_gap_ev,
    )


WAYS = (
    _Way(method="bulk line-up through the slabs", edges_of=_edges_by_line_up, range_holds=BY_LINE_UP, lines_up=True),
    _Way(method="work functions of the slabs", edges_of=_edges_by_work_function, range_holds=BY_WORK_FUNCTION),
)


def _levels(material: MaterialOutcome, slab: SlabOutcome) -> SurfaceLevels:
    if slab.levels is None:
        raise AnalysisError(f"{material.name} {material.face(slab)} has no levels", reason=slab.failure)
    return slab.levels


def _both_relaxed(a: SlabOutcome, b: SlabOutcome) -> bool | None:
    if a.relaxed is False or b.relaxed is False:
        return False
    return None if None in (a.relaxed, b.relaxed) else True


def _remarks(first: MaterialOutcome, a: SlabOutcome, second: MaterialOutcome, b: SlabOutcome) -> tuple[str, ...]:
    pairs = ((first, a), (second, b))
    polar = [f"{m.name} {slab.model.plane}{POLAR_PLANE}" for m, slab in pairs if slab.model.of_polar_plane]
    unrelaxed = [f"{m.name} {slab.model.plane}: {slab.relaxation}" for m, slab in pairs if slab.relaxation]
    crystals = [f"{m.bulk.edges_step}: {remark}" for m, _ in pairs for remark in m.bulk.remarks]
    slabs = [f"{slab.levels_step}: {remark}" for _, slab in pairs for remark in slab.remarks]
    return (*polar, *unrelaxed, *dict.fromkeys((*crystals, *slabs)))


def _of_line_up(slabs: Sequence[SlabOutcome]) -> tuple[str, ...]:
    return tuple(f"{slab.levels_step}: {remark}" for slab in slabs for remark in slab.line_up_remarks)


# --- quantities -------------------------------------------------------------------------------------------------


def offset_quantities(findings: Findings) -> tuple[Quantity, ...]:
    """Both offsets and the type of each row, with the steps that its edges come from, and why a pair has no row."""
    steps = {
        (material.name, material.surface(slab)): (material.bulk.edges_step, slab.levels_step)
        for material in findings.materials
        for slab in material.slabs
    }
    found = [quantity for row in findings.alignments for quantity in _of_row(row, steps)]
    nothing = [
        Quantity(name=name, subject=f"{pair.first} | {pair.second}", unit=unit, value=None, missing=pair.missing)
        for pair in findings.no_offsets
        for name, unit in OFFSETS.items()
    ]
    return (*found, *nothing)


def _of_row(row: Alignment, steps: Mapping[tuple[str, str], tuple[str, ...]]) -> tuple[Quantity, ...]:
    subject = f"{row.first_name} | {row.second_name}"
    origin = [steps.get((e.material, e.surface), ()) for e in (row.first, row.second) if e is not None]
    known: dict[str, Any] = {
        "method": row.method,
        "origin": (row.source,) if row.source else tuple(dict.fromkeys(step for part in origin for step in part)),
        "remarks": (*row.remarks, *(f"contradicts row {number}" for number in row.contradicts)),
    }
    ranged = known | ({"uncertainty": row.range_ev, "uncertainty_holds": row.range_holds} if row.range_ev else {})
    none = Missing(kind="not read", reason="the source gives none")
    return (
        Quantity.of(VALENCE_OFFSET, subject, "eV", row.valence_band_offset_ev, none, **ranged),
        Quantity.of(CONDUCTION_OFFSET, subject, "eV", row.conduction_band_offset_ev, none, **ranged),
        Quantity(name=ALIGNMENT_TYPE, subject=subject, unit="", value=row.type, **known),
    )
