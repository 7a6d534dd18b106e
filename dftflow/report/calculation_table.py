"""Many calculations, one line each, as wide as the terminal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from dftflow.report.calculation_summary import CalculationSummary, EnergyKind
from dftflow.report.fitted_table import TableColumn, fitted_table

__all__ = ["calculation_table", "short_names"]

_KINDS: dict[EnergyKind, tuple[str, str]] = {
    "zero smearing": ("E0", "extrapolated to zero smearing"),
    "total": ("E", "total energy, without smearing"),
    "free": ("F", "free energy E - TS"),
    "smearing not told": ("E?", "total energy, or extrapolated to zero smearing: the files do not tell which"),
}
SAME_EV = 5e-4
"""Work functions of two sides that differ by less are given once."""


def short_names(places: Sequence[Path]) -> list[str]:
    """The shortest end of each path that no other one has; a seed that is called as its folder is not repeated."""
    parts = [place.parent.parts if place.name == place.parent.name else place.parts for place in places]
    return ["/".join(_shortest_end(own, parts)) for own in parts]


def _shortest_end(own: tuple[str, ...], others: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    for length in range(1, len(own)):
        if sum(other[-length:] == own[-length:] for other in others) == 1:
            return own[-length:]
    return own


def calculation_table(names: Sequence[str], summaries: Sequence[CalculationSummary], width: int) -> list[str]:
    """A line for each, none wider than `width`, what the short words mean, and every refusal with its reason."""

    def cells(text: Callable[[CalculationSummary], str]) -> tuple[str, ...]:
        return tuple(map(text, summaries))

    columns = [
        TableColumn(head="calculation", cells=tuple(names), shortest=24),
        TableColumn(head="formula", cells=cells(lambda one: one.formula), shortest=8, leave_out=4),
        TableColumn(head="code", cells=cells(lambda one: one.code), leave_out=3),
        TableColumn(head="status", cells=cells(lambda one: one.ended), shortest=9),
        TableColumn(head="E (eV/cell)   ", cells=cells(_energy), right=True),
        TableColumn(head="gap (eV)", cells=cells(_gap), leave_out=1),
        TableColumn(head="W (eV)", cells=cells(_work_functions), leave_out=2),
        TableColumn(head="flags", cells=cells(_flags), shortest=9),
    ]
    lines = fitted_table(columns, width)
    used = [kind for kind in _KINDS if any(summary.energy_kind == kind for summary in summaries)]
    if used:
        lines += ["", *(f"{_KINDS[kind][0]}: {_KINDS[kind][1]}" for kind in used)]
    refusals = [f"{name}: {text}" for name, one in zip(names, summaries, strict=True) for text in one.refused]
    return [*lines, *(["", "refused:"] if refusals else []), *(f"  {text}" for text in refusals)]


def _energy(one: CalculationSummary) -> str:
    """With the sign of its kind behind it."""
    if one.energy_ev is None or one.energy_kind is None:
        return ""
    return f"{one.energy_ev:.5f} {_KINDS[one.energy_kind][0]:<2}"


def _gap(one: CalculationSummary) -> str:
    if one.band_gap_ev is None:
        return ""
    return f"{one.band_gap_ev:.3f} {one.gap_kind}"


def _work_functions(one: CalculationSummary) -> str:
    values = one.work_functions_ev
    if values and max(values) - min(values) < SAME_EV:
        values = values[:1]
    return " / ".join(f"{value:.3f}" for value in values)


def _flags(one: CalculationSummary) -> str:
    counts = [
        (len(one.refused), "refused"),
        (one.failed_checks, "failed"),
        (one.notes, "note" if one.notes == 1 else "notes"),
    ]
    return ", ".join(f"{count} {word}" for count, word in counts if count)
