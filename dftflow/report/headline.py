"""The result in one line, and what it means in one sentence."""

from __future__ import annotations

from dataclasses import dataclass

from dftflow.model.alignment import Alignment
from dftflow.model.outcome import StudyOutcome

__all__ = ["Headline", "headline"]

_TYPES = {
    "type I": "both the electron and the hole go to the same material",
    "type II": "the electron and the hole go to different materials",
    "type III": "the gaps do not overlap in energy: the valence band of one reaches the conduction band of the other",
    "quasi-type II": "one carrier is confined to one material, the other is free to move through both",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Headline:
    """`result`: the offset and its uncertainty; `meaning`: whether it is resolved, and the type of alignment."""

    result: str
    meaning: str


def headline(outcome: StudyOutcome) -> Headline:
    """Headline of a study, from its first alignment."""
    own = next((a for a in outcome.alignments if not a.source), None)
    if own is None:
        failed = [step.name for step in outcome.steps if step.state == "failed"]
        why = f"{', '.join(failed)} failed" if failed else "fewer than two materials have absolute band edges"
        return Headline(result="No band offset.", meaning=f"There is none because {why}.")
    return Headline(result=_result(own), meaning=f"{_resolution(own)} {_type(own)} {_surfaces(outcome)}")


def _result(row: Alignment) -> str:
    error = "" if row.uncertainty_ev is None else f" ± {row.uncertainty_ev:.3f}"
    offset = row.valence_band_offset_ev
    where = "above" if offset >= 0 else "below"
    return f"The valence band of {row.first_name} lies {abs(offset):.3f}{error} eV {where} that of {row.second_name}."


def _resolution(row: Alignment) -> str:
    if row.uncertainty_ev is None:
        return "Its uncertainty is not known."
    if abs(row.valence_band_offset_ev) > row.uncertainty_ev:
        return "For these surfaces the offset is larger than its uncertainty, so its sign is resolved."
    return "The offset is smaller than its uncertainty: which of the two lies higher is not determined."


def _surfaces(outcome: StudyOutcome) -> str:
    """What the stated uncertainty leaves out: an offset by way of the vacuum belongs to surfaces, not to crystals."""
    offsets = [row.valence_band_offset_ev for row in outcome.alignments if not row.source]
    if len(offsets) < 2:
        return (
            "The uncertainty is that of the line-up alone; another termination of either surface gives another offset."
        )
    return (
        f"The uncertainty is that of the line-up alone: over the {len(offsets)} ways and surfaces calculated here the "
        f"valence-band offset goes from {min(offsets):+.3f} to {max(offsets):+.3f} eV"
        + (", and not even its sign is common to them." if min(offsets) < 0 < max(offsets) else ".")
    )


def _type(row: Alignment) -> str:
    if row.type == "not resolved":
        return f"The type of the alignment is not resolved either (tolerance {row.tolerance_ev:.3g} eV)."
    return f"With a tolerance of {row.tolerance_ev:.3g} eV the alignment is {row.type}: {_TYPES[row.type]}."
