"""Levels of one calculation: square wells whose vacuum level is known, in every direction and with every defect."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.core import Lattice, Structure

from dftflow.analysis.calculation_levels import calculation_levels, slab_normal
from dftflow.errors import ReferenceMismatch
from dftflow.model.energy import Energy, EnergyZero
from dftflow.model.levels import PrintedGap
from dftflow.model.method import Method
from dftflow.model.results import Bands, BandsRun, PotentialGrid, Results

ZERO = EnergyZero("slab", "cell_average")
SIDE, LENGTH = 4.0, 27.0
ATOMS = [0.3, 0.4, 0.5, 0.6, 0.7]
"""Fractional heights: a slab from 8.1 to 18.9 Å, with 16.2 Å of vacuum."""
VACUUM, FERMI, VBM, CBM = 3.0, -1.5, -2.0, 0.25


def structure(axis: int = 2, *, heights: list[float] | None = None, lattice: Lattice | None = None) -> Structure:
    """A slab of Ar whose normal is the lattice vector `axis`."""
    lengths = [SIDE] * 3
    lengths[axis] = LENGTH
    coords = np.zeros((len(heights or ATOMS), 3))
    coords[:, axis] = heights or ATOMS
    return Structure(lattice or Lattice.orthorhombic(*lengths), ["Ar"] * len(coords), coords)


def well(axis: int = 2, *, shift: float = 0.0, step: float = 0.0, kind: Any = "electrostatic") -> PotentialGrid:
    """A square well 1 Å wider than the slab; above the slab `step` higher, up to the cell's face."""
    n = 270
    z = np.arange(n) * LENGTH / n
    planar = np.where((z > 7.1) & (z < 19.9), -8.0, VACUUM) + step * (z > 13.5) + shift
    shape, cell = [2, 2, 2], np.diag([SIDE] * 3)
    shape[axis] = n
    cell[axis, axis] = LENGTH
    along = [1, 1, 1]
    along[axis] = n
    return PotentialGrid(values_ev=np.broadcast_to(planar.reshape(along), shape), cell_ang=cell, kind=kind, zero=ZERO)


def bands(shift: float = 0.0, *, vbm: float = VBM, cbm: float = CBM, labels: tuple[str, ...] = ("G", "X")) -> Bands:
    return Bands(
        eigenvalues_ev=np.array([[[vbm, cbm + 0.5], [vbm - 0.3, cbm]]]) + shift,
        kpoints_frac=np.array([[0, 0, 0], [0.5, 0, 0]]),
        labels=labels,
        on_path=(0, 0) if any(labels) else (-1, -1),
        reciprocal_per_ang=np.eye(3),
        n_electrons=(2.0,),
        fermi_ev=FERMI + shift,
        zero=ZERO,
    )


def results(axis: int = 2, *, shift: float = 0.0, **changes: Any) -> Results:
    content: dict[str, Any] = {
        "code": "any",
        "code_version": "1",
        "status": "finished",
        "structure": structure(axis),
        "log_fermi": Energy(FERMI + shift, ZERO),
        "bands": bands(shift),
        "potential": well(axis, shift=shift),
    }
    return Results(**(content | changes))


# --- the square well --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_the_levels_of_a_square_well_along_each_axis(axis: int) -> None:
    levels = calculation_levels(results(axis))
    assert levels.normal == axis
    assert [side.vacuum.side for side in levels.sides] == ["low", "high"]
    for side in levels.sides:
        assert side.vacuum.level.value_ev == pytest.approx(VACUUM, abs=1e-9)
        assert side.vacuum.level.zero == ZERO
        assert side.vacuum.spread_ev == pytest.approx(0, abs=1e-9)
        assert side.vacuum.slope_ev_per_ang == pytest.approx(0, abs=1e-9)
        assert side.work_function_ev == pytest.approx(VACUUM - FERMI)
        assert side.ionisation_potential_ev == pytest.approx(VACUUM - VBM)
        assert side.electron_affinity_ev == pytest.approx(VACUUM - CBM)
    assert levels.why_no_vacuum == "" and levels.why_no_edges == ""


