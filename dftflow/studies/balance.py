"""Whether the reactions that a study asks for are balanced, by the compositions of its crystals."""

from __future__ import annotations

from collections.abc import Mapping

from dftflow.crystals.formula_unit import formula_unit
from dftflow.errors import StudyError
from dftflow.model.reaction import excess_of, excess_text
from dftflow.studies.material import Material
from dftflow.studies.reader import Study

__all__ = ["check_balance"]


def check_balance(study: Study, materials: Mapping[str, Material]) -> None:
    """Refuse an equation that loses or makes atoms.

    Raises
    ------
    StudyError
        With what is too much or too little, and the formula unit of each material.
    """
    for number, entry in enumerate(study.content.reaction):
        request = entry.request()
        units = {name: formula_unit(materials[name].start) for name in request.names}
        excess = excess_of(request.change, units)
        if excess:
            told = ", ".join(f"{name} is {_counts(unit.counts)}" for name, unit in units.items())
            raise StudyError(
                f"the reaction {request.equation} is not balanced",
                reason=f"{excess_text(excess)}; a formula unit of {told}",
                fix="change the numbers before the materials, or add what is missing",
                where=study.where("reaction", number, "equation"),
            )


def _counts(counts: Mapping[str, float]) -> str:
    return " ".join(f"{element}{'' if count == 1 else f'{count:.6g}'}" for element, count in counts.items())
