"""A crystal from pymatgen's JSON, as ``dftflow structure --out a.json`` writes it."""

from __future__ import annotations

from collections.abc import Mapping

from dftflow.crystals.file_notes import Read
from dftflow.crystals.plain import structure_of, what_is_wrong
from dftflow.errors import StructureError
from dftflow.stored_file import plain_json

__all__ = ["read_json"]


def read_json(text: str, where: str) -> Read:
    try:
        content = plain_json(text)
        if not isinstance(content, Mapping):
            raise ValueError("it is no object")
        structure = structure_of(content)
    except ValueError as error:
        raise StructureError(
            "this file cannot be read as a crystal in JSON",
            reason=what_is_wrong(error),
            fix="write it with `dftflow structure SOURCE --out a.json`, or with pymatgen's Structure.to",
            where=where,
        ) from None
    if not structure.is_ordered:
        raise StructureError(
            "this crystal is disordered",
            reason="a site has mixed or partial occupation",
            fix="make an ordered model of it",
            where=where,
        )
    return structure, [], ""
