"""What a scheduler answers when it is given a job: accepted, refused for certain, or an answer that tells neither.

Only a message that is listed here makes a refusal certain, and only where nothing beside it leaves that open. Slurm has
accepted jobs of which sbatch said ``Socket timed out on send/recv operation`` (nextflow-io/nextflow#970), and says
``temporarily unable to accept job, sleeping and retrying`` also before it accepts one (rwth-i6/sisyphus#156).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from dftflow.jobs.cluster.command import Ended

__all__ = ["Answer", "Refusal", "answer_of", "refusal_of"]

Refusal = Literal["wrong", "full", "not reached"]
"""``full``: the same job may be accepted later; ``not reached``: in a moment; ``wrong``: never as it is."""

DOUBTS = (
    "timed out", "Zero Bytes were transmitted", "Unexpected message received", "Transport endpoint is not connected",
    "Connection reset", "Communication failure",
)  # fmt: skip
"""Said of jobs that may have been accepted all the same, whatever else is said."""

# fmt: off
REFUSALS: tuple[tuple[Refusal, tuple[str, ...]], ...] = (
    ("full", (
        "QOSMaxSubmitJob", "AssocMaxSubmitJob", "MaxSubmitJob", "QOSGrpSubmitJobs", "AssocGrpSubmitJobs",
        "temporarily unable to accept job",  # Slurm
        "Maximum number of jobs already in queue", "would exceed",  # PBS
        "jobs are allowed per user",  # SGE
        "pending job threshold", "User job limit",  # LSF
    )),
    ("not reached", (
        "Unable to contact slurm controller (connect failure)",
        "Connection refused", "cannot connect to server",  # PBS: the name of the server's port
    )),
    ("wrong", ("MaxWall", "MaxCpu", "MaxNode", "MaxMem", "MaxGRES", "MaxTRES", "MinCpu", "MinGRES")),  # limits of Slurm
    ("full", ("job submit limit",)),  # Slurm: or the job's size or time, where it does not say which
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
ERROR = re.compile(r"(sbatch|qsub|bsub): (?!warning|info)|error: |Unable to run job|.*Job not submitted", re.IGNORECASE)
"""How a line begins with which a scheduler's own program refuses: what a wrapper of a site says decides nothing."""
PARSABLE = re.compile(r"(\d+)(?:;([\w.-]+))?")
"""What sbatch --parsable prints; of several clusters Slurm appends which. Sites print more before and behind it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What became of a job that was to be submitted; with neither `job` nor `refusal` it cannot be told.

    Attributes
    ----------
    job
        Id of the job; ``""`` unless it was accepted for certain.
    cluster
        That has it, where the scheduler knows of several and says so.
    refusal
        Why it was refused for certain; None otherwise.
    said
        The scheduler's own words.
    """

    job: str = ""
    cluster: str = ""
    refusal: Refusal | None = None
    said: str = ""


def answer_of(ended: Ended, id_of: Callable[[str], int]) -> Answer:
    """What the end of a submitting command means.

    Parameters
    ----------
    id_of
        The scheduler's way to find the id in what was printed (pysqa's ``get_job_id_from_output``); it may raise.
    """
    ids, said = _ids(ended.out, id_of), ended.said
    if ended.code == 0 and len(ids) == 1:
        job, cluster = ids.pop()
        return Answer(job=job, cluster=cluster)
    if ids or ended.code is None or ended.code <= 0:  # it may have been accepted, whatever was said or ended behind it
        return Answer(said=said)
    if any(doubt in said for doubt in DOUBTS):
        return Answer(said=said)
    errors = " ".join(line for line in map(str.strip, ended.err.splitlines()) if ERROR.match(line))
    return Answer(refusal=refusal_of(errors), said=errors or said)


def refusal_of(said: str) -> Refusal | None:
    """Why a job was refused of which the scheduler said that; None where that leaves open whether it was."""
    if any(doubt in said for doubt in DOUBTS):
        return None
    return next((kind for kind, phrases in REFUSALS if any(phrase in said for phrase in phrases)), None)


def _ids(printed: str, id_of: Callable[[str], int]) -> set[tuple[str, str]]:
    """What may be the id of the job, with the cluster that it was given to, ``""`` where that is not told."""
    lines = [line.strip() for line in printed.splitlines() if line.strip()]
    alone = {(match[1], match[2] or "") for line in lines if (match := PARSABLE.fullmatch(line))}
    if alone:
        return alone
    try:
        return {(str(id_of(lines[-1])), "")}
    except (ValueError, IndexError):
        return set()
