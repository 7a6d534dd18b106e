"""What a look at a cluster found and did, and how the command ends that took it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dftflow.cli.outcome import print_outcome
from dftflow.cli.output import tell
from dftflow.cli.standing_table import plain_rows, standing_table
from dftflow.errors import CalculationError
from dftflow.named_command import dftflow_line

if TYPE_CHECKING:
    from dftflow.jobs.machine_profile import Machine
    from dftflow.studies.reader import Study
    from dftflow.studies.tick import Tick

__all__ = ["end_with", "submit_to", "watched"]

WATCH_EVERY_S = 30.0
STATES = ("finished", "running", "queued", "waiting", "not_run", "failed", "refused", "uncertain", "lost")


def submit_to(machine: Machine, study: Study, folder: Path, *, watch: bool, as_json: bool) -> None:
    """Give the steps of a study to a machine with a scheduler, and print what became of that.

    Raises
    ------
    CalculationError
        When none could be submitted, or nothing more can come and steps have no results.
    """
    from dftflow.studies.tick import submit_study, tick

    found = submit_study(study, machine, folder, say=tell)
    if found.held and not found.submitted and found.count("queued", "running", "uncertain") == 0:
        raise CalculationError(
            "no step could be submitted", reason=found.held, fix=f"{dftflow_line('advance', folder)} tries again"
        )
    if watch:
        found = watched(found, lambda: tick(folder, say=tell))
    end_with(found, folder, as_json=as_json)


def watched(first: Tick, look: Callable[[], Tick]) -> Tick:
    """Look again until nothing is waited for; each change is told."""
    now, told = first, ""
    while True:
        if (line := _summed(now)) != told:
            tell(f"{time.strftime('%H:%M:%S')}  {line}")
            told = line
        if now.is_over and not now.may_be_found:
            return now
        time.sleep(WATCH_EVERY_S)
        now = look()


def end_with(found: Tick, folder: Path, *, as_json: bool) -> None:
    """Print how the steps stand; when nothing more can come, derive and print the outcome.

    Raises
    ------
    CalculationError
        When nothing more can come, and steps have no results.
    """
    if found.held:
        tell(found.held)
    if found.is_over:
        from dftflow.studies.execution import outcome_of_folder

        again = f"{dftflow_line('status', folder)} shows how each step stands, and what is to be done"
        print_outcome(outcome_of_folder(folder, say=tell), folder, as_json=as_json, again=again)
        return
    if as_json:
        document = {"folder": str(folder), "machine": found.machine, "submitted": dict(found.submitted)}
        click.echo(json.dumps(document | {"held": found.held, "steps": plain_rows(found.ends)}, indent=1))
        return
    click.echo(standing_table(found.ends))
    click.echo(f"on {found.machine}: {_summed(found)}; {dftflow_line('advance', folder)} looks again")


def _summed(found: Tick) -> str:
    counts = [(state, found.count(state)) for state in STATES]
    return ", ".join(f"{count} {state.replace('_', ' ')}" for state, count in counts if count)
