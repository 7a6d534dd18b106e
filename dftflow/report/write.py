"""Writes all that a person gets from a study into the run's folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dftflow.model.outcome import StudyOutcome
from dftflow.plot.figures import draw_figures, write_figures
from dftflow.report.page import write_report
from dftflow.report.results_json import write_results_json
from dftflow.report.table import summary_table

__all__ = ["WrittenOutcome", "write_outcome"]


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
        When the folder cannot be written.
    """
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
