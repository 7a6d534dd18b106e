"""A person's own ``.gpw`` files and text logs: what is read of them, together and alone."""

from __future__ import annotations

import gzip
import lzma
from pathlib import Path

import numpy as np
import pytest
from gpaw_files import write_gpaw
from gpaw_own_files import (
    CELL_ANG,
    ENERGY_EV,
    FERMI_EV,
    FORCES,
    FREE_ENERGY_EV,
    GRID,
    HASH,
    PARAMETERS,
    POSITIONS_ANG,
    WAVES,
    new_log,
    old_log,
    oldest_log,
    write_gpw,
    write_own,
)
from strict_reading import read_results

from dftflow.analysis.band_edges import find_band_edges
from dftflow.analysis.calculation_levels import calculation_levels
from dftflow.codes.finding import find_calculations
from dftflow.codes.gpaw import GPAW
from dftflow.errors import BandEdgeError, ParseError
from dftflow.gate.calculation import sound
from dftflow.model.results import Results

STRESS_GPA = 160.2176634 * np.array([[0.01, 0.003, 0.002], [0.003, 0.02, 0.001], [0.002, 0.001, 0.03]])
LOGS = {"0.9.0.8965": oldest_log(), "20.10.0": old_log(), "25.7.0": new_log()}


def read(folder: Path) -> Results:
    return read_results(GPAW(), folder)


def has_geometry(results: Results) -> None:
    assert results.structure is not None and results.structure.composition.formula == "Si2"
    np.testing.assert_allclose(results.structure.lattice.matrix, CELL_ANG, atol=1e-12)
    np.testing.assert_allclose(results.structure.cart_coords, POSITIONS_ANG, atol=1e-12)
    np.testing.assert_array_equal(results.forces_ev_per_ang, FORCES)
    np.testing.assert_allclose(results.stress_gpa, STRESS_GPA, rtol=1e-12)


# --- the .gpw file ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("layout", "tag"), [(2, "GPAW"), (3, "GPAW"), (3, "gpaw"), (7, "gpaw")])
def test_a_gpw_file_alone(layout: int, tag: str, tmp_path: Path) -> None:
    write_gpw(tmp_path / "si.gpw", layout=layout, tag=tag)
    results = read(tmp_path)
    assert (results.energy_ev, results.free_energy_ev, results.fermi_ev) == (ENERGY_EV, FREE_ENERGY_EV, FERMI_EV)
    assert results.status == ("unknown" if layout == 7 else "finished"), "new files do not tell that the SCF converged"
    has_geometry(results)
    bands = results.bands
    assert bands is not None and bands.n_electrons == (8.0,) and not bands.spinor
    np.testing.assert_array_equal(bands.kpoints_frac, GRID["ibzkpts"])
    edges = find_band_edges(bands)
    assert (edges.vbm.value_ev, edges.cbm.value_ev, edges.cbm_k) == (3.0, 4.2, (0.5, 0.0, 0.0))
    method = results.method
    assert method is not None and (method.functional, method.cutoff_ev, method.constants) == (
        "PBE",
        200.0,
        "CODATA 2014",
    )
    assert (method.kpoints_grid, method.kpoints_shift, method.n_electrons) == ((2, 1, 1), (0.0, 0.0, 0.0), 8.0)


def test_an_scf_that_had_not_converged(tmp_path: Path) -> None:
    write_gpw(tmp_path / "si.gpw", layout=3, converged=False)
    assert read(tmp_path).status == "scf_not_converged"
    assert GPAW().diagnose(tmp_path).status == "scf_not_converged"


def test_two_channels_with_two_fermi_levels(tmp_path: Path) -> None:
    """A moment of 2: 5 and 3 electrons; a level is infinite where a channel has no empty band."""
    occupations = np.array([[[1.0, 1, 1, 1, 1, 0]] * 2, [[1.0, 1, 1, 0, 0, 0]] * 2])
    waves = {"eigenvalues": np.array([WAVES["eigenvalues"][0]] * 2), "occupations": occupations}
    write_gpw(tmp_path / "si.gpw", waves={**waves, "fermi_levels": np.array([5.5, 2.25])})
    bands = read(tmp_path).bands
    assert bands is not None and bands.n_electrons == (5.0, 3.0)
    assert bands.fermi_by_spin_ev == (5.5, 2.25) and bands.fermi_ev == 5.5
    write_gpw(tmp_path / "si.gpw", waves={**waves, "fermi_levels": np.array([np.inf, 2.25])})
    results = read(tmp_path)
    assert results.bands is not None and results.bands.fermi_by_spin_ev == () and results.fermi_ev == 2.25


