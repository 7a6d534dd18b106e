"""``dftflow run``: a study from its file to the report."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dftflow.cli.asking_again import ask_again_option, refuse_without_new_folder
from dftflow.cli.bounded import Within
from dftflow.cli.completion import Codes, Machines, Presets, Studies
from dftflow.cli.output import ungated
from dftflow.cli.place import OutFolder
from dftflow.jobs.resources import Resources
from dftflow.model.bounds import MEMORY_MIB, SECONDS, WORKERS

if TYPE_CHECKING:
    from dftflow.errors import InputError
    from dftflow.jobs.executor import Executor
    from dftflow.jobs.machine_profile import Machine
    from dftflow.report.settled import Settlement
    from dftflow.studies.reader import Study

__all__ = ["command"]

DEFAULTS = Resources()


@click.command()
@click.argument("study", type=Studies())
@click.option(
    "--preset", type=Presets(), help="study, quick, converged, or one of the study's; the study's own unless given."
)
@click.option("--code", type=Codes(), help="DFT code, instead of the one the study names.")
@click.option("--out", type=OutFolder(), help="Folder of the run.  [default: runs/STUDY-PRESET]")
@click.option("--machine", type=Machines(), help="Machine of machines.toml.  [default: its default, else this one]")
@click.option("--watch", is_flag=True, help="With a scheduler: look every 30 s until nothing is waited for.")
@click.option("--workers", type=Within(WORKERS, int), help="Steps at once.  [default: as many as there are cores]")
@click.option("--time-limit", type=Within(SECONDS), help="Seconds one step may take.  [default: a week]")
@click.option("--memory-limit", type=Within(MEMORY_MIB), help="MiB one step may hold.")
@click.option(
    "--stall-limit",
    type=Within(SECONDS),
    help=f"Seconds in which a running engine must change a file of its folder.  [default: {DEFAULTS.stall_s:.0f}]",
)
@click.option(
    "--log-limit",
    type=Within(MEMORY_MIB),
    help=f"MiB one step may print.  [default: {DEFAULTS.log_mib:.0f}]",
)
@click.option("--no-remedies", is_flag=True, help="Try no step again that failed in a known way.")
@ask_again_option
@click.option("--json", "as_json", is_flag=True, help="Print results.json instead of the table.")
def command(
    study: str,
    preset: str | None,
    code: str | None,
    out: Path | None,
    machine: str | None,
    watch: bool,
    workers: int | None,
    time_limit: float | None,
    memory_limit: float | None,
    stall_limit: float | None,
    log_limit: float | None,
    no_remedies: bool,
    ask_again: bool,
    as_json: bool,
) -> None:
    """Run STUDY (a shipped name or a file); what is finished is never run again.

    On a machine with a scheduler every step becomes a job that waits for those it needs, and the command ends when they
    are submitted: `dftflow advance FOLDER` looks how they stand.
    """
    from dftflow.report.own_files import refuse_to_overwrite
    from dftflow.report.settled import Settlement
    from dftflow.studies.reader import default_folder, load_study

    if ask_again:
        refuse_without_new_folder(out)
    chosen = load_study(study, preset, code=code, folder=out, ask_again=ask_again)
    folder = out or default_folder(chosen)
    refuse_to_overwrite(folder)
    settlement = Settlement(chosen)
    table = settlement.table(folder)
    if table is not None:
        _print_settled(folder, table, as_json=as_json)
        return
    # what follows takes a second to load, and a run in which nothing has changed has ended
    from dftflow.cli.look import submit_to
    from dftflow.jobs.machine_profile import load_machine

    here = load_machine(machine)
    asked = {"time_s": time_limit, "memory_mib": memory_limit, "stall_s": stall_limit, "log_mib": log_limit}
    given = {name: value for name, value in asked.items() if value is not None}
    if here.scheduler != "none" and here.engine != "executorlib":
        if workers or no_remedies or given:
            raise _not_of_jobs(here)
        submit_to(here, chosen, folder, watch=watch, as_json=as_json)
    else:
        _run_here(chosen, folder, settlement, here, workers, given, remedies=not no_remedies, as_json=as_json)


def _print_settled(folder: Path, table: str, *, as_json: bool) -> None:
    from dftflow.stored_file import read_stored_json

    click.echo("nothing has changed since all of this was calculated", err=True)
    click.echo(json.dumps(read_stored_json(folder / "results.json"), indent=1) if as_json else table)


def _not_of_jobs(machine: Machine) -> InputError:
    from dftflow.errors import InputError

    return InputError(
        "--workers, --no-remedies and the limits are of steps that run where this is called",
        reason=f"{machine.name} has a scheduler",
        fix="give them to its jobs in [resources] of the study or of the machine",
    )


def _run_here(
    study: Study,
    folder: Path,
    settlement: Settlement,
    machine: Machine,
    workers: int | None,
    given: Mapping[str, float],
    *,
    remedies: bool,
    as_json: bool,
) -> None:
    """Run the steps in this call, as processes on this machine or in the allocation that it stands in."""
    from rich.console import Console

    from dftflow.cli.outcome import print_outcome
    from dftflow.cli.progress import RunProgress
    from dftflow.studies.execution import run_study
    from dftflow.studies.remedied import MOST_TRIES

    executor = _allocation(study, folder, machine, workers) if machine.engine == "executorlib" else None
    workers = workers or machine.cores or 1
    console = Console(file=ungated(sys.stderr))  # what it moves the cursor with is its own
    with RunProgress(console, workers) as progress:
        at_once = f"{workers} {'step' if workers == 1 else 'steps'} at once"
        progress.say(f"{study.content.title}: preset {study.preset_name}, {at_once}, in {folder}")
        outcome = run_study(
            study,
            folder,
            workers=workers,
            machine=machine,
            executor=executor,
            given=given,
            most_tries=MOST_TRIES if remedies else 0,
            observer=progress,
            say=progress.say,
        )
    print_outcome(
        outcome,
        folder,
        as_json=as_json,
        again="mend the cause and run again: what is finished is kept",
        note=lambda written: settlement.note(folder, outcome, written),
    )


def _allocation(study: Study, folder: Path, machine: Machine, workers: int | None) -> Executor:
    from dftflow.jobs.cluster.allocation import InAllocation, executor_of_job
    from dftflow.studies.study_folder import step_home

    tasks = executor_of_job(workers or (machine.cores or 1) * (machine.nodes or 1))
    return InAllocation(folder, step_home(study, folder), machine, tasks)
