"""The diagram of an alignment as a figure of the same kind as the others."""

from __future__ import annotations

from typing import Unpack

from dftflow.api.alignment import Fill, align
from dftflow.api.level_sources import Source
from dftflow.api.plotted import LookOptions, PlottedFigure, refuse_unknown

__all__ = ["alignment"]


def alignment(*sources: Source, fill: Fill = "flat", **look: Unpack[LookOptions]) -> PlottedFigure:
    """Band edges of materials on the vacuum scale, and the offsets between neighbours.

    Parameters
    ----------
    sources
        As `dftflow.api.alignment.align` takes them: runs of studies, ``results.json``, tables, folders.
    fill
        Bands of one tint, or fading away from their edges.
    look
        See `LookOptions`; window and labels are none of this figure's.

    Raises
    ------
    InputError
        For a look that this figure cannot have, and as `align` does.
    AnalysisError, ParseError
        As `align` does.
    """
    refuse_unknown(alignment, look, "window", "labels")
    return align(*sources).plot(
        size=look.get("size"), style=look.get("style", ()), fill=fill, colors=look.get("colors", {})
    )
