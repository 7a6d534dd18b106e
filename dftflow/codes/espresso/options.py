"""What a study file may set of Quantum ESPRESSO."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field, field_validator

from dftflow.codes.espresso.electrons import HubbardSyntax
from dftflow.codes.espresso.potentials import check_name
from dftflow.codes.options import CodeOptions, ElementSymbol
from dftflow.errors import SpecError

__all__ = ["EspressoOptions", "SlabCorrection"]

SlabCorrection = Literal["dipole", "2D"]


class EspressoOptions(CodeOptions):
    """Options of Quantum ESPRESSO.

    Attributes
    ----------
    potentials
        Element -> file name of its pseudopotential; see `dftflow.codes.espresso.potentials` for the others.
    ecutrho_factor
        Cutoff of the density over that of the wave functions; None: by the kind of the potentials, 4 for
        norm-conserving ones and 8 for the others.
    slab_correction
        ``"dipole"`` (``tefield``, ``dipfield``): a sawtooth in the vacuum. ``"2D"`` (``assume_isolated``): the Coulomb
        interaction cut off along z, for energies and geometries; its potential has no plateau that reaches to the
        middle of the vacuum.
    hubbard
        ``"card"``: U as versions from 7.1 on take it; ``"namelist"``: as earlier ones do.
    """

    potentials: Mapping[ElementSymbol, str] = Field(
        default_factory=dict, description='file names by element ({ Pb = "Pb.upf" })'
    )
    ecutrho_factor: float | None = Field(default=None, ge=4, le=100, description="a number from 4 to 100")
    slab_correction: SlabCorrection = Field(default="dipole", description='"dipole" or "2D"')
    hubbard: HubbardSyntax = Field(default="card", description='"card" (7.1 and later) or "namelist"')

    @field_validator("potentials")
    @classmethod
    def _are_file_names(cls, potentials: Mapping[str, str]) -> Mapping[str, str]:
        for name in potentials.values():
            try:
                check_name(name)
            except SpecError as error:
                raise ValueError(error.sentence) from None
        return potentials
