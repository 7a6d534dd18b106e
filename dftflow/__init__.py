"""dftflow: from one study file to a defended band alignment.

The public names below are loaded when they are first used, so that importing dftflow costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.2.0.dev0"

_HOMES = {
    "load_study": "dftflow.studies.reader",
    "run_study": "dftflow.studies.execution",
    "collect_study": "dftflow.studies.execution",
    "outcome_of_folder": "dftflow.studies.execution",
    "write_decks": "dftflow.studies.decks",
    "write_outcome": "dftflow.report.write",
    "load_crystal": "dftflow.crystals.sources",
    "substitute": "dftflow.crystals.substitution",
    "resolve_plane": "dftflow.crystals.planes",
    "enumerate_slabs": "dftflow.crystals.slabs",
    "choose_slab": "dftflow.crystals.slabs",
    "load_code": "dftflow.codes.registry",
}

__all__ = ["__version__", *_HOMES]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'dftflow' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
