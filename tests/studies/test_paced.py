"""A long preparation says how far it is, from its beginning; a short one says nothing."""

from __future__ import annotations

import pytest

from dftflow.studies import paced as module
from dftflow.studies.paced import paced


def test_a_long_one_speaks_at_once_and_then_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, said = [100.0], list[str]()
    monkeypatch.setattr(module.time, "monotonic", lambda: clock[0])
    items = paced([f"A{number}" for number in range(200)], "crystals read", said.append)
    assert next(items) == "A0" and said == ["crystals read: 0 of 200"]
    clock[0] += 1.9
    assert next(items) == "A1" and len(said) == 1
    clock[0] += 0.2
    assert next(items) == "A2" and said[1:] == ["crystals read: 2 of 200"]
    assert list(items)[-1] == "A199" and len(said) == 2


def test_a_short_one_is_silent() -> None:
    said: list[str] = []
    assert list(paced({"a": 1, "b": 2}, "crystals read", said.append)) == ["a", "b"] and said == []
