"""The crystals of a study that has no surfaces, as plain text."""

from __future__ import annotations

from collections.abc import Sequence

from dftflow.figures.labels import kpoint_text
from dftflow.model.outcome import MaterialOutcome
from dftflow.report.text_table import text_table

__all__ = ["crystal_table"]

_TITLE = "Crystals (gaps in eV, lengths in Å, volumes in Å³; in the axes that each was given in)"
_HEADS = ("Crystal", "space group", "gap", "", "at", "a", "b", "c", "volume", "geometry")


def crystal_table(materials: Sequence[MaterialOutcome]) -> str:
    """Gap, the k-points of its edges, and cell of each."""
    return text_table(_TITLE, _HEADS, [_row(material) for material in materials])


def _row(material: MaterialOutcome) -> list[str]:
    bulk = material.bulk
    edges, lattice = bulk.edges, bulk.as_given.lattice
    if edges is None:
        gap = ["metal" if bulk.is_metal else "-", "", ""]
    else:
        at = [edges.vbm_label or kpoint_text(edges.vbm_k), edges.cbm_label or kpoint_text(edges.cbm_k)]
        gap = [f"{edges.band_gap_ev:.3f}", edges.kind, "-".join(dict.fromkeys(at))]
    cell = [*(f"{length:.3f}" for length in lattice.abc), f"{lattice.volume:.2f}"]
    return [material.name, bulk.space_group, *gap, *cell, "relaxed" if bulk.relaxed else "as given"]
