"""Commands of dftflow as messages name them."""

from __future__ import annotations

import shlex
from pathlib import Path

__all__ = ["dftflow_line"]


def dftflow_line(*words: str | Path) -> str:
    """A command of dftflow as a message names it, which a shell takes as it is meant.

    Examples
    --------
    >>> dftflow_line("retry", "my run", "CsBr/bulk-bands")
    "`dftflow retry 'my run' CsBr/bulk-bands`"
    """
    return f"`{shlex.join(['dftflow', *map(str, words)])}`"
