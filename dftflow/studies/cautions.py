"""What the writer of a deck cautions about, kept beside the deck until its results are reported."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from dftflow.model.deck import Deck

__all__ = ["CAUTIONS_FILE", "by_caution", "cautions_file", "read_cautions"]

CAUTIONS_FILE = "cautions.json"


def by_caution(told: Iterable[tuple[str, Sequence[str]]]) -> dict[str, list[str]]:
    """Caution -> the steps that it is about, from (step, its cautions)."""
    found: dict[str, list[str]] = {}
    for step, cautions in told:
        for caution in cautions:
            found.setdefault(caution, []).append(step)
    return found


def cautions_file(deck: Deck) -> dict[str, str]:
    """File name -> text of what is kept beside `deck`; nothing where its writer cautions about nothing."""
    return {CAUTIONS_FILE: json.dumps(deck.cautions, indent=1, ensure_ascii=False)} if deck.cautions else {}


def read_cautions(folder: Path) -> tuple[str, ...]:
    """The cautions kept in `folder`; nothing where there are none, or where they cannot be read."""
    try:
        found = json.loads((folder / CAUTIONS_FILE).read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return ()
    return tuple(text for text in found if isinstance(text, str)) if isinstance(found, list) else ()
