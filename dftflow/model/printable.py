"""What may be printed of the text of others: no character that moves a cursor, ends a line or turns text round."""

from __future__ import annotations

import json
import reprlib
import unicodedata
from collections.abc import Mapping
from datetime import date, time
from typing import Any

__all__ = ["brief", "in_toml", "is_line", "is_printable", "only_printable", "shown", "toml_text"]

SHOWN = 80


def is_printable(character: str) -> bool:
    """Whether a terminal shows it where it stands: letters, digits, signs and blanks.

    Control characters (ESC and the C1 set too), separators of lines, formatting characters such as those that turn the
    direction of writing, halves of surrogate pairs and code points without a character are not.
    """
    return character.isprintable() or unicodedata.category(character) == "Zs"


def is_line(text: str) -> bool:
    """Whether `text` is one line of printable characters."""
    return all(map(is_printable, text))


def only_printable(text: str, *, keep: str = "") -> str:
    r"""`text` with the code of each character that is not printable in its place.

    Parameters
    ----------
    keep
        Characters that are let through all the same, such as the end of a line.

    Examples
    --------
    >>> only_printable("red: \x1b[31m"), only_printable("a\nb", keep="\n")
    ('red: \\u001b[31m', 'a\nb')
    """
    if text.isprintable():
        return text
    return "".join(char if is_printable(char) or char in keep else _code(char) for char in text)


def _code(character: str) -> str:
    """As JSON writes it, so that a document stays one, with the same content."""
    number = ord(character)
    if number <= 0xFFFF:
        return f"\\u{number:04x}"
    high, low = divmod(number - 0x10000, 0x400)
    return f"\\u{0xD800 + high:04x}\\u{0xDC00 + low:04x}"


def brief(text: str, longest: int = 300) -> str:
    """`text` as one line of readable length, cut in its middle where it is longer."""
    half = longest // 2
    return only_printable(text if len(text) <= longest else f"{text[:half]} ... {text[-half:]}")


def shown(value: object) -> str:
    """`value` as a message shows it: like `repr`, on one line, and cut in its middle where it is long.

    Examples
    --------
    >>> shown("CsBr"), shown(10**5000), len(shown("x" * 10**5))
    ("'CsBr'", 'a whole number of about 5000 digits', 80)
    """
    return _SHORT.repr(value)


def in_toml(value: object) -> str:
    """`value`, read from TOML, as it would stand in the file; cut in its middle where it is long.

    Examples
    --------
    >>> in_toml(True), in_toml((1, [2.5])), in_toml({"miller": (0, 1, 1)})
    ('true', '[1, [2.5]]', '{ miller = [0, 1, 1] }')
    """
    return brief(_toml(value), SHOWN)


def toml_text(text: str) -> str:
    r"""A basic string of TOML; JSON's escapes are among its own, and it has one more.

    Examples
    --------
    >>> print(toml_text('a "b" \x7f'))
    "a \"b\" \u007f"
    """
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return f"{{ {', '.join(f'{key} = {_toml(inner)}' for key, inner in value.items())} }}" if value else "{}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, date | time):
        return value.isoformat()
    return shown(value)


class _Short(reprlib.Repr):
    def repr_int(self, value: Any, level: int) -> str:
        """Python refuses to write integers of more than some thousand digits."""
        digits = int(value.bit_length() * 0.30103) + 1
        return repr(value) if digits <= SHOWN else f"a whole number of about {digits - 1} digits"


_SHORT = _Short()
_SHORT.maxlevel, _SHORT.maxdict, _SHORT.maxlist, _SHORT.maxtuple = 2, 4, 8, 8
_SHORT.maxstring = _SHORT.maxother = SHOWN
