"""What a scheduler's program prints of the jobs in its queue, job by job.

Slurm's, SGE's and LSF's is read by pysqa. PBS's is not: pysqa 1.1 takes the blanks out of a folder, reads another one
where a variable of the site's follows it, and calls every job that does not run pending.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from dftflow.jobs.cluster.listing import ListedJob
from dftflow.jobs.machine_file import Scheduler

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["owned_jobs"]

Convert = Callable[[str], "pd.DataFrame"]
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
    if scheduler == "pbs":
        yield from map(_pbs_job, _PBS_JOB.split(printed)[1:])
        return
    for table in _tables(scheduler, printed, convert):
        folders = table["working_directory"] if "working_directory" in table else [""] * len(table)
        for job, owner, word, folder in zip(table["jobid"], table["user"], table["status"], folders, strict=True):
            yield str(owner), ListedJob.read(str(job), str(folder), str(word))


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
    for line in (f"{first}\n{line}" for line in rest.splitlines()) if scheduler == "lsf" else printed.splitlines():
        try:
            yield convert(line)
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
