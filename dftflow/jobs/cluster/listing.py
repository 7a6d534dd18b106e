"""What the queue says of a user's jobs, at one moment."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from dftflow.jobs.cluster.job_words import Phase, phase_of, spelled_out

__all__ = ["ListedJob", "Listing"]

PASSING = ("", "None", "Priority", "Resources", "Dependency", "BeginTime", "Cleaning", "Prolog", "NonZeroExitCode")
"""Reasons of squeue(1), JOB REASON CODES, by which a job waits as all jobs do, or ended as its state says."""
LIVELIEST: tuple[Phase, ...] = ("running", "queued", "unknown", "ended badly", "ended well")


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedJob:
    """A line of the queue.

    Attributes
    ----------
    folder
        That the job works in, whole; ``""`` where the scheduler does not tell. Names are cut, folders are not.
    word
        Its state, see `dftflow.jobs.cluster.job_words`.
    name
        Its whole name; ``""`` where that is not read.
    reason
        Why it waits, in Slurm's word (``PartitionTimeLimit``); ``""`` where that is a matter of time, or not told.
    """

    id: str
    folder: str
    word: str
    name: str = ""
    reason: str = ""

    @property
    def phase(self) -> Phase:
        return phase_of(self.word)

    @property
    def has_ended(self) -> bool:
        return self.phase in ("ended well", "ended badly")

    @classmethod
    def read(cls, id: str, folder: str, word: str, *, name: str = "", reason: str = "") -> ListedJob:
        """From what a scheduler prints."""
        passes = reason.partition(",")[0] in PASSING
        return cls(
            id=id.strip(), folder=folder.strip(), word=spelled_out(word), name=name, reason="" if passes else reason
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """The jobs of this user that the queue and the accounting know.

    Attributes
    ----------
    at_s
        When it was asked for, in seconds since 1970.
    silence
        Why there was no answer; ``""`` when there was one. What is not listed then is not missed.
    """

    at_s: float
    jobs: tuple[ListedJob, ...] = ()
    silence: str = ""
    _by_folder: dict[str, ListedJob] = field(init=False, repr=False, compare=False, default_factory=dict)
    _by_id: dict[str, ListedJob] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        for job in sorted(self.jobs, key=lambda job: LIVELIEST.index(job.phase), reverse=True):  # the liveliest counts
            self._by_id[job.id] = job
            if job.folder:
                self._by_folder[job.folder] = job

    def job(self, id: str, folder: str, name: str) -> ListedJob | None:
        """The job of a submission, by the folder that is its alone; by its id where the queue tells no folders.

        A job of this id in another folder, or with another name, is another one: ids are used again.
        """
        listed = self._by_folder.get(folder)
        if listed is not None:
            return listed
        same = self._by_id.get(id) if id else None
        if same is None or same.folder or (same.name and name and same.name != name):
            return None
        return same

    def with_ends(self, jobs: Iterable[ListedJob]) -> Listing:
        """With those that have ended as another source knows; of a job that both know the queue's word counts.

        What the other source calls running is not: accountings keep jobs alive that died with their controller
        (*runaway jobs*, sacctmgr(1)).
        """
        known = {job.id for job in self.jobs}
        ended = (job for job in jobs if job.has_ended and job.id not in known)
        return Listing(at_s=self.at_s, jobs=(*self.jobs, *ended))
