"""Band offsets between two materials, and the type of the alignment; for more than two, pair by pair.

How the type follows from the offsets, with a tolerance t
---------------------------------------------------------
Each offset (valence, conduction; first minus second) is positive, negative, or, when its size is at most t, none.

1. The VBM of one material lies above the CBM of the other: type III (broken gap).
2. Both offsets are none: not resolved.
3. One offset is none: quasi-type II. One carrier is confined to one material, the other spreads over both (Balet et
   al., Nano Lett. 4, 1485 (2004)).
4. Both offsets have the same sign: type II (staggered). Electron and hole are in different materials.
5. They have opposite signs: type I (straddling). Both carriers are in the material with the smaller gap.

There is no agreed t. Errors of the line-up move both edges of a material together, by the same amount. The type is
given only when it stays the same while the first material is moved against the second by anything within the range of
the offsets; otherwise it is not resolved. The range of a line-up bounds no error: it can leave a type open, but never
settles one. Nor is the type given where it changes as that range grows, or t grows or shrinks, by `ROUNDING_EV`: edges
on a border, an offset as large as t or a VBM as high as the other's CBM, would have the type that the rounding of their
numbers gives them.

Such a type holds, too, when each edge moves by itself, as an ionisation potential and an electron affinity do that were
found one by one: between two directions of an offset a common shift meets a third type, or both offsets being none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from math import isfinite

from dftflow.errors import AnalysisError
from dftflow.model.alignment import AbsoluteEdges, Alignment, AlignmentType, Range
from dftflow.model.levels import SurfaceLevels

__all__ = [
    "BY_LINE_UP",
    "BY_WORK_FUNCTION",
    "ROUNDING_EV",
    "TOLERANCES_EV",
    "align",
    "alignment_type",
    "apart_ev",
    "beyond_ranges_ev",
    "check_edges",
    "contradictions",
    "edges_from_levels",
    "edges_from_work_function",
    "exchanged",
    "in_order",
    "published_alignment",
    "with_contradictions",
]

TOLERANCES_EV = (0.026, 0.10, 0.20)
"""kT at 300 K; the size of a line-up's error; what others use."""

ROUNDING_EV = 1e-6
"""How near to a border between two types edges count as on it; no code prints its levels more finely."""

BY_LINE_UP = "spread of the line-up over the slab's middle; it bounds no error, thickness and termination are not in it"
BY_WORK_FUNCTION = "Fermi level anywhere in the gap of each slab"


def align(
    first: AbsoluteEdges,
    second: AbsoluteEdges,
    *,
    method: str,
    range_holds: str,
    way: str = "",
    tolerance_ev: float = 0.10,
    polar: bool = False,
    relaxed: bool | None = True,
    remarks: Sequence[str] = (),
) -> Alignment:
    """Offsets of `first` against `second` (first minus second) and the type of the alignment.

    The range of the offsets is that of all edges within their own ranges.

    Parameters
    ----------
    first, second
        Band edges relative to vacuum.
    method, range_holds, way
        How they were found, what their ranges hold, and the method's name alone (see `Alignment`).
    tolerance_ev
        Offsets of at most this size count as none.
    polar, relaxed, remarks
        As in `Alignment`.

    Returns
    -------
    Alignment
        `type` takes the range into account, `types_by_tolerance` are those of the offsets as they stand.

    Raises
    ------
    AnalysisError
        For a negative tolerance, a range that does not hold the number itself, or edges that `check_edges` refuses.
    """
    if not tolerance_ev >= 0:
        raise AnalysisError(f"the tolerance of {tolerance_ev} eV must not be negative")
    for edges in (first, second):
        check_edges(edges)
        if not edges.range_ev[0] <= 0 <= edges.range_ev[1]:
            raise AnalysisError(f"the range {edges.range_ev} eV of {edges.material} does not hold 0")
    range_ev = (first.range_ev[0] - second.range_ev[1], first.range_ev[1] - second.range_ev[0])
    return Alignment(
        method=method,
        way=way,
        first=first,
        second=second,
        first_name=first.material,
        second_name=second.material,
        valence_band_offset_ev=first.vbm_ev - second.vbm_ev,
        conduction_band_offset_ev=first.cbm_ev - second.cbm_ev,
        range_ev=range_ev,
        range_holds=range_holds,
        type=_type_within(first, second, tolerance_ev, range_ev),
        tolerance_ev=tolerance_ev,
        types_by_tolerance=tuple((value, alignment_type(first, second, value)) for value in TOLERANCES_EV),
        polar=polar,
        relaxed=relaxed,
        remarks=tuple(remarks),
    )


