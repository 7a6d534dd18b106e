"""Says of a mistake in a TOML file what it is, how to mend it, and in which line."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from dftflow.errors import InputError
from dftflow.model.entry_reason import reason_of
from dftflow.model.printable import brief, in_toml, shown
from dftflow.toml_file.entries import EntryError
from dftflow.toml_file.lines import line_of

__all__ = ["Words", "as_written", "explained", "place_in"]

_UNITS = (("_ev_per_atom", "eV per atom"), ("_ev_per_ang", "eV/Å"), ("_per_ang", "1/Å"), ("_gpa", "GPa"), ("_ang", "Å"),
          ("_ev", "eV"), ("_nm", "nm"), ("_deg", "degrees"),
          ("_gib", "GiB"), ("_mib", "MiB"), ("_h", "hours"), ("_s", "seconds"))  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What is known of one kind of file, for messages.

    Attributes
    ----------
    tables
        Place of a table, ``"*"`` for any name or number -> its type.
    example
        Called with a key and the text of the file: a value of the key as it is written, ``""`` where none is known.
    own_examples
        Place of a table, as in `tables` -> values of those of its keys that take another one than elsewhere.
    unnamed
        Keys that a shorter form leaves out, and messages too: ``[2, 2, 2]`` for ``{ size = [2, 2, 2] }``.
    lists
        Keys of tables that stand several times: ``[[...]]``.
    error
        Class of the refusal.
    """

    tables: Mapping[tuple[str, ...], type[BaseModel]]
    example: Callable[[str, str], str]
    own_examples: Mapping[tuple[str, ...], Mapping[str, str]] = field(default_factory=dict)
    unnamed: frozenset[str] = frozenset()
    lists: frozenset[str] = frozenset()
    error: type[InputError] = InputError

    def nearest_key(self, place: Sequence[object]) -> str:
        """What stands in for an unknown key; all keys of its table."""
        table = self._table(tuple(str(part) for part in place[:-1]))
        if table is None:
            return ""
        known = [entry.alias or name for name, entry in table.model_fields.items()]
        near = difflib.get_close_matches(str(place[-1]), known, n=1, cutoff=0.5)
        guess = f"did you mean {near[0]!r}? " if near else ""
        return f"{guess}this table takes {', '.join(known)}"

    def _table(self, place: tuple[str, ...]) -> type[BaseModel] | None:
        return next((table for pattern, table in self.tables.items() if _fits(pattern, place)), None)

    def written(self, key: str, text: str) -> str:
        """``key = value``."""
        return f"{key} = {self.example(key, text) or '...'}"

    def for_example(self, place: Sequence[object], text: str) -> str:
        """The key with a value that works; ``""`` where it is a table, or none is known."""
        parts = tuple(map(str, place))
        at = max((i for i, part in enumerate(place) if isinstance(part, str) and part not in self.unnamed), default=-1)
        table = self._table(parts)
        if at < 0 or (table and table is not self._table(parts[:-1])):  # the same: a key of one that stands alone
            return ""
        value = self.own_example(parts[: at + 1]) or self.example(parts[at], text)
        return f"for example {parts[at]} = {value}" if value else ""

    def own_example(self, place: Sequence[str]) -> str:
        """A value of the key at a place, where it takes another one than elsewhere; else ``""``."""
        found = (values for pattern, values in self.own_examples.items() if _fits(pattern, tuple(place[:-1])))
        return next(found, {}).get(place[-1], "")

    def dotted(self, place: Sequence[object]) -> str:
        """The names that lead to an entry; of several tables or values of one name the number, from 1."""
        told = [part for part in place if part not in self.unnamed]
        return brief(".".join(str(part + 1 if isinstance(part, int) else part) for part in told))


def _fits(pattern: tuple[str, ...], place: tuple[str, ...]) -> bool:
    return len(pattern) == len(place) and all(p in ("*", q) for p, q in zip(pattern, place, strict=True))


