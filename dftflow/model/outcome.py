"""What a study ended with: everything that the report, the figures and results.json are made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dftflow.model.absolute import SlabSide
from dftflow.model.absorption import Absorption
from dftflow.model.alignment import Alignment
from dftflow.model.alloy import Alloy
from dftflow.model.attempt import Attempt
from dftflow.model.contact import SchottkyContact
from dftflow.model.diffraction import Diffraction
from dftflow.model.edge_shifts import EdgeShifts
from dftflow.model.found_dos import FoundDos
from dftflow.model.hull import Hull
from dftflow.model.levels import BandEdges, PotentialProfile, SurfaceLevels, VacuumLevel
from dftflow.model.mismatch import Mismatch
from dftflow.model.mixture import Mixture
from dftflow.model.phase import FormulaUnit
from dftflow.model.published import StandsBeside
from dftflow.model.quantity import Missing, Quantity
from dftflow.model.results import Bands, Results
from dftflow.model.shown import Shown, Tabled
from dftflow.model.surface import SlabModel

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from pymatgen.core import Structure

__all__ = ["BulkOutcome", "MaterialOutcome", "SlabOutcome", "StepOutcome", "StudyOutcome", "relaxation_text"]


def relaxation_text(relaxed: bool | None) -> str:
    """``""`` for what was relaxed, else what is to be said of it."""
    return {True: "", False: "not relaxed", None: "not known whether relaxed"}[relaxed]


@dataclass(frozen=True, eq=False, slots=True, kw_only=True, repr=False)
class StepOutcome(Shown):
    """One step of the graph, as it ended.

    Attributes
    ----------
    name
        ``"CsPbBr3/bulk-relax"``.
    state
        ``finished``; ``failed``; ``refused``: run, but not what the study asks for; ``running``; ``waiting``;
        ``not_run``; ``uncertain``: an engine may be at work that cannot be seen from here; ``cancelled``.
    failure
        ``""`` or the named failure and its message.
    cause
        Of a failure, see `dftflow.model.cause`; ``""`` where it is not known.
    tries
        Attempts that failed before the last one, each with what was done about it.
    log_tail
        Last lines of the engine's log, when it failed.
    deck_files
        File name -> text.
    cautions
        What the deck's writer cautions about (`Deck.cautions`), as kept beside the deck.
    engine
        What decided its numbers beside the deck, as known before it ran: version, data sets (`Code.fingerprint`).
    remarks
        What of its results is not as the study asks.
    """

    name: str
    title: str
    state: str
    folder: Path
    failure: str = ""
    cause: str = ""
    tries: tuple[Attempt, ...] = ()
    log_tail: str = ""
    wall_time_s: float | None = None
    cpu_time_s: float | None = None
    deck_files: Mapping[str, str] = field(default_factory=dict)
    cautions: tuple[str, ...] = ()
    engine: Mapping[str, str] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    results: Results | None = None

    def _in_short(self) -> str:
        return f"{self.name}: {self.state}"


@dataclass(frozen=True, eq=False, slots=True, kw_only=True, repr=False)
class BulkOutcome(Shown):
    """The crystal: its geometry as calculated, bands and edges; None where a step failed.

    Attributes
    ----------
    edges, no_edges
        Band edges, or why there are none: not run, failed, metallic, no empty band.
    energy_per_atom_ev
        Total energy of the calculation that the edges are of, at zero smearing, on the scale of the run itself.
    edges_step, cell_step
        Names of the steps that the edges and the cell come from; ``""`` for a cell that was not calculated.
    given_axes
        Rows are the axes that the crystal was given in, in whole numbers of those of `structure`; None where it is
        calculated in those.
    open_lengths_ang
        By how much a, b and c of `structure` may lie off the minimum by what the relaxation's criterion of the stress
        leaves open (`dftflow.derive.cell_spread`); None where it was not relaxed, or its elasticity is not known.
    remarks
        What of those steps' results is not as the study asks.
    shifts, no_shifts, shifts_step
        Band edges with corrections, or why there are none, and the step that gives them, ``""`` if none is asked for.
    dos, no_dos, dos_step
        The density of states on a grid of its own, in the same way.
    """

    structure: Structure
    source: str
    space_group: str
    edges: BandEdges | None
    bands: Bands | None
    relaxed: bool
    no_edges: Missing | None = None
    energy_per_atom_ev: float | None = None
    edges_step: str = ""
    cell_step: str = ""
    given_axes: NDArray[np.int_] | None = None
    open_lengths_ang: tuple[float, float, float] | None = None
    remarks: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    shifts: EdgeShifts | None = None
    no_shifts: Missing | None = None
    shifts_step: str = ""
    dos: FoundDos | None = None
    no_dos: Missing | None = None
    dos_step: str = ""

    def __post_init__(self) -> None:
        if self.edges is None and self.no_edges is None:
            raise ValueError("a crystal without band edges needs a reason")

    def _in_short(self) -> str:
        gap = "no gap" if self.edges is None else f"gap {self.edges.band_gap_ev:.3f} eV"
        return f"{self.space_group}, {len(self.structure)} atoms, {gap}"

    @property
    def as_given(self) -> Structure:
        """The crystal as calculated, in the axes that it was given in: those that lengths and planes are told of."""
        axes = self.given_axes
        return self.structure if axes is None else self.structure.make_supercell(axes, in_place=False)

    @property
    def open_lengths_as_given_ang(self) -> tuple[float, float, float] | None:
        """`open_lengths_ang`, where they are of the axes that the crystal was given in."""
        return self.open_lengths_ang if self.given_axes is None else None

    @property
    def is_metal(self) -> bool:
        """Whether filled and empty bands overlap, or one is half filled."""
        return self.no_edges is not None and self.no_edges.kind == "metallic"

    @property
    def why_no_edges(self) -> str:
        """The reason why there are no edges; ``""`` where there are."""
        return "" if self.no_edges is None else self.no_edges.reason


@dataclass(frozen=True, eq=False, slots=True, kw_only=True, repr=False)
class SlabOutcome(Shown):
    """One slab: the model, its profile, the vacuum on both sides, and the levels (None where a step failed).

    Attributes
    ----------
    subject
        Its name in the study: ``"CsPbBr3/slab-011"``.
    structure
        As calculated; as cut from the crystal where the calculation left none.
    missing
        Why there are no levels; None where there are.
    sides, no_own_edges
        What the slab tells of its lower and upper side without its crystal, the work function first of all; and why it
        has no band edges of its own.
    levels_step
        Name of the step that the levels come from.
    remarks
        What has to stand beside its numbers: what of the results is not as the study asks, vacuum levels that differ.
    line_up_remarks
        What has to stand beside those that the line-up with the crystal gives: k-points that differ.
    relaxed
        Whether its ions were relaxed (True) or are as cut from the crystal (False); None when that is not known.
    """

    subject: str
    model: SlabModel
    structure: Structure
    relaxed: bool | None
    profile: PotentialProfile | None
    vacuum: tuple[VacuumLevel, ...]
    levels: SurfaceLevels | None
    missing: Missing | None = None
    sides: tuple[SlabSide, ...] = ()
    no_own_edges: str = ""
    levels_step: str = ""
    remarks: tuple[str, ...] = ()
    line_up_remarks: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.levels is None and self.missing is None:
            raise ValueError("a surface without levels needs a reason")

    def _in_short(self) -> str:
        levels = self.levels
        told = f"IP {levels.ionisation_potential_ev:.3f} eV" if levels else self.failure
        return f"{self.subject}, {self.model.termination}: {told}"

    @property
    def own(self) -> SlabSide | None:
        """What the slab tells without its crystal of the side that the levels are of, the upper one."""
        return self.sides[-1] if self.sides else None

    @property
    def failure(self) -> str:
        """The reason why there are no levels; ``""`` where there are."""
        return "" if self.missing is None else self.missing.reason

    @property
    def relaxation(self) -> str:
        """``""`` for a relaxed slab, else what is to be said of it."""
        return relaxation_text(self.relaxed)


@dataclass(frozen=True, eq=False, slots=True, kw_only=True, repr=False)
class MaterialOutcome(Shown):
    """One material of the study; `mixture` says what of it is an ordering of several, `unit` what a formula unit is."""

    name: str
    formula: str
    bulk: BulkOutcome
    slabs: tuple[SlabOutcome, ...]
    mixture: Mixture = field(default_factory=Mixture)
    unit: FormulaUnit | None = None

    def _in_short(self) -> str:
        return f"{self.name}: {self.formula}, {len(self.slabs)} slabs"

    def face(self, slab: SlabOutcome) -> str:
        """Plane and termination of one of its slabs: ``"(011) Pnma, CsBr3"``.

        Where another slab of the material has both, the number of layers is added, and the slab's name in the study
        where that tells them apart no better.
        """
        alike = [other for other in self.slabs if other.subject != slab.subject and _cut(other) == _cut(slab)]
        if not alike:
            return _cut(slab)
        layers = len(slab.model.layers)
        name = slab.subject.rpartition("/")[2] if any(len(other.model.layers) == layers for other in alike) else ""
        return ", ".join(filter(None, (_cut(slab), f"{layers} layers", name)))

    def surface(self, slab: SlabOutcome) -> str:
        """Name of one of its slabs in a row and on a figure: its `face`, and that it was not relaxed."""
        return ", ".join(filter(None, (self.face(slab), slab.relaxation)))


def _cut(slab: SlabOutcome) -> str:
    return f"{slab.model.plane}, {slab.model.termination}"


@dataclass(frozen=True, eq=False, slots=True, kw_only=True, repr=False)
class StudyOutcome(Tabled):
    """The whole study.

    Attributes
    ----------
    title, study_name, preset, preset_note, code
        As in the study file; `preset_note` says what the preset costs in accuracy.
    materials
        In the order of the study file.
    alignments
        One row a method and pair of surfaces: bulk line-ups first, those of planes that are not polar before the
        others, then work functions; publications come last.
    contacts
        A metal beside a semiconductor, one a pair of surfaces.
    diffraction
        Powder lines of the crystals; None where the study asks for none.
    mismatches
        Of each two crystals that the study asks for.
    steps
        Every step of the graph.
    quantities
        Every derived number with its unit, uncertainty and origin, or the reason why there is none: of the study as it
        is written, then of the points of its sweeps what differs from that.
    asked
        Those of `quantities` that tables of the study ask for beside crystals, surfaces and offsets.
    hull, alloys
        The convex hull that the study asks for, and its mixtures whose fraction is swept.
    absorptions
        Sources of light and gaps that the study compares.
    published
        Numbers of publications beside those of the study.
    settings, provenance
        Plain data: what was asked; the study's hash, versions, cores, source of each structure.
    warnings
        Of the study as a whole.
    """

    title: str
    study_name: str
    preset: str
    preset_note: str
    code: str
    materials: tuple[MaterialOutcome, ...]
    alignments: tuple[Alignment, ...]
    contacts: tuple[SchottkyContact, ...] = ()
    diffraction: Diffraction | None = None
    mismatches: tuple[Mismatch, ...] = ()
    steps: tuple[StepOutcome, ...]
    settings: Mapping[str, Any]
    provenance: Mapping[str, Any]
    quantities: tuple[Quantity, ...] = ()
    asked: tuple[Quantity, ...] = ()
    absorptions: tuple[Absorption, ...] = ()
    hull: Hull | None = None
    alloys: tuple[Alloy, ...] = ()
    published: tuple[StandsBeside, ...] = ()
    warnings: tuple[str, ...] = ()
    wall_time_s: float | None = None

    def _in_short(self) -> str:
        finished = sum(step.state == "finished" for step in self.steps)
        names = ", ".join(material.name for material in self.materials)
        steps = f"{finished} of {len(self.steps)} steps finished"
        return f"{self.study_name}, preset {self.preset}, {self.code}: {names}; {steps}"

    @property
    def of_crystals_alone(self) -> bool:
        """Whether it has no surface, and no offset was asked for or quoted."""
        return not (self.alignments or self.contacts or any(material.slabs for material in self.materials))

    @property
    def defended(self) -> tuple[Alignment, ...]:
        """For each two materials the first row of the study's own whose planes are not polar.

        It is a line-up where there is one. Pairs stand in the order of their first row; a pair without such a row is
        left out.
        """
        rows: dict[frozenset[str], Alignment] = {}
        for row in self.alignments:
            if not row.source and not row.polar:
                rows.setdefault(row.pair, row)
        order = dict.fromkeys(row.pair for row in self.alignments)
        return tuple(rows[pair] for pair in order if pair in rows)
