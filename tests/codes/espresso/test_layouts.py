"""The files of Quantum ESPRESSO in the folders that people and AiiDA keep, and of versions that write otherwise."""

from __future__ import annotations

import gzip
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from dftflow.analysis.calculation_levels import calculation_levels
from dftflow.cli.main import main
from dftflow.codes.base import Reading
from dftflow.codes.espresso import ESPRESSO
from dftflow.codes.espresso.average_file import read_average
from dftflow.codes.espresso.grid_file import read_potential_grid
from dftflow.codes.espresso.pw_xml import read_pw_xml
from dftflow.codes.finding import find_calculations
from dftflow.errors import ParseError
from dftflow.model.energy import EnergyZero
from dftflow.units import BOHR_ANG

DATA = Path(__file__).resolve().parents[2] / "data" / "espresso" / "6.7"
OLD_XML = '<?xml version="1.0"?>\n<?iotk version="1.2.0"?>\n<Root>\n  <HEADER/>\n</Root>\n'
LAYOUTS = {
    "AiiDA, retrieved": ("aiida.out", "data-file-schema.xml"),
    "AiiDA, as it ran": ("aiida.out", "out/aiida.save/data-file-schema.xml"),
    "outdir here": ("si.pwo", "pwscf.save/data-file-schema.xml"),
    "outdir with both": ("scf.log", "tmp/pwscf.save/data-file-schema.xml"),
    "ASE": ("espresso.pwo", "pwscf.xml"),
    "stdout": ("si.stdout", "si.save/data-file-schema.xml"),
}


