"""A scheduler's queue: gives it jobs, and asks it about all of them at once.

The commands, and how some of their answers are read (`dftflow.jobs.cluster.queue_lines`), are pysqa's; they are run by
`dftflow.jobs.cluster.command`. Beside that Slurm and LSF are asked for jobs that have ended, and Slurm's accounting,
where there is one, for the ends that the queue has forgotten.
"""

from __future__ import annotations

import getpass
import hashlib
import json
import os
import re
import shutil
import time
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import TypeAdapter

from dftflow.errors import CodeNotFoundError
from dftflow.jobs.cluster.answer import Answer, answer_of
from dftflow.jobs.cluster.command import run_command
from dftflow.jobs.cluster.listing import ListedJob, Listing
from dftflow.jobs.cluster.queue_lines import SLURM_FORMAT, owned_jobs
from dftflow.jobs.cluster.submission import Submission
from dftflow.jobs.lock import waited_for
from dftflow.jobs.machine import host_name
from dftflow.jobs.machine_file import Scheduler
from dftflow.jobs.machine_profile import Machine
from dftflow.jobs.store import write_atomically
from dftflow.stored_file import read_stored_as

if TYPE_CHECKING:
    from pysqa.wrapper.abstract import SchedulerCommands

__all__ = ["Queue"]

PYSQA_NAMES: dict[Scheduler, str] = {"slurm": "SLURM", "pbs": "TORQUE", "sge": "SGE", "lsf": "LSF"}
# tell clusters apart that are reached from one host; other hosts ask for themselves, whose home may be the same
CLUSTER_VARIABLES = ("SLURM_CONF", "SLURM_CLUSTERS", "PBS_DEFAULT", "SGE_ROOT", "LSF_ENVDIR")
ASKED_BY: dict[Scheduler, str] = {"slurm": "squeue", "pbs": "qstat", "sge": "qstat", "lsf": "bjobs"}
LSF_TOO = ("-a", "-w")
"""Jobs that have ended too, as long as LSF knows of them, with names and users that are not cut."""
CLUSTER_NAME = re.compile(r"^ClusterName\s*=\s*(\S+)", re.MULTILINE)
"""What ``scontrol show config`` calls a Slurm."""
NO_JOB = ("No unfinished job found", "No job found")
"""What bjobs says, with an exit status of its own, where there is none."""
FRESH_S = 30.0
SUBMIT_LIMIT_S = 240.0
"""sbatch itself tries for two minutes where Slurm has no room for a job, and then says so."""
ASK_LIMIT_S = 60.0
DAY_S = 86400.0
TWICE_S = 2.0 * ASK_LIMIT_S


