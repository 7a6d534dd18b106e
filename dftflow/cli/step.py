"""``dftflow step``: one step of a run, on the machine where this is called."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dftflow.cli.bounded import Within
from dftflow.cli.completion import Machines, Steps
from dftflow.cli.place import Place
from dftflow.model.bounds import MEMORY_MIB, NODES

if TYPE_CHECKING:
    from dftflow.jobs.job import NodeOutcome

__all__ = ["command"]


@click.command()
@click.argument("folder", type=Place())
@click.argument("step", type=Steps())
@click.option("--machine", type=Machines(), help="Machine of machines.toml that this is.  [default: its default]")
@click.option("--plan", default="", help="Digest of the plan that is meant: another one in FOLDER is refused.")
@click.option(
    "--after",
    type=click.Choice(("out_of_time", "out_of_memory")),
    help="Its last job ended so: go on from what that left.",
)
@click.option("--memory-limit", type=Within(MEMORY_MIB), help="MiB that it may hold on each node.")
@click.option("--nodes", type=Within(NODES, int), help="Nodes that it is spread over.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    folder: Path,
    step: str,
    machine: str | None,
    plan: str,
    after: str | None,
    memory_limit: float | None,
    nodes: int | None,
    as_json: bool,
) -> None:
    """Run one STEP of the run in FOLDER here, and nothing else: what a job of a cluster calls on its node.

    Its deck is cut from the results of the steps that it needs; when these have not finished the exit code is 5, as it
    is when the calculation fails. A step that has finished is not run again. Several steps of one FOLDER can be run at
    the same time, on several machines.
    """
    from dftflow.cli.output import tell
    from dftflow.jobs.machine_profile import load_machine
    from dftflow.studies.one_step import run_step

    asked = {"memory_mib": memory_limit, "nodes": nodes}
    given = {name: value for name, value in asked.items() if value is not None}
    end = run_step(folder, step, machine=load_machine(machine), plan=plan, after=after or "", given=given)
    took = f" after {end.wall_time_s:.0f} s" if end.wall_time_s else ""
    if as_json:
        click.echo(json.dumps(_plain(end), indent=1))
    else:
        tell(f"{end.name}: {'finished before' if end.reused else end.state}{took}, in {end.folder}")
    _refuse_unfinished(end)


def _plain(end: NodeOutcome) -> dict[str, object]:
    place = "" if end.folder is None else str(end.folder)
    return {"name": end.name, "state": end.state, "wall_time_s": end.wall_time_s, "folder": place, "note": end.failure}


def _refuse_unfinished(end: NodeOutcome) -> None:
    from dftflow.errors import CalculationError, Undecided

    if end.state == "uncertain":
        raise Undecided(f"it cannot be told whether {end.name} is being calculated", reason=end.failure)
    if end.state != "finished":
        where = "" if end.folder is None else str(end.folder)
        raise CalculationError(f"{end.name}: {end.state.replace('_', ' ')}", reason=end.failure, where=where)
