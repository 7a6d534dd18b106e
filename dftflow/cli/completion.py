"""The types of arguments that name a study, a preset, a code, a step or a crystal: a shell completes them.

Completion runs at every press of a key, so that nothing here imports more than the standard library and what reads a
list of names. It never fails: what cannot be read completes to nothing. The values themselves are checked by the
commands.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from dftflow import codes, studies
from dftflow.input_file import read_regular_text
from dftflow.jobs.machines_path import LOCAL, machines_path
from dftflow.resources import shipped_studies, structures_dir, workflows_dir

__all__ = ["Codes", "Completed", "Crystals", "Folders", "Machines", "Presets", "StepPlaces", "Steps", "Studies"]

MOST_BYTES = 1 << 24


class Completed(click.ParamType):  # type: ignore[type-arg]  # generic from click 8.4 on alone
    """A text; a shell completes it to one of `names`, and to files where `kind` says so."""

    name = "text"
    kind = ""

    def names(self, ctx: click.Context) -> Iterable[str]:
        """What it can be, as far as that is known."""
        return ()

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The text as it is."""
        return str(value)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Names that begin so; files where there are none of them."""
        try:
            found = [name for name in self.names(ctx) if name.startswith(incomplete)]
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            found = []
        if self.kind and not found:
            return [CompletionItem(incomplete, type=self.kind)]
        return [CompletionItem(name) for name in found]


class Studies(Completed):
    """A shipped study, or a file."""

    name = "study"
    kind = "file"

    def names(self, ctx: click.Context) -> Iterable[str]:
        """The shipped ones, and the study files in this folder."""
        return [*shipped_studies(), *sorted(map(str, Path().glob("*.toml")))]


class Presets(Completed):
    """A preset: of all studies, or of the one that the command names."""

    name = "preset"

    def names(self, ctx: click.Context) -> Iterable[str]:
        """Those of every study, then the study's own."""
        shipped = tomllib.loads((Path(studies.__path__[0]) / "presets.toml").read_text("utf-8"))
        return dict.fromkeys([*shipped, *_own_presets(ctx)])


def _places(ctx: click.Context) -> list[str]:
    """The arguments so far; click leaves them in ``args`` as long as the last option has no value."""
    named = [ctx.params.get(name) for name in ("study", "folder")]
    return [str(place) for place in (*named, *(ctx.params.get("places") or ()), *ctx.args) if place]


def _own_presets(ctx: click.Context) -> Iterable[str]:
    study = next(iter(_places(ctx)), "")
    file = next((place for place in (Path(study), workflows_dir() / f"{study}.toml") if place.is_file()), None)
    return tomllib.loads(read_regular_text(file, limit_bytes=MOST_BYTES)).get("presets", {}) if file else ()


class Codes(Completed):
    """A DFT code."""

    name = "code"

    def names(self, ctx: click.Context) -> Iterable[str]:
        """Its own ones, and those that packages bring."""
        own = (file.parent.name for file in Path(codes.__path__[0]).glob("*/code.py"))
        return sorted({*own, *(point.name for point in entry_points(group="dftflow.codes"))})


class Machines(Completed):
    """A machine of ``machines.toml``, or this one."""

    name = "machine"

    def names(self, ctx: click.Context) -> Iterable[str]:
        """Those of the file, and ``local``."""
        file = machines_path()
        known = tomllib.loads(read_regular_text(file, limit_bytes=MOST_BYTES))["machines"] if file.is_file() else ()
        return dict.fromkeys([*known, LOCAL])


class Crystals(Completed):
    """A shipped crystal, a file, or an id of a database."""

    name = "crystal"
    kind = "file"

    def names(self, ctx: click.Context) -> Iterable[str]:
        """The shipped ones."""
        return sorted(tomllib.loads((structures_dir() / "SOURCES.toml").read_text("utf-8")))


class Steps(Completed):
    """A step of the plan in the folder that the command names."""

    name = "step"

    def names(self, ctx: click.Context) -> Iterable[str]:
        """Names of the steps, in the order of the plan."""
        folder = Path(next(reversed(_places(ctx)), "."))
        plan = json.loads(read_regular_text(folder / "plan.json", limit_bytes=MOST_BYTES))
        return [step["name"] for step in plan["steps"]]


class StepPlaces(Steps):
    """A step, ``=`` and a folder."""

    name = "step=dir"

    def names(self, ctx: click.Context) -> Iterable[str]:
        """Names of the steps, each with the sign behind which its folder is to stand."""
        return [f"{name}=" for name in super().names(ctx)]


class Folders(Completed):
    """A study, or a folder."""

    name = "folder"
    kind = "dir"

    def names(self, ctx: click.Context) -> Iterable[str]:
        """The shipped studies."""
        return shipped_studies()
