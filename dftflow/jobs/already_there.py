"""Jobs that were carried out elsewhere, and whose results lie in known folders: nothing is written, nothing is run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from dftflow.jobs.executor import Running
from dftflow.jobs.job import Job, Node, NodeOutcome

__all__ = ["AlreadyThere"]


class AlreadyThere:
    """Judges what lies in the folder of each job.

    Parameters
    ----------
    root
        The results of a step lie in ``root/<step>``, unless `places` says where.
    places
        Step name -> folder.
    """

    needs_finished = False

    def __init__(self, root: Path, places: Mapping[str, Path]) -> None:
        self._root = root
        self._places = places

    def folder(self, node: Node, job: Job) -> Path:
        """Where the results of the step are said to lie."""
        return self._places.get(node.name, self._root / node.name)

    def carry_out(self, node: Node, job: Job, folder: Path) -> Running | NodeOutcome:
        """What the node's judge says."""
        return NodeOutcome.judged(node, folder, node.judge(folder))
