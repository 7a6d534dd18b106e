"""The option ``--ask-again`` of commands that make the folder of a study."""

from __future__ import annotations

from pathlib import Path

import click

__all__ = ["ask_again_option", "refuse_without_new_folder"]

ask_again_option = click.option(
    "--ask-again", is_flag=True, help="Ask databases again for what is kept; needs a new --out."
)


def refuse_without_new_folder(out: Path | None) -> None:
    """Raise `InputError` where the folder holds a plan, which keeps what was answered for it."""
    from dftflow.errors import InputError
    from dftflow.jobs.store import read_plan

    if out is None or read_plan(out) is not None:
        raise InputError(
            "--ask-again needs a new folder",
            reason="a folder keeps what a database answered for it, which may be another crystal now",
            fix="give one with --out",
        )