def test_spinors_hold_one_electron_a_band(tmp_path: Path) -> None:
    values = np.repeat(WAVES["eigenvalues"][0], 2, axis=1)
    occupations = np.array([[1.0] * 8 + [0.0] * 4] * 2)
    parameters = {**PARAMETERS, "soc": True}
    write_gpw(tmp_path / "a.gpw", waves={"eigenvalues": values, "occupations": occupations}, parameters=parameters)
    results = read(tmp_path)
    assert results.bands is not None and results.bands.spinor and results.bands.n_electrons == (8.0,)
    assert find_band_edges(results.bands).band_gap_ev == pytest.approx(1.2)
    assert results.method is not None and results.method.spinor and results.method.spin_orbit
    write_gpw(tmp_path / "a.gpw", layout=3, waves={"eigenvalues": values, "occupations": occupations})
    results = read(tmp_path)
    assert results.bands is None and any("spinors" in line for line in results.warnings)
    assert results.energy_ev == ENERGY_EV


PATH = {
    "ibzkpts": np.array([[0.0, 0, 0], [0.3, 0, 0], [0.5, 0, 0]]),
    "bzkpts": np.array([[0.0, 0, 0], [0.3, 0, 0], [0.5, 0, 0]]),
    "weights": np.full(3, 1 / 3),
}


def on_path(occupations: list[list[float]]) -> dict[str, np.ndarray]:
    middle = [-5.5, -1.5, 1.5, 2.75, 4.5, 6.5]
    values = [WAVES["eigenvalues"][0][0].tolist(), middle, WAVES["eigenvalues"][0][1].tolist()]
    return {"eigenvalues": np.array([values]), "occupations": np.array([occupations])}


@pytest.mark.parametrize("layout", [3, 7])
def test_a_fixed_density_has_no_energy_and_counts_the_bands_below_the_fermi_level(layout: int, tmp_path: Path) -> None:
    """Where the SCF's k-points miss the edge, its Fermi level lies so near to it that smearing empties states there."""
    waves = on_path([[1, 1, 1, 0.97, 0, 0], [1, 1, 1, 1, 0, 0], [1, 1, 1, 1, 0, 0]])
    write_gpw(tmp_path / "a.gpw", layout=layout, waves=waves, kpts=PATH)
    results = read(tmp_path)
    assert results.energy_ev is results.forces_ev_per_ang is results.stress_gpa is None
    assert results.bands is not None and results.bands.n_electrons == (8.0,) and set(results.bands.on_path) == {0}
    assert find_band_edges(results.bands).band_gap_ev == pytest.approx(1.2)
    assert any("kept fixed" in line for line in results.warnings)


def test_a_metal_on_a_path_has_no_number_of_electrons_of_its_own(tmp_path: Path) -> None:
    waves = on_path([[1, 1, 1, 1, 0.8, 0], [1, 1, 1, 1, 0, 0], [1, 1, 1, 0.6, 0, 0]])
    write_gpw(tmp_path / "a.gpw", kpts=PATH, waves=waves)
    bands = read(tmp_path).bands
    assert bands is not None and bands.n_electrons == pytest.approx((2 * (4.8 + 4 + 3.6) / 3,))
    with pytest.raises(BandEdgeError, match="not whole"):
        find_band_edges(bands)


def test_without_an_empty_band_there_is_no_fermi_level(tmp_path: Path) -> None:
    waves = {name: np.asarray(WAVES[name])[..., :4] for name in ("eigenvalues", "occupations")}
    write_gpw(tmp_path / "a.gpw", waves={**waves, "fermi_levels": np.array([np.inf])})
    results = read(tmp_path)
    assert (
        results.bands is None
        and results.fermi_ev is None
        and any("every band is filled" in w for w in results.warnings)
    )


