"""What the readers of structure files share: where a thing stands in a text, elements, what a library remarked."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence

from pymatgen.core import Element, Structure

from dftflow.errors import StructureError

__all__ = ["Read", "Warnings", "check_element", "element_of_label", "line_of", "messages_of", "place", "plain"]

Warnings = list[str]
Read = tuple[Structure, Warnings, str]
"""A crystal, what a person should know of how it was read, and the reference that the file names."""


def line_of(text: str, pattern: str) -> int | None:
    """Number of the first line that holds `pattern`."""
    found = (number for number, line in enumerate(text.splitlines(), 1) if re.search(pattern, line))
    return next(found, None)


def place(where: str, text: str, pattern: str) -> str:
    line = line_of(text, pattern)
    return where if line is None else f"{where}:{line}"


def plain(structure: Structure) -> Structure:
    """Only lattice, elements and coordinates: no oxidation states, velocities, labels or constraints."""
    return Structure(structure.lattice, [Element(site.specie.symbol) for site in structure], structure.frac_coords)


def element_of_label(label: str) -> str | None:
    """Chemical symbol that a label such as ``Fe1``, ``As_h`` or ``C-x`` begins with; None when it is none.

    Deuterium and tritium are hydrogen.
    """
    symbol = re.split(r"[^A-Za-z]", label)[0].capitalize()
    if symbol in ("D", "T"):
        return "H"
    return symbol if Element.is_valid_symbol(symbol) else None


def check_element(symbol: str, text: str, where: str) -> None:
    if not Element.is_valid_symbol(symbol):
        raise StructureError(
            f"unknown element {symbol!r}",
            fix="give a symbol of the periodic table",
            where=place(where, text, rf"(?<!\w){re.escape(symbol)}(?![a-z])"),
        )


def messages_of(caught: Sequence[warnings.WarningMessage]) -> Warnings:
    """What a library remarked, each remark whole and in one line."""
    texts = [str(entry.message) for entry in caught if not issubclass(entry.category, DeprecationWarning)]
    return list(dict.fromkeys(joined for text in texts if (joined := " ".join(text.split()))))
