"""Kept runs of pw.x 6.7 against what the programs printed themselves."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from pymatgen.core import Lattice, Structure
from strict_reading import read_results

from dftflow.analysis.band_edges import find_band_edges
from dftflow.analysis.potential_profile import potential_profile
from dftflow.analysis.vacuum import vacuum_levels
from dftflow.codes.espresso import ESPRESSO
from dftflow.codes.espresso.reader import _planar
from dftflow.errors import ParseError
from dftflow.gate.calculation import sound
from dftflow.model.energy import EnergyZero
from dftflow.model.kpoint_grid import grid_points
from dftflow.model.results import Results
from dftflow.units import BOHR_ANG, HARTREE_EV, RYDBERG_EV

DATA = Path(__file__).resolve().parents[2] / "data" / "espresso" / "6.7"
CASES = sorted(folder.name for folder in DATA.iterdir() if not folder.name.startswith("projected"))
Get = Callable[[str], Results]
COARSE_SLOPE_EV_PER_ANG = 0.02  # the kept slab has a low cutoff, so that its grid is small
RY_PER_BOHR_EV_PER_ANG = RYDBERG_EV / BOHR_ANG


def printed(case: str, stage: str) -> str:
    file = DATA / case / (f"{case}.{stage}.out" if stage else "h.out")
    return file.read_text()


def last(pattern: str, text: str) -> str:
    return re.findall(pattern, text)[-1]


@pytest.mark.parametrize(
    ("case", "stage"), [("bands", "scf"), ("cell", "relax"), ("ions", "relax"), ("slab", "scf"), ("spinor", "")]
)
def test_energy_is_the_printed_one(results: Get, case: str, stage: str) -> None:
    energy_ry = float(last(r"!\s+total energy\s+=\s+(\S+) Ry", printed(case, stage)))
    assert results(case).free_energy_ev == pytest.approx(energy_ry * RYDBERG_EV, abs=1e-7 * RYDBERG_EV)


def test_stress_is_positive_for_tension(results: Get) -> None:
    """pw.x prints P = trace/3 of its own tensor in kbar, positive when the crystal wants to expand."""
    pressure_gpa = float(last(r"P=\s*(\S+)", printed("bands", "scf"))) / 10
    stress = results("bands").stress_gpa
    assert stress is not None and pressure_gpa < 0
    assert -np.trace(stress) / 3 == pytest.approx(pressure_gpa, abs=0.01)


def test_forces_are_the_printed_ones(results: Get) -> None:
    rows = re.findall(r"atom\s+\d+ type\s+\d+\s+force =\s+(\S+)\s+(\S+)\s+(\S+)", printed("ions", "relax"))[-2:]
    forces = np.array(rows, dtype=float) * RY_PER_BOHR_EV_PER_ANG
    np.testing.assert_allclose(results("ions").forces_ev_per_ang, forces, atol=1e-7)


def test_eigenvalues_are_the_printed_ones(results: Get) -> None:
    bands = results("bands").bands
    assert bands is not None
    blocks = re.findall(r"bands \(ev\):\s+([-\d.\s]+?)\n\s*\n", printed("bands", "bands") + "\n\n")
    listed = np.array([block.split() for block in blocks], dtype=float)
    on_path = np.array(
        [segment != -1 or bool(label) for segment, label in zip(bands.on_path, bands.labels, strict=True)]
    )
    np.testing.assert_allclose(bands.eigenvalues_ev[0, on_path], listed, atol=6e-5)
    assert results("bands").fermi_ev == pytest.approx(
        float(last(r"Fermi energy is\s+(\S+) ev", printed("bands", "scf"))), abs=6e-5
    )


def test_grid_path_and_edge_points_stand_apart(results: Get) -> None:
    """2x2x2 in the sense of Monkhorst and Pack is one point of a cubic crystal, a quarter along each axis."""
    found = results("bands")
    bands = found.bands
    assert bands is not None and found.method is not None
    assert bands.on_path[0] == -1 and bands.labels[0] == ""
    np.testing.assert_allclose(np.abs(bands.kpoints_frac[0]), 0.25, atol=1e-9)
    assert found.method.kpoints_grid == (2, 2, 2)
    assert bands.labels[1] == "G" and bands.on_path[1] == 0
    assert bands.labels[-1] == "S" and bands.on_path[-1] == -1
    assert {"G", "X", "M", "R", "S"} == set(bands.labels) - {""} and set(bands.on_path) == {-1, 0, 1}
    edges = find_band_edges(bands)
    assert edges.vbm_label == "G" and edges.cbm_label == "G" and edges.direct
    assert bands.n_electrons == (16,)


@pytest.mark.parametrize("case", ["bands", "cell", "ions", "slab", "spin"])
def test_the_k_points_of_pw_x_lie_on_the_grid_that_is_told(results: Get, case: str) -> None:
    """Offset 1 of pw.x is half a step: the irreducible points are points of the grid, and of no other.

    Not so in the case "spinor", whose grid 2x1x1 is less symmetric than its lattice: pw.x adds equivalent points there.
    """
    found = results(case)
    assert found.bands is not None and found.method is not None and found.bands.weights is not None
    counts, shift = found.method.kpoints_grid, found.method.kpoints_shift
    assert counts is not None and shift is not None
    points = found.bands.kpoints_frac[found.bands.weights > 0]
    assert _all_on(points, grid_points(counts, shift))
    assert not _all_on(points, grid_points(counts, (shift[0] + 0.5, shift[1], shift[2])))


def _all_on(points: np.ndarray, grid: np.ndarray) -> bool:
    apart = np.abs((points[:, None] - grid[None] + 0.5) % 1.0 - 0.5).max(axis=2)
    return bool((apart.min(axis=1) < 1e-6).all())


@pytest.mark.parametrize(("offset", "shift"), [("0", (0.0, 0.0, 0.0)), ("1", (0.5, 0.5, 0.5))])
def test_a_grid_is_told_wherever_it_stands(
    case: Callable[[str], Path], offset: str, shift: tuple[float, float, float]
) -> None:
    file = case("bands") / "bands.scf.xml"
    file.write_text(re.sub(r'k1="1" k2="1" k3="1"', f'k1="{offset}" k2="{offset}" k3="{offset}"', file.read_text()))
    method = read_results(ESPRESSO(), file.parent).method
    assert method is not None and (method.kpoints_grid, method.kpoints_shift) == ((2, 2, 2), shift)


def test_special_points_of_a_slab_are_read_beside_its_grid(case: Callable[[str], Path]) -> None:
    """The stage bands of a slab: its points have a name and no weight, E_F and electrons stay those of the SCF."""
    folder = case("bands")
    file = folder / "bands.bands.in"
    file.write_text(re.sub(r"segment \d+", "segment -1", file.read_text()))
    (folder / "bands.average.in").write_text("1\nbands.pot\n1.0\n100\n3\n1.0\n")
    shutil.copy(DATA / "slab" / "slab.average.out", folder / "bands.average.out")
    found = read_results(ESPRESSO(), folder)
    whole = read_results(ESPRESSO(), DATA / "bands")
    assert found.bands is not None and whole.bands is not None and found.status == "finished"
    assert set(found.bands.on_path) == {-1} and found.bands.labels == whole.bands.labels
    assert found.fermi_ev == whole.fermi_ev == found.bands.fermi_ev
    assert find_band_edges(found.bands).vbm_label == "G"
    (folder / "bands.bands.out").unlink()
    (folder / "bands.bands.xml").unlink()
    assert ESPRESSO().diagnose(folder).message.startswith("bands: it has left no output")


def test_method(results: Get) -> None:
    method = results("bands").method
    assert method is not None and method.potentials is not None
    assert method.functional == "PBE" and method.cutoff_ev == pytest.approx(163.0, abs=1e-6)
    assert method.smearing == "gaussian" and method.smearing_ev == pytest.approx(0.1, abs=1e-9)
    md5 = re.findall(r"MD5 check sum: (\w+)", printed("bands", "scf"))
    assert [method.potentials[e] for e in ("Cs", "Br")] == [
        f"{e}.gth, md5 {s}" for e, s in zip(("Cs", "Br"), md5, strict=True)
    ]
    assert method.spin_polarised is False and method.spin_orbit is False and method.dipole_correction == "none"


@pytest.mark.parametrize("case", CASES)
def test_every_check_passes(results: Get, case: str) -> None:
    assert all(check.passed for check in results(case).checks)
    assert results(case).checks or case in ("scf-not-converged", "out-of-steps")


# --- relaxations ------------------------------------------------------------------------------------------------


def test_a_relaxation_goes_downhill_to_the_crystal(results: Get) -> None:
    """CsBr with Br off its place: by symmetry the forces vanish where Cs and Br are half a cell apart."""
    found = results("ions")
    energies = [step.energy_ev for step in found.steps]
    listed = re.findall(r"!\s+total energy\s+=\s+(\S+) Ry", printed("ions", "relax"))
    np.testing.assert_allclose(energies, np.array(listed, dtype=float) * RYDBERG_EV, atol=2e-7)
    assert energies[-1] < energies[0] and found.steps[-1].max_force_ev_per_ang < 0.02
    assert found.structure is not None
    apart = found.structure.frac_coords[1] - found.structure.frac_coords[0]
    np.testing.assert_allclose(apart, 0.5, atol=4e-3)
    assert found.steps[0].max_displacement_ang is None and found.steps[1].max_displacement_ang is not None


def test_a_cell_relaxation_keeps_the_shape_and_ends_with_a_fresh_scf(results: Get) -> None:
    """At its low cutoff the basis of the relaxed cell gives another pressure, P = -350.61 kbar, than that at first."""
    found = results("cell")
    assert found.structure is not None and found.status == "geom_not_converged"
    assert any("misses the pressure by 35.1 GPa" in line for line in found.warnings)
    volume_ang3 = float(last(r"new unit-cell volume =\s+(\S+) a\.u\.\^3", printed("cell", "relax"))) * BOHR_ANG**3
    assert found.structure.volume == pytest.approx(volume_ang3, rel=1e-6)
    assert max(found.structure.lattice.abc) - min(found.structure.lattice.abc) < 1e-9
    np.testing.assert_allclose(found.structure.lattice.angles, 90, atol=1e-9)
    assert found.free_energy_ev is not None and found.free_energy_ev != found.steps[-1].energy_ev


# --- spin -------------------------------------------------------------------------------------------------------


def test_two_spin_channels(results: Get) -> None:
    """A hydrogen atom with its spin held: one electron up, none down, and a Fermi level each."""
    found = results("spin")
    bands = found.bands
    assert bands is not None and found.method is not None and found.method.spin_polarised
    assert bands.eigenvalues_ev.shape[0] == 2 and bands.n_electrons == (1.0, 0.0)
    levels = last(r"spin up/dw Fermi energies are\s+(\S+\s+\S+) ev", printed("spin", "")).split()
    np.testing.assert_allclose(bands.fermi_by_spin_ev, np.array(levels, dtype=float), atol=6e-5)
    up, down = bands.eigenvalues_ev[:, :, 0]
    assert (up < down).all()
    first = re.search(r"SPIN UP.*?bands \(ev\):\s+(\S+)", printed("spin", ""), re.DOTALL)
    assert first is not None and up[0] == pytest.approx(float(first[1]), abs=6e-5)
    assert found.energy_ev == found.free_energy_ev, "cold smearing has no linear entropy term"


def test_spinors_hold_one_electron_each(results: Get) -> None:
    found = results("spinor")
    bands = found.bands
    assert bands is not None and bands.spinor and bands.eigenvalues_ev.shape[0] == 1
    assert bands.n_electrons == (1.0,) and found.method is not None and found.method.spin_orbit is False
    assert find_band_edges(bands).band_gap_ev > 1


# --- the slab ---------------------------------------------------------------------------------------------------


def test_a_sheet_of_dipoles_has_two_vacuum_levels(results: Get) -> None:
    """HCN molecules side by side: their step is 4π p/A (Hartree units), with the dipole in e bohr that pw.x prints."""
    found = results("slab")
    assert found.potential is not None and found.structure is not None and found.method is not None
    assert found.potential.kind == "electrostatic" and found.method.dipole_correction == "z, self-consistent"
    profile = potential_profile(found.potential, found.structure.frac_coords[:, 2], 2.0)
    low, high = vacuum_levels(profile, found.potential.zero, max_slope_ev_per_ang=COARSE_SLOPE_EV_PER_ANG)
    dipole_au = float(last(r"Dipole\s+(\S+) Ry au", printed("slab", "scf")))
    area_bohr2 = (3 / BOHR_ANG) ** 2
    step_ev = 4 * np.pi * dipole_au / area_bohr2 * HARTREE_EV
    assert abs(high.level.value_ev - low.level.value_ev) == pytest.approx(abs(step_ev), rel=0.005)


def test_without_the_grid_the_plane_averages_give_the_same_levels(results: Get, case: Callable[[str], Path]) -> None:
    folder = case("slab")
    (folder / "slab.pot").unlink()
    (folder / "slab.pp.in").unlink()
    whole, planar = results("slab"), read_results(ESPRESSO(), folder)
    assert whole.structure is not None and whole.potential is not None and planar.potential is not None
    assert any("average.x" in line for line in planar.warnings)
    pairs = []
    for potential in (whole.potential, planar.potential):
        profile = potential_profile(potential, whole.structure.frac_coords[:, 2], 2.0)
        pairs.append(
            [
                level.level.value_ev
                for level in vacuum_levels(profile, potential.zero, max_slope_ev_per_ang=COARSE_SLOPE_EV_PER_ANG)
            ]
        )
    np.testing.assert_allclose(pairs[0], pairs[1], atol=0.02)


@pytest.mark.parametrize(
    ("lengths_ang", "dipole_axis", "axis"),
    [((5.0, 5.0, 5.0), None, 2), ((5.0, 5.0, 5.0), 0, 0), ((5.0, 5.0, 9.0), None, 1), ((5.0, 9.0, 5.0), 1, 2)],
)
def test_plane_averages_of_several_possible_axes_are_of_the_last_or_of_the_dipole_s(
    lengths_ang: tuple[float, float, float], dipole_axis: int | None, axis: int
) -> None:
    """A table of 5 Å tells its length alone; the axis of a correction for dipoles is that of the slab."""
    lattice = Lattice.orthorhombic(*lengths_ang)
    run = SimpleNamespace(last=SimpleNamespace(structure=Structure(lattice, ["H"], [[0, 0, 0]])))
    run.dipole_axis = dipole_axis
    zero = EnergyZero(run="slab", reference="cell_average")
    planar = np.array([1.0, -2.0, 4.0, 8.0])
    values = _planar(5.0, planar, run, zero, Path("avg.dat")).values_ev  # type: ignore[arg-type]
    assert values.shape == tuple(4 if n == axis else 1 for n in range(3))
    np.testing.assert_array_equal(values.ravel(), planar)


# --- how a run ended --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("case", "status"),
    [
        ("bands", "finished"),
        ("cell", "geom_not_converged"),
        ("ions", "finished"),
        ("slab", "finished"),
        ("spin", "finished"),
        ("scf-not-converged", "scf_not_converged"),
        ("out-of-steps", "geom_not_converged"),
    ],
)
def test_status(results: Get, case: str, status: str) -> None:
    diagnosis = ESPRESSO().diagnose(DATA / case)
    assert diagnosis.status == status == results(case).status
    assert bool(diagnosis.message) == bool(diagnosis.log_tail) == (status != "finished")


@pytest.mark.parametrize("stage", ["scf", "pp", "bands"])
def test_a_program_without_its_end_was_killed(case: Callable[[str], Path], stage: str) -> None:
    file = case("bands") / f"bands.{stage}.out"
    file.write_text(file.read_text().replace("JOB DONE.", ""))
    diagnosis = ESPRESSO().diagnose(file.parent)
    assert diagnosis.status == "truncated" and diagnosis.message.startswith(stage)


def test_a_program_that_never_ran_is_named(case: Callable[[str], Path]) -> None:
    folder = case("bands")
    for file in (*folder.glob("bands.bands.out"), *folder.glob("bands.bands.xml")):
        file.unlink()
    diagnosis = ESPRESSO().diagnose(folder)
    assert diagnosis.status == "truncated" and diagnosis.message.startswith("bands: it has left no output")


def test_qe_s_error_box_is_the_message(case: Callable[[str], Path]) -> None:
    file = case("scf-not-converged") / "scf-not-converged.scf.out"
    box = "%" * 78
    head = "\n".join(file.read_text().splitlines()[:20])
    file.write_text(f"{head}\n {box}\n     Error in routine readpp (2):\n     file Cs.upf not found\n {box}\n")
    diagnosis = ESPRESSO().diagnose(file.parent)
    assert diagnosis.status == "died" and "readpp (2): file Cs.upf not found" in diagnosis.message


def test_the_wall_time_of_pw_x(case: Callable[[str], Path]) -> None:
    file = case("ions") / "ions.relax.out"
    file.write_text(file.read_text() + "\n     Maximum CPU time exceeded\n")
    assert ESPRESSO().diagnose(file.parent).status == "out_of_time"


def test_an_empty_folder(tmp_path: Path) -> None:
    assert ESPRESSO().find(tmp_path) == () == ESPRESSO().find(tmp_path / "missing")
    assert ESPRESSO().diagnose(tmp_path).status == "died"
    assert ESPRESSO().progress(tmp_path).doing == "starting"


def test_progress_is_what_the_last_program_prints(case: Callable[[str], Path]) -> None:
    folder = case("ions")
    file = folder / "ions.relax.out"
    text = file.read_text()
    file.write_text(text[: text.index("iteration #  3")])
    assert "SCF iteration 2" in ESPRESSO().progress(folder).doing


# --- whose files they are ---------------------------------------------------------------------------------------


def test_files_of_other_names_are_told_by_how_they_begin() -> None:
    (found,) = ESPRESSO().find(DATA / "spin")
    assert found.seed == "pwscf" and {file.name for file in found.files} == {"h.in", "h.out", "pwscf.xml"}


def test_the_save_folder_counts_when_it_is_alone(tmp_path: Path) -> None:
    saved = tmp_path / "pwscf.save"
    saved.mkdir()
    shutil.copy(DATA / "spin" / "pwscf.xml", saved / "data-file-schema.xml")
    assert read_results(ESPRESSO(), saved).energy_ev == read_results(ESPRESSO(), DATA / "spin").energy_ev
    shutil.copy(DATA / "spin" / "pwscf.xml", tmp_path)
    assert ESPRESSO().find(saved) == () and len(ESPRESSO().find(tmp_path)) == 1


def test_files_of_other_codes_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "vasprun.xml").write_text("<modeling></modeling>")
    (tmp_path / "job.out").write_text("slurm says hello")
    (tmp_path / "gaussian.in").write_text("# B3LYP")
    assert ESPRESSO().find(tmp_path) == ()


def test_bands_of_another_crystal_are_refused(case: Callable[[str], Path]) -> None:
    folder = case("bands")
    shutil.copy(DATA / "slab" / "slab.scf.xml", folder / "bands.bands.xml")
    with pytest.raises(ParseError, match="no bands run"):
        read_results(ESPRESSO(), folder)
    text = (DATA / "bands" / "bands.bands.xml").read_text()
    position = re.findall(r'<atom name="Br" index="2">(.*?)</atom>', text)[-1]
    (folder / "bands.bands.xml").write_text(text.replace(position, "1.0 1.0 1.0"))
    with pytest.raises(ParseError, match="another crystal"):
        read_results(ESPRESSO(), folder)


def test_bands_with_other_electrons_are_neither_joined_nor_used(case: Callable[[str], Path]) -> None:
    folder = case("bands")
    text = (DATA / "bands" / "bands.bands.xml").read_text()
    (folder / "bands.bands.xml").write_text(text.replace("<nelec>1.6", "<nelec>1.8"))
    found = read_results(ESPRESSO(), folder)
    assert any("the SCF has 16 electrons, the band structure 18" in line for line in found.warnings)
    assert found.bands_run is not None
    judged = sound(found)
    assert judged.refused_parts == ("status", "bands") and "(16 and 18" in judged.why_without("bands")
    assert "electrons of the XML = electrons printed (bands) (18 and 16)" in judged.why_without("status")


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        (r"<functional>PBE<", "<functional>HSE<", "made with PBE, the band structure with HSE"),
        (r"<ecutwfc>5.99", "<ecutwfc>6.99", "a cutoff of 163"),
    ],
)
def test_bands_of_another_method_stand_alone(case: Callable[[str], Path], old: str, new: str, why: str) -> None:
    folder = case("bands")
    file, log = folder / "bands.bands.xml", folder / "bands.bands.out"
    text, whole = file.read_text(), read_results(ESPRESSO(), folder)
    assert old in text
    file.write_text(text.replace(old, new))
    if "ecutwfc" in old:  # the run itself had another one
        (cutoff_ha,) = re.findall(r"<ecutwfc>(\S+?)<", file.read_text())[:1]
        said = r"(kinetic-energy cutoff\s+=\s+)\S+"
        log.write_text(re.sub(said, rf"\g<1>{2 * float(cutoff_ha):.4f}", log.read_text()))
    found = read_results(ESPRESSO(), folder)
    assert found.bands is not None and whole.bands is not None
    assert len(found.bands.kpoints_frac) == len(whole.bands.kpoints_frac) - 1, "without the point of the grid"
    assert any(why in line for line in found.warnings), found.warnings
    assert found.bands_run is not None and found.method is not None
    assert found.bands_run.method != found.method and found.method.functional == "PBE"
    assert found.potential is not None and found.bands.zero != found.potential.zero
    assert not sound(found).refused


def shifted(text: str, by_ha: float) -> str:
    """The XML with all eigenvalues and its Fermi level moved together."""

    def move(match: re.Match[str]) -> str:
        values = " ".join(f"{float(word) + by_ha:.15e}" for word in match[2].split())
        return f"{match[1]}{values}{match[3]}"

    return re.sub(r"(<(?:eigenvalues|fermi_energy|highestOccupiedLevel)[^>]*>)([^<]+)(<)", move, text)


def test_an_xml_of_another_run_than_the_standard_output_is_refused(case: Callable[[str], Path]) -> None:
    """No k-point stands in both sets, and the shift is the same for all values: the printed ones tell."""
    folder = case("bands")
    file = folder / "bands.bands.xml"
    file.write_text(shifted(file.read_text(), 0.05))
    judged = sound(read_results(ESPRESSO(), folder))
    assert judged.refused_parts == ("status", "bands")
    assert "eigenvalues of the XML = eigenvalues printed (bands)" in judged.why_without("bands")
    assert f"differ by up to {0.05 * HARTREE_EV:.4f}" in judged.why_without("bands")


@pytest.mark.parametrize(
    ("pattern", "new", "why"),
    [
        (r"(number of atoms/cell\s+=\s+)\S+", "7", "number of atoms of the XML"),
        (r"(number of electrons\s+=\s+)\S+", "18.00", "electrons of the XML = electrons printed"),
        (r"(kinetic-energy cutoff\s+=\s+)\S+", "13.0", "cutoff of the XML = cutoff printed"),
        (r"(the Fermi energy is\s+)\S+", "9.0000", "Fermi level of the XML = Fermi level printed"),
    ],
)
def test_a_standard_output_of_another_scf_refuses_all_that_is_of_one_run(
    case: Callable[[str], Path], pattern: str, new: str, why: str
) -> None:
    folder = case("bands")
    log = folder / "bands.scf.out"
    text = re.sub(pattern, rf"\g<1>{new}", log.read_text())
    assert text != log.read_text()
    log.write_text(text)
    judged = sound(read_results(ESPRESSO(), folder))
    assert {"status", "energy", "fermi", "bands", "potential"} <= set(judged.refused_parts)
    assert why in judged.why_without("energy")


def test_a_potential_of_other_atoms_in_the_same_cell_is_refused(case: Callable[[str], Path]) -> None:
    folder = case("bands")
    file = folder / "bands.pot"
    lines = file.read_text().splitlines(keepends=True)
    atoms = [
        number for number, line in enumerate(lines[:30]) if re.fullmatch(r"\s+\d+(\s+-?\d+\.\d+){3}\s+\d+\n", line)
    ]
    words = lines[atoms[0]].split()
    moved = f"{words[0]:>5}{float(words[1]) + 0.1:15.9f}{float(words[2]):15.9f}{float(words[3]):15.9f}{words[4]:>5}\n"
    file.write_text("".join([*lines[: atoms[0]], moved, *lines[atoms[0] + 1 :]]))
    judged = sound(read_results(ESPRESSO(), folder))
    assert judged.refused_parts == ("potential",)
    assert "atoms of the potential = atoms of the geometry" in judged.why_without("potential")


def as_tetragonal(text: str, c_over_a: float) -> str:
    """The head of a grid of pp.x with ibrav = 6 in the place of the vectors."""
    lines = text.splitlines(keepends=True)
    ibrav, alat, *_ = lines[2].split()
    assert ibrav == "0"
    return "".join([*lines[:2], f"  6 {alat} 0.0 {c_over_a:.10f} 0.0 0.0 0.0\n", *lines[6:]])


def test_a_potential_that_names_a_bravais_lattice_has_that_cell(case: Callable[[str], Path]) -> None:
    folder = case("slab")
    file = folder / "slab.pot"
    text, before = file.read_text(), read_results(ESPRESSO(), folder)
    assert before.potential is not None
    a, _, c = np.linalg.norm(before.potential.cell_ang, axis=1)
    file.write_text(as_tetragonal(text, c / a))
    judged = sound(read_results(ESPRESSO(), folder))
    assert not judged.refused and judged.results.potential is not None
    np.testing.assert_allclose(judged.results.potential.cell_ang, before.potential.cell_ang, atol=1e-5)
    file.write_text(as_tetragonal(text, 1.01 * c / a))
    judged = sound(read_results(ESPRESSO(), folder))
    assert judged.refused_parts == ("potential",)
    assert "cell of the potential = cell of the geometry" in judged.why_without("potential")


def test_a_potential_of_another_cell_is_refused(case: Callable[[str], Path]) -> None:
    folder = case("bands")
    assert not sound(read_results(ESPRESSO(), folder)).refused
    shutil.copy(DATA / "slab" / "slab.pot", folder / "bands.pot")
    judged = sound(read_results(ESPRESSO(), folder))
    assert judged.refused_parts == ("potential",) and judged.results.potential is None
    assert "cell of the potential = cell of the geometry" in judged.why_without("potential")


def test_the_standard_output_of_another_run_costs_what_is_of_the_run(case: Callable[[str], Path]) -> None:
    folder = case("bands")
    file = folder / "bands.scf.out"
    level = last(r"the Fermi energy is\s+(\S+) ev", file.read_text())
    file.write_text(file.read_text().replace(f"{level} ev", f"{float(level) + 0.01:.4f} ev"))
    judged = sound(read_results(ESPRESSO(), folder))
    assert {"bands", "potential", "energy"} <= set(judged.refused_parts) and judged.results.fermi is None
