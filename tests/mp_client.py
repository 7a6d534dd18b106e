"""The real client of the Materials Project in the process of a test, against a server on loopback."""

from __future__ import annotations

import importlib.util
import json
import os
from pathlib import Path
from typing import Any

import pytest

from dftflow.crystals import mp_service, mp_worker


def client(test: Any) -> Any:
    """A test of the real client."""
    reason = "mp-api is not installed (pip install 'dftflow[mp]')"
    return pytest.mark.mp(pytest.mark.skipif(importlib.util.find_spec("mp_api") is None, reason=reason)(test))


@pytest.fixture
def own_database(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing is known of the Materials Project: no key, no address, no answer on disk."""
    for name in ("MP_API_KEY", "MP_API_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    # else matplotlib, which the client loads, would look through all fonts of the system in every test
    fonts = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "matplotlib"
    monkeypatch.setenv("MPLCONFIGDIR", os.environ.get("MPLCONFIGDIR", str(fonts)))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker's code with the real client, loaded once for all tests instead of once a process."""

    def run(question: dict[str, Any]) -> dict[str, Any]:
        outcome = mp_worker.answer(question, lambda stage: None)
        text = json.dumps(outcome).replace(question["key"], "***")
        return dict(json.loads(text))

    monkeypatch.setattr(mp_service, "_run_worker", run)
