"""Reads a TOML file that a person wrote: bounded in every direction, and with the line where it is none."""

from __future__ import annotations

import tomllib
from bisect import bisect_left
from pathlib import Path
from typing import Any

from dftflow.errors import InputError
from dftflow.model.printable import brief
from dftflow.toml_file.entries import EntryError
from dftflow.toml_file.lines import failed_line

__all__ = ["decoded", "in_tuples", "parsed"]

LONGEST_LINE = 10_000
DEEPEST = 32


def decoded(raw: bytes, file: Path, *, what: str, error: type[InputError]) -> str:
    """The text of a file.

    Parameters
    ----------
    what
        Name of the kind of file in messages: ``"the study file"``.
    error
        Class of the refusal.
    """
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as problem:
        raise error(f"{what} is not UTF-8 text", reason=str(problem), where=str(file)) from None


def parsed(text: str, file: Path, *, what: str, error: type[InputError]) -> dict[str, Any]:
    """The content of a file, with arrays as tuples.

    Raises
    ------
    InputError
        Of the class `error`: it is no TOML, or a line, a number or the nesting is longer than anybody writes.
    EntryError
        Tables or arrays nest too deeply, with the place.
    """
    _refuse_long_lines(text, file, error)
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        line = failed_line(problem)
        where = f"{file}:{line}" if line else str(file)
        raise error(f"{what} is not valid TOML", reason=brief(str(problem)), where=where) from None
    except RecursionError:
        raise error("tables or arrays nest too deeply", where=f"{file}:{_failing_line(text)}") from None
    except ValueError:  # an integer of more digits than Python converts
        raise error("a number cannot be read", reason="it has too many digits",
                    where=f"{file}:{_failing_line(text)}") from None  # fmt: skip
    content: dict[str, Any] = in_tuples(data)
    return content


def _refuse_long_lines(text: str, file: Path, error: type[InputError]) -> None:
    for number, line in enumerate(text.split("\n"), start=1):
        if len(line) > LONGEST_LINE:
            raise error(
                f"this line has {len(line)} characters",
                reason=f"at most {LONGEST_LINE} are read",
                where=f"{file}:{number}",
            )


def _failing_line(text: str) -> int:
    """The first line up to which the text makes the parser fail, by any other than its own error."""
    lines = text.split("\n")

    def fails(number: int) -> bool:
        try:
            tomllib.loads("\n".join(lines[:number]))
        except tomllib.TOMLDecodeError:
            return False
        except (RecursionError, ValueError):
            return True
        return False

    return bisect_left(range(1, len(lines)), True, key=fails) + 1


def in_tuples(data: Any, *place: str | int) -> Any:
    """TOML's arrays as tuples, which is what strict types ask for."""
    if not isinstance(data, dict | list):
        return data
    if len(place) > DEEPEST:
        raise EntryError(f"tables or arrays nest too deeply; at most {DEEPEST} levels are read", *place)
    if isinstance(data, dict):
        return {key: in_tuples(value, *place, key) for key, value in data.items()}
    return tuple(in_tuples(value, *place, index) for index, value in enumerate(data))
