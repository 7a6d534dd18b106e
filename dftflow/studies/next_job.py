"""The next job of a step whose last one ended by a limit of its own, its time or its memory; two of each at most.

Out of time: it goes on from what was left, by the remedy of the code, where that is more than was there before. Out of
memory: it asks for twice as much, up to that of a node; else its ranks are spread over twice as many nodes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from dftflow.codes.base import Code
from dftflow.errors import DftflowError
from dftflow.jobs.cluster.submission import Submission
from dftflow.jobs.resources import TOLD_EARLY_S
from dftflow.jobs.step_state import STATE_FILE, read_state
from dftflow.studies.built_file import read_built
from dftflow.studies.remedied import has_moved_on, next_try

if TYPE_CHECKING:
    from dftflow.jobs.machine_profile import Machine
    from dftflow.jobs.resources import Resources

__all__ = ["NextJob", "asked_words", "cause_of_end", "next_job"]

MOST_JOBS = 2
"""Further ones for one cause, in a row."""
WORDS = {"timeout": "out_of_time", "out_of_memory": "out_of_memory"}
"""What a scheduler calls the end of a job -> cause."""
TIMES = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class NextJob:
    """How a further job goes about it; or, with no `remedy`, why there is none.

    Attributes
    ----------
    remedy
        What it does differently, for a person.
    asked
        As `Submission.asked`.
    refusal
        Why there is none, and what a person can do.
    """

    remedy: str = ""
    asked: Mapping[str, float] = field(default_factory=dict)
    refusal: str = ""


def cause_of_end(record: Submission, place: Path | None, *, told_after_s: float | None) -> str:
    """The limit by which a job ended, by its scheduler and by what it left; ``""`` where it ended otherwise.

    A job that was told that its time is nearly over has ended its engine in order, and itself with an error. So does
    one that somebody else told to end: by when it did, it cannot have run for so long.

    Parameters
    ----------
    place
        Folder of the step.
    told_after_s
        How long a job runs until it is told; None for one whose time has no limit.
    """
    if record.word in WORDS:
        return WORDS[record.word]
    if record.word != "failed" or not record.job or place is None:
        return ""
    state = read_state(place)
    if state.job != record.job:
        return ""
    if state.state == "waiting":
        most_s = (place / STATE_FILE).stat().st_mtime - record.intended_s + TOLD_EARLY_S
        return "out_of_time" if told_after_s is not None and most_s > told_after_s else ""
    return state.cause if state.state == "failed" and state.cause in WORDS.values() else ""


def next_job(
    code: Code, machine: Machine, resources: Resources, place: Path | None, task: str, records: Sequence[Submission]
) -> NextJob:
    """The job that follows on the last of `records`, of which `Submission.cause` is known.

    Parameters
    ----------
    resources
        That the job had.
    place
        Folder of the step.
    task
        Of the step.
    records
        All submissions of the step, oldest first.
    """
    last = records[-1]
    if _in_a_row(records) >= MOST_JOBS:
        return NextJob(refusal=f"{MOST_JOBS} further jobs have not brought it to its end; {_ask_for(last.cause, task)}")
    if last.cause == "out_of_memory":
        return _larger(machine, resources, last.asked) or NextJob(
            refusal=f"more memory cannot be asked for by itself; {_ask_for(last.cause, task)}"
        )
    words = "" if place is None else _what_it_goes_on_from(code, place, since_s=last.intended_s)
    if words:
        return NextJob(remedy=words, asked=last.asked)
    return NextJob(refusal=f"no check-point within the time; {_ask_for(last.cause, task)}")


def _in_a_row(records: Sequence[Submission]) -> int:
    """How many of the last jobs were followed by another for this very cause, and for nothing that a person said."""
    count = 0
    for record in reversed([record for record in records[:-1] if record.stage != "refused"]):
        if not record.remedy:
            break
        count += record.cause == records[-1].cause
    return count


def _ask_for(cause: str, task: str) -> str:
    key = "time_h" if cause == "out_of_time" else "memory_gib"
    return f"ask for more: {key} in [resources.{task}] of the study"


def _what_it_goes_on_from(code: Code, place: Path, *, since_s: float) -> str:
    try:
        record, tries = read_built(place), read_state(place).tries
        found = None if record is None else next_try(code, record, place, "out_of_time", tries)
        if record is None or found is None:
            return ""
        goes_on = has_moved_on(code, record, place, found.remedy, since_s=since_s)
    except (DftflowError, OSError):
        return ""
    return found.remedy.words if goes_on else ""


def _larger(machine: Machine, resources: Resources, asked: Mapping[str, float]) -> NextJob | None:
    """More memory on each node; where that is all of it or nobody knows how much it was, more nodes."""
    had_mib, most_mib = resources.memory_mib, machine.memory_mib
    more_mib = most_mib if had_mib is None else min(TIMES * had_mib, most_mib or TIMES * had_mib)
    if more_mib is not None and (had_mib is None or more_mib > had_mib):
        more = {"memory_mib": more_mib}
    else:
        nodes = min(TIMES * resources.nodes, resources.ranks, machine.nodes or resources.ranks)
        more = {"nodes": nodes}
        if nodes <= resources.nodes:
            return None
    return NextJob(remedy=asked_words(more), asked={**asked, **more})


def asked_words(asked: Mapping[str, float]) -> str:
    """What is asked for, for a person: behind "again with".

    Examples
    --------
    >>> asked_words({"memory_mib": 8192.0, "nodes": 2})
    '8 GiB of memory on each node, 2 nodes'
    """
    memory_mib, nodes = asked.get("memory_mib"), asked.get("nodes")
    words = [] if memory_mib is None else [f"{memory_mib / 1024:.3g} GiB of memory on each node"]
    return ", ".join([*words, *([] if nodes is None else [f"{nodes:.0f} nodes"])])
