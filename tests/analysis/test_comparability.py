"""Which differences of two calculations mean something, row by row."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymatgen.core import Lattice, Structure

from dftflow.analysis.comparability import compare
from dftflow.model.comparison import Comparison, ComparisonRow, Verdict
from dftflow.model.method import Method
from dftflow.model.results import Results

METHOD = Method(
    code="castep",
    code_version="21.1",
    functional="PBE",
    dispersion="none",
    cutoff_ev=435.4,
    potentials={"Cs": "C19", "Br": "C19"},
    kpoints_grid=(4, 4, 4),
    kpoints_shift=(0.5, 0.5, 0.5),
    kpoint_spacing_per_ang=0.3657,
    smearing="gaussian",
    smearing_ev=0.1,
    spin_polarised=False,
    spin_orbit=False,
    dipole_correction="none",
    constants="CODATA 2014",
)
CSBR = Structure(Lattice.cubic(4.295), ["Cs", "Br"], [[0, 0, 0], [0.5, 0.5, 0.5]])
CS = Structure(Lattice.cubic(6.14), ["Cs", "Cs"], [[0, 0, 0], [0.5, 0.5, 0.5]])
NACL = Structure(Lattice.cubic(5.64), ["Na", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]])


def results(*, status: Any = "finished", structure: Structure | None = CSBR, **changes: Any) -> Results:
    method = replace(METHOD, **changes)
    return Results(
        code=method.code, code_version=method.code_version, status=status, method=method, structure=structure
    )


def slab_along(normal: int, vacuum_ang: float = 20.0) -> Structure:
    """A layer of CsBr with its vacuum along one lattice vector."""
    lengths, coords = [4.295] * 3, np.array([[0.0] * 3, [0.5] * 3])
    lengths[normal] = 2.1475 + vacuum_ang
    coords[:, normal] = [0.0, 2.1475 / lengths[normal]]
    return Structure(Lattice.orthorhombic(*lengths), ["Cs", "Br"], coords)


def row(comparison: Comparison, quantity: str) -> ComparisonRow:
    (found,) = [row for row in comparison.rows if row.quantity == quantity]
    return found


def one_change(quantity: str, first: Results, second: Results) -> ComparisonRow:
    """The row, after a look that no other one is touched and that the order of the two does not matter."""
    there, back = compare(first, second), compare(second, first)
    assert [r.verdict for r in there.rows] == [r.verdict for r in back.rows]
    assert {r.quantity for r in there.rows if r.verdict != "same"} <= {quantity}
    assert (row(there, quantity).first, row(there, quantity).second) == (
        row(back, quantity).second,
        row(back, quantity).first,
    )
    return row(there, quantity)


def test_alike_may_be_subtracted() -> None:
    comparison = compare(results(), results())
    assert comparison.verdict == "same" and comparison.sentence == "may be subtracted"
    assert all(row.verdict == "same" and row.first == row.second and not row.consequence for row in comparison.rows)


def test_nothing_is_known_of_the_method() -> None:
    bare = Results(code="castep", code_version="21.1", status="finished")
    comparison = compare(bare, bare)
    assert comparison.verdict == "unknown" and "cannot be told" in comparison.sentence
    unknown = {row.quantity for row in comparison.rows if row.verdict == "unknown"}
    assert unknown == {row.quantity for row in comparison.rows} - {"status", "code", "version", "physical constants"}


@pytest.mark.parametrize(
    ("quantity", "changes", "verdict", "said"),
    [
        ("functional", {"functional": "LDA"}, "differs", "LDA"),
        ("functional", {"functional": "pbe"}, "same", ""),
        ("functional", {"functional": None}, "unknown", "unknown"),
        ("dispersion correction", {"dispersion": "G06"}, "differs", "G06"),
        ("dispersion correction", {"dispersion": None}, "unknown", "unknown"),
        ("version", {"code_version": "24.1"}, "caution", "24.1"),
        ("version", {"code_version": ""}, "caution", "unknown"),
        ("cutoff", {"cutoff_ev": 244.9}, "differs", "244.9 eV"),
        ("cutoff", {"cutoff_ev": 435.405}, "same", ""),
        ("cutoff", {"cutoff_ev": 435.4 + 0.03}, "caution", "435.43 eV"),
        ("cutoff", {"cutoff_ev": 436.0}, "differs", "436 eV"),
        ("cutoff", {"cutoff_ev": None}, "unknown", "unknown"),
        ("potentials", {"potentials": {"Cs": "C19", "Br": "NCP19"}}, "differs", "Br NCP19"),
        ("potentials", {"potentials": {"Cs": "C19"}}, "unknown", "Br unknown"),
        ("potentials", {"potentials": {}}, "unknown", "unknown"),
        ("potentials", {"potentials": None}, "unknown", "unknown"),
        ("k-point density", {"kpoints_grid": (3, 3, 3), "kpoint_spacing_per_ang": 0.4876}, "caution", "3x3x3"),
        ("k-point density", {"kpoints_shift": (0.0, 0.0, 0.0)}, "caution", "4x4x4 (Γ-centred)"),
        ("k-point density", {"kpoints_shift": (0.5, 0.5, 0.0)}, "caution", "shifted by 0.5, 0.5, 0"),
        ("k-point density", {"kpoints_shift": (0.5, -0.5, 1.5)}, "same", ""),
        ("k-point density", {"kpoints_shift": None}, "unknown", "4x4x4 (shift not told)"),
        ("k-point density", {"kpoints_grid": None, "kpoint_spacing_per_ang": None}, "unknown", "unknown"),
        ("spin", {"spin_polarised": True}, "caution", "polarised"),
        ("spin", {"spin_polarised": None}, "unknown", "unknown"),
        ("spin-orbit coupling", {"spin_orbit": True}, "differs", "yes"),
        ("spin-orbit coupling", {"spin_orbit": None}, "unknown", "unknown"),
        ("Hubbard U", {"hubbard_u_ev": {"Br:p": 2.5}}, "differs", "Br:p 2.5 eV"),
        ("Hubbard U", {"hubbard_u_ev": None}, "unknown", "unknown"),
        ("smearing", {"smearing_ev": 0.2}, "caution", "gaussian, 0.2 eV"),
        ("smearing", {"smearing": "fixed", "smearing_ev": None}, "caution", "fixed"),
        ("smearing", {"smearing": "Gaussian"}, "same", ""),
        ("smearing", {"smearing_ev": None}, "unknown", "gaussian, unknown"),
        ("smearing", {"smearing": None}, "unknown", "unknown"),
        ("dipole correction", {"dipole_correction": "z, self-consistent"}, "caution", "z, self-consistent"),
        ("dipole correction", {"dipole_correction": None}, "unknown", "unknown"),
        ("physical constants", {"constants": "CODATA 2018"}, "caution", "CODATA 2018"),
        ("physical constants", {"constants": None}, "caution", "unknown"),
    ],
)
def test_one_difference(quantity: str, changes: dict[str, Any], verdict: Verdict, said: str) -> None:
    found = one_change(quantity, results(), results(**changes))
    assert found.verdict == verdict
    assert said in found.second
    assert bool(found.consequence) == (verdict != "same")


def test_what_is_unknown_on_both_sides_is_not_agreement() -> None:
    """Save for the constants, whose effect is bounded."""
    names = ["functional", "dispersion", "cutoff_ev", "potentials", "spin_polarised", "spin_orbit", "hubbard_u_ev"]
    for name in names:
        assert compare(results(**{name: None}), results(**{name: None})).verdict == "unknown", name
    assert compare(results(constants=None), results(constants=None)).verdict == "caution"


def test_two_codes_do_not_mix() -> None:
    other = results(code="gpaw", code_version="26.7.0", potentials={"Cs": "PAW 1", "Br": "PAW 2"})
    comparison = compare(results(), other)
    assert comparison.verdict == "differs"
    assert comparison.sentence == "must not be subtracted, because of: code, potentials"
    assert row(comparison, "version").consequence == "of two codes"


# --- how they ended ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "second", "verdict", "word"),
    [
        ("scf_not_converged", "finished", "differs", "SCF"),
        ("scf_not_converged", "scf_not_converged", "differs", "SCF"),
        ("geom_not_converged", "finished", "caution", "minimum"),
        ("geom_not_converged", "geom_not_converged", "caution", "minimum"),
        ("geom_not_converged", "died", "differs", "died"),
        ("out_of_time", "finished", "differs", "stopped"),
        ("truncated", "finished", "differs", "no end"),
    ],
)
def test_status(first: Any, second: Any, verdict: Verdict, word: str) -> None:
    found = one_change("status", results(status=first), results(status=second))
    assert found.verdict == verdict and word in found.consequence
    assert found.first == first.replace("_", " ")


# --- only what both hold ----------------------------------------------------------------------------------------


def test_potentials_of_what_only_one_holds_do_not_count() -> None:
    element = results(structure=CS, potentials={"Cs": "C19"}, kpoint_spacing_per_ang=0.35)
    found = row(compare(results(), element), "potentials")
    assert found.verdict == "same" and found.first == "the same for Cs"


def test_nothing_in_common_cancels_nothing() -> None:
    found = row(compare(results(), results(structure=NACL, potentials={"Na": "C19", "Cl": "C19"})), "potentials")
    assert found.verdict == "caution" and (found.first, found.second) == ("Br, Cs", "Cl, Na")


def test_potentials_are_told_without_a_structure() -> None:
    found = row(compare(results(structure=None), results(structure=None)), "potentials")
    assert found.verdict == "same" and found.first == "the same for Br, Cs"


def test_u_of_what_only_one_holds_does_not_count() -> None:
    with_u = results(hubbard_u_ev={"Br:p": 2.5})
    metal = results(structure=CS, potentials={"Cs": "C19"})
    assert row(compare(with_u, metal), "Hubbard U").verdict == "same"
    assert row(compare(with_u, replace(metal, structure=None)), "Hubbard U").verdict == "differs"
    close = results(hubbard_u_ev={"Br:p": 2.5001})
    assert row(compare(with_u, close), "Hubbard U").verdict == "same"


# --- k-points ---------------------------------------------------------------------------------------------------


def k_row(first: Results, second: Results) -> ComparisonRow:
    return row(compare(first, second), "k-point density")


def test_one_grid_in_cells_of_two_sizes_is_not_one_density() -> None:
    """4 x 4 x 4 points: 2π/(4 · 4.295 Å) = 0.366 1/Å in the small cell, half of that in the doubled one."""
    doubled = CSBR.copy()
    doubled.make_supercell(2)
    found = k_row(results(), results(structure=doubled, kpoint_spacing_per_ang=0.3657 / 2))
    assert found.verdict == "caution" and found.second == "4x4x4, 0.183 1/Å"
    folded = results(structure=doubled, kpoints_grid=(2, 2, 2))
    assert k_row(results(), folded).verdict == "same", "the supercell's grid that samples the same points"


def test_a_slab_with_one_point_along_its_normal_is_as_dense_as_its_crystal() -> None:
    slab = Structure(Lattice.orthorhombic(4.295, 4.295, 35), ["Cs", "Br"], [[0, 0, 0.4], [0.5, 0.5, 0.45]])
    assert k_row(results(), results(structure=slab, kpoints_grid=(4, 4, 1))).verdict == "same"
    gamma = results(structure=slab, kpoints_grid=(1, 1, 1), kpoint_spacing_per_ang=1.4629)
    assert k_row(results(), gamma).verdict == "caution"


@pytest.mark.parametrize("normal", [0, 1, 2])
@pytest.mark.parametrize("vacuum_ang", [15.0, 40.0])
def test_the_vacuum_of_a_slab_has_no_part_in_the_density(normal: int, vacuum_ang: float) -> None:
    """11 points along 4.295 Å are 0.133 1/Å apart; one point along a cell of 17 to 42 Å is 0.37 to 0.15 1/Å."""
    crystal = results(kpoints_grid=(11, 11, 11), kpoint_spacing_per_ang=0.13299)
    slab = slab_along(normal, vacuum_ang)
    grid = [11, 11, 11]
    grid[normal] = 1
    widest = max(np.linalg.norm(slab.lattice.reciprocal_lattice.matrix, axis=1) / grid)
    found = k_row(crystal, results(structure=slab, kpoints_grid=tuple(grid), kpoint_spacing_per_ang=float(widest)))
    assert found.verdict == "same" and found.second.endswith(", 0.133 1/Å")
    grid = [4, 4, 4]
    grid[normal] = 1
    coarse = results(structure=slab, kpoints_grid=tuple(grid), kpoint_spacing_per_ang=float(widest))
    assert k_row(crystal, coarse).verdict == "caution"


@pytest.mark.parametrize("spacing", [0.0, -0.1, float("inf"), float("nan")])
def test_a_spacing_that_is_none_is_not_known(spacing: float) -> None:
    impossible = results(kpoint_spacing_per_ang=spacing)
    assert k_row(impossible, results(structure=NACL)).verdict == "unknown"
    assert k_row(results(structure=NACL), impossible).verdict == "unknown"


@pytest.mark.parametrize(("ratio", "verdict"), [(1.19, "same"), (1.2, "same"), (1.22, "caution"), (0.82, "caution")])
def test_the_density_of_two_cells_may_differ_by_a_fifth(ratio: float, verdict: Verdict) -> None:
    """Cells of two sizes, each with a grid of whole numbers."""
    other = results(structure=NACL, kpoint_spacing_per_ang=0.3657 * ratio, kpoints_grid=(3, 3, 3))
    assert k_row(results(), other).verdict == verdict
    assert k_row(other, results()).verdict == verdict


def test_one_cell_on_two_grids_is_a_caution_however_close() -> None:
    fine = {"kpoints_grid": (11, 11, 11), "kpoint_spacing_per_ang": 0.13299}
    finer = {"kpoints_grid": (12, 12, 12), "kpoint_spacing_per_ang": 0.12191}
    found = k_row(results(**fine), results(**finer))
    assert found.verdict == "caution" and "one cell" in found.consequence


def test_a_grid_without_its_spacing_tells_nothing_of_another_cell() -> None:
    untold = {"kpoint_spacing_per_ang": None}
    assert k_row(results(**untold), results(**untold)).verdict == "same", "one grid in one cell"
    assert k_row(results(**untold), results(structure=NACL)).verdict == "unknown"
    assert k_row(results(structure=None, **untold), results(structure=None, **untold)).verdict == "unknown"


# --- dipole correction ------------------------------------------------------------------------------------------


def dipole_row(first: Results, second: Results) -> ComparisonRow:
    there, back = (row(compare(*pair), "dipole correction") for pair in ((first, second), (second, first)))
    assert there.verdict == back.verdict
    return there


@pytest.mark.parametrize("normal", [0, 1, 2])
def test_a_slab_with_the_correction_beside_its_crystal_without_is_right(normal: int) -> None:
    slab, other = (
        results(structure=slab_along(n), dipole_correction=f"{'xyz'[n]}, self-consistent") for n in (normal, 0)
    )
    assert dipole_row(results(), slab).verdict == "same"
    assert dipole_row(slab, other).verdict == "same", "the axis is the slab's own"


def test_where_a_dipole_correction_leaves_an_error() -> None:
    corrected = results(structure=slab_along(2), dipole_correction="z, self-consistent")
    assert dipole_row(corrected, results(structure=slab_along(2))).verdict == "caution", "two slabs"
    energy_only = replace(corrected, method=replace(METHOD, dipole_correction="z, energy only"))
    assert dipole_row(corrected, energy_only).verdict == "caution"
    crystal = results(dipole_correction="z, self-consistent")
    assert dipole_row(crystal, results(structure=slab_along(2))).verdict == "caution", "it belongs to the slab"
    assert dipole_row(results(structure=None), corrected).verdict == "caution", "nobody knows that it is a crystal"


# --- all together -----------------------------------------------------------------------------------------------


@given(st.lists(st.sampled_from(["same", "caution", "unknown", "differs"]), min_size=1, max_size=8))
def test_the_worst_row_decides(verdicts: list[Any]) -> None:
    rows = [
        ComparisonRow(quantity=f"q{number}", first="a", second="b", verdict=verdict)
        for number, verdict in enumerate(verdicts)
    ]
    comparison = Comparison(rows=tuple(rows))
    assert comparison.verdict == max(verdicts, key=["same", "caution", "unknown", "differs"].index)
    named = [row.quantity for row in rows if row.verdict == comparison.verdict != "same"]
    assert ", ".join(named) in comparison.sentence


def test_every_pair_of_calculations_has_an_answer() -> None:
    """No mixture of what is told and what is not ends in an error."""
    pieces: list[dict[str, Any]] = [
        {},
        {"potentials": None, "hubbard_u_ev": None, "structure": None},
        {"potentials": {}, "smearing": "fixed", "smearing_ev": None},
        {"kpoints_grid": None, "code_version": ""},
        {"kpoint_spacing_per_ang": None, "structure": NACL},
        {"code": "gpaw", "status": "died", "cutoff_ev": None},
    ]
    for first, second in itertools.product(pieces, repeat=2):
        comparison = compare(results(**first), results(**second))
        assert len(comparison.rows) == 14
        assert all(row.first and row.second for row in comparison.rows)


# --- where the lines are drawn ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("quantity", "first", "second", "verdict"),
    [
        ("cutoff", {"cutoff_ev": 400.0}, {"cutoff_ev": 400.005}, "same"),
        ("cutoff", {"cutoff_ev": 400.0}, {"cutoff_ev": 400.015}, "caution"),
        ("cutoff", {"cutoff_ev": 400.0}, {"cutoff_ev": 400.4002}, "caution"),  # 1e-3 of the larger one is 0.4004
        ("cutoff", {"cutoff_ev": 400.0}, {"cutoff_ev": 400.5}, "differs"),
        ("smearing", {"smearing_ev": 0.1}, {"smearing_ev": 0.1000005}, "same"),
        ("smearing", {"smearing_ev": 0.1}, {"smearing_ev": 0.1000015}, "caution"),
        ("smearing", {"smearing_ev": 0.0}, {"smearing_ev": 0.0}, "same"),
        ("smearing", {"smearing_ev": 0.0}, {"smearing_ev": 1.0}, "caution"),
        ("smearing", {"smearing": "fixed", "smearing_ev": None}, {"smearing": "fixed", "smearing_ev": 0.2}, "same"),
        ("Hubbard U", {"hubbard_u_ev": {"Br:p": 2.5}}, {"hubbard_u_ev": {"Br:p": 2.5005}}, "same"),
        ("Hubbard U", {"hubbard_u_ev": {"Br:p": 2.5}}, {"hubbard_u_ev": {"Br:p": 2.5015}}, "differs"),
        ("Hubbard U", {"hubbard_u_ev": {}}, {"hubbard_u_ev": {"Br:p": 1.0}}, "differs"),
    ],
)
def test_how_close_is_the_same(quantity: str, first: dict[str, Any], second: dict[str, Any], verdict: Verdict) -> None:
    assert one_change(quantity, results(**first), results(**second)).verdict == verdict


@pytest.mark.parametrize(
    ("lattice", "is_same"),
    [
        (Lattice.cubic(4.300), True),
        (Lattice.cubic(4.310), False),
        (Lattice.from_parameters(4.295, 4.295, 4.295, 90, 90, 90.05), True),
        (Lattice.from_parameters(4.295, 4.295, 4.295, 90, 90, 90.15), False),
        (Lattice.from_parameters(4.295, 4.295, 4.295, 90, 90, 95), False),
    ],
)
def test_only_in_one_cell_it_matters_where_the_grid_stands(lattice: Lattice, is_same: bool) -> None:
    other = results(structure=Structure(lattice, CSBR.species, CSBR.frac_coords), kpoints_shift=(0.0, 0.0, 0.0))
    assert k_row(results(), other).verdict == ("caution" if is_same else "same")


def test_a_grid_whose_numbers_are_not_told_is_compared_by_its_step() -> None:
    step_alone = results(kpoints_grid=None)
    assert k_row(results(), step_alone).verdict == k_row(step_alone, results()).verdict == "same"
    assert k_row(step_alone, step_alone).second == "0.366 1/Å"


@pytest.mark.parametrize("grid", [(4, 4, 0), (0, 4, 1)])
def test_a_grid_without_points_leaves_the_step_that_was_told(grid: Any) -> None:
    assert k_row(results(), results(structure=slab_along(2), kpoints_grid=grid)).second.endswith(", 0.366 1/Å")


def test_potentials_stand_for_the_elements_where_the_structure_is_not_known() -> None:
    unknown = results(structure=None, potentials={"Na": "C19", "Cl": "C19"})
    found = row(compare(unknown, results()), "potentials")
    assert (found.verdict, found.first, found.second) == ("caution", "Cl, Na", "Br, Cs")


@pytest.mark.parametrize(
    ("first", "second", "verdict", "consequence"),
    [
        ("unknown", "finished", "unknown", "there is no readable log that tells whether it converged"),
        (
            "geom_not_converged",
            "unknown",
            "unknown",
            "the energy is not that of a minimum; there is no readable log that tells whether it converged",
        ),
        (
            "unknown",
            "scf_not_converged",
            "differs",
            "there is no readable log that tells whether it converged; an energy whose SCF did not converge has no "
            "meaning",
        ),
    ],
)
def test_what_no_log_tells_of_is_unknown(first: Any, second: Any, verdict: Verdict, consequence: str) -> None:
    found = one_change("status", results(status=first), results(status=second))
    assert (found.verdict, found.consequence) == (verdict, consequence)


@pytest.mark.parametrize(
    ("quantity", "first", "second", "texts"),
    [
        ("functional", {}, {"functional": None}, ("PBE", "unknown")),
        ("version", {}, {"code_version": ""}, ("21.1", "unknown")),
        ("cutoff", {}, {"cutoff_ev": 500.0}, ("435.4 eV", "500 eV")),
        ("cutoff", {}, {"cutoff_ev": None}, ("435.4 eV", "unknown")),
        ("potentials", {}, {"potentials": None}, ("Br C19; Cs C19", "unknown")),
        ("potentials", {}, {"potentials": {"Cs": "A", "Br": "B"}}, ("Br C19; Cs C19", "Br B; Cs A")),
        ("k-point density", {}, {"kpoint_spacing_per_ang": 0.5}, ("4x4x4, 0.366 1/Å", "4x4x4, 0.500 1/Å")),
        ("k-point density", {}, {"kpoints_grid": (2, 2, 2)}, ("4x4x4, 0.366 1/Å", "2x2x2, 0.366 1/Å")),
        ("spin", {}, {"spin_polarised": True}, ("not polarised", "polarised")),
        ("spin-orbit coupling", {}, {"spin_orbit": True}, ("no", "yes")),
        ("Hubbard U", {}, {"hubbard_u_ev": {"Br:p": 2.5, "Br:d": 1.0}}, ("none", "Br:d 1 eV, Br:p 2.5 eV")),
        ("smearing", {}, {"smearing_ev": None}, ("gaussian, 0.1 eV", "gaussian, unknown")),
        ("smearing", {}, {"smearing": "fixed"}, ("gaussian, 0.1 eV", "fixed")),
        ("physical constants", {}, {"constants": None}, ("CODATA 2014", "unknown")),
    ],
)
def test_what_is_said_of_each(
    quantity: str, first: dict[str, Any], second: dict[str, Any], texts: tuple[str, str]
) -> None:
    found = one_change(quantity, results(**first), results(**second))
    assert (found.first, found.second) == texts
