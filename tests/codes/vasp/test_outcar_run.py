"""OUTCAR alone: geometry, eigenvalues, method and energies, with the digits that VASP prints."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from vasp_files import Geometry, Run, locpot, outcar_of

from dftflow.analysis.calculation_levels import calculation_levels
from dftflow.codes.vasp import VASP
from dftflow.codes.vasp.outcar_run import read_outcar_run
from dftflow.errors import ParseError
from dftflow.model.results import Results

RESPONSE = "\n".join(
    [
        " Linear response to external field, progress :",
        "----------- Iteration      1(   9)  -----------",
        "  free energy    TOTEN  =         0.12345678 eV",
        "  energy without entropy =        0.12345678  energy(sigma->0) =        0.12345678",
        "----------- Iteration      1(  10)  -----------",
        "  free energy    TOTEN  =         0.23456789 eV",
    ]
)


def read(folder: Path, text: str, **others: str) -> Results:
    for name, content in {"OUTCAR": text, **others}.items():
        (folder / name).write_bytes(content.encode("latin-1"))
    (calculation,) = VASP().find(folder)
    reading = VASP().read(calculation)
    assert [file.error for file in reading.files if file.error] == []
    assert reading.results is not None
    return reading.results


def test_it_tells_what_vasprun_tells(tmp_path: Path) -> None:
    run = Run(parameters={"GGA": "string:PE"})
    (tmp_path / "xml").mkdir()
    (tmp_path / "xml" / "vasprun.xml").write_text(run.xml())
    (of_xml,) = VASP().find(tmp_path / "xml")
    wanted, found = VASP().read(of_xml).results, read(tmp_path, outcar_of(run))
    assert wanted is not None and wanted.bands is not None and found.bands is not None
    assert wanted.method is not None and found.method is not None
    for name in ("status", "energy_ev", "free_energy_ev", "fermi_ev", "code_version"):
        assert getattr(found, name) == getattr(wanted, name), name
    for name in ("functional", "cutoff_ev", "spin_polarised", "spin_orbit", "n_electrons", "smearing", "potentials"):
        assert getattr(found.method, name) == getattr(wanted.method, name), name
    np.testing.assert_array_equal(found.bands.eigenvalues_ev, wanted.bands.eigenvalues_ev)
    np.testing.assert_allclose(found.bands.kpoints_frac, wanted.bands.kpoints_frac)
    np.testing.assert_allclose(found.forces_ev_per_ang, wanted.forces_ev_per_ang)
    np.testing.assert_allclose(found.stress_gpa, wanted.stress_gpa)
    assert found.structure is not None and wanted.structure is not None
    np.testing.assert_allclose(found.structure.cart_coords, wanted.structure.cart_coords, atol=1e-5)
    assert found.structure.species == wanted.structure.species
    assert any("OUTCAR is read" in line for line in found.warnings)


def test_the_gap_and_its_place(tmp_path: Path) -> None:
    edges = calculation_levels(read(tmp_path, outcar_of(Run()))).edges
    assert edges is not None
    assert edges.band_gap_ev == pytest.approx(2.4 - 1.0) and edges.vbm_k == (0.25, 0.25, 0.25)


@pytest.mark.parametrize("spins", ["two channels", "spinors"])
def test_spins(spins: str, tmp_path: Path) -> None:
    if spins == "two channels":
        up = np.array([[-5.0, -4.0, 0.5, 1.0, 1.2, 3.0]] * 2)
        down = np.array([[-5.0, -4.0, 0.5, 2.0, 2.2, 3.0]] * 2)
        filled = np.array([[[1, 1, 1, 1, 1, 0]] * 2, [[1, 1, 1, 0, 0, 0]] * 2])
        run = Run(eigenvalues=np.array([up, down]), occupations=filled)
    else:
        values = np.arange(10.0).reshape(1, 1, 10) + np.zeros((1, 2, 1))
        filled = np.broadcast_to(np.arange(10) < 8, (1, 2, 10)).astype(float)
        run = Run(eigenvalues=values, occupations=filled)
        run.parameters |= {"LNONCOLLINEAR": "logical:T", "LSORBIT": "logical:T", "ISPIN": "int:1"}
    found = read(tmp_path, outcar_of(run))
    assert found.bands is not None and found.method is not None
    edges = calculation_levels(found).edges
    assert edges is not None
    if spins == "two channels":
        assert found.bands.n_electrons == (5.0, 3.0) and edges.band_gap_ev == pytest.approx(2.0 - 1.2)
    else:
        assert found.method.spin_orbit and found.bands.spinor and edges.band_gap_ev == pytest.approx(1.0)


def test_the_last_geometry_counts(tmp_path: Path) -> None:
    first = Geometry(energy_ev=-9.4, free_ev=-9.5, no_entropy_ev=-9.3)
    last = Geometry(positions=((0.0, 0.0, 0.1), (0.5, 0.5, 0.5)), cell=((4, 0, 0), (0, 4, 0), (0, 0, 6.0)))
    run = Run(geometries=[first, last], parameters={"NSW": "int:5", "IBRION": "int:2", "ISIF": "int:3"})
    found = read(tmp_path, outcar_of(run))
    assert found.structure is not None and found.energy_ev == -10.4
    assert found.structure.lattice.c == pytest.approx(6.0)
    assert found.structure.frac_coords[0, 2] == pytest.approx(0.1)
    assert [step.energy_ev for step in found.steps] == [-9.4, -10.4]


def test_the_energy_of_a_response_is_not_that_of_the_crystal(tmp_path: Path) -> None:
    found = read(tmp_path, outcar_of(Run(), further=RESPONSE))
    assert (found.status, found.energy_ev, found.free_energy_ev) == ("finished", -10.4, -10.5)


def test_bzints_does_not_take_the_fermi_level(tmp_path: Path) -> None:
    line = " BZINTS: Fermi energy:  9.999999;  8.000000 electrons"
    assert read(tmp_path, outcar_of(Run(), further=line)).fermi_ev == 1.4


def test_with_locpot_it_gives_a_work_function(tmp_path: Path) -> None:
    cell = ((4.0, 0, 0), (0, 4.0, 0), (0, 0, 25.0))
    positions = ((0.0, 0.0, 0.45), (0.5, 0.5, 0.55))
    heights = np.arange(50) / 50
    values = np.where(abs(heights - 0.5) < 0.15, -8.0, 4.6) * np.ones((2, 2, 1))
    head = locpot([values], cell=cell).replace("  0.000000  0.000000  0.000000\n", "  0.000000  0.000000  0.450000\n")
    head = head.replace("  0.500000  0.500000  0.500000\n", "  0.500000  0.500000  0.550000\n")
    run = Run(geometries=[Geometry(cell=cell, positions=positions)], parameters={"NGXF": "int:2", "NGYF": "int:2"})
    run.parameters["NGZF"] = "int:50"
    sides = calculation_levels(read(tmp_path, outcar_of(run), LOCPOT=head)).sides
    assert [side.work_function_ev for side in sides] == pytest.approx([4.6 - 1.4] * 2)


def test_stars_and_nan_cost_what_they_stand_for(tmp_path: Path) -> None:
    text = outcar_of(Run())
    found = read(tmp_path, text.replace("      0.01000\n", "          NaN\n"))
    assert "forces" in found.lost and found.forces_ev_per_ang is None and found.bands is not None
    found = read(tmp_path, text.replace("      1     -5.0000", "      1     *******"))
    assert "bands" in found.lost and found.bands is None and found.forces_ev_per_ang is not None
    printed = re.sub(r"E-fermi :\s+\S+", "E-fermi : ********", text)
    assert printed != text
    found = read(tmp_path, printed)
    assert list(found.lost) == ["fermi"] and "********" in found.lost["fermi"]
    assert any("the Fermi level that was printed cannot be read" in line for line in found.warnings)


@pytest.mark.parametrize("cut", ["E-fermi", "POSITION     ", "FREE ENERGIE"])
def test_what_was_whole_when_it_was_cut(cut: str, tmp_path: Path) -> None:
    text = outcar_of(Run())
    found = read(tmp_path, text[: text.index(cut) - 1])
    assert found.status == "truncated" and found.energy_ev is None
    assert (found.bands is None) == (cut == "E-fermi")


@pytest.mark.parametrize("missing", ["NELECT", "TITEL", "k-points in reciprocal", "direct lattice"])
def test_without_a_part_the_run_is_not_told(missing: str, tmp_path: Path) -> None:
    file = tmp_path / "OUTCAR"
    file.write_text("".join(line for line in outcar_of(Run()).splitlines(True) if missing not in line))
    with pytest.raises(ParseError, match="cannot be read from OUTCAR"):
        read_outcar_run(file)
    found = read(tmp_path, file.read_text())
    assert found.bands is None and found.energy_ev == -10.4
    assert any("cannot be read from OUTCAR" in line for line in found.warnings)


@pytest.mark.parametrize("text", ["  ***********", "          NaN", "          1_0"])
def test_a_lattice_without_a_number_is_none(text: str, tmp_path: Path) -> None:
    """The last one counts; where it cannot be read, an earlier one does not stand for it."""
    start, last, end = outcar_of(Run()).rpartition("  4.000000000  0.000000000  0.000000000")
    assert last
    file = tmp_path / "OUTCAR"
    file.write_text(f"{start}{text}  0.000000000  0.000000000{end}")
    with pytest.raises(ParseError, match="cannot be read from OUTCAR"):
        read_outcar_run(file)
