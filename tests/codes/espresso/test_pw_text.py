"""The text of pw.x: kept runs against their XML, the formats of other versions against numbers of our own."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from espresso_files import BANNERS, text_of

from dftflow.analysis.calculation_levels import calculation_levels
from dftflow.codes.espresso import ESPRESSO
from dftflow.codes.espresso.pw_run import PwRun
from dftflow.codes.espresso.pw_text import read_pw_text
from dftflow.codes.espresso.pw_xml import read_pw_xml
from dftflow.errors import ParseError
from dftflow.model.results import Results
from dftflow.units import BOHR_ANG, RYDBERG_EV

DATA = Path(__file__).resolve().parents[2] / "data" / "espresso" / "6.7"
PAIRS = {
    "bands": ("bands.scf.out", "bands.scf.xml"),
    "path": ("../bands/bands.bands.out", "../bands/bands.bands.xml"),
    "cell": ("cell.relax.out", "cell.relax.xml"),
    "ions": ("ions.relax.out", "ions.relax.xml"),
    "slab": ("slab.scf.out", "slab.scf.xml"),
    "spin": ("h.out", "pwscf.xml"),
    "spinor": ("h.out", "pwscf.xml"),
}


@pytest.fixture(params=PAIRS)
def pair(request: pytest.FixtureRequest) -> tuple[PwRun, PwRun]:
    text, xml = PAIRS[request.param]
    folder = DATA / request.param if request.param != "path" else DATA / "bands"
    return read_pw_text(folder / text), read_pw_xml(folder / xml)


def test_it_is_the_run_of_the_xml(pair: tuple[PwRun, PwRun]) -> None:
    text, xml = pair
    assert text.from_text and not xml.from_text and text.version == xml.version
    for name in ("task", "spin_polarised", "spinor", "spin_orbit", "fft_grid", "smearing", "relaxed"):
        assert getattr(text, name) == getattr(xml, name), name
    assert text.potential_files == xml.potential_files
    assert text.n_electrons == pytest.approx(xml.n_electrons, abs=0.005)
    assert text.cutoff_ev == pytest.approx(xml.cutoff_ev, abs=1e-3)
    assert len(text.steps) == len(xml.steps)


def test_energies_forces_and_stress(pair: tuple[PwRun, PwRun]) -> None:
    text, xml = pair
    for ours, theirs in zip((*text.steps, text.last), (*xml.steps, xml.last), strict=True):
        for name in ("free_energy_ev", "energy_ev"):
            wanted = getattr(theirs, name)
            assert getattr(ours, name) == (None if wanted is None else pytest.approx(wanted, abs=2e-7)), name
        for name, digits in (("forces_ev_per_ang", 3e-7), ("stress_gpa", 1e-4)):
            wanted = getattr(theirs, name)
            if wanted is not None:
                np.testing.assert_allclose(getattr(ours, name), wanted, atol=digits, err_msg=name)


def test_geometries(pair: tuple[PwRun, PwRun]) -> None:
    text, xml = pair
    for ours, theirs in zip((*text.steps, text.last), (*xml.steps, xml.last), strict=True):
        np.testing.assert_allclose(ours.structure.lattice.matrix, theirs.structure.lattice.matrix, atol=5e-6)
        np.testing.assert_allclose(ours.structure.cart_coords, theirs.structure.cart_coords, atol=5e-6)
        assert ours.structure.species == theirs.structure.species


def test_eigenvalues_and_k_points(pair: tuple[PwRun, PwRun]) -> None:
    text, xml = pair
    if text.eigenvalues is None:
        assert text.task == "vc-relax"  # printed in full by none of the kept ones
        return
    assert xml.eigenvalues is not None
    np.testing.assert_allclose(text.eigenvalues.values_ev, xml.eigenvalues.values_ev, atol=6e-5)
    np.testing.assert_allclose(text.eigenvalues.kpoints_frac, xml.eigenvalues.kpoints_frac, atol=2e-6)
    if text.has_scf:
        np.testing.assert_allclose(text.eigenvalues.weights, xml.eigenvalues.weights, atol=2e-7)
    assert text.eigenvalues.electrons == pytest.approx(xml.eigenvalues.electrons, abs=0.01)
    for ours, theirs in zip(text.fermi_ev, xml.fermi_ev, strict=False):
        assert ours == pytest.approx(theirs, abs=6e-5)


def read(folder: Path, text: str, name: str = "si.scf.out") -> Results:
    (folder / name).write_text(text)
    (calculation,) = ESPRESSO().find(folder)
    results = ESPRESSO().read(calculation).results
    assert results is not None
    return results


# --- a text of our own --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", BANNERS)
def test_versions(version: str, tmp_path: Path) -> None:
    found = read(tmp_path, text_of(version))
    assert (found.code_version, found.status) == (version, "finished")
    assert found.energy_ev == found.free_energy_ev == pytest.approx(-15.79448874 * RYDBERG_EV)
    assert found.structure is not None and found.method is not None and found.forces_ev_per_ang is not None
    assert found.structure.volume == pytest.approx((10.2 * BOHR_ANG) ** 3 / 4, rel=1e-6)
    assert found.structure.get_distance(0, 1) == pytest.approx(10.2 * BOHR_ANG * 3**0.5 / 4, rel=1e-6)
    assert (found.method.functional, found.method.cutoff_ev) == ("PBE", pytest.approx(24 * RYDBERG_EV))
    assert found.method.potentials == {"Si": "Si.pbe.UPF"} and found.method.smearing == "fixed"
    assert found.forces_ev_per_ang[0, 2] == pytest.approx(1e-3 * RYDBERG_EV / BOHR_ANG)
    assert found.stress_gpa is not None and found.stress_gpa[0, 0] == pytest.approx(-14.71, abs=5e-3)
    edges = calculation_levels(found).edges
    assert edges is not None and edges.band_gap_ev == pytest.approx(0.65)
    assert edges.vbm_k == (0, 0, 0) and sorted(map(abs, edges.cbm_k)) == pytest.approx([0, 0.5, 0.5])
    assert any("text of pw.x is read" in line for line in found.warnings)


def test_smearing(tmp_path: Path) -> None:
    told = {"smearing": "  gaussian smearing, width (Ry)=  0.0100", "level": "     the Fermi energy is     6.5000 ev"}
    found = read(tmp_path, text_of(**told))
    assert found.fermi_ev == 6.5 and found.method is not None
    assert found.method.smearing == "gaussian" and found.method.smearing_ev == pytest.approx(0.01 * RYDBERG_EV)
    assert found.free_energy_ev == pytest.approx(-15.79448874 * RYDBERG_EV)
    assert found.energy_ev == pytest.approx((-15.79448874 + 0.001) * RYDBERG_EV)


def test_a_fermi_level_in_stars_was_printed(tmp_path: Path) -> None:
    told = {"smearing": "  gaussian smearing, width (Ry)=  0.0100", "level": "     the Fermi energy is     ****** ev"}
    found = read(tmp_path, text_of(**told))
    assert list(found.lost) == ["fermi"] and "****** ev" in found.lost["fermi"] and found.fermi_ev is None
    assert not any("no Fermi level was printed" in line for line in found.warnings)
    assert not read(tmp_path, text_of(**{**told, "level": ""})).lost


def test_the_energy_of_a_hybrid_has_two_marks(tmp_path: Path) -> None:
    assert read(tmp_path, text_of(bang="!!")).free_energy_ev == pytest.approx(-15.79448874 * RYDBERG_EV)


@pytest.mark.parametrize(
    ("old", "new", "part"),
    [
        ("0.00000000   -0.00100000", "0.00000000    *********", "forces"),
        ("   0.00100000   0.00000000   0.00000000 ", "          NaN   0.00000000   0.00000000 ", "stress"),
        ("  -5.8000", "  *******", "bands"),
    ],
)
def test_stars_cost_their_quantity_alone(old: str, new: str, part: str, tmp_path: Path) -> None:
    found = read(tmp_path, text_of().replace(old, new))
    assert list(found.lost) == [part] and found.energy_ev is not None
    parts = {"forces": found.forces_ev_per_ang, "stress": found.stress_gpa, "bands": found.bands}
    assert [name for name, value in parts.items() if value is None] == [part]


def test_without_geometry_the_printed_levels_are_left(tmp_path: Path) -> None:
    """As most people quote it: the last page of a text."""
    text = re.sub(r"(?s)     crystal axes.*?(?=     Self-consistent)", "", text_of())
    found = read(tmp_path, text)
    levels = calculation_levels(found)
    assert found.bands is None and levels.printed_gap is not None
    assert levels.printed_gap.band_gap_ev == pytest.approx(0.65)
    assert "need not hold the band edges" in levels.printed_gap.source
    assert found.fermi_ev == 6.25 and found.energy_ev == found.free_energy_ev == pytest.approx(
        -15.79448874 * RYDBERG_EV
    )


def test_too_many_k_points_to_print_leave_the_printed_levels(tmp_path: Path) -> None:
    note = "     Number of k-points >= 100: set verbosity='high' to print the bands.\n\n"
    text = re.sub(r"(?s)          k = 0.*?(?=     highest)", note, text_of())
    found = read(tmp_path, text)
    assert found.bands is None and found.structure is not None and found.energy_ev is not None
    gap = calculation_levels(found).printed_gap
    assert gap is not None and gap.band_gap_ev == pytest.approx(0.65)


def test_a_path_has_the_highest_filled_level_for_its_fermi_level(tmp_path: Path) -> None:
    text = text_of(level="").replace("Self-consistent Calculation", "Band Structure Calculation")
    text = text.replace("End of self-consistent calculation", "End of band structure calculation")
    found = read(tmp_path, re.sub(r"(?s)!    total energy.*(?=   JOB DONE)", "", text), "si.bands.out")
    edges = calculation_levels(found).edges
    assert edges is not None and edges.band_gap_ev == pytest.approx(0.65) and found.energy_ev is None
    assert any("highest of the filled levels stands for it" in line for line in found.warnings)


def test_what_is_older_than_4_is_named(tmp_path: Path) -> None:
    (tmp_path / "old.out").write_text(text_of().replace(BANNERS["6.1"], "v.3.2.3 starts ..."))
    (calculation,) = ESPRESSO().find(tmp_path)
    (file,) = ESPRESSO().read(calculation).files
    assert file.error is not None and "nothing before 4.0 is read" in file.error.summary


@pytest.mark.parametrize("case", ["ions", "cell", "slab", "spin"])
def test_every_cut_ends_in_a_refusal_or_in_numbers_of_the_run(case: str, tmp_path: Path) -> None:
    name, _ = PAIRS[case]
    text = (DATA / case / name).read_bytes()
    whole = read_pw_text(DATA / case / name)
    energies = {step.free_energy_ev for step in (*whole.steps, whole.last)}
    for length in range(1000, len(text), 1777):
        (tmp_path / "cut.out").write_bytes(text[:length])
        try:
            run = read_pw_text(tmp_path / "cut.out")
        except ParseError:
            continue
        assert {step.free_energy_ev for step in (*run.steps, run.last)} <= {*energies, None}


def test_a_refused_xml_costs_no_number_of_the_text(case: Callable[[str], Path]) -> None:
    folder = case("ions")
    file = folder / "ions.relax.xml"
    file.write_bytes(file.read_bytes()[:5000])
    (calculation,) = ESPRESSO().find(folder)
    reading = ESPRESSO().read(calculation)
    assert [found.file.name for found in reading.files if found.error] == ["ions.relax.xml"]
    assert reading.results is not None and reading.results.energy_ev is not None


def test_a_final_scf_that_misses_the_pressure_is_told_by_the_text_too(tmp_path: Path) -> None:
    shutil.copy(DATA / "cell" / "cell.relax.out", tmp_path)
    (calculation,) = ESPRESSO().find(tmp_path)
    results = ESPRESSO().read(calculation).results
    assert results is not None and results.status == "geom_not_converged"
    assert any("misses the pressure" in line for line in results.warnings)


def test_a_number_that_a_full_disk_cut_is_none(tmp_path: Path) -> None:
    width = "  Marzari-Vanderbilt smearing, width (Ry)=  0.0100"
    whole = read(tmp_path, text_of(smearing=width))
    cut = read(tmp_path, text_of(smearing=width).replace("0.0100\n", "0.0\0\0\0\n"))
    assert whole.method is not None and whole.method.smearing_ev == pytest.approx(0.01 * RYDBERG_EV)
    assert cut.method is None or cut.method.smearing_ev is None
