"""What a person has changed in a deck, in words."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher

from dftflow.codes.deck_entries import Entry, deck_entries

__all__ = ["deck_changes"]

TRUE = {"true", ".true.", ".t.", "t", "yes"}
FALSE = {"false", ".false.", ".f.", "f", "no"}


def deck_changes(asked: Mapping[str, str], found: Mapping[str, str]) -> tuple[str, ...]:
    """What was changed in a deck since it was written, one sentence each; ``()`` when it says the same.

    Comments, blank lines, titles, the way a number is written, and case and order where the format has none, are no
    changes.

    Parameters
    ----------
    asked
        File name -> text, as dftflow wrote it.
    found
        File name -> text, as it lies there now; other files than those of the deck are not looked at by leaving them
        out.
    """
    changes: list[str] = []
    for name in dict.fromkeys([*asked, *found]):
        if name not in found:
            changes.append(f"{name} was removed")
        elif name not in asked:
            changes.append(f"{name} was added")
        elif asked[name] != found[name]:
            changes += [f"{name}: {change}" for change in _changes(name, asked[name], found[name])]
    return tuple(changes)


def _changes(name: str, asked: str, found: str) -> list[str]:
    old, new = deck_entries(name, asked), deck_entries(name, found)
    exact = name.endswith((".py", ".sh"))
    told: list[str] = []
    for label in dict.fromkeys([*old, *new]):
        if label not in new:
            told.append(f"{_shown(old[label])} was removed")
        elif label not in old:
            told.append(f"{_shown(new[label])} was added")
        else:
            change = _change(old[label], new[label], exact=exact)
            told += [change] if change else []
    return told


def _shown(entry: Entry) -> str:
    return f"block {entry.shown}" if entry.is_block else entry.shown


def _change(old: Entry, new: Entry, *, exact: bool) -> str:
    before = [_plain(line, exact=exact) for line in old.lines]
    after = [_plain(line, exact=exact) for line in new.lines]
    if before == after:
        return ""
    if old.is_block or new.is_block:
        count = _differing(before, after)
        block = f"block {new.shown}: " if new.shown else ""
        return f"{block}{count} line{'s differ' if count > 1 else ' differs'}"
    key = re.split(r"\s*[:=\s]\s*", old.shown)[0]
    return f"{key}: {old.lines[0] or 'nothing'} became {new.lines[0] or 'nothing'}"


def _differing(before: Sequence[tuple[object, ...]], after: Sequence[tuple[object, ...]]) -> int:
    """How many lines of the one have no like in the other."""
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    return sum(max(j - i, m - k) for kind, i, j, k, m in matcher.get_opcodes() if kind != "equal")


def _plain(line: str, *, exact: bool) -> tuple[object, ...]:
    """The words of a line; numbers by their value, and outside of quotes without case."""
    return tuple(_word(word, exact=exact) for word in re.findall(r"'[^']*'|\"[^\"]*\"|[^\s'\"]+", line))


def _word(word: str, *, exact: bool) -> object:
    if re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eEdD][+-]?\d+)?", word):
        return float(re.sub(r"[dD]", "e", word))
    if exact:
        return word
    if word[0] in "'\"":
        return word[1:-1]
    lower = word.lower()
    return ".true." if lower in TRUE else ".false." if lower in FALSE else lower
