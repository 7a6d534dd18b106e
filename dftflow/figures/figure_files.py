"""The figures of a study, in files."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dftflow.errors import AnalysisError
from dftflow.figures.drawing import Drawing
from dftflow.figures.kept import KeptFigures, digest_of
from dftflow.figures.study_figures import study_figures
from dftflow.jobs.store import storage_errors, write_atomically
from dftflow.model.outcome import StudyOutcome

__all__ = ["DrawnFigure", "draw_figures", "write_figures"]

SAY_EVERY_S = 2.0


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class DrawnFigure:
    """A figure as files.

    Attributes
    ----------
    figure
        Its name, title and caption.
    files
        Format (``svg``, ``pdf``, ``png``, ``csv``) -> content; empty when there is nothing to show.
    missing
        Why there is nothing to show, else ``""``.
    kept
        Its files are those that were drawn before.
    """

    figure: Drawing
    files: Mapping[str, bytes]
    missing: str
    kept: bool = False


def draw_figures(
    outcome: StudyOutcome,
    *formats: str,
    kept: KeptFigures | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> tuple[DrawnFigure, ...]:
    """Every figure of a study, drawn once; one that its data refuse says why and costs no other.

    Parameters
    ----------
    formats
        ``svg``, ``pdf``, ``png``, and ``csv`` for the numbers that it shows, where it has them.
    kept
        Those that were drawn before; what shows the same as then is not drawn again.
    say
        Told now and then how far it is.
    """
    drawn = []
    figures = study_figures(outcome)
    told = time.monotonic()
    for number, figure in enumerate(figures, start=1):
        drawn.append(_drawn(figure, formats, kept))
        if number < len(figures) and time.monotonic() - told > SAY_EVERY_S:
            told = time.monotonic()
            say(f"drawn: {number} of {len(figures)} figures")
    return tuple(drawn)


def _drawn(figure: Drawing, formats: Sequence[str], kept: KeptFigures | None) -> DrawnFigure:
    if figure.build is None:
        return DrawnFigure(figure=figure, files={}, missing=figure.missing)
    formats = tuple(extension for extension in formats if extension != "csv" or figure.data is not None)
    digest = "" if kept is None else digest_of(figure.title, figure.caption, *figure.shows)
    files = None if kept is None else kept.files(figure.name, digest, formats)
    before = files is not None
    try:
        files = files or _rendered(figure, formats)
    except AnalysisError as error:
        return DrawnFigure(figure=figure, files={}, missing=error.sentence)
    if kept is not None:
        kept.note(figure.name, digest, files)
    return DrawnFigure(figure=figure, files=files, missing="", kept=before)


def _rendered(figure: Drawing, formats: Sequence[str]) -> dict[str, bytes]:
    files = figure.render(*(extension for extension in formats if extension != "csv"))
    if "csv" in formats and figure.data is not None:
        files["csv"] = figure.data().csv().encode()
    return files


def write_figures(figures: Sequence[DrawnFigure], folder: Path) -> tuple[Path, ...]:
    """Write the files of figures that are drawn; `folder` is not left for where a link in its place leads.

    Raises
    ------
    StoreError
        When the folder cannot be written.
    """
    paths = []
    for drawn in figures:
        for extension, content in drawn.files.items():
            path = folder / f"{drawn.figure.name}.{extension}"
            if not drawn.kept:
                with storage_errors(path):
                    write_atomically(path, content, root=folder.parent)
            paths.append(path)
    return tuple(paths)
