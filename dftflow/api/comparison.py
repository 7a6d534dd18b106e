"""Two calculations side by side: may they be subtracted, or do two codes agree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from dftflow.analysis.code_agreement import compare_codes
from dftflow.analysis.comparability import compare as compare_methods
from dftflow.api.calculation import Calculation, Calculations, Place, as_calculation
from dftflow.errors import ParseError
from dftflow.gate.found import FoundCalculation
from dftflow.model.check import Part
from dftflow.model.code_comparison import CodeComparison
from dftflow.model.comparison import Comparison
from dftflow.report.comparison_table import comparison_records, comparison_table

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Compared", "compare"]

REPR_WIDTH = 120


class Compared:
    """What comparing two calculations ended with.

    Attributes
    ----------
    first, second
        The calculations.
    comparison
        Its rows, the verdict and the verdict as a sentence.
    """

    def __init__(
        self,
        first: Calculation,
        second: Calculation,
        comparison: Comparison | CodeComparison,
        refused_names: Sequence[str],
    ) -> None:
        self.first = first
        self.second = second
        self.comparison = comparison
        self._refused_names = tuple(dict.fromkeys(refused_names))

    @property
    def verdict(self) -> str:
        """The worst of the rows."""
        return self.comparison.verdict

    @property
    def refused(self) -> tuple[str, ...]:
        """A line for each file and part of the two that was refused, so that the verdict is by what is left."""
        return Calculations([self.first, self.second]).refused

    @property
    def sentence(self) -> str:
        """The verdict for a person, with the rows that it is due to and what it lacks."""
        names = self._refused_names
        return self.comparison.sentence + (f" (by what is left: {'; '.join(names)} refused)" if names else "")

    def table(self, width: int = REPR_WIDTH) -> str:
        """The rows and the verdict, at most `width` columns wide."""
        return "\n".join([*comparison_table(self.comparison, width), "", self.sentence])

    def to_dict(self) -> dict[str, Any]:
        """As plain data: the document of ``dftflow compare --json``."""
        return {
            "first": str(self.first.place),
            "second": str(self.second.place),
            "verdict": self.verdict,
            "sentence": self.sentence,
            "rows": [asdict(row) for row in self.comparison.rows],
            "refused": [one.to_dict()["refused"] for one in (self.first, self.second)],
        }

    def to_frame(self) -> pd.DataFrame:
        """A row for each quantity as a pandas table; raises `CodeNotFoundError` without pandas."""
        return comparison_records(self.comparison).frame()

    def __repr__(self) -> str:
        return f"<Compared {self.first.name} and {self.second.name}: {self.sentence}>"

    def _repr_html_(self) -> str:
        from dftflow.report.cell_html import block, notes_html, records_html  # with matplotlib

        return str(block(self.sentence, records_html(comparison_records(self.comparison)), notes_html(self.refused)))


def compare(first: Place | Calculation, second: Place | Calculation, *, codes: bool = False) -> Compared:
    """Say whether the energies of two calculations may be subtracted; with `codes` whether two codes agree.

    Parameters
    ----------
    first, second
        A folder with one calculation, one of its files, or what `dftflow.api.calculation.read` gave.
    codes
        The same was calculated through two codes: quantity by quantity, with the tolerance that potentials allow.

    Raises
    ------
    InputError
        There is no calculation at a place, or several.
    ParseError
        A calculation has left no output that can be read, or its energy or geometry fails a check.
    """
    one, other = as_calculation(first), as_calculation(second)
    needed: tuple[Part, ...] = ("structure",) if codes else ("energy", "structure")
    founds = one.found, other.found
    for found in founds:
        _refuse_without(found, needed)
    compared = (compare_codes if codes else compare_methods)(*(found.results for found in founds))
    return Compared(one, other, compared, [name for found in founds for name in _refused_names(found)])


def _refuse_without(found: FoundCalculation, needed: tuple[Part, ...]) -> None:
    _ = found.results  # raises where there are none
    assert found.judged is not None, "there are results"
    for part in found.judged.refused_parts:
        if part in needed:
            reason = found.judged.why_without(part)
            raise ParseError(f"the {part} was refused", reason=reason, where=str(found.place))


def _refused_names(found: FoundCalculation) -> list[str]:
    """Refused files and parts, without the reasons."""
    files = [file.error.where or str(found.place) for file in found.refused_files if file.error is not None]
    judged = found.judged
    return [*files, *(f"{found.place}: {part}" for part in (() if judged is None else judged.refused_parts))]
