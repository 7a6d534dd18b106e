"""Where a person's file of machines lies."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from dftflow.errors import MachineError
from dftflow.input_file import named_place

__all__ = ["LOCAL", "MACHINES_VARIABLE", "machines_path"]

LOCAL = "local"
"""The machine that needs no profile: this one."""
MACHINES_VARIABLE = "DFTFLOW_MACHINES"


def machines_path(given: Mapping[str, str] = os.environ) -> Path:
    """What ``DFTFLOW_MACHINES`` names, else ``dftflow/machines.toml`` in ``XDG_CONFIG_HOME`` or ``~/.config``."""
    own = given.get(MACHINES_VARIABLE, "")
    if own:
        return named_place(own, error=MachineError)
    settings = given.get("XDG_CONFIG_HOME", "")
    home = Path(settings) if settings.startswith("/") else Path.home() / ".config"
    return home / "dftflow" / "machines.toml"
