"""Writes all that a person gets from a study into the run's folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from dftflow.figures.figure_files import DrawnFigure, draw_figures, write_figures
from dftflow.figures.kept import KeptFigures
from dftflow.model.outcome import StudyOutcome
from dftflow.report.own_files import refuse_to_overwrite
from dftflow.report.page import write_report
from dftflow.report.place_lines import with_places
from dftflow.report.results_json import write_results_json
from dftflow.report.table import summary_table

__all__ = ["WrittenOutcome", "write_outcome"]

MANY_MATERIALS = 20
"""Above, the figures for the page alone are minutes of work, and their formats a hundred megabytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenOutcome:
    """Where everything is, and what is printed.

    Attributes
    ----------
    figures
        All files of them.
    table
        For the terminal, without a word of where anything lies.
    shown
        Names of the files of `figures` that a person is pointed to.
    """

    results_json: Path
    report: Path
    figures: tuple[Path, ...]
    table: str
    shown: tuple[str, ...]

    @property
    def summary(self) -> str:
        """The table, and below it where everything is."""
        return with_places(self.table, self.report.parent, self.shown)


def write_outcome(
    outcome: StudyOutcome, folder: Path, *, say: Callable[[str], None] = lambda line: None
) -> WrittenOutcome:
    """Write ``results.json``, the figures and ``report.html`` into `folder`.

    A figure that shows what it showed before is left as it is. Each is written as SVG, PDF and PNG, its numbers as CSV;
    of more than `MANY_MATERIALS` materials as SVG, which the page shows, and CSV. `say` is told now and then how far it
    is, and of every figure whether it was drawn, was there already, or why there is none.

    Raises
    ------
    StoreError
        When the folder cannot be written, or holds such files that are not dftflow's.
    """
    refuse_to_overwrite(folder)
    results_json = write_results_json(outcome, folder)
    formats = ("svg", "pdf", "png", "csv") if len(outcome.materials) <= MANY_MATERIALS else ("svg", "csv")
    kept = KeptFigures(folder / "figures")
    drawn = draw_figures(outcome, *formats, kept=kept, say=say)
    figures = write_figures(drawn, folder / "figures")
    kept.write()
    for figure in drawn:
        say(_line(figure))
    report = write_report(outcome, drawn, folder)
    shown = [path.name for path in figures if path.suffix == ".svg" and path.stem == "alignment"]
    return WrittenOutcome(
        results_json=results_json,
        report=report,
        figures=figures,
        table=summary_table(outcome),
        shown=tuple(shown or [path.name for path in figures[:1]]),
    )


def _line(drawn: DrawnFigure) -> str:
    if not drawn.files:
        return f"figure {drawn.figure.name}: none, because {drawn.missing}"
    done = "as it was" if drawn.kept else "drawn"
    return f"figure {drawn.figure.name}: {done} ({', '.join(drawn.files)})"
