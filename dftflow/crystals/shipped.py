"""The crystals that come with dftflow; ``structures/SOURCES.toml`` says where each number is from."""

from __future__ import annotations

import difflib
import hashlib
import tomllib
import warnings
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from dftflow.crystals.crystal import Crystal
from dftflow.errors import StructureError
from dftflow.resources import structures_dir

if TYPE_CHECKING:
    from pymatgen.core import Structure

__all__ = ["load_shipped", "shipped_names", "shipped_source"]


def _sources() -> dict[str, dict[str, Any]]:
    path = structures_dir() / "SOURCES.toml"
    try:
        return _entries(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise StructureError(
            "the list of shipped crystals cannot be read",
            reason=str(error),
            fix="install dftflow again",
            where=str(path),
        ) from error


@lru_cache(maxsize=1)
def _entries(text: str) -> dict[str, dict[str, Any]]:
    return tomllib.loads(text)


def shipped_names() -> tuple[str, ...]:
    """Names of the shipped crystals, in alphabetical order."""
    return tuple(sorted(_sources()))


def shipped_source(name: str) -> Mapping[str, Any]:
    """The entry of ``SOURCES.toml``: what was measured, where it is published, and how sure the numbers are.

    Raises
    ------
    StructureError
        For an unknown name, with the nearest ones.
    """
    sources = _sources()
    if name not in sources:
        near = difflib.get_close_matches(name, sources, n=3, cutoff=0.4)
        raise StructureError(
            f"no shipped crystal {name!r}",
            reason=f"shipped are {', '.join(sorted(sources))}",
            fix=f"did you mean {' or '.join(near)}?" if near else "choose one of these, or give a file",
        )
    return sources[name]


@lru_cache(maxsize=32)
def _parsed(cif: bytes) -> Structure:
    from pymatgen.core import Structure  # here, so that who asks for the names alone does not wait for it

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        parsed = Structure.from_str(cif.decode(), fmt="cif")
    return Structure(parsed.lattice, parsed.species, parsed.frac_coords)  # without the labels of the CIF


def load_shipped(name: str) -> Crystal:
    """Shipped crystal `name`, after its file was checked against the recorded sha256.

    Raises
    ------
    StructureError
        For an unknown name, with the nearest ones, and for a file that is missing or was changed.
    """
    from dftflow.crystals.symmetry import space_group

    entry = shipped_source(name)
    path = structures_dir() / entry["file"]
    content = path.read_bytes() if path.is_file() else b""
    digest = hashlib.sha256(content).hexdigest()
    if digest != entry["sha256"]:
        raise StructureError(
            f"the shipped crystal {name} is missing or was changed",
            reason=f"its sha256 is {digest}, not {entry['sha256']}",
            fix="install dftflow again, or copy the file elsewhere and give its path",
            where=str(path),
        )
    structure = _parsed(content).copy()
    group = space_group(structure)
    return Crystal(
        name=name,
        structure=structure,
        source=name,
        reference=entry["reference"],
        sha256=digest,
        space_group=group.symbol,
        space_group_number=group.number,
        confidence=entry["confidence"],
        warnings=(entry["caution"],) if entry["caution"] else (),
    )
