"""One calculation that was found, on a page for a person."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dftflow.gate.calculation import Sound
from dftflow.gate.found import FoundCalculation
from dftflow.model.absolute import CalculationLevels
from dftflow.model.kpoint_grid import grid_text
from dftflow.model.method import Method, hubbard_text
from dftflow.report.calculation_summary import refusal_text

__all__ = ["calculation_page"]


def calculation_page(found: FoundCalculation) -> list[str]:
    """Its lines: what is known of it and of each of its files; what was refused with the reason."""
    files = found.reading.files
    lines = [f"{found.place}  ({found.calculation.code})"]
    if found.judged is not None:
        lines += [f"  {name:<14} {text}" for name, text in _facts(found, found.judged) if text]
    width = max((len(file.file.name) for file in files), default=0)
    for file in files:
        content = file.summary if file.error is None else f"REFUSED: {refusal_text(file.error)}"
        lines.append(f"  {file.file.name:<{width}}  {file.kind}: {content}".rstrip(": "))
    return lines


def _facts(found: FoundCalculation, judged: Sound) -> Iterator[tuple[str, str]]:
    """What is known, line by line. Every number of a calculation that did not finish says so."""
    results, levels = found.results, found.levels()
    status = results.status.replace("_", " ")
    yield "status", f"{status}, {results.code} {results.code_version}".rstrip()
    flag = "" if results.status == "finished" else f"   ({status})"
    numbers = [
        ("energy", _number(results.energy_ev, "eV", ".6f")),
        ("forces", _number(results.max_force_ev_per_ang, "eV/Å at most", ".5f")),
        ("pressure", _number(results.pressure_gpa, "GPa", ".4f")),
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
        places = f"VBM at {edges.vbm_label or _k(edges.vbm_k)}, CBM at {edges.cbm_label or _k(edges.cbm_k)}"
        yield "band gap", f"{edges.band_gap_ev:.4f} eV, {edges.kind}; {places}"
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
    if method is None:
        return ""
    counts = method.kpoints_grid
    grid = None if counts is None else f"{grid_text(counts, method.kpoints_shift)} k-points"
    width = "" if method.smearing_ev is None else f" {method.smearing_ev:g} eV"
    parts = [
        method.functional,
        None if method.dispersion in (None, "none") else f"dispersion {method.dispersion}",
        f"U of {hubbard_text(method.hubbard_u_ev)}" if method.hubbard_u_ev else None,
        None if method.cutoff_ev is None else f"{method.cutoff_ev:g} eV",
        grid,
        None if method.smearing is None else f"occupations {method.smearing}{width}",
        "spin-polarised" if method.spin_polarised else None,
        "spin-orbit coupling" if method.spin_orbit else None,
        None if method.dipole_correction in (None, "none") else f"dipole correction {method.dipole_correction}",
        method.constants,
    ]
    return ", ".join(part for part in parts if part)
