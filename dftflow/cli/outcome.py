"""How every command ends that derives the outcome of a study: files, table, and an exit code that tells."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dftflow.cli.output import tell

if TYPE_CHECKING:
    from dftflow.model.outcome import StudyOutcome
    from dftflow.report.write import WrittenOutcome

__all__ = ["print_outcome"]


def print_outcome(
    outcome: StudyOutcome,
    folder: Path,
    *,
    as_json: bool,
    again: str,
    note: Callable[[WrittenOutcome], None] = lambda written: None,
) -> None:
    """Write the report into `folder`, and print the table or the document.

    Parameters
    ----------
    again
        What a person does about steps without results.
    note
        Called with what was written when that is all, and all steps have results.

    Raises
    ------
    CalculationError
        When a step has no results that can be used.
    """
    from dftflow.errors import CalculationError, StoreError
    from dftflow.report.results_json import results_document
    from dftflow.report.table import summary_table
    from dftflow.report.write import write_outcome

    refused: StoreError | None = None
    try:
        written = write_outcome(outcome, folder, say=tell)
        summary = written.summary
    except StoreError as error:  # what is derived is told, wherever it cannot be written
        refused, summary = error, summary_table(outcome)
    click.echo(json.dumps(results_document(outcome, folder), indent=1, allow_nan=False) if as_json else summary)
    if refused is not None:
        raise refused
    missing = [step for step in outcome.steps if step.state != "finished"]
    if missing:
        raise CalculationError(
            f"{len(missing)} of {len(outcome.steps)} steps have no results that can be used",
            reason="\n       ".join(
                f"{step.name}: {' '.join(step.failure.split()) or step.state.replace('_', ' ')}" for step in missing
            ),
            fix=f"the report says more ({written.report}); {again}",
        )
    note(written)
