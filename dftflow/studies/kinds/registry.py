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

__all__ = ["all_kinds", "kind_called"]

GROUP = "dftflow.kinds"


def all_kinds() -> tuple[Kind, ...]:
    """Every kind, in the order in which their steps stand in a plan."""
    found: tuple[Kind, ...] = (BulkKind(), SlabKind())
    return (*found, *(entry.load()() for entry in entry_points(group=GROUP)))


def kind_called(name: str) -> Kind:
    """The kind of that name; raises `StudyError` when there is none, as when its package is not installed."""
    for kind in all_kinds():
        if kind.name == name:
            return kind
    known = ", ".join(kind.name for kind in all_kinds())
    raise StudyError(f"there is no kind of subject called {name!r}", fix=f"kinds: {known}; is its package installed?")
