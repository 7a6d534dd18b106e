"""Reads what dftflow or an engine stored in a folder: regular files alone, in bounded size, and JSON without surprises.

A run folder may come from anybody. A pipe or a device in the place of a file would hang, a sparse file fill the memory,
a link show what lies elsewhere, and JSON may hold numbers and nesting that no later code expects.
"""

from __future__ import annotations

import errno
import json
import math
import os
import stat
from pathlib import Path
from typing import Any, NoReturn

__all__ = ["plain_json", "read_stored", "read_stored_json", "refuse_special"]

MOST_BYTES = 256 << 20
DEEPEST = 100
LARGEST_INTEGER = 2**53  # a double holds all of them
_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
}


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
        It is a link, no regular file, or larger than `most_bytes`; or the system does not hand it out.
    """
    try:
        number = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | (0 if links else os.O_NOFOLLOW))
    except ValueError as error:  # a NUL in the name
        raise FileNotFoundError(errno.ENOENT, str(error), str(file)) from None
    except OSError as error:
        if error.errno == errno.ELOOP:
            why = "it is a link to itself" if links else "it is a link, which is not followed"
            raise _refused(file, why) from None
        if error.errno == errno.ENXIO:
            raise _refused(file, "it is a socket, no file") from None
        raise
    try:
        found = os.fstat(number)
        _check(file, found)
        if found.st_size > most_bytes:
            raise _refused(file, f"it has {found.st_size} bytes, more than the {most_bytes} that any such file needs")
        with open(number, "rb", closefd=False) as stream:
            return stream.read(most_bytes)
    finally:
        os.close(number)


def refuse_special(file: Path) -> None:
    """Raise `OSError` when `file`, or what a link leads to, is no regular file: to open a pipe would hang."""
    _check(file, file.stat())


def _check(file: Path, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise _refused(file, f"it is {_KINDS.get(stat.S_IFMT(found.st_mode), 'something else')}, no file")


def _refused(file: Path, why: str) -> OSError:
    return OSError(errno.EINVAL, why, str(file))


# --- JSON -------------------------------------------------------------------------------------------------------


def read_stored_json(file: Path) -> Any:
    """Content of a stored JSON file; raises as `read_stored`, and `ValueError` for what `plain_json` refuses."""
    return plain_json(read_stored(file).decode("utf-8"))


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
