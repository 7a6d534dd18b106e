"""The rows of a table in ``vasprun.xml``, which go through the XML parser as one element.

Nine in ten elements of a large file are rows, ``<r>`` and ``<v>`` without attributes, one a line. An element costs more
than its numbers do, so that between ``</r>`` and the ``<r>`` of the next line a mark is put in, before the parser sees
them, and taken out of the text behind it. The number of lines stays.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from typing import IO

__all__ = ["JoinedRows", "row_texts"]

PIECE_BYTES = 1 << 16
_MARK = "|next row|\n"
_BETWEEN = re.compile(rb"</([rv])>\n *<\1>")


class JoinedRows:
    """A stream of XML with its rows joined."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def read(self, _: int = 0) -> bytes:
        """The next piece; rows that lie in two pieces are not joined."""
        return _BETWEEN.sub(_MARK.encode(), self._stream.read(PIECE_BYTES))


def row_texts(part: ET.Element, tag: str) -> list[str]:
    """What stands in each row of `part`."""
    return [text for row in part.findall(tag) for text in (row.text or "").split(_MARK)]
