"""Writes all that a person gets from a study into the run's folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dftflow.errors import StoreError
from dftflow.model.outcome import StudyOutcome
from dftflow.plot.figures import draw_figures, write_figures
from dftflow.report.page import write_report
from dftflow.report.results_json import write_results_json
from dftflow.report.table import summary_table

__all__ = ["WrittenOutcome", "refuse_to_overwrite", "write_outcome"]

OWN_MARK = b'"dftflow-results/'


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenOutcome:
    """Where everything is, and the table for the terminal."""

    results_json: Path
    report: Path
    figures: tuple[Path, ...]
    summary: str


def write_outcome(outcome: StudyOutcome, folder: Path) -> WrittenOutcome:
    """Write ``results.json``, the figures and ``report.html`` into `folder`.

    Raises
    ------
    StoreError
        When the folder cannot be written, or holds such files that are not dftflow's.
    """
    refuse_to_overwrite(folder)
    results_json = write_results_json(outcome, folder)
    drawn = draw_figures(outcome, "svg", "pdf", "png")
    figures = write_figures(drawn, folder / "figures")
    report = write_report(outcome, drawn, folder)
    shown = [path for path in figures if path.suffix == ".svg" and path.stem == "alignment"] or list(figures[:1])
    paths = [f"  figure   {path}" for path in shown] + [f"  report   {report}", f"  numbers  {results_json}"]
    return WrittenOutcome(
        results_json=results_json,
        report=report,
        figures=figures,
        summary="\n".join([summary_table(outcome), "", *paths]),
    )


def refuse_to_overwrite(folder: Path) -> None:
    """Make sure that a report in `folder` takes the place of an earlier one alone, of which ``results.json`` tells.

    Raises
    ------
    StoreError
        When an engine's own ``results.json`` lies there, or anybody's page or figures.
    """
    try:
        foreign = _foreign(folder)
    except OSError as error:
        raise StoreError("the folder cannot be read", reason=error.strerror or str(error), where=str(folder)) from error
    if foreign:
        raise StoreError(
            "the report would overwrite a file that is not dftflow's",
            where=str(foreign[0]),
            fix="move the file away, or give another folder (`collect` is told those of calculations with --at)",
        )


def _foreign(folder: Path) -> list[Path]:
    results = folder / "results.json"
    if results.exists():
        return [] if OWN_MARK in results.read_bytes()[:1000] else [results]
    beside = (folder / "report.html", *sorted((folder / "figures").glob("*.*")))
    return [file for file in beside if file.exists()]
