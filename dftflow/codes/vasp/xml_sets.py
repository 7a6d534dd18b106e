"""Numbers of the large tables of ``vasprun.xml``, taken out of the XML while it is read.

A table is an ``<array>`` of nested ``<set>``s, numbered in their comments, the innermost of which hold the rows
(https://vasp.at/wiki/Vasprun.xml). Weights of a large cell fill gigabytes; as numbers of single precision they take
half of what they take in the file, as elements of a tree ten times more.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from array import array
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dftflow.codes.vasp.joined_rows import row_texts
from dftflow.codes.vasp.number_rows import equal_rows
from dftflow.model.results import FloatArray

__all__ = ["SetTable"]

NUMBER = re.compile(r"(?<!\d)(\d{1,9})\s*$")
NO_NUMBERS = re.compile(r"[*_nN]")


class SetTable:
    """What was taken of one ``<array>`` so far.

    Attributes
    ----------
    fields
        Names of the columns.
    problem
        Why no number of the table is given; ``""`` while nothing is wrong with it.
    """

    def __init__(self, *, double: bool = False) -> None:
        self.fields: list[str] = []
        self.problem = ""
        self._comments: list[str] = []
        self._numbers = array("d" if double else "f")
        self._places = array("i")
        self._depth = 0
        self._shape = (0, 0)

    def begin(self, element: ET.Element) -> None:
        """Take the start of an element within the array."""
        if element.tag == "set":
            self._comments.append(element.get("comment", ""))

    def end(self, element: ET.Element) -> None:
        """Take an element within the array, and empty a set that is whole."""
        if element.tag == "field":
            self.fields.append((element.text or "").strip())
        elif element.tag == "set":
            rows = row_texts(element, "r")
            if rows and not self.problem:
                self._take(rows)
            self._comments.pop()
            element.clear()

    def _take(self, rows: list[str]) -> None:
        found = [NUMBER.search(comment) for comment in self._comments[1:]]
        numbers = equal_rows(rows)
        lines = [row.split() for row in rows] if numbers is None else []
        width = len(lines[0]) if numbers is None else numbers.shape[1]
        bad = next((row for row in rows if NO_NUMBERS.search(row)), None) if numbers is None else None
        if not self._places:
            self._shape, self._depth = (len(rows), width), len(found)
        if bad is not None:
            self.problem = f"a row holds no numbers: {bad.strip()[:40]!r}"
        elif any(len(line) != width for line in lines) or self._shape != (len(rows), width):
            self.problem = "its rows are not equally many everywhere, or not equally long"
        elif None in found or len(found) != self._depth:
            self.problem = "a set has no number"
        else:
            self._places.extend([int(number[1]) for number in found if number is not None])
            self._extend(lines, numbers)

    def _extend(self, lines: list[list[str]], numbers: FloatArray | None) -> None:
        if numbers is not None:
            self._numbers.frombytes(numbers.astype(self._numbers.typecode).tobytes())
            return
        try:
            self._numbers.extend([float(word) for line in lines for word in line])
        except (ValueError, OverflowError):
            self.problem = "a row holds something that is no number"

    def values(self) -> NDArray[Any]:
        """All numbers, read-only, of single precision unless `double`; in the shape of the sets, then rows and columns.

        Raises
        ------
        ValueError
            The table holds what is no number, or a set of it is missing, or not where its number says.
        """
        if self.problem or not self._numbers:
            raise ValueError(self.problem or "it is empty")
        if not self._depth:
            raise ValueError("a set has no number")
        n_sets = len(self._numbers) // prod(self._shape)
        places = np.frombuffer(self._places, dtype=np.intc).reshape(n_sets, self._depth) - 1
        counts = tuple(int(count) for count in places.max(axis=0) + 1)
        if prod(counts) != n_sets or not (places == np.argwhere(np.ones(counts, dtype=bool))).all():
            raise ValueError("a set is missing, or does not stand where its number says")
        numbers = np.frombuffer(self._numbers, dtype=self._numbers.typecode)
        if not np.isfinite(numbers).all():
            raise ValueError("a number is beyond all reason")
        numbers.setflags(write=False)
        return numbers.reshape(*counts, *self._shape)
