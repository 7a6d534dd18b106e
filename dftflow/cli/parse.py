"""``dftflow parse``: what lies in a folder of results, whichever code it is from."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dftflow.cli.place import Place

if TYPE_CHECKING:
    from dftflow.codes.base import FileReading
    from dftflow.errors import DftflowError
    from dftflow.gate.calculation import Sound
    from dftflow.gate.found import FoundCalculation
    from dftflow.model.absolute import CalculationLevels, SlabSide
    from dftflow.model.method import Method
    from dftflow.model.results import Results

__all__ = ["command"]


@click.command()
@click.argument("folders", metavar="FOLDER...", nargs=-1, required=True, type=Place())
@click.option("--code", help="Look for the calculations of this code only.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(folders: tuple[Path, ...], code: str | None, as_json: bool) -> None:
    """Find the calculations in each FOLDER and below, and print what they hold and what follows from it.

    A file in the place of a folder stands for the calculation that it belongs to. A file that is incomplete, damaged or
    contradicts itself is refused by name, and costs no other file; so is a part of the results that fails a check, such
    as a potential of another cell than the log's. The exit code is 6 when anything was refused.
    """
    from dftflow.errors import InputError, ParseError
    from dftflow.gate.found import calculations_in

    files: list[FileReading] = []
    parts: list[str] = []
    documents: list[dict[str, Any]] = []
    count = 0
    for count, found in enumerate(calculations_in(folders, code), start=1):
        files += found.reading.files
        parts += found.refused_parts
        if as_json:
            documents.append(_document(found))
        else:
            click.echo(_printable("\n".join([*([""] if count > 1 else []), *_page(found)])))
    strange = _passed_over(folders, files)
    if not count:
        raise InputError(
            "no calculation was found",
            reason="\n       ".join(strange),
            where=", ".join(map(str, folders)),
            fix="give the folder that holds the output files" + (", or leave --code out" if code else ""),
        )
    if as_json:
        click.echo(json.dumps(_plain({"calculations": documents}), indent=1, allow_nan=False))
    for line in strange:
        click.echo(_printable(f"note: {line}"), err=True)
    refused = [str(file.error).splitlines()[0] for file in files if file.error is not None]
    if refused or parts:
        counts = [f"{len(refused)} of {len(files)} files"] if refused else []
        counts += [f"{len(parts)} part{'' if len(parts) == 1 else 's'} of the results"] if parts else []
        is_one = len(refused) + len(parts) == 1
        raise ParseError(
            f"{' and '.join(counts)} {'was' if is_one else 'were'} refused",
            reason="\n       ".join([*refused, *parts]),
        )


def _passed_over(folders: Sequence[Path], files: Sequence[FileReading]) -> list[str]:
    """What is no file and was not named with a calculation."""
    from dftflow.codes.finding import passed_over

    named = {file.file for file in files}
    strange = dict(found for folder in folders for found in passed_over(folder))
    return [f"passed over: {file}: it is {kind}, not a file" for file, kind in strange.items() if file not in named]


def _printable(text: str) -> str:
    """The text with what no terminal can show replaced: the name of a file may hold any byte."""
    return text.encode("utf-8", "replace").decode("utf-8")


# --- JSON -------------------------------------------------------------------------------------------------------


def _plain(value: Any) -> Any:
    """The same as plain data, in which a number that is none is null."""
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _document(found: FoundCalculation) -> dict[str, Any]:
    from dataclasses import asdict

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
    from dataclasses import asdict

    results, levels = found.results, found.levels()
    return {
        "status": results.status,
        "finished": results.status == "finished",
        "code_version": results.code_version,
        "energy_ev": results.energy_ev,
        "free_energy_ev": results.free_energy_ev,
        "fermi_ev": results.fermi_ev,
        "max_force_ev_per_ang": _max_force(results),
        "pressure_gpa": _pressure(results),
        "volume_ang3": None if results.structure is None else float(results.structure.volume),
        "formula": _formula(results),
        **_levels(levels),
        "method": _method(results.method),
        "bands_method": None if results.bands_run is None else _method(results.bands_run.method),
        "checks": [asdict(check) for check in results.checks],
        "steps": len(results.steps),
        "wall_time_s": results.wall_time_s,
        "warnings": list(results.warnings),
        "remarks": list(levels.remarks),
    }


def _formula(results: Results) -> str | None:
    import warnings

    if results.structure is None:
        return None
    with warnings.catch_warnings():
        # pymatgen sorts the symbols by electronegativity, and warns of every noble gas that it has none
        warnings.simplefilter("ignore")
        return str(results.structure.composition.reduced_formula)


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
    from dataclasses import fields

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


# --- a page for a person ----------------------------------------------------------------------------------------


def _page(found: FoundCalculation) -> list[str]:
    files = found.reading.files
    lines = [f"{found.place}  ({found.calculation.code})"]
    if found.judged is not None:
        lines += [f"  {name:<14} {text}" for name, text in _facts(found, found.judged) if text]
    width = max((len(file.file.name) for file in files), default=0)
    for file in files:
        content = file.summary if file.error is None else _refusal(file.error)
        lines.append(f"  {file.file.name:<{width}}  {file.kind}: {content}".rstrip(": "))
    return lines


def _refusal(error: DftflowError) -> str:
    why = f": {' '.join(error.reason.split())}" if error.reason else ""
    return f"REFUSED: {error.summary}{why}" + (f" ({error.where})" if error.where else "")


def _facts(found: FoundCalculation, judged: Sound) -> Iterator[tuple[str, str]]:
    """What is known, line by line. Every number of a calculation that did not finish says so."""
    results, levels = found.results, found.levels()
    status = results.status.replace("_", " ")
    yield "status", f"{status}, {results.code} {results.code_version}".rstrip()
    flag = "" if results.status == "finished" else f"   ({status})"
    numbers = [
        ("energy", _number(results.energy_ev, "eV", ".6f")),
        ("forces", _number(_max_force(results), "eV/Å at most", ".5f")),
        ("pressure", _number(_pressure(results), "GPa", ".4f")),
        ("Fermi level", _number(results.fermi_ev, "eV", ".4f")),
        *_level_facts(levels),
    ]
    yield from ((name, text + flag if text else "") for name, text in numbers)
    if levels.printed_gap is not None:
        gap = levels.printed_gap
        yield "band gap", f"{gap.band_gap_ev:.4f} eV, {gap.source}{flag}"
    elif levels.edges is None:
        yield "band gap", f"not given: {levels.why_no_edges}"
    if levels.why_no_vacuum:
        yield "vacuum level", f"not given: {levels.why_no_vacuum}"
    yield "method", _method_line(results.method)
    if results.bands_run is not None:
        yield "bands' method", _method_line(results.bands_run.method) or "not known"
    for part in judged.refused_parts:
        yield part, f"REFUSED: {judged.why_without(part)}"
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
    for side in levels.sides:
        vacuum = side.vacuum
        where = f"on the {vacuum.side} side"
        plateau = f"plateau: spread {vacuum.spread_ev:.4f} eV, slope {vacuum.slope_ev_per_ang:+.5f} eV/Å"
        yield "work function", f"{side.work_function_ev:.4f} eV {where} ({plateau})"
        if side.ionisation_potential_ev is not None:
            edge_levels = (
                f"E_vac - E_VBM {side.ionisation_potential_ev:.4f} eV, E_vac - E_CBM {side.electron_affinity_ev:.4f} eV"
            )
            yield "slab's edges", f"{edge_levels} {where}"


def _k(frac: Sequence[float]) -> str:
    return "(" + " ".join(f"{x:.4g}" for x in frac) + ")"


def _number(value: float | None, unit: str, pattern: str) -> str:
    return "" if value is None else f"{value:{pattern}} {unit}"


def _method_line(method: Method | None) -> str:
    from dftflow.model.kpoint_grid import grid_text

    if method is None:
        return ""
    counts = method.kpoints_grid
    grid = None if counts is None else f"{grid_text(counts, method.kpoints_shift)} k-points"
    width = "" if method.smearing_ev is None else f" {method.smearing_ev:g} eV"
    u_values = ", ".join(f"{shell} {value:g} eV" for shell, value in sorted((method.hubbard_u_ev or {}).items()))
    parts = [
        method.functional,
        None if method.dispersion in (None, "none") else f"dispersion {method.dispersion}",
        f"U of {u_values}" if u_values else None,
        None if method.cutoff_ev is None else f"{method.cutoff_ev:g} eV",
        grid,
        None if method.smearing is None else f"occupations {method.smearing}{width}",
        "spin-polarised" if method.spin_polarised else None,
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
