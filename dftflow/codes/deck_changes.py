from __future__ import annotations

from collections.abc import Mapping


def deck_changes(asked: Mapping[str, str], found: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(f"{n}: differs" for n in asked if asked[n] != found[n])
