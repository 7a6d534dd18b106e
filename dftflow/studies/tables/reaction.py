"""``[[reaction]]`` of a study file."""

from __future__ import annotations

from pydantic import model_validator

from dftflow.model.reaction import ReactionRequest, parse_equation
from dftflow.studies.tables.energy_error import EnergyErrorEntry
from dftflow.studies.tables.named import wrong_name
from dftflow.toml_file.entries import EntryError, Place

__all__ = ["ReactionEntry"]


class ReactionEntry(EnergyErrorEntry):
    """An equation between materials of the study, and what is known of the errors of their energies."""

    equation: Place

    @model_validator(mode="after")
    def _is_an_equation(self) -> ReactionEntry:
        try:
            parse_equation(self.equation)
        except ValueError as error:
            raise EntryError(str(error), "equation") from None
        return self

    def request(self) -> ReactionRequest:
        """The reaction as it is derived."""
        reactants, products = parse_equation(self.equation)
        return ReactionRequest(
            equation=" ".join(self.equation.split()), reactants=reactants, products=products, error=self.error()
        )

    def wrong(self, of_study: tuple[str, ...]) -> tuple[str, str] | None:
        """Key, and what is wrong with the names that it has."""
        wrong = wrong_name(self.request().names, of_study)
        return ("equation", wrong) if wrong else None
