"""What a person decides of a submission that dftflow cannot decide: the caller holds the run's lock."""

from __future__ import annotations

from pathlib import Path

from dftflow.errors import InputError
from dftflow.jobs.cluster.submission import Stage, Submission, last_attempt, moved, write

__all__ = ["another_attempt", "not_submitted"]


def not_submitted(root: Path, step: str) -> Submission:
    """No job of the step's last submission is there: it may be submitted again.

    Raises
    ------
    InputError
        When that submission is neither uncertain nor lost.
    """
    record = last_attempt(root, step)
    if record is None or record.stage not in ("intended", "lost"):
        raise InputError(
            f"it is not uncertain whether {step} was submitted",
            reason=_standing(record),
            fix=f"`dftflow status {root}` shows how it stands",
        )
    stage: Stage = "refused" if record.stage == "intended" else "released"
    return _moved(root, record, stage, "a person says that there is no such job")


def another_attempt(root: Path, step: str, *, why: str) -> Submission | None:
    """The step's last job has ended, and the step is to be submitted again; None when it was never submitted.

    Raises
    ------
    InputError
        When that job has not ended, for all that is known.
    """
    record = last_attempt(root, step)
    if record is None or record.lets_another:
        return record
    if record.stage != "ended":
        lost = record.stage in ("intended", "lost")
        raise InputError(
            f"the job of {step} has not ended, for all that is known",
            reason=_standing(record),
            fix=f"`dftflow retry {root} {step} --not-submitted`, when there is no such job"
            if lost
            else f"`dftflow cancel {root} {step}` first",
        )
    return _moved(root, record, "released", why)


def _moved(root: Path, record: Submission, stage: Stage, why: str) -> Submission:
    now = moved(record, stage, why=why)
    write(root, now)
    return now


def _standing(record: Submission | None) -> str:
    if record is None:
        return "it was never submitted"
    return f"job {record.job} is {record.word or record.stage}" if record.job else f"its submission is {record.stage}"
