"""``dftflow``: the commands, each loaded when it is called, so that ``--help`` answers at once."""

from __future__ import annotations

import difflib
import io
import os
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout, suppress
from importlib import import_module

import click

from dftflow import __version__
from dftflow.cli.output import INTERRUPTED, gated_output, print_error
from dftflow.jobs.interruption import interruptible

__all__ = ["COMMANDS", "cli", "main"]

COMMANDS = {
    "studies": ("dftflow.cli.studies", "List the shipped studies: what they are of, and their presets."),
    "init": ("dftflow.cli.init", "Write a study file for crystals of your own, ready to run."),
    "plan": ("dftflow.cli.plan", "The steps of a study, what each needs, what is there already, what it will cost."),
    "run": ("dftflow.cli.run", "Run a study from its file to the report, here or on a cluster."),
    "status": ("dftflow.cli.status", "Where a run or a folder of decks is, step by step."),
    "log": ("dftflow.cli.log", "What a step of a run prints."),
    "cancel": ("dftflow.cli.cancel", "End steps of a run, and begin no others."),
    "retry": ("dftflow.cli.retry", "Let a step be run again, with other settings if need be."),
    "clean": ("dftflow.cli.clean", "Remove what nobody needs any more, after it has been listed."),
    "step": ("dftflow.cli.step", "Run one step of a run here: what a job of a cluster calls on its node."),
    "decks": ("dftflow.cli.decks", "Write the input files of every step, to be run elsewhere."),
    "advance": ("dftflow.cli.advance", "Bring decks, or a run on a cluster, up to date with what was calculated."),
    "collect": ("dftflow.cli.collect", "The report of a study that was run elsewhere."),
    "deck": ("dftflow.cli.deck", "Write the input files of one calculation, without a study."),
    "parse": ("dftflow.cli.parse", "What a folder of results holds, whichever code it is from."),
    "levels": ("dftflow.cli.levels", "IP, EA and work function of slabs of any origin."),
    "align": ("dftflow.cli.align", "Band offsets and the diagram, from numbers, results and folders."),
    "compare": ("dftflow.cli.compare", "Whether two calculations may be subtracted, line by line."),
    "plot": (
        "dftflow.cli.plot",
        "Figures of results: bands, density of states, potential, structure, convergence.",
    ),
    "lint": ("dftflow.cli.lint", "Check CASTEP input files without CASTEP."),
    "structure": ("dftflow.cli.structure", "List the shipped crystals; show, change or convert a crystal."),
    "slab": ("dftflow.cli.slab", "The terminations of a plane, and the slab to calculate."),
    "diffraction": (
        "dftflow.cli.diffraction",
        "Powder patterns of crystals, and which lines measured peaks and planes may be.",
    ),
    "mismatch": ("dftflow.cli.mismatch", "How far two crystals are from fitting onto each other."),
    "report": ("dftflow.cli.report", "Write the figures, report and numbers of a study again."),
    "export": ("dftflow.cli.export", "A study for other programs: its numbers, an archive, an ASE database."),
    "import": ("dftflow.cli.import_archive", "Verify an archive of a study, and unpack it."),
    "help": ("dftflow.cli.help", "What dftflow or one of its commands takes."),
    "doctor": ("dftflow.cli.doctor", "What is installed here, what works, what is missing and how to get it."),
}


class _LazyGroup(click.Group):
    """A group that imports the module of a command when that command is called (click's own recipe for it)."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names, in the order in which a person needs them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command's own object; None when there is no such command."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(COMMANDS[cmd_name][0]).command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As in click, with the nearest name when there is no such command."""
        if args[0] not in COMMANDS and not args[0].startswith("-"):
            near = difflib.get_close_matches(args[0], COMMANDS, n=1)
            guess = f"Did you mean {near[0]!r}? " if near else ""
            ctx.fail(f"No such command {args[0]!r}. {guess}Commands: {', '.join(COMMANDS)}.")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, from `COMMANDS` alone."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.version_option(__version__, prog_name="dftflow", message="%(prog)s %(version)s")
@click.option("--debug", is_flag=True, envvar="DFTFLOW_DEBUG", help="Show the traceback of an error.")
def cli(debug: bool) -> None:
    """From one study file to DFT decks, runs and a defended band alignment.

    \b
      dftflow run fapbbr3-cspbbr3 --preset quick    a shipped study, in minutes
      dftflow init mine --from a.cif --from b.cif   a study of crystals of your own
      dftflow COMMAND --help                        what a command takes

    Every command takes --json. Exit codes: 0 done, 1-9 a named error (2 wrong input, 3 database, 4 not installed, 5
    calculation, 6 damaged file or failed check, 7 analysis, 8 folder, 9 cannot be decided), 70 a bug in dftflow, 130
    interrupted.
    """


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line, and return its exit code. No error of dftflow's own ever shows a traceback."""
    with gated_output():
        return _main(list(sys.argv[1:] if arguments is None else arguments))


def _main(given: list[str]) -> int:
    as_json = "--json" in given
    debug = "--debug" in given or bool(os.environ.get("DFTFLOW_DEBUG"))
    try:
        code = _run_buffered(given, debug=debug) if as_json else _run(given, as_json=False, debug=debug)
        sys.stdout.flush()
    except BrokenPipeError:
        # who read the output has gone; the interpreter must not try to flush it once more
        with suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return code


def _run(arguments: list[str], *, as_json: bool, debug: bool) -> int:
    try:
        with interruptible():
            code = cli.main(args=arguments, prog_name="dftflow", standalone_mode=False)
    except (click.Abort, KeyboardInterrupt) as error:
        # a Ctrl-C that click has turned into an Abort is what that was raised from
        told = [*getattr(error, "__notes__", ()), *getattr(error.__cause__, "__notes__", ())]
        with suppress(OSError):
            print("interrupted; what is finished is kept, and the same command goes on from there", file=sys.stderr)
            for line in told:
                print(f"  {line}", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        raise
    except Exception as error:
        # a result that is already on stdout stays the only document there
        only_result = as_json and isinstance(sys.stdout, io.StringIO) and bool(sys.stdout.getvalue())
        return print_error(error, as_json=as_json and not only_result, debug=debug)
    return code if isinstance(code, int) else 0


def _run_buffered(arguments: list[str], *, debug: bool) -> int:
    with redirect_stdout(io.StringIO()) as document:
        code = _run(arguments, as_json=True, debug=debug)
    print(document.getvalue(), end="")
    return code
