"""An XML file as a tree whose elements know their line, with the numbers in it checked as they are taken out.

Own tree on the standard library's expat: `ElementTree` forgets the lines, builds whatever it is given, and leaves
every count to the caller. Here a DTD (and with it every entity), a depth or a size beyond reason is refused while the
file is read, and an element that should stand once is refused when it stands twice. Bytes that are not UTF-8 are taken
as Latin-1, which pw.x lets through in titles and file names.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO
from xml.parsers import expat

import numpy as np

from dftflow.codes.packed_digits import sixteen_digits
from dftflow.codes.spaced_numbers import spaced_numbers
from dftflow.errors import ParseError
from dftflow.input_file import open_regular
from dftflow.model.results import FloatArray

__all__ = ["XmlElement", "read_xml"]

MAX_BYTES = 1 << 29
LONG_TEXT = 200
LETTERS_AT_ONCE = 1 << 18
PIECE_BYTES = 1 << 20
MAX_DEPTH = 32
MAX_ELEMENTS = 5_000_000
LARGEST = 1e12
_NUMBERS = re.compile(r"[\d\s+\-.eEdD]*", re.ASCII)
SHARED_ATTRIBUTES = 1000
_NO_ATTRIBUTES: Mapping[str, str] = MappingProxyType({})
_INTEGER = re.compile(r"\s*[+-]?\d{1,18}\s*", re.ASCII)


class XmlElement:
    """One element: `name` without its prefix, `attributes`, `children` in order, the `line` where it begins.

    A file has millions of them, most without attributes and children, which take no room then.
    """

    __slots__ = ("_children", "_text", "_values", "attributes", "file", "line", "name")

    def __init__(self, name: str, attributes: Mapping[str, str], file: Path, line: int, text: str = "") -> None:
        self.name = name
        self.attributes = attributes or _NO_ATTRIBUTES
        self._children: list[XmlElement] | None = None
        self.file = file
        self.line = line
        self._text = text.strip()
        self._values: FloatArray | None = None

    @property
    def text(self) -> str:
        """Its own text, without the blanks around it; of a long one of numbers, the shortest that is the same."""
        if self._values is not None:
            return " ".join(map(repr, self._values.tolist()))
        return self._text

    @property
    def children(self) -> Sequence[XmlElement]:
        """The elements in it, in order."""
        return self._children or ()

    def adopt(self, child: XmlElement) -> None:
        """Let `child` be the last of the children."""
        if self._children is None:
            self._children = []
        self._children.append(child)

    def keep(self, content: str | FloatArray) -> None:
        """What stands in it: its text, or the numbers that a long one holds, which take a third of the room."""
        if isinstance(content, str):
            self._text = content.strip()
        else:
            self._values = content

    def all(self, name: str) -> Iterator[XmlElement]:
        """Children called `name`."""
        return (child for child in self.children if child.name == name)

    def maybe(self, path: str) -> XmlElement | None:
        """The one element at `path` (``"a/b"``), None when there is none; raises `ParseError` when there are more."""
        found: XmlElement = self
        for name in path.split("/"):
            matches = list(found.all(name))
            if not matches:
                return None
            if len(matches) > 1:
                raise matches[1].damage(f"there is a second <{name}> in <{found.name}>")
            found = matches[0]
        return found

    def one(self, path: str) -> XmlElement:
        """The one element at `path`; raises `ParseError` when there is none, or more than one."""
        found = self.maybe(path)
        if found is None:
            raise self.damage(f"<{self.name}> has no <{path}>")
        return found

    def damage(self, summary: str) -> ParseError:
        """The error that `summary` is, at this element's line."""
        return ParseError(summary, reason="the file is incomplete or damaged", where=f"{self.file}:{self.line}")

    # --- values -----------------------------------------------------------------------------------------------

    def numbers(self, count: int | None = None) -> FloatArray:
        """The numbers in its text, shape (count,); any number of them without `count`."""
        values = self._tokenized() if self._values is None else self._values
        if count is not None and values.size != count:
            raise self.damage(f"<{self.name}> holds {values.size} numbers where there should be {count}")
        if not (np.abs(values) < LARGEST).all():
            raise self.damage(f"<{self.name}> holds a number beyond all reason")
        return values

    def _tokenized(self) -> FloatArray:
        text = self.text
        try:
            if _NUMBERS.fullmatch(text) is None:
                raise ValueError("a sign that belongs to no number")
            return np.array([float(word) for word in text.replace("d", "e").replace("D", "e").split()])
        except ValueError as error:
            raise self.damage(f"<{self.name}> holds something that is no number: {str(error)[:60]}") from None

    def number(self) -> float:
        """The one number in its text."""
        return float(self.numbers(1)[0])

    def integer(self) -> int:
        """The one whole number in its text."""
        return self._whole(self.text, f"<{self.name}>")

    def integer_attribute(self, name: str) -> int:
        """The attribute `name` as a whole number."""
        return self._whole(self.attribute(name), f"the attribute {name} of <{self.name}>")

    def attribute(self, name: str) -> str:
        """The attribute `name`."""
        if name not in self.attributes:
            raise self.damage(f"<{self.name}> has no attribute {name}")
        return self.attributes[name]

    def number_attribute(self, name: str) -> float:
        """The attribute `name` as a number."""
        return XmlElement(f"{self.name} {name}", {}, self.file, self.line, self.attribute(name)).number()

    def flag(self) -> bool:
        """``true`` or ``false``."""
        text = self.text.lower()
        if text not in ("true", "false"):
            raise self.damage(f"<{self.name}> is neither true nor false: {text[:20]!r}")
        return text == "true"

    def _whole(self, text: str, what: str) -> int:
        if _INTEGER.fullmatch(text) is None:
            raise self.damage(f"{what} is no whole number: {text[:20]!r}")
        return int(text)