@pytest.mark.parametrize(
    ("parameters", "wanted"),
    [
        ({"mode": "fd"}, {"cutoff_ev": None, "functional": "LDA"}),
        ({"mode": {"name": "pw"}}, {"cutoff_ev": 340.0}),
        ({"xc": "GGA_X_PBE_SOL+GGA_C_PBE_SOL"}, {"functional": "PBEsol"}),
        ({"occupations": {"name": "fermi-dirac", "width": 0.05}}, {"smearing": "fermi-dirac", "smearing_ev": 0.05}),
        ({"occupations": {"name": "fermi-dirac", "width": 0.0}}, {"smearing": "fixed", "smearing_ev": None}),
        ({"poissonsolver": {"dipolelayer": "xy"}}, {"dipole_correction": "z, self-consistent"}),
        ({"setups": {"Ni": ":d,6.0"}}, {"hubbard_u_ev": {"Ni:d": 6.0}}),
        ({"setups": {"Ni": ":d,6.0;p,1.0"}}, {"hubbard_u_ev": None}),
        ({"extensions": [{"name": "d3"}]}, {"dispersion": None}),
        ({}, {"dispersion": "none", "hubbard_u_ev": {}, "dipole_correction": "none", "smearing": None}),
    ],
)
def test_the_method_follows_the_input(parameters: dict[str, object], wanted: dict[str, object], tmp_path: Path) -> None:
    write_gpw(tmp_path / "a.gpw", parameters=parameters)
    method = read(tmp_path).method
    assert {name: getattr(method, name) for name in wanted} == wanted


def test_a_file_of_a_layout_without_k_points_has_no_bands(tmp_path: Path) -> None:
    write_gpw(tmp_path / "a.gpw", layout=1, version="")
    results = read(tmp_path)
    assert results.bands is None and results.energy_ev == ENERGY_EV and results.fermi_ev == FERMI_EV
    assert any("k-points" in line for line in results.warnings)


# --- the log ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", LOGS)
def test_a_log_alone(version: str, tmp_path: Path) -> None:
    (tmp_path / "si.out").write_text(LOGS[version], "utf-8")
    results = read(tmp_path)
    assert (results.status, results.code_version) == ("finished", version)
    assert (results.energy_ev, results.free_energy_ev) == (ENERGY_EV, FREE_ENERGY_EV)
    assert results.fermi_ev == pytest.approx(FERMI_EV, abs=5e-4) and results.wall_time_s == 2.669
    has_geometry(results)
    method = results.method
    assert method is not None and method.potentials == {"Si": f"PAW {HASH}"} and method.n_electrons == 8
    assert (method.functional, method.cutoff_ev) == ("PBE", 200.0)
    assert (method.smearing, method.smearing_ev) == ("fermi-dirac", 0.1)
    assert (method.kpoints_grid, method.kpoints_shift) == ((2, 1, 1), (0.0, 0.0, 0.0))
    assert results.bands is None and method.spin_polarised is False


@pytest.mark.parametrize("version", ["20.10.0", "25.7.0"])
def test_the_gap_that_is_printed(version: str, tmp_path: Path) -> None:
    (tmp_path / "si.txt").write_text(LOGS[version], "utf-8")
    levels = calculation_levels(read(tmp_path))
    assert levels.edges is None and levels.printed_gap is not None
    assert levels.printed_gap.band_gap_ev == 1.2 and "as GPAW printed it" in levels.printed_gap.source
    (tmp_path / "si.txt").write_text(LOGS[version].replace("Gap: 1.200 eV", "No gap"), "utf-8")
    assert read(tmp_path).printed_gap is None


@pytest.mark.parametrize(
    ("change", "status"),
    [
        (("Converged after 2 iterations.", "Did not converge!"), "scf_not_converged"),
        (("Converged after 2 iterations.", ""), "truncated"),
        (("Total:   ", "Sum:     "), "truncated"),
        (("Timing: ", "Times:  "), "truncated"),
    ],
)
def test_how_it_ended(change: tuple[str, str], status: str, tmp_path: Path) -> None:
    text = old_log()
    assert change[0] in text
    (tmp_path / "si.txt").write_text(text.replace(*change))
    results = read(tmp_path)
    assert results.status == status == GPAW().diagnose(tmp_path).status and GPAW().diagnose(tmp_path).message


def test_the_last_of_the_allowed_iterations(tmp_path: Path) -> None:
    text = new_log().replace("iterations: 333", "iterations: 2").replace("Converged in 2 steps\n", "")
    (tmp_path / "si.txt").write_text(text, "utf-8")
    assert read(tmp_path).status == "scf_not_converged"


def test_a_log_that_ended_before_its_first_iteration(tmp_path: Path) -> None:
    text = new_log()
    (tmp_path / "si.txt").write_text(text[: text.index("Atoms  #")] + text[text.index("timing:") :], "utf-8")
    assert read(tmp_path).status == "died"


