"""What a study asks for beside band edges and offsets."""

from __future__ import annotations

from dataclasses import dataclass, replace

from dftflow.model.absorption import AbsorptionRequest
from dftflow.model.diffraction import DiffractionRequest
from dftflow.model.dos_request import DosRequest
from dftflow.model.effective_mass import MassRequest
from dftflow.model.hull import HullRequest
from dftflow.model.mismatch import MismatchRequest
from dftflow.model.polymorph import PhasesRequest
from dftflow.model.published import PublishedNumber
from dftflow.model.reaction import ReactionRequest

__all__ = ["NOTHING_ASKED", "Asked"]


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class Asked:
    """One attribute for each table of `dftflow.studies.tables.asking`; None or ``()`` where a study has none."""

    states: DosRequest | None = None
    masses: MassRequest | None = None
    diffraction: DiffractionRequest | None = None
    mismatches: tuple[MismatchRequest, ...] = ()
    reactions: tuple[ReactionRequest, ...] = ()
    phases: PhasesRequest | None = None
    hull: HullRequest | None = None
    light: AbsorptionRequest | None = None
    published: tuple[PublishedNumber, ...] = ()

    def of_one_picture(self) -> Asked:
        """What is asked at a point of a sweep that is one picture of a crystal of several, of which there are means."""
        return replace(self.elsewhere(), reactions=self.reactions, phases=self.phases)

    def elsewhere(self) -> Asked:
        """What is asked at any other point of a sweep."""
        return Asked(states=self.states, masses=self.masses, light=self.light)


NOTHING_ASKED = Asked()