def read_xml(file: Path, root: str) -> XmlElement:
    """The root element of `file`, which has to be called `root`.

    Raises
    ------
    ParseError
        The file cannot be read, is no XML, is cut short, has a DTD, or is larger or deeper than any output.
    """
    builder = _Builder(file)
    try:
        for text in _pieces(file):
            builder.parser.Parse(text, False)
        builder.parser.Parse("", True)
    except expat.ExpatError as error:
        reason = expat.errors.messages.get(error.code, str(error))
        raise ParseError(
            "the file is no whole XML", reason=reason, where=f"{file}:{error.lineno}", fix="was the run killed?"
        ) from None
    found = builder.root
    if found is None or found.name != root:
        raise ParseError(f"this is no XML of pw.x: its root is not <{root}>", where=f"{file}:1")
    return found


def _pieces(file: Path) -> Iterator[str]:
    """The text of `file`: UTF-8 where all of it is, else Latin-1."""
    try:
        with open_regular(file) as stream:
            if stream.seek(0, 2) > MAX_BYTES:
                raise ParseError("the file is too large for an output of pw.x", where=str(file))
            try:
                for _ in _decoded(stream, "utf-8"):
                    pass
                yield from _decoded(stream, "utf-8")
            except UnicodeDecodeError:
                yield from _decoded(stream, "latin-1")
    except OSError as error:
        raise ParseError("the file cannot be read", reason=error.strerror or str(error), where=str(file)) from error


def _decoded(stream: BinaryIO, encoding: str) -> Iterator[str]:
    stream.seek(0)
    decoder = codecs.getincrementaldecoder(encoding)()
    while piece := stream.read(PIECE_BYTES):
        yield decoder.decode(piece)
    yield decoder.decode(b"", final=True)


class _LongTexts:
    """Long texts of numbers, those of many elements decoded at once."""

    def __init__(self) -> None:
        self._waiting: list[tuple[XmlElement, str]] = []
        self._letters = 0

    def add(self, element: XmlElement, text: str) -> None:
        """Give `element` the numbers in `text`, now or later."""
        self._waiting.append((element, text))
        self._letters += len(text)
        if self._letters > LETTERS_AT_ONCE:
            self.decode()

    def decode(self) -> None:
        """Give the numbers to all that wait for them; text that is none stays text."""
        texts = [text for _, text in self._waiting]
        joined = " ".join(texts)
        values = sixteen_digits(joined.encode("ascii")) if joined.isascii() else None
        if values is None:
            for element, text in self._waiting:
                numbers = spaced_numbers(text.encode("ascii")) if text.isascii() else None
                element.keep(text if numbers is None else numbers)
        else:  # each with its own point
            at = 0
            for element, text in self._waiting:
                count = text.count(".")
                element.keep(values[at : at + count])
                at += count
        self._waiting, self._letters = [], 0


class _Builder:
    """Builds the tree from expat's events, and stops at what no output of pw.x holds."""

    def __init__(self, file: Path) -> None:
        self.root: XmlElement | None = None
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._characters
        self.parser.StartDoctypeDeclHandler = self._doctype
        self._file = file
        self._open: list[tuple[XmlElement, list[str]]] = []
        self._long = _LongTexts()
        self._count = 0
        self._attributes: dict[tuple[tuple[str, str], ...], Mapping[str, str]] = {}

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._count += 1
        if len(self._open) >= MAX_DEPTH or self._count > MAX_ELEMENTS:
            self._refuse("the elements are nested too deep, or too many")
        given = self._shared(attributes) if attributes else attributes
        element = XmlElement(name.rpartition(":")[2], given, self._file, self.parser.CurrentLineNumber)
        if self._open:
            self._open[-1][0].adopt(element)
        else:
            self.root = element
        self._open.append((element, []))

    def _shared(self, attributes: dict[str, str]) -> Mapping[str, str]:
        """`attributes`, the same object for the same ones: a table of k-points repeats them by the million."""
        if len(self._attributes) > SHARED_ATTRIBUTES:
            return attributes
        return self._attributes.setdefault(tuple(attributes.items()), attributes)

    def _end(self, _: str) -> None:
        element, parts = self._open.pop()
        text = "".join(parts)
        if len(text) > LONG_TEXT and not element.children:
            self._long.add(element, text)
        else:
            element.keep(text)
        if not self._open:
            self._long.decode()

    def _characters(self, text: str) -> None:
        self._open[-1][1].append(text)

    def _doctype(self, *_: object) -> None:
        self._refuse("the file has a document type, which no output of pw.x has")

    def _refuse(self, summary: str) -> None:
        raise ParseError(summary, where=f"{self._file}:{self.parser.CurrentLineNumber}")
