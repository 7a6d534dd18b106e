"""The crystal itself: its geometry, then its band structure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from dftflow.crystals.kpaths import special_points, standard_path
from dftflow.crystals.moments import moments_of
from dftflow.errors import StudyError
from dftflow.model.built import Built
from dftflow.model.spec import CellFreedom
from dftflow.model.step import Need, Step, StepId, Subject
from dftflow.studies.kinds.base import Parent
from dftflow.studies.kinds.settings import MaterialSettings
from dftflow.studies.material import Material
from dftflow.studies.reader import Study

__all__ = ["BulkKind", "bands_step", "relax_step"]


def _subject(material: str) -> Subject:
    return Subject(kind="bulk", materials=(material,), label="bulk")


def bands_step(material: str) -> StepId:
    """The step that gives the crystal's band edges."""
    return StepId(subject=_subject(material), task="bands")


def relax_step(study: Study, material: str) -> StepId | None:
    """The step that gives the crystal's geometry; None when the preset relaxes no crystal."""
    return None if study.preset.bulk_relax == "none" else StepId(subject=_subject(material), task="relax")


class BulkKind:
    """``bulk-relax`` where the preset asks for it, and ``bulk-bands``."""

    name = "bulk"

    def steps(self, study: Study, materials: Mapping[str, Material]) -> tuple[Step, ...]:
        """One or two steps a material."""
        return tuple(step for name in materials for step in self._steps_of(study, name))

    def _steps_of(self, study: Study, material: str) -> tuple[Step, ...]:
        relax = relax_step(study, material)
        bands = bands_step(material)
        if relax is None:
            return (Step(id=bands, title="bulk: band structure"),)
        needs = (Need(step=relax, purpose="geometry"), Need(step=relax, purpose="density"))
        return (
            Step(id=relax, title="bulk: geometry"),
            Step(id=bands, title="bulk: band structure", needs=needs),
        )

    def build(
        self, step: Step, study: Study, materials: Mapping[str, Material], parents: Mapping[StepId, Parent]
    ) -> Built:
        """The crystal as it starts, or as it was relaxed; raises `StudyError` for a wrong ``band_edge``."""
        (name,) = step.id.subject.materials
        settings = MaterialSettings(study, materials[name])
        crystal = next((parent.structure for parent in parents.values()), materials[name].start)
        if step.id.task == "relax":
            freedom: CellFreedom = settings.entry.cell if study.preset.bulk_relax == "cell" else "fixed"
            spec = replace(
                settings.common("geometry of the crystal"),
                task="relax",
                relaxation=settings.relaxation(freedom),
                moments_mub=moments_of(crystal),
                **settings.grid("relax", crystal),
            )
            return Built(structure=crystal, spec=spec)
        spec = replace(
            settings.common("band structure of the crystal"),
            task="bands",
            path=standard_path(crystal, study.preset.path_spacing_per_ang),
            edge_kpoints=tuple(special_points(crystal).values()),
            moments_mub=moments_of(crystal),
            **settings.grid("bands", crystal),
        )
        return Built(structure=crystal, spec=spec, facts=self._edge_point(study, materials[name]))

    def _edge_point(self, study: Study, material: Material) -> dict[str, object]:
        """The k-point that must be in the band calculation, where the study names one."""
        label = study.content.materials[material.name].band_edge
        if label is None:
            return {}
        points = special_points(material.start)
        if label not in points:
            raise StudyError(
                f"band_edge = {label!r} is no special point of the cell of {material.name}",
                where=study.where("materials", material.name, "band_edge"),
                fix=f"its special points are {', '.join(points)} (G is Gamma)",
            )
        return {"band_edge": {"label": label, "frac": list(points[label].frac)}}
