"""Tables of levels as text, TOML, YAML or CSV, into entries of named fields: what is written, and in which line.

Numbers stay the text that was written, because its decimals say how far it was rounded. Of YAML only plain data are
read: no aliases, which make a small file a large one, no tags, no key twice.
"""

from __future__ import annotations

import csv
import io
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from dftflow.errors import InputError
from dftflow.input_file import read_named, shortened
from dftflow.model.printable import brief, shown
from dftflow.toml_file.lines import failed_line, line_of

__all__ = ["LEVEL_FILES", "LevelEntry", "LevelField", "entries_of", "read_level_file"]

LEVEL_FILES = (".toml", ".csv", ".yaml", ".yml")
MOST_BYTES = 1 << 20
MOST_ENTRIES = 300
DEEPEST = 6
MATERIALS, LEVELS, OFFSETS = "materials", "levels", "offsets"
SECTIONS = (MATERIALS, LEVELS, OFFSETS)
_BAPT = {"compounds": MATERIALS}
_LOOKS = ("gradients", "settings")
"""What bapt's files say of colours and fonts."""

Place = Callable[[], str]
"""Looked up when it is asked for: of TOML that is a search through the file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelField:
    """One field: its name and its texts as written, several for a list."""

    key: str
    texts: tuple[str, ...]
    at: Place = field(compare=False, repr=False)
    is_list: bool = False

    @property
    def where(self) -> str:
        """``file:line``, or what stands for it."""
        return self.at()


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelEntry:
    """One material, level or offset."""

    section: str
    fields: tuple[LevelField, ...]
    at: Place = field(compare=False, repr=False)

    @property
    def where(self) -> str:
        """``file:line``, or what stands for it."""
        return self.at()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tree:
    """Plain data and where each part stands: a text, a list, or pairs of a key and its part."""

    at: Place
    text: str = ""
    items: tuple[_Tree, ...] | None = None
    pairs: tuple[tuple[str, _Tree], ...] | None = None


def read_level_file(file: Path) -> tuple[tuple[LevelEntry, ...], tuple[str, ...]]:
    """Entries of a table of levels, and the names of what it says of looks, which are not taken from it.

    Parameters
    ----------
    file
        Of one of the suffixes `LEVEL_FILES`.

    Raises
    ------
    InputError
        It cannot be read, is no text of its format, or holds something else than such a table; with the line.
    """
    suffix = file.suffix.lower()
    if suffix not in LEVEL_FILES:
        raise InputError(
            f"{shortened(file.name)} is no table of levels, by its name",
            fix=f"a table ends in {', '.join(LEVEL_FILES)}; results are a folder or a results.json",
            where=shortened(file),
        )
    content = read_named(file, limit_bytes=MOST_BYTES, what="the table of levels")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise InputError("the table is no UTF-8 text", fix="save it as UTF-8", where=f"{file}:{line}") from None
    if suffix == ".csv":
        return tuple(_of_csv(text, str(file))), ()
    tree = _of_toml(text, str(file)) if suffix == ".toml" else _of_yaml(text, str(file))
    return _sections(tree)


def entries_of(materials: Mapping[str, object], where: str) -> tuple[LevelEntry, ...]:
    """Entries of a mapping from Python: name of a material -> its numbers.

    Raises
    ------
    InputError
        It holds something else.
    """
    content = {MATERIALS: dict(materials)}
    return _sections(_tree(content, lambda place: ": ".join((where, *map(str, place[1:]))), ()))[0]


# --- the three formats ------------------------------------------------------------------------------------------


def _of_csv(text: str, where: str) -> Iterator[LevelEntry]:
    names = next((line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")), "")
    delimiter = max(",;\t", key=names.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    head: list[str] = []
    try:
        for row in reader:
            cells = [cell.strip() for cell in row]
            place = f"{where}:{reader.line_num}"
            if not any(cells) or cells[0].startswith("#"):
                continue
            if not head:
                head = cells
            else:
                yield _csv_entry(head, cells, place)
    except csv.Error as error:
        raise InputError("this is no CSV", reason=str(error), where=f"{where}:{reader.line_num}") from None


def _csv_entry(head: Sequence[str], cells: Sequence[str], where: str) -> LevelEntry:
    if len(cells) > len(head):
        raise InputError(
            f"the row has {len(cells)} cells, the line of names {len(head)}",
            fix='put a text with a comma into quotes: "(110), clean"; decimals have a point: 5.9',
            where=where,
        )
    fields = (_csv_field(key, cell, lambda: where) for key, cell in zip(head, cells, strict=False) if cell)
    return LevelEntry(section=MATERIALS, fields=tuple(fields), at=lambda: where)


def _csv_field(key: str, cell: str, at: Place) -> LevelField:
    """``-0.2..0.1`` is a list of two numbers; no text has two points but in prose, where they are left."""
    low, dots, high = cell.partition("..")
    both = bool(dots) and not any(char.isalpha() for char in cell)
    return LevelField(key=key, texts=(low.strip(), high.strip()) if both else (cell,), is_list=both, at=at)


def _of_toml(text: str, where: str) -> _Tree:
    try:
        content = tomllib.loads(text, parse_float=str)  # with the digits that were written
    except tomllib.TOMLDecodeError as error:
        at = _numbered(where, failed_line(error))
        raise InputError("the table is not valid TOML", reason=brief(str(error)), where=at) from None
    except (RecursionError, ValueError):
        raise InputError("the table is not valid TOML", reason="too deep, or a number too long", where=where) from None
    return _tree(content, lambda place: _numbered(where, line_of(text, place)), ())


def _numbered(where: str, line: int | None) -> str:
    return where if line is None else f"{where}:{line}"


def _tree(value: Any, where: Callable[[tuple[object, ...]], str], place: tuple[object, ...]) -> _Tree:
    """Python's own data, of TOML or given."""
    at = partial(where, place)
    if len(place) > DEEPEST:
        raise InputError(f"the table nests more than {DEEPEST} deep", where=at())
    if isinstance(value, Mapping):
        pairs = ((str(key), _tree(part, where, (*place, key))) for key, part in value.items())
        return _Tree(at=at, pairs=tuple(pairs))
    if isinstance(value, list | tuple):
        return _Tree(at=at, items=tuple(_tree(part, where, (*place, i)) for i, part in enumerate(value)))
    return _Tree(at=at, text="" if value is None else str(value))