def explained(error: ValidationError, text: str, file: Path, words: Words, prefix: tuple[str, ...] = ()) -> InputError:
    """The first mistake of a file as an error of dftflow's own.

    Parameters
    ----------
    prefix
        Where the table stands that was looked at.
    """
    # An unknown key is most often a misspelt one, whose right spelling is then also "missing": it is told first.
    first = min(error.errors(include_url=False), key=lambda found: found["type"] != "extra_forbidden")
    place = as_written(prefix + _place(first, words), text)
    line = place_in(text, file, place)
    refusal, kind = words.error, first["type"]
    if kind == "extra_forbidden":
        return refusal(f"unknown key {shown(place[-1])}", where=line, fix=words.nearest_key(place))
    if kind == "missing":
        return _missing(place, text, line, words)
    if kind == "value_error":
        return refusal(reason_of(first), where=line, fix=words.for_example(place, text))
    advice = _header_advice(place, first, words)
    return refusal(
        f"{words.dotted(place)} cannot be {in_toml(first.get('input'))}",
        reason=reason_of(first),
        where=line,
        fix=advice or "; ".join(filter(None, (_unit_advice(place, words), words.for_example(place, text)))),
    )


def place_in(text: str, file: Path, place: Sequence[object]) -> str:
    """The file and the line of an entry; the file where none is found."""
    line = line_of(text, place)
    return f"{file}:{line}" if line else str(file)


def _place(error: ErrorDetails, words: Words) -> tuple[Any, ...]:
    """Where the entry stands, as it is written; with what a rule over several of them found wrong."""
    aliases = {
        name for table in words.tables.values() for name, entry in table.model_fields.items() if entry.alias
    }  # a rule over a table speaks of the names in Python
    cause = error.get("ctx", {}).get("error")
    within = cause.place if isinstance(cause, EntryError) else ()
    keys = (part for part in error["loc"] if part not in aliases and not _is_of_a_union(part))
    return (*keys, *within)


def _is_of_a_union(part: object) -> bool:
    """Whether a part of a place is no key, but pydantic's name for one of several types that an entry may have."""
    return isinstance(part, str) and part.startswith("function-") and part.endswith("]")


def as_written(place: Sequence[Any], text: str) -> tuple[Any, ...]:
    """Without the number of a table that stands once where several may."""
    here: object = tomllib.loads(text.removeprefix("\ufeff"))
    kept: list[Any] = []
    for part in place:
        if isinstance(part, int) and isinstance(here, Mapping):
            continue
        kept.append(part)
        if isinstance(here, Mapping):
            here = here.get(part)
        elif isinstance(here, list) and isinstance(part, int) and part < len(here):
            here = here[part]
        else:
            here = None
    return tuple(kept)


def _missing(place: Sequence[Any], text: str, line: str, words: Words) -> InputError:
    if isinstance(place[-1], int):
        example = words.for_example(place, text)
        value = example.partition(" = ")[2]
        belong = tomllib.loads(f"list = {value}")["list"] if value.startswith("[") else [0, 0, 0]
        kind = "names" if any(isinstance(one, str) for one in belong) else "numbers"
        many = {2: "two", 3: "three"}.get(len(belong), str(len(belong)))
        fix = ", ".join(filter(None, (f"give {many} {kind}", example)))
        return words.error(f"{words.dotted(place[:-1])} is too short", where=line, fix=fix)
    unnamed = f".{place[-1]}" if place[-1] in words.unnamed else ""
    fix = f"add {words.written(str(place[-1]), text)} to this table"
    return words.error(f"{words.dotted(place)}{unnamed} is missing", where=line, fix=fix)


def _header_advice(place: Sequence[object], error: ErrorDetails, words: Words) -> str:
    """For a table that stands where several of one name belong, and for several where one does."""
    names = ".".join(str(part) for part in place if isinstance(part, str))
    if error["type"] == "tuple_type" and isinstance(error["input"], dict) and place[-1] in words.lists:
        return f"write [[{names}]], in two brackets, above each of them"
    tables = isinstance(error["input"], list | tuple) and all(isinstance(one, dict) for one in error["input"])
    if error["type"] in ("model_type", "dict_type") and tables:
        return f"write [{names}], in one bracket, once"
    return ""


def _unit_advice(place: Sequence[object], words: Words) -> str:
    at = max((i for i, part in enumerate(place) if isinstance(part, str)), default=-1)
    key = str(place[at]) if at >= 0 else ""
    unit = next((unit for ending, unit in _UNITS if key.endswith(ending)), None)
    example = (words.own_example(tuple(map(str, place[: at + 1]))) or words.example(key, "")) if unit else ""
    if "{" in example:
        return f"for example {key} = {example}" if isinstance(place[-1], int) else ""
    several = example.startswith("[")
    return f"{key} is {'a list of plain numbers' if several else 'a plain number'} in {unit}" if unit else ""
