"""Finds the shipped data (`structures`, `templates`, `workflows`) in a checkout and in an installed wheel alike."""

from __future__ import annotations

from functools import cache
from pathlib import Path

__all__ = ["shipped_studies", "structures_dir", "templates_dir", "workflows_dir"]

_PACKAGE = Path(__file__).resolve().parent


@cache
def _data_dir(name: str) -> Path:
    installed = _PACKAGE / "_data" / name
    return installed if installed.is_dir() else _PACKAGE.parent / name


def structures_dir() -> Path:
    """Folder of the shipped crystals and their ``SOURCES.toml``."""
    return _data_dir("structures")


def templates_dir() -> Path:
    """Folder of the input-deck templates, one sub-folder a code."""
    return _data_dir("templates")


def workflows_dir() -> Path:
    """Folder of the shipped study files."""
    return _data_dir("workflows")


def shipped_studies() -> tuple[str, ...]:
    """Names of the studies that come with dftflow."""
    return tuple(sorted(file.stem for file in workflows_dir().glob("*.toml")))
