"""What a study has of databases: as the plan of its run keeps it, else as it is on disk, else asked for."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from dftflow.crystals.database_names import is_database_query
from dftflow.errors import DftflowError
from dftflow.studies.kept_entries import KeptEntries
from dftflow.studies.schema import DatabaseEntries, MaterialEntry
from dftflow.toml_file.mistakes import Words, explained, place_in

__all__ = ["Database"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """Databases, for the questions of one study file.

    Attributes
    ----------
    kept
        What the plan of the run holds.
    ask_again
        Whether what is kept, in the plan and on disk, is asked for once more.
    """

    text: str
    file: Path
    words: Words
    kept: KeptEntries = field(default_factory=KeptEntries)
    ask_again: bool = False

    def materials(self, table: str, structure: Mapping[str, Any]) -> Mapping[str, str]:
        """Materials that a table stands for, by name: each formula with the id, which is its structure.

        Raises
        ------
        StudyError
            The question has an unknown key, or a value that is none.
        SourceError, CodeNotFoundError, InputError
            As `dftflow.crystals.mp_search.search_entries`.
        """
        place = ("materials", table, "structure")
        try:
            asked = DatabaseEntries.model_validate(structure)
        except ValidationError as error:
            words = replace(self.words, tables={("materials", "*", "structure"): DatabaseEntries})
            raise explained(error, self.text, self.file, words, prefix=place) from None
        kept = self.kept.of(table, structure)
        if kept is not None:
            return kept
        from dftflow.crystals.mp_search import search_entries  # with pymatgen

        with self._blamed(place):
            found = search_entries(
                asked.mp,
                above_hull_ev_per_atom=asked.above_hull_ev_per_atom,
                most=asked.most,
                refresh=self.ask_again,
            )
        return {f"{one.formula}_{one.material_id}": one.material_id for one in found}

    def refresh(self, materials: Mapping[str, MaterialEntry], known: Container[str]) -> None:
        """Where it is asked again: the crystals of `materials`, but for the structures that are `known` by now.

        Raises
        ------
        SourceError, CodeNotFoundError, InputError
            As `dftflow.crystals.sources.from_database`.
        """
        if not self.ask_again:
            return
        from dftflow.crystals.sources import from_database  # with pymatgen

        asked = {entry.structure: name for name, entry in materials.items() if is_database_query(entry.structure)}
        for structure, name in asked.items():
            if structure not in known and not (self.file.parent / structure).exists():
                with self._blamed(("materials", name, "structure")):
                    from_database(structure, refresh=True)

    @contextmanager
    def _blamed(self, place: tuple[str, ...]) -> Iterator[None]:
        """Within it, an error says in which line the question stands."""
        try:
            yield
        except DftflowError as error:
            error.where = error.where or place_in(self.text, self.file, place)
            raise
