"""One footing or none: every setting that has to agree, those that nobody tells, and how dense k-points are."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from phases import results

from dftflow.analysis.footing import Footed, unlike


def of(name: str, gap_ev: float | None = 2.0, **changes: Any) -> Footed:
    return Footed(name=name, results=results(name, **changes), gap_ev=gap_ev)


def test_calculations_made_in_one_way_stand_on_one_footing() -> None:
    assert unlike([of("CsBr"), of("PbBr2"), of("CsPbBr3")]) == ""


@pytest.mark.parametrize(
    ("change", "setting"),
    [
        ({"functional": "LDA"}, "functional"),
        ({"functional": None}, "functional"),
        ({"dispersion": "D3(BJ)"}, "dispersion correction"),
        ({"dispersion": None}, "dispersion correction"),
        ({"cutoff_ev": 500.0}, "cutoff"),
        ({"cutoff_ev": None}, "cutoff"),
        ({"potentials": {"Cs": "PAW 1", "Br": "PAW 2"}}, "potentials"),
        ({"potentials": None}, "potentials"),
        ({"spin_polarised": True}, "spin"),
        ({"spin_polarised": None}, "spin"),
        ({"spin_orbit": True}, "spin-orbit coupling"),
        ({"spin_orbit": None}, "spin-orbit coupling"),
        ({"hubbard_u_ev": {"Br:p": 2.0}}, "Hubbard U"),
        ({"hubbard_u_ev": None}, "Hubbard U"),
        ({"code": "castep"}, "code"),
    ],
)
def test_what_differs_or_is_not_told_is_named_with_both(change: dict[str, Any], setting: str) -> None:
    reason = unlike([of("PbBr2"), of("CsBr", **change)])
    assert f"the {setting} of PbBr2 and CsBr" in reason
    assert ("not known" in reason) == (None in change.values())


def test_elements_without_a_common_one_are_compared_all_the_same() -> None:
    assert unlike([of("Cs", None), of("Br2")]) == ""


def test_the_smearing_matters_beside_a_metal_alone() -> None:
    assert unlike([of("CsBr"), of("PbBr2", smearing_ev=0.05)]) == ""
    assert "smearing" in unlike([of("CsBr"), of("Pb", None, smearing_ev=0.05)])


def test_a_coarser_grid_is_refused_and_a_finer_one_of_a_metal_is_not() -> None:
    """2 pi / 5 Å is 1.257 1/Å: 0.314 with four points, 0.419 with three, 0.628 with two, 1.257 with one."""
    assert unlike([of("CsBr"), of("PbBr2", kpoints_grid=(3, 3, 3))]) == ""
    reason = unlike([of("CsBr"), of("PbBr2", kpoints_grid=(2, 2, 2))])
    assert "k-points of PbBr2 are 0.628 1/Å apart, those of CsBr 0.314" in reason
    assert unlike([of("CsBr"), of("Pb", None, kpoints_grid=(12, 12, 12))]) == ""
    assert "k-points of Pb" in unlike([of("CsBr"), of("Pb", None, kpoints_grid=(2, 2, 2))])


def test_of_a_wide_gap_fewer_k_points_will_do() -> None:
    assert unlike([of("CsBr"), of("PbBr2", 4.0, kpoints_grid=(2, 2, 2))]) == ""
    assert "3 times" in unlike([of("CsBr"), of("PbBr2", 4.0, kpoints_grid=(1, 1, 1))])


def test_k_points_that_nobody_tells_are_no_agreement() -> None:
    lost = replace(results("CsBr"), method=replace(results("CsBr").method, kpoints_grid=None))  # type: ignore[type-var]
    assert "k-points of CsBr are not known" in unlike([of("PbBr2"), Footed(name="CsBr", results=lost, gap_ev=2.0)])


def test_an_energy_that_did_not_converge_is_refused() -> None:
    bad = replace(results("CsBr"), status="scf_not_converged")
    assert "status" in unlike([of("PbBr2"), Footed(name="CsBr", results=bad, gap_ev=2.0)])