class Queue:
    """The jobs of one scheduler.

    Parameters
    ----------
    scheduler
        Any but ``none``.
    cluster
        Of several that one Slurm knows, the one that is meant; ``""`` for the one that is asked without a name.
    cache
        Folder in which its last answer is kept for `fresh_s` seconds: however many ask, it is asked once.

    Raises
    ------
    CodeNotFoundError
        When pysqa is not installed.
    """

    def __init__(
        self, scheduler: Scheduler, *, cluster: str = "", cache: Path | None = None, fresh_s: float = FRESH_S
    ) -> None:
        self.scheduler = scheduler
        self._cluster = cluster
        self._fresh_s = fresh_s
        self._cache_folder = cache or _cache_folder()

    @classmethod
    def of(cls, machine: Machine) -> Queue:
        """The queue that jobs of `machine` are given to."""
        return cls(machine.scheduler, cluster=machine.cluster)

    @cached_property
    def _cache(self) -> Path:
        asked = shutil.which(ASKED_BY[self.scheduler]) or ""
        named = (os.environ.get(name, "") for name in CLUSTER_VARIABLES)
        told = "\0".join([getpass.getuser(), host_name(), os.path.realpath(asked), self._cluster, *named])
        return self._cache_folder / f"{self.scheduler}-{hashlib.sha256(told.encode()).hexdigest()[:12]}.json"

    @cached_property
    def cluster(self) -> str:
        """The name that a Slurm has; ``""`` where it tells none, and of other schedulers."""
        if self._cluster or self.scheduler != "slurm":
            return self._cluster
        try:
            ended = run_command(("scontrol", "show", "config"), time_limit_s=ASK_LIMIT_S)
        except CodeNotFoundError:
            return ""
        found = CLUSTER_NAME.search(ended.out)
        return found[1] if found else ""

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

    def submit(self, record: Submission) -> Answer:
        """Give the scheduler the script of `record`, once.

        Raises
        ------
        CodeNotFoundError
            When its program is not here: nothing was submitted then.
        """
        command = (*self._commands.submit_job_command, *self._told(record), str(record.script))
        read = None
        if self.scheduler == "lsf":  # of a script that is named bsub reads no options, unless a site has it so
            command, read = tuple(self._commands.submit_job_command), record.script
        ended = run_command(command, time_limit_s=SUBMIT_LIMIT_S, folder=Path(record.folder), read=read)
        return answer_of(ended, self._commands.get_job_id_from_output)

    def _told(self, record: Submission) -> tuple[str, ...]:
        """What tells this job from others, on the command line: a template of a person's own may have left it out."""
        if self.scheduler != "slurm":
            return ()
        return (f"--job-name={record.name}", f"--chdir={record.folder}", *self._on_cluster)

    @property
    def _on_cluster(self) -> tuple[str, ...]:
        return (f"--clusters={self._cluster}",) if self._cluster else ()

    @property
    def cancel_words(self) -> str:
        """The command that ends jobs, as a person types it before their ids."""
        return " ".join((*self._commands.delete_job_command, *self._on_cluster))

    def cancel(self, record: Submission, listing: Listing) -> str:
        """Ask the scheduler to end the job of a submission; why it was not, or what it said when it did not accept it.

        What it has said before of its jobs is not kept any longer.

        Parameters
        ----------
        listing
            What it says now, by which the job is the one of this submission: ids are used again, and are those of other
            jobs on another cluster.
        """
        job = record.listed_in(listing)
        if listing.silence:
            return f"it is not asked to end, as the queue does not tell whose it is: {listing.silence}"
        if job is None:
            asks = f"; `{self.cancel_words} {record.job}` asks for its end, if it is yours" if record.job else ""
            return f"the queue lists no such job, and none is asked to end{asks}"
        if job.has_ended:
            return ""
        with suppress(OSError):
            self._cache.unlink()
        ended = run_command((*self._commands.delete_job_command, *self._on_cluster, job.id), time_limit_s=ASK_LIMIT_S)
        return "" if ended.code == 0 or self._has_ended(record) else ended.said

    def _has_ended(self, record: Submission) -> bool:
        """Whether a job that was listed a moment ago has ended meanwhile, as one does whose step is cancelled."""
        listing = self.listing((record,), now=True)
        job = record.listed_in(listing)
        return not listing.silence and (job is None or job.has_ended)

    # --- what it says -------------------------------------------------------------------------------------------

    def listing(self, records: Collection[Submission] = (), *, now: bool = False) -> Listing:
        """All jobs of this user, by the queue, asked for at most `fresh_s` ago; then ends by the accounting.

        Parameters
        ----------
        records
            Submissions whose end is not known: when the queue does not list one, the accounting is asked. Of those that
            were given to another cluster this one has nothing to say.
        now
            Ask, however short ago it was asked.
        """
        elsewhere = {record.cluster for record in records} - {""}
        if elsewhere and self.cluster and elsewhere != {self.cluster}:
            theirs = " and ".join(sorted(elsewhere - {self.cluster}))
            here = f"its jobs are in the cluster {theirs}, and this is {self.cluster}"
            mend = f'call this on a login node of {theirs}, or add cluster = "{theirs}" to the profile'
            return Listing(at_s=time.time(), silence=f"{here}: {mend}")
        with waited_for(self._cache.with_suffix(".lock"), patience_s=TWICE_S):
            listing = (None if now else self._kept()) or self._asked()
        missing = [record for record in records if record.listed_in(listing) is None]
        return listing.with_ends(self._accounted(missing)) if missing and not listing.silence else listing

    def _asked(self) -> Listing:
        at_s = time.time()
        ended = run_command(self._question(), time_limit_s=ASK_LIMIT_S)
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

    def _question(self) -> tuple[str, ...]:
        if self.scheduler == "slurm":
            mine = (f"--user={getpass.getuser()}", "--states=all", "--noheader", f"--format={SLURM_FORMAT}")
            return (ASKED_BY["slurm"], *self._on_cluster, *mine)
        return (*self._commands.get_queue_status_command, *(LSF_TOO if self.scheduler == "lsf" else ()))

    def _accounted(self, missing: list[Submission]) -> Iterator[ListedJob]:
        """Those that the accounting knows of; none where there is no accounting."""
        if self.scheduler != "slurm":
            return
        since = time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(min(r.intended_s for r in missing) - DAY_S))
        whose = ("-S", since, "-u", getpass.getuser(), *self._on_cluster)
        command = ("sacct", "-X", "-n", "-P", *whose, "-o", "JobIDRaw,State,WorkDir")
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
            kept = read_stored_as(TypeAdapter(Listing), self._cache)
        except (OSError, ValueError):
            return None
        return kept if 0 <= time.time() - kept.at_s < self._fresh_s else None

    def _keep(self, listing: Listing) -> None:
        content = {"at_s": listing.at_s, "jobs": [asdict(job) for job in listing.jobs]}
        try:
            write_atomically(self._cache, json.dumps(content), mode=0o600, durable=False)
        except OSError:
            return  # asked again next time


def _cache_folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "dftflow" / "queue"
