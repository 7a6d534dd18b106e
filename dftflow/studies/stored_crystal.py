"""What ``plan.json`` holds of a crystal, as plain data, and back."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from pydantic import BaseModel, ConfigDict

from dftflow.crystals.crystal import Crystal
from dftflow.crystals.plain import plain_of_unchanged, structure_of

__all__ = ["StoredCrystal", "plain_crystal"]


class StoredCrystal(BaseModel):
    """A crystal with where it is from."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    name: str
    source: str
    reference: str
    sha256: str
    space_group: str
    space_group_number: int
    confidence: str
    warnings: tuple[str, ...]
    structure: dict[str, Any]

    def crystal(self) -> Crystal:
        """The crystal; raises `ValueError` where its structure is none."""
        told = {key: getattr(self, key) for key in type(self).model_fields}
        return Crystal(**told | {"structure": structure_of(self.structure)})


def plain_crystal(crystal: Crystal) -> dict[str, Any]:
    """`crystal` as `StoredCrystal` reads it."""
    plain = {field.name: getattr(crystal, field.name) for field in fields(crystal)}
    return plain | {"warnings": list(crystal.warnings), "structure": plain_of_unchanged(crystal.structure)}
