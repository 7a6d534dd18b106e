"""Figures that were drawn before: one is drawn again when what it shows, or what draws it, is not as it was."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np

from dftflow.jobs.store import storage_errors, write_atomically
from dftflow.stored_file import read_stored, read_stored_json

__all__ = ["DRAWN_FILE", "KeptFigures", "digest_of"]

DRAWN_FILE = "drawn.json"
SCHEMA = "dftflow-drawn/1"


class KeptFigures:
    """The figures of a folder, by what they were drawn from.

    Parameters
    ----------
    folder
        Where they lie, with ``drawn.json``: ``{"schema", "figures": {name: {"from", "files": {format: sha256}}}}``.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._before = _figures_in(folder / DRAWN_FILE)
        self._now: dict[str, Any] = {}

    def files(self, name: str, digest: str, formats: Sequence[str]) -> dict[str, bytes] | None:
        """Format -> content of a figure that was drawn from the same; None where one of its files is not as it was."""
        kept = self._before.get(name)
        if not isinstance(kept, Mapping) or kept.get("from") != digest or not isinstance(kept.get("files"), Mapping):
            return None
        found = {}
        for extension in formats:
            try:
                content = read_stored(self._folder / f"{name}.{extension}")
            except OSError:
                return None
            if hashlib.sha256(content).hexdigest() != kept["files"].get(extension):
                return None
            found[extension] = content
        return found

    def note(self, name: str, digest: str, files: Mapping[str, bytes]) -> None:
        """Keep in mind what a figure was drawn from."""
        hashes = {extension: hashlib.sha256(content).hexdigest() for extension, content in files.items()}
        self._now[name] = {"from": digest, "files": hashes}

    def write(self) -> None:
        """Write down what was noted, when it is news; raises `StoreError` when that cannot be."""
        if self._now != self._before:
            content = json.dumps({"schema": SCHEMA, "figures": self._now}, indent=1)
            with storage_errors(self._folder):
                write_atomically(self._folder / DRAWN_FILE, content, root=self._folder.parent)


def _figures_in(file: Path) -> dict[str, Any]:
    try:
        content = read_stored_json(file)
    except (OSError, ValueError):
        return {}
    known = isinstance(content, dict) and content.get("schema") == SCHEMA and isinstance(content.get("figures"), dict)
    return content["figures"] if known else {}


def digest_of(*drawn: object) -> str:
    """SHA-256 of what a figure shows, and of what draws it: this package's files, and matplotlib's version."""
    digest = hashlib.sha256(_drawer().encode())
    for part in _parts(drawn):
        digest.update(part)
        digest.update(b"\0")
    return digest.hexdigest()


@cache
def _drawer() -> str:
    files = sorted(file for file in Path(__file__).parent.iterdir() if file.suffix in (".py", ".mplstyle"))
    contents = [hashlib.sha256(file.read_bytes()).hexdigest() for file in files]
    return " ".join((mpl.__version__, *contents))


def _parts(value: object) -> Iterator[bytes]:
    """`value` as bytes, the same for the same content: plain data, arrays, dataclasses and crystals."""
    if isinstance(value, np.ndarray):
        yield f"{value.dtype.str} {value.shape}".encode()
        yield np.ascontiguousarray(value).tobytes()
    elif isinstance(value, Mapping):
        yield b"{"
        for key, item in value.items():
            yield from _parts((key, item))
    elif isinstance(value, list | tuple):
        yield f"[{len(value)}".encode()
        for item in value:
            yield from _parts(item)
    elif is_dataclass(value) and not isinstance(value, type):
        yield type(value).__name__.encode()
        for field in fields(value):
            yield from _parts(getattr(value, field.name))
    elif hasattr(value, "frac_coords") and hasattr(value, "lattice"):
        yield from _parts((value.lattice.matrix, value.frac_coords, [site.species_string for site in value]))  # type: ignore[attr-defined]
    else:
        yield repr(value).encode()
