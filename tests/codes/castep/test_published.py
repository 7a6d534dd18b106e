"""Every published file through the seam: what is whole is read, what was cut by hand is refused by name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from dftflow.codes.base import FileReading, Reading
from dftflow.codes.castep import CASTEP
from dftflow.codes.finding import find_calculations
from dftflow.gate.calculation import sound
from dftflow.model.kpoint_grid import Counts, Shift, grid_points
from dftflow.model.results import FloatArray
from dftflow.units import HARTREE_EV

CUT_BY_HAND = {
    "docs/source/example_data/pair-pot-lj.castep": "5 atoms are listed of 100",
    "test/data_files/test.bands": "expected a line 'K-point ...'",
    "test/data_files/test.den_fmt": "expected 13824 grid points",
    "test/data_files/test.elf_fmt": "expected 3375 grid points",
    "test/data_files/test.chdiff_fmt": "expected 13824 grid points",
    "test/data_files/test.pot_fmt": "expected 13824 grid points",
}
"""Files that castep_outputs keeps as samples of a format: their heads announce more than they hold."""
NUMBER = r"(-?\d+\.\d+(?:[Ee][+-]\d+)?)"


@pytest.fixture(scope="module")
def readings(castep_data: Path) -> list[Reading]:
    return [CASTEP().read(found) for found in find_calculations(castep_data, "castep")]


def files(readings: list[Reading]) -> Iterator[FileReading]:
    for reading in readings:
        yield from reading.files


def test_every_file_is_read_or_refused_by_name(readings: list[Reading], castep_data: Path) -> None:
    there = {file for file in castep_data.rglob("*") if file.is_file() and file.name != "PROVENANCE.md"}
    read = {file.file: file for file in files(readings)}
    assert set(read) == there and len(there) > 150
    refused = {file: reading.error for file, reading in read.items() if reading.error is not None}
    for ending, message in CUT_BY_HAND.items():
        (error,) = [error for file, error in refused.items() if str(file).endswith(ending)]
        assert message in error.summary and ending.rsplit("/", 1)[1] in error.where
    assert len(refused) == len(CUT_BY_HAND), refused


def logs(readings: list[Reading]) -> list[tuple[Reading, str]]:
    """Calculations with a log that was read, and the text of its last run."""
    found = []
    for reading in readings:
        log = reading.calculation.folder / f"{reading.calculation.seed}.castep"
        if log.exists() and not any(file.file == log and file.error for file in reading.files):
            text = log.read_text(encoding="latin-1")
            found.append((reading, text[text.rindex("CASTEP version") :]))
    return found


def test_energies_are_those_printed(readings: list[Reading]) -> None:
    """The kind that counts is printed somewhere in the last run, to its last digit."""
    checked = 0
    for reading, text in logs(readings):
        assert reading.results is not None
        energy = reading.results.energy_ev
        if energy is None:
            assert reading.results.status != "finished" or "Final energy" not in text, reading.calculation
            continue
        printed = re.findall(rf"(?:[Ff]inal energy|0K energy)[^=\n]*=\s*{NUMBER}\s*eV", text)
        assert energy in {float(number) for number in printed}, reading.calculation
        checked += 1
    assert checked > 35


def test_largest_force_and_pressure_are_those_printed(readings: list[Reading]) -> None:
    pressures = forces = 0
    for reading, text in logs(readings):
        results = reading.results
        assert results is not None
        if results.stress_gpa is not None:
            printed = [float(number) for number in re.findall(rf"Pressure: +{NUMBER}", text)]
            pressure = -results.stress_gpa.trace() / 3
            assert min(abs(pressure - number) for number in printed) < 2e-4, reading.calculation
            pressures += 1
        if results.forces_ev_per_ang is not None and len(results.forces_ev_per_ang):
            last = results.forces_ev_per_ang[-1]
            row = r" +".join(rf"{component:.5f}(?: ?\(cons'd\))?" for component in last)
            assert re.search(row, text) or re.search(row.replace("0.00000", "-?0.00000"), text), reading.calculation
            forces += 1
    assert pressures > 10 and forces > 30


def test_the_fermi_energy_of_the_bands_is_that_of_the_log(readings: list[Reading]) -> None:
    """.bands has 6 decimals in Hartree, the last row of the SCF 9 digits in eV."""
    checked = 0
    for reading, text in logs(readings):
        results = reading.results
        rows = re.findall(rf"^ *\d+ +{NUMBER} +{NUMBER} +{NUMBER} +{NUMBER} +<-- SCF", text, re.MULTILINE)
        if results is None or results.bands is None or not rows or "ensemble" in text:
            continue
        if results.status in ("scf_not_converged", "truncated"):
            continue
        differences = [abs(float(row[1]) - results.bands.fermi_ev) for row in rows]
        assert min(differences) < 0.6e-6 * HARTREE_EV + 2e-5, (reading.calculation, min(differences))
        checked += 1
    assert checked >= 8


def test_the_kpoints_of_an_scf_are_those_of_the_grid_that_the_method_names(readings: list[Reading]) -> None:
    """Grid and offset as .castep prints them, against the k-points that CASTEP wrote into .bands or .castep_bin.

    A weight is the number of the grid's points that symmetry makes one, out of all. Every offset here is 0.
    """
    found: dict[Counts, Shift] = {}
    for reading in readings:
        results = reading.results
        if results is None or results.method is None or results.bands is None or is_band_structure(reading):
            continue
        counts, shift = results.method.kpoints_grid, results.method.kpoints_shift
        if counts is None:
            continue
        assert shift is not None, reading.calculation
        assert all(in_grid(point, counts, shift) for point in results.bands.kpoints_frac), reading.calculation
        if results.bands.weights is not None:
            stars = results.bands.weights * np.prod(counts)
            np.testing.assert_allclose(stars, np.round(stars), atol=1e-4)
            assert round(float(stars.sum())) == np.prod(counts), reading.calculation
        found[counts] = shift
    assert len(found) >= 5
    assert {shift[axis] for shift in found.values() for axis in range(3)} == {0.0, 0.5}
    for counts, shift in found.items():
        assert shift == tuple(0.0 if count % 2 else 0.5 for count in counts)


def is_band_structure(reading: Reading) -> bool:
    """Whether the run went on to k-points of its own after the SCF."""
    log = reading.calculation.folder / f"{reading.calculation.seed}.castep"
    tasks = re.findall(r"type of calculation +: +(.+)", log.read_text(encoding="latin-1")) if log.exists() else ["none"]
    return any("pectroscop" in task or "band structure" in task for task in tasks)


def in_grid(point: FloatArray, counts: Counts, shift: Shift) -> bool:
    """Whether a k-point, or the one of the other sign, is in the grid; .bands has 8 decimals."""
    both = np.concatenate([grid_points(counts, shift) - point, grid_points(counts, shift) + point])
    return bool((np.abs(both - np.round(both)).max(axis=1) < 2e-8).any())


def test_consistency_checks_pass_or_say_why_not(readings: list[Reading]) -> None:
    judged = [sound(reading.results) for reading in readings if reading.results]
    checks = [check for one in judged for check in one.results.checks]
    assert len(checks) > 120
    failed = [(check.name, check.detail) for check in checks if check.passed is False]
    assert not failed and not any(one.refused for one in judged)
    passed = [check.name for check in checks if check.passed]
    for name, least in (
        ("cell of the eig", 15),
        ("electrons of the", 15),
        ("spins of the", 15),
        ("Fermi level of", 12),
    ):
        assert sum(found.startswith(name) for found in passed) >= least, name
    assert passed.count("electrons of the density = electrons of the log") == 2


def test_a_folder_of_materials_studio_is_taken_as_it_is(castep_data: Path, tmp_path: Path) -> None:
    """Materials Studio names a property run <seed>_BandStr and puts its files beside those of <seed>."""
    bands = castep_data / "NPBentley+CASTEP_bands/Examples/Si_bands"
    for suffix in (".castep", ".cell", ".param"):
        (tmp_path / f"Si{suffix}").write_bytes((bands / f"Si{suffix}").read_bytes())
    (tmp_path / "Si_BandStr.bands").write_bytes((bands / "Si.bands").read_bytes())
    (tmp_path / "Si_BandStr.cell").write_bytes((bands / "Si.cell").read_bytes())
    (calculation,) = CASTEP().find(tmp_path)
    assert calculation.seed == "Si" and len(calculation.files) == 5
    reading = CASTEP().read(calculation)
    assert not [file for file in reading.files if file.error]
    results = reading.results
    assert results is not None and results.bands is not None
    whole = CASTEP().read(CASTEP().find(bands)[0]).results
    assert whole is not None and whole.bands is not None
    np.testing.assert_array_equal(results.bands.eigenvalues_ev, whole.bands.eigenvalues_ev)
    assert results.bands.labels == whole.bands.labels


def test_a_markdown_file_is_no_dynamics(tmp_path: Path) -> None:
    (tmp_path / "notes.md").write_text("# notes\n")
    (tmp_path / "index.ts").write_text("export {}\n")
    (tmp_path / "job.err").write_text("slurm: cancelled\n")
    assert CASTEP().find(tmp_path) == ()
