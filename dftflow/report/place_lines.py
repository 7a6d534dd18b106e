"""The end of what a run prints: where everything is that it wrote, as its folder is called now."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

__all__ = ["with_places"]


def with_places(table: str, folder: Path, figures: Sequence[str]) -> str:
    """`table`, and below it where figures, page and numbers are.

    Parameters
    ----------
    figures
        Names of the files in ``figures/`` that are worth a line.
    """
    shown = [f"  figure   {folder / 'figures' / name}" for name in figures]
    page, numbers = f"  report   {folder / 'report.html'}", f"  numbers  {folder / 'results.json'}"
    return "\n".join([table, "", *shown, page, numbers])
