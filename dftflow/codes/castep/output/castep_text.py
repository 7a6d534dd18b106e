"""The lines of a ``.castep`` file, and the numbers in them.

Bytes stay bytes: titles may hold any character set, and everything that is read from the file is ASCII. A number is
what Fortran writes and nothing else that ``float`` would take (``nan``, ``1_000``); ``****`` is a number that did not
fit its column, and so is unknown.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from dftflow.codes.castep.output.content import whole_content
from dftflow.errors import ParseError

__all__ = ["LONGEST_LINE", "NUMBER", "CastepText", "printed_number", "latin"]

NUMBER = rb"[-+]?(?:\d+\.?\d*|\.\d+)(?:[EeDd][-+]?\d+|[-+]\d{3})?"

# CASTEP's lines have some 130 characters. What is longer is cut, and marked so that no pattern fits it.
LONGEST_LINE = 400
_TOO_LONG = b"\xff"
_NUMBER = re.compile(rb"([-+]?(?:\d+\.?\d*|\.\d+))(?:[EeDd]?([-+]?\d+))?")
_FOOTER = re.compile(rb"\s*Total time\s+=\s*\d+\.\d+ s\s*")


@dataclass(frozen=True, eq=False, slots=True)
class CastepText:
    """Some lines of a file: `data` as they are, `lines` without their ends, `before` lines stand above them."""

    file: Path
    data: bytes
    lines: list[bytes]
    before: int

    @classmethod
    def of(cls, file: Path) -> CastepText:
        """All of `file`; raises `ParseError` when it cannot be read."""
        return cls(file, whole_content(file), [], 0)

    def part(self, start: int, end: int, before: int) -> CastepText:
        """The lines in the bytes from `start` to `end`, without a last line that the end of the file cut short."""
        data = self.data[start:end]
        lines = data.splitlines()
        if max(map(len, lines), default=0) > LONGEST_LINE:
            lines = [line if len(line) <= LONGEST_LINE else line[:LONGEST_LINE] + _TOO_LONG for line in lines]
        cut = end == len(self.data) and not data.endswith((b"\n", b"\r"))
        if cut and lines and not _FOOTER.fullmatch(lines[-1]):
            del lines[-1]
        return CastepText(self.file, data, lines, before)

    def error(self, line: int, summary: str, reason: str = "") -> ParseError:
        """The error for the line with index `line`."""
        return ParseError(summary, reason=reason, where=f"{self.file}:{self.before + line + 1}")

    def damaged(self, line: int, what: str) -> ParseError:
        """The error for a line that should hold `what`."""
        shown = latin(self.lines[line].strip()[:60]) if line < len(self.lines) else "the file ends"
        return self.error(line, f"{what} cannot be read", f"the line says {shown!r}")


def printed_number(token: bytes) -> float | None:
    """The number that `token` matches as `NUMBER`; None for anything else, and for one that is not finite.

    Examples
    --------
    >>> printed_number(b"-2.07252189E+004"), printed_number(b"1.5-105"), printed_number(b"******")
    (-20725.2189, 1.5e-105, None)
    """
    found = _NUMBER.fullmatch(token)
    if found is None:
        return None
    mantissa, exponent = found.groups()
    value = float(mantissa) if exponent is None else float(mantissa + b"e" + exponent)
    return value if abs(value) < float("inf") else None


def latin(text: bytes) -> str:
    """`text` decoded so that every byte is a character."""
    return text.decode("latin-1")