class _Composer(yaml.SafeLoader):  # type: ignore[misc]  # it comes without types
    """Nodes alone: nothing is constructed, and an alias, which can make a few lines a gigabyte, is no node."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            event = self.peek_event()
            raise yaml.composer.ComposerError(None, None, "aliases (*name) are not read", event.start_mark)
        return super().compose_node(parent, index)


def _of_yaml(text: str, where: str) -> _Tree:
    loader = None
    try:
        loader = _Composer(text)
        node = loader.get_single_node()
        return _Tree(at=lambda: where, pairs=()) if node is None else _of_node(node, where, 0)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        reason = brief(str(getattr(error, "problem", None) or error))
        line = f":{mark.line + 1}" if mark is not None else ""
        raise InputError("the table is not valid YAML", reason=reason, where=f"{where}{line}") from None
    except RecursionError:
        raise InputError("the table nests too deeply", where=where) from None
    finally:
        if loader is not None:
            loader.dispose()


def _of_node(node: yaml.Node, where: str, depth: int) -> _Tree:
    at = partial(_numbered, where, node.start_mark.line + 1)
    if depth > DEEPEST:
        raise InputError(f"the table nests more than {DEEPEST} deep", where=at())
    if isinstance(node, yaml.MappingNode):
        pairs = ((key.value, _of_node(part, where, depth + 1)) for key, part in _plain_pairs(node, where))
        return _Tree(at=at, pairs=tuple(pairs))
    if isinstance(node, yaml.SequenceNode):
        return _Tree(at=at, items=tuple(_of_node(part, where, depth + 1) for part in node.value))
    empty = node.tag == "tag:yaml.org,2002:null" and node.value in ("", "~", "null", "Null", "NULL")
    return _Tree(at=at, text="" if empty else str(node.value))


def _plain_pairs(node: yaml.MappingNode, where: str) -> Iterator[tuple[yaml.ScalarNode, yaml.Node]]:
    known: dict[str, int] = {}
    for key, part in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode):
            raise InputError("a key is no text", where=f"{where}:{line}")
        if key.value in known:
            raise InputError(
                f"{shown(key.value)} stands twice in this table",
                reason=f"in lines {known[key.value]} and {line}",
                fix="leave one of them",
                where=f"{where}:{line}",
            )
        known[key.value] = line
        yield key, part


# --- the sections -----------------------------------------------------------------------------------------------


def _sections(tree: _Tree) -> tuple[tuple[LevelEntry, ...], tuple[str, ...]]:
    if tree.pairs is None:
        raise InputError("the table has no section", fix=_EXAMPLE, where=tree.at())
    looks = tuple(name for name, _ in tree.pairs if name in _LOOKS)
    found: list[LevelEntry] = []
    for name, part in tree.pairs:
        if name not in looks:
            found += _section(_BAPT.get(name, name), part)
    if len(found) > MOST_ENTRIES:
        raise InputError(f"the table has {len(found)} entries", reason=f"{MOST_ENTRIES} are the most", where=tree.at())
    return tuple(found), looks


_EXAMPLE = (
    "in TOML: [materials.CsPbBr3], and below it ip = 5.9 and ea = 3.6; "
    'in YAML: "materials: {CsPbBr3: {ip: 5.9, ea: 3.6}}"'
)


def _section(name: str, part: _Tree) -> Iterator[LevelEntry]:
    if name == "schema":
        raise InputError(
            "this is a study, and no table of levels",
            fix="calculate it (`dftflow run`), and name the folder of its results; numbers need no study: " + _EXAMPLE,
            where=part.at(),
        )
    if name not in SECTIONS:
        raise InputError(
            f"{shown(name)} is no section of a table of levels",
            reason=f"its sections are {', '.join(SECTIONS)}; bapt's compounds are materials",
            fix=_EXAMPLE,
            where=part.at(),
        )
    if part.pairs is not None and name != OFFSETS:
        for key, entry in part.pairs:
            yield _entry(name, entry, (LevelField(key="name", texts=(key,), at=entry.at),))
    elif part.items is not None:
        for entry in part.items:
            yield _entry(name, entry, ())
    elif part.text or part.pairs:
        raise InputError(f"{name} is no list of tables", fix=_EXAMPLE, where=part.at())


def _entry(section: str, tree: _Tree, given: tuple[LevelField, ...]) -> LevelEntry:
    if tree.pairs is None:
        raise InputError(f"an entry of {section} has no named numbers", fix=_EXAMPLE, where=tree.at())
    fields = (*given, *(_field(key, part) for key, part in tree.pairs))
    return LevelEntry(section=section, fields=fields, at=tree.at)


def _field(key: str, part: _Tree) -> LevelField:
    nested = part.items is not None and any(item.items is not None or item.pairs is not None for item in part.items)
    if part.pairs is not None or nested:
        raise InputError(f"{shown(key)} is a table, where a number or a text is meant", where=part.at())
    if part.items is not None:
        return LevelField(key=key, texts=tuple(item.text for item in part.items), is_list=True, at=part.at)
    return LevelField(key=key, texts=(part.text,), at=part.at)
