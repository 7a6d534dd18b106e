"""A whole calculation: bands, potential, method, checks."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import ase
import numpy as np
import pytest
from pymatgen.core import Lattice, Structure
from pymatgen.io.vasp import Kpoints, Vasprun

from dftflow.analysis.band_edges import find_band_edges, grid_band_gap_ev
from dftflow.codes.base import Reading
from dftflow.codes.vasp import VASP
from dftflow.codes.vasp.method import method_of
from dftflow.codes.vasp.vasprun_file import read_vasprun
from dftflow.errors import BandEdgeError
from dftflow.gate.calculation import sound
from dftflow.model.kpoint_grid import grid_points
from dftflow.model.spec import CalcSpec, KPoint


@dataclass
class Files:
    """The texts of a folder."""

    xml: str
    outcar: str = ""
    locpot: str = ""
    kpoints: str = ""


@pytest.fixture
def read(folder: Path):
    """Writes a calculation and reads it."""

    def _read(files: Files) -> Reading:
        names = {"vasprun.xml": files.xml, "OUTCAR": files.outcar, "LOCPOT": files.locpot, "KPOINTS": files.kpoints}
        for name, text in names.items():
            if text:
                (folder / name).write_bytes(text.encode("latin-1"))
        (calculation,) = VASP().find(folder)
        return VASP().read(calculation)

    return _read


# --- the gap ----------------------------------------------------------------------------------------------------


def smeared(make_run):
    """A gap of 0.711 eV, whose lowest empty states are so near that smearing puts a few electrons into them."""
    values = np.array([[[-5.0, -4.0, 0.0, 1.0, 1.711, 3.0], [-5.1, -4.1, 0.1, 0.9, 1.747, 3.1]]])
    occupations = np.array([[[1, 1, 1, 0.9998, 0.0002, 0], [1, 1, 1, 1, 0, 0]]])
    parameters = {"LHFCALC": "logical:T", "AEXX": "float:0.25", "HFSCREEN": "float:0.2", "GGA": "string:PE"}
    return make_run(eigenvalues=values, occupations=occupations, parameters=parameters, fermi_ev=1.4)


def test_the_gap_is_counted_by_electrons_not_by_occupations(read, make_run, folder):
    results = read(Files(smeared(make_run).xml())).results
    assert results.method.functional == "HSE06"
    assert find_band_edges(results.bands).band_gap_ev == pytest.approx(0.711)
    # why own code: a state with an occupation above 1e-8 counts as filled there
    assert Vasprun(folder / "vasprun.xml", parse_potcar_file=False).eigenvalue_band_properties[0] == pytest.approx(
        0.036
    )


def test_points_of_weight_zero_count_for_the_edges_and_not_for_the_grid(read, make_run):
    values = np.array([[[-5.0, -4.0, 0.0, 1.0, 2.5, 3.0]] * 2 + [[-5.0, -4.0, 0.0, 1.4, 2.0, 3.0]]])
    run = make_run(
        kpoints=((0.25, 0.25, 0.25), (0.25, 0.25, -0.25), (0, 0, 0)), weights=(0.5, 0.5, 0), eigenvalues=values
    )
    listed = "t\n3\nrec\n 0.25 0.25 0.25 1 ! grid\n 0.25 0.25 -0.25 1 ! grid\n 0 0 0 0 ! path 0 G\n"
    bands = read(Files(run.xml(), kpoints=listed)).results.bands
    edges = find_band_edges(bands)
    assert edges.band_gap_ev == pytest.approx(0.6)
    assert edges.vbm_label == "G"
    assert grid_band_gap_ev(bands) == pytest.approx(1.5)
    assert bands.on_path == (-1, -1, 0)
    assert bands.weights == pytest.approx([0.5, 0.5, 0])


def test_kpoints_of_another_run_are_named_and_cost_only_the_labels(read, make_run):
    reading = read(Files(make_run().xml(), kpoints="t\n1\nrec\n0 0 0 1\n"))
    assert [file.kind for file in reading.files if file.error] == ["k-points"]
    assert reading.results.bands.labels == ("", "")


def test_spinors_hold_one_electron_each(read, make_run):
    values = np.linspace(-5, 6, 12)[None, None, :].repeat(2, axis=1)
    parameters = {"LNONCOLLINEAR": "logical:T", "LSORBIT": "logical:T"}
    filled = (np.arange(12) < 8).astype(float)[None, None, :].repeat(2, axis=1)
    results = read(Files(make_run(eigenvalues=values, occupations=filled, parameters=parameters).xml())).results
    assert results.bands.spinor
    assert results.method.spin_orbit
    assert find_band_edges(results.bands).band_gap_ev == pytest.approx(1.0, abs=1e-4)


def spin(make_run, up: float, **parameters: str):
    values = np.array([[[-3.0, -2.0, -1.0, 0.0, 1.0, 2.0]] * 2, [[-2.8, -1.8, -0.8, 1.6, 2.2, 3.2]] * 2])
    filled = np.array(
        [[[1, 1, 1, 1, up - 4, 0]] * 2, [[1, 1, 1, 5 - up, 0, 0]] * 2],
        dtype=float,
    )
    return make_run(eigenvalues=values, occupations=filled, parameters=parameters)


def test_each_spin_has_its_electrons(read, make_run):
    bands = read(Files(spin(make_run, 5.0).xml())).results.bands
    assert bands.n_electrons == (5.0, 3.0)
    assert find_band_edges(bands).band_gap_ev == pytest.approx(0.6)


def test_a_fractional_moment_fills_no_number_of_bands(read, make_run):
    bands = read(Files(spin(make_run, 4.6).xml())).results.bands
    assert bands.n_electrons == pytest.approx((4.6, 3.4))
    with pytest.raises(BandEdgeError, match="not whole"):
        find_band_edges(bands)


def test_a_fixed_moment_counts_whatever_the_occupations_say(read, make_run):
    bands = read(Files(spin(make_run, 4.6, NUPDOWN="float:2.0").xml())).results.bands
    assert bands.n_electrons == (5.0, 3.0)


def test_the_moment_of_a_cell_is_the_difference_of_its_channels(read, make_run):
    def moments(run):
        return read(Files(run.xml())).results.moments

    found = moments(spin(make_run, 4.6))
    assert (found.total_mub, found.absolute_mub) == (pytest.approx(1.2), None)
    assert moments(spin(make_run, 4.6, NUPDOWN="float:2.0")).total_mub == 2.0
    assert moments(make_run()) is None
    assert moments(spin(make_run, 4.6, ICHARG="int:11")) is None  # what the bands of a path sum to


# --- energies, stress, status -----------------------------------------------------------------------------------


def test_compression_is_negative_stress(read, make_run):
    results = read(Files(make_run().xml())).results
    assert np.diag(results.stress_gpa) == pytest.approx([-1.2, -1.2, -1.8])  # 12, 12 and 18 kB, which push outwards


def test_without_the_whole_stress_there_is_none(read, make_run):
    assert read(Files(make_run(parameters={"ISIF": "int:1"}).xml())).results.stress_gpa is None


@pytest.mark.parametrize(
    ("parameters", "outcar", "status"),
    [
        ({}, {}, "finished"),
        ({"NELM": "int:3"}, None, "scf_not_converged"),
        ({}, {"reached": False}, "scf_not_converged"),
        ({"NSW": "int:2", "IBRION": "int:2"}, {"nsw": 2, "relaxed": True}, "finished"),
        ({"NSW": "int:2", "IBRION": "int:2", "EDIFFG": "float:-0.005"}, {"nsw": 2}, "geom_not_converged"),
        ({"NSW": "int:1", "IBRION": "int:2"}, {"nsw": 1}, "finished"),
        ({"NSW": "int:1", "IBRION": "int:2"}, None, "finished"),
        ({"NSW": "int:1", "IBRION": "int:2", "ISIF": "int:3"}, None, "geom_not_converged"),
        ({"NSW": "int:50", "IBRION": "int:0"}, {"nsw": 50}, "finished"),
        ({"NSW": "int:50", "IBRION": "int:0"}, None, "finished"),
        ({"NELM": "int:3", "EDIFF": "float:2.0"}, None, "finished"),
        ({"NSW": "int:9", "IBRION": "int:2"}, None, "finished"),
        ({"NSW": "int:9", "IBRION": "int:2", "EDIFFG": "float:-0.005"}, None, "geom_not_converged"),
        ({"NSW": "int:9", "IBRION": "int:2"}, {"nsw": 9, "extra": " hard stop encountered!"}, "out_of_time"),
    ],
)
def test_status(read, make_run, make_outcar, parameters, outcar, status):
    text = "" if outcar is None else make_outcar(**outcar)
    assert read(Files(make_run(parameters=parameters).xml(), outcar=text)).results.status == status


def test_relaxation_steps(read, make_run, make_geometry):
    moved = make_geometry(positions=((0.0, 0.0, 0.02), (0.5, 0.5, 0.5)), forces=((0, 0, 0.3), (0, 0, 0.0)))
    run = make_run(geometries=[make_geometry(), moved], parameters={"NSW": "int:5", "IBRION": "int:2"})
    first, second = read(Files(run.xml())).results.steps
    assert first.max_displacement_ang is None
    assert second.max_displacement_ang == pytest.approx(0.1)  # 0.02 of 5 Å
    assert second.max_force_ev_per_ang == pytest.approx(0.3)
    assert second.max_stress_gpa == pytest.approx(1.8)
    assert second.volume_ang3 == pytest.approx(80.0)


def test_a_run_with_a_fixed_density_has_no_total_energy(read, make_run):
    results = read(Files(make_run(parameters={"ICHARG": "int:11"}).xml())).results
    assert results.energy_ev is None
    assert results.free_energy_ev is None
    assert any("fixed" in warning for warning in results.warnings)


def test_outcar_alone_gives_energy_and_status(read, make_outcar, folder):
    (folder / "OUTCAR").write_text(make_outcar(ended=False))
    (calculation,) = VASP().find(folder)
    results = VASP().read(calculation).results
    assert (results.status, results.energy_ev, results.fermi_ev) == ("truncated", -10.4, 1.4)


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("", "", ""),
        ("-10.40000000", "-10.50000000", "energy"),
        ("E-fermi :   1.4000", "E-fermi :   1.4002", "Fermi level"),
        ("NIONS =      2", "NIONS =      3", "number of atoms"),
        ("NELECT =       8.0000", "NELECT =       9.0000", "electrons"),
        ("ENCUT  =  300.0", "ENCUT  =  400.0", "cutoff"),
        ("ISPIN  =      1", "ISPIN  =      2", "spin channels (ISPIN)"),
    ],
)
def test_the_two_files_are_compared(read, make_run, make_outcar, old, new, what):
    """An OUTCAR of another run would say of this one how it ended."""
    text = make_outcar()
    assert old in text
    results = read(Files(make_run().xml(), outcar=text.replace(old, new))).results
    failed = [check.name for check in results.checks if "OUTCAR" in check.name and not check.passed]
    assert failed == ([f"{what} of OUTCAR = {what} of vasprun.xml"] if what else [])
    judged = sound(results)
    assert ("status" in judged.refused_parts) is bool(what)
    assert judged.results.status == ("unknown" if what else "finished")


def test_an_outcar_that_goes_on_may_be_a_geometry_ahead(read, make_run, make_outcar):
    ahead = "--------- Iteration      2(   1)  ---------\n free  energy   TOTEN  =       -11.00000000 eV"
    outcar = make_outcar(extra=ahead, ended=False)
    whole = make_run().xml()
    results = read(Files(whole[: whole.index("</modeling>")], outcar=outcar)).results
    names = [check.name for check in results.checks if "OUTCAR" in check.name]
    assert names and not any(name.startswith(("energy", "Fermi")) for name in names)


# --- potential --------------------------------------------------------------------------------------------------

GRID = np.arange(24.0).reshape(2, 3, 4)


@pytest.mark.parametrize(("lvhar", "lvtot", "kind"), [("T", "F", "electrostatic"), ("F", "T", "local")])
def test_the_run_says_which_potential_it_wrote(read, make_run, make_locpot, lvhar, lvtot, kind):
    run = make_run(parameters={"LVHAR": f"logical:{lvhar}", "LVTOT": f"logical:{lvtot}"})
    results = read(Files(run.xml(), locpot=make_locpot([GRID]))).results
    assert results.potential.kind == kind
    assert results.potential.values_ev == pytest.approx(GRID)
    assert all(check.passed for check in results.checks)


def test_a_potential_of_another_run_is_refused(read, make_run, make_locpot):
    run = make_run(parameters={"LVHAR": "logical:F"})
    reading = read(Files(run.xml(), locpot=make_locpot([GRID])))
    (refused,) = [file for file in reading.files if file.error]
    assert "LVHAR" in str(refused.error)
    assert reading.results.potential is None
    assert reading.results.energy_ev is not None


@pytest.mark.parametrize(("shorter", "parts"), [(False, ()), (True, ("potential",))])
def test_a_potential_of_another_cell_is_refused(read, make_run, make_geometry, make_locpot, shorter, parts):
    text = make_locpot([GRID])
    vector = text.splitlines()[4]
    other = text.replace(vector, vector.replace("5.0", "4.9")) if shorter else text
    assert (other != text) is shorter
    assert sound(read(Files(make_run().xml(), locpot=other)).results).refused_parts == parts


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("   Ge   Te\n", "   Sn   Te\n", "(Sn1 Te1 and Ge1 Te1)"),
        ("  0.500000  0.500000  0.500000", "  0.500000  0.500000  0.510000", "differ by up to 0.05"),
        ("     1     1\n", "     1     1     1\n", "damaged"),
    ],
)
def test_a_potential_of_other_atoms_in_the_same_cell_is_refused(read, make_run, make_locpot, old, new, why):
    text = make_locpot([GRID])
    assert old in text
    reading = read(Files(make_run().xml(), locpot=text.replace(old, new)))
    judged = sound(reading.results)
    assert judged.results.potential is None
    if why != "damaged":
        assert judged.refused_parts == ("potential",) and why in judged.why_without("potential")


def test_the_atoms_of_a_potential_after_the_last_move_of_a_relaxation(read, make_run, make_geometry, make_locpot):
    """VASP writes the atoms where it has moved them to, and the potential of where they were."""
    moved = make_geometry(positions=((0.0, 0.0, 0.02), (0.5, 0.5, 0.5)))
    run, text = make_run(final=moved), make_locpot([GRID])
    lines = text.replace("  0.000000  0.000000  0.000000", "  0.000000  0.000000  0.020000", 1)
    assert lines != text
    for locpot in (text, lines):
        assert not sound(read(Files(run.xml(), locpot=locpot)).results).refused
    elsewhere = text.replace("  0.000000  0.000000  0.000000", "  0.000000  0.000000  0.040000", 1)
    assert sound(read(Files(run.xml(), locpot=elsewhere)).results).refused_parts == ("potential",)


def test_a_foreign_outcar_finishes_no_relaxation(read, make_run, make_geometry, make_outcar):
    run = make_run(parameters={"NSW": "int:5", "IBRION": "int:2", "EDIFFG": "float:-0.005"})
    own = make_outcar(nsw=5)
    assert read(Files(run.xml(), outcar=own)).results.status == "geom_not_converged"
    foreign = make_outcar(nsw=5, relaxed=True, energy_ev=-99.0)
    results = read(Files(run.xml(), outcar=foreign)).results
    judged = sound(results)
    assert "status" in judged.refused_parts and judged.results.status == "unknown"


def test_two_logs_of_two_runs_leave_no_number(read, make_run, make_outcar, make_locpot):
    results = read(Files(make_run().xml(), outcar=make_outcar(energy_ev=-10.5), locpot=make_locpot([GRID]))).results
    judged = sound(results).results
    assert judged.energy_ev is judged.bands is judged.potential is judged.fermi is judged.forces_ev_per_ang is None
    assert judged.structure is not None


def test_a_potential_on_another_grid_fails_its_check(read, make_run, make_locpot):
    checks = read(Files(make_run().xml(), locpot=make_locpot([GRID.reshape(3, 2, 4)]))).results.checks
    assert [check.passed for check in checks if "grid" in check.name] == [False]


@pytest.mark.parametrize(("incar", "kind"), [("LVHAR = .TRUE.\n", "electrostatic"), ("lvtot = T # all\n", "local")])
def test_without_vasprun_the_incar_says_it(folder, make_locpot, incar, kind):
    (folder / "LOCPOT").write_text(make_locpot([GRID]))
    (folder / "INCAR").write_text(incar)
    (folder / "OUTCAR").write_text(" vasp.6.4.2 (build) complex\n")
    (calculation,) = VASP().find(folder)
    assert VASP().read(calculation).results.potential.kind == kind


# --- method -----------------------------------------------------------------------------------------------------


def test_method(read, make_run):
    grid = '<generation param="Monkhorst-Pack">\n   <v type="int" name="divisions">   2  2  2 </v>\n  </generation>'
    run = make_run(
        generation=grid,
        incar={"IVDW": "int:12"},
        parameters={
            "LDIPOL": "logical:T",
            "IDIPOL": "int:3",
            "LDAU": "logical:T",
            "LDAUTYPE": "int:2",
            "LDAUL": "v:  -1  2",
            "LDAUU": "v:  0.0  5.0",
            "LDAUJ": "v:  0.0  1.0",
        },
    )
    method = read(Files(run.xml())).results.method
    assert method.functional == "PBE"  # GGA is not set: the potentials decide
    assert method.dispersion == "D3(BJ)"
    assert method.cutoff_ev == 300.0
    assert method.potentials == {"Ge": "PAW_PBE Ge 05Jan2001", "Te": "PAW_PBE Te 08Apr2002"}
    assert (method.kpoints_grid, method.kpoints_shift) == ((2, 2, 2), (0.5, 0.5, 0.5))
    assert method.kpoint_spacing_per_ang == pytest.approx(2 * np.pi / 4 / 2)
    assert (method.smearing, method.smearing_ev) == ("gaussian", 0.1)
    assert method.dipole_correction == "z, self-consistent"
    assert method.hubbard_u_ev == {"Te:d": 4.0}
    assert (method.spin_polarised, method.spin_orbit, method.n_electrons) == (False, False, 8.0)


def test_the_grid_behind_a_list_of_k_points_is_found(read, make_run):
    kpoints = [(0.25, y, z) for y in (0.25, -0.25) for z in (0.25, -0.25)] + [(0, 0, 0)]
    values = np.array([[[-5.0, -4.0, 0.5, 1.0, 2.5, 3.0]] * 5])
    run = make_run(kpoints=kpoints, weights=(0.25, 0.25, 0.25, 0.25, 0), eigenvalues=values)
    method = read(Files(run.xml())).results.method
    assert (method.kpoints_grid, method.kpoints_shift) == ((2, 2, 2), (0.5, 0.5, 0.5))


@pytest.mark.parametrize(
    ("mode", "kpoints", "shift"),
    [
        ("Gamma", [(0, 0, 0), (0.33333333, 0.5, 0.25)], (0.0, 0.0, 0.0)),
        ("Monkhorst-Pack", [(0, 0.25, 0.125), (-0.33333333, 0.25, -0.375)], (0.0, 0.5, 0.5)),
        ("Gamma", [(0.08333333, 0, 0), (0.41666667, 0.5, 0.5)], (0.25, 0.0, 0.0)),  # a shift of the user's own
        ("Monkhorst-Pack", [(0, 0.25, 0.125), (0.1, 0.25, 0.125)], None),
    ],
)
def test_where_a_grid_stands_is_what_the_listed_points_say(read, make_run, mode, kpoints, shift):
    divisions = '<v type="int" name="divisions">   3  2  4 </v>'
    run = make_run(generation=f'<generation param="{mode}">\n   {divisions}\n  </generation>', kpoints=kpoints)
    method = read(Files(run.xml())).results.method
    assert (method.kpoints_grid, method.kpoints_shift) == ((3, 2, 4), shift)


def test_a_list_that_is_no_grid_has_none(read, make_run):
    method = read(Files(make_run(kpoints=[(0.1, 0.2, 0.3), (0.4, 0.1, 0)]).xml())).results.method
    assert (method.kpoints_grid, method.kpoints_shift) == (None, None)


@pytest.mark.parametrize("name", ["vasprun_pstress.xml", "vasprun_dfpt.xml"])
def test_the_shift_is_the_one_that_vasp_writes(name):
    """Files of VASP itself, which come with ASE: a grid with even numbers and one with odd ones."""
    file = Path(ase.__file__).parent / "test" / "testdata" / "vasp" / name
    if not file.exists():
        pytest.skip("this ASE comes without its test data")
    written = re.search(r'name="shift">([^<]*)<', file.read_text(encoding="latin-1"))
    run = read_vasprun(file)
    method = method_of(run)
    assert written is not None and method.kpoints_grid == run.divisions
    assert method.kpoints_shift == tuple(float(word) for word in written[1].split())
    grid = grid_points(method.kpoints_grid, method.kpoints_shift)
    apart = np.abs((run.kpoints[:, None] - grid[None] + 0.5) % 1.0 - 0.5).max(axis=2)
    assert apart.min(axis=1).max() < 1e-7


@pytest.mark.parametrize("gamma_centred", [False, True])
@pytest.mark.parametrize("grid", [(1, 1, 1), (2, 1, 1), (3, 3, 1), (2, 2, 2), (4, 4, 1)])
def test_the_grid_of_a_deck_with_special_points_is_told_as_it_was_meant(read, make_run, grid, gamma_centred):
    """VASP takes the list of KPOINTS as it stands and writes it, with the weights' sum 1, into vasprun.xml."""
    crystal = Structure(Lattice.cubic(4), ["Ge", "Te"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    spec = CalcSpec(
        title="t",
        task="potential",
        xc="PBE",
        cutoff_ev=300,
        grid=grid,
        gamma_centred=gamma_centred,
        smearing_ev=0.1,
        scf_tol_ev_per_atom=1e-6,
        max_scf_cycles=60,
        edge_kpoints=(KPoint(label="Q", frac=(0.1, 0.2, 0.3)),),
    )
    text = VASP().render(crystal, spec, "seed").files["KPOINTS"]
    said = Kpoints.from_str(text)
    weights = np.array(said.kpts_weights) / sum(said.kpts_weights)
    values = np.array([[[-5.0, -4.0, 0.5, 1.0, 2.5, 3.0]] * len(weights)])
    run = make_run(kpoints=said.kpts, weights=weights, eigenvalues=values)
    found = read(Files(run.xml(), kpoints=text)).results
    assert (found.method.kpoints_grid, found.method.kpoints_shift) == (grid, spec.grid_shift)
    assert found.bands.labels[-1] == "Q" and found.bands.on_path[-1] == -1 and found.bands.weights[-1] == 0
