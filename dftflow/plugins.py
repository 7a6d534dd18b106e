"""What installed packages bring: the entry points of a group, and how each of them is loaded.

The groups are ``dftflow.codes``, ``dftflow.kinds`` and ``dftflow.quantities``.
"""

from __future__ import annotations

from importlib.metadata import EntryPoint
from typing import Any

from dftflow.errors import CodeNotFoundError

__all__ = ["load_plugin", "package_of"]


def package_of(point: EntryPoint) -> str:
    """Name of the package that brings `point`, for messages."""
    return "a package" if point.dist is None else f"the package {point.dist.name}"


def load_plugin(point: EntryPoint, what: str) -> Any:
    """The object that `point` names.

    Parameters
    ----------
    what
        What it is to be, for the message: ``"code"``.

    Raises
    ------
    CodeNotFoundError
        When its package cannot be imported, or has no such object.
    """
    try:
        return point.load()
    except Exception as error:
        raise CodeNotFoundError(
            f"the {what} {point.name!r} of {package_of(point)} cannot be loaded",
            reason=f"{type(error).__name__}: {error}",
            fix="mend that package, or uninstall it",
        ) from error
