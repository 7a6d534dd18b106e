"""``dftflow clean``: removes what nobody needs any more."""

from __future__ import annotations

import json
from pathlib import Path

import click

from dftflow.cli.place import Place
from dftflow.cli.table import text_table
from dftflow.named_command import dftflow_line

__all__ = ["command"]


@click.command()
@click.argument("folder", type=Place())
@click.option("--yes", is_flag=True, help="Remove it; without, it is only listed.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(folder: Path, yes: bool, as_json: bool) -> None:
    """List what of the run in FOLDER can go without changing a number, with its size; remove it with --yes.

    These are results that no step of the plan has, failed attempts of steps that have finished, and files that their
    engine left for itself alone, such as wave functions.
    """
    from dftflow.studies.cleaning import remove, what_can_go

    found = what_can_go(folder)
    if yes:
        remove(folder, found)
    if as_json:
        rows = [{"path": str(one.path), "why": one.why, "size_bytes": one.size_bytes} for one in found]
        click.echo(json.dumps({"removed": yes, "files": rows}, indent=1))
        return
    table = [(f" {_mib(one.size_bytes)}", one.why, str(one.path)) for one in found]
    if not table:
        click.echo(f"nothing {'was there to be removed' if yes else 'can go'}")
        return
    click.echo(text_table((" size", "why", "what"), table))
    total = _mib(sum(one.size_bytes for one in found))
    click.echo(f"{total} removed" if yes else f"{total} can go; {dftflow_line('clean', folder, '--yes')} removes it")


def _mib(size_bytes: int) -> str:
    return f"{size_bytes / 2**20:.1f} MiB"
