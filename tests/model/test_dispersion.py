"""Corrections for dispersion go with functionals that they have parameters for."""

from __future__ import annotations

from typing import get_args

import pytest

from dftflow.errors import SpecError
from dftflow.model.dispersion import DISPERSIONS, Dispersion, check_dispersion


def test_every_name_has_its_functionals() -> None:
    assert set(get_args(Dispersion)) == {"none", *DISPERSIONS}
    for name, functionals in DISPERSIONS.items():
        assert "PBE" in functionals and "LDA" not in functionals
        for functional in functionals:
            check_dispersion(name, functional.lower())


def test_a_functional_without_parameters_is_refused_with_what_there_is() -> None:
    check_dispersion("none", "LDA")
    with pytest.raises(SpecError, match="D2 has no published parameters for PBEsol") as raised:
        check_dispersion("D2", "PBEsol")
    assert raised.value.fix == "with PBEsol choose D3 or D3(BJ)"
    with pytest.raises(SpecError) as raised:
        check_dispersion("D3", "LDA")
    assert raised.value.fix == "leave dispersion out with LDA"
    with pytest.raises(SpecError, match="called 'D9'"):
        check_dispersion("D9", "PBE")
