"""Whether the reactions of a study are balanced, and its phases of one composition, by what its crystals are."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

from dftflow.crystals.formula_unit import formula_unit
from dftflow.errors import StudyError
from dftflow.model.reaction import excess_of, excess_text
from dftflow.studies.material import Material
from dftflow.studies.reader import Study

__all__ = ["check_balance", "check_phases"]

MOST_TOLD = 8
"""Formula units in a message."""


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


def check_phases(study: Study, materials: Mapping[str, Material]) -> None:
    """Refuse phases of which no two have one composition: there is nothing to compare.

    Raises
    ------
    StudyError
        With the formula unit of each.
    """
    asked = study.content.asked(tuple(materials), None).phases
    units = {name: formula_unit(materials[name].start) for name in (asked.materials if asked else ())}
    if asked and not any(one.same_composition(other) for one, other in combinations(units.values(), 2)):
        told = ", ".join(f"{name} is {_counts(unit.counts)}" for name, unit in list(units.items())[:MOST_TOLD])
        raise StudyError(
            "no two of the materials of [phases] have one composition",
            reason=f"a formula unit of {told}{', ...' if len(units) > MOST_TOLD else ''}",
            fix="name phases of one composition, or leave [phases] out; compositions are compared by [hull]",
            where=study.where("phases", "materials"),
        )


def _counts(counts: Mapping[str, float]) -> str:
    return " ".join(f"{element}{'' if count == 1 else f'{count:.6g}'}" for element, count in counts.items())