@given(shift=st.floats(-50, 50), axis=st.integers(0, 2), roll=st.integers(0, 269))
@settings(max_examples=40, deadline=None)
def test_neither_the_zero_nor_the_axis_nor_the_place_in_the_cell_matters(shift: float, axis: int, roll: int) -> None:
    grid = well(axis, shift=shift)
    moved = replace(grid, values_ev=np.roll(grid.values_ev, roll, axis=axis))
    heights = [height + roll / 270 for height in ATOMS]
    levels = calculation_levels(results(axis, shift=shift, potential=moved, structure=structure(axis, heights=heights)))
    assert levels.normal == axis
    for side in levels.sides:
        assert side.work_function_ev == pytest.approx(VACUUM - FERMI, abs=1e-9)
        assert side.ionisation_potential_ev == pytest.approx(VACUUM - VBM, abs=1e-9)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_two_faces_have_two_work_functions(axis: int) -> None:
    """The side is the lower one along the lattice vector whichever vector that is."""
    low, high = calculation_levels(results(axis, potential=well(axis, step=0.7))).sides
    assert low.work_function_ev == pytest.approx(VACUUM - FERMI)
    assert high.work_function_ev == pytest.approx(VACUUM - FERMI + 0.7)
    assert high.electron_affinity_ev == pytest.approx(VACUUM - CBM + 0.7)


def test_a_metal_has_a_work_function_and_no_edges() -> None:
    metal = calculation_levels(results(bands=bands(vbm=0.5, cbm=-0.5)))
    assert metal.edges is None
    assert "overlap" in metal.why_no_edges and "1.000 eV above" in metal.why_no_edges
    assert metal.sides[0].work_function_ev == pytest.approx(VACUUM - FERMI)
    assert metal.sides[0].ionisation_potential_ev is None and metal.sides[0].electron_affinity_ev is None
    assert not any("anywhere in it" in remark for remark in metal.remarks)


# --- what a person has to know ----------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["scf_not_converged", "geom_not_converged", "out_of_time", "truncated", "died"])
def test_a_calculation_that_did_not_finish_says_so(status: Any) -> None:
    remarks = calculation_levels(results(status=status)).remarks
    assert any(status.replace("_", " ") in remark and "need not be converged" in remark for remark in remarks)
    assert not any("not a finished" in remark for remark in calculation_levels(results()).remarks)


def test_the_work_function_of_a_slab_with_a_gap_is_put_in_its_place() -> None:
    assert any("may lie anywhere" in remark for remark in calculation_levels(results()).remarks)


@pytest.mark.parametrize(
    ("gap_ev", "smearing_ev", "clear"),
    [
        (2e-5, None, False),
        (0.049, None, False),
        (0.051, None, True),
        (0.051, 0.01, True),
        (0.15, 0.2, False),
        (0.25, 0.2, True),
        (0.15, 0.0, True),
    ],
)
@pytest.mark.parametrize("is_slab", [True, False])
def test_a_gap_that_cannot_be_told_from_none_is_no_gap(
    gap_ev: float, smearing_ev: float | None, clear: bool, is_slab: bool
) -> None:
    """2 k_B T at 300 K are 0.0517 eV; across less than the width of the smearing both edges are partly filled."""
    method = Method(code="any", code_version="1", smearing_ev=smearing_ev)
    changes: dict[str, Any] = {} if is_slab else {"structure": None}
    found = calculation_levels(results(bands=bands(vbm=FERMI, cbm=FERMI + gap_ev), method=method, **changes))
    touching = [remark for remark in found.remarks if "no clear gap" in remark]
    assert bool(touching) is not clear
    assert any("may lie anywhere" in remark for remark in found.remarks) is (clear and is_slab)
    if touching:
        assert f"{gap_ev:.5f} eV, VBM at G (0, 0, 0), CBM at X (0.5, 0, 0)" in touching[0]
        assert ("narrower than the smearing of 0.2 eV" in touching[0]) is (smearing_ev == 0.2)
    assert found.edges is not None and found.edges.band_gap_ev == pytest.approx(gap_ev)


def test_the_smearing_of_either_run_counts() -> None:
    """The density of the SCF was smeared whatever the run of the bands says of itself."""
    narrow, wide = (Method(code="any", code_version="1", smearing_ev=width) for width in (0.01, 0.3))
    for own, of_bands in ((narrow, wide), (wide, narrow)):
        changes = {"bands": bands(vbm=FERMI, cbm=FERMI + 0.2), "method": own, "bands_run": BandsRun(method=of_bands)}
        assert any("smearing of 0.3 eV" in remark for remark in calculation_levels(results(**changes)).remarks)


def test_the_local_potential_is_named_as_such() -> None:
    local = calculation_levels(results(potential=well(kind="local")))
    assert any("exchange and correlation included" in remark for remark in local.remarks)
    assert not any("exchange" in remark for remark in calculation_levels(results()).remarks)


def test_edges_on_a_grid_alone_are_named_as_such() -> None:
    grid = calculation_levels(results(bands=bands(labels=("", ""))))
    assert any("2 k-points of no path" in remark and "too wide" in remark for remark in grid.remarks)
    assert not any("no path" in remark for remark in calculation_levels(results()).remarks)


