"""What a scheduler's program prints of the jobs in its queue, job by job.

SGE's and LSF's is read by pysqa. Of Slurm's, pysqa 1.1 raises for a folder with a ``|`` in it; of PBS's it takes the
blanks out of a folder, reads another one where a variable of the site's follows it, and calls every job that does not
run pending.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from dftflow.jobs.cluster.listing import ListedJob
from dftflow.jobs.machine_file import Scheduler

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["SLURM_FORMAT", "owned_jobs"]

MOST_SHOWN = 300
Convert = Callable[[str], "pd.DataFrame"]
SLURM_FORMAT = "%A|%u|%t|%r|%Z"
"""Of squeue(1): id, owner, state, reason; the folder last, which may hold the sign between them."""
_PBS_WORDS = {"R": "running", "E": "completing", "S": "suspended", "U": "suspended"}
_PBS_JOB = re.compile(r"^Job Id: *", re.MULTILINE)
_PBS_ATTRIBUTE = re.compile(r"^ +([\w.]+) = (.*)$", re.MULTILINE)
_PBS_FOLDER = re.compile(r"(?:^|,)PBS_O_WORKDIR=((?:\\.|[^,\\])*)")


def owned_jobs(scheduler: Scheduler, printed: str, convert: Convert) -> Iterator[tuple[str, ListedJob]]:
    """The owner of each job and how it stands; lines that cannot be read are passed over.

    Parameters
    ----------
    convert
        pysqa's reader of that scheduler.

    Raises
    ------
    ValueError
        When what was printed is no list of jobs at all: then no job is missing.
    """
    if scheduler == "slurm":
        return _slurm_jobs(printed)
    if scheduler == "pbs":
        return _pbs_jobs(printed)
    return _of_tables(scheduler, printed, convert)


def _slurm_jobs(printed: str) -> Iterator[tuple[str, ListedJob]]:
    """As squeue prints it by `SLURM_FORMAT`; of several clusters it names each in a line."""
    lines = [line for line in printed.split("\n") if line.strip() and not line.startswith("CLUSTER: ")]
    rows = [row for line in lines if len(row := line.split("|", 4)) == 5 and row[0].strip().isdecimal()]
    _refuse_none(lines, rows)
    for job, owner, word, reason, folder in rows:
        yield owner, ListedJob.read(job, folder, word, reason=reason)


def _pbs_jobs(printed: str) -> Iterator[tuple[str, ListedJob]]:
    before, *jobs = _PBS_JOB.split(printed)
    _refuse_none(before.splitlines(), jobs)
    yield from map(_pbs_job, jobs)


def _refuse_none(lines: Sequence[str], jobs: Sequence[object]) -> None:
    """A program that prints something, and no job, has not told that there is none."""
    said = " ".join(" ".join(lines).split())
    if said and not jobs:
        raise ValueError(f"it lists no job, and says {said[:MOST_SHOWN]}")


def _of_tables(scheduler: Scheduler, printed: str, convert: Convert) -> Iterator[tuple[str, ListedJob]]:
    for table in _tables(scheduler, printed, convert):
        names = table["jobname"] if scheduler == "sge" else [""] * len(table)  # LSF's column moves
        for job, owner, word, name in zip(table["jobid"], table["user"], table["status"], names, strict=True):
            yield str(owner), ListedJob.read(str(job), "", str(word), name=str(name))


def _tables(scheduler: Scheduler, printed: str, convert: Convert) -> Iterator[pd.DataFrame]:
    """As pysqa reads it; where it refuses the whole for one line, line by line."""
    first, _, rest = printed.partition("\n")
    if scheduler == "lsf" and not first.startswith("JOBID"):
        raise ValueError("it has no line of headings")
    try:
        yield convert(printed)
        return
    except Exception:  # pysqa raises whatever comes of a line that it does not expect
        if scheduler == "sge":  # a document, of which no part can be read alone; without any job pysqa refuses it too
            if "<job_list" in printed or "</job_info>" not in printed:
                raise ValueError("it is no whole document") from None
            return
    for line in rest.splitlines():
        try:
            yield convert(f"{first}\n{line}")
        except Exception:
            continue


def _pbs_job(text: str) -> tuple[str, ListedJob]:
    """A job as ``qstat -f`` shows it: long values go on in lines that begin with a tab."""
    head, _, rest = text.partition("\n")
    told = dict(_PBS_ATTRIBUTE.findall(rest.replace("\n\t", "")))
    folder = _PBS_FOLDER.search(told.get("Variable_List", ""))
    place = "" if folder is None else re.sub(r"\\(.)", r"\1", folder[1])
    return told.get("Job_Owner", "").partition("@")[0], ListedJob.read(head.partition(".")[0], place, _pbs_word(told))


def _pbs_word(told: dict[str, str]) -> str:
    """State of a job, in Slurm's words; one that has ended is shown by TORQUE for a while, with its exit status."""
    state = told.get("job_state", "")
    if state not in ("C", "F"):
        return _PBS_WORDS.get(state, "pending")
    status = told.get("exit_status") or told.get("Exit_status")
    return "cancelled" if status is None else "completed" if status == "0" else "failed"