def alignment_type(first: AbsoluteEdges, second: AbsoluteEdges, tolerance_ev: float) -> AlignmentType:
    """Type of the alignment as the edges stand, by the rules above, without regard to their uncertainty.

    It is "not resolved" for edges on a border between two types, within `ROUNDING_EV`.

    Raises
    ------
    AnalysisError
        For a material whose CBM is not above its VBM.
    """
    for edges in (first, second):
        if not edges.cbm_ev > edges.vbm_ev:
            raise AnalysisError(f"{edges.material} has no gap", reason=f"VBM {edges.vbm_ev} eV, CBM {edges.cbm_ev} eV")
    return _type_within(first, second, tolerance_ev, (0.0, 0.0))


def _type_by_the_rules(
    first: AbsoluteEdges, second: AbsoluteEdges, tolerance_ev: float, shift_ev: float
) -> AlignmentType:
    """The type with `first` moved by `shift_ev`."""
    vbm_ev, cbm_ev = first.vbm_ev + shift_ev, first.cbm_ev + shift_ev
    if vbm_ev > second.cbm_ev or second.vbm_ev > cbm_ev:
        return "type III"
    valence = _direction(vbm_ev - second.vbm_ev, tolerance_ev)
    conduction = _direction(cbm_ev - second.cbm_ev, tolerance_ev)
    if valence == conduction:
        return "type II" if valence else "not resolved"
    return "type I" if valence and conduction else "quasi-type II"


def _direction(offset_ev: float, tolerance_ev: float) -> int:
    return 0 if abs(offset_ev) <= tolerance_ev else 1 if offset_ev > 0 else -1


def _type_within(first: AbsoluteEdges, second: AbsoluteEdges, tolerance_ev: float, range_ev: Range) -> AlignmentType:
    """The type that holds for every rigid shift of `first` within the range, rounding too, else "not resolved"."""
    wider_ev = (range_ev[0] - ROUNDING_EV, range_ev[1] + ROUNDING_EV)
    types = {
        type
        for near_ev in (max(tolerance_ev - ROUNDING_EV, 0.0), tolerance_ev + ROUNDING_EV)
        for type in _types_within(first, second, near_ev, wider_ev)
    }
    return types.pop() if len(types) == 1 else "not resolved"


def _types_within(
    first: AbsoluteEdges, second: AbsoluteEdges, tolerance_ev: float, range_ev: Range
) -> set[AlignmentType]:
    """The types by the rules that a rigid shift of `first` within the range meets.

    The type changes only at shifts where an offset reaches the tolerance or the two gaps stop overlapping; it is enough
    to look at the ends and once between every two of them.
    """
    low, high = range_ev
    valence, conduction = first.vbm_ev - second.vbm_ev, first.cbm_ev - second.cbm_ev
    changes = [sign * tolerance_ev - offset for offset in (valence, conduction) for sign in (-1, 1)]
    changes += [second.cbm_ev - first.vbm_ev, second.vbm_ev - first.cbm_ev]
    borders = sorted({low, high, *(change for change in changes if low < change < high)})
    shifts = [0.0, low, high, *((left + right) / 2 for left, right in pairwise(borders))]
    return {_type_by_the_rules(first, second, tolerance_ev, shift) for shift in shifts}


# --- where the edges come from ----------------------------------------------------------------------------------


