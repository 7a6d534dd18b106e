"""``dftflow export``: a study for other programs: its numbers, its folder as an archive, its atoms as rows."""

from __future__ import annotations

import json
from pathlib import Path

import click

from dftflow.cli.place import OutFile, Place
from dftflow.errors import InputError

__all__ = ["command"]


@click.command()
@click.argument("results", type=Place())
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of CSV.")
@click.option("--ro-crate", "crate", type=OutFile(), metavar="FILE", help="Write the folder into a zip, an RO-Crate.")
@click.option("--ase-db", "rows", type=OutFile(), metavar="FILE", help="Write an ASE database, .db or .json.")
@click.option("--all", "everything", is_flag=True, help="With --ro-crate: files of more than 100 MiB too.")
@click.option("--license", "licence", default="", help="With --ro-crate: SPDX name or address, such as CC-BY-4.0.")
@click.option("--author", "authors", multiple=True, metavar="NAME", help="With --ro-crate: an author; repeatable.")
def command(
    results: Path,
    as_json: bool,
    crate: Path | None,
    rows: Path | None,
    everything: bool,
    licence: str,
    authors: tuple[str, ...],
) -> None:
    """Print every quantity in RESULTS, a results.json or the folder that holds one, as CSV.

    A row has the value with its unit and range, what the range holds, the steps that it comes from and what has to be
    known of it, or the reason why there is none. Files of dftflow 0.1 are read too.

    With --ro-crate, RESULTS is the folder of a run or of decks, and is written into one archive with the size and
    SHA-256 of each file and the engine of each step; `dftflow import` verifies and unpacks it. Potentials stay behind.

    With --ase-db, each step of that folder that has a geometry and an energy becomes a row, with forces where known.

    FILE must not be there yet, nor be a place of the study's own.
    """
    if crate is not None and rows is not None:
        raise InputError("one of --ro-crate and --ase-db at a time", fix="call it twice")
    if crate is None and (everything or licence or authors):
        raise InputError("--all, --license and --author are of an archive", fix="add --ro-crate FILE")
    if crate is not None:
        _archive(results, crate, everything, licence, authors, as_json=as_json)
    elif rows is not None:
        _rows(results, rows, as_json=as_json)
    else:
        _numbers(results, as_json=as_json)


def _numbers(results: Path, *, as_json: bool) -> None:
    from dftflow.api.quantities import quantities

    found = quantities(results)
    click.echo(json.dumps(found.to_dict(), indent=1, ensure_ascii=False) if as_json else found.to_csv(), nl=as_json)


def _rows(folder: Path, file: Path, *, as_json: bool) -> None:
    from dftflow.api.exchange import export_ase

    number = export_ase(folder, file)
    click.echo(json.dumps({"file": str(file), "rows": number}, indent=1) if as_json else f"{file}: {number} rows")


def _archive(
    folder: Path, file: Path, everything: bool, licence: str, authors: tuple[str, ...], *, as_json: bool
) -> None:
    from dftflow.api.exchange import export_archive

    written = export_archive(folder, file, everything=everything, licence=licence, authors=authors)
    left = [{"name": one.name, "reason": one.reason} for one in written.left_out]
    if as_json:
        found = {"file": str(file), "bytes": written.size, "sha256": written.sha256, "files": written.n_files}
        click.echo(json.dumps({**found, "left_out": left}, indent=1, ensure_ascii=False))
        return
    click.echo(f"{file}: {written.n_files} files, {written.size / 2**20:.1f} MiB\nsha256 {written.sha256}")
    for one in left:
        click.echo(f"left out: {one['name']}: {one['reason']}", err=True)
    if not licence:
        click.echo("no licence was given: the archive says so (--license)", err=True)
