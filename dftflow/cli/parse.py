"""``dftflow parse``: what lies in a folder of results, whichever code it is from."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from dftflow.codes.base import Reading
    from dftflow.model.absolute import CalculationLevels, SlabSide
    from dftflow.model.results import Results

__all__ = ["command"]


@click.command()
@click.argument("folders", metavar="FOLDER...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--code", help="Look for this code only: castep, espresso, gpaw, vasp.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(folders: tuple[Path, ...], code: str | None, as_json: bool) -> None:
    """Find the calculations in each FOLDER and below, and print what they hold and what follows from it.

    A file that is incomplete, damaged or contradicts itself is refused by name, and costs no other file. The exit code
    is 6 when one was.
    """
    from dftflow.errors import ParseError

    readings = [reading for folder in folders for reading in _read(folder, code)]
    if not readings:
        raise ParseError("no calculation was found", where=", ".join(map(str, folders)), fix="`dftflow parse --help`")
    if as_json:
        click.echo(json.dumps({"calculations": [_document(reading) for reading in readings]}, indent=1))
    else:
        click.echo("\n\n".join("\n".join(_page(reading)) for reading in readings))
    refused = [file for reading in readings for file in reading.files if file.error is not None]
    if refused and not as_json:
        raise ParseError(
            f"{len(refused)} of {sum(len(reading.files) for reading in readings)} files were refused",
            reason="\n       ".join(str(file.error).splitlines()[0] for file in refused),
        )
    if refused:
        raise click.exceptions.Exit(ParseError.exit_code)


def _read(folder: Path, code: str | None) -> Iterator[Reading]:
    from dftflow.codes.finding import find_calculations
    from dftflow.codes.registry import load_code

    for calculation in find_calculations(folder, code):
        yield load_code(calculation.code).read(calculation)


# --- JSON -------------------------------------------------------------------------------------------------------


def _document(reading: Reading) -> dict[str, Any]:
    from dftflow.analysis.calculation_levels import calculation_levels

    calculation, results = reading.calculation, reading.results
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
            for file in reading.files
        ],
        "results": None if results is None else _results(results, calculation_levels(results)),
    }


def _results(results: Results, levels: CalculationLevels) -> dict[str, Any]:
    from dataclasses import asdict

    edges = levels.edges
    return {
        "status": results.status,
        "code_version": results.code_version,
        "energy_ev": results.energy_ev,
        "free_energy_ev": results.free_energy_ev,
        "fermi_ev": results.fermi_ev,
        "max_force_ev_per_ang": _max_force(results),
        "pressure_gpa": _pressure(results),
        "volume_ang3": None if results.structure is None else float(results.structure.volume),
        "formula": None if results.structure is None else results.structure.composition.reduced_formula,
        "band_gap_ev": None if edges is None else edges.band_gap_ev,
        "vbm_ev": None if edges is None else edges.vbm.value_ev,
        "cbm_ev": None if edges is None else edges.cbm.value_ev,
        "direct": None if edges is None else edges.direct,
        "no_band_edges": levels.why_no_edges,
        "sides": [_side(side) for side in levels.sides],
        "no_vacuum_level": levels.why_no_vacuum,
        "method": None if results.method is None else _plain_method(asdict(results.method)),
        "checks": [asdict(check) for check in results.checks],
        "steps": len(results.steps),
        "wall_time_s": results.wall_time_s,
        "warnings": list(results.warnings),
        "remarks": list(levels.remarks),
    }


def _plain_method(method: dict[str, Any]) -> dict[str, Any]:
    return {key: dict(value) if hasattr(value, "items") else value for key, value in method.items()}


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


# --- a page for a person ----------------------------------------------------------------------------------------


def _page(reading: Reading) -> list[str]:
    calculation = reading.calculation
    lines = [f"{calculation.folder / calculation.seed}  ({calculation.code})"]
    if reading.results is not None:
        lines += [f"  {name:<14} {text}" for name, text in _facts(reading.results) if text]
    width = max((len(file.file.name) for file in reading.files), default=0)
    for file in reading.files:
        found = file.summary if file.error is None else f"REFUSED: {file.error.summary} ({file.error.where})"
        lines.append(f"  {file.file.name:<{width}}  {file.kind}: {found}".rstrip(": "))
    return lines


def _facts(results: Results) -> Iterator[tuple[str, str]]:
    from dftflow.analysis.calculation_levels import calculation_levels

    levels = calculation_levels(results)
    yield "status", f"{results.status.replace('_', ' ')}, {results.code} {results.code_version}"
    flag = "" if results.status == "finished" else f"   ({results.status.replace('_', ' ')})"
    yield "energy", _number(results.energy_ev, "eV", ".6f") + (flag if results.energy_ev is not None else "")
    force, pressure = _max_force(results), _pressure(results)
    yield "forces", _number(force, "eV/Å at most", ".5f") + (flag if force is not None else "")
    yield "pressure", _number(pressure, "GPa", ".4f") + (flag if pressure is not None else "")
    yield "Fermi level", _number(results.fermi_ev, "eV", ".4f")
    yield from _level_facts(levels)
    yield "method", _method_line(results)
    for check in results.checks:
        answer = {True: "ok", False: "FAILS", None: "open"}[check.passed]
        yield "check", f"{answer}: {check.name}: {check.detail}"
    for text in (*levels.remarks, *results.warnings):
        yield "note", text


def _level_facts(levels: CalculationLevels) -> Iterator[tuple[str, str]]:
    edges = levels.edges
    if edges is not None:
        kind = "direct" if edges.direct else "indirect"
        places = f"VBM at {edges.vbm_label or _k(edges.vbm_k)}, CBM at {edges.cbm_label or _k(edges.cbm_k)}"
        yield "band gap", f"{edges.band_gap_ev:.4f} eV, {kind}; {places}"
    else:
        yield "band gap", f"none: {levels.why_no_edges}"
    for side in levels.sides:
        vacuum = side.vacuum
        yield (
            "work function",
            f"{side.work_function_ev:.4f} eV on the {vacuum.side} side (plateau: spread {vacuum.spread_ev:.4f} eV, "
            f"slope {vacuum.slope_ev_per_ang:+.5f} eV/Å)",
        )
        if side.ionisation_potential_ev is not None:
            yield (
                "slab's edges",
                f"E_vac - E_VBM {side.ionisation_potential_ev:.4f} eV, E_vac - E_CBM {side.electron_affinity_ev:.4f} eV"
                f" on the {vacuum.side} side",
            )
    if levels.why_no_vacuum:
        yield "vacuum level", f"none: {' '.join(levels.why_no_vacuum.split())}"


def _k(frac: Sequence[float]) -> str:
    return "(" + " ".join(f"{x:.4g}" for x in frac) + ")"


def _number(value: float | None, unit: str, pattern: str) -> str:
    return "" if value is None else f"{value:{pattern}} {unit}"


def _method_line(results: Results) -> str:
    method = results.method
    if method is None:
        return ""
    grid = None if method.kpoints_grid is None else f"{'x'.join(map(str, method.kpoints_grid))} k-points"
    spin = "spin-polarised" if method.spin_polarised else None
    parts = [
        method.functional,
        None if method.dispersion in (None, "none") else f"dispersion {method.dispersion}",
        None if method.cutoff_ev is None else f"{method.cutoff_ev:g} eV",
        grid,
        spin,
        "spin-orbit coupling" if method.spin_orbit else None,
        None if method.dipole_correction in (None, "none") else f"dipole correction {method.dipole_correction}",
        method.constants,
    ]
    return ", ".join(part for part in parts if part)


def _max_force(results: Results) -> float | None:
    forces = results.forces_ev_per_ang
    return None if forces is None or not len(forces) else float((forces**2).sum(axis=1).max() ** 0.5)


def _pressure(results: Results) -> float | None:
    return None if results.stress_gpa is None else float(-results.stress_gpa.trace() / 3)
