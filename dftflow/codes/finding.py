"""Finds the calculations in a folder and below it, of one code or of all."""

from __future__ import annotations

import os
from pathlib import Path

from dftflow.codes.base import Calculation
from dftflow.codes.registry import code_names, load_code
from dftflow.errors import InputError, ParseError
from dftflow.input_file import named_place, special_kind

__all__ = ["find_calculations", "passed_over"]


def find_calculations(folder: Path, code_name: str | None = None) -> tuple[Calculation, ...]:
    """Every calculation in `folder` and below, folder by folder.

    Hidden folders are left out, and links to folders are not followed below `folder`.

    Parameters
    ----------
    folder
        A folder; a file gives the calculation that it belongs to.
    code_name
        One code of the registry; all of them by default.

    Raises
    ------
    InputError
        There is no such file or folder, or what has this name is neither.
    ParseError
        A folder cannot be read.
    SpecError
        There is no such code.
    """
    folder = named_place(folder)
    codes = [load_code(name) for name in ((code_name,) if code_name is not None else code_names())]
    if folder.is_file():
        found = (calculation for code in codes for calculation in code.find(folder.parent))
        return tuple(calculation for calculation in found if folder in calculation.files)
    if not folder.is_dir():
        raise InputError("there is no such file or folder", where=str(folder))
    return tuple(calculation for place in _folders(folder) for code in codes for calculation in code.find(place))


def passed_over(folder: Path) -> tuple[tuple[Path, str], ...]:
    """What lies in `folder` and below and is neither file nor folder, with what it is: no calculation has it."""
    if not folder.is_dir():
        return ()
    files = sorted(file for place in _folders(folder) for file in place.iterdir())
    return tuple((file, kind) for file in files if (kind := special_kind(file)))


def _folders(top: Path) -> list[Path]:
    places = []
    for name, below, _ in os.walk(top, onerror=_refuse):
        below[:] = sorted(inner for inner in below if not inner.startswith("."))
        places.append(Path(name))
    return places


def _refuse(error: OSError) -> None:
    """A folder that is passed over in silence would look like one without calculations."""
    raise ParseError("a folder cannot be read", reason=error.strerror or "", where=str(error.filename)) from error
