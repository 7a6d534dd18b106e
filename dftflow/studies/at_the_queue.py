"""How a step stands that was submitted to a scheduler: what lies on the disk counts first, then what the queue said."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from dftflow.jobs.cluster.answer import refusal_of
from dftflow.jobs.cluster.submission import Submission, moved
from dftflow.jobs.job import JobState, NodeOutcome
from dftflow.jobs.lock import is_locked_elsewhere
from dftflow.jobs.step_state import read_state
from dftflow.model.cause import cause_words
from dftflow.model.printable import brief
from dftflow.named_command import dftflow_line

__all__ = ["LATE_S", "at_the_queue", "ended_unlisted", "may_come_late"]

LAST_BYTES = 2000
LATE_S = 60.0
"""How long what a job has left may take to be seen from here, on a file system between machines."""


def at_the_queue(end: NodeOutcome, record: Submission, root: Path) -> NodeOutcome:
    """How the step stands, by what lies in its folder (`end`) and by its last submission."""
    if end.state == "cancelled" and record.is_open and record.is_of(root):
        return replace(end, failure=f"{end.failure}; {_told(end, record, root)[1]}")
    if end.state in ("finished", "refused", "cancelled") or record.stage == "released":
        return end
    if record.is_open and not record.is_of(root):
        return replace(end, state="uncertain", failure=_of_another(record, root))
    if record.stage == "refused":
        return _refused(end, record)
    state, said = _told(end, record, root)
    return replace(end, state=state, failure=said, cause=record.cause or end.cause)


def _refused(end: NodeOutcome, record: Submission) -> NodeOutcome:
    """No job was accepted: one that never will be as it is has failed; any other waits to be submitted."""
    if end.state not in ("waiting", "not_run"):
        return end
    wrong = refusal_of(record.why) == "wrong"
    return replace(end, state="failed" if wrong else "waiting", failure=f"its job was not accepted: {record.why}")


def _told(end: NodeOutcome, record: Submission, root: Path) -> tuple[JobState, str]:
    job = f"job {record.job}"
    if record.goes_on:
        job += f" (after one that ran {cause_words(record.goes_on)})"
    if record.stage == "intended":
        return _intended(record, root)
    if record.stage == "lost":
        return "lost", f"{job} is in no queue any more, and left no end; {_remedy(record, root)}"
    if record.stage == "submitted":
        if record.unlisted_since_s is not None:
            return _live(end, record), f"{job} is not listed since {_clock(record.unlisted_since_s)}"
        waits = f"{record.word} ({record.reason})" if record.reason else record.word
        doing = end.failure if end.state == "running" else waits
        return _live(end, record), f"{job}{f': {doing}' if doing else ''}"
    return _after_its_end(end, record, job)


def _after_its_end(end: NodeOutcome, record: Submission, job: str) -> tuple[JobState, str]:
    """The step has no results, and its job has ended."""
    if record.cause:
        return "failed", f"{job} ran {cause_words(record.cause)}; {record.why}; see {record.log}"
    if end.state == "failed" and end.failure and record.word in ("completed", "failed"):
        return "failed", end.failure  # the step itself says why
    if may_come_late(record):
        return "running", f"{job} has ended; what it left is not seen yet"
    if record.word == "completed":
        return "failed", f"{job} ended well by its scheduler, and left no results; see {record.log}"
    said = end.failure if end.state == "failed" and end.failure else _last_words(record.log)
    return "failed", f"{job} {_ended(record)}{f'; {said}' if said else ''}; see {record.log}"


def _last_words(log: Path) -> str:
    """The last line that a job has printed."""
    try:
        with log.open("rb") as stream:
            stream.seek(max(0, os.fstat(stream.fileno()).st_size - LAST_BYTES))
            lines = stream.read().decode("utf-8", errors="replace").split("\n")
    except OSError:
        return ""
    return next((brief(line.strip()) for line in reversed(lines) if line.strip()), "")


def ended_unlisted(record: Submission, end: NodeOutcome, needs: Sequence[NodeOutcome]) -> Submission:
    """`record` of a job that is in no queue any more, by what lies on the disk; itself where that tells no end.

    Many queues show nothing of a job that has ended, and forget one that waited for a job which failed.

    Parameters
    ----------
    end, needs
        How its step and those that it needs stand.
    """
    if record.stage not in ("submitted", "lost") or record.unlisted_since_s is None:
        return record
    if end.state == "finished":
        return moved(record, "ended", word="completed", began=True)
    if end.folder is not None:
        state = read_state(end.folder)
        if state.state in ("failed", "refused") and state.job == record.job:
            return moved(record, "ended", word="failed", began=True)
    if record.stage == "lost" and not record.began and any(need.state == "failed" for need in needs):
        return moved(record, "ended", word="cancelled")
    return record


def may_come_late(record: Submission) -> bool:
    """Whether a job has just ended that may have left something which is not seen from here yet."""
    waited_for = record.word == "completed" or (record.word == "timeout" and not record.why)
    return record.stage == "ended" and waited_for and time.time() - record.moved_s < LATE_S


def _live(end: NodeOutcome, record: Submission) -> JobState:
    return "running" if record.began or end.state == "running" else "queued"


def _ended(record: Submission) -> str:
    """How the scheduler says that the job ended."""
    return {
        "timeout": "ran out of time",
        "out_of_memory": "ran out of memory",
        "cancelled": "was cancelled",
        "node_fail": "lost its node",
        "failed": "failed",
    }.get(record.word, f"ended: {record.word}")


def _intended(record: Submission, root: Path) -> tuple[JobState, str]:
    if is_locked_elsewhere(root):
        return "queued", "being submitted"
    return "uncertain", (
        f"whoever submitted it on {record.host} at {_clock(record.intended_s)} got no answer, or died before it was "
        f"written down; no job is known to work in {record.folder}: {_remedy(record, root)}"
    )


def _of_another(record: Submission, root: Path) -> str:
    job = f"job {record.job}" if record.job else "a job"
    return f"{job} was given to the queue for a run in {record.folder}, which is another: {_remedy(record, root)}"


def _remedy(record: Submission, root: Path) -> str:
    return f"when no such job is there, {dftflow_line('retry', root, record.step)} lets it be submitted again"


def _clock(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))
