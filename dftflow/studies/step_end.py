"""How a step stands by what lies on the disk: its folder, whoever calculated there, and the record of its job."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TypedDict

from dftflow.jobs.cancelled import is_cancelled, why_cancelled
from dftflow.jobs.cluster.submission import last_attempt
from dftflow.jobs.job import JobState, NodeOutcome
from dftflow.jobs.local import at_work, why_uncertain
from dftflow.jobs.step_state import StepState, read_state, tampered, without_ended_job
from dftflow.model.admission import Admitted, Refusal
from dftflow.model.results import Results
from dftflow.model.step import Step
from dftflow.studies.at_the_queue import at_the_queue
from dftflow.studies.work import STATES, Work

__all__ = ["end_on_disk"]


def end_on_disk(work: Work, step: Step, elsewhere: Path | None = None) -> NodeOutcome:
    """How a step stands by what lies in its folder, or `elsewhere`, whoever calculated it, and by its job."""
    assert work.folder is not None
    end = _end_in_folder(work, step, elsewhere)
    root = work.folder.root
    record = None if elsewhere is not None or work.folder.layout != "run" else last_attempt(root, step.name)
    if record is None:
        return end
    now = at_the_queue(end, record, root)
    if now != end:
        work.refuse(step, now.state, now.failure)
    return now


def _end_in_folder(work: Work, step: Step, elsewhere: Path | None) -> NodeOutcome:
    assert work.folder is not None
    place = elsewhere or work.folder.folder_of(step)
    if place is None:
        if is_cancelled(work.folder.root, step.name):
            return _cancelled(work, step, None)
        why = work.folder.why_no_folder(step)
        state: JobState = "not_run" if why else "waiting"
        return NodeOutcome(name=step.name, title=step.title, state=state, folder=None, failure=why)
    recorded = read_state(place)
    if work.folder.layout == "decks":  # a person runs it, who notes nothing there
        recorded = StepState(state="waiting", tries=recorded.tries)
    recorded = without_ended_job(recorded, work.ended_jobs)
    known = partial(NodeOutcome, name=step.name, title=step.title, folder=place, tries=recorded.tries)
    occupied = at_work(place, recorded) if work.folder.layout == "run" else None
    if occupied == "running":
        return known(state="running", failure=work.plan.code.progress(place).doing)
    changed = tampered(place, recorded, work.deck_names(place))
    if changed:
        work.refuse(step, "refused", changed)
        return known(state="refused", failure=changed, **_recorded_times(recorded))
    admission = work.ask(step, place, record_in=work.folder.folder_of(step))
    if isinstance(admission, Admitted):
        return known(state="finished", **_times(recorded, admission.results))
    if is_cancelled(work.folder.root, step.name):
        return _cancelled(work, step, place)
    if occupied == "uncertain":
        doubt = why_uncertain(place, recorded)
        work.refuse(step, "uncertain", doubt)
        return known(state="uncertain", failure=doubt)
    if recorded.state == "failed":  # a limit that ended the process says more than what it left
        work.refuse(step, "failed", recorded.failure or admission.reason)
        return known(
            state="failed",
            failure=recorded.failure or admission.reason,
            cause=recorded.cause or admission.cause,
            log_tail=recorded.log_tail,
            **_recorded_times(recorded),
        )
    if work.folder.layout == "run" and recorded.state == "waiting" and recorded.wall_time_s:
        why = f"it has run for {recorded.wall_time_s:.0f} s and has not ended; the next call takes it up"
        work.refuse(step, "not_run", why)
        return known(state="waiting", failure=why, **_recorded_times(recorded))
    to_go_on = work.folder.layout == "run" and recorded.state in ("waiting", "running")
    return known(
        state="waiting" if to_go_on else STATES[admission.kind],
        failure=admission.reason,
        cause=admission.cause,
        log_tail=admission.log_tail,
        **_times(recorded, admission),
    )


class _Times(TypedDict):
    wall_time_s: float | None
    cpu_time_s: float | None


def _times(recorded: StepState, told: Results | Refusal) -> _Times:
    """The times of all attempts, or of the last one where they were not recorded."""
    if recorded.wall_time_s:
        return _recorded_times(recorded)
    return {"wall_time_s": told.wall_time_s, "cpu_time_s": told.cpu_time_s}


def _recorded_times(recorded: StepState) -> _Times:
    return {"wall_time_s": recorded.wall_time_s or None, "cpu_time_s": recorded.cpu_time_s}


def _cancelled(work: Work, step: Step, place: Path | None) -> NodeOutcome:
    assert work.folder is not None
    why = why_cancelled(work.folder.root, step.name)
    work.refuse(step, "cancelled", why)
    return NodeOutcome(name=step.name, title=step.title, state="cancelled", folder=place, failure=why)
