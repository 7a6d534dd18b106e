"""The directive ``commands``: every command of the command line with its help, as the program itself prints it."""

from __future__ import annotations

from collections.abc import Iterator

import click
from docutils import nodes
from docutils.parsers.rst import Directive
from sphinx.application import Sphinx

from dftflow.cli.main import COMMANDS, cli

__all__ = ["Commands", "setup"]

WIDTH = 100


class Commands(Directive):
    """A section for each command; that of a group has the help of each of its own commands too."""

    def run(self) -> list[nodes.Node]:
        top = click.Context(cli, info_name="dftflow", **cli.context_settings)
        return [_section(name, line, top) for name, (_, line) in COMMANDS.items()]


def _section(name: str, line: str, top: click.Context) -> nodes.section:
    section = nodes.section(ids=[nodes.make_id(f"dftflow-{name}")], names=[name])
    section += nodes.title(text=f"dftflow {name}")
    section += nodes.paragraph(text=line)
    section += [nodes.literal_block(text, text, language="text") for text in _helps(name, cli, top)]
    return section


def _helps(name: str, group: click.Group, above: click.Context) -> Iterator[str]:
    """The help of a command, then those of its own commands."""
    command = group.get_command(above, name)
    assert command is not None
    context = click.Context(command, info_name=name, parent=above, terminal_width=WIDTH, max_content_width=WIDTH)
    yield command.get_help(context)
    if isinstance(command, click.Group):
        for inner in command.list_commands(context):
            yield from _helps(inner, command, context)


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("commands", Commands)
    return {"parallel_read_safe": True}
