"""A scheduler's queue: gives it jobs, and asks it about all of them at once.

The commands, and how most of their answers are read (`dftflow.jobs.cluster.queue_lines`), are pysqa's; they are run by
`dftflow.jobs.cluster.command`. Beside that Slurm and LSF are asked for jobs that have ended, and Slurm's accounting,
where there is one, for those that the queue has forgotten.
"""

from __future__ import annotations

import getpass
import hashlib
import json
import os
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError

from dftflow.errors import CodeNotFoundError
from dftflow.jobs.cluster.answer import Answer, answer_of
from dftflow.jobs.cluster.command import run_command
from dftflow.jobs.cluster.listing import ListedJob, Listing
from dftflow.jobs.cluster.queue_lines import owned_jobs
from dftflow.jobs.cluster.submission import Submission
from dftflow.jobs.lock import waited_for
from dftflow.jobs.machine_file import Scheduler
from dftflow.jobs.store import write_atomically
from dftflow.stored_file import read_stored

if TYPE_CHECKING:
    from pysqa.wrapper.abstract import SchedulerCommands

__all__ = ["Queue"]

PYSQA_NAMES: dict[Scheduler, str] = {"slurm": "SLURM", "pbs": "TORQUE", "sge": "SGE", "lsf": "LSF"}
CLUSTER_VARIABLES = ("SLURM_CONF", "SLURM_CLUSTERS", "PBS_DEFAULT", "SGE_ROOT", "LSF_ENVDIR")
ASKED_FOR: dict[Scheduler, tuple[str, ...]] = {"slurm": ("-t", "all"), "lsf": ("-a", "-w")}
"""Jobs that have ended too, as long as the scheduler knows of them; of LSF with names and users that are not cut."""
NO_JOB = ("No unfinished job found", "No job found")
"""What bjobs says, with an exit status of its own, where there is none."""
FRESH_S = 30.0
SUBMIT_LIMIT_S = 120.0
ASK_LIMIT_S = 60.0
DAY_S = 86400.0
TWICE_S = 2.0 * ASK_LIMIT_S


