"""From what the gate said of every step to the outcome of the study: nothing is read or built here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dftflow.analysis.comparability import compare
from dftflow.crystals.ions import formula_of
from dftflow.derive.edges import bulk_outcome
from dftflow.derive.findings import Findings
from dftflow.derive.missing import missing_results
from dftflow.derive.offsets import offsets
from dftflow.derive.registry import all_quantities
from dftflow.derive.surfaces import slab_outcome
from dftflow.derive.warnings import study_warnings
from dftflow.model.admission import Admission, Admitted, Refusal
from dftflow.model.alignment import AlignmentRequest, PublishedOffset
from dftflow.model.outcome import BulkOutcome, MaterialOutcome, SlabOutcome, StepOutcome, StudyOutcome
from dftflow.model.quantity import Missing
from dftflow.model.step import StepId, Subject
from dftflow.studies.kinds.bulk import bands_step, relax_step
from dftflow.studies.kinds.slab import potential_step, slab_subjects
from dftflow.studies.material import Material
from dftflow.studies.plan import Plan
from dftflow.studies.stored_plan import made_with

__all__ = ["study_outcome"]

Admissions = Mapping[StepId, Admission]


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
    materials = tuple(_material(plan, material, admissions) for material in plan.materials.values())
    unbuilt = _unbuilt(plan, materials, admissions)
    found = offsets(_requests(plan), materials, unbuilt)
    remarks = [f"{step.name}: {remark}" for step in steps for remark in step.remarks]
    warnings = study_warnings(
        materials, spin_orbit=_with_spin_orbit(plan, admissions), cutoffs_ev=_cutoffs_ev(plan, admissions)
    )
    return StudyOutcome(
        title=study.content.title,
        study_name=study.name,
        preset=study.preset_name,
        preset_note=f"{study.preset.description}. {study.preset.accuracy}",
        code=plan.code.name,
        materials=materials,
        alignments=found.rows,
        steps=steps,
        settings=study.content.model_dump(mode="json", by_alias=True)
        | {"preset": study.preset.model_dump(mode="json")},
        provenance=_provenance(plan, planned_with),
        quantities=all_quantities(
            Findings(
                admissions={str(step): admission for step, admission in admissions.items()},
                materials=materials,
                alignments=found.rows,
                no_offsets=found.missing,
                unbuilt=unbuilt,
            )
        ),
        warnings=(*remarks, *_unlike(plan, admissions), *found.warnings, *warnings),
        wall_time_s=wall_time_s,
    )


# --- one material -----------------------------------------------------------------------------------------------


def _named(step: StepId | None, admissions: Admissions) -> tuple[str, Admission] | None:
    """A step's name and what the gate said of it."""
    if step is None or step not in admissions:
        return None
    return str(step), admissions[step]


def _asked(step: StepId, admissions: Admissions) -> tuple[str, Admission]:
    return str(step), admissions.get(step, Refusal(kind="not run", reason="it is no step of this study"))


def _material(plan: Plan, material: Material, admissions: Admissions) -> MaterialOutcome:
    bulk = _bulk(plan, material, admissions)
    found = [_slab(plan, subject, bulk, admissions) for subject in slab_subjects(plan.study, material.name)]
    slabs = tuple(slab for slab in found if slab is not None)
    return MaterialOutcome(name=material.name, formula=formula_of(bulk.structure), bulk=bulk, slabs=slabs)


def _bulk(plan: Plan, material: Material, admissions: Admissions) -> BulkOutcome:
    return bulk_outcome(
        material.name,
        material.crystal,
        material.start,
        relax=_named(relax_step(plan.study, material.name), admissions),
        bands=_asked(bands_step(material.name), admissions),
        stress_tol_gpa=plan.study.content.settings.stress_tol_gpa,
    )


def _slab(plan: Plan, subject: Subject, bulk: BulkOutcome, admissions: Admissions) -> SlabOutcome | None:
    (material,) = subject.materials
    relax = StepId(subject=subject, task="relax") if plan.study.preset.slab_relax else None
    return slab_outcome(
        str(subject),
        relax=_named(relax, admissions),
        potential=_asked(potential_step(subject), admissions),
        bulk=bulk,
        bulk_bands=_asked(bands_step(material), admissions),
    )


def _unbuilt(plan: Plan, materials: tuple[MaterialOutcome, ...], admissions: Admissions) -> dict[str, Missing]:
    """Surfaces of which no slab was ever built."""
    built = {slab.subject for material in materials for slab in material.slabs}
    found = {}
    for subject in (subject for material in materials for subject in slab_subjects(plan.study, material.name)):
        if str(subject) not in built:
            why = missing_results(*_asked(potential_step(subject), admissions))
            found[str(subject)] = why or Missing(kind="not derived", reason="which surface it is, is not known")
    return found


# --- the study --------------------------------------------------------------------------------------------------


def _requests(plan: Plan) -> tuple[AlignmentRequest, ...]:
    content = plan.study.content
    return tuple(
        AlignmentRequest(
            materials=content.aligned(entry),
            surfaces=entry.surfaces,
            tolerance_ev=entry.tolerance_ev,
            published=tuple(PublishedOffset(**row.model_dump()) for row in entry.published),
        )
        for entry in content.alignment
    )


def _with_spin_orbit(plan: Plan, admissions: Admissions) -> bool:
    """Whether the band structure of every material was calculated with spin-orbit coupling."""
    found = [admissions.get(bands_step(name)) for name in plan.materials]
    return all(
        isinstance(bands, Admitted) and bands.results.method is not None and bands.results.method.spin_orbit is True
        for bands in found
    )


def _cutoffs_ev(plan: Plan, admissions: Admissions) -> list[float]:
    """Cutoff of each material's band structure: as it was calculated where that is known, else as it is asked for."""
    cutoffs = []
    for name in plan.materials:
        found = admissions.get(bands_step(name))
        asked = max(plan.study.content.materials[name].cutoff_ev, plan.study.preset.min_cutoff_ev or 0.0)
        method = found.results.method if isinstance(found, Admitted) else None
        cutoffs.append(method.cutoff_ev if method is not None and method.cutoff_ev is not None else asked)
    return cutoffs


def _unlike(plan: Plan, admissions: Admissions) -> tuple[str, ...]:
    """Crystals and slabs whose levels are lined up, although they were calculated in different ways."""
    lines = []
    for material in plan.materials:
        crystal = admissions.get(bands_step(material))
        for subject in slab_subjects(plan.study, material):
            slab = admissions.get(potential_step(subject))
            if isinstance(crystal, Admitted) and isinstance(slab, Admitted):
                lines += [
                    f"{bands_step(material)} and {potential_step(subject)} differ in their {row.quantity} "
                    f"({row.first} | {row.second}): {row.consequence}"
                    for row in compare(crystal.results, slab.results).rows
                    if row.verdict == "differs"
                ]
    return tuple(lines)


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
