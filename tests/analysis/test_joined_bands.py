"""Which eigenvalues may share a VBM and a CBM: every reason against it, one by one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from dftflow.analysis.band_edges import find_band_edges
from dftflow.analysis.joined_bands import join_bands, why_other_method
from dftflow.model.energy import EnergyZero
from dftflow.model.method import Method
from dftflow.model.results import Bands

SCF_ZERO, OWN_ZERO = EnergyZero("a", "cell_average"), EnergyZero("a_BandStr", "cell_average")
PBE = Method(code="castep", code_version="20.11", functional="PBE", cutoff_ev=400.0)


def bands(zero: EnergyZero, points: dict[float, list[float]], **changes: Any) -> Bands:
    """Eigenvalues at points along x; 4 electrons fill two bands."""
    content: dict[str, Any] = {
        "eigenvalues_ev": np.array([list(points.values())]),
        "kpoints_frac": np.array([[x, 0, 0] for x in points]),
        "labels": ("",) * len(points),
        "on_path": (-1,) * len(points),
        "reciprocal_per_ang": 2 * np.pi / 4 * np.eye(3),
        "n_electrons": (4.0,),
        "fermi_ev": 1.5,
        "zero": zero,
        "weights": np.full(len(points), 1 / len(points)),
    }
    return Bands(**(content | changes))


SCF = bands(SCF_ZERO, {0.25: [-5.0, 0.5, 3.0], 0.5: [-5.0, 1.0, 2.8]})
PATH = {0.0: [-5.0, 0.2, 2.5, 9.0], 0.5: [-5.0, 1.0004, 2.7996, 9.0]}
FURTHER = bands(OWN_ZERO, PATH, labels=("G", "X"), on_path=(0, 0), fermi_ev=1.2)


def test_the_edges_are_found_over_both_sets() -> None:
    """The VBM, 1.0 eV, is known best by the path; the CBM, 2.5 eV, stands on it alone."""
    joined = join_bands(SCF, PBE, FURTHER, PBE)
    assert joined.why_not == ""
    edges = find_band_edges(joined.bands)
    assert (edges.vbm.value_ev, edges.cbm.value_ev) == (1.0004, 2.5)
    assert joined.bands.labels == ("", "", "G", "X") and joined.bands.on_path == (-1, -1, 0, 0)
    assert joined.bands.zero == SCF_ZERO and joined.bands.fermi_ev == 1.5
    assert joined.bands.weights == pytest.approx([0.5, 0.5, 0, 0]), "a path weighs nothing"
    assert np.isnan(joined.bands.eigenvalues_ev[0, :2, 3]).all() and joined.bands.eigenvalues_ev[0, 2, 3] == 9.0


def test_higher_empty_bands_of_an_scf_need_not_be_converged() -> None:
    rough = bands(SCF_ZERO, {0.5: [-5.0, 1.0, 2.8, 9.4]})
    assert join_bands(rough, PBE, FURTHER, PBE).why_not == ""


@pytest.mark.parametrize(
    ("change", "method", "why"),
    [
        ({}, replace(PBE, functional="HSE06"), "the SCF was made with PBE, the band structure with HSE06"),
        ({}, replace(PBE, functional=None), "not known whether the functionals"),
        ({}, None, "not known whether the functionals"),
        ({}, replace(PBE, cutoff_ev=500.0), "cutoff of 400 eV, the band structure one of 500 eV"),
        ({}, replace(PBE, cutoff_ev=None), "not known whether the cutoffs"),
        ({"reciprocal_per_ang": 2 * np.pi / 4.01 * np.eye(3)}, PBE, "lattices differ by 0.0100 Å"),
        ({"n_electrons": (6.0,)}, PBE, "4 electrons, the band structure 6"),
        ({"spinor": True}, PBE, "one spin channel, the band structure spinors"),
        (
            {"eigenvalues_ev": np.array([list(PATH.values())] * 2), "n_electrons": (2.0, 2.0)},
            PBE,
            "one spin channel, the band structure two spin channels",
        ),
        (
            {"eigenvalues_ev": np.array([[[-5.0, 0.2, 2.5, 9.0], [-5.0, 1.0, 2.802, 9.0]]])},
            PBE,
            "(0.5 0 0), which stands in both, differ by 0.0020 eV",
        ),
        (
            {"eigenvalues_ev": np.array([[[-5.0, 0.2, 2.5, 9.0], [-5.002, 1.0, 2.8, 9.0]]])},
            PBE,
            "which stands in both, differ by 0.0020 eV",
        ),
    ],
)
def test_what_is_not_of_one_hamiltonian_stands_alone(change: Any, method: Method | None, why: str) -> None:
    further = replace(FURTHER, **change)
    joined = join_bands(SCF, PBE, further, method)
    assert why in joined.why_not
    assert joined.bands is further, "the band structure, with its own zero"


def test_a_point_of_the_other_sign_is_the_same_point() -> None:
    """By time reversal, and up to a reciprocal lattice vector."""
    other = bands(OWN_ZERO, {-1.25: [-5.0, 0.5, 3.2]})
    assert "differ by 0.2000 eV" in join_bands(SCF, PBE, other, PBE).why_not


def test_one_functional_has_one_name_whatever_its_capitals() -> None:
    assert why_other_method(replace(PBE, functional="PBEsol"), replace(PBE, functional="PBESOL")) == ""
