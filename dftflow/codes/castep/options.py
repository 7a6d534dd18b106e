"""What a study file may set of CASTEP."""

from __future__ import annotations

import re
from collections.abc import Mapping

from pydantic import Field, field_validator

from dftflow.codes.castep.input.keywords import KeywordFamily
from dftflow.codes.castep.input.potentials import TABULATED
from dftflow.codes.options import CodeOptions, ElementSymbol
from dftflow.model.printable import shown

__all__ = ["CastepOptions"]


class CastepOptions(CodeOptions):
    """Options of CASTEP.

    Attributes
    ----------
    keywords
        Keyword family of band structures: ``"academic"`` (``spectral_*``) or ``"materials-studio"`` (``bs_*``).
    potentials
        Library for all elements, set of tabulated files, mapping from element to potential, or None for the family's
        default; see `dftflow.codes.castep.input.potentials`.
    """

    keywords: KeywordFamily = Field(default="academic", description='"academic" or "materials-studio"')
    potentials: str | Mapping[ElementSymbol, str] | None = Field(
        default=None,
        description='a library ("C19"), a set of tabulated files ("tabulated:00PBE"), or one potential for every '
        'element ({ Pb = "Pb_00PBE.usp" })',
    )

    @field_validator("potentials")
    @classmethod
    def _can_stand_in_a_deck(cls, potentials: str | Mapping[str, str] | None) -> str | Mapping[str, str] | None:
        if isinstance(potentials, str):
            if not re.fullmatch(
                rf"[A-Za-z0-9]{{1,80}}|{TABULATED}[A-Za-z0-9_]{{1,80}}(\.[A-Za-z0-9]{{1,20}})?", potentials
            ):
                raise ValueError("it names neither a library nor a set of tabulated files")
        elif potentials is not None:
            for element, potential in potentials.items():
                if not re.fullmatch(r'[A-Za-z0-9."$&\'()*+,/:<=>?@\[\\\]^_`{|}~-]{1,500}', potential):
                    raise ValueError(f"the potential of {element} is {shown(potential)}, which is not one word")
        return potentials
