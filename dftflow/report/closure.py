"""What the table and the page say of offsets that should add up."""

from __future__ import annotations

from collections.abc import Sequence

from dftflow.analysis.transitivity import Closure

__all__ = ["CLOSURE_TITLE", "same_levels_text"]

CLOSURE_TITLE = "Closure (eV): A minus B, plus B minus C, less A minus C, where surfaces or sources differ"


def same_levels_text(closures: Sequence[Closure]) -> str:
    """How many closures are zero because all three rows stand on the same levels; ``""`` for none."""
    count = sum(not closure.reasons for closure in closures)
    if not count:
        return ""
    sums = "One sum" if count == 1 else f"{count} sums"
    return (
        f"{sums} of offsets over three materials, each by one method and on the same levels, "
        f"add{'s' if count == 1 else ''} up to 1e-9 eV, as must be: it checks the arithmetic, not the levels."
    )
