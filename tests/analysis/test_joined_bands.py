"""Which eigenvalues may share a VBM and a CBM: every reason against it, one by one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from pymatgen.core import Lattice, Structure

from dftflow.analysis.band_edges import find_band_edges
from dftflow.analysis.joined_bands import join_bands, why_other_method
from dftflow.model.energy import Energy, EnergyZero
from dftflow.model.method import Method
from dftflow.model.results import Bands, BandsRun

SCF_ZERO, OWN_ZERO = EnergyZero("a", "cell_average"), EnergyZero("a_BandStr", "cell_average")
PBE = Method(code="castep", code_version="20.11", functional="PBE", cutoff_ev=400.0)
NEON = Structure(Lattice.cubic(4), ["Ne"], [[0, 0, 0]])
RUN = BandsRun(method=PBE, structure=NEON)


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
    joined = join_bands(SCF, RUN, FURTHER, RUN)
    assert joined.why_not == ""
    edges = find_band_edges(joined.bands)
    assert (edges.vbm.value_ev, edges.cbm.value_ev) == (1.0004, 2.5)
    assert joined.bands.labels == ("", "", "G", "X") and joined.bands.on_path == (-1, -1, 0, 0)
    assert joined.bands.zero == SCF_ZERO and joined.bands.fermi_ev == 1.5
    assert joined.bands.weights == pytest.approx([0.5, 0.5, 0, 0]), "a path weighs nothing"
    assert np.isnan(joined.bands.eigenvalues_ev[0, :2, 3]).all() and joined.bands.eigenvalues_ev[0, 2, 3] == 9.0


def test_higher_empty_bands_of_an_scf_need_not_be_converged() -> None:
    rough = bands(SCF_ZERO, {0.5: [-5.0, 1.0, 2.8, 9.4]})
    assert join_bands(rough, RUN, FURTHER, RUN).why_not == ""


@pytest.mark.parametrize(
    ("change", "method", "why"),
    [
        ({}, replace(PBE, functional="HSE06"), "the SCF was made with PBE, the band structure with HSE06"),
        ({}, replace(PBE, functional=None), "not known whether the functionals"),
        ({}, replace(PBE, cutoff_ev=500.0), "cutoff of 400 eV, the band structure one of 500 eV"),
        ({}, replace(PBE, cutoff_ev=None), "not known whether the cutoffs"),
        (
            {},
            replace(PBE, hubbard_u_ev={"Ni-d": 6.0}),
            "the SCF has U = 0 eV on Ni-d, the band structure 6 eV",
        ),
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
def test_what_is_not_of_one_hamiltonian_stands_alone(change: Any, method: Method, why: str) -> None:
    further = replace(FURTHER, **change)
    scf = replace(RUN, method=replace(PBE, hubbard_u_ev={}))
    structure = Structure(Lattice.cubic(4.01), ["Ne"], [[0, 0, 0]]) if "reciprocal_per_ang" in change else NEON
    joined = join_bands(SCF, scf, further, BandsRun(method=method, structure=structure))
    assert why in joined.why_not
    assert joined.bands is further, "the band structure, with its own zero"


@pytest.mark.parametrize(
    ("structure", "why"),
    [
        (Structure(Lattice.cubic(4), ["Ar"], [[0, 0, 0]]), "the atoms are not the same: Ne1 and Ar1"),
        (Structure(Lattice.cubic(4), ["Ne"], [[1e-3, 0, 0]]), "differ by up to 0.0040 Å"),
    ],
)
def test_eigenvalues_of_other_atoms_stand_alone(structure: Structure, why: str) -> None:
    assert why in join_bands(SCF, RUN, FURTHER, replace(RUN, structure=structure)).why_not


def test_eigenvalues_that_are_not_of_the_run_they_lie_beside_stand_alone() -> None:
    level = replace(RUN, log_fermi=Energy(1.2001, OWN_ZERO))
    assert join_bands(SCF, RUN, FURTHER, level).why_not == ""
    level = replace(RUN, log_fermi=Energy(1.2002, OWN_ZERO))
    assert "is 1.20000 eV, by its log 1.20020 eV" in join_bands(SCF, RUN, FURTHER, level).why_not
    cell = replace(RUN, structure=Structure(Lattice.cubic(4.01), ["Ne"], [[0, 0, 0]]))
    assert "differs by 0.0100 Å from that in its log" in join_bands(SCF, RUN, FURTHER, cell).why_not
    two = replace(FURTHER, fermi_by_spin_ev=(1.2, 1.3), fermi_ev=1.3)
    assert join_bands(SCF, RUN, two, replace(RUN, log_fermi=Energy(1.2, OWN_ZERO))).why_not == ""


def test_without_a_common_point_atoms_or_fermi_levels_tell_that_the_zero_is_one() -> None:
    """The zero of a plane-wave code is that of its atoms."""
    untold = BandsRun(method=PBE)
    elsewhere = bands(OWN_ZERO, {0.0: [-5.0, 0.2, 2.5]}, fermi_ev=1.502)
    assert join_bands(SCF, RUN, elsewhere, RUN).why_not == ""
    for runs in ((untold, RUN), (RUN, untold)):
        why = join_bands(SCF, runs[0], elsewhere, runs[1]).why_not
        assert "no k-point stands in both, and the Fermi levels differ by 0.0020 eV" in why
    assert join_bands(SCF, untold, replace(elsewhere, fermi_ev=1.4991), untold).why_not == ""
    assert join_bands(SCF, untold, FURTHER, untold).why_not == "", "X stands in both"


@pytest.mark.parametrize(
    ("electrons", "spinor", "last"),
    [((4.0,), False, 3), ((5.0,), False, 4), ((4.0,), True, 5), ((2.0, 2.0), False, 3), ((3.0, 1.0), False, 4)],
)
def test_the_filled_bands_and_the_lowest_empty_one_have_to_agree(
    electrons: tuple[float, ...], spinor: bool, last: int
) -> None:
    """Two electrons a band, one where there are two channels or spinors; an odd one needs a band of its own."""
    values = np.arange(8.0)[None, None].repeat(len(electrons), axis=0)
    content = {"n_electrons": electrons, "spinor": spinor, "eigenvalues_ev": values}
    scf, further = (bands(zero, {0.5: []}, **content) for zero in (SCF_ZERO, OWN_ZERO))
    for number in range(8):
        other = values.copy()
        other[-1, 0, number] += 0.0015
        why = join_bands(scf, RUN, replace(further, eigenvalues_ev=other), RUN).why_not
        assert ("differ by 0.0015 eV" in why) is (number < last)
    fewer = join_bands(scf, RUN, replace(further, eigenvalues_ev=values[..., :2]), RUN)
    assert fewer.why_not == "" and fewer.bands.eigenvalues_ev.shape[2] == 8
    more = join_bands(replace(scf, eigenvalues_ev=values[..., :2]), RUN, further, RUN)
    assert more.why_not == "" and np.isnan(more.bands.eigenvalues_ev[0, 0, 2:]).all()


@pytest.mark.parametrize(("electrons", "same"), [(4.0009, True), (4.0015, False), (3.9985, False)])
def test_electrons_agree_to_a_thousandth(electrons: float, same: bool) -> None:
    assert (join_bands(SCF, RUN, replace(FURTHER, n_electrons=(electrons,)), RUN).why_not == "") is same


@pytest.mark.parametrize(("u_ev", "same"), [(0.00009, True), (0.00015, False), (1.0, False), (-1.0, False)])
def test_a_u_that_one_run_has_alone(u_ev: float, same: bool) -> None:
    none, one = replace(PBE, hubbard_u_ev={}), replace(PBE, hubbard_u_ev={"Ni-d": u_ev})
    assert (why_other_method(none, one) == "") is (why_other_method(one, none) == "") is same


def test_a_u_that_one_run_does_not_tell_is_not_compared() -> None:
    with_u = replace(PBE, hubbard_u_ev={"Ni-d": 6.0})
    assert why_other_method(with_u, replace(PBE, hubbard_u_ev=None)) == ""
    assert why_other_method(with_u, replace(PBE, hubbard_u_ev={"Ni-d": 6.00005})) == ""


def test_a_point_of_the_other_sign_is_the_same_point() -> None:
    """By time reversal, and up to a reciprocal lattice vector."""
    other = bands(OWN_ZERO, {-1.25: [-5.0, 0.5, 3.2]})
    assert "differ by 0.2000 eV" in join_bands(SCF, RUN, other, RUN).why_not


def test_one_functional_has_one_name_whatever_its_capitals() -> None:
    assert why_other_method(replace(PBE, functional="PBEsol"), replace(PBE, functional="PBESOL")) == ""
