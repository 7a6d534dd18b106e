"""One process to run: files, an argument list and what it may use. What it computes is nobody's business here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from dftflow.jobs.resources import Resources
from dftflow.model.attempt import Attempt

__all__ = ["Again", "Job", "JobState", "Node", "NodeOutcome", "Verdict"]

JobState = Literal[
    "waiting", "running", "finished", "failed", "refused", "not_run", "uncertain", "queued", "lost", "cancelled"
]
"""``waiting``: to be run; ``refused``: run, but not what was asked for, or changed since; ``not_run``: nothing was run,
because what it needs did not finish or because nobody has run it; ``uncertain``: an engine may be at work that cannot
be seen from here; ``queued``: given to a scheduler; ``lost``: the scheduler knows its job no more;
``cancelled``: a person wants it not to be run (`dftflow.jobs.cancelled`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Files to write into a folder, and the process to start there.

    Attributes
    ----------
    identity
        Hexadecimal digest: two jobs of one identity are the same calculation, and share a folder.
    files
        File name -> text.
    argv
        Argument list, with the folder as working directory.
    beside
        File name -> text of what is kept beside the files for whoever reads the results.
    stop_file
        Name of a file by which its program is asked to end, with what a later run goes on from; ``""`` for none.
    """

    identity: str
    files: Mapping[str, str]
    argv: tuple[str, ...]
    beside: Mapping[str, str] = field(default_factory=dict)
    stop_file: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the owner of a job says of what lies in its folder; ``not_run`` when nothing was run there.

    Attributes
    ----------
    wall_time_s, cpu_time_s
        As the results themselves tell them; None where they do not.
    """

    state: JobState
    failure: str = ""
    cause: str = ""
    log_tail: str = ""
    wall_time_s: float | None = None
    cpu_time_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """What the owner of a job that failed wants tried next.

    Attributes
    ----------
    job
        The next attempt.
    remedy, words, values
        As `Attempt` keeps them.
    start_from
        Patterns of the names of files that it goes on from, of those that the failed attempt left.
    stay
        Names of files in the folder that are not the attempt's.
    """

    job: Job
    remedy: str
    words: str
    values: tuple[str, ...] = ()
    start_from: tuple[str, ...] = ()
    stay: tuple[str, ...] = ()


def _never(folder: Path, cause: str, tries: Sequence[Attempt]) -> Again | None:
    return None


def _as_it_is(folder: Path, job: Job) -> Job:
    return job


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A job in a graph.

    Attributes
    ----------
    name
        Path-like and unique: ``"CsPbBr3/bulk-relax"``.
    title
        For a person.
    needs
        Names of the nodes that come before.
    prepare
        Called once those have ended; gives the job. Its errors fail this node.
    judge
        Called with the folder: whether it holds what the job is for.
    doing
        Called with the folder while the process runs; says what it does now.
    cost
        Expected effort, in any unit common to the graph; only for the estimate of what is left.
    resources
        What it may use.
    memory_mib
        Expected use of memory; 0 where it is not known.
    again
        Called with the folder of a failed attempt, its cause and the attempts before it: what to try next, or None.
    resumed
        Called with the folder of a job of which attempts failed, and the job: the job as the last attempt has it.
    after
        Cause by which a job of the scheduler ended, and the last attempt with it; ``""`` where none did.
    after_job
        Called with the folder and the attempts before, where `after` names a cause: how to go on.
    sharers
        Called where the node is cancelled: names of the others that are the same calculation, which goes on for them.
    """

    name: str
    title: str
    needs: tuple[str, ...]
    prepare: Callable[[], Job]
    judge: Callable[[Path], Verdict]
    doing: Callable[[Path], str]
    cost: float = 1.0
    resources: Resources = field(default_factory=Resources)
    memory_mib: float = 0.0
    again: Callable[[Path, str, Sequence[Attempt]], Again | None] = _never
    resumed: Callable[[Path, Job], Job] = _as_it_is
    after: str = ""
    after_job: Callable[[Path, Sequence[Attempt]], Again | None] = lambda folder, tries: None
    sharers: Callable[[], tuple[str, ...]] = tuple


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeOutcome:
    """How a node ended.

    Attributes
    ----------
    cause
        Of a failure, see `dftflow.model.cause`; ``""`` where it is not known.
    tries
        Attempts that failed before the last one.
    cpu_time_s
        Processor time, as `dftflow.jobs.step_state.StepState.cpu_time_s`.
    reused
        It had finished before.
    kept
        Files of its folder that a person has changed, and that were not written anew.
    """

    name: str
    title: str
    state: JobState
    folder: Path | None
    failure: str = ""
    cause: str = ""
    tries: tuple[Attempt, ...] = ()
    log_tail: str = ""
    wall_time_s: float | None = None
    cpu_time_s: float | None = None
    reused: bool = False
    kept: tuple[str, ...] = ()

    @classmethod
    def judged(
        cls, node: Node, folder: Path, verdict: Verdict, *, kept: tuple[str, ...] = (), tries: tuple[Attempt, ...] = ()
    ) -> NodeOutcome:
        """The end of a node that nothing runs for: what the judge says of its folder."""
        return cls(
            name=node.name,
            title=node.title,
            state=verdict.state,
            folder=folder,
            failure=verdict.failure,
            cause=verdict.cause,
            tries=tries,
            log_tail=verdict.log_tail,
            wall_time_s=verdict.wall_time_s,
            cpu_time_s=verdict.cpu_time_s,
            reused=verdict.state == "finished",
            kept=kept,
        )
