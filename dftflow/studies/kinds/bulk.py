"""The crystal itself: its geometry, then its band structure, corrections of its band edges, its density of states."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from dftflow.crystals.kpaths import special_points, standard_path
from dftflow.crystals.moments import moments_of
from dftflow.errors import StudyError
from dftflow.model.built import Built
from dftflow.model.spec import CalcSpec, CellFreedom
from dftflow.model.step import Need, Step, StepId, Subject
from dftflow.studies.kinds.base import Parent
from dftflow.studies.kinds.settings import MaterialSettings
from dftflow.studies.material import Material
from dftflow.studies.reader import Study

if TYPE_CHECKING:
    from pymatgen.core import Structure

__all__ = ["BulkKind", "bands_step", "dos_step", "relax_step", "shifts_step"]

SAME_K = 1e-9
EMPTY_BANDS_AN_ATOM, LEAST_EMPTY_BANDS = 2, 8
"""That spin-orbit coupling mixes, whatever bands the study asks for: the lowest shells of every atom, and few more. It
is scaled in first order, and states far above would add the rest a second time."""


def _subject(material: str) -> Subject:
    return Subject(kind="bulk", materials=(material,), label="bulk")


def bands_step(material: str) -> StepId:
    """The step that gives the crystal's band edges."""
    return StepId(subject=_subject(material), task="bands")


def relax_step(study: Study, material: str) -> StepId | None:
    """The step that gives the crystal's geometry; None when the preset relaxes no crystal."""
    return None if study.preset.bulk_relax == "none" else StepId(subject=_subject(material), task="relax")


def shifts_step(study: Study, material: str) -> StepId | None:
    """The step that gives the corrections of the crystal's band edges; None where the study asks for none."""
    return StepId(subject=_subject(material), task="shifts") if study.content.settings.corrections else None


def dos_step(study: Study, material: str) -> StepId | None:
    """The step that gives the crystal's density of states; None where the study asks for none."""
    request = study.dos_request
    if request is None or material not in request.materials:
        return None
    return StepId(subject=_subject(material), task="dos")


class BulkKind:
    """``bulk-relax`` where the preset asks for it, ``bulk-bands``; the others where the study asks for them."""

    name = "bulk"

    def steps(self, study: Study, materials: Mapping[str, Material]) -> tuple[Step, ...]:
        """One to four steps a material."""
        return tuple(step for name in materials for step in self._steps_of(study, name))

    def _steps_of(self, study: Study, material: str) -> tuple[Step, ...]:
        relax = relax_step(study, material)
        shifts, dos = shifts_step(study, material), dos_step(study, material)
        needs = () if relax is None else (Need(step=relax, purpose="geometry"), Need(step=relax, purpose="density"))
        own = {relax: "bulk: geometry"} if relax is not None else {}
        after = {bands_step(material): "bulk: band structure"}
        after |= {shifts: "bulk: corrections of the band edges"} if shifts is not None else {}
        after |= {dos: "bulk: density of states"} if dos is not None else {}
        return (
            *(Step(id=step, title=title) for step, title in own.items()),
            *(Step(id=step, title=title, needs=needs) for step, title in after.items()),
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
        if step.id.task == "shifts":
            return Built(structure=crystal, spec=_shifts_spec(settings, crystal))
        if step.id.task == "dos":
            return Built(structure=crystal, spec=_dos_spec(settings, crystal))
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


def _dos_spec(settings: MaterialSettings, crystal: Structure) -> CalcSpec:
    return replace(
        settings.common("density of states of the crystal"),
        task="dos",
        states_grid=settings.states_grid(crystal),
        moments_mub=moments_of(crystal),
        **settings.grid("bands", crystal),
    )


def _shifts_spec(settings: MaterialSettings, crystal: Structure) -> CalcSpec:
    """On the grid of the bands, made even and moved onto Γ, so that it holds the special points of most zones.

    Exact exchange is summed over that grid, and known at its points alone.
    """
    asked = settings.grid("bands", crystal)
    grid = tuple(number + number % 2 for number in asked["grid"])
    points = special_points(crystal).values()
    note = "; ".join(filter(None, (asked["grid_note"], "even, and moved onto Gamma, to hold the special points")))
    return replace(
        settings.common("corrections of the band edges"),
        task="shifts",
        dispersion="none",  # it moves no level
        moments_mub=moments_of(crystal),
        corrections=settings.study.content.settings.corrections,
        empty_bands=max(LEAST_EMPTY_BANDS, EMPTY_BANDS_AN_ATOM * len(crystal)),
        edge_kpoints=tuple(point for point in points if _is_on(point.frac, grid)),
        grid=grid,
        gamma_centred=True,
        grid_note=note,
    )


def _is_on(frac: Sequence[float], grid: Sequence[int]) -> bool:
    return all(abs(part * number - round(part * number)) < SAME_K for part, number in zip(frac, grid, strict=True))
