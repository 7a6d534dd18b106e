"""Cautions of the writers of decks, each said once with the steps that it is about."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

__all__ = ["by_caution"]


def by_caution(told: Iterable[tuple[str, Sequence[str]]]) -> dict[str, list[str]]:
    """Caution -> the steps that it is about, from (step, its cautions)."""
    found: dict[str, list[str]] = {}
    for step, cautions in told:
        for caution in cautions:
            found.setdefault(caution, []).append(step)
    return found