def put(folder: Path, log: str, xml: str, case: str = "ions") -> None:
    for name, source in ((log, f"{case}.relax.out"), (xml, f"{case}.relax.xml")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(DATA / case / source, folder / name)


def only(folder: Path) -> Reading:
    (calculation,) = find_calculations(folder)
    return ESPRESSO().read(calculation)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_xml_belongs_to_the_log(layout: str, packed: bool, tmp_path: Path) -> None:
    log, xml = LAYOUTS[layout]
    put(tmp_path, log, xml)
    if layout == "outdir with both":
        shutil.copy(tmp_path / xml, tmp_path / "tmp" / "pwscf.xml")
    if packed:
        file = tmp_path / log
        file.with_name(f"{log}.gz").write_bytes(gzip.compress(file.read_bytes()))
        file.unlink()
    reading = only(tmp_path)
    results, run = reading.results, read_pw_xml(DATA / "ions" / "ions.relax.xml")
    assert results is not None and results.status == "finished"
    assert results.energy_ev == run.last.energy_ev and results.bands is not None
    assert results.wall_time_s is not None and not any("text of pw.x" in line for line in results.warnings)
    agreeing = [check for check in results.checks if check.passed]
    assert {"energy of the XML = energy printed", "cutoff of the XML = cutoff printed"} <= {c.name for c in agreeing}
    assert [file.error for file in reading.files if file.error] == []


def test_by_one_of_its_files(tmp_path: Path) -> None:
    log, xml = LAYOUTS["AiiDA, as it ran"]
    put(tmp_path, log, xml)
    (found,) = find_calculations(tmp_path / log)
    assert tmp_path / xml in found.files and find_calculations(tmp_path / "out") == ()


def test_a_saved_run_without_a_log_stands_alone(tmp_path: Path) -> None:
    put(tmp_path / "x", "gone.out", "pwscf.save/data-file-schema.xml")
    (tmp_path / "x" / "gone.out").unlink()
    results = only(tmp_path).results
    assert results is not None and results.energy_ev is not None


def test_of_several_logs_it_belongs_to_the_one_it_is_the_run_of(tmp_path: Path) -> None:
    """pw.x writes over the XML of the run before: it is that of the last."""
    shutil.copy(DATA / "bands" / "bands.scf.out", tmp_path / "scf.out")
    shutil.copy(DATA / "bands" / "bands.bands.out", tmp_path / "path.out")
    (tmp_path / "pwscf.save").mkdir()
    for last, other in (("bands.bands.xml", "scf"), ("bands.scf.xml", "path")):
        shutil.copy(DATA / "bands" / last, tmp_path / "pwscf.save" / "data-file-schema.xml")
        found = {calculation.seed: ESPRESSO().read(calculation).results for calculation in find_calculations(tmp_path)}
        assert set(found) == {"scf", "path"}
        from_text = {
            seed: any("text of pw.x is read" in line for line in results.warnings)
            for seed, results in found.items()
            if results is not None
        }
        assert from_text == {seed: seed == other for seed in found}


def test_an_old_xml_is_named_and_the_text_is_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copy(DATA / "ions" / "ions.relax.out", tmp_path / "aiida.out")
    (tmp_path / "data-file.xml").write_text(OLD_XML)
    assert main(["parse", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "data-file.xml  run: not read: an XML of pw.x before 6.4, which is too old" in out
    assert "text of pw.x is read" in out and "energy         -" in out


def test_an_xml_of_a_schema_before_2019_is_named(case: Callable[[str], Path]) -> None:
    file = case("ions") / "ions.relax.xml"
    told = read_pw_xml(file).schema
    file.write_text(file.read_text().replace(f'VERSION="{told}"', 'VERSION="17.10.30"'))
    with pytest.raises(ParseError, match=r"schema 17\.10\.30, of pw\.x before 6\.4"):
        read_pw_xml(file)


def as_version_7(text: str) -> str:
    """Current versions do not number the geometries."""
    return re.sub(r'<step n_step="\d+">', "<step>", text)


def test_a_relaxation_of_version_7(case: Callable[[str], Path]) -> None:
    file = case("ions") / "ions.relax.xml"
    before = read_pw_xml(file)
    assert len(before.steps) > 1
    file.write_text(as_version_7(file.read_text()))
    after = read_pw_xml(file)
    assert [step.energy_ev for step in after.steps] == [step.energy_ev for step in before.steps]


def test_geometries_that_were_left_out_on_purpose(case: Callable[[str], Path]) -> None:
    file = case("ions") / "ions.relax.xml"
    text = file.read_text()
    thinned = re.sub(r'(?s)\s*<step n_step="2">.*?</step>', "", text)
    file.write_text(thinned)
    with pytest.raises(ParseError, match="one is missing"):
        read_pw_xml(file)
    file.write_text(thinned.replace("<verbosity>", "<max_xml_steps>3</max_xml_steps><verbosity>", 1))
    assert len(read_pw_xml(file).steps) == len(re.findall("<step ", thinned))


# --- potentials ---------------------------------------------------------------------------------------------------


def slab(folder: Path) -> None:
    for name in ("slab.scf.out", "slab.scf.xml", "slab.pp.out", "slab.average.out"):
        shutil.copy(DATA / "slab" / name, folder)


@pytest.mark.parametrize("names", [("vh.dat", "avg.dat"), ("pot_vh", "avg.dat"), ("slab.filplot", ""), ("", "avg.dat")])
def test_the_potential_under_another_name(names: tuple[str, str], tmp_path: Path) -> None:
    grid, table = names
    slab(tmp_path)
    if grid:
        shutil.copy(DATA / "slab" / "slab.pot", tmp_path / grid)
    if table:
        shutil.copy(DATA / "slab" / "slab.average.dat", tmp_path / table)
    (tmp_path / "notes.dat").write_text("1 2 3\n4 5 6\n")
    reading = only(tmp_path)
    shown = {file.file.name: file.summary for file in reading.files}
    assert ("electrostatic" in shown.get(grid, "")) == bool(grid) and ("heights" in shown.get(table, "")) == bool(table)
    assert reading.results is not None and reading.results.potential is not None
    whole = only(DATA / "slab").results
    assert whole is not None and whole.potential is not None
    mean = whole.potential.values_ev.mean(axis=(0, 1))
    found = reading.results.potential.values_ev.mean(axis=(0, 1))
    assert found.mean() == pytest.approx(mean.mean(), abs=1e-4) and "notes.dat" not in shown


def test_average_x_of_version_4_printed_its_table(tmp_path: Path) -> None:
    table = (DATA / "slab" / "slab.average.dat").read_text()
    slab(tmp_path)
    printed = (
        f"\n     Program AVERAGE v.4.3.2      starts on 12Jan2012 at 10:11:12\n\n{table}\n     AVERAGE : 0.01s CPU\n"
    )
    (tmp_path / "slab.average.out").unlink()
    (tmp_path / "average.out").write_text(printed)
    np.testing.assert_array_equal(
        read_average(tmp_path / "average.out")[1], read_average(DATA / "slab" / "slab.average.dat")[1]
    )
    results = only(tmp_path).results
    assert results is not None and results.potential is not None and results.potential.values_ev.max() > 0


@pytest.mark.parametrize("decimals", [6, 9, 12])
def test_tables_of_other_digits(decimals: int, tmp_path: Path) -> None:
    rows = [(0.05 * i, 0.3, 0.25) for i in range(200)]
    (tmp_path / "avg.dat").write_text("".join("".join(f"{x:20.{decimals}f}" for x in row) + "\n" for row in rows))
    length_ang, planar = read_average(tmp_path / "avg.dat")
    assert length_ang == pytest.approx(10.0 * BOHR_ANG, rel=1e-5) and planar.shape == (200,)


GRID = (
    """title
       2       2       3       2       2       3       1       1
{ibrav:6d}{celldm}
     0.5000000000        4.0000000000       25.0000000000    11
   1   H    1.00
   1      0.000000000    0.000000000    0.000000000    1
"""
    + "  1.0E-01  2.0E-01  3.0E-01  4.0E-01  5.0E-01\n" * 2
    + "  6.0E-01  7.0E-01\n"
)


@pytest.mark.parametrize(
    ("ibrav", "celldm", "volume"),
    [
        (1, (10, 0, 0, 0, 0, 0), 1000),
        (2, (10, 0, 0, 0, 0, 0), 250),
        (4, (10, 0, 1.5, 0, 0, 0), 1500 * 3**0.5 / 2),
        (8, (10, 1.1, 1.2, 0, 0, 0), 1320),
        (-12, (10, 1.1, 1.2, 0, 0.6, 0), 1320 * 0.8),
        (14, (10, 1.1, 1.2, 0, 0, 0.6), 1320 * 0.8),
    ],
)
def test_a_grid_of_a_bravais_lattice(ibrav: int, celldm: tuple[float, ...], volume: float, tmp_path: Path) -> None:
    (tmp_path / "x.pot").write_text(GRID.format(ibrav=ibrav, celldm="".join(f"{x:16.8f}" for x in celldm)))
    found = read_potential_grid(tmp_path / "x.pot", EnergyZero(run="x", reference="cell_average"))
    assert abs(np.linalg.det(found.cell_ang)) == pytest.approx(volume * BOHR_ANG**3)


def test_no_log_is_taken_from_another_program(tmp_path: Path) -> None:
    for name, text in (("slurm.out", "job 7\n"), ("scf.log", "Program OTHER v.1 starts\n"), ("x.in", "&other\n/\n")):
        (tmp_path / name).write_text(text)
    assert find_calculations(tmp_path, "espresso") == ()


def test_the_levels_of_a_finished_run_come_from_the_xml(tmp_path: Path) -> None:
    put(tmp_path, *LAYOUTS["AiiDA, retrieved"])
    results = only(tmp_path).results
    assert results is not None
    levels = calculation_levels(results)
    assert levels.printed_gap is None and (levels.edges is not None or levels.why_no_edges)
