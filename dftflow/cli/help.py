"""``dftflow help``: what a command takes, for who does not write ``--help``."""

from __future__ import annotations

import json
from collections.abc import Iterable

import click

from dftflow.cli.completion import Completed

__all__ = ["command"]


class _Command(Completed):
    """The name of a command."""

    name = "command"

    def names(self, ctx: click.Context) -> Iterable[str]:
        """The commands."""
        group = ctx.find_root().command
        return group.list_commands(ctx) if isinstance(group, click.Group) else []


@click.command()
@click.argument("names", metavar="[COMMAND]...", type=_Command(), nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def command(ctx: click.Context, names: tuple[str, ...], as_json: bool) -> None:
    """Show what dftflow, or one of its commands, takes."""
    at, found = ctx.find_root(), ctx.find_root().command
    for number, name in enumerate(names):
        if not isinstance(found, click.Group):
            told = " ".join(names[:number])
            raise click.UsageError(f"{told} has no commands of its own; dftflow help {told} shows what it takes", ctx)
        _, inner, _ = found.resolve_command(at, [name])
        assert inner is not None
        at, found = click.Context(inner, info_name=name, parent=at), inner
    text, asked = found.get_help(at), " ".join(names) or None
    click.echo(json.dumps({"command": asked, "help": text}, indent=1, ensure_ascii=False) if as_json else text)
