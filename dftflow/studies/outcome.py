"""From what the gate said of every step to the outcome of the study: nothing is read or built here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from dftflow.analysis.comparability import compare
from dftflow.crystals.formula_unit import formula_unit
from dftflow.crystals.ions import formula_of
from dftflow.crystals.substitution import mixture_of
from dftflow.derive.alloys import AlloyMember, alloys
from dftflow.derive.contacts import contacts
from dftflow.derive.diffraction import diffracting, diffraction
from dftflow.derive.edges import bulk_outcome
from dftflow.derive.findings import Findings
from dftflow.derive.hull import hull
from dftflow.derive.masses import crystal_masses
from dftflow.derive.mismatch import mismatches
from dftflow.derive.missing import missing_results
from dftflow.derive.mixtures import averages
from dftflow.derive.offsets import offsets
from dftflow.derive.phase_energies import phase_energies, phases_beside
from dftflow.derive.photons import absorptions
from dftflow.derive.polymorphs import polymorphs
from dftflow.derive.published import stand_beside
from dftflow.derive.reactions import reactions
from dftflow.derive.registry import FoundQuantities, all_quantities
from dftflow.derive.surfaces import slab_outcome
from dftflow.derive.swept_range import with_swept_ranges
from dftflow.derive.warnings import study_warnings
from dftflow.model.admission import Admission, Admitted, Refusal
from dftflow.model.alignment import AlignmentRequest, PublishedOffset
from dftflow.model.alloy import Alloy
from dftflow.model.diffraction import Diffraction, DiffractionRequest
from dftflow.model.effective_mass import CrystalMasses
from dftflow.model.mixture import Mixture
from dftflow.model.outcome import BulkOutcome, MaterialOutcome, SlabOutcome, StepOutcome, StudyOutcome
from dftflow.model.phase import PhaseEnergies, PhasesAt
from dftflow.model.point import OWN, PICTURES, Point
from dftflow.model.quantity import Missing, Quantity
from dftflow.model.step import StepId, Subject
from dftflow.studies.kinds.bulk import bands_step, dos_step, masses_step, relax_step, shifts_step
from dftflow.studies.kinds.slab import potential_step, slab_subjects
from dftflow.studies.material import Material
from dftflow.studies.plan import Plan
from dftflow.studies.reader import Study
from dftflow.studies.stored_plan import made_with
from dftflow.studies.sweep import points_of

__all__ = ["study_outcome"]

Admissions = Mapping[StepId, Admission]


@dataclass(frozen=True, eq=False, kw_only=True)
class _At:
    """The study at one point of its sweeps, or as it is written, with what was admitted of its steps there.

    Attributes
    ----------
    admissions
        Of the steps at the point, and of those of the study as it is written that are not calculated there anew.
    """

    study: Study
    materials: Mapping[str, Material]
    point: Point
    admissions: Admissions

    def step(self, step: StepId) -> StepId:
        """The step at the point, or where there is none as the study is written."""
        there = step.at(self.point)
        return there if there in self.admissions else step

    @cached_property
    def by_name(self) -> dict[str, Admission]:
        """Name of a step -> what the gate said of it."""
        return {str(step): admission for step, admission in self.admissions.items()}

    @cached_property
    def outcomes(self) -> tuple[MaterialOutcome, ...]:
        """What is known of each material."""
        return tuple(_material(self, material) for material in self.materials.values())

    @cached_property
    def phases(self) -> PhaseEnergies:
        """The materials as phases."""
        return phase_energies(self.outcomes, self.by_name)

    def named(self, step: StepId | None) -> tuple[str, Admission] | None:
        """A step's name and what the gate said of it."""
        if step is None or self.step(step) not in self.admissions:
            return None
        return self.asked(step)

    def asked(self, step: StepId) -> tuple[str, Admission]:
        """As `named`, with a reason where it is no step of the study."""
        there = self.step(step)
        return str(there), self.admissions.get(there, Refusal(kind="not run", reason="it is no step of this study"))


def study_outcome(
    plan: Plan,
    admissions: Admissions,
    steps: tuple[StepOutcome, ...],
    *,
    planned_with: Mapping[str, Any] | None = None,
    wall_time_s: float | None = None,
) -> StudyOutcome:
    """Edges, levels, offsets and every other quantity that follows from what was admitted.

    Parameters
    ----------
    plan
        The study's steps.
    admissions
        What the gate said of each of them.
    steps
        How each ended, for the record.
    planned_with
        What the folder of the study kept of the dftflow that planned it (`made_with`); None where there is no such
        folder, and what derives has planned too.
    wall_time_s
        Of the whole run.
    """
    study = plan.study
    own, *swept = _points(plan, admissions)
    phases = {at.point: at.phases for at in swept}
    findings, unaligned, found = _derived(own, phases, alloys(_mixed(own, swept)))
    at_points = _at_points(swept, found.every, phases)
    quantities = (*with_swept_ranges(found.every, at_points), *averages(at_points, _mixtures(swept)))
    remarks = [f"{step.name}: {remark}" for step in steps for remark in step.remarks]
    warnings = study_warnings(findings.materials, spin_orbit=_with_spin_orbit(own), cutoffs_ev=_cutoffs_ev(own))
    return StudyOutcome(
        title=study.content.title,
        study_name=study.name,
        preset=study.preset_name,
        preset_note=f"{study.preset.description}. {study.preset.accuracy}",
        code=plan.code.name,
        materials=findings.materials,
        alignments=findings.alignments,
        contacts=findings.contacts,
        diffraction=findings.diffraction,
        mismatches=findings.mismatches,
        steps=steps,
        settings=study.content.model_dump(mode="json", by_alias=True)
        | {"preset": study.preset.model_dump(mode="json")},
        provenance=_provenance(plan, planned_with),
        quantities=quantities,
        absorptions=findings.absorptions,
        hull=findings.hull,
        alloys=findings.alloys,
        asked=found.asked,
        published=stand_beside(study.asked.published, quantities),
        warnings=(*remarks, *dict.fromkeys(_unlike(own, *swept)), *unaligned, *warnings),
        wall_time_s=wall_time_s,
    )