def test_the_last_geometry_with_an_energy(tmp_path: Path) -> None:
    text = old_log(geometries=3, ended=False)
    last = text.rindex("Positions:")
    moved = text[last:].replace("1.400000    (", "1.500000    (").replace("-10.771", "-10.881")
    (tmp_path / "si.txt").write_text(text[:last] + moved)
    results = read(tmp_path)
    assert results.energy_ev == pytest.approx(-10.881234)
    assert results.structure is not None and results.structure.cart_coords[1, 2] == pytest.approx(1.5)
    cut = text[:last] + moved[: moved.index("Converged")]
    (tmp_path / "si.txt").write_text(cut)
    results = read(tmp_path)
    has_geometry(results)
    assert results.energy_ev == ENERGY_EV and results.status == "truncated"
    assert any("the last that has an energy" in line for line in results.warnings)


def test_the_last_run_of_a_log_counts(tmp_path: Path) -> None:
    (tmp_path / "si.txt").write_text(old_log() + new_log().replace("-10.771234\n", "-9.500000\n"), "utf-8")
    results = read(tmp_path)
    assert results.energy_ev == -9.5 and results.code_version == "25.7.0"
    assert any("2 runs" in line for line in results.warnings)


@pytest.mark.parametrize(
    "change",
    [
        ("Extrapolated:   -10.771234", "Extrapolated:   **********"),
        ("Extrapolated:   -10.771234", "Extrapolated:   1e999"),
        ("Fermi level: 3.60042", "Fermi level: nan"),
        ("Fermi level: 3.60042", "Fermi levels: 1, 2, 3"),
        ("Gap: 1.200 eV", "Gap: 1_2 eV"),
        ("   1 Si     1.350000", "   2 Si     1.350000"),
        ("   1 Si     1.350000", "   1 Qq     1.350000"),
        ("   1 Si     1.350000", "   1 Si     1.35*000"),
        ("  3. axis:    yes    2.700000    2.700000", "  3. axis:    yes    2.700000"),
        ("2.700000    2.700000    0.000000", "0.000000    0.000000    0.000000"),
        ("  1 Si    0.00000    0.00000   -0.25000\n", ""),
        ("     0.003000     0.020000     0.001000\n", ""),
        ("2 x 1 x 1", "0 x 1 x 1"),
        ("[1/4,0,0]", "[1/0,0,0]"),
    ],
)
def test_a_log_with_something_else_in_the_place_of_a_number(change: tuple[str, str], tmp_path: Path) -> None:
    text = old_log()
    assert change[0] in text
    (tmp_path / "si.txt").write_text(text.replace(*change))
    with pytest.raises(ParseError):
        read(tmp_path)


# --- both together ----------------------------------------------------------------------------------------------


def test_the_log_gives_the_status_and_what_the_file_leaves_out(tmp_path: Path) -> None:
    write_own(tmp_path)
    results = read(tmp_path)
    assert results.status == "finished" and all(check.passed for check in results.checks) and len(results.checks) == 5
    assert not sound(results).refused
    assert results.energy_ev == ENERGY_EV and results.fermi_ev == FERMI_EV, "with all digits of the file"
    assert results.method is not None and results.method.potentials == {"Si": f"PAW {HASH}"}
    assert (results.method.smearing, results.method.smearing_ev) == ("fermi-dirac", 0.1)
    assert results.bands is not None and results.printed_gap is None


@pytest.mark.parametrize(
    "change",
    [
        ("Extrapolated:    -10.771234", "Extrapolated:    -10.781234"),
        ("Fermi level: 3.600", "Fermi level: 3.610"),
        ("Cutoff: 200.0 eV", "Cutoff: 300.0 eV"),
        ("- 25.7.0", "- 25.1.0"),
        ("| 1 |     Si | 1.350000 |  1.350000 | 1.400000 | ( 0.0000,  0.0000,  0.0000) |\n", ""),
    ],
)
def test_a_log_of_another_run_does_not_lend_its_status(change: tuple[str, str], tmp_path: Path) -> None:
    write_own(tmp_path)
    text = new_log()
    assert change[0] in text
    text = text.replace(*change)
    if "| 1 |" in change[0]:
        text = text.replace("|  0.00000 |  0.00000 | -0.25000 |  # Si   1\n", "")
    (tmp_path / "si.txt").write_text(text, "utf-8")
    results = read(tmp_path)
    judged = sound(results)
    assert judged.refused_parts == ("status",) and judged.results.status == "unknown"
    assert results.energy_ev == ENERGY_EV and results.method is not None and results.method.potentials is None


