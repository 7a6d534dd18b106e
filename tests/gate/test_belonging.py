"""Files of two calculations in one folder: each mismatch by itself, against the log and without one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from pymatgen.core import Lattice, Structure

from dftflow.gate.belonging import belonging
from dftflow.gate.calculation import sound
from dftflow.model.check import Check
from dftflow.model.energy import Energy, EnergyZero
from dftflow.model.method import Method
from dftflow.model.results import Atoms, Bands, BandsRun, Density, PotentialGrid, Results

ZERO = EnergyZero("a", "cell_average")
SIDE = 4.0
METHOD = Method(code="any", code_version="1", n_electrons=4.0, spin_polarised=False, spin_orbit=False)
ARGON = Atoms(elements=("Ar",), positions_frac=np.zeros((1, 3)))
TURN = np.array([[0.0, 1, 0], [0, 0, 1], [1, 0, 0]])


def bands(side: float = SIDE, *, spins: int = 1, **changes: Any) -> Bands:
    content: dict[str, Any] = {
        "eigenvalues_ev": np.tile([[0.0, 1.0, 2.0]], (spins, 1, 1)),
        "kpoints_frac": np.zeros((1, 3)),
        "labels": ("",),
        "on_path": (-1,),
        "reciprocal_per_ang": 2 * np.pi / side * np.eye(3),
        "n_electrons": (4.0 / spins,) * spins,
        "fermi_ev": 1.5,
        "zero": ZERO,
    }
    return Bands(**(content | changes))


def potential(side: float = SIDE, **changes: Any) -> PotentialGrid:
    content: dict[str, Any] = {
        "values_ev": np.zeros((2, 2, 2)),
        "cell_ang": side * TURN,
        "kind": "local",
        "zero": ZERO,
        "n_spins": 1,
        "atoms": ARGON,
    }
    return PotentialGrid(**(content | changes))


def density(side: float = SIDE, **changes: Any) -> Density:
    return Density(**({"cell_ang": side * np.eye(3), "n_electrons": 4.0, "counted_to": 1e-6, "n_spins": 1} | changes))


def results(**changes: Any) -> Results:
    """With a log unless a change says otherwise; the potential's cell is turned in space."""
    content: dict[str, Any] = {
        "code": "any",
        "code_version": "1",
        "status": "finished",
        "method": METHOD,
        "structure": Structure(Lattice.cubic(SIDE), ["Ar"], [[0, 0, 0]]),
        "log_fermi": Energy(1.5, ZERO),
        "bands": bands(),
        "potential": potential(),
        "density": density(),
    }
    return Results(**(content | changes))


WITHOUT_LOG = {"status": "unknown", "method": None, "structure": None, "log_fermi": None}


def refused(**changes: Any) -> set[str]:
    return set(sound(results(**changes)).refused_parts)


def open_checks(**changes: Any) -> list[Check]:
    return [check for check in belonging(results(**changes)) if check.passed is None]


def test_what_belongs_together_is_kept() -> None:
    checks = belonging(results())
    assert len(checks) == 10 and all(check.passed for check in checks)
    assert refused() == refused(**WITHOUT_LOG) == set()
    (atoms,) = [check for check in belonging(results(**WITHOUT_LOG)) if not check.passed]
    assert atoms.passed is None and atoms.detail == "the geometry is not known"