# --- points of sweeps -------------------------------------------------------------------------------------------


def _points(plan: Plan, admissions: Admissions) -> list[_At]:
    """The study as it is written, then each point."""
    steps: dict[Point, list[StepId]] = {OWN: [], **{point: [] for point in plan.points}}
    for step in plan.steps:
        steps[step.point].append(step.id)
    found = []
    for point, there in steps.items():
        others = [step for step in steps[OWN] if point and step.at(point) not in admissions]
        known = {step: admissions[step] for step in (*others, *there) if step in admissions}
        at = plan.at(point)
        found.append(_At(study=at.study, materials=at.materials, point=point, admissions=known))
    return found


def _derived(
    at: _At, phases: PhasesAt, mixed: tuple[Alloy, ...] = ()
) -> tuple[Findings, tuple[str, ...], FoundQuantities]:
    """What is known, what could not be aligned, and the quantities; `phases` are those at the points of sweeps."""
    materials = at.outcomes
    unbuilt = _unbuilt(at, materials)
    requests = _requests(at)
    found, touching = offsets(requests, materials, unbuilt), contacts(requests, materials)
    asked = at.study.asked
    findings = Findings(
        admissions=at.by_name,
        materials=materials,
        alignments=found.rows,
        contacts=touching.rows,
        no_offsets=found.missing,
        no_contacts=touching.missing,
        unbuilt=unbuilt,
        asked=asked,
        absorptions=absorptions(asked.light, materials),
        reactions=reactions(asked.reactions, at.phases, phases),
        polymorphs=polymorphs(asked.phases, at.phases, phases),
        diffraction=_diffraction(asked.diffraction, materials),
        hull=hull(asked.hull, at.phases, phases),
        alloys=mixed,
        phase_remarks={name: phase.remarks for name, phase in at.phases.items()},
        mismatches=mismatches(asked.mismatches, materials),
        masses=tuple(_masses(at, materials)),
    )
    return findings, found.warnings, all_quantities(findings)


def _diffraction(request: DiffractionRequest | None, materials: tuple[MaterialOutcome, ...]) -> Diffraction | None:
    if request is None:
        return None
    return diffraction(request, diffracting([one for one in materials if one.name in request.materials]))


def _at_points(swept: Sequence[_At], own: tuple[Quantity, ...], phases: PhasesAt) -> list[Quantity]:
    """What of the points is not word for word what the study has as it is written: the same value of the same steps."""
    known = set(own)
    found = ((at.point, one) for at in swept for one in _derived(at, phases_beside(at.point, phases))[2].every)
    return [replace(quantity, point=point) for point, quantity in found if quantity not in known]


def _mixtures(swept: Sequence[_At]) -> dict[Point, dict[str, Mixture]]:
    return {at.point: {name: mixture_of(one.start) for name, one in at.materials.items()} for at in swept}


# --- one material -----------------------------------------------------------------------------------------------


def _material(at: _At, material: Material) -> MaterialOutcome:
    bulk = _bulk(at, material)
    found = [_slab(at, subject, bulk) for subject in slab_subjects(at.study, material.name)]
    slabs = tuple(slab for slab in found if slab is not None)
    return MaterialOutcome(
        name=material.name,
        formula=formula_of(material.start),
        bulk=bulk,
        slabs=slabs,
        mixture=mixture_of(material.start),
        unit=formula_unit(material.start),
    )


def _bulk(at: _At, material: Material) -> BulkOutcome:
    dos = dos_step(at.study, material.name)
    return bulk_outcome(
        material.name,
        material.crystal,
        material.start,
        relax=at.named(relax_step(at.study, material.name)),
        bands=at.asked(bands_step(material.name)),
        stress_tol_gpa=at.study.content.settings.stress_tol_gpa,
        shifts=at.named(shifts_step(at.study, material.name)),
        dos=None if dos is None else at.asked(dos),
        dos_request=at.study.asked.states,
    )


def _masses(at: _At, materials: Sequence[MaterialOutcome]) -> Iterator[CrystalMasses]:
    """Of the materials of which the study asks for effective masses."""
    for material in materials:
        step = masses_step(at.study, material.name)
        found = crystal_masses(material.name, material.bulk, None if step is None else at.asked(step))
        if found is not None:
            yield found


