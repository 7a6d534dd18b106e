"""What one step may use, and how its processes are started."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["TOLD_EARLY_S", "Resources"]

TOLD_EARLY_S = 120.0
"""By how much a job may be told of its end earlier, which Slurm does by up to a minute, and clocks may be apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """What one step may use; None for no limit.

    Attributes
    ----------
    nodes
        Machines that it is spread over.
    ranks
        Processes, on all of its nodes together.
    threads
        Of each process.
    memory_mib
        Resident memory of all that runs of it, on each of its nodes.
    time_s
        Wall time.
    stall_s
        Time in which no file of its folder changes: processor time says nothing, because ranks that wait for each other
        use all of it.
    told_s
        How long before the end of its time a job is told of it; 0 where nobody tells it.
    log_mib
        What it prints.
    launcher
        Words in front of a parallel program: ``("mpirun", "-n", "4")``; ``()`` for none.
    """

    nodes: int = 1
    ranks: int = 1
    threads: int = 1
    memory_mib: float | None = None
    time_s: float | None = 7 * 86400.0
    stall_s: float | None = 7200.0
    told_s: float = 0.0
    log_mib: float | None = 100.0
    launcher: tuple[str, ...] = ()

    @property
    def cores(self) -> int:
        """Of all nodes together."""
        return self.ranks * self.threads

    @property
    def ranks_per_node(self) -> int:
        """On the fullest node."""
        return -(-self.ranks // self.nodes)