class Queue:
    """The jobs of one scheduler.

    Parameters
    ----------
    scheduler
        Any but ``none``.
    cache
        Folder in which its last answer is kept for `fresh_s` seconds: however many ask, it is asked once.

    Raises
    ------
    CodeNotFoundError
        When pysqa is not installed.
    """

    def __init__(self, scheduler: Scheduler, *, cache: Path | None = None, fresh_s: float = FRESH_S) -> None:
        self.scheduler = scheduler
        self._fresh_s = fresh_s
        self._cache = (cache or _cache_folder()) / f"{scheduler}-{_which_cluster()}.json"

    @cached_property
    def _commands(self) -> SchedulerCommands:
        try:
            from pysqa.base.core import get_queue_commands
        except ModuleNotFoundError:
            from dftflow.installer import install_line  # with the metadata of packages

            raise CodeNotFoundError(
                "the package pysqa, which speaks to schedulers, is not installed",
                fix=install_line("dftflow[cluster]"),
            ) from None
        commands = get_queue_commands(PYSQA_NAMES[self.scheduler])
        assert commands is not None
        return commands

    def submit(self, record: Submission, name: str) -> Answer:
        """Give the scheduler the script of `record`, once.

        Raises
        ------
        CodeNotFoundError
            When its program is not here: nothing was submitted then.
        """
        command = (*self._commands.submit_job_command, *self._told(record, name), str(record.script))
        read = None
        if self.scheduler == "lsf":  # of a script that is named bsub reads no options, unless a site has it so
            command, read = tuple(self._commands.submit_job_command), record.script
        ended = run_command(command, time_limit_s=SUBMIT_LIMIT_S, folder=Path(record.folder), read=read)
        return answer_of(ended, self._commands.get_job_id_from_output)

    def _told(self, record: Submission, name: str) -> tuple[str, ...]:
        """What tells this job from others, on the command line: a template of a person's own may have left it out."""
        return (f"--job-name={name}", f"--chdir={record.folder}") if self.scheduler == "slurm" else ()

    def cancel(self, job: str) -> str:
        """Ask the scheduler to end a job; what it said when it did not accept that, ``""`` when it did."""
        ended = run_command((*self._commands.delete_job_command, job), time_limit_s=ASK_LIMIT_S)
        return "" if ended.code == 0 else ended.said

    # --- what it says -------------------------------------------------------------------------------------------

    def listing(self, records: Iterable[Submission] = ()) -> Listing:
        """All jobs of this user, by the queue, asked for at most `fresh_s` ago; then by the accounting.

        Parameters
        ----------
        records
            Submissions whose end is not known: when the queue does not list one, the accounting is asked.
        """
        with waited_for(self._cache.with_suffix(".lock"), patience_s=TWICE_S):
            listing = self._kept() or self._asked()
        missing = [record for record in records if listing.job(record.job, record.folder) is None]
        return listing.with_more(self._accounted(missing)) if missing and not listing.silence else listing

    def _asked(self) -> Listing:
        at_s = time.time()
        more = ("-u", getpass.getuser()) if self.scheduler == "slurm" else ()
        command = (*self._commands.get_queue_status_command, *ASKED_FOR.get(self.scheduler, ()), *more)
        ended = run_command(command, time_limit_s=ASK_LIMIT_S)
        has_none = self.scheduler == "lsf" and any(said in ended.said for said in NO_JOB)
        if ended.code != 0 and not has_none:
            return Listing(at_s=at_s, silence=ended.said)
        try:
            found = () if has_none else owned_jobs(self.scheduler, ended.out, self._commands.convert_queue_status)
            jobs = tuple(job for owner, job in found if owner == getpass.getuser())
        except ValueError as error:
            return Listing(at_s=at_s, silence=f"the queue's answer cannot be read: {error}")
        listing = Listing(at_s=at_s, jobs=jobs)
        self._keep(listing)
        return listing

    def _accounted(self, missing: list[Submission]) -> Iterator[ListedJob]:
        """Those that the accounting knows of; none where there is no accounting."""
        if self.scheduler != "slurm":
            return
        since = time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(min(r.intended_s for r in missing) - DAY_S))
        command = ("sacct", "-X", "-n", "-P", "-S", since, "-u", getpass.getuser(), "-o", "JobIDRaw,State,WorkDir")
        try:
            ended = run_command(command, time_limit_s=ASK_LIMIT_S)
        except CodeNotFoundError:
            return
        wanted = {record.folder for record in missing}
        for line in ended.out.splitlines() if ended.code == 0 else ():
            job, _, rest = line.partition("|")
            word, _, folder = rest.partition("|")
            if job.isdecimal() and folder in wanted:
                yield ListedJob.read(job, folder, word)

    # --- kept ---------------------------------------------------------------------------------------------------

    def _kept(self) -> Listing | None:
        try:
            content = TypeAdapter(dict[str, Any]).validate_json(read_stored(self._cache))
            at_s, jobs = content["at_s"], TypeAdapter(tuple[ListedJob, ...]).validate_python(content["jobs"])
        except (OSError, ValidationError, KeyError):
            return None
        age_s = time.time() - at_s if isinstance(at_s, float) else -1.0
        return Listing(at_s=at_s, jobs=jobs) if 0 <= age_s < self._fresh_s else None

    def _keep(self, listing: Listing) -> None:
        content = {"at_s": listing.at_s, "jobs": [asdict(job) for job in listing.jobs]}
        try:
            write_atomically(self._cache, json.dumps(content), mode=0o600, durable=False)
        except OSError:
            return  # asked again next time


def _cache_folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "dftflow" / "queue"


def _which_cluster() -> str:
    """Tells the clusters apart that this user reaches with the same home."""
    named = (os.environ.get(name, "") for name in CLUSTER_VARIABLES)
    return hashlib.sha256("\0".join([getpass.getuser(), *named]).encode()).hexdigest()[:12]
