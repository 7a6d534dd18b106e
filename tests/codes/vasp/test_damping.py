"""Damping of D3 in an INCAR, against the parameters that come with s-dftd3 (10.21105/joss.07169)."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from importlib.metadata import files

import pytest
from nickel_oxide import MAGNETIC, NIO
from pymatgen.io.vasp import Incar

from dftflow.codes.vasp import VASP
from dftflow.codes.vasp.damping import DAMPED, damping_tags
from dftflow.model.dispersion import DISPERSIONS

NAMES = {"D3": ("zero", {"VDW_S8": "s8", "VDW_SR": "rs6"}),
         "D3(BJ)": ("bj", {"VDW_S8": "s8", "VDW_A1": "a1", "VDW_A2": "a2"})}  # fmt: skip
CASES = [(name, xc) for name, functionals in DAMPED.items() for xc in sorted(functionals)]


@pytest.fixture(scope="module")
def published() -> dict[str, dict[str, dict[str, dict[str, float]]]]:
    file = next(one for one in files("dftd3") or () if one.name == "parameters.toml")
    return tomllib.loads(file.read_text())["parameter"]  # type: ignore[no-any-return]


@pytest.mark.parametrize(("dispersion", "xc"), CASES)
def test_parameters_are_the_published_ones(
    dispersion: str, xc: str, published: dict[str, dict[str, dict[str, dict[str, float]]]]
) -> None:
    damping, of_tag = NAMES[dispersion]
    there = published[xc.lower()]["d3"][damping]
    assert xc in DISPERSIONS[dispersion]
    assert there.get("s6", 1.0) == 1.0  # which has no tag
    for tag, value in damping_tags(dispersion, xc):
        assert value == there[of_tag[tag]]


def test_they_stand_in_the_deck_of_a_hybrid_alone() -> None:
    """HSE06: 10.1021/jp501237c."""

    def tags(xc: str) -> Incar:
        return Incar.from_str(VASP().render(NIO, replace(MAGNETIC, xc=xc), "nio").files["INCAR"])

    hybrid = tags("HSE06")
    assert (hybrid["IVDW"], hybrid["VDW_S8"], hybrid["VDW_A1"], hybrid["VDW_A2"]) == (12, 2.31, 0.383, 5.685)
    assert not [tag for tag in tags("PBE") if tag.startswith("VDW_")]
