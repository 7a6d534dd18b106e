"""A surface of a crystal: the slab's ions, then its electrostatic potential."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from dftflow.crystals.alike_faces import way_to_alike_faces
from dftflow.crystals.kpaths import surface_points
from dftflow.crystals.moments import moments_of
from dftflow.crystals.per_structure import per_structure
from dftflow.crystals.planes import resolve_plane
from dftflow.crystals.slabs import PlaneCuts, choose_slab, cut_plane, enumerate_slabs
from dftflow.model.built import Built
from dftflow.model.spec import CalcSpec
from dftflow.model.step import Need, Step, StepId, Subject
from dftflow.model.surface import Plane, SlabModel
from dftflow.studies.blame import blamed
from dftflow.studies.kinds.base import Parent
from dftflow.studies.kinds.bulk import relax_step
from dftflow.studies.kinds.settings import GridUse, MaterialSettings
from dftflow.studies.material import Material
from dftflow.studies.reader import Study
from dftflow.studies.schema import SlabEntry

if TYPE_CHECKING:
    from pymatgen.core import Structure

__all__ = ["SLAB_EMPTY_BANDS", "SlabKind", "named_surfaces", "potential_step", "slab_subjects"]

SLAB_EMPTY_BANDS = 4
"""Enough for a slab's own gap; higher ones lie among the states of the vacuum, and hardly converge."""


def slab_subjects(study: Study, material: str) -> tuple[Subject, ...]:
    """The surfaces of a material that the preset calculates."""
    return named_surfaces(study, material) if study.preset.slabs else ()


def named_surfaces(study: Study, material: str) -> tuple[Subject, ...]:
    """The surfaces that the study names, in its order: ``slab-011``, or ``slab-011-1`` where a plane stands twice."""
    entries = study.content.materials[material].slabs
    labels = [_miller_label(entry.miller) for entry in entries]
    subjects = []
    for index, label in enumerate(labels):
        number = f"-{labels[:index].count(label) + 1}" if labels.count(label) > 1 else ""
        subjects.append(Subject(kind="slab", materials=(material,), label=f"slab-{label}{number}"))
    return tuple(subjects)


def potential_step(subject: Subject) -> StepId:
    """The step that gives the levels of a surface."""
    return StepId(subject=subject, task="potential")


class SlabKind:
    """``slab-<hkl>-relax`` where the preset asks for it, and ``slab-<hkl>-potential``."""

    name = "slab"

    def steps(self, study: Study, materials: Mapping[str, Material]) -> tuple[Step, ...]:
        """One or two steps a surface."""
        return tuple(
            step
            for name in materials
            for index, subject in enumerate(slab_subjects(study, name))
            for step in self._steps_of(study, name, index, subject)
        )

    def _steps_of(self, study: Study, material: str, index: int, subject: Subject) -> tuple[Step, ...]:
        bulk = relax_step(study, material)
        crystal = () if bulk is None else (Need(step=bulk, purpose="geometry"),)
        settings = {"slab": index}
        potential = potential_step(subject)
        if not study.preset.slab_relax:
            return (Step(id=potential, title="slab: potential", needs=crystal, settings=settings),)
        relax = StepId(subject=subject, task="relax")
        needs = (Need(step=relax, purpose="geometry"), Need(step=relax, purpose="density"))
        return (
            Step(id=relax, title="slab: ions", needs=crystal, settings=settings),
            Step(id=potential, title="slab: potential", needs=needs, settings=settings),
        )

    def build(
        self, step: Step, study: Study, materials: Mapping[str, Material], parents: Mapping[StepId, Parent]
    ) -> Built:
        """The slab as cut from the crystal, or as it was relaxed; raises `SurfaceError` when there is none to cut."""
        (name,) = step.id.subject.materials
        settings = MaterialSettings(study, materials[name])
        entry = settings.entry.slabs[step.settings["slab"]]
        parent = next(iter(parents.values()), None)
        if parent is not None and parent.built.model is not None:
            model, slab = parent.built.model, parent.structure
        else:
            number = step.settings["slab"]
            with blamed(study, f"material {name}, slab {number + 1}", "materials", name, "slabs", number):
                model = _cut(study, entry, materials[name].start if parent is None else parent.structure)
            slab = model.structure
        return Built(structure=slab, spec=_spec(settings, entry, slab, model, step.id.task), model=model)


