"""``dftflow help``: what a command takes, for who does not write ``--help``."""

from __future__ import annotations

import json
from typing import Any

import click
from click.shell_completion import CompletionItem

__all__ = ["command"]


class _Command(click.ParamType[str]):
    """The name of a command."""

    name = "command"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The name as it is."""
        return str(value)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """The commands."""
        group = ctx.find_root().command
        names = group.list_commands(ctx) if isinstance(group, click.Group) else []
        return [CompletionItem(name) for name in names if name.startswith(incomplete)]


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
