"""The ledger of corrections: shifts of band edges, and what they make of the offsets, always of both crystals."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from dftflow.derive.findings import Findings
from dftflow.derive.missing import missing_results
from dftflow.model.admission import Admission, Admitted
from dftflow.model.alignment import Alignment, Range
from dftflow.model.correction import HYBRIDS, SPIN_ORBIT, Correction
from dftflow.model.edge_shifts import EdgeShifts
from dftflow.model.kpoint_grid import same_kpoint
from dftflow.model.ledger import EdgeMove
from dftflow.model.levels import BandEdges
from dftflow.model.outcome import BulkOutcome, MaterialOutcome
from dftflow.model.quantity import Missing, Quantity

__all__ = ["ledger_quantities", "moves_or_reason", "shifts_or_reason"]

SAME_K = 1e-6
OTHER_GAP_EV = 0.05
LOWER_EV = 1e-3
SPIN_ORBIT_OPEN = 0.06
SPIN_ORBIT_HOLDS = (
    "6 % of the spin-orbit shift, which its calibration by free atoms and the number of bands leave open; no error of "
    "the functional is in it"
)
OF_EDGES = {"valence band maximum": "vbm", "conduction band minimum": "cbm"}
FAR_ANG = 20.0
SHORT_SUM = (
    "exact exchange reaches {:.1f} Å, as far as the grid repeats the cell; in cubic CsPbBr3 the valence band maximum "
    "rises by 0.11 eV (HSE06) or 0.17 eV (PBE0) from 11.7 to 23.5 Å, against that of FAPbBr3 by 0.01 or 0.02 eV"
)
ADDED = "the two shifts are added, not calculated together"


def shifts_or_reason(found: tuple[str, Admission] | None) -> tuple[EdgeShifts | None, Missing | None]:
    """Corrected edges of a step by what the gate said of it, or why there are none; neither where none is asked for."""
    if found is None:
        return None, None
    step, admission = found
    if not isinstance(admission, Admitted):
        return None, missing_results(step, admission)
    shifts = admission.results.shifts
    if shifts is not None and not shifts.labels:
        return None, Missing(kind="metallic", reason=f"the grid of {step} shows no gap")
    return shifts, None


def moves_or_reason(bulk: BulkOutcome) -> tuple[tuple[EdgeMove, ...], Missing | None]:
    """The lines of a crystal, each correction alone and each hybrid with spin-orbit coupling, or why there are none."""
    if bulk.edges is None:
        return (), bulk.no_edges
    if bulk.shifts is None:
        return (), bulk.no_shifts or Missing(kind="not run", reason="the study asks for no corrections")
    places = [_place(bulk.shifts, k) for k in (bulk.edges.vbm_k, bulk.edges.cbm_k)]
    if None in places:
        edge, k = ("valence", bulk.edges.vbm_k) if places[0] is None else ("conduction", bulk.edges.cbm_k)
        where = ", ".join(f"{part:.3f}" for part in k)
        reason = f"the {edge} band edge lies at ({where}), which is no special point that the grid of the step holds"
        return (), Missing(kind="not derived", reason=reason)
    vbm, cbm = (place for place in places if place is not None)
    lengths = bulk.structure.lattice.abc
    reach_ang = min(number * length for number, length in zip(bulk.shifts.grid, lengths, strict=True))
    moves = [_move(bulk.shifts, names, vbm, cbm, bulk.edges) for names in _sums(bulk.shifts)]
    return tuple(_with_reach(move, reach_ang) for move in moves), None


def _with_reach(move: EdgeMove, reach_ang: float) -> EdgeMove:
    """The line with how far exact exchange was summed, where that is not far enough."""
    if reach_ang >= FAR_ANG or not set(HYBRIDS) & set(move.corrections):
        return move
    return replace(move, remarks=(*move.remarks, SHORT_SUM.format(reach_ang)))


def _place(shifts: EdgeShifts, kpoint: tuple[float, float, float]) -> int | None:
    same = same_kpoint(shifts.kpoints_frac, np.array(kpoint), SAME_K)
    return int(same.argmax()) if same.any() else None


def _sums(shifts: EdgeShifts) -> Iterator[tuple[Correction, ...]]:
    coupled = SPIN_ORBIT in shifts.after_ev
    if coupled:
        yield (SPIN_ORBIT,)
    for name in HYBRIDS:
        if name in shifts.after_ev:
            yield (name,)
            if coupled:
                yield (name, SPIN_ORBIT)


def _move(shifts: EdgeShifts, names: tuple[Correction, ...], vbm: int, cbm: int, edges: BandEdges) -> EdgeMove:
    each = {name: shifts.after_ev[name] - shifts.before_ev for name in names}
    after = shifts.before_ev + sum(each.values())
    coupling = each.get(SPIN_ORBIT)
    remarks = [ADDED] if len(names) > 1 else []
    if after[:, 0].max() > after[vbm, 0] + LOWER_EV:
        remarks.append(f"with it the valence band is highest at {shifts.labels[int(after[:, 0].argmax())]}")
    if after[:, 1].min() < after[cbm, 1] - LOWER_EV:
        remarks.append(f"with it the conduction band is lowest at {shifts.labels[int(after[:, 1].argmin())]}")
    own_ev = shifts.before_ev[cbm, 1] - shifts.before_ev[vbm, 0]
    if abs(own_ev - edges.band_gap_ev) > OTHER_GAP_EV:
        remarks.append(f"on the grid of the correction the gap before is {own_ev:.3f} eV, not {edges.band_gap_ev:.3f}")
    return EdgeMove(
        corrections=names,
        vbm_ev=float(after[vbm, 0] - shifts.before_ev[vbm, 0]),
        cbm_ev=float(after[cbm, 1] - shifts.before_ev[cbm, 1]),
        vbm_open_ev=None if coupling is None else SPIN_ORBIT_OPEN * float(coupling[vbm, 0]),
        cbm_open_ev=None if coupling is None else SPIN_ORBIT_OPEN * float(coupling[cbm, 1]),
        remarks=tuple(remarks),
    )


# --- quantities -------------------------------------------------------------------------------------------------


def ledger_quantities(findings: Findings) -> tuple[Quantity, ...]:
    """Shifts and gaps of each crystal, their differences between each two that are aligned, offsets with them."""
    materials = {material.name: material for material in findings.materials if material.bulk.shifts_step}
    crystals = [quantity for material in materials.values() for quantity in _of_crystal(material)]
    own = [row for row in findings.alignments if not row.source]
    pairs = dict.fromkeys(
        [
            *((row.first_name, row.second_name) for row in own),
            *((pair.first, pair.second) for pair in findings.no_offsets),
        ]
    )
    both = [(materials[a], materials[b]) for a, b in pairs if a in materials and b in materials]
    differences = [quantity for first, second in both for quantity in _of_pair(first, second)]
    offsets = [
        quantity
        for row in own
        if row.first_name in materials and row.second_name in materials
        for quantity in _of_row(row, materials[row.first_name], materials[row.second_name])
    ]
    return (*crystals, *differences, *offsets)


def _of_crystal(material: MaterialOutcome) -> Iterator[Quantity]:
    bulk = material.bulk
    moves, why = moves_or_reason(bulk)
    known: dict[str, Any] = {"origin": (bulk.shifts_step,)}
    if why is not None:
        for edge in OF_EDGES:
            yield Quantity.of(f"shift of the {edge}", material.name, "eV", None, why, **known)
    for move in moves:
        more = known | {"method": move.name, "remarks": move.remarks}
        for edge, short in OF_EDGES.items():
            value, half = getattr(move, f"{short}_ev"), getattr(move, f"{short}_open_ev")
            yield Quantity.of(f"shift of the {edge}", material.name, "eV", value, None, **more, **_open(half))
        assert bulk.edges is not None
        both = {**more, "origin": (bulk.edges_step, bulk.shifts_step)}
        gap_ev, half = bulk.edges.band_gap_ev + move.gap_ev, _apart(move.cbm_open_ev, move.vbm_open_ev)
        yield Quantity.of("corrected band gap", material.name, "eV", gap_ev, None, **both, **_open(half))
    for name, gap in (bulk.shifts.gaps if bulk.shifts is not None else {}).items():
        parts = (
            f"{gap.kohn_sham_ev:.3f} eV of the eigenvalues and {gap.discontinuity_ev:.3f} eV of the discontinuity",
            "its levels have a zero of their own: it moves no edge",
        )
        more = known | {"method": name, "remarks": parts}
        yield Quantity.of("corrected band gap", material.name, "eV", gap.band_gap_ev, None, **more)


def _of_pair(first: MaterialOutcome, second: MaterialOutcome) -> Iterator[Quantity]:
    """Of the first minus of the second, by everything that both crystals have."""
    for one, other in _in_both(first, second):
        known: dict[str, Any] = {"method": one.name, "remarks": tuple(dict.fromkeys((*one.remarks, *other.remarks)))}
        known["origin"] = (first.bulk.shifts_step, second.bulk.shifts_step)
        for edge, short in OF_EDGES.items():
            value, half = _difference(one, other, short)
            name = f"difference of the shifts of the {edge}"
            yield Quantity.of(name, f"{first.name} | {second.name}", "eV", value, None, **known, **_open(half))


def _of_row(row: Alignment, first: MaterialOutcome, second: MaterialOutcome) -> Iterator[Quantity]:
    before = {"vbm": ("valence", row.valence_band_offset_ev), "cbm": ("conduction", row.conduction_band_offset_ev)}
    steps = [material.bulk.shifts_step for material in (first, second)]
    for one, other in _in_both(first, second):
        for short, (band, offset_ev) in before.items():
            if offset_ev is None:
                continue
            value, half = _difference(one, other, short)
            yield Quantity.of(
                f"corrected {band} band offset",
                f"{first.name} | {second.name}",
                "eV",
                offset_ev + value,
                None,
                method=f"{row.method}; {one.name}",
                origin=(first.bulk.edges_step, second.bulk.edges_step, *steps),
                remarks=tuple(dict.fromkeys((*row.remarks, *one.remarks, *other.remarks))),
                **_wider(row, half),
            )


def _in_both(first: MaterialOutcome, second: MaterialOutcome) -> Iterator[tuple[EdgeMove, EdgeMove]]:
    others = {move.corrections: move for move in moves_or_reason(second.bulk)[0]}
    for move in moves_or_reason(first.bulk)[0]:
        if move.corrections in others:
            yield move, others[move.corrections]


def _difference(one: EdgeMove, other: EdgeMove, short: str) -> tuple[float, float | None]:
    """Of an edge, and what is open of it: the calibration is off by the same factor in both crystals."""
    value = getattr(one, f"{short}_ev") - getattr(other, f"{short}_ev")
    return value, _apart(getattr(one, f"{short}_open_ev"), getattr(other, f"{short}_open_ev"))


def _apart(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one - other


def _open(half_ev: float | None) -> dict[str, Any]:
    if half_ev is None:
        return {}
    return {"uncertainty": (-abs(half_ev), abs(half_ev)), "uncertainty_holds": SPIN_ORBIT_HOLDS}


def _wider(row: Alignment, half_ev: float | None) -> dict[str, Any]:
    """The range of the row, widened by what is open of the shifts."""
    if row.range_ev is None:
        return {}
    half = abs(half_ev or 0.0)
    ends: Range = (row.range_ev[0] - half, row.range_ev[1] + half)
    holds = row.range_holds if half_ev is None else f"{row.range_holds}; {SPIN_ORBIT_HOLDS}"
    return {"uncertainty": ends, "uncertainty_holds": holds}
