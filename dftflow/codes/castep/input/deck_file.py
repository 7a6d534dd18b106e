"""Splits a ``.cell`` or ``.param`` file into keywords and blocks, each with its line.

Own code, because the readers at hand stop at what real files hold: castepinput (0.1.11) at two blanks in
``%ENDBLOCK  NAME``, ASE (3.29) at a keyword that it does not know; and neither says in which line a damaged file ends.

Format: castep-docs and CASTEP 18.1 ``--help``. A line holds a keyword and its value, with ``:``, ``=`` or blanks
between them. ``!``, ``#`` and ``;`` start comments, case does not matter, ``%BLOCK name`` … ``%ENDBLOCK name`` enclose
lines.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from dftflow.codes.castep.input.keyword_table import keyword_table
from dftflow.errors import ParseError
from dftflow.input_file import open_regular

__all__ = ["DeckBlock", "DeckFile", "DeckKeyword", "DeckLine", "DeckProblem", "scan_deck"]

LARGEST_DECK_BYTES = 16 * 2**20
LONGEST_LINE = 2000
MARKS = ("block", "endblock")
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
    """What is wrong with the blocks of a file, where, and how to mend it."""

    line: int
    summary: str
    reason: str = ""
    fix: str = ""


@dataclass(frozen=True, kw_only=True)
class DeckFile:
    """A ``.cell`` or ``.param`` file, in order.

    Attributes
    ----------
    problems
        Damaged ``%`` lines, blocks without end, ends without block: one for each mistake.
    whole
        Whether it is known for all that which lines are blocks: a ``%BLOK`` is, a missing end is not.
    """

    file: Path
    keywords: tuple[DeckKeyword, ...]
    blocks: tuple[DeckBlock, ...]
    problems: tuple[DeckProblem, ...] = field(default=())
    whole: bool = True

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
    """Goes through the lines once. A damaged ``%`` line is taken for what it was meant to be, where that is plain."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._keywords: list[DeckKeyword] = []
        self._blocks: list[DeckBlock] = []
        self._problems: list[DeckProblem] = []
        self._name: str | None = None  # of the open block, "" when its first line lacks it
        self._start = 0
        self._lines: list[DeckLine] = []
        self._outside: list[tuple[DeckKeyword, DeckLine]] = []  # since the last block
        self._whole = True

    def scan(self, text: str) -> DeckFile:
        for number, raw in enumerate(_LINE_END.split(text), start=1):
            content, comment = _split_comment(raw)
            if len(content) > LONGEST_LINE:
                self._problem(number, f"the line has {len(content)} characters")
                content = content[:LONGEST_LINE]
            if content:
                self._take(DeckLine(number=number, text=content, comment=comment))
        if self._name is not None:
            self._unclosed(self._start)
        self._keep_outside()
        return DeckFile(
            file=self._file,
            keywords=tuple(self._keywords),
            blocks=tuple(self._blocks),
            problems=tuple(self._problems),
            whole=self._whole,
        )

    def _take(self, line: DeckLine) -> None:
        mark, name = _mark(line.text)
        if mark and mark != line.words[0].lower():
            self._problem(line.number, f"{line.words[0]} is no mark of a block", fix=f"write {mark.upper()} {name}")
        if mark == "%block":
            self._open(line.number, name)
        elif mark == "%endblock":
            self._close(line, name)
        elif self._name is not None:
            self._lines.append(line)
        elif line.text.startswith("%"):
            self._problem(line.number, f"{line.words[0]} is neither %BLOCK nor %ENDBLOCK", fix="comments start with !")
        else:
            keyword, *value = _SEPARATOR.split(line.text, maxsplit=1)
            entry = DeckKeyword(name=keyword.lower(), value=value[0] if value else "", line=line.number)
            self._outside.append((entry, line))

    def _open(self, number: int, name: str) -> None:
        if self._name is not None and name == self._name and name:
            self._problem(number, f"block {name!r} is open since line {self._start}", fix=f"write %ENDBLOCK {name}")
            self._keep(name)
            return
        if self._name is not None:
            self._unclosed(number)
        if not name:
            self._problem(number, "%BLOCK has no name", fix="write it as behind its %ENDBLOCK")
        self._keep_outside()
        self._name, self._start, self._lines = name, number, []

    def _close(self, line: DeckLine, name: str) -> None:
        if self._name is None:
            self._problem(line.number, f"{line.text} does not close a block: none is open", fix="write its %BLOCK")
            self._take_back(name)
            return
        if self._name == "":
            self._whole &= bool(name)  # its first line is named as a problem already
        elif name != self._name:
            summary = f"{line.text} does not close the open block {self._name!r}"
            self._problem(line.number, summary, fix=f"give both the same name, or end {self._name!r} first")
            known = [word for word in (self._name, name) if keyword_table().find(word) is not None]
            doubtful = len(known) == 2
            self._whole &= not doubtful
            self._name = "" if doubtful else (known or [self._name])[0]  # which of the two it is nobody knows
            name = "" if doubtful else name
        self._keep(self._name or name)

    def _take_back(self, name: str) -> None:
        """What stands before an end without a start and is no keyword was the block."""
        lines: list[DeckLine] = []
        while self._outside and keyword_table().find(self._outside[-1][0].name) is None:
            lines.insert(0, self._outside.pop()[1])
        if lines:
            self._start, self._lines = lines[0].number, lines
            self._whole = False
            self._keep(name)

    def _unclosed(self, number: int) -> None:
        self._problem(
            number,
            f"block {self._name!r} from line {self._start} has no end",
            reason="the file is cut short or damaged",
            fix=f"write %ENDBLOCK {self._name}, unless the file is cut short or damaged",
        )
        self._whole = False
        self._keep(self._name or "")

    def _keep(self, name: str) -> None:
        self._keep_outside()
        if name:
            self._blocks.append(DeckBlock(name=name, lines=tuple(self._lines), line=self._start))
        self._name, self._lines = None, []

    def _keep_outside(self) -> None:
        self._keywords += [keyword for keyword, _ in self._outside]
        self._outside = []

    def _problem(self, line: int, summary: str, *, reason: str = "", fix: str = "") -> None:
        self._problems.append(DeckProblem(line=line, summary=summary, reason=reason, fix=fix))


def _mark(content: str) -> tuple[str, str]:
    """``%block`` or ``%endblock`` with the name behind it, ``""`` for a line that is meant to be neither.

    Examples
    --------
    >>> _mark("%BLOK lattice_cart"), _mark("%end_block lattice_cart")
    (('%block', 'lattice_cart'), ('%endblock', 'lattice_cart'))
    """
    if not content.startswith("%"):
        return "", ""
    word, *rest = content[1:].split(maxsplit=1) or [""]
    name = rest[0].strip(":= \t").lower() if rest else ""
    near = difflib.get_close_matches(word.lower(), MARKS, n=1, cutoff=0.7)
    if near:
        return f"%{near[0]}", name
    return "", ""


def _split_comment(line: str) -> tuple[str, str]:
    found = _COMMENT.search(line)
    if found is None:
        return line.strip(), ""
    return line[: found.start()].strip(), line[found.end() :].strip()


def _text(file: Path) -> str:
    """UTF-8 or, where it is not, Latin-1: only comments and titles can differ."""
    try:
        with open_regular(file) as stream:
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
