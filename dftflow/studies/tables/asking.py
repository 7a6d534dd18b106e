"""Every table of a study file that asks for more than band edges and offsets."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Annotated, Protocol

from pydantic import model_validator

from dftflow.model.asked import Asked
from dftflow.model.powder import MeasuredPattern
from dftflow.studies.tables.density_of_states import DensityOfStatesEntry
from dftflow.studies.tables.diffraction import DiffractionEntry
from dftflow.studies.tables.effective_masses import EffectiveMassesEntry
from dftflow.studies.tables.hull import HullEntry
from dftflow.studies.tables.mismatch import MismatchEntry
from dftflow.studies.tables.phases import PhasesEntry
from dftflow.studies.tables.photons import PhotonsEntry
from dftflow.studies.tables.published import PublishedEntry
from dftflow.studies.tables.reaction import ReactionEntry
from dftflow.toml_file.entries import SEVERAL, EntryError, Table

__all__ = ["AskingTables"]


class _Naming(Protocol):
    """A table that names materials."""

    def wrong(self, of_study: tuple[str, ...]) -> tuple[str, str] | None:
        """Key, and what is wrong with the names that it has; None where all are materials of the study."""
        ...


class AskingTables(Table):
    """The tables, each of which a study may leave out."""

    density_of_states: DensityOfStatesEntry | None = None
    effective_masses: EffectiveMassesEntry | None = None
    diffraction: DiffractionEntry | None = None
    mismatch: Annotated[tuple[MismatchEntry, ...], SEVERAL] = ()
    reaction: Annotated[tuple[ReactionEntry, ...], SEVERAL] = ()
    phases: PhasesEntry | None = None
    hull: HullEntry | None = None
    photons: PhotonsEntry | None = None
    published: Annotated[tuple[PublishedEntry, ...], SEVERAL] = ()

    @model_validator(mode="after")
    def _ask_for_nothing_twice(self) -> AskingTables:
        seen: set[Hashable] = set()
        for place, asked, what in self._of_lists():
            if asked in seen:
                raise EntryError(what, *place)
            seen.add(asked)
        return self

    def _of_lists(self) -> Iterator[tuple[tuple[str | int, ...], Hashable, str]]:
        """Place and content of each table of a list, and what is said of a second one: its quantities have one name."""
        for number, one in enumerate(self.reaction):
            request = one.request()
            sides = frozenset(request.reactants), frozenset(request.products)
            yield ("reaction", number), sides, f"{request.equation} stands in two reactions: leave one out"
        for number, two in enumerate(self.mismatch):
            names = " on ".join(two.materials)
            yield ("mismatch", number), two, f"{names} stands in two mismatches that ask for the same: leave one out"
        for number, entry in enumerate(self.published):
            yield ("published", number), entry, f"{entry.quantity} of {entry.subject} is quoted twice: leave one out"

    def wrong_names(self, of_study: tuple[str, ...]) -> Iterator[tuple[tuple[str | int, ...], str]]:
        """Where a table names what is no material of the study, and what is wrong."""
        for place, entry in self._naming():
            wrong = entry.wrong(of_study)
            if wrong is not None:
                key, text = wrong
                yield (*place, key), f"{place[0]}.{key} {text}"

    def _naming(self) -> Iterator[tuple[tuple[str | int, ...], _Naming]]:
        single: dict[str, _Naming | None] = {
            "density_of_states": self.density_of_states,
            "effective_masses": self.effective_masses,
            "diffraction": self.diffraction,
            "phases": self.phases,
            "hull": self.hull,
            "photons": self.photons,
        }
        yield from (((table,), entry) for table, entry in single.items() if entry is not None)
        yield from ((("mismatch", number), entry) for number, entry in enumerate(self.mismatch))
        yield from ((("reaction", number), entry) for number, entry in enumerate(self.reaction))

    def asked(self, of_study: tuple[str, ...], measured: MeasuredPattern | None) -> Asked:
        """The same as types of the model.

        Parameters
        ----------
        of_study
            The materials of the study.
        measured
            The pattern that ``[diffraction]`` names.
        """
        return Asked(
            states=None if self.density_of_states is None else self.density_of_states.request(of_study),
            masses=None if self.effective_masses is None else self.effective_masses.request(of_study),
            diffraction=None if self.diffraction is None else self.diffraction.request(of_study, measured),
            mismatches=tuple(entry.request() for entry in self.mismatch),
            reactions=tuple(entry.request() for entry in self.reaction),
            phases=None if self.phases is None else self.phases.request(of_study),
            hull=None if self.hull is None else self.hull.request(of_study),
            light=None if self.photons is None else self.photons.request(of_study),
            published=tuple(entry.request() for entry in self.published),
        )
