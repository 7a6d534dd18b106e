"""What a run sheet says of one code."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["SheetFacts"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetFacts:
    """What a run sheet says of one code; a code that offers its own has it as its attribute ``sheet``.

    Attributes
    ----------
    supply
        What the person has to bring, one Markdown item each.
    outputs
        Files that a finished step leaves, one Markdown item each.
    ntasks
        MPI processes to ask Slurm for.
    finished_test
        Shell command that succeeds when the step in the current folder is finished; ``$1`` is its seed. The file
        ``.<seed>.exit0`` exists when its command has ended without an error.
    log
        The file to look into when a step failed, with ``{seed}``.
    under_slurm
        For a code whose command is a script that reads the command variable itself: what stands in that variable under
        Slurm. For the others ``""``: ``run.sh`` puts the variable in the place of the command's program.
    """

    supply: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    ntasks: int = 1
    finished_test: str = 'test -e ".$1.exit0"'
    log: str = "the log"
    under_slurm: str = ""
