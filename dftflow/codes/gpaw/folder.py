"""Which files in a folder are a calculation of GPAW that a person ran.

A ``.gpw`` file is known by its first bytes, a text log, which may have any name, by GPAW's name in large letters. They
belong together when they share the stem of their name, or when each is the only one of its kind in the folder.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from dftflow.codes.base import Calculation
from dftflow.codes.compressed import head_of, plain_name
from dftflow.codes.gpaw.text_log import LOG_HEAD_BYTES, is_log
from dftflow.codes.gpaw.ulm_file import HEAD_BYTES, MAGIC, is_ulm

__all__ = ["calculations_in", "files_of"]

GPW = ".gpw"
LOGS = (".txt", ".log", ".out", ".gpaw", ".text", ".output", "")
"""Endings of logs: no script, page or table that quotes one is taken for it; nor is a file of bytes read for it."""


def calculations_in(folder: Path) -> tuple[Calculation, ...]:
    """Calculations by their own ``.gpw`` files and logs in `folder`, in the order of their names."""
    files = [file for file in sorted(folder.iterdir()) if file.is_file()]
    saved = _by_seed(file for file in files if _is_gpw(file))
    logs = _by_seed(file for file in files if _is_text_log(file))
    if len(saved) == len(logs) == 1:
        logs = dict(zip(saved, logs.values(), strict=True))
    return tuple(
        Calculation(
            code="gpaw", folder=folder, seed=seed, files=tuple(place[seed] for place in (saved, logs) if seed in place)
        )
        for seed in sorted({*saved, *logs})
    )


def _by_seed(files: Iterable[Path]) -> dict[str, Path]:
    """Stem of its name -> file; a second file of one stem goes by its whole name."""
    found: dict[str, Path] = {}
    for file in files:
        stem = Path(plain_name(file)).stem
        found[file.name if stem in found else stem] = file
    return found


def files_of(calculation: Calculation) -> tuple[Path | None, Path | None]:
    """Its ``.gpw`` file and its log, as `calculations_in` put them together; both None in the engine's own folders."""
    saved = next((file for file in calculation.files if plain_name(file).endswith(GPW)), None)
    log = next((file for file in calculation.files if file != saved and Path(plain_name(file)).suffix in LOGS), None)
    return saved, log


def _is_gpw(file: Path) -> bool:
    """By its ending, so that a damaged one is refused by name; not one whose first bytes are of another program."""
    if not plain_name(file).endswith(GPW):
        return False
    head = head_of(file, HEAD_BYTES)
    return is_ulm(head, "gpaw") or not head.startswith(MAGIC)


def _is_text_log(file: Path) -> bool:
    return Path(plain_name(file)).suffix in LOGS and is_log(head_of(file, LOG_HEAD_BYTES))
