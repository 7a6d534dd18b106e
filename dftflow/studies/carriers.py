"""Which job carries out a step: its own, or that of another step that is the same calculation.

Several points of a sweep may be one calculation, a crystal beside slabs of several thicknesses. One job is given to the
scheduler for all of them, of the first in the plan's order that nobody has cancelled: further jobs would hold a node
while they wait for its end, and calculate anew what has failed.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from dftflow.jobs.cluster.submission import Submission, attempts, last_attempt
from dftflow.studies.work import Work

__all__ = ["Carriers", "group_of", "has_job"]


class Carriers:
    """The jobs of a run, by the steps that they carry out.

    Attributes
    ----------
    records
        Step -> its last submission, which whoever looks at the queue keeps up to date.
    """

    def __init__(self, work: Work, records: dict[str, Submission]) -> None:
        self._work, self.records = work, records

    def others(self, name: str) -> tuple[str, ...]:
        """The steps that a job of this one carries out as well."""
        return self._work.sharers(self._work.plan.step(name))

    def job(self, name: str) -> Submission | None:
        """The last submission of the job that carries out a step; None where nobody has meant to give one."""
        given = (self.records.get(other) for other in group_of(self._work, name))
        open_ones = (record for record in given if record is not None and not record.lets_another)
        return next(open_ones, self.records.get(name))

    def attempts(self, root: Path, name: str) -> Iterator[Submission]:
        """All submissions that were meant to carry out a step."""
        for other in group_of(self._work, name):
            yield from attempts(root, other)
            if name in self.records:
                return


def group_of(work: Work, name: str) -> Iterator[str]:
    """The step itself, then those that are the same calculation, which take a while to be found."""
    yield name
    yield from work.sharers(work.plan.step(name))


def has_job(work: Work, root: Path, name: str) -> bool:
    """Whether a job was meant to carry out a step."""
    return any(last_attempt(root, other) is not None for other in group_of(work, name))
