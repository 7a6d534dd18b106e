"""The result in one line, and what it means in a few sentences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from dftflow.analysis.alignment import in_order
from dftflow.figures.labels import signed
from dftflow.model.alignment import Alignment
from dftflow.model.outcome import StudyOutcome
from dftflow.model.quantity import METAL_WAY
from dftflow.report.results_json import missing_offsets, why_no_offset

__all__ = ["Headline", "headline"]

_FEW_PAIRS = 3
_FEW_GAPS = 8
_LEVELS_OF_METALS = (
    "By the vacuum level of each free surface: another surface has another one, and where two materials touch, charge "
    "that goes over and interface states move them against each other."
)
_TYPES = {
    "type I": "both the electron and the hole go to the same material",
    "type II": "the electron and the hole go to different materials",
    "type III": "the gaps do not overlap in energy: the valence band of one reaches the conduction band of the other",
    "quasi-type II": "one carrier is confined to one material, the other is free to move through both",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Headline:
    """`result`: the offsets and their ranges; `meaning`: what a range holds, the types, what speaks against them."""

    result: str
    meaning: str


def headline(outcome: StudyOutcome) -> Headline:
    """Headline of a study, from the alignments that it defends; a polar plane never makes one.

    One sentence a pair of materials; for more than three pairs one for all of them.
    """
    rows = outcome.defended
    if not rows and (metals := _of_metals(outcome)):
        return Headline(result=" ".join(metals), meaning=_LEVELS_OF_METALS)
    if not rows and outcome.of_crystals_alone and not outcome.settings.get("alignment"):
        return _of_crystals(outcome)
    if not rows:
        return Headline(result="No band offset.", meaning=f"There is none because {why_no_offset(outcome)}.")
    if len(rows) > _FEW_PAIRS:
        return Headline(result=_many(rows), meaning=" ".join([*_meaning_of_many(rows), *_undefended(outcome)]))
    single = len(rows) == 1
    meaning = [f"{'' if single else f'{_pair(row)}: '}{_meaning(outcome, row)}" for row in rows]
    return Headline(result=" ".join(map(_result, rows)), meaning=" ".join([*meaning, *_undefended(outcome)]))


def _of_metals(outcome: StudyOutcome) -> list[str]:
    """Where the Fermi level of a metal lies: in the gap of a semiconductor, else below the vacuum."""
    if outcome.contacts:
        return [
            f"The Fermi level of {row.metal_name} lies {row.electron_barrier_ev:.3f} eV below the conduction band and "
            f"{row.hole_barrier_ev:.3f} eV above the valence band of {row.edges.material}."
            for row in outcome.contacts[:_FEW_PAIRS]
        ]
    found = (q for q in outcome.quantities if q.method == METAL_WAY and isinstance(q.value, float) and not q.point)
    return [f"The work function of {q.subject} is {q.value:.3f} eV." for q in islice(found, _FEW_PAIRS)]


def _of_crystals(outcome: StudyOutcome) -> Headline:
    """Gaps of a study that asks for no offset, and how the published numbers stand."""
    gaps = [(m.name, m.bulk.edges) for m in outcome.materials if m.bulk.edges is not None]
    told = [f"{name} {edges.band_gap_ev:.3f} eV" for name, edges in gaps[:_FEW_GAPS]]
    more = f", and {len(gaps) - _FEW_GAPS} more" if len(gaps) > _FEW_GAPS else ""
    result = f"Band gaps: {', '.join(told)}{more}." if told else "No band gap."
    counts = Counter(row.verdict for row in outcome.published)
    meaning = ["The study asks for no band offset."]
    if outcome.published:
        meaning.append(
            f"Of {len(outcome.published)} published numbers {counts['agree']} agree with those here, "
            f"{counts['differ']} differ, {counts['open'] + counts['none']} decide nothing."
        )
    return Headline(result=result, meaning=" ".join(meaning))


def _pair(row: Alignment) -> str:
    return f"{row.first_name} and {row.second_name}"


def _undefended(outcome: StudyOutcome) -> list[str]:
    """Which pairs have rows, but none that is defended."""
    defended = {row.pair for row in outcome.defended}
    rows = {row.pair: row for row in outcome.alignments if row.pair not in defended}
    pairs = ", between ".join(map(_pair, rows.values()))
    told = [f"Polar planes or quoted numbers alone, and no offset that is defended: between {pairs}."] if rows else []
    return [*told, *_missing(outcome)]


def _missing(outcome: StudyOutcome) -> list[str]:
    """Which pairs that the study aligns have no row of its own, and why."""
    missing = missing_offsets(outcome)
    if len(missing) > _FEW_PAIRS:
        pairs = ", ".join(quantity.subject for quantity in missing)
        return [f"No offset of the study's own for {len(missing)} pairs ({pairs}): the quantities say why."]
    return [f"No offset of the study's own for {q.subject}: {q.missing.reason}." for q in missing if q.missing]


# --- one pair ---------------------------------------------------------------------------------------------------


def _result(row: Alignment) -> str:
    offset = row.valence_band_offset_ev
    where = "above" if offset >= 0 else "below"
    told = "" if row.range_ev is None else f" (offset {signed(offset, row.range_ev)} eV)"
    return f"The valence band of {row.first_name} lies {abs(offset):.3f} eV {where} that of {row.second_name}{told}."


def _meaning(outcome: StudyOutcome, row: Alignment) -> str:
    return " ".join((_range(row), _type(row), *_against(outcome, row)))


def _undetermined(row: Alignment) -> bool:
    low, high = (row.valence_band_offset_ev + end for end in row.range_ev or (0.0, 0.0))
    return low <= 0 <= high


def _range(row: Alignment) -> str:
    text = f"The range holds: {row.range_holds}."
    if _undetermined(row):
        text += " The offset is smaller than that: which of the two lies higher is not determined."
    return text


def _type(row: Alignment) -> str:
    if row.type == "not resolved":
        return f"The type of the alignment is open (tolerance {row.tolerance_ev:.3g} eV)."
    return (
        f"As the numbers stand, with a tolerance of {row.tolerance_ev:.3g} eV, the alignment is {row.type}: "
        f"{_TYPES[row.type]}."
    )


def _against(outcome: StudyOutcome, row: Alignment) -> list[str]:
    """What speaks against the row, and that an offset by way of the vacuum belongs to surfaces, not to crystals."""
    lines = [f"{text}." for text in row.remarks]
    if row.contradicts:
        others = (outcome.alignments[number - 1].method for number in row.contradicts)
        lines.append(f"Contradicted by: {', '.join(dict.fromkeys(others))}.")
    own = {_stands_on(other): other for other in outcome.alignments if other.pair == row.pair and not other.source}
    offsets = [in_order(other, row.first_name, row.second_name).valence_band_offset_ev for other in own.values()]
    if len(offsets) < 2:
        return [*lines, "Another termination of either surface gives another offset."]
    span = f"{min(offsets):+.3f} to {max(offsets):+.3f} eV"
    sign = ", and not even its sign is common to them" if min(offsets) < 0 < max(offsets) else ""
    return [
        *lines,
        f"Over the {len(offsets)} ways and surfaces calculated here the valence-band offset goes from {span}{sign}.",
    ]


def _stands_on(row: Alignment) -> tuple[str, frozenset[tuple[str, str]]]:
    """The way and the surfaces of a row, which two alignments of a study may share."""
    return row.same_way, frozenset((edges.material, edges.surface) for edges in (row.first, row.second) if edges)


# --- many pairs -------------------------------------------------------------------------------------------------


def _many(rows: Sequence[Alignment]) -> str:
    small, large = (choose(rows, key=lambda row: abs(row.valence_band_offset_ev)) for choose in (min, max))
    materials = {name for row in rows for name in row.pair}
    return (
        f"{len(rows)} valence-band offsets between {len(materials)} materials, from "
        f"{abs(small.valence_band_offset_ev):.3f} eV ({_pair(small)}) to "
        f"{abs(large.valence_band_offset_ev):.3f} eV ({_pair(large)})."
    )


def _meaning_of_many(rows: Sequence[Alignment]) -> list[str]:
    holds = dict.fromkeys(row.range_holds for row in rows)
    lines = [f"A range holds: {'; or: '.join(holds)}."]
    open_pairs = [row for row in rows if _undetermined(row)]
    if open_pairs:
        lines.append(
            f"In {len(open_pairs)} of the {len(rows)} pairs the offset is smaller than its range: which of the two "
            "lies higher is not determined."
        )
    kinds = Counter("open" if row.type == "not resolved" else row.type for row in rows)
    tolerances = ", ".join(dict.fromkeys(f"{row.tolerance_ev:.3g}" for row in rows))
    types = ", ".join(f"{kind} {count}" for kind, count in sorted(kinds.items()))
    lines.append(f"As the numbers stand, with a tolerance of {tolerances} eV, types by number of pairs: {types}.")
    contradicted = [_pair(row) for row in rows if row.contradicts]
    if contradicted:
        lines.append(f"Contradicted by another row of the same pair: {', '.join(contradicted)}.")
    if any(row.remarks for row in rows):
        lines.append("What is to be known of each stands beside its row.")
    return [*lines, "Another termination of any surface gives another offset."]
