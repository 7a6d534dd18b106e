"""Everything that quantities are made from: what was admitted, and what was found of materials and offsets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from dftflow.derive.missing import MissingOffset
from dftflow.model.absorption import Absorption
from dftflow.model.admission import Admission
from dftflow.model.alignment import Alignment
from dftflow.model.alloy import Alloy
from dftflow.model.asked import NOTHING_ASKED, Asked
from dftflow.model.contact import SchottkyContact
from dftflow.model.diffraction import Diffraction
from dftflow.model.effective_mass import CrystalMasses
from dftflow.model.hull import Hull
from dftflow.model.mismatch import Mismatch
from dftflow.model.outcome import MaterialOutcome
from dftflow.model.polymorph import Polymorph
from dftflow.model.quantity import Missing
from dftflow.model.reaction import Reaction

__all__ = ["Findings"]


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class Findings:
    """What is known at the end of a study.

    Attributes
    ----------
    admissions
        Name of a step -> what the gate said of it, in the order of the plan.
    materials, alignments, contacts
        As in `StudyOutcome`.
    no_offsets, no_contacts
        Every two materials that the study asks to align and that no row of its own stands for; metals among the latter.
    unbuilt
        Name of a surface of which no slab was ever built -> why.
    asked
        What the study asks for beside edges and offsets; at a point of a sweep, what of that has a meaning there.
    absorptions, diffraction, hull, mismatches, reactions, polymorphs, masses
        What is found of it.
    alloys
        Mixtures whose fraction is swept.
    phase_remarks
        Name of a material -> what has to stand beside its energy.
    """

    admissions: Mapping[str, Admission]
    materials: tuple[MaterialOutcome, ...] = ()
    alignments: tuple[Alignment, ...] = ()
    contacts: tuple[SchottkyContact, ...] = ()
    no_offsets: tuple[MissingOffset, ...] = ()
    no_contacts: tuple[MissingOffset, ...] = ()
    unbuilt: Mapping[str, Missing] = field(default_factory=dict)
    asked: Asked = NOTHING_ASKED
    absorptions: tuple[Absorption, ...] = ()
    reactions: tuple[Reaction, ...] = ()
    polymorphs: tuple[Polymorph, ...] = ()
    diffraction: Diffraction | None = None
    hull: Hull | None = None
    alloys: tuple[Alloy, ...] = ()
    phase_remarks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    mismatches: tuple[Mismatch, ...] = ()
    masses: tuple[CrystalMasses, ...] = ()
