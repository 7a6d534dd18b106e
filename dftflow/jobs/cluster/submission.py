"""The record of one submission: that a job was to be given to a scheduler is on the disk before it is given.

    <run>/jobs/<step>/<attempt>-<token>/submission.json    this record
                                        job.sh, job.log    the script, and what it prints

The folder is the job's working folder and no other job's: by it the queue's line is told, where names are cut and ids
are used again. The stages, each written by one rename, by whoever holds the run's lock::

    intended -> submitted        the scheduler gave an id, or lists a job that works in this folder
             -> refused          the scheduler, or a person, says for certain that it has no such job
    submitted -> submitted       the queue says how it stands; or does not list it, since when is noted
              -> lost            it has not been listed for the time that the machine's profile gives it
              -> ended           the queue or the accounting says how
    lost -> submitted, ended     it is listed again
    lost, ended -> released      a person, or a remedy, asks for another attempt: nothing is counted on from it any more

A record that is intended while nobody holds the run's lock is *uncertain*: whoever wrote it died before the answer was
written. It is never submitted again by itself. Another attempt follows on ``refused`` and ``released`` alone.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
import time
from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter

from dftflow.errors import StoreError
from dftflow.jobs.cluster.answer import refusal_of
from dftflow.jobs.cluster.listing import ListedJob, Listing
from dftflow.jobs.machine import host_name
from dftflow.jobs.store import storage_errors, write_atomically
from dftflow.stored_file import read_stored_as

__all__ = [
    "EndedJobs",
    "LOG_FILE",
    "Stage",
    "Submission",
    "attempts",
    "intend",
    "last_attempt",
    "moved",
    "open_attempts",
    "settled",
    "write",
]

JOBS = "jobs"
MOST_REFUSED = 3
"""Records of refused submissions of a step that are kept: a controller that is down for days refuses thousands."""
RECORD_FILE, SCRIPT_FILE, LOG_FILE = "submission.json", "job.sh", "job.log"

Stage = Literal["intended", "submitted", "lost", "ended", "refused", "released"]
MOVES: dict[Stage, tuple[Stage, ...]] = {
    "intended": ("submitted", "ended", "refused"),
    "submitted": ("submitted", "lost", "ended"),
    "lost": ("submitted", "ended", "released"),
    "ended": ("released",),
    "refused": (),
    "released": (),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """Content of ``submission.json``.

    Attributes
    ----------
    step, attempt
        Which step of the run, and for the how-manieth time.
    plan
        Digest of the plan that the step is of.
    folder
        Absolute, as the scheduler is given it.
    name
        Of the job.
    cluster
        That it is given to, as a Slurm calls itself; ``""`` where that is not known.
    also
        Other steps that are the same calculation, and have no job of their own.
    script_sha256
        Of the script, which says all that it needs.
    host, pid, intended_s
        Who meant to submit it, and when (seconds since 1970).
    job
        Id that the scheduler gave; ``""`` as long as it is not known.
    moved_s
        When it got into this stage.
    word
        State of the job as the queue said last; ``""`` as long as it has said nothing.
    reason
        Why it waits, where that may be for ever: see `dftflow.jobs.cluster.listing.ListedJob`.
    began
        The queue has said that it runs, or that it has run.
    unlisted_since_s
        Since when the queue has not listed it; None when it does.
    why
        Of a refusal or a release; of one that ended, why no other follows by itself.
    asked
        What it asks for over what machine and study say, by the names of `dftflow.jobs.resources.Resources`.
    goes_on
        Cause by which the attempt before it ended, where it goes on from that.
    cause
        Limit by which it ended, see `dftflow.model.cause`; ``""`` where it ended otherwise.
    remedy, more
        Of a release by itself: what the next attempt does differently, for a person, and what that has in `asked`.
    """

    step: str
    attempt: int
    plan: str
    folder: str
    script_sha256: str
    host: str
    pid: int
    intended_s: float
    name: str = ""
    cluster: str = ""
    also: tuple[str, ...] = ()
    stage: Stage = "intended"
    job: str = ""
    moved_s: float = 0.0
    word: str = ""
    reason: str = ""
    began: bool = False
    unlisted_since_s: float | None = None
    why: str = ""
    asked: Mapping[str, float] = field(default_factory=dict)
    goes_on: str = ""
    cause: str = ""
    remedy: str = ""
    more: Mapping[str, float] = field(default_factory=dict)

    @property
    def next_asked(self) -> Mapping[str, float]:
        """`asked` of the attempt that follows: a refused one is given again as it is."""
        return self.asked if self.stage == "refused" else self.more

    @property
    def next_goes_on(self) -> str:
        """`goes_on` of the attempt that follows."""
        if self.stage == "refused":
            return self.goes_on
        return self.cause if self.remedy or self.cause == "out_of_time" else ""

    def released_after(self, time_s: float) -> bool:
        """Whether another attempt was let follow on it after this moment, in seconds since 1970."""
        return self.stage == "released" and self.moved_s > time_s

    @property
    def script(self) -> Path:
        """What the scheduler is given."""
        return Path(self.folder) / SCRIPT_FILE

    @property
    def log(self) -> Path:
        """What the job prints."""
        return Path(self.folder) / LOG_FILE

    @property
    def is_open(self) -> bool:
        """Whether the queue may still have something to say of it."""
        return self.stage in ("intended", "submitted", "lost")

    def is_of(self, root: Path) -> bool:
        """Whether the job works in the run in `root`: not in one that this is a copy of, or that has lain elsewhere."""
        try:
            return os.path.samefile(self.folder, root / JOBS / self.step / Path(self.folder).name)
        except OSError:
            return False

    def listed_in(self, listing: Listing) -> ListedJob | None:
        """Its job, as the queue lists it."""
        return listing.job(self.job, self.folder, self.name)

    @property
    def lets_another(self) -> bool:
        """Whether the step may be submitted again."""
        return self.stage in ("refused", "released")


# --- stages -----------------------------------------------------------------------------------------------------


def moved(record: Submission, stage: Stage, **changes: str | bool | float | Mapping[str, float] | None) -> Submission:
    """`record` in its next stage.

    Raises
    ------
    ValueError
        When there is no way from its stage to that.
    """
    if stage not in MOVES[record.stage]:
        raise ValueError(f"a submission that is {record.stage} cannot become {stage}")
    return replace(record, stage=stage, moved_s=time.time(), **changes)  # type: ignore[arg-type]


def settled(record: Submission, listing: Listing, *, lost_after_s: float) -> Submission:
    """`record` by what the queue says; itself where that is nothing new."""
    if not record.is_open:
        return record
    job = record.listed_in(listing)
    if job is None:
        return _unlisted(record, listing, lost_after_s)
    if job.has_ended:
        began = record.began or job.word != "cancelled"
        return moved(record, "ended", job=job.id, word=job.word, reason="", began=began, unlisted_since_s=None)
    began = record.began or job.phase == "running"
    if (record.stage, record.word, record.reason, record.unlisted_since_s) == ("submitted", job.word, job.reason, None):
        return record
    return moved(record, "submitted", job=job.id, word=job.word, reason=job.reason, began=began, unlisted_since_s=None)


def _unlisted(record: Submission, listing: Listing, lost_after_s: float) -> Submission:
    """One that is not in a list that was asked for after it was submitted."""
    if record.stage != "submitted" or listing.silence or listing.at_s <= record.moved_s:
        return record
    if record.unlisted_since_s is None:
        return replace(record, unlisted_since_s=listing.at_s)
    return moved(record, "lost") if listing.at_s - record.unlisted_since_s > lost_after_s else record


# --- on disk ----------------------------------------------------------------------------------------------------


def intend(
    root: Path,
    step: str,
    *,
    plan: str,
    name: str,
    script: Callable[[Path], str],
    cluster: str = "",
    also: tuple[str, ...] = (),
    before: Submission | None = None,
) -> Submission:
    """Write down that a job is to be submitted, and its script; both are on the disk when this returns.

    Parameters
    ----------
    name, cluster, also
        As in `Submission`.
    script
        Gives the text, for the folder that the job is to work in.
    before
        The step's last submission.
    """
    attempt = 1 if before is None else before.attempt + 1
    folder = root.resolve() / JOBS / step / f"{attempt}-{secrets.token_hex(4)}"
    text, now = script(folder), time.time()
    record = Submission(
        step=step,
        attempt=attempt,
        plan=plan,
        folder=str(folder),
        name=name,
        cluster=cluster,
        also=also,
        script_sha256=hashlib.sha256(text.encode()).hexdigest(),
        host=host_name(),
        pid=os.getpid(),
        intended_s=now,
        moved_s=now,
        asked={} if before is None else before.next_asked,
        goes_on="" if before is None else before.next_goes_on,
    )
    with storage_errors(root):
        write_atomically(folder / SCRIPT_FILE, text, root=root.resolve())
    write(root, record)
    _forget_refused(root, step)
    return record


def _forget_refused(root: Path, step: str) -> None:
    """Remove all but the last that the scheduler itself refused, and of which no job has printed anything."""
    refused = [one for one in attempts(root, step) if one.stage == "refused" and refusal_of(one.why)]
    for record in refused[:-MOST_REFUSED]:
        if record.is_of(root) and not record.log.exists():
            with storage_errors(root):
                shutil.rmtree(record.folder)


def write(root: Path, record: Submission) -> None:
    """Replace the record, which is on the disk when this returns."""
    file = root / JOBS / record.step / Path(record.folder).name / RECORD_FILE
    with storage_errors(file):
        write_atomically(file, json.dumps(asdict(record), indent=1, ensure_ascii=False), root=root)


def attempts(root: Path, step: str) -> tuple[Submission, ...]:
    """The submissions of a step, oldest first.

    Raises
    ------
    StoreError
        When a record cannot be read: it cannot be told then whether a job is under way.
    """
    try:
        names = os.listdir(root / JOBS / step)
    except (FileNotFoundError, NotADirectoryError):
        return ()
    files = [root / JOBS / step / name / RECORD_FILE for name in names]
    return tuple(sorted((_read(file) for file in files if file.exists()), key=lambda record: record.attempt))


def last_attempt(root: Path, step: str) -> Submission | None:
    """The last submission of a step; None when it was never submitted."""
    found = attempts(root, step)
    return found[-1] if found else None


def open_attempts(root: Path) -> tuple[Submission, ...]:
    """The submissions of the run in `root` that the queue may still have something to say of, whatever its plan is."""
    return tuple(record for record in _all(root) if record.is_open and record.is_of(root))


class EndedJobs(Container[str]):
    """The jobs of a run of which the scheduler has said that they ended; looked up when first asked for one."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._ids: set[str] | None = None

    def __contains__(self, job: object) -> bool:
        if not job:
            return False
        if self._ids is None:
            self._ids = {record.job for record in _all(self._root) if record.stage in ("ended", "released")}
        return job in self._ids


def _all(root: Path) -> Iterator[Submission]:
    return (_read(file) for file in (root / JOBS).glob(f"**/{RECORD_FILE}"))


def _read(file: Path) -> Submission:
    try:
        return read_stored_as(_model(), file)
    except (OSError, ValueError) as error:
        raise StoreError(
            "the record of a submission cannot be read",
            reason=" ".join(str(error).split())[:300],
            where=str(file),
            fix="look with squeue or sacct whether a job works in its folder; when none does, remove that folder",
        ) from error


@cache
def _model() -> TypeAdapter[Submission]:
    return TypeAdapter(Submission)
