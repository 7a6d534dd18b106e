"""One process to run: files, an argument list and limits. What it computes is nobody's business here."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

__all__ = ["Job", "JobState", "Limits", "Node", "NodeOutcome", "Verdict"]

JobState = Literal["waiting", "running", "finished", "failed", "not_run"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Wall time in seconds and resident memory in MiB that one process may use; None for no limit."""

    time_s: float | None = None
    memory_mib: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Files to write into a folder, and the process to start there.

    Attributes
    ----------
    files
        File name -> text.
    argv
        Never part of the digest: another interpreter or another launcher does not change the result.
    beside
        File name -> text of what is kept beside the files for whoever reads the results; not part of the digest.
    """

    files: Mapping[str, str]
    argv: tuple[str, ...]
    beside: Mapping[str, str] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """SHA-256 over the names and texts of the files."""
        return hashlib.sha256(json.dumps(sorted(self.files.items())).encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the owner of a job says of a folder after its process has ended."""

    ok: bool
    failure: str = ""
    log_tail: str = ""


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
        Names of the nodes that must have finished before.
    prepare
        Called once those have finished, with the folder of each by name; gives the job. Its errors fail this node.
    judge
        Called with the folder when the process has ended.
    doing
        Called with the folder while the process runs; says what it does now.
    cost
        Expected effort, in any unit common to the graph; only for the estimate of what is left.
    """

    name: str
    title: str
    needs: tuple[str, ...]
    prepare: Callable[[Mapping[str, Path]], Job]
    judge: Callable[[Path], Verdict]
    doing: Callable[[Path], str]
    cost: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeOutcome:
    """How a node ended."""

    name: str
    title: str
    state: JobState
    folder: Path | None
    failure: str = ""
    log_tail: str = ""
    wall_time_s: float | None = None
    reused: bool = False