def edges_from_work_function(
    material: str, surface: str, work_function_ev: float, *, band_gap_ev: float, slab_gap_ev: float
) -> AbsoluteEdges:
    """Edges from the work function of a slab, as it is often done: VBM = -W, CBM = -W + gap.

    This takes the Fermi level for the VBM, which it is in a CASTEP run with fixed occupations. In general it lies
    anywhere in the gap of the slab, and the VBM can only be below it: it lies between -W - slab gap and -W.

    Parameters
    ----------
    material, surface
        Names.
    work_function_ev
        E_vac - E_F of the slab.
    band_gap_ev, slab_gap_ev
        Of the bulk; of the slab itself.

    Raises
    ------
    AnalysisError
        When a gap is not positive.
    """
    for gap_ev, whose in ((band_gap_ev, "it"), (slab_gap_ev, "its slab")):
        if not gap_ev > 0:
            raise AnalysisError(
                f"the work function of {material} gives no band edges: {whose} has no gap ({gap_ev} eV)"
            )
    return AbsoluteEdges(
        material=material,
        surface=surface,
        vbm_ev=-work_function_ev,
        cbm_ev=-work_function_ev + band_gap_ev,
        range_ev=(-slab_gap_ev, 0.0),
    )


def edges_from_levels(material: str, surface: str, levels: SurfaceLevels) -> AbsoluteEdges:
    """Edges from the bulk lined up through the middle of a slab: VBM = -IP, CBM = -EA; the range is the spread."""
    spread_ev = levels.spread.total_ev
    return AbsoluteEdges(
        material=material,
        surface=surface,
        vbm_ev=-levels.ionisation_potential_ev,
        cbm_ev=-levels.electron_affinity_ev,
        range_ev=(-spread_ev, spread_ev),
    )


def check_edges(edges: AbsoluteEdges) -> None:
    """Refuse edges that cannot be those of a crystal below its vacuum level.

    The CBM may lie above the vacuum level (a negative electron affinity); the VBM cannot: the electrons would leave.

    Raises
    ------
    AnalysisError
        For a VBM that is not below the vacuum level, a CBM that is not above the VBM, or an edge that is no number.
    """
    where = f"{edges.material} {edges.surface}".strip()
    if not (isfinite(edges.vbm_ev) and isfinite(edges.cbm_ev)):
        raise AnalysisError(f"the band edges of {where} are no numbers", reason=_levels_text(edges))
    if not edges.cbm_ev > edges.vbm_ev:
        raise AnalysisError(f"{where} has no gap", reason=_levels_text(edges))
    if not edges.vbm_ev < 0:
        raise AnalysisError(
            f"the valence band of {where} does not lie below the vacuum level",
            reason=f"{_levels_text(edges)}: the crystal would not hold its electrons",
            fix="check that the vacuum level, the slab's middle and the bulk belong to calculations by one method",
        )


def _levels_text(edges: AbsoluteEdges) -> str:
    return f"VBM {edges.vbm_ev:.3f} eV, CBM {edges.cbm_ev:.3f} eV"


# --- rows beside each other -------------------------------------------------------------------------------------


def with_contradictions(rows: Sequence[Alignment]) -> tuple[Alignment, ...]:
    """The same rows, each with the numbers (from 1) of those that it contradicts.

    Two rows of the same two materials contradict each other when their valence-band offsets, each within its range,
    stay more than the tolerance apart. A row without a range, such as a published one, stands for its number alone.
    """
    of_pair: dict[frozenset[str], list[tuple[int, Alignment]]] = {}
    for numbered in enumerate(rows, start=1):
        of_pair.setdefault(numbered[1].pair, []).append(numbered)
    return tuple(
        replace(row, contradicts=tuple(n for n, other in of_pair[row.pair] if _contradict(row, other))) for row in rows
    )