@pytest.mark.parametrize(
    ("on_path", "labels", "is_named"),
    [((-1, -1), ("", ""), True), ((0, -1), ("", ""), False), ((-1, -1), ("G", ""), False), ((0, 0), ("", ""), False)],
)
def test_one_point_of_a_path_or_with_a_name_is_more_than_a_grid(
    on_path: tuple[int, int], labels: tuple[str, str], is_named: bool
) -> None:
    found = calculation_levels(results(bands=replace(bands(), on_path=on_path, labels=labels)))
    assert any("of no path" in remark for remark in found.remarks) == is_named


def test_a_calculation_without_a_log_says_so() -> None:
    (remark,) = [remark for remark in calculation_levels(results(status="unknown")).remarks if "converged" in remark]
    assert remark == "there is no readable log that tells whether this calculation converged"


def test_a_fermi_level_outside_the_gap_is_named() -> None:
    levels = calculation_levels(results(bands=bands(vbm=-0.9, cbm=1.0)))
    assert any("-1.5000 eV, does not lie between" in remark for remark in levels.remarks)


# --- what is missing or does not fit ----------------------------------------------------------------------------


def test_nothing_known_is_no_error() -> None:
    levels = calculation_levels(Results(code="any", code_version="1", status="died"))
    assert levels.edges is None and levels.normal is None and levels.sides == ()
    assert levels.why_no_edges == "there are no eigenvalues" and levels.why_no_vacuum == ""


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"potential": None}, "no potential"),
        ({"log_fermi": None, "bands_run": BandsRun(method=Method(code="any", code_version="1"))}, "no Fermi level"),
        ({"log_fermi": Energy(VACUUM, ZERO)}, "does not lie above the Fermi level"),
        ({"log_fermi": Energy(VACUUM + 4.65, ZERO)}, "not of one calculation"),
        ({"structure": structure(heights=[0.1, 0.3, 0.5, 0.7, 0.85])}, "too thin"),
    ],
)
def test_why_there_is_no_vacuum_level(changes: dict[str, Any], why: str) -> None:
    levels = calculation_levels(results(**changes))
    assert levels.normal == 2 and levels.sides == ()
    assert why in levels.why_no_vacuum and "\n" not in levels.why_no_vacuum
    assert levels.edges is not None, "one does not cost the other"


def test_the_fermi_level_beside_the_eigenvalues_counts_where_the_log_has_none() -> None:
    """CASTEP prints none with fixed occupancies."""
    levels = calculation_levels(results(log_fermi=None))
    assert levels.sides[0].work_function_ev == pytest.approx(VACUUM - FERMI)


def test_the_fermi_level_of_another_calculation_is_no_fermi_level() -> None:
    with pytest.raises(ReferenceMismatch):
        calculation_levels(results(log_fermi=Energy(FERMI, EnergyZero("other", "cell_average"))))


def test_edges_of_a_run_of_their_own_are_not_counted_from_this_vacuum() -> None:
    own = replace(bands(), zero=EnergyZero("hybrid", "cell_average"))
    levels = calculation_levels(results(bands=own))
    assert levels.edges is not None and levels.edges.band_gap_ev == pytest.approx(CBM - VBM)
    for side in levels.sides:
        assert side.work_function_ev == pytest.approx(VACUUM - FERMI)
        assert side.ionisation_potential_ev is None and side.electron_affinity_ev is None
    assert any("of another run than the potential" in remark for remark in levels.remarks)


def test_a_ramp_has_no_vacuum_level() -> None:
    flat = well()
    z = np.arange(270) * LENGTH / 270
    ramp = np.where((z > 7.1) & (z < 19.9), 0.0, 0.05 * ((z - 19.9) % LENGTH))
    levels = calculation_levels(results(potential=replace(flat, values_ev=flat.values_ev + ramp)))
    assert levels.sides == () and "ramp" in levels.why_no_vacuum and "dipole correction" in levels.why_no_vacuum


def test_a_potential_of_another_geometry_is_refused() -> None:
    grid = well()
    cell = grid.cell_ang.copy()
    cell[2, 2] += 0.3
    levels = calculation_levels(results(potential=replace(grid, cell_ang=cell)))
    assert levels.sides == () and "another cell" in levels.why_no_vacuum
    assert "436.800 and 432.000" in levels.why_no_vacuum


