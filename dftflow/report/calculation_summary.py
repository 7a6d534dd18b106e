"""What one line tells of a calculation that was found: small enough to keep of thousands."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from dftflow.errors import DftflowError
from dftflow.gate.found import FoundCalculation
from dftflow.model.method import Method
from dftflow.model.records import Records
from dftflow.model.results import Results, Status

if TYPE_CHECKING:
    from pymatgen.core import Structure

__all__ = ["CalculationSummary", "EnergyKind", "Holding", "formula_of", "refusal_text", "summary_of", "summary_records"]

EnergyKind = Literal["zero smearing", "total", "free", "smearing not told"]
"""What an energy is: extrapolated to zero smearing; the total energy of a calculation without smearing; E - TS; or
either of the first two, where the files do not tell whether there was smearing."""

Holding = Literal["bands", "gap", "potential", "work-function"]
_FIXED = "fixed"


@dataclass(frozen=True, slots=True, kw_only=True)
class CalculationSummary:
    """One calculation in short; None where it does not carry a number.

    Attributes
    ----------
    place
        Folder and seed.
    status
        How it ended; None when it has left no output that can be read.
    formula
        Reduced; ``""`` when there is no geometry.
    energy_ev, energy_kind
        Per cell, and which energy it is.
    direct
        None when the gap is one that the code printed.
    work_functions_ev
        E_vac - E_F on the low and on the high side of a slab; ``()`` when there is no vacuum level.
    holds
        What may be used of it.
    refused
        A line for each refused file and each refused part of the results, with the reason.
    failed_checks, notes
        Their numbers; a note is a remark or a warning.
    methods
        How it was calculated: its energy and, where they are of another run, its bands.
    """

    place: Path
    code: str
    code_version: str = ""
    status: Status | None = None
    formula: str = ""
    energy_ev: float | None = None
    energy_kind: EnergyKind | None = None
    band_gap_ev: float | None = None
    direct: bool | None = None
    work_functions_ev: tuple[float, ...] = ()
    holds: frozenset[Holding] = frozenset()
    refused: tuple[str, ...] = ()
    failed_checks: int = 0
    notes: int = 0
    methods: tuple[Method, ...] = ()

    @property
    def ended(self) -> str:
        """How it ended, for a person."""
        return "no output" if self.status is None else self.status.replace("_", " ")

    @property
    def gap_kind(self) -> str:
        """Of its gap, for a person."""
        return {True: "direct", False: "indirect", None: "as printed"}[self.direct]


def summary_of(found: FoundCalculation) -> CalculationSummary:
    """The line that `found` has in a table."""
    refused = [refusal_text(file.error) for file in found.refused_files if file.error is not None]
    place, code = found.place, found.calculation.code
    judged = found.judged
    if judged is None:
        return CalculationSummary(place=place, code=code, refused=tuple(refused))
    results, levels = found.results, found.levels()
    edges, gap = levels.edges, levels.edges or levels.printed_gap
    energy_ev, kind = _energy(results)
    held: dict[Holding, bool] = {
        "bands": results.bands is not None,
        "gap": gap is not None,
        "potential": results.potential is not None,
        "work-function": bool(levels.sides),
    }
    return CalculationSummary(
        place=place,
        code=code,
        code_version=results.code_version,
        status=results.status,
        formula="" if results.structure is None else formula_of(results.structure),
        energy_ev=energy_ev,
        energy_kind=kind,
        band_gap_ev=None if gap is None else gap.band_gap_ev,
        direct=None if edges is None else edges.direct,
        work_functions_ev=tuple(side.work_function_ev for side in levels.sides),
        holds=frozenset(name for name in get_args(Holding) if held[name]),
        refused=(*refused, *(f"{part}: {judged.why_without(part)}" for part in judged.refused_parts)),
        failed_checks=sum(check.passed is False for check in results.checks),
        notes=len(levels.remarks) + len(results.warnings),
        methods=tuple(
            method
            for method in (results.method, None if results.bands_run is None else results.bands_run.method)
            if method is not None
        ),
    )


def _energy(results: Results) -> tuple[float | None, EnergyKind | None]:
    """The energy that a calculation is known by, and which one it is."""
    if results.energy_ev is None:
        return results.free_energy_ev, None if results.free_energy_ev is None else "free"
    smearing = None if results.method is None else results.method.smearing
    if smearing == _FIXED:
        return results.energy_ev, "total"
    is_extrapolated = smearing is not None or results.free_energy_ev not in (None, results.energy_ev)
    return results.energy_ev, "zero smearing" if is_extrapolated else "smearing not told"


def formula_of(structure: Structure) -> str:
    """Reduced formula."""
    with warnings.catch_warnings():
        # pymatgen sorts the symbols by electronegativity, and warns of every noble gas that it has none
        warnings.simplefilter("ignore")
        return str(structure.composition.reduced_formula)


def refusal_text(error: DftflowError) -> str:
    """What was refused and why, in one line, with its place."""
    why = f": {error.reason}" if error.reason else ""
    where = f" ({error.where})" if error.where else ""
    return " ".join(f"{error.summary}{why}{where}".split())


_COLUMNS = (
    "name",
    "folder",
    "seed",
    "code",
    "code_version",
    "status",
    "formula",
    "energy_ev",
    "energy_kind",
    "band_gap_ev",
    "direct",
    "work_function_low_ev",
    "work_function_high_ev",
    "refused",
    "failed_checks",
    "notes",
)


def summary_records(names: Sequence[str], summaries: Sequence[CalculationSummary]) -> Records:
    """The summaries as rows of a table; energies are per cell."""
    rows = []
    for name, summary in zip(names, summaries, strict=True):
        low, high = summary.work_functions_ev or (None, None)
        rows.append(
            (
                name,
                str(summary.place.parent),
                summary.place.name,
                summary.code,
                summary.code_version,
                summary.status or "no output",
                summary.formula,
                summary.energy_ev,
                summary.energy_kind,
                summary.band_gap_ev,
                summary.direct,
                low,
                high,
                "; ".join(summary.refused),
                summary.failed_checks,
                summary.notes,
            )
        )
    return Records(columns=_COLUMNS, rows=tuple(rows))
