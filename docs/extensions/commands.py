"""The directive ``commands``: every command of the command line with its help, as the program itself prints it."""

from __future__ import annotations

from typing import ClassVar

import click
from docutils import nodes
from docutils.parsers.rst import Directive
from sphinx.application import Sphinx

from dftflow.cli.main import COMMANDS, cli

__all__ = ["Commands", "setup"]

WIDTH = 100


class Commands(Directive):
    """A section for each command."""

    has_content: ClassVar[bool] = False

    def run(self) -> list[nodes.Node]:
        return [_section(name, line) for name, (_, line) in COMMANDS.items()]


def _section(name: str, line: str) -> nodes.section:
    section = nodes.section(ids=[nodes.make_id(f"dftflow-{name}")], names=[name])
    section += nodes.title(text=f"dftflow {name}")
    section += nodes.paragraph(text=line)
    section += nodes.literal_block(_help(name), _help(name), language="text")
    return section


def _help(name: str) -> str:
    top = click.Context(cli, info_name="dftflow", **cli.context_settings)
    command = cli.get_command(top, name)
    assert command is not None
    inner = click.Context(command, info_name=name, parent=top, terminal_width=WIDTH, max_content_width=WIDTH)
    return command.get_help(inner)


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("commands", Commands)
    return {"parallel_read_safe": True}