@pytest.mark.parametrize(("off_ang", "is_same"), [(8e-5, True), (1.2e-4, False), (-8e-5, True), (-1.2e-4, False)])
def test_a_cell_is_another_one_from_a_ten_thousandth_of_an_angstrom(off_ang: float, is_same: bool) -> None:
    crystal = structure(lattice=Lattice.orthorhombic(SIDE, SIDE, LENGTH + off_ang))
    found = calculation_levels(results(structure=crystal))
    assert bool(found.sides) == is_same
    assert ("another cell" in found.why_no_vacuum) != is_same


def test_a_cell_that_the_code_turned_in_space_is_the_same() -> None:
    turn = np.array([[0.0, 1, 0], [0, 0, 1], [1, 0, 0]])
    grid = well()
    levels = calculation_levels(results(potential=replace(grid, cell_ang=grid.cell_ang @ turn)))
    assert levels.sides[0].work_function_ev == pytest.approx(VACUUM - FERMI)


def test_plane_averages_along_another_vector_are_no_profile() -> None:
    grid = well(2)
    averages = replace(well(0), values_ev=grid.values_ev.mean(axis=(0, 1), keepdims=True))
    levels = calculation_levels(results(0, potential=averages))
    assert levels.sides == () and "no plane averages along lattice vector a" in levels.why_no_vacuum


# --- where the vacuum lies --------------------------------------------------------------------------------------


def frac_and_cell(crystal: Structure) -> tuple[np.ndarray, np.ndarray]:
    return crystal.frac_coords, crystal.lattice.matrix


def test_a_crystal_has_no_normal() -> None:
    rock_salt = Structure.from_spacegroup("Fm-3m", Lattice.cubic(5.64), ["Na", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    assert slab_normal(*frac_and_cell(rock_salt)) is None


def test_a_wire_and_a_molecule_have_no_normal() -> None:
    wire = Structure(Lattice.orthorhombic(4, 20, 20), ["Ar"], [[0, 0.5, 0.5]])
    molecule = Structure(Lattice.cubic(15), ["H", "H"], [[0.5, 0.5, 0.475], [0.5, 0.5, 0.525]])
    assert slab_normal(*frac_and_cell(wire)) is None
    assert slab_normal(*frac_and_cell(molecule)) is None


def test_no_atoms_have_no_normal() -> None:
    assert slab_normal(np.zeros((0, 3)), 20 * np.eye(3)) is None


@pytest.mark.parametrize(
    "cell", [np.zeros((3, 3)), np.diag([5.0, 5.0, 0.0]), np.full((3, 3), np.nan), np.diag([5.0, np.nan, 30.0])]
)
def test_a_cell_without_volume_has_no_normal(cell: np.ndarray) -> None:
    assert slab_normal(np.zeros((2, 3)), cell) is None


@pytest.mark.parametrize(("gap_ang", "expected"), [(5.99, None), (6.01, 2)])
def test_six_angstrom_make_a_vacuum(gap_ang: float, expected: int | None) -> None:
    layered = structure(heights=[0.0, 4 / LENGTH, 8 / LENGTH, 12 / LENGTH, 16 / LENGTH, (LENGTH - gap_ang) / LENGTH])
    assert slab_normal(*frac_and_cell(layered)) == expected


def test_the_height_counts_and_not_the_length_of_the_vector() -> None:
    """A vector of 12 Å at 61° to the normal reaches 5.8 Å up."""
    cell = np.array([[4.0, 0, 0], [0, 4.0, 0], [12 * np.sin(np.radians(61)), 0, 12 * np.cos(np.radians(61))]])
    assert np.linalg.norm(cell[2]) == pytest.approx(12.0)
    assert slab_normal(np.array([[0.0, 0, 0]]), cell) is None


@given(move=st.floats(-3, 3), order=st.permutations([0, 1, 2]), images=st.integers(-2, 2))
@settings(max_examples=60, deadline=None)
def test_the_normal_moves_with_the_axes_and_not_with_the_atoms(move: float, order: list[int], images: int) -> None:
    slab = structure()
    frac = (slab.frac_coords + np.array([0, 0, move + images]))[:, order]
    cell = slab.lattice.matrix[order]
    assert slab_normal(frac, cell) == order.index(2)


def test_a_printed_gap_stands_where_there_are_no_eigenvalues_alone() -> None:
    printed = PrintedGap(band_gap_ev=2.5, source="as a code printed it")
    assert calculation_levels(results(bands=None, printed_gap=printed)).printed_gap == printed
    assert calculation_levels(results(printed_gap=printed)).printed_gap is None
    metal = calculation_levels(results(bands=bands(vbm=1.0, cbm=-1.0), printed_gap=printed))
    assert metal.edges is None and metal.printed_gap is None
