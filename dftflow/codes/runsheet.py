"""A run sheet: how to run a series of decks by hand, on a workstation or under Slurm.

`run_sheet` writes three texts: ``RUN.md`` for the person, ``run.sh`` that does it, ``run.slurm`` that submits it. They
need nothing but the folder that they lie in.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dftflow.codes.base import Code
from dftflow.errors import SpecError
from dftflow.model.printable import only_printable
from dftflow.model.step import Step
from dftflow.rendering.quoting import MARKDOWN, SHELL, Verbatim
from dftflow.rendering.templates import render_template

__all__ = ["run_sheet"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """A step as the sheet shows it; its deck lies in the folder of its name."""

    name: str
    seed: str
    title: str
    task: str
    needs: tuple[str, ...]
    command: tuple[str, ...]

    @property
    def call(self) -> Verbatim:
        """Arguments of the functions of ``run.sh``."""
        return SHELL.quoted([self.name, self.seed, self.task, *self.needs, "--", *self.command])

    @property
    def command_line(self) -> str:
        """For a person, who may type it into a shell."""
        return SHELL.quoted(self.command)


def run_sheet(
    code: Code,
    steps: Sequence[Step],
    commands: Mapping[str, tuple[str, ...]],
    *,
    cautions: Mapping[str, Sequence[str]] | None = None,
) -> dict[str, str]:
    """``RUN.md``, ``run.sh`` and ``run.slurm`` for `steps`.

    The deck of a step lies in the folder of its name, beside the sheet.

    Parameters
    ----------
    code
        That the decks are for.
    steps
        In the order in which they can be run.
    commands
        Name of a step -> argument list that runs it in its folder, as the code's ``command`` gives it. The sheet calls
        the program ``code.sheet.program`` where the code names one.
    cautions
        What the writers of the decks caution about -> names of the steps that it is about.

    Raises
    ------
    SpecError
        There is no step, a step needs one that does not come before it, two share a name, or a step has no command.
    """
    _check(steps, commands)
    facts = code.sheet
    rows = [_row(step, commands[step.name], facts.program) for step in steps]
    command_variable = re.sub(r"\W", "_", code.name.upper(), flags=re.ASCII) + "_COMMAND"
    values = {
        "code": code.name,
        "rows": rows,
        "supply": [Verbatim(item) for item in facts.supply],
        "cautions": {Verbatim(only_printable(text)): names for text, names in (cautions or {}).items()},
        "outputs": [Verbatim(item) for item in facts.outputs],
    }
    script = {
        "rows": rows,
        "command_variable": command_variable,
        "deck_files": [Verbatim(_in_shell(pattern)) for pattern in code.deck_files],
        "finished_test": Verbatim(facts.finished_test),
        "preflight": Verbatim(facts.preflight),
        "log": Verbatim(facts.log.format(seed="$seed")),
        "script_reads_it": bool(facts.under_slurm),
    }
    slurm = {
        "command": facts.under_slurm or f"{'srun ' if facts.ntasks > 1 else ''}{rows[0].command[0]}",
        "command_variable": command_variable,
        "ntasks": facts.ntasks,
    }
    return {
        "RUN.md": render_template("runsheet/RUN.md.j2", values, language=MARKDOWN),
        "run.sh": render_template("runsheet/run.sh.j2", script, language=SHELL),
        "run.slurm": render_template("runsheet/run.slurm.j2", slurm, language=SHELL),
    }


def _row(step: Step, command: tuple[str, ...], program: str) -> _Row:
    return _Row(
        name=step.name,
        seed=step.seed,
        title=step.title,
        task=step.id.task,
        needs=tuple(dict.fromkeys(str(need.step) for need in step.needs)),
        command=(program, command[-1]) if program else command,
    )


def _in_shell(pattern: str) -> str:
    """The pattern of a deck's file as a word of bash: ``"$seed".*in``.

    Examples
    --------
    >>> _in_shell("{seed}.*in"), _in_shell("INCAR")
    ('"$seed".*in', 'INCAR')
    """
    return '"$seed"'.join(pattern.split("{seed}"))


def _check(steps: Sequence[Step], commands: Mapping[str, tuple[str, ...]]) -> None:
    if not steps:
        raise SpecError("a run sheet without a step", fix="give one step or more")
    known: set[str] = set()
    for step in steps:
        missing = [str(need.step) for need in step.needs if str(need.step) not in known]
        if missing:
            raise SpecError(f"step {step.name} needs {', '.join(missing)}, which does not come before it")
        if step.name in known:
            raise SpecError(f"two steps are called {step.name}")
        if not commands.get(step.name):
            raise SpecError(f"there is no command for the step {step.name}")
        known.add(step.name)
