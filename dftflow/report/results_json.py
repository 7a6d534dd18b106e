"""``results.json``: every number of a study, with the step that it came from and the reason where there is none."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from dftflow.jobs.store import storage_errors, write_atomically
from dftflow.model.alignment import SIGN_CONVENTION, AbsoluteEdges, Alignment
from dftflow.model.contact import SchottkyContact
from dftflow.model.outcome import BulkOutcome, MaterialOutcome, SlabOutcome, StepOutcome, StudyOutcome
from dftflow.model.published import StandsBeside
from dftflow.model.quantity import VALENCE_OFFSET, Quantity
from dftflow.model.surface import SlabModel

__all__ = [
    "SCHEMA",
    "alignment_document",
    "missing_offsets",
    "plain",
    "results_document",
    "why_no_offset",
    "write_results_json",
]

SCHEMA = "dftflow-results/2"

Document = dict[str, Any]


def write_results_json(outcome: StudyOutcome, folder: Path) -> Path:
    """Write ``results.json`` into `folder`, whole or not at all, and return its path.

    Raises
    ------
    StoreError
        When it cannot be written.
    """
    path = folder / "results.json"
    text = json.dumps(results_document(outcome, folder), indent=2, ensure_ascii=False, allow_nan=False)
    with storage_errors(path):
        write_atomically(path, f"{text}\n")
    return path


def results_document(outcome: StudyOutcome, folder: Path) -> Document:
    """Content of ``results.json``: plain data of the layout ``results.schema.json``, folders relative to `folder`."""
    rows = [alignment_document(row) for row in outcome.alignments]
    return {
        "schema": SCHEMA,
        "study": {
            "title": outcome.title,
            "name": outcome.study_name,
            "code": outcome.code,
            "preset": outcome.preset,
            "preset_note": outcome.preset_note,
            "wall_time_s": _finite(outcome.wall_time_s),
        },
        "materials": {material.name: _material(material) for material in outcome.materials},
        "alignment": alignment_document(outcome.defended[0]) if outcome.defended else _no_alignment(outcome),
        "alignments": rows,
        "contacts": [_contact(row) for row in outcome.contacts],
        "quantities": [quantity.as_dict() for quantity in outcome.quantities],
        "published": [_published(row) for row in outcome.published],
        "steps": [_step(step, folder) for step in outcome.steps],
        "settings": plain(outcome.settings),
        "warnings": list(outcome.warnings),
        "provenance": plain(outcome.provenance),
    }


def _finite(value: float | None) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None


def _numbers(values: Mapping[str, float | None], reason: str) -> Document:
    """The values with ``missing``: name -> reason for each that is None, NaN or infinite."""
    numbers = {name: _finite(value) for name, value in values.items()}
    missing = {
        name: reason if values[name] is None else f"the calculation gave {values[name]}"
        for name, number in numbers.items()
        if number is None
    }
    return {**numbers, "missing": missing}


def _published(row: StandsBeside) -> Document:
    ours = None if row.ours is None else row.ours.as_dict()
    return {
        **asdict(row.published), "ours": ours, "difference": row.difference, "verdict": row.verdict, "why": row.why
    }  # fmt: skip


def _material(material: MaterialOutcome) -> Document:
    return {
        "formula": material.formula,
        "bulk": _bulk(material.bulk),
        "slabs": [_slab(slab) for slab in material.slabs],
    }


def _bulk(bulk: BulkOutcome) -> Document:
    edges, lattice = bulk.edges, bulk.structure.lattice
    values = {
        "band_gap_ev": edges.band_gap_ev if edges else None,
        "vbm_ev": edges.vbm.value_ev if edges else None,
        "cbm_ev": edges.cbm.value_ev if edges else None,
        "fermi_ev": edges.fermi_ev if edges else None,
    }
    return {
        **_numbers(values, bulk.why_no_edges),
        "vbm_k": list(map(float, edges.vbm_k)) if edges else None,
        "cbm_k": list(map(float, edges.cbm_k)) if edges else None,
        "vbm_label": edges.vbm_label if edges else None,
        "cbm_label": edges.cbm_label if edges else None,
        "direct": edges.direct if edges else None,
        "fermi_in_gap": edges.fermi_in_gap if edges else None,
        "energy_zero": edges.vbm.zero.reference if edges else None,
        "volume_ang3": float(lattice.volume),
        "cell_ang": lattice.matrix.tolist(),
        "lengths_ang": list(map(float, lattice.abc)),
        "lengths_open_ang": None if bulk.open_lengths_ang is None else list(bulk.open_lengths_ang),
        "angles_deg": list(map(float, lattice.angles)),
        "space_group": bulk.space_group,
        "source": bulk.source,
        "relaxed": bulk.relaxed,
        "from": {
            "edges": bulk.edges_step if edges else None,
            "cell": bulk.cell_step or None,
        },
        "remarks": list(bulk.remarks),
        "warnings": list(bulk.warnings),
    }


def _slab(slab: SlabOutcome) -> Document:
    levels, side = slab.levels, slab.own
    why = slab.failure or slab.model.refused or "the slab calculation gave no levels"
    values = {
        "work_function_ev": side.work_function_ev if side else None,
        "ionisation_potential_ev": levels.ionisation_potential_ev if levels else None,
        "electron_affinity_ev": levels.electron_affinity_ev if levels else None,
        "lineup_spread_ev": levels.spread.total_ev if levels else None,
    }
    own = {
        "slab_gap_ev": side.band_gap_ev if side else None,
        "slab_ionisation_potential_ev": side.ionisation_potential_ev if side else None,
        "slab_electron_affinity_ev": side.electron_affinity_ev if side else None,
    }
    numbers, own_numbers = _numbers(values, why), _numbers(own, slab.no_own_edges if side else why)
    edges = levels.slab_edges if levels else None
    return {
        **_slab_model(slab.model),
        **numbers,
        **own_numbers,
        "missing": {**numbers["missing"], **own_numbers["missing"]},
        "lineup_spread": plain(asdict(levels.spread)) if levels else None,
        "slab_vbm_k": list(map(float, edges.vbm_k)) if edges else None,
        "slab_cbm_k": list(map(float, edges.cbm_k)) if edges else None,
        "slab_vbm_label": edges.vbm_label if edges else None,
        "slab_cbm_label": edges.cbm_label if edges else None,
        "relaxed": slab.relaxed,
        "vacuum": _vacuum(slab, why),
        "from": {"levels": slab.levels_step if slab.vacuum else None},
        "subject": slab.subject,
        "failure": slab.failure,
        "remarks": [*slab.remarks, *slab.line_up_remarks],
        "warnings": list(slab.warnings),
    }


def _slab_model(model: SlabModel) -> Document:
    return {
        "miller": list(model.plane.miller),
        "setting": model.plane.setting,
        "equivalents": [{"setting": setting, "miller": list(miller)} for setting, miller in model.plane.equivalents],
        "termination": model.termination,
        "formal_charge": model.formal_charge,
        "symmetric": model.symmetric,
        "polar": model.polar,
        "polar_plane": model.of_polar_plane,
        "tasker": model.tasker,
        "formal_charges": model.charges,
        "why_this_termination": model.why,
        "stoichiometric": model.stoichiometric,
        "refused": model.refused,
        "area_ang2": _finite(model.area_ang2),
        "thickness_ang": _finite(model.thickness_ang),
        "vacuum_height_ang": _finite(model.vacuum_ang),
        "layers": [
            {"formula": layer.formula, "z_ang": _finite(layer.z_ang), "formal_charge": layer.formal_charge}
            for layer in model.layers
        ],
    }


def _vacuum(slab: SlabOutcome, why: str) -> Document:
    sides = {plateau.side: plateau for plateau in slab.vacuum}
    return _numbers(
        {
            "low_ev": sides["low"].level.value_ev if "low" in sides else None,
            "high_ev": sides["high"].level.value_ev if "high" in sides else None,
            "spread_ev": max((plateau.spread_ev for plateau in slab.vacuum), default=None),
            "slope_ev_per_ang": max((abs(p.slope_ev_per_ang) for p in slab.vacuum), default=None),
        },
        why if not slab.vacuum else "no plateau was found on this side",
    )


def _edges(edges: AbsoluteEdges | None) -> Document | None:
    if edges is None:
        return None
    values = {"vbm_ev": edges.vbm_ev, "cbm_ev": edges.cbm_ev}
    return {
        "material": edges.material,
        "surface": edges.surface,
        **_numbers(values, ""),
        "range_ev": list(map(float, edges.range_ev)),
    }


def alignment_document(row: Alignment) -> Document:
    """An entry of ``alignments``."""
    values = {
        "valence_band_offset_ev": row.valence_band_offset_ev,
        "conduction_band_offset_ev": row.conduction_band_offset_ev,
    }
    return {
        "method": row.method,
        **_numbers(values, "the source gives none" if row.source else "this method gives none"),
        "range_ev": None if row.range_ev is None else list(map(float, row.range_ev)),
        "range_holds": row.range_holds,
        "type": row.type,
        "tolerance_ev": _finite(row.tolerance_ev),
        "types_by_tolerance": [{"tolerance_ev": tol, "type": kind} for tol, kind in row.types_by_tolerance],
        "first": row.first_name,
        "second": row.second_name,
        "first_edges": _edges(row.first),
        "second_edges": _edges(row.second),
        "sign_convention": SIGN_CONVENTION,
        "polar": row.polar,
        "relaxed": row.relaxed,
        "remarks": list(row.remarks),
        "contradicts": list(row.contradicts),
        "source": row.source,
    }


def _contact(row: SchottkyContact) -> Document:
    return {
        "metal": row.metal_name,
        "level": row.metal.name,
        "work_function_ev": float(row.work_function_ev),
        "semiconductor": row.edges.material,
        "edges": _edges(row.edges),
        "method": row.method,
        "electron_barrier_ev": float(row.electron_barrier_ev),
        "hole_barrier_ev": float(row.hole_barrier_ev),
        "range_ev": list(map(float, row.range_ev)),
        "range_holds": row.range_holds,
        "remarks": list(row.remarks),
    }


def why_no_offset(outcome: StudyOutcome) -> str:
    """Why a study has no band offset that it defends."""
    polar = (
        ["all planes that an offset was calculated for are polar"] if any(r.polar for r in outcome.alignments) else []
    )
    reasons = [quantity.missing.reason for quantity in missing_offsets(outcome) if quantity.missing]
    return "; ".join(dict.fromkeys([*polar, *reasons])) or "the study names no two materials to align"


def missing_offsets(outcome: StudyOutcome) -> tuple[Quantity, ...]:
    """The valence-band offset of each two materials that the study aligns and that it has no row of its own for."""
    return tuple(q for q in outcome.quantities if q.name == VALENCE_OFFSET and q.missing and not q.point)


def _no_alignment(outcome: StudyOutcome) -> Document:
    why = why_no_offset(outcome)
    numbers = ("valence_band_offset_ev", "conduction_band_offset_ev", "tolerance_ev")
    words = ("method", "type", "first", "second", "first_edges", "second_edges", "source", "range_ev", "range_holds")
    return {
        **_numbers(dict.fromkeys(numbers), why),
        **dict.fromkeys(words),
        "polar": None,
        "relaxed": None,
        "remarks": [],
        "contradicts": [],
        "types_by_tolerance": [],
        "sign_convention": SIGN_CONVENTION,
    }


def _step(step: StepOutcome, folder: Path) -> Document:
    results = step.results
    return {
        "name": step.name,
        "title": step.title,
        "state": step.state,
        "failure": step.failure,
        "cause": step.cause,
        "tries": [asdict(attempt) for attempt in step.tries],
        "log_tail": step.log_tail,
        "folder": "" if step.folder == Path() else _relative(step.folder, folder),
        "files": sorted(step.deck_files),
        "wall_time_s": _finite(step.wall_time_s),
        "cpu_time_s": _finite(step.cpu_time_s),
        "energy_ev": _finite(results.energy_ev) if results else None,
        "code": results.code if results else None,
        "code_version": results.code_version if results else None,
        "peak_memory_mib": _finite(results.peak_memory_mib) if results else None,
        "cautions": list(step.cautions),
        "engine": dict(step.engine),
        "remarks": list(step.remarks),
        "warnings": list(results.warnings) if results else [],
    }


def _relative(path: Path, folder: Path) -> str:
    """`path` seen from `folder`, as from a run to its store; whole where they share nothing but the root."""
    path, folder = path.absolute(), folder.absolute()
    if path.is_relative_to(folder):
        return path.relative_to(folder).as_posix()
    path, folder = Path(os.path.realpath(path)), Path(os.path.realpath(folder))  # after a link .. is another folder
    together = len(Path(os.path.commonpath((path, folder))).parts) > 1
    return Path(os.path.relpath(path, folder) if together else path).as_posix()


def plain(value: Any) -> Any:
    """`value` as JSON can hold it: numpy and paths turned into plain data, what is not finite into None."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, set | frozenset):
        return sorted(map(str, value))
    if isinstance(value, float):
        return _finite(value)
    return value if value is None or isinstance(value, bool | int | str) else str(value)
