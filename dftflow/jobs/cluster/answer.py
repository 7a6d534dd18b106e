"""What a scheduler answers when it is given a job: accepted, refused for certain, or an answer that tells neither.

Only a message that is listed here makes a refusal certain. ``Socket timed out on send/recv operation`` is not among
them: Slurm has accepted jobs of which sbatch said that (nextflow-io/nextflow#970).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from dftflow.jobs.cluster.command import Ended

__all__ = ["Answer", "Refusal", "answer_of"]

Refusal = Literal["wrong", "full", "not reached"]
"""``full``: the same job may be accepted later; ``not reached``: in a moment; ``wrong``: never as it is."""

# fmt: off
REFUSALS: tuple[tuple[Refusal, tuple[str, ...]], ...] = (
    ("full", (
        "QOSMaxSubmitJob", "AssocMaxSubmitJob", "MaxSubmitJob", "QOSGrpSubmitJobs", "AssocGrpSubmitJobs",
        "job submit limit", "temporarily unable to accept job",  # Slurm
        "Maximum number of jobs already in queue", "would exceed",  # PBS
        "jobs are allowed per user",  # SGE
        "pending job threshold", "User job limit",  # LSF
    )),
    ("not reached", (
        "Unable to contact slurm controller (connect failure)",
        "Connection refused", "cannot connect to server",  # PBS: the name of the server's port
    )),
    ("wrong", (
        "Invalid ", "invalid ", "Requested node configuration is not available", "Requested time limit",
        "More processors requested than permitted", "Access/permission denied", "Access denied",
        "Job dependency problem", "Memory specification can not be satisfied", "unrecognized option", "Unable to open",
        "accounting/QOS policy", "Authentication failure", "Protocol authentication error",  # Slurm
        "Unknown queue", "illegal attribute", "Unauthorized Request", "Illegal attribute or resource",  # PBS
        "Unable to run job",  # SGE
        "No such queue", "Bad resource requirement syntax", "Request aborted by esub",  # LSF
    )),
)
# fmt: on
_ID = re.compile(r"\d+(\.[A-Za-z][\w.-]*)?\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What became of a job that was to be submitted; with neither `job` nor `refusal` it cannot be told.

    Attributes
    ----------
    job
        Id of the job; ``""`` unless it was accepted for certain.
    refusal
        Why it was refused for certain; None otherwise.
    said
        The scheduler's own words.
    """

    job: str = ""
    refusal: Refusal | None = None
    said: str = ""


def answer_of(ended: Ended, id_of: Callable[[str], int]) -> Answer:
    """What the end of a submitting command means.

    Parameters
    ----------
    id_of
        The scheduler's way to find the id in what was printed (pysqa's ``get_job_id_from_output``); it may raise.
    """
    job = _id(ended.out, id_of) if ended.code == 0 else ""
    if job:
        return Answer(job=job)
    said = ended.said
    if ended.code in (None, 0):  # an answer without an id, or none: it may have been accepted all the same
        return Answer(said=said)
    refusal = next((kind for kind, phrases in REFUSALS if any(phrase in said for phrase in phrases)), None)
    return Answer(refusal=refusal, said=said)


def _id(printed: str, id_of: Callable[[str], int]) -> str:
    """Id of the job; a federated Slurm prints ``id;cluster``."""
    lines = printed.strip().splitlines()
    last = lines[-1].partition(";")[0].strip() if lines else ""
    try:
        return str(id_of(last))
    except (ValueError, IndexError):
        return ""
