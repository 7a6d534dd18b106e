"""Every warning of a study, for the table and the page alike."""

from __future__ import annotations

from collections.abc import Iterator

from dftflow.model.outcome import StudyOutcome

__all__ = ["all_warnings"]


def all_warnings(outcome: StudyOutcome) -> tuple[tuple[str, str], ...]:
    """(of what, text) for the warnings of the study (of ``""``), its crystals, slabs and steps, each once."""
    return tuple(dict.fromkeys(_found(outcome)))


def _found(outcome: StudyOutcome) -> Iterator[tuple[str, str]]:
    yield from (("", text) for text in outcome.warnings)
    for material in outcome.materials:
        yield from ((material.name, text) for text in material.bulk.warnings)
        for slab in material.slabs:
            yield from ((f"{material.name} {material.face(slab)}", text) for text in slab.warnings)
    for step in outcome.steps:
        yield from ((step.name, text) for text in (step.results.warnings if step.results else ()))
