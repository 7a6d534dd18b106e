"""The PAW data sets that GPAW will use, found as GPAW finds them, without loading it.

GPAW looks into the folders of ``GPAW_SETUP_PATH``, then into the package gpaw-data, for ``Pb.PBE`` and ``Pb.PBE.gz``
(``gpaw.setup_data.search_for_file``, 26.7). A ``~/.gpaw/rc.py`` may change these folders: it is
a program, which is not run here, and the data sets are then not known.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cache, lru_cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dftflow.codes.file_hash import NOT_KNOWN_HERE, file_md5
from dftflow.crystals.geometry import elements_of_unchanged
from dftflow.errors import SpecError

if TYPE_CHECKING:
    from pymatgen.core import Structure

__all__ = [
    "check_data_sets",
    "data_set_file",
    "data_set_hashes",
    "elements_without",
    "gpaw_version",
    "missing_data_sets",
]

_SETS: Final = ("PBE", "LDA", "revPBE", "RPBE")
"""Functionals for which there are data sets of their own; which of them a calculation uses, its deck says."""


def gpaw_version() -> str:
    """Version of the GPAW that is installed for this interpreter, or `NOT_KNOWN_HERE`."""
    try:
        return version("gpaw")
    except PackageNotFoundError:
        return NOT_KNOWN_HERE


def data_set_hashes(elements: Sequence[str]) -> dict[str, str]:
    """What is known of the data sets before a run: name -> hash, the one that GPAW prints as its ``id``.

    ``data set Pb.PBE`` is there for every element; those for other functionals only where they are installed.
    """
    found: dict[str, str] = {}
    listings = _listings()
    for element in elements:
        for functional in _SETS:
            file = _file(element, functional, listings)
            if file is not None or functional == _SETS[0]:
                found[f"data set {element}.{functional}"] = NOT_KNOWN_HERE if file is None else file_md5(file)
    return found


def missing_data_sets(elements: Sequence[str]) -> tuple[str, ...]:
    """Those of `elements` for which there is no data set at all; none when it is not known where they are."""
    if _has_rc_file():
        return ()
    listings = _listings()
    return tuple(
        element for element in elements if not any(_file(element, functional, listings) for functional in _SETS)
    )


def elements_without(elements: Sequence[str], functional: str) -> tuple[str, ...]:
    """Those of `elements` without a data set for `functional`; none where none are installed, or it is not known."""
    listings = _listings()
    if not any(names for _, names in listings):
        return ()
    return tuple(element for element in elements if _file(element, functional, listings) is None)


def check_data_sets(structure: Structure) -> None:
    """Raise `SpecError` where data sets are installed, and none for an element of `structure`."""
    if not any(folder.is_dir() for folder in _folders()):
        return
    missing = missing_data_sets(elements_of_unchanged(structure))
    if missing:
        raise SpecError(
            f"GPAW has no data set for {', '.join(missing)}",
            reason="none of the folders that it looks into holds one",
            fix=f"name a folder that holds {missing[0]}.PBE in GPAW_SETUP_PATH, or choose another code",
        )


def data_set_file(element: str) -> Path | None:
    """The PBE data set of an element; None where there is none, or it is not known where they are."""
    return _file(element, _SETS[0], _listings())


def _has_rc_file() -> bool:
    return os.path.isfile(os.path.join(os.environ.get("HOME", os.devnull), ".gpaw", "rc.py"))


def _listings() -> list[tuple[Path, frozenset[str]]]:
    """The folders and the names of what lies in each; none when a ``rc.py`` decides where the data sets are."""
    return [] if _has_rc_file() else [(folder, _names_in(folder)) for folder in _folders()]


def _file(element: str, functional: str, listings: Sequence[tuple[Path, frozenset[str]]]) -> Path | None:
    """The file of a data set; None when there is none."""
    name = f"{element}.{functional}"
    for folder, names in listings:
        there = [one for one in (name, f"{name}.gz") if one in names]
        files = [file for file in map(folder.joinpath, there) if file.is_file()]
        if files:
            return max(files)
    return None


def _names_in(folder: Path) -> frozenset[str]:
    """Of the files in a folder; listed again when one has come or gone."""
    try:
        return _listed(folder, folder.stat().st_mtime_ns)
    except OSError:
        return frozenset()


@lru_cache(maxsize=16)
def _listed(folder: Path, _changed_ns: int) -> frozenset[str]:
    return frozenset(os.listdir(folder))


def _folders() -> list[Path]:
    named = os.environ.get("GPAW_SETUP_PATH")
    folders = [Path(part) for part in named.split(os.pathsep)] if named else []
    return folders + _packaged()


@cache
def _packaged() -> list[Path]:
    """The folder of the package gpaw-data, where it is installed."""
    package = find_spec("gpaw_data")
    return [] if package is None or package.origin is None else [Path(package.origin).parent / "setups"]
