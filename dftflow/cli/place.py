"""The types of arguments and options that name a file or a folder."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from dftflow.input_file import named_place

__all__ = ["FutureFolder", "OutFile", "OutFolder", "Place"]


class _Completed(click.ParamType):  # type: ignore[type-arg]  # generic from click 8.4 on alone
    """A path, which a shell completes to files and folders, or to those of one `kind`."""

    kind = "file"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """What lies there."""
        return [CompletionItem(incomplete, type=self.kind)]


class Place(_Completed):
    """A path, refused as wrong input where no file can have its name, or something else than a file stands there."""

    name = "path"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """The path with the home of ``~`` in it; raises `InputError`."""
        return named_place(os.fspath(value))


class OutFile(_Completed):
    """A file that is to be written, refused before the command begins where it cannot be."""

    name = "file"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """The path with the home of ``~`` in it; raises `StoreError`."""
        from dftflow.jobs.output_place import output_file

        return output_file(os.fspath(value))


class OutFolder(_Completed):
    """A folder that is to be written to, refused before the command begins where it cannot be."""

    name = "folder"
    kind = "dir"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """The path with the home of ``~`` in it; raises `StoreError`."""
        from dftflow.jobs.output_place import output_folder

        return output_folder(os.fspath(value))


class FutureFolder(OutFolder):
    """A folder that another command writes to: it is read, and need not be writable."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """The path with the home of ``~`` in it; raises `StoreError`."""
        from dftflow.jobs.output_place import future_folder

        return future_folder(os.fspath(value))
