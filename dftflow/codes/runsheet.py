"""A run sheet: how to run a series of decks by hand, on a workstation or under Slurm.

`run_sheet` writes three texts: ``RUN.md`` for the person, ``run.sh`` that does it, ``run.slurm`` that submits it.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dftflow.codes.base import Code
from dftflow.codes.sheet_facts import SheetFacts
from dftflow.codes.templates import render_template
from dftflow.errors import SpecError

__all__ = ["SheetStep", "run_sheet"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetStep:
    """One calculation of the series.

    Attributes
    ----------
    name
        ``"CsPbBr3/bulk-relax"``.
    folder
        Where its deck lies, relative to the run sheet.
    seed
        Stem of its files.
    title
        One line for a person.
    needs
        Names of the earlier steps whose relaxed geometry it starts from.
    command
        Argument list that runs it in its folder.
    """

    name: str
    folder: str
    seed: str
    title: str
    needs: tuple[str, ...]
    command: tuple[str, ...]


def run_sheet(
    code: Code,
    steps: Sequence[SheetStep],
    study_arguments: Sequence[str],
    *,
    cautions: Mapping[str, Sequence[str]] | None = None,
) -> dict[str, str]:
    """``RUN.md``, ``run.sh`` and ``run.slurm`` for `steps`.

    Parameters
    ----------
    code
        That the decks are for.
    steps
        In the order in which they can be run.
    study_arguments
        The study and its options, as `dftflow decks` takes it when it is called from the folder of the run sheet.
    cautions
        What the writers of the decks caution about -> names of the steps that it is about.

    Raises
    ------
    SpecError
        A step needs one that does not come before it, two share a name or a folder, or a name holds a blank.
    """
    _check(steps)
    facts: SheetFacts = getattr(code, "sheet", SheetFacts())
    recut = shlex.join(["decks", *study_arguments, "--code", code.name, "--out", "."])
    command_variable = re.sub(r"\W", "_", code.name.upper()) + "_COMMAND"
    return {
        "RUN.md": render_template(
            "runsheet/RUN.md.j2",
            {
                "code": code.name,
                "steps": steps,
                "supply": facts.supply,
                "cautions": cautions or {},
                "outputs": facts.outputs,
                "recut": recut,
            },
        ),
        "run.sh": render_template(
            "runsheet/run.sh.j2",
            {
                "calls": [_call(step) for step in steps],
                "command_variable": command_variable,
                "finished_test": facts.finished_test,
                "log": facts.log.format(seed="$seed"),
                "script_reads_it": bool(facts.under_slurm),
                "recut": recut,
            },
        ),
        "run.slurm": render_template(
            "runsheet/run.slurm.j2",
            {
                "command": facts.under_slurm or f"{'srun ' if facts.ntasks > 1 else ''}{steps[0].command[0]}",
                "command_variable": command_variable,
                "ntasks": facts.ntasks,
            },
        ),
    }


def _call(step: SheetStep) -> str:
    return f"run_step {shlex.join([step.name, step.folder, step.seed, *step.needs])} -- {shlex.join(step.command)}"


def _check(steps: Sequence[SheetStep]) -> None:
    if not steps:
        raise SpecError("a run sheet without a step", fix="give one step or more")
    known: set[str] = set()
    folders: set[str] = set()
    for step in steps:
        missing = [name for name in step.needs if name not in known]
        if missing:
            raise SpecError(f"step {step.name} needs {', '.join(missing)}, which does not come before it")
        if step.name in known or step.folder in folders:
            raise SpecError(f"two steps are called {step.name} or lie in {step.folder}")
        if re.search(r"\s", step.name):
            raise SpecError(f"the step name {step.name!r} holds a blank", fix="use '-' instead")
        known.add(step.name)
        folders.add(step.folder)
