"""One calculation that was found, as plain data that JSON can hold."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import Any

from dftflow.gate.found import FoundCalculation
from dftflow.model.absolute import CalculationLevels, SlabSide
from dftflow.model.method import Method
from dftflow.report.calculation_summary import formula_of
from dftflow.report.results_json import plain

__all__ = ["calculation_document"]


def calculation_document(found: FoundCalculation) -> dict[str, Any]:
    """What its files hold and what follows from it: the entry of a calculation in ``dftflow parse --json``.

    Names have their unit (``band_gap_ev``). A number that a file does not carry, or that is none, is None.
    """
    document: dict[str, Any] = plain(_document(found))
    return document


def _document(found: FoundCalculation) -> dict[str, Any]:
    calculation, judged = found.calculation, found.judged
    return {
        "code": calculation.code,
        "folder": str(calculation.folder),
        "seed": calculation.seed,
        "files": [
            {
                "file": file.file.name,
                "kind": file.kind,
                "summary": file.summary,
                "refused": None if file.error is None else str(file.error),
            }
            for file in found.reading.files
        ],
        "refused": [] if judged is None else [asdict(refusal) for refusal in judged.refused],
        "results": None if judged is None else _results(found),
    }


def _results(found: FoundCalculation) -> dict[str, Any]:
    results, levels = found.results, found.levels()
    return {
        "status": results.status,
        "finished": results.status == "finished",
        "code_version": results.code_version,
        "energy_ev": results.energy_ev,
        "free_energy_ev": results.free_energy_ev,
        "fermi_ev": results.fermi_ev,
        "max_force_ev_per_ang": results.max_force_ev_per_ang,
        "pressure_gpa": results.pressure_gpa,
        "volume_ang3": None if results.structure is None else float(results.structure.volume),
        "formula": None if results.structure is None else formula_of(results.structure),
        **_levels(levels),
        "method": _method(results.method),
        "bands_method": None if results.bands_run is None else _method(results.bands_run.method),
        "checks": [asdict(check) for check in results.checks],
        "steps": len(results.steps),
        "wall_time_s": results.wall_time_s,
        "cpu_time_s": results.cpu_time_s,
        "warnings": list(results.warnings),
        "remarks": list(levels.remarks),
    }


def _levels(levels: CalculationLevels) -> dict[str, Any]:
    edges = levels.edges
    told = edges or levels.printed_gap
    return {
        "band_gap_ev": None if told is None else told.band_gap_ev,
        "vbm_ev": None if told is None or told.vbm is None else told.vbm.value_ev,
        "cbm_ev": None if told is None or told.cbm is None else told.cbm.value_ev,
        "vbm_k": None if edges is None else list(edges.vbm_k),
        "cbm_k": None if edges is None else list(edges.cbm_k),
        "direct": None if edges is None else edges.direct,
        "no_band_edges": levels.why_no_edges,
        "printed_gap": None if levels.printed_gap is None else levels.printed_gap.source,
        "slab_normal": None if levels.normal is None else "abc"[levels.normal],
        "sides": [_side(side) for side in levels.sides],
        "no_vacuum_level": levels.why_no_vacuum,
    }


def _method(method: Method | None) -> dict[str, Any] | None:
    return None if method is None else {field.name: getattr(method, field.name) for field in fields(method)}


def _side(side: SlabSide) -> dict[str, Any]:
    return {
        "side": side.vacuum.side,
        "vacuum_ev": side.vacuum.level.value_ev,
        "spread_ev": side.vacuum.spread_ev,
        "slope_ev_per_ang": side.vacuum.slope_ev_per_ang,
        "work_function_ev": side.work_function_ev,
        "ionisation_potential_ev": side.ionisation_potential_ev,
        "electron_affinity_ev": side.electron_affinity_ev,
    }
