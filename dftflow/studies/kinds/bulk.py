"""The crystal itself: its geometry, its band structure, corrections of its band edges, density of states, masses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from dftflow.analysis.mass_stencil import stencil_points
from dftflow.crystals.kpaths import special_points, standard_path
from dftflow.crystals.moments import moments_of
from dftflow.errors import StudyError
from dftflow.model.built import Built
from dftflow.model.effective_mass import EdgePoints
from dftflow.model.levels import BandEdges
from dftflow.model.spec import CalcSpec, CellFreedom, KPoint
from dftflow.model.step import Need, Step, StepId, Subject
from dftflow.studies.kinds.base import Parent
from dftflow.studies.kinds.settings import MaterialSettings
from dftflow.studies.material import Material
from dftflow.studies.reader import Study

if TYPE_CHECKING:
    from pymatgen.core import Structure

__all__ = ["BulkKind", "bands_step", "dos_step", "masses_step", "relax_step", "shifts_step"]

SAME_K = 1e-9
MASS_EMPTY_BANDS = 6
"""Enough for the bands that may be degenerate at an edge."""
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
    request = study.asked.states
    if request is None or material not in request.materials:
        return None
    return StepId(subject=_subject(material), task="dos")


def masses_step(study: Study, material: str) -> StepId | None:
    """The step that gives the crystal's effective masses; None where the study asks for none."""
    request = study.asked.masses
    if request is None or material not in request.materials:
        return None
    return StepId(subject=_subject(material), task="masses")


class BulkKind:
    """``bulk-relax`` where the preset asks for it, ``bulk-bands``; the others where the study asks for them."""

    name = "bulk"

    def steps(self, study: Study, materials: Mapping[str, Material]) -> tuple[Step, ...]:
        """One to five steps a material."""
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
            *self._masses(study, material, needs),
        )

    def _masses(self, study: Study, material: str, needs: tuple[Need, ...]) -> tuple[Step, ...]:
        """The step after the bands, around whose edges its states lie."""
        step = masses_step(study, material)
        edges = Need(step=bands_step(material), purpose="edges")
        return () if step is None else (Step(id=step, title="bulk: effective masses", needs=(*needs, edges)),)

    def build(
        self, step: Step, study: Study, materials: Mapping[str, Material], parents: Mapping[StepId, Parent]
    ) -> Built:
        """The crystal as it starts, or as it was relaxed; raises `StudyError` for a wrong ``band_edge``."""
        (name,) = step.id.subject.materials
        settings = MaterialSettings(study, materials[name])
        geometries = (parent.structure for parent in parents.values() if parent.purpose == "geometry")
        crystal = next(geometries, materials[name].start)
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
        if step.id.task == "masses":
            edges = next((parent.edges for parent in parents.values() if parent.purpose == "edges"), None)
            return self._built_masses(settings, crystal, edges)
        spec = replace(
            settings.common("band structure of the crystal"),
            task="bands",
            path=standard_path(crystal, study.preset.path_spacing_per_ang),
            edge_kpoints=tuple(special_points(crystal).values()),
            moments_mub=moments_of(crystal),
            **settings.grid("bands", crystal),
        )
        return Built(structure=crystal, spec=spec, facts=self._edge_point(study, materials[name]))

    def _built_masses(self, settings: MaterialSettings, crystal: Structure, edges: BandEdges | None) -> Built:
        """Around the edges where they are known; else around the point that the study names, or Γ."""
        if edges is not None:
            vbm, cbm = edges.vbm_k, edges.cbm_k
        else:
            named = self._edge_point(settings.study, settings.material).get("band_edge")
            a, b, c = named["frac"] if isinstance(named, dict) else (0.0, 0.0, 0.0)
            vbm = cbm = (float(a), float(b), float(c))
        request = settings.study.asked.masses
        assert request is not None, "a step is planned where there is a request"
        points = EdgePoints(vbm=vbm, cbm=cbm, step_per_ang=request.step_per_ang)
        return Built(structure=crystal, spec=_masses_spec(settings, crystal, points), facts=points.as_facts())

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


def _masses_spec(settings: MaterialSettings, crystal: Structure, points: EdgePoints) -> CalcSpec:
    """The points around both edges, those that both have once."""
    reciprocal = crystal.lattice.reciprocal_lattice.matrix
    found: dict[tuple[float, float, float], KPoint] = {}
    for name, k in (("VBM", points.vbm), ("CBM", points.cbm)):
        for number, frac in enumerate(stencil_points(np.array(k), points.step_per_ang, reciprocal)):
            a, b, c = (round(float(x), 10) + 0.0 for x in frac)
            found.setdefault((a, b, c), KPoint(label=name if number == 0 else "", frac=(a, b, c)))
    return replace(
        settings.common("states around the band edges of the crystal"),
        task="masses",
        edge_kpoints=tuple(found.values()),
        empty_bands=min(settings.common("").empty_bands, MASS_EMPTY_BANDS),
        moments_mub=moments_of(crystal),
        **settings.grid("bands", crystal),
    )


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
