"""A campaign in a few lines: its steps by state, and those without results by why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dftflow.jobs.job import JobState, NodeOutcome
from dftflow.model.cause import cause_words

if TYPE_CHECKING:
    from dftflow.studies.preview import PreviewedStep

__all__ = ["Group", "PlannedGroup", "by_cause", "by_kind", "by_state"]

ORDER: tuple[JobState, ...] = (
    "finished", "running", "queued", "waiting", "uncertain", "lost", "failed", "refused", "cancelled", "not_run",
)  # fmt: skip
LONGEST_REASON = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Steps that stand alike: how many, why, and one of them."""

    state: JobState
    why: str
    count: int
    example: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedGroup:
    """Steps of one kind that stand alike: how many, how many of them are other steps' calculations, and their cost.

    Attributes
    ----------
    cost_s
        Rough seconds of GPAW on one core, each calculation once.
    """

    kind: str
    task: str
    state: JobState
    count: int
    shared: int
    cost_s: float


def by_kind(steps: Iterable[PreviewedStep]) -> tuple[PlannedGroup, ...]:
    """The steps of a plan by what they calculate and how they stand, in the order in which each is met first."""
    groups: dict[tuple[str, str, JobState], list[PreviewedStep]] = {}
    for step in steps:
        groups.setdefault((step.kind, step.task, step.state), []).append(step)
    return tuple(
        PlannedGroup(
            kind=kind,
            task=task,
            state=state,
            count=len(alike),
            shared=sum(bool(step.same_as) for step in alike),
            cost_s=sum(step.cost_s for step in alike if not step.same_as),
        )
        for (kind, task, state), alike in groups.items()
    )


def by_state(ends: Iterable[NodeOutcome]) -> dict[JobState, int]:
    """How many steps stand in each state, in the order in which a person asks for them."""
    counts = Counter(end.state for end in ends)
    return {state: counts[state] for state in ORDER if counts[state]}


def by_cause(ends: Sequence[NodeOutcome]) -> tuple[Group, ...]:
    """The steps that have no results and were tried, by state and cause, the most first; with an example of each."""
    counts: Counter[tuple[JobState, str]] = Counter()
    examples: dict[tuple[JobState, str], str] = {}
    for end in ends:
        if end.state in ("failed", "refused", "uncertain", "lost", "cancelled"):
            key = (end.state, _why(end))
            counts[key] += 1
            examples.setdefault(key, end.name)
    return tuple(
        Group(state=state, why=why, count=count, example=examples[state, why])
        for (state, why), count in sorted(counts.items(), key=lambda item: (ORDER.index(item[0][0]), -item[1]))
    )


def _why(end: NodeOutcome) -> str:
    """The cause; where none is known the beginning of the reason, which is alike for steps that failed alike."""
    if end.cause or end.state == "cancelled":
        return cause_words(end.cause)
    return " ".join(end.failure.split())[:LONGEST_REASON]
