"""The result in one line, and what it means in a few sentences."""

from __future__ import annotations

from dataclasses import dataclass

from dftflow.model.alignment import Alignment
from dftflow.model.outcome import StudyOutcome
from dftflow.plot.labels import signed
from dftflow.report.results_json import why_no_offset

__all__ = ["Headline", "headline"]

_TYPES = {
    "type I": "both the electron and the hole go to the same material",
    "type II": "the electron and the hole go to different materials",
    "type III": "the gaps do not overlap in energy: the valence band of one reaches the conduction band of the other",
    "quasi-type II": "one carrier is confined to one material, the other is free to move through both",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Headline:
    """`result`: the offset and its range; `meaning`: what that range holds, the type, and what speaks against it."""

    result: str
    meaning: str


def headline(outcome: StudyOutcome) -> Headline:
    """Headline of a study, from the alignment that it defends; a polar plane never makes one."""
    row = outcome.defended
    if row is None:
        return Headline(result="No band offset.", meaning=f"There is none because {why_no_offset(outcome)}.")
    sentences = (_range(row), _type(row), *_against(outcome, row))
    return Headline(result=_result(row), meaning=" ".join(sentences))


def _result(row: Alignment) -> str:
    offset = row.valence_band_offset_ev
    where = "above" if offset >= 0 else "below"
    told = "" if row.range_ev is None else f" (offset {signed(offset, row.range_ev)} eV)"
    return f"The valence band of {row.first_name} lies {abs(offset):.3f} eV {where} that of {row.second_name}{told}."


def _range(row: Alignment) -> str:
    text = f"The range holds: {row.range_holds}."
    low, high = (row.valence_band_offset_ev + end for end in row.range_ev or (0.0, 0.0))
    if low <= 0 <= high:
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
    offsets = [other.valence_band_offset_ev for other in outcome.alignments if not other.source]
    if len(offsets) < 2:
        return [*lines, "Another termination of either surface gives another offset."]
    span = f"{min(offsets):+.3f} to {max(offsets):+.3f} eV"
    sign = ", and not even its sign is common to them" if min(offsets) < 0 < max(offsets) else ""
    return [
        *lines,
        f"Over the {len(offsets)} ways and surfaces calculated here the valence-band offset goes from {span}{sign}.",
    ]