# --- each part against the log ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("part", "foreign", "why"),
    [
        ("bands", bands(SIDE + 2e-4), "cell of the eigenvalues = cell of the geometry"),
        ("bands", bands(n_electrons=(6.0,)), "electrons of the eigenvalues = electrons of the log (4 and 6"),
        ("bands", bands(n_electrons=(4.002,)), "electrons of the eigenvalues"),
        ("bands", bands(spins=2), "two channels, expected one channel"),
        ("bands", bands(spinor=True), "spinors, expected one channel"),
        ("bands", bands(fermi_ev=1.5002), "1.50020 eV and 1.50000 eV"),
        ("potential", potential(SIDE + 2e-4), "cell of the potential = cell of the geometry"),
        ("potential", potential(n_spins=2), "spins of the potential = spins of the run"),
        ("potential", potential(atoms=replace(ARGON, elements=("Ne",))), "atoms of the geometry (Ne1 and Ar1"),
        ("potential", potential(atoms=replace(ARGON, positions_frac=[[1e-3, 0, 0]])), "up to 0.004000 Å"),
        ("potential", potential(atoms=Atoms(elements=("", ""), positions_frac=np.zeros((2, 3)))), "2 and 1 atoms"),
        ("bands", bands(atoms=replace(ARGON, elements=("Ne",))), "atoms of the eigenvalues = atoms of the geometry"),
        ("density", density(SIDE + 2e-4), "cell of the density = cell of the geometry"),
        ("density", density(n_electrons=4.231193), "electrons of the density = electrons of the log"),
        ("density", density(n_spins=2), "spins of the density = spins of the run"),
        ("density", density(spinor=True), "spinors, expected one channel"),
    ],
)
def test_a_part_of_another_calculation_is_refused(part: str, foreign: Any, why: str) -> None:
    judged = sound(results(**{part: foreign}))
    assert judged.refused_parts == (part,) and why in judged.refused[0].reason
    assert getattr(judged.results, part) is None


@pytest.mark.parametrize(
    "alike",
    [
        {"bands": bands(SIDE + 5e-7)},
        {"bands": bands(n_electrons=(4.0005,))},
        {"bands": bands(fermi_ev=1.5 + 0.6e-6 * 27.2)},
        {"bands": bands(fermi_ev=1.9, fermi_by_spin_ev=(1.5, 1.9))},
        {"potential": potential(n_spins=None)},
        {"potential": potential(atoms=replace(ARGON, positions_frac=[[1 - 1e-6, 2, 0]]))},
        {"bands": bands(atoms=ARGON)},
        {"density": density(n_electrons=4.0000009)},
    ],
)
def test_what_is_printed_decides(alike: dict[str, Any]) -> None:
    assert refused(**alike) == set() and open_checks(**alike) == []


@pytest.mark.parametrize(
    ("mean", "electrons", "passed"),
    [(8.0004, 8.0, None), (1008.4, 1008.0, None), (1009.0, 1008.0, False), (7.98, 8.0, False), (np.nan, 8.0, None)],
)
def test_electrons_that_the_digits_may_hide_are_left_open(mean: float, electrons: float, passed: bool | None) -> None:
    """8.000 may stand for 8.0004."""
    found = results(method=replace(METHOD, n_electrons=electrons), bands=None, density=density(n_electrons=mean))
    (check,) = [check for check in belonging(found) if check.name.startswith("electrons")]
    assert check.passed is passed


@pytest.mark.parametrize(
    ("polarised", "spin_orbit", "eigenvalues", "fits"),
    [
        (True, False, bands(spins=2), True),
        (True, False, bands(), False),
        (True, False, bands(spinor=True), True),  # non-collinear or not is not told
        (True, True, bands(spinor=True), True),
        (True, True, bands(spins=2), False),
        (None, True, bands(), False),
        (None, None, bands(spins=2), True),
    ],
)
def test_spins(polarised: bool | None, spin_orbit: bool | None, eigenvalues: Bands, fits: bool) -> None:
    method = replace(METHOD, spin_polarised=polarised, spin_orbit=spin_orbit)
    changes = {"method": method, "bands": eigenvalues, "potential": None, "density": None}
    assert refused(**changes) == (set() if fits else {"bands"})


def test_a_collinear_log_has_no_spinors_and_a_spinor_s_potential_any_number_of_sets() -> None:
    collinear = replace(METHOD, spin_polarised=True, spinor=False)
    assert refused(method=collinear, bands=bands(spinor=True), potential=None, density=None) == {"bands"}
    assert refused(method=collinear, bands=bands(spins=2), density=None) == {"potential"}
    spinors = replace(METHOD, spin_polarised=True, spinor=True)
    for count in (1, 2):
        changes = {"method": spinors, "bands": bands(spinor=True), "potential": potential(n_spins=count)}
        assert refused(**changes, density=density(spinor=True)) == set()


