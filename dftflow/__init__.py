"""dftflow: from crystals to DFT decks, from results to a defended band alignment.

The public names below are loaded when they are first used, so that importing dftflow costs nothing. What they raise on
purpose is a `DftflowError`, which says what went wrong, why, and what to do.
"""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False  # what editors and type checkers take for true; `typing` itself takes longer than all of this

if TYPE_CHECKING:  # name for name what `_HOMES` has
    from typing import Any

    from dftflow.api.alignment import align
    from dftflow.api.calculation import find, read
    from dftflow.api.comparison import compare
    from dftflow.api.deck import deck
    from dftflow.api.diffraction import diffraction
    from dftflow.api.exchange import export_archive, export_ase, import_archive
    from dftflow.api.levels import edges, levels
    from dftflow.api.mismatch import lattice_mismatch
    from dftflow.api.plot import plot
    from dftflow.api.quantities import quantities
    from dftflow.api.slabs import slabs
    from dftflow.api.structures import substitute
    from dftflow.api.study import load_outcome, load_study, plan, run, to_jobflow, write_decks, write_outcome
    from dftflow.api.study_file import init_study
    from dftflow.crystals.sources import load_crystal
    from dftflow.errors import DftflowError

__version__ = "0.2.0.dev0"

_HOMES = {
    "read": "dftflow.api.calculation",
    "find": "dftflow.api.calculation",
    "edges": "dftflow.api.levels",
    "levels": "dftflow.api.levels",
    "compare": "dftflow.api.comparison",
    "align": "dftflow.api.alignment",
    "plot": "dftflow.api.plot",
    "load_crystal": "dftflow.crystals.sources",
    "substitute": "dftflow.api.structures",
    "slabs": "dftflow.api.slabs",
    "deck": "dftflow.api.deck",
    "diffraction": "dftflow.api.diffraction",
    "lattice_mismatch": "dftflow.api.mismatch",
    "init_study": "dftflow.api.study_file",
    "load_study": "dftflow.api.study",
    "plan": "dftflow.api.study",
    "run": "dftflow.api.study",
    "to_jobflow": "dftflow.api.study",
    "write_decks": "dftflow.api.study",
    "load_outcome": "dftflow.api.study",
    "write_outcome": "dftflow.api.study",
    "quantities": "dftflow.api.quantities",
    "export_archive": "dftflow.api.exchange",
    "export_ase": "dftflow.api.exchange",
    "import_archive": "dftflow.api.exchange",
    "DftflowError": "dftflow.errors",
}

__all__ = [
    "DftflowError",
    "__version__",
    "align",
    "compare",
    "deck",
    "diffraction",
    "edges",
    "export_archive",
    "export_ase",
    "find",
    "import_archive",
    "init_study",
    "lattice_mismatch",
    "levels",
    "load_crystal",
    "load_outcome",
    "load_study",
    "plan",
    "plot",
    "quantities",
    "read",
    "run",
    "slabs",
    "substitute",
    "to_jobflow",
    "write_decks",
    "write_outcome",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'dftflow' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
