"""The points of a study's sweeps, and what of the study is another one at each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel

from dftflow.model.point import Point
from dftflow.studies.schema import MaterialEntry, Preset, StudyFile

__all__ = ["content_at", "points_of", "preset_at"]

Part = TypeVar("Part", bound=BaseModel)


def points_of(content: StudyFile) -> Mapping[Point, frozenset[str]]:
    """Every point of every sweep once, and the materials that are calculated there.

    Several keys of one table are swept together: its points are all their combinations.
    """
    points: dict[Point, frozenset[str]] = {}
    for entry in content.sweep:
        materials = frozenset(content.swept_materials(entry))
        for point in entry.points():
            points[point] = points.get(point, frozenset()) | materials
    return points


def content_at(content: StudyFile, point: Point) -> StudyFile:
    """The study file as it would be written for `point` alone, without its sweeps.

    Densities of states and effective masses are those of the study as it is written.
    """
    change: dict[str, Any] = {
        "sweep": (),
        "density_of_states": None,
        "effective_masses": None,
        "settings": _changed(content.settings, _given(point, ("xc", "smearing_ev"))),
        "materials": {name: _material_at(entry, point) for name, entry in content.materials.items()},
    }
    return content.model_copy(update=change)


def preset_at(preset: Preset, point: Point) -> Preset:
    """The preset with what `point` sets of it; it raises no cutoff that is swept."""
    change = _given(point, ("kpoint_spacing_per_ang", "slab_thickness_ang", "vacuum_ang"))
    return _changed(preset, change | ({} if point.get("cutoff_ev") is None else {"min_cutoff_ev": None}))


def _material_at(entry: MaterialEntry, point: Point) -> MaterialEntry:
    change: dict[str, Any] = _given(point, ("cutoff_ev",))
    if change:  # what is swept is no more what the reference gives
        change["from_reference"] = tuple(key for key in entry.from_reference if key not in change)
    slab: dict[str, Any] = _given(point, ("vacuum_ang",))
    if (thickness_ang := point.get("slab_thickness_ang")) is not None:
        slab["min_thickness_ang"] = thickness_ang
    if slab:
        change["slabs"] = tuple(_changed(one, slab) for one in entry.slabs)
    change |= _given(point, ("ordering", "seed")) if entry.is_ordered else {}
    turned: dict[str, Any] = _given(point, ("orientation",)) | ({"seed": None} if "seed" in change else {})
    share: dict[str, Any] = _given(point, ("fraction",))
    change["substitute"] = tuple(
        _changed(one, turned | (share if one.fraction is not None else {})) for one in entry.substitute
    )
    return _changed(entry, change)


def _given(point: Point, keys: Iterable[str]) -> dict[str, float | str]:
    return {key: value for key in keys if (value := point.get(key)) is not None}


def _changed(part: Part, change: Mapping[str, Any]) -> Part:
    return part.model_copy(update=dict(change)) if change else part