# --- without a log ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "parts"),
    [
        ({"bands": bands(4.2), "density": None}, {"bands", "potential"}),
        ({"bands": bands(4.2), "potential": None}, {"bands", "density"}),
        ({"bands": bands(n_electrons=(6.0,))}, {"bands", "density"}),
        ({"bands": bands(spins=2), "density": None}, {"bands", "potential"}),
        ({"potential": potential(n_spins=2), "bands": None}, {"potential", "density"}),
        (
            {"structure": Structure(Lattice.cubic(4.2), ["Ar"], [[0, 0, 0]]), "potential": None, "density": None},
            {"structure", "bands"},
        ),
        (
            {"structure": Structure(Lattice.cubic(SIDE), ["Ne"], [[0, 0, 0]]), "bands": None, "density": None},
            {"structure", "potential"},
        ),
    ],
)
def test_without_a_log_nobody_knows_which_is_wrong(changes: dict[str, Any], parts: set[str]) -> None:
    assert refused(**(WITHOUT_LOG | changes)) == parts


def test_a_log_without_a_cell_is_no_anchor_for_cells() -> None:
    assert refused(structure=None, potential=potential(4.2), density=None) == {"bands", "potential"}


# --- what is not told -------------------------------------------------------------------------------------------


def test_what_no_file_tells_is_open_and_no_agreement() -> None:
    (fermi,) = open_checks(log_fermi=None)
    assert fermi.name.startswith("Fermi level") and "the log gives none" in fermi.detail
    assert fermi.concerns == ("bands",)
    (atoms,) = open_checks(potential=potential(atoms=None))
    assert atoms.concerns == ("potential",) and "does not name its atoms" in atoms.detail
    (atoms,) = open_checks(potential=potential(atoms=replace(ARGON, elements=("",))))
    assert atoms.concerns == ("potential",) and "does not name the elements" in atoms.detail
    (cell,) = open_checks(potential=potential(4.2, tells_cell=False))
    assert cell.concerns == ("potential",) and "does not hold its cell" in cell.detail
    (cell,) = open_checks(bands=bands(4.2, fermi_ev=9.0, n_electrons=(6.0,), stands_in="bare file"))
    assert cell.concerns == ("bands",)
    assert not any("eigenvalues" in check.name for check in belonging(results(**WITHOUT_LOG)) if "Fermi" in check.name)


def test_what_stands_in_the_log_is_not_compared_with_it() -> None:
    """It would agree with itself, which proves nothing; the other files are compared with the log as before."""
    names = [check.name for check in belonging(results(bands=bands(stands_in="log")))]
    assert names and not any("eigenvalues" in name for name in names)
    assert refused(bands=bands(stands_in="log"), potential=potential(4.2)) == {"potential"}


@pytest.mark.parametrize("status", ["truncated", "scf_not_converged", "died"])
def test_the_last_fermi_level_of_an_unfinished_log_refuses_nothing(status: Any) -> None:
    foreign = bands(fermi_ev=2.0)
    assert refused(status=status, bands=foreign) == set() and len(open_checks(status=status, bands=foreign)) == 1
    assert refused(status="geom_not_converged", bands=foreign) == {"bands"}


@pytest.mark.parametrize("status", ["truncated", "scf_not_converged", "died"])
def test_an_unfinished_relaxation_may_have_moved_the_atoms_since(status: Any) -> None:
    """Its eigenvalues may be those of an earlier geometry, and never those of other atoms."""
    moved = bands(atoms=replace(ARGON, positions_frac=[[1e-3, 0, 0]]))
    assert refused(status=status, bands=moved) == set() and len(open_checks(status=status, bands=moved)) == 1
    assert refused(bands=moved) == {"bands"}
    assert refused(status=status, bands=bands(atoms=replace(ARGON, elements=("Ne",)))) == {"bands"}
    told = {"status": "unknown", "bands": moved, "potential": None, "density": None}
    assert refused(**told) == {"structure", "bands"}, "no log says which of the two is right"


@pytest.mark.parametrize(
    ("cutoff_ev", "fits"), [(400.0, True), (400.009, True), (400.011, False), (500.0, False), (300.0, False)]
)
def test_a_potential_that_tells_its_cutoff(cutoff_ev: float, fits: bool) -> None:
    changes = {"method": replace(METHOD, cutoff_ev=400.0), "potential": potential(cutoff_ev=cutoff_ev)}
    assert refused(**changes) == (set() if fits else {"potential"})
    (cutoff,) = open_checks(potential=potential(cutoff_ev=cutoff_ev))
    assert "the run gives none" in cutoff.detail and cutoff.concerns == ("potential",)


