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
@click.argument("name", metavar="[COMMAND]", type=_Command(), required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def command(ctx: click.Context, name: str | None, as_json: bool) -> None:
    """Show what dftflow, or one of its commands, takes."""
    root = ctx.find_root()
    group = root.command
    assert isinstance(group, click.Group)
    if name is None:
        text = group.get_help(root)
    else:
        _, found, _ = group.resolve_command(root, [name])
        assert found is not None
        text = found.get_help(click.Context(found, info_name=name, parent=root))
    click.echo(json.dumps({"command": name, "help": text}, indent=1, ensure_ascii=False) if as_json else text)
