"""One remark on an input file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

__all__ = ["Finding", "Severity"]

Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What is wrong in a line of an input file, and how to mend it.

    Attributes
    ----------
    severity
        ``error``: CASTEP would stop, or do something else than the file says. ``warning``: it runs, but perhaps not as
        meant. ``note``: worth knowing, nothing to mend.
    """

    file: Path
    line: int
    severity: Severity
    message: str
    fix: str = ""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.severity}: {self.message}" + (f" ({self.fix})" if self.fix else "")