def test_the_geometry_of_the_eigenvalues_own_run_is_the_crystal_s() -> None:
    own = EnergyZero("a_BandStr", "cell_average")
    run = BandsRun(
        method=METHOD, log_fermi=Energy(1.5, own), structure=Structure(Lattice.cubic(SIDE), ["Ar"], [[0] * 3])
    )
    assert refused(bands=bands(zero=own), bands_run=run) == set()
    checks = by_name(bands=bands(zero=own), bands_run=run)
    assert checks["cell of the eigenvalues = cell of the log of their run"].passed is True
    assert checks["atoms of the eigenvalues' run = atoms of the geometry"].passed is True
    assert checks["atoms of the potential = atoms of the geometry"].passed is True
    assert checks["cell of the eigenvalues = cell of the geometry"].passed is True
    for side, element in ((SIDE + 2e-4, "Ar"), (SIDE, "Ne")):
        other = replace(run, structure=Structure(Lattice.cubic(side), [element], [[0] * 3]))
        assert refused(bands=bands(zero=own), bands_run=other) == {"bands"}


def test_eigenvalues_of_a_run_of_their_own_belong_to_that_run() -> None:
    """Another functional and other spins, but the same crystal: its cell and its electrons."""
    own = EnergyZero("a_BandStr", "cell_average")
    run = BandsRun(method=replace(METHOD, spin_polarised=True, spin_orbit=True), log_fermi=Energy(2.0, own))
    fitting = bands(fermi_ev=2.0, spinor=True, zero=own)
    assert refused(bands=fitting, bands_run=run, potential=None, density=None) == set()
    for foreign in (
        replace(fitting, fermi_ev=1.5),
        replace(fitting, spinor=False),
        replace(fitting, n_electrons=(6.0,)),  # not even where its own log says the same: see below
        replace(fitting, reciprocal_per_ang=np.eye(3)),
    ):
        assert refused(bands=foreign, bands_run=run, potential=None, density=None) == {"bands"}


def test_a_run_with_other_electrons_than_the_crystal_s_gives_no_eigenvalues_of_it() -> None:
    own = EnergyZero("a_BandStr", "cell_average")
    run = BandsRun(method=replace(METHOD, n_electrons=6.0), log_fermi=Energy(1.5, own))
    assert refused(bands=bands(n_electrons=(6.0,), zero=own), bands_run=run) == {"bands"}
    assert refused(bands=bands(n_electrons=(4.0,), zero=own), bands_run=run) == {"bands"}
    told = replace(METHOD, n_electrons=None)
    assert refused(method=told, density=None, bands=bands(n_electrons=(4.0,), zero=own), bands_run=run) == {"bands"}
    assert refused(method=told, density=None, bands=bands(n_electrons=(6.0,), zero=own), bands_run=run) == set()


# --- what a mutation run asked for ------------------------------------------------------------------------------


def by_name(**changes: Any) -> dict[str, Check]:
    return {check.name: check for check in belonging(results(**changes))}


def test_without_a_log_electrons_of_the_density_are_compared_with_those_of_the_eigenvalues() -> None:
    checks = by_name(**WITHOUT_LOG, density=density(n_electrons=6.0))
    check = checks["electrons of the density = electrons of the eigenvalues"]
    assert check.passed is False and check.detail.startswith("4 and 6, difference 2.000000 e")
    assert set(check.concerns) == {"bands", "density"}


@pytest.mark.parametrize(("mean", "passed"), [(4.0, True), (4.0000009, True), (4.0000015, None), (4.01, False)])
def test_a_density_counts_its_electrons_to_six_decimals(mean: float, passed: bool | None) -> None:
    """The log prints four digits, 4.000, which may hide half a unit of the last; the density itself hides 1e-6."""
    check = by_name(density=density(n_electrons=mean))["electrons of the density = electrons of the log"]
    assert check.passed is passed
    assert ("what is printed may hide" in check.detail) is (passed is None)