def _slab(at: _At, subject: Subject, bulk: BulkOutcome) -> SlabOutcome | None:
    (material,) = subject.materials
    relax = StepId(subject=subject, task="relax") if at.study.preset.slab_relax else None
    return slab_outcome(
        str(subject),
        relax=at.named(relax),
        potential=at.asked(potential_step(subject)),
        bulk=bulk,
        bulk_bands=at.asked(bands_step(material)),
    )


def _unbuilt(at: _At, materials: tuple[MaterialOutcome, ...]) -> dict[str, Missing]:
    """Surfaces of which no slab was ever built."""
    built = {slab.subject for material in materials for slab in material.slabs}
    found = {}
    for subject in (subject for material in materials for subject in slab_subjects(at.study, material.name)):
        if str(subject) not in built:
            why = missing_results(*at.asked(potential_step(subject)))
            found[str(subject)] = why or Missing(kind="not derived", reason="which surface it is, is not known")
    return found


# --- the study --------------------------------------------------------------------------------------------------


def _requests(at: _At) -> tuple[AlignmentRequest, ...]:
    """What is to be aligned; what was published belongs to the study as it is written."""
    content = at.study.content
    return tuple(
        AlignmentRequest(
            materials=content.aligned(entry),
            surfaces=entry.surfaces,
            tolerance_ev=entry.tolerance_ev,
            published=tuple(PublishedOffset(**row.model_dump()) for row in entry.published if not at.point),
        )
        for entry in content.alignment
    )


def _mixed(own: _At, swept: Sequence[_At]) -> dict[str, list[AlloyMember]]:
    """Mixtures whose fraction is swept, at each point that is a picture of them at some fraction."""
    content = own.study.content
    found: dict[str, list[AlloyMember]] = {}
    calculated = points_of(content)
    for at in swept:
        fraction = at.point.get("fraction")
        if fraction is None or any(key not in PICTURES for key, _ in at.point.without("fraction").settings):
            continue
        for name in content.materials:
            if name in calculated[at.point] and content.materials[name].fractions:
                found.setdefault(name, []).append(_member(at, name, float(fraction)))
    for name, members in found.items():
        members.append(_member(own, name, content.materials[name].fractions[0]))
    return found


def _member(at: _At, name: str, fraction: float) -> AlloyMember:
    outcome = next(one for one in at.outcomes if one.name == name)
    return AlloyMember(
        fraction=fraction,
        point=at.point,
        phase=at.phases[name],
        mixture=outcome.mixture,
        no_gap=outcome.bulk.no_edges if outcome.bulk.edges is None else None,
    )


def _with_spin_orbit(at: _At) -> bool:
    """Whether the band structure of every material was calculated with spin-orbit coupling."""
    found = [at.admissions.get(bands_step(name)) for name in at.materials]
    return all(
        isinstance(bands, Admitted) and bands.results.method is not None and bands.results.method.spin_orbit is True
        for bands in found
    )


def _cutoffs_ev(at: _At) -> list[float]:
    """Cutoff of each material's band structure: as it was calculated where that is known, else as it is asked for."""
    cutoffs = []
    for name in at.materials:
        found = at.admissions.get(bands_step(name))
        asked = max(at.study.content.materials[name].cutoff_ev, at.study.preset.min_cutoff_ev or 0.0)
        method = found.results.method if isinstance(found, Admitted) else None
        cutoffs.append(method.cutoff_ev if method is not None and method.cutoff_ev is not None else asked)
    return cutoffs


def _unlike(*points: _At) -> Iterator[str]:
    """Crystals and slabs whose levels are lined up, although they were calculated in different ways."""
    for at in points:
        for material in at.materials:
            bands, crystal = at.asked(bands_step(material))
            for subject in slab_subjects(at.study, material):
                potential, slab = at.asked(potential_step(subject))
                if isinstance(crystal, Admitted) and isinstance(slab, Admitted):
                    yield from _differences(bands, crystal, potential, slab)


def _differences(bands: str, crystal: Admitted, potential: str, slab: Admitted) -> Iterator[str]:
    for row in compare(crystal.results, slab.results).rows:
        if row.verdict == "differs":
            yield (
                f"{bands} and {potential} differ in their {row.quantity} ({row.first} | {row.second}): "
                f"{row.consequence}"
            )


def _provenance(plan: Plan, planned_with: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """What was planned with which versions, as the folder keeps it, and what derives the numbers today."""
    today = made_with()
    return {
        "study_file": f"{plan.study.name}.toml",
        "study_sha256": plan.study.sha256,
        **(today if planned_with is None else planned_with),
        "derived_with": today["versions"],
        "structures": {material.name: _origin(material) for material in plan.materials.values()},
    }


def _origin(material: Material) -> Mapping[str, Any]:
    crystal = material.crystal
    return {
        "source": crystal.source,
        "reference": crystal.reference,
        "sha256": crystal.sha256,
        "confidence": crystal.confidence,
        "space_group": crystal.space_group,
        "substitution": material.start.properties.get("substitution"),
    }
