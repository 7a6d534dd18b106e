"""How text becomes text in the languages of decks and scripts, and nothing else.

A template of one of these languages takes every value that it writes through `Language.inert`: text that comes from a
study, a file or a name then cannot end a comment, a string or a line, whoever wrote the template. Where the very text
has to arrive, the filter ``quoted`` writes it as the language's own literal. What dftflow has made in the language
itself (a block of numbers, a call) is `Verbatim`.
"""

from __future__ import annotations

import re
import shlex
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from dftflow.model.printable import is_printable, only_printable

__all__ = [
    "CASTEP",
    "ESPRESSO",
    "LANGUAGES",
    "MARKDOWN",
    "PLAIN",
    "PYTHON",
    "SHELL",
    "VASP",
    "Language",
    "Verbatim",
    "ascii_line",
]

_DASHES = "\u2010\u2011\u2012\u2013\u2014\u2212"
_TRANSLITERATED = str.maketrans({"Γ": "Gamma", "Å": "ang", "\u00d7": "x", "·": " "} | dict.fromkeys(_DASHES, "-"))


class Verbatim(str):
    """Text in the language of the deck, made by dftflow: a template writes it as it stands."""

    __slots__ = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Language:
    """What a template writes.

    Attributes
    ----------
    inert
        Any text as what stands in a comment, within quotes or as words of the language and means nothing to it. What
        has a meaning there is left out or replaced.
    quote
        Any text as a literal (of a list, all of them one behind the other); None in a language that has none.
    """

    name: str
    inert: Callable[[str], str]
    quote: Callable[[str | Iterable[str]], str] | None = None

    def written(self, value: object) -> object:
        """`value` as a template of this language writes it; of a list, the words that Python has for it."""
        return value if isinstance(value, Verbatim | bool | int | float) else self.inert(str(value))

    def quoted(self, value: str | Iterable[str]) -> Verbatim:
        """`value` as a literal of the language."""
        assert self.quote is not None, f"{self.name} has no literals"
        return Verbatim(self.quote(value))


# --- what is left out -------------------------------------------------------------------------------------------


def ascii_line(text: str) -> str:
    """As many printable ASCII characters on one line, for the decks of codes that read nothing else.

    Examples
    --------
    >>> ascii_line("Γ–X, 5.99 Å")
    'Gamma-X, 5.99 ang'
    """
    plain = unicodedata.normalize("NFKD", text.translate(_TRANSLITERATED)).encode("ascii", "ignore").decode()
    return re.sub(r"[^ -~]", " ", plain)


def _line(text: str) -> str:
    return text if text.isprintable() else "".join(char if is_printable(char) else " " for char in text)


def _without(signs: str, line: Callable[[str], str]) -> Callable[[str], str]:
    blanks = str.maketrans(dict.fromkeys(signs, " "))
    return lambda text: line(text).translate(blanks)


def _shell_words(text: str) -> str:
    return "".join(char if char.isalnum() or char in " ._+,:/@%=-" else " " for char in text)


def _markdown(text: str) -> str:
    r"""A text of Markdown within a line or a cell of a table.

    >>> _markdown("a|b <x> `c`")
    'a\\|b \\<x\\> \\`c\\`'
    """
    return re.sub(r"[\\|`*<>\[\]&#!]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])", lambda found: "\\" + found[0], _line(text))


# --- literals ---------------------------------------------------------------------------------------------------


def _each(quote: Callable[[str], str], between: str) -> Callable[[str | Iterable[str]], str]:
    return lambda value: quote(value) if isinstance(value, str) else between.join(map(quote, value))


def _python(text: str) -> str:
    return '"' + text.encode("unicode_escape").decode("ascii").replace('"', r"\"") + '"'


def _fortran(text: str) -> str:
    return "'" + ascii_line(text).replace("'", "''") + "'"


def _shell(text: str) -> str:
    return shlex.quote(text.replace("\x00", ""))


def _code_span(text: str) -> str:
    """A code span of Markdown, which a longer row of backticks than any in it ends; ``|`` would end a cell."""
    plain = only_printable(text).replace("|", r"\|")
    marks = "`" * (1 + max(map(len, re.findall("`+", plain)), default=0))
    pad = " " if len(marks) > 1 else ""
    return f"{marks}{pad}{plain}{pad}{marks}"


PLAIN: Final = Language(name="plain", inert=_line)
CASTEP: Final = Language(name="castep", inert=ascii_line)
ESPRESSO: Final = Language(name="espresso", inert=_without("'\"", ascii_line), quote=_each(_fortran, ", "))
MARKDOWN: Final = Language(name="markdown", inert=_markdown, quote=_each(_code_span, " "))
PYTHON: Final = Language(name="python", inert=_without("'\"\\", _line), quote=_each(_python, ", "))
SHELL: Final = Language(name="shell", inert=_shell_words, quote=_each(_shell, " "))
VASP: Final = Language(name="vasp", inert=_without('"\\{}', ascii_line))
LANGUAGES: Final = {language.name: language for language in (PLAIN, CASTEP, ESPRESSO, MARKDOWN, PYTHON, SHELL, VASP)}
