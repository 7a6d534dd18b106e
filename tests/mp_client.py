"""The Materials Project in tests: nothing of it is known before, and its own client is a reference."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from dftflow.crystals.web import Service


def client(test: Any) -> Any:
    """A test of the service's own client, mp-api."""
    reason = "mp-api is not installed (pip install mp-api)"
    return pytest.mark.mp(pytest.mark.skipif(importlib.util.find_spec("mp_api") is None, reason=reason)(test))


@pytest.fixture
def own_database(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing is known of any database: no key, no address, no answer on disk."""
    for name in ("MP_API_KEY", "MP_API_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def nobody_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A question to a service of the web fails the test."""
    monkeypatch.setattr(Service, "ask", lambda *asked: pytest.fail("asked"))
