"""What a study file may set of VASP."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field, field_validator

from dftflow.codes.options import CodeOptions, ElementSymbol
from dftflow.codes.vasp.potentials import choose_potentials
from dftflow.errors import SpecError

__all__ = ["VaspOptions"]


class VaspOptions(CodeOptions):
    """Options of VASP.

    Attributes
    ----------
    potentials
        Element -> symbol of a potential other than the recommended one, e.g. ``{"Pb": "Pb"}``.
    """

    potentials: Mapping[ElementSymbol, str] = Field(
        default_factory=dict, description='names of potentials by element ({ Pb = "Pb_d" })'
    )

    @field_validator("potentials")
    @classmethod
    def _belong_to_their_elements(cls, potentials: Mapping[str, str]) -> Mapping[str, str]:
        try:
            choose_potentials(list(potentials), potentials)
        except SpecError as error:
            raise ValueError(error.sentence) from None
        return potentials
