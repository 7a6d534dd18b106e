"""Reads what dftflow or an engine stored in a folder: regular files alone, in bounded size, and JSON without surprises.

A run folder may come from anybody. A pipe or a device in the place of a file would hang, a sparse file fill the memory,
a link show what lies elsewhere, and JSON may hold numbers and nesting that no later code expects.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from dftflow.input_file import read_regular

if TYPE_CHECKING:
    from pydantic import TypeAdapter

__all__ = ["plain_json", "read_stored", "read_stored_as", "read_stored_json"]

Stored = TypeVar("Stored")

MOST_BYTES = 256 << 20
DEEPEST = 100
LARGEST_INTEGER = 2**53  # a double holds all of them


def read_stored(file: Path, *, most_bytes: int = MOST_BYTES, links: bool = False) -> bytes:
    """Content of a regular file.

    Parameters
    ----------
    links
        Whether a link to it is followed: to what an engine left, and never to what dftflow stored itself.

    Raises
    ------
    FileNotFoundError, NotADirectoryError
        There is none.
    OSError
        As `dftflow.input_file.read_regular`.
    """
    return read_regular(file, limit_bytes=most_bytes, links=links)


# --- JSON -------------------------------------------------------------------------------------------------------


def read_stored_json(file: Path) -> Any:
    """Content of a stored JSON file; raises as `read_stored`, and `ValueError` for what `plain_json` refuses."""
    return plain_json(read_stored(file).decode("utf-8"))


def read_stored_as(model: TypeAdapter[Stored], file: Path, *, most_bytes: int = MOST_BYTES) -> Stored:
    """A stored JSON file as the type that it is of, which bounds its nesting and says how large an integer is.

    Raises
    ------
    OSError
        As `read_stored`.
    ValueError
        It is no JSON, has a number that is none (NaN, Infinity, 1e999), or is of another type.
    """
    text = read_stored(file, most_bytes=most_bytes).decode("utf-8")
    try:
        found = json.loads(text, parse_float=_number, parse_constant=_no_constant)
    except RecursionError:
        raise ValueError(f"it is nested more than {DEEPEST} deep") from None
    return model.validate_python(found)


def plain_json(text: str) -> Any:
    """JSON without NaN, Infinity, numbers beyond a double, half characters, and nesting beyond all use.

    Raises
    ------
    ValueError
        It holds one of these, or is no JSON.
    """
    try:
        found = json.loads(text, parse_int=_integer, parse_float=_number, parse_constant=_no_constant)
    except RecursionError:
        raise ValueError(f"it is nested more than {DEEPEST} deep") from None
    _check_plain(found)
    return found


def _number(word: str) -> float:
    value = float(word)
    if not math.isfinite(value):
        raise ValueError(f"{word[:30]} is no number")
    return value


def _integer(word: str) -> int:
    if len(word) > 17 or abs(int(word)) > LARGEST_INTEGER:
        raise ValueError(f"{word[:30]} is beyond all reason")
    return int(word)


def _no_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number")


def _check_plain(found: Any) -> None:
    """Nesting, and strings that no file can hold; not by recursion, as the nesting may be deeper than Python's."""
    todo = [(found, 0)]
    while todo:
        value, depth = todo.pop()
        if depth > DEEPEST:
            raise ValueError(f"it is nested more than {DEEPEST} deep")
        if isinstance(value, str) and not value.isascii():
            value.encode()  # half of a surrogate pair raises a ValueError
        elif isinstance(value, dict):
            todo += [(each, depth + 1) for pair in value.items() for each in pair]
        elif isinstance(value, list):
            todo += [(each, depth + 1) for each in value]
