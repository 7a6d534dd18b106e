"""``dftflow import``: an archive of a study, verified and unpacked."""

from __future__ import annotations

import json
from pathlib import Path

import click

from dftflow.cli.place import OutFolder, Place

__all__ = ["command"]


@click.command()
@click.argument("archive", type=Place())
@click.argument("folder", type=OutFolder())
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(archive: Path, folder: Path, as_json: bool) -> None:
    """Verify ARCHIVE, which `dftflow export --ro-crate` wrote, and unpack it into FOLDER, which must not be there yet.

    Every file has to be in the archive's own list with its size and SHA-256. Names that lead elsewhere, links, pickles
    and archives that expand beyond 64 GiB or a hundredfold are refused; nothing is written then. What the list says of
    itself it cannot prove: compare the SHA-256 of the archive with the one that its author tells.
    """
    from dftflow.api.exchange import import_archive

    found = import_archive(archive, folder)
    if as_json:
        told = {"folder": str(found.folder), "study": found.study, "preset": found.preset}
        click.echo(json.dumps({**told, "files": found.n_files, "bytes": found.n_bytes}, indent=1, ensure_ascii=False))
        return
    click.echo(f"{found.folder}: {found.study}, preset {found.preset}; {found.n_files} files, all as listed")