def _cut(study: Study, entry: SlabEntry, crystal: Structure) -> SlabModel:
    cut = _Cut(
        miller=entry.miller,
        setting=entry.setting,
        min_thickness_ang=entry.min_thickness_ang or study.preset.slab_thickness_ang,
        vacuum_ang=entry.vacuum_ang or study.preset.vacuum_ang,
        termination=entry.termination,
        allow_refused=entry.allow_refused,
    )
    return _made(crystal, cut)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cut:
    """What a slab of a crystal is cut by."""

    miller: tuple[int, ...]
    setting: str | None
    min_thickness_ang: float
    vacuum_ang: float
    termination: str
    allow_refused: bool


@per_structure
def _made(crystal: Structure, cut: _Cut) -> SlabModel:
    """The slab, which is the same one at all points of a sweep that leave it as it is."""
    plane = _plane(crystal, cut.miller, cut.setting)
    return choose_slab(
        _plane_cuts(crystal, plane, cut.min_thickness_ang).slabs(cut.vacuum_ang),
        cut.termination,
        allow_refused=cut.allow_refused,
        way_out=lambda: way_to_alike_faces(
            crystal,
            plane,
            partial(enumerate_slabs, min_thickness_ang=cut.min_thickness_ang, vacuum_ang=cut.vacuum_ang),
        ),
    )


_plane = per_structure(resolve_plane)


@per_structure
def _plane_cuts(crystal: Structure, plane: Plane, min_thickness_ang: float) -> PlaneCuts:
    """The cuts of a plane, which are the same ones whatever the vacuum."""
    return cut_plane(crystal, plane, min_thickness_ang=min_thickness_ang)


def _spec(settings: MaterialSettings, entry: SlabEntry, slab: Structure, model: SlabModel, task: str) -> CalcSpec:
    plane = model.plane
    subject = f"slab {plane}" if plane.short == str(plane) else f"{plane.short} slab"
    use: GridUse = "relax" if task == "relax" else "bands"
    if task == "relax":
        return replace(
            settings.common(f"ions of the {subject}"),
            task="relax",
            slab_axis=2,
            relaxation=settings.relaxation("fixed"),
            fixed_atoms=_held_atoms(settings, entry, slab),
            moments_mub=moments_of(slab),
            **settings.in_plane_grid(use, model),
        )
    common = settings.common(f"electrostatic potential of the {subject}")
    return replace(
        common,
        slab_axis=2,
        edge_kpoints=surface_points(slab),
        moments_mub=moments_of(slab),
        empty_bands=min(common.empty_bands, SLAB_EMPTY_BANDS),
        **settings.in_plane_grid(use, model),
    )


def _held_atoms(settings: MaterialSettings, entry: SlabEntry, slab: Structure) -> tuple[int, ...]:
    if entry.hold_middle_ang is not None:
        return _atoms_around_middle(slab, entry.hold_middle_ang)
    return _middle_layer(slab) if settings.study.preset.hold_middle_layer else ()


def _middle_layer(slab: Structure) -> tuple[int, ...]:
    """Indices of the atoms of the middle layer, of the two middle ones when their number is even."""
    layers = slab.site_properties["layer"]
    top = max(layers)
    return tuple(index for index, layer in enumerate(layers) if layer in (top // 2, (top + 1) // 2))


def _atoms_around_middle(slab: Structure, height_ang: float) -> tuple[int, ...]:
    """Indices of the atoms at most half of `height_ang` from the middle between the slab's outermost atoms."""
    heights = slab.cart_coords[:, 2]
    middle = (heights.max() + heights.min()) / 2
    return tuple(int(index) for index in np.flatnonzero(np.abs(heights - middle) <= height_ang / 2))


def _miller_label(miller: tuple[int, ...]) -> str:
    return "".join(f"{index}" for index in miller)
