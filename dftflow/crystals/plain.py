"""A crystal as plain data that JSON can hold, and back: pymatgen's own form, site properties included."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pymatgen.core import Structure

__all__ = ["plain_structure", "structure_of"]


def plain_structure(structure: Structure) -> dict[str, Any]:
    """``Structure.as_dict`` with numpy's numbers as Python's own."""
    from monty.json import jsanitize

    plain: dict[str, Any] = jsanitize(structure.as_dict())
    return plain


def structure_of(plain: Mapping[str, Any]) -> Structure:
    """The crystal of `plain_structure`; raises `KeyError`, `TypeError` or `ValueError` for what is none."""
    from pymatgen.core import Structure

    found: Structure = Structure.from_dict(dict(plain))
    return found
