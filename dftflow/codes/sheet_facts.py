"""What a run sheet says of one code."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["SheetFacts"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetFacts:
    """What a run sheet says of one code. The pieces of shell are for bash, and stand in functions of ``run.sh``.

    Attributes
    ----------
    supply
        What the person has to bring, one Markdown item each.
    outputs
        Files that a finished step leaves, one Markdown item each.
    ntasks
        MPI processes to ask Slurm for.
    program
        What the sheet calls in the place of this machine's own program, which is all of the command but its last word;
        ``""`` where the command is the same on every machine.
    finished_test
        Shell command that succeeds when the step in the current folder is finished; ``$1`` is its seed. The file
        ``.<seed>.exit0`` exists when its command has ended without an error.
    preflight
        Shell commands that print a line for everything that the step in the current folder lacks on this machine, and
        wait for nothing; ``$1`` is its seed, the array ``argv`` its command. ``wants PROGRAM`` does so for a program.
    log
        The file to look into when a step failed, with ``{seed}``.
    under_slurm
        For a code whose command is a script that reads the command variable itself: what stands in that variable under
        Slurm. For the others ``""``: ``run.sh`` puts the variable in the place of the command's program.
    """

    supply: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    ntasks: int = 1
    program: str = ""
    finished_test: str = 'test -e ".$1.exit0"'
    preflight: str = ":"
    log: str = "the log"
    under_slurm: str = ""
