"""What the plan of a run keeps of databases: answered once, it is not asked again in that folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from dftflow.crystals.crystal import Crystal
from dftflow.crystals.database_names import is_database_query
from dftflow.errors import StudyError
from dftflow.jobs.store import read_plan, unreadable_plan
from dftflow.toml_file.reading import parsed

__all__ = ["FROM_DATABASE", "KeptEntries", "asks_database", "kept_entries"]

FROM_DATABASE = "database"
"""Confidence of a crystal of a database."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptEntries:
    """Answers of databases that a plan holds.

    Attributes
    ----------
    crystals
        What the study calls an entry (``"mp-567629"``, ``"mp:CsBr"``) -> its crystal.
    asked, lists
        Name of a table of materials that stands for several -> its ``structure`` as it was written; and its materials.
    """

    crystals: Mapping[str, Crystal] = field(default_factory=dict)
    asked: Mapping[str, Any] = field(default_factory=dict)
    lists: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def of(self, table: str, structure: Any) -> Mapping[str, str] | None:
        """The materials of a table whose question is as it was; None where it was not asked."""
        return self.lists.get(table) if self.asked.get(table) == structure else None


def asks_database(data: Mapping[str, Any]) -> bool:
    """Whether a study has crystals of a database."""
    return any(
        isinstance(structure, Mapping) or is_database_query(str(one))
        for structure in _structures(data).values()
        for one in (structure if isinstance(structure, tuple) else (structure,))
    )


def kept_entries(root: Path) -> KeptEntries:
    """Those of the plan in `root`; none where there is no plan.

    Raises
    ------
    StoreError
        When it cannot be read.
    """
    file = read_plan(root)
    if file is None:
        return KeptEntries()
    from dftflow.studies.stored_crystal import StoredCrystal  # with numpy

    try:
        study = _KeptStudy.model_validate(file.header["study"])
        stored = [StoredCrystal.model_validate(kept["crystal"]) for kept in file.header["materials"].values()]
        data = parsed(study.text.removeprefix("\ufeff"), root / "study.toml", what="the study", error=StudyError)
        crystals = {one.source: one.crystal() for one in stored if one.confidence == FROM_DATABASE}
    except (StudyError, KeyError, TypeError, AttributeError, ValueError) as error:
        raise unreadable_plan(root, str(error)) from error
    return KeptEntries(crystals=crystals, asked=_structures(data), lists=study.lists)


class _KeptStudy(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    text: str
    lists: dict[str, dict[str, str]] = Field(default_factory=dict)


def _structures(data: Mapping[str, Any]) -> dict[str, Any]:
    """Name of each table of materials -> its structure, as it is written."""
    tables = data.get("materials")
    tables = tables if isinstance(tables, Mapping) else {}
    return {name: table.get("structure") for name, table in tables.items() if isinstance(table, Mapping)}
