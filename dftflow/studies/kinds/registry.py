"""The kinds of subject that a study has, by name: those of this folder, and those that other packages bring.

Another package names a class whose objects satisfy `dftflow.studies.kinds.base.Kind`, and that is made without
arguments, as an entry point of the group ``dftflow.kinds``.
"""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points

from dftflow.errors import CodeNotFoundError, StudyError
from dftflow.plugins import load_plugin, package_of
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
    return tuple(map(_made, entry_points(group=GROUP)))


def _made(point: EntryPoint) -> Kind:
    found = load_plugin(point, "kind of subject")
    try:
        kind = found()
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        raise _no_kind(point, reason) from error
    if not isinstance(kind, Kind):
        raise _no_kind(point, "it lacks name, steps or build")
    return kind


def _no_kind(point: EntryPoint, reason: str) -> CodeNotFoundError:
    what = f"{point.value} of {package_of(point)} is no kind of subject"
    return CodeNotFoundError(what, reason=reason, fix="see docs/howto-kind.md; mend that package, or uninstall it")


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
