"""Loads the programs of ``benchmarks/``, whose functions the tests try; they are no part of the package."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

__all__ = ["load_program"]


def load_program(file: Path) -> ModuleType:
    """The program as a module by the stem of its name, which its dataclasses and forked processes look it up by."""
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[file.stem] = module
    spec.loader.exec_module(module)
    return module
