"""Splits a ``.cell`` or ``.param`` file into keywords and blocks, each with its line.

Own code, because the readers at hand stop at what real files hold: castepinput (0.1.11) at two blanks in
``%ENDBLOCK  NAME``, ASE (3.29) at a keyword that it does not know; and neither says in which line a damaged file ends.

Format: castep-docs and CASTEP 18.1 ``--help``. A line holds a keyword and its value, with ``:``, ``=`` or blanks
between them. ``!``, ``#`` and ``;`` start comments, case does not matter, ``%BLOCK name`` … ``%ENDBLOCK name`` enclose
lines.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from dftflow.errors import ParseError

__all__ = ["DeckBlock", "DeckFile", "DeckKeyword", "DeckLine", "DeckProblem", "scan_deck"]

LARGEST_DECK_BYTES = 16 * 2**20
LONGEST_LINE = 2000
_LINE_END = re.compile(r"\r\n|\n|\r")
_COMMENT = re.compile(r"[!#;]")
_SEPARATOR = re.compile(r"\s*[:=]\s*|\s+")


@dataclass(frozen=True, slots=True, kw_only=True)
class DeckLine:
    """A line of a block: its number in the file, its text without the comment, the comment."""

    number: int
    text: str
    comment: str = ""

    @property
    def words(self) -> list[str]:
        """The text at its blanks."""
        return self.text.split()


@dataclass(frozen=True, slots=True, kw_only=True)
class DeckKeyword:
    """A keyword in lower case with the text behind it, ``""`` when there is none."""

    name: str
    value: str
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DeckBlock:
    """A block: its name in lower case, its lines that are not empty, and the line that opens it."""

    name: str
    lines: tuple[DeckLine, ...]
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DeckProblem:
    """What is wrong with the blocks of a file, and where."""

    line: int
    summary: str
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class DeckFile:
    """A ``.cell`` or ``.param`` file, in order.

    Attributes
    ----------
    problems
        Blocks without end, ends without block.
    """

    file: Path
    keywords: tuple[DeckKeyword, ...]
    blocks: tuple[DeckBlock, ...]
    problems: tuple[DeckProblem, ...] = field(default=())

    @cached_property
    def values(self) -> dict[str, DeckKeyword]:
        """Keyword by name; the first where one is given twice."""
        return {keyword.name: keyword for keyword in reversed(self.keywords)}

    @cached_property
    def block_of(self) -> dict[str, DeckBlock]:
        """Block by name; the first where one is given twice."""
        return {block.name: block for block in reversed(self.blocks)}

    @property
    def things(self) -> tuple[DeckKeyword | DeckBlock, ...]:
        """Keywords, then blocks."""
        return (*self.keywords, *self.blocks)

    def where(self, line: int) -> str:
        """``file:line``."""
        return f"{self.file}:{line}"


def scan_deck(file: Path) -> DeckFile:
    """Keywords and blocks of `file`.

    Raises
    ------
    ParseError
        The file cannot be read, is no text, or is too large for an input file.
    """
    return _Scan(file).scan(_text(file))


class _Scan:
    """Goes through the lines once."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._keywords: list[DeckKeyword] = []
        self._blocks: list[DeckBlock] = []
        self._problems: list[DeckProblem] = []
        self._name, self._start = "", 0
        self._lines: list[DeckLine] = []

    def scan(self, text: str) -> DeckFile:
        for number, raw in enumerate(_LINE_END.split(text), start=1):
            content, comment = _split_comment(raw)
            if len(content) > LONGEST_LINE:
                self._problems.append(DeckProblem(line=number, summary=f"the line has {len(content)} characters"))
                content = content[:LONGEST_LINE]
            if content:
                self._take(number, content, comment)
        if self._name:
            self._unclosed(self._start)
        return DeckFile(
            file=self._file,
            keywords=tuple(self._keywords),
            blocks=tuple(self._blocks),
            problems=tuple(self._problems),
        )

    def _take(self, number: int, content: str, comment: str) -> None:
        first, *rest = content.split(maxsplit=1)
        name = rest[0].strip(":= \t").lower() if rest else ""
        if first.lower() == "%block":
            if self._name:
                self._unclosed(number)
            if not name:
                self._problems.append(DeckProblem(line=number, summary="%BLOCK has no name"))
            self._name, self._start, self._lines = name, number, []
        elif first.lower() == "%endblock":
            self._close(number, content, name)
        elif self._name:
            self._lines.append(DeckLine(number=number, text=content, comment=comment))
        else:
            keyword, *value = _SEPARATOR.split(content, maxsplit=1)
            self._keywords.append(DeckKeyword(name=keyword.lower(), value=value[0] if value else "", line=number))

    def _close(self, number: int, content: str, name: str) -> None:
        if name != self._name or not name:
            open_block = f"the open block {self._name!r}" if self._name else "a block: none is open"
            self._problems.append(DeckProblem(line=number, summary=f"{content} does not close {open_block}"))
        if self._name:
            self._blocks.append(DeckBlock(name=self._name, lines=tuple(self._lines), line=self._start))
        self._name = ""

    def _unclosed(self, number: int) -> None:
        self._problems.append(
            DeckProblem(
                line=number,
                summary=f"block {self._name!r} from line {self._start} has no end",
                reason="the file is cut short or damaged",
            )
        )
        self._blocks.append(DeckBlock(name=self._name, lines=tuple(self._lines), line=self._start))


def _split_comment(line: str) -> tuple[str, str]:
    found = _COMMENT.search(line)
    if found is None:
        return line.strip(), ""
    return line[: found.start()].strip(), line[found.end() :].strip()


def _text(file: Path) -> str:
    """UTF-8 or, where it is not, Latin-1: only comments and titles can differ."""
    try:
        with file.open("rb") as stream:
            content = stream.read(LARGEST_DECK_BYTES + 1)
    except OSError as error:
        raise ParseError("the file cannot be read", reason=str(error), where=str(file)) from error
    if len(content) > LARGEST_DECK_BYTES:
        raise ParseError("the file is too large for an input file of CASTEP", where=str(file))
    if b"\0" in content or content.startswith(b"\x1f\x8b"):
        raise ParseError("the file is no text", where=str(file))
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")