def test_a_process_that_went_on_after_it_had_saved_a_converged_scf(tmp_path: Path) -> None:
    write_own(tmp_path)
    (tmp_path / "si.txt").write_text(new_log(ended=False), "utf-8")
    assert read(tmp_path).status == "finished"
    (tmp_path / "si.txt").write_text(new_log(ended=False).replace("Converged in 2 steps", ""), "utf-8")
    assert read(tmp_path).status == "truncated"


def test_a_damaged_log_costs_the_status_alone(tmp_path: Path) -> None:
    write_own(tmp_path)
    (tmp_path / "si.txt").write_text(new_log().replace("-10.771234\n", "**********\n"), "utf-8")
    (found,) = GPAW().find(tmp_path)
    reading = GPAW().read(found)
    assert [file.error is None for file in reading.files] == [True, False]
    assert reading.results is not None and reading.results.status == "unknown" and reading.results.bands is not None


# --- which files belong together --------------------------------------------------------------------------------


def found(folder: Path) -> dict[str, list[str]]:
    return {each.seed: [file.name for file in each.files] for each in find_calculations(folder)}


def test_files_of_one_stem_belong_together_and_so_do_the_only_two(tmp_path: Path) -> None:
    write_gpw(tmp_path / "gs.gpw")
    (tmp_path / "out.txt").write_text(old_log())
    (tmp_path / "notes.txt").write_text("GPAW ran well\n")
    assert found(tmp_path) == {"gs": ["gs.gpw", "out.txt"]}
    write_gpw(tmp_path / "bands.gpw")
    assert found(tmp_path) == {"bands": ["bands.gpw"], "gs": ["gs.gpw"], "out": ["out.txt"]}
    (tmp_path / "out.txt").rename(tmp_path / "gs.log")
    assert found(tmp_path) == {"bands": ["bands.gpw"], "gs": ["gs.gpw", "gs.log"]}
    (tmp_path / "gs").write_text(old_log())
    assert found(tmp_path) == {"bands": ["bands.gpw"], "gs": ["gs.gpw", "gs"], "gs.log": ["gs.log"]}


def test_the_only_log_of_another_name_has_to_prove_that_it_belongs(tmp_path: Path) -> None:
    write_gpw(tmp_path / "gs.gpw", results={})
    text = new_log()
    start, end = text.index("Energy contributions relative"), text.index("timing:")
    (tmp_path / "out.txt").write_text(text[:start] + text[end:], "utf-8")
    assert read(tmp_path).status == "unknown"
    (tmp_path / "out.txt").rename(tmp_path / "gs.txt")
    assert read(tmp_path).status == "finished"


def test_compressed_files_are_found_and_read(tmp_path: Path) -> None:
    write_own(tmp_path)
    for name, compress in (("si.gpw", lzma.compress), ("si.txt", gzip.compress)):
        content = (tmp_path / name).read_bytes()
        (tmp_path / name).unlink()
        (tmp_path / f"{name}.{'xz' if compress is lzma.compress else 'gz'}").write_bytes(compress(content))
    assert found(tmp_path) == {"si": ["si.gpw.xz", "si.txt.gz"]}
    results = read(tmp_path)
    assert results.status == "finished" and results.bands is not None


def test_files_of_the_engine_are_the_engines(tmp_path: Path) -> None:
    write_gpaw(tmp_path)
    write_own(tmp_path)
    (calculation,) = find_calculations(tmp_path)
    assert calculation.seed == tmp_path.name
    assert read(tmp_path).energy_ev == -6.7


def test_a_persons_own_script_is_no_deck(tmp_path: Path) -> None:
    write_own(tmp_path)
    (tmp_path / "si.py").write_text("from gpaw import GPAW\n")
    (tmp_path / "si.xyz").write_text("")
    assert found(tmp_path) == {"si": ["si.gpw", "si.txt"]}
    (tmp_path / "si.py").write_text("from dftflow.codes.gpaw import engine\n")
    assert found(tmp_path) == {"si": ["si.py", "si.xyz"]}


def test_what_is_of_another_program_is_not_claimed(tmp_path: Path) -> None:
    write_gpw(tmp_path / "a.gpw", tag="ASE-Trajectory")
    (tmp_path / "b.md").write_text(old_log())
    (tmp_path / "c.txt").write_text("Extrapolated:   -10.771234\n")
    assert find_calculations(tmp_path) == ()
