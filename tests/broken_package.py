"""A package that brings one entry point, where pip would put it."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

__all__ = ["put_package"]


def put_package(folder: Path, monkeypatch: pytest.MonkeyPatch, group: str, code: str) -> None:
    """``toy-broken``, whose module is `code`, with the entry point ``broken = toy_broken:found`` of `group`."""
    info = folder / "toy_broken-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: toy-broken\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[{group}]\nbroken = toy_broken:found\n")
    (folder / "toy_broken.py").write_text(code)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.delitem(sys.modules, "toy_broken", raising=False)
    importlib.invalidate_caches()
