"""Tables of materials that stand for several: a list, the files that a pattern finds, what a database is asked for."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from glob import iglob
from itertools import islice
from pathlib import Path
from typing import Any

from dftflow.crystals.database_names import is_database_query, query_name
from dftflow.crystals.shipped import shipped_names
from dftflow.input_file import is_regular
from dftflow.model.printable import shown
from dftflow.toml_file.entries import EntryError

__all__ = ["MOST_LISTED", "Ask", "Lists", "lists_of", "with_lists"]

NAMING = ("alignment", "sweep", "phases", "hull")
"""Tables of a study that name materials."""

MOST_LISTED = 2000
"""Files of one pattern; of more a list is written by a program anyway."""

Lists = Mapping[str, Mapping[str, str]]
"""Name of a table of materials -> name of each material that it stands for -> its structure."""

Data = Mapping[str, Any]
Ask = Callable[[str, Mapping[str, Any]], Mapping[str, str]]
"""Called with the name of a table and its question to a database: the materials that it stands for."""


def lists_of(data: Data, folder: Path, ask: Ask) -> dict[str, Mapping[str, str]]:
    """What each table of materials with several structures stands for now; patterns count from `folder`.

    Each material is called as its file without the ending, a shipped crystal or an entry of a database by its name;
    what a question to a database stands for is what `ask` gives.

    Raises
    ------
    EntryError
        A pattern finds no file or too many, a list is empty, or two structures would have one name.
    """
    tables = data.get("materials")
    if not isinstance(tables, Mapping):
        return {}
    found: dict[str, Mapping[str, str]] = {}
    for name, table in tables.items():
        structure = table.get("structure") if isinstance(table, Mapping) else None
        if isinstance(structure, Mapping):
            found[name] = ask(name, structure)
        elif _is_several(structure, folder):
            found[name] = _named(name, structure, folder)
    taken = [name for name in tables if name not in found]
    for table, listed in found.items():
        for name in listed:
            if name in taken:
                raise EntryError(f"two materials would be called {shown(name)}: rename a file", "materials", table)
            taken.append(name)
    return found


def with_lists(data: Data, lists: Lists) -> Data:
    """The study's data with a table for each listed material, also where other tables name the list."""
    if not lists:
        return data
    materials: dict[str, Any] = {}
    for name, table in data["materials"].items():
        listed = lists.get(name)
        each = {name: table} if listed is None else {one: {**table, "structure": at} for one, at in listed.items()}
        materials |= each
    rows = {key: _with_names(data[key], lists) for key in NAMING if key in data}
    return {**data, "materials": materials, **rows}


def _with_names(rows: Any, lists: Lists) -> Any:
    """Tables that name materials, with the members of a list in the place of its name."""
    if isinstance(rows, tuple):
        return tuple(_with_names(row, lists) for row in rows)
    names = rows.get("materials") if isinstance(rows, Mapping) else None
    if not isinstance(names, tuple):
        return rows
    members = [lists[name] if isinstance(name, str) and name in lists else (name,) for name in names]
    return {**rows, "materials": tuple(member for listed in members for member in listed)}


def _is_several(structure: object, folder: Path) -> bool:
    return isinstance(structure, tuple) or (isinstance(structure, str) and _is_pattern(structure, folder))


def _is_pattern(text: str, folder: Path) -> bool:
    """Whether it has a sign of a pattern, and no file is called so."""
    return any(sign in text for sign in "*?[") and "\0" not in text and not os.path.exists(_seen_from(folder, text))


def _seen_from(folder: Path, text: str) -> Path:
    return folder / os.path.expanduser(text)


def _named(table: str, structure: Any, folder: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    for source in _sources(table, structure if isinstance(structure, tuple) else (structure,), folder):
        name = query_name(source) if is_database_query(source) else Path(source).stem
        name = source if source in shipped_names() else name
        if name in found:
            what = f"{shown(found[name])} and {shown(source)} would both be the material {shown(name)}: rename a file"
            raise EntryError(what, "materials", table, "structure")
        found[name] = source
    if not found:
        raise EntryError("a list of structures is empty", "materials", table, "structure")
    return found


def _sources(table: str, structures: tuple[Any, ...], folder: Path) -> Iterator[str]:
    for text in structures:
        if not isinstance(text, str) or not text:
            raise EntryError("a list of structures holds names and files", "materials", table, "structure")
        yield from _matches(table, text, folder) if _is_pattern(text, folder) else (text,)


def _matches(table: str, pattern: str, folder: Path) -> list[str]:
    """Files that the pattern finds, relative to the folder as they are named, in the order of their names."""
    files = (name for name in iglob(os.path.expanduser(pattern), root_dir=folder) if is_regular(folder / name))
    found = sorted(islice(files, MOST_LISTED + 1))
    if len(found) > MOST_LISTED:
        what = f"{shown(pattern)} finds more than {MOST_LISTED} files: write several patterns, in studies of their own"
        raise EntryError(what, "materials", table, "structure")
    if not found:
        raise EntryError(f"{shown(pattern)} finds no file in {folder}", "materials", table, "structure")
    return found
