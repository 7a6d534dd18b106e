"""The type of every argument and option that names a file or a folder."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from dftflow.input_file import named_place

__all__ = ["Place"]


class Place(click.ParamType[Path]):
    """A path, refused as wrong input where no file can have its name, or something else than a file stands there."""

    name = "path"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """The path with the home of ``~`` in it; raises `InputError`."""
        return named_place(os.fspath(value))
