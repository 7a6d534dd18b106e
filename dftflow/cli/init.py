"""``dftflow init``: the study file to begin with."""

from __future__ import annotations

import json
from shlex import quote

import click

from dftflow.cli.completion import Codes, Crystals, Studies

__all__ = ["command"]


@click.command()
@click.argument("name", default="my-study")
@click.option(
    "--from",
    "crystals",
    metavar="CRYSTAL",
    type=Crystals(),
    multiple=True,
    help="A shipped name, a file, or the id of a database's entry. Can be given again.  [default: cubic CsPbBr3]",
)
@click.option("--like", metavar="STUDY", type=Studies(), help="Take settings, presets and densities of this study.")
@click.option("--code", type=Codes(), help="castep, espresso, gpaw or vasp: its potentials decide the cutoff.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(name: str, crystals: tuple[str, ...], like: str | None, code: str | None, as_json: bool) -> None:
    """Write NAME.toml, a study of the crystals named, with a comment at each line; it can be run as it is.

    No file is written over. Two crystals and more are aligned.
    """
    from dftflow.api.study_file import init_study

    made = init_study(name, crystals=crystals, code=code, like=like)
    if as_json:
        click.echo(json.dumps({"file": str(made.file), "text": made.text}, indent=1, ensure_ascii=False))
        return
    file = quote(str(made.file))
    click.echo(
        f"{made.file} is written: read it, then\n"
        f"  dftflow plan {file}                  what will be calculated, and for how long\n"
        f"  dftflow run {file} --preset quick    a first look"
    )
