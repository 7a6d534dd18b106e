"""``dftflow studies``: the studies that come with dftflow."""

from __future__ import annotations

import json

import click

from dftflow.cli.table import text_table

__all__ = ["command"]


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(as_json: bool) -> None:
    """List the shipped studies: name, title, materials, presets. `dftflow run NAME` runs one."""
    from dftflow.api.study_file import list_studies

    found = list_studies()
    if as_json:
        click.echo(json.dumps([study.as_dict() for study in found], indent=1, ensure_ascii=False))
        return
    header = ("name", "title", "materials", "presets")
    rows = [(study.name, study.title, ", ".join(study.materials), ", ".join(study.presets)) for study in found]
    click.echo(text_table(header, rows))