@pytest.mark.parametrize(("electrons", "same"), [(4.0009, True), (4.0011, False)])
def test_two_printed_numbers_of_electrons(electrons: float, same: bool) -> None:
    """Each of both may hide half a unit of its fourth digit, 0.0005."""
    check = by_name(bands=bands(n_electrons=(electrons,)))["electrons of the eigenvalues = electrons of the log"]
    assert check.passed is same


def test_fewer_than_one_electron_have_as_many_decimals_as_one() -> None:
    """0.3000 has four digits behind the point, not five."""
    few = replace(METHOD, n_electrons=0.3)
    check = by_name(method=few, bands=bands(n_electrons=(0.3008,)), density=None)
    assert check["electrons of the eigenvalues = electrons of the log"].passed is True


def test_without_a_log_spins_are_compared_pair_by_pair() -> None:
    checks = by_name(**WITHOUT_LOG, potential=potential(n_spins=2))
    against = checks["spins of the potential = spins of the eigenvalues"]
    assert against.passed is False and against.detail == "two channels, expected one channel"
    assert set(against.concerns) == {"bands", "potential"}
    assert checks["spins of the density = spins of the eigenvalues"].passed is True
    with_log = by_name(potential=potential(n_spins=2))
    assert not [name for name in with_log if "spins of the eigenvalues" in name and "= spins of the e" in name]
    assert with_log["spins of the potential = spins of the run"].detail == "two channels, expected one channel"


def test_a_run_that_may_hold_two_kinds_of_channels_says_both() -> None:
    polarised = replace(METHOD, spin_polarised=True)
    check = by_name(method=polarised, bands=bands())["spins of the eigenvalues = spins of the run"]
    assert check.passed is False and check.detail == "one channel, expected two channels or spinors"


@pytest.mark.parametrize(
    ("method", "eigenvalues"),
    [(replace(METHOD, spin_orbit=True), bands(spinor=True)), (None, bands(spinor=True))],
)
def test_the_sets_of_a_spinor_s_potential_prove_nothing(method: Method | None, eigenvalues: Bands) -> None:
    for count in (1, 2, 4):
        checks = by_name(method=method, bands=eigenvalues, potential=potential(n_spins=count), density=None)
        assert not [name for name in checks if name.startswith("spins of the potential")]
    known = by_name(method=METHOD, bands=bands(), potential=potential(n_spins=1))
    assert "spins of the potential = spins of the run" in known


@pytest.mark.parametrize(("level_ev", "same"), [(1.50009, True), (1.50011, False), (1.49991, True), (1.49989, False)])
def test_a_fermi_level_counts_to_a_ten_thousandth_of_an_ev(level_ev: float, same: bool) -> None:
    check = by_name(bands=bands(fermi_ev=level_ev))["Fermi level of the eigenvalues = Fermi level of the log"]
    assert check.passed is same and check.concerns == ("bands",)


def test_one_of_two_fermi_levels_is_enough() -> None:
    two = bands(spins=2, fermi_by_spin_ev=(1.2, 1.5), fermi_ev=1.5)
    polarised = replace(METHOD, spin_polarised=True)
    check = by_name(method=polarised, bands=two)["Fermi level of the eigenvalues = Fermi level of the log"]
    assert check.passed is True and check.detail == "1.20000 and 1.50000 eV and 1.50000 eV"


def test_without_a_log_what_the_digits_of_the_eigenvalues_hide_is_left_open() -> None:
    checks = by_name(**WITHOUT_LOG, density=density(n_electrons=4.0004))
    assert checks["electrons of the density = electrons of the eigenvalues"].passed is None


def test_eigenvalues_of_another_run_say_nothing_of_the_spins_of_the_potential() -> None:
    """The SCF does not tell its spins, the run of the bands has two channels: that is no reason for the SCF to."""
    run = BandsRun(method=replace(METHOD, spin_polarised=True))
    checks = by_name(method=None, bands=bands(spins=2), bands_run=run, potential=potential(n_spins=1), density=None)
    assert not [name for name in checks if name.startswith("spins of the potential")]


def test_the_log_alone_tells_that_a_potential_is_a_spinor_s() -> None:
    checks = by_name(method=replace(METHOD, spin_orbit=True), bands=None, potential=potential(n_spins=2), density=None)
    assert not [name for name in checks if name.startswith("spins of the potential")]