def _contradict(row: Alignment, other: Alignment) -> bool:
    """Whether two rows of the same two materials do."""
    other = in_order(other, row.first_name, row.second_name)
    apart = apart_ev(row.valence_band_offset_ev, row.range_ev, other.valence_band_offset_ev, other.range_ev)
    return apart > min(row.tolerance_ev, other.tolerance_ev)


def beyond_ranges_ev(row: Alignment, other: Alignment) -> dict[str, float]:
    """``"valence"`` and ``"conduction"`` -> by how much more two rows of the same materials differ than they may.

    They may differ by their ranges and by the tolerance of `row`; a band whose offsets do not differ by more is not in
    it.
    """
    other = in_order(other, row.first_name, row.second_name)
    offsets_ev = {
        "valence": (row.valence_band_offset_ev, other.valence_band_offset_ev),
        "conduction": (row.conduction_band_offset_ev, other.conduction_band_offset_ev),
    }
    found = {
        band: apart_ev(one, row.range_ev, another, other.range_ev) - row.tolerance_ev
        for band, (one, another) in offsets_ev.items()
        if one is not None and another is not None
    }
    return {band: beyond for band, beyond in found.items() if beyond > 1e-9}


def contradictions(
    own: Iterable[Alignment], rows: Sequence[Alignment]
) -> Iterator[tuple[Alignment, Alignment, dict[str, float]]]:
    """Each of `own` with each quoted one of `rows` that it contradicts, and the `beyond_ranges_ev` of the two."""
    for row in own:
        for quoted in rows:
            if quoted.first is None and quoted.pair == row.pair and (beyond_ev := beyond_ranges_ev(row, quoted)):
                yield row, quoted, beyond_ev


def apart_ev(one: float, one_range: Range | None, other: float, other_range: Range | None) -> float:
    """How far two values with their ranges are apart; negative where these overlap."""
    (low, high), (other_low, other_high) = one_range or (0.0, 0.0), other_range or (0.0, 0.0)
    return max(one + low, other + other_low) - min(one + high, other + other_high)


# --- what others found ------------------------------------------------------------------------------------------


def published_alignment(
    *,
    method: str,
    first_name: str,
    second_name: str,
    valence_band_offset_ev: float,
    conduction_band_offset_ev: float | None = None,
    type: AlignmentType,
    tolerance_ev: float,
    source: str,
) -> Alignment:
    """A row quoted from a publication: the type is the one claimed there, whatever the tolerance.

    Parameters
    ----------
    first_name, second_name
        In the order of the quoted offset, first minus second; see `in_order`.
    source
        DOI.
    """
    return Alignment(
        method=method,
        first=None,
        second=None,
        first_name=first_name,
        second_name=second_name,
        valence_band_offset_ev=valence_band_offset_ev,
        conduction_band_offset_ev=conduction_band_offset_ev,
        range_ev=None,
        type=type,
        tolerance_ev=tolerance_ev,
        source=source,
    )


def in_order(alignment: Alignment, first_name: str, second_name: str) -> Alignment:
    """The same alignment with the materials in the order asked for; exchanging them turns the sign of the offsets.

    Raises
    ------
    AnalysisError
        When it is about other materials.
    """
    names = (alignment.first_name, alignment.second_name)
    if names == (first_name, second_name):
        return alignment
    if names != (second_name, first_name):
        raise AnalysisError(
            f"the offset by {alignment.method!r} is between {' and '.join(names)}",
            reason=f"asked for: {first_name} and {second_name}",
        )
    return exchanged(alignment)


def exchanged(alignment: Alignment) -> Alignment:
    """The same alignment with its two materials exchanged, which turns the sign of the offsets and their range."""
    conduction = alignment.conduction_band_offset_ev
    return replace(
        alignment,
        first=alignment.second,
        second=alignment.first,
        first_name=alignment.second_name,
        second_name=alignment.first_name,
        valence_band_offset_ev=-alignment.valence_band_offset_ev,
        conduction_band_offset_ev=None if conduction is None else -conduction,
        range_ev=None if alignment.range_ev is None else (-alignment.range_ev[1], -alignment.range_ev[0]),
    )
