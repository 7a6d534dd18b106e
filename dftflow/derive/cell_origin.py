"""Where the cell of a crystal of a study comes from, in words."""

from __future__ import annotations

from dftflow.model.outcome import MaterialOutcome

__all__ = ["FUNCTIONAL", "cell_origin"]

FUNCTIONAL = "the cell is calculated: its lengths are off by what the functional is, often by 1 to 3 %"
"""The remark beside numbers of a cell that was relaxed."""


def cell_origin(material: MaterialOutcome) -> str:
    """``"as calculated: CsBr/bulk-relax"``, or ``"as given: CsBr_Pm-3m"`` where the cell was not relaxed.

    Of a crystal whose ions were substituted, and its cell scaled, that is said.
    """
    step = material.bulk.cell_step
    if step:
        return f"as calculated: {step}"
    changed = (material.bulk.structure.properties or {}).get("substitution")
    return f"as given: {material.bulk.source}{', with ions substituted' if changed else ''}"
