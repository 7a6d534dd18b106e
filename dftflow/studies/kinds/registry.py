"""The kinds of subject that a study has, by name: those of this folder, and those that other packages bring.

Another package names an object that satisfies `dftflow.studies.kinds.base.Kind` as an entry point of the group
``dftflow.kinds``.
"""

from __future__ import annotations

from importlib.metadata import entry_points

from dftflow.errors import StudyError
from dftflow.studies.kinds.base import Kind
from dftflow.studies.kinds.bulk import BulkKind
from dftflow.studies.kinds.slab import SlabKind

__all__ = ["all_kinds", "kind_called", "kind_with_table"]

GROUP = "dftflow.kinds"
OWN: tuple[Kind, ...] = (BulkKind(), SlabKind())


def all_kinds() -> tuple[Kind, ...]:
    """Every kind, in the order in which their steps stand in a plan."""
    return (*OWN, *_outside())


def _outside() -> tuple[Kind, ...]:
    return tuple(entry.load()() for entry in entry_points(group=GROUP))


def kind_with_table(name: str) -> Kind:
    """The kind that reads the table ``[kinds.NAME]`` of a study; raises `StudyError` for one that reads none."""
    if name in (kind.name for kind in OWN):
        raise StudyError(f"[kinds.{name}] means nothing: that kind has no table of its own", fix="leave it out")
    return kind_called(name)


def kind_called(name: str) -> Kind:
    """The kind of that name; raises `StudyError` when there is none, as when its package is not installed."""
    for kind in all_kinds():
        if kind.name == name:
            return kind
    known = ", ".join(kind.name for kind in all_kinds())
    raise StudyError(f"there is no kind of subject called {name!r}", fix=f"kinds: {known}; is its package installed?")
