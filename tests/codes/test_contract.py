"""One table for every code: what each kind of files must give, and the promises that all results keep."""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from castep_files import write_finished
from espresso_files import text_of, write_aiida
from gpaw_files import write_gpaw
from gpaw_own_files import ENERGY_EV, FERMI_EV, new_log, old_log, write_own
from gpaw_own_files import write_gpw as write_own_gpw
from strict_reading import read_results
from vasp_files import Run, locpot, outcar, outcar_of

from dftflow.analysis.calculation_levels import calculation_levels
from dftflow.cli.main import main
from dftflow.codes.base import Reading
from dftflow.codes.finding import find_calculations
from dftflow.codes.registry import code_names, load_code
from dftflow.model.energy import EnergyZero
from dftflow.model.results import Bands, PotentialGrid, Results, Status
from dftflow.units import RYDBERG_EV

DATA = Path(__file__).resolve().parents[1] / "data"
Make = Callable[[Path], None]


def _kept(place: str) -> Make:
    return lambda folder: shutil.copytree(DATA / place, folder, dirs_exist_ok=True) and None


def _castep(folder: Path) -> None:
    zero = EnergyZero(run="made", reference="cell_average")
    bands = Bands(
        eigenvalues_ev=np.array([[[-5.0, -1.0, 2.0], [-5.1, -1.2, 1.5]]]),
        kpoints_frac=np.array([[0, 0, 0], [0.5, 0, 0]]),
        labels=("", ""),
        on_path=(-1, -1),
        reciprocal_per_ang=2 * np.pi / 4 * np.eye(3),
        n_electrons=(4.0,),
        fermi_ev=0.25,
        zero=zero,
    )
    values = np.random.default_rng(0).normal(size=(3, 4, 5))
    potential = PotentialGrid(values_ev=values, cell_ang=4 * np.eye(3), kind="local", zero=zero)
    write_finished(folder, "made", bands=bands, potential=potential)


def _vasp(folder: Path) -> None:
    (folder / "vasprun.xml").write_text(Run(parameters={"LVHAR": "logical:T"}).xml())
    (folder / "OUTCAR").write_text(outcar())
    (folder / "LOCPOT").write_text(locpot([np.random.default_rng(0).normal(size=(2, 3, 4))]))


def _packed(make: Make) -> Make:
    """The same, each file compressed."""

    def _make(folder: Path) -> None:
        make(folder)
        for file in [file for file in folder.rglob("*") if file.is_file()]:
            file.with_name(f"{file.name}.gz").write_bytes(gzip.compress(file.read_bytes()))
            file.unlink()

    return _make


def _pw_text(version: str) -> Make:
    return lambda folder: (folder / "si.out").write_text(text_of(version)) and None


PW_TEXT = {"status": "finished", "gap": 0.65, "functional": "PBE", "atoms": 2, "cutoff": 24 * RYDBERG_EV}
PW_TEXT |= {"energy_ev": -15.79448874 * RYDBERG_EV, "fermi_ev": 6.25}
VASP = {"status": "finished", "gap": 1.4, "energy_ev": -10.4, "fermi_ev": 1.4, "atoms": 2, "cutoff": 300.0}


@dataclass(frozen=True)
class Case:
    """Files of one code and version, and what they hold: quantity -> value, as the code printed it."""

    code: str
    version: str
    make: Make
    holds: Mapping[str, object] = field(default_factory=dict)


CASES = {
    "castep bands": Case(
        "castep", "21.11", _castep,
        {"status": "finished", "gap": 2.5, "fermi_ev": 0.25, "potential": "local"},
    ),
    "gpaw": Case(
        "gpaw", "26.7.0", write_gpaw,
        {"status": "finished", "gap": 10.5, "energy_ev": -6.7, "fermi_ev": -2.0, "atoms": 2,
         "potential": "electrostatic"},
    ),
    "gpaw own files": Case(
        "gpaw", "25.7.0", write_own,
        {"status": "finished", "gap": 1.2, "energy_ev": ENERGY_EV, "fermi_ev": FERMI_EV, "atoms": 2, "cutoff": 200.0,
         "functional": "PBE"},
    ),
    "gpaw own .gpw": Case(
        "gpaw", "20.10.0", lambda folder: write_own_gpw(folder / "a.gpw", layout=3, version="20.10.0", tag="GPAW"),
        {"status": "finished", "gap": 1.2, "energy_ev": ENERGY_EV, "atoms": 2, "cutoff": 200.0},
    ),
    "gpaw own log": Case(
        "gpaw", "20.10.0", lambda folder: (folder / "a.log").write_text(old_log()) and None,
        {"status": "finished", "gap": None, "energy_ev": ENERGY_EV, "fermi_ev": FERMI_EV, "atoms": 2, "cutoff": 200.0},
    ),
    "gpaw own log without an end": Case(
        "gpaw", "25.7.0", lambda folder: (folder / "a.txt").write_text(new_log(ended=False), "utf-8") and None,
        {"status": "truncated", "gap": None, "energy_ev": ENERGY_EV, "atoms": 2},
    ),
    "vasp": Case(
        "vasp", "6.4.2", _vasp,
        {"status": "finished", "gap": 1.4, "energy_ev": -10.4, "fermi_ev": 1.4, "atoms": 2, "cutoff": 300.0,
         "potential": "electrostatic"},
    ),
    "vasp, compressed": Case("vasp", "6.4.2", _packed(_vasp), {**VASP, "potential": "electrostatic"}),
    "vasp of custodian": Case(
        "vasp", "5.4.4",
        lambda folder: (folder / "vasprun.xml.relax2.gz").write_bytes(
            gzip.compress(Run(version="5.4.4").xml().encode())
        ) and None,
        VASP,
    ),
    "vasp, OUTCAR alone": Case(
        "vasp", "6.4.2", lambda folder: (folder / "OUTCAR").write_text(outcar_of(Run())) and None,
        {**VASP, "functional": "PBE"},
    ),
    **{
        f"espresso text {version}": Case("espresso", version, _pw_text(version), PW_TEXT)
        for version in ("4.0.1", "4.3.2", "5.0.2", "6.1", "6.3MaX", "7.2", "7.5")
    },
    "espresso of AiiDA": Case(
        "espresso", "6.7MaX", write_aiida, {"status": "finished", "functional": "PBE", "atoms": 2}
    ),
    "espresso 7 of AiiDA, compressed": Case(
        "espresso", "7.2", _packed(lambda folder: write_aiida(folder, version="7.2")),
        {"status": "finished", "functional": "PBE", "atoms": 2},
    ),
    "castep, compressed": Case(
        "castep", "21.11", _packed(_castep), {"status": "finished", "gap": 2.5, "fermi_ev": 0.25, "potential": "local"}
    ),
    "espresso bands": Case(
        "espresso", "6.7MaX", _kept("espresso/6.7/bands"),
        {"status": "finished", "functional": "PBE", "atoms": 2, "potential": "electrostatic"},
    ),
    "espresso relaxation": Case(
        "espresso", "6.7MaX", _kept("espresso/6.7/ions"), {"status": "finished", "functional": "PBE", "atoms": 2}
    ),
    "espresso slab": Case(
        "espresso", "6.7MaX", _kept("espresso/6.7/slab"), {"status": "finished", "potential": "electrostatic"}
    ),
    "espresso SCF": Case(
        "espresso", "6.7MaX", _kept("espresso/6.7/scf-not-converged"), {"status": "scf_not_converged"}
    ),
    "espresso steps": Case("espresso", "6.7MaX", _kept("espresso/6.7/out-of-steps"), {"status": "geom_not_converged"}),
}  # fmt: skip


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> Case:
    return CASES[request.param]


@pytest.fixture
def folder(case: Case, tmp_path: Path) -> Path:
    made = tmp_path / "made"
    made.mkdir()
    case.make(made)
    return made


@pytest.fixture
def reading(case: Case, folder: Path) -> Reading:
    (found,) = load_code(case.code).find(folder)
    return load_code(case.code).read(found)


def quantity(results: Results, name: str) -> object:
    edges = calculation_levels(results).edges
    method = results.method
    return {
        "gap": None if edges is None else edges.band_gap_ev,
        "atoms": None if results.structure is None else len(results.structure),
        "potential": None if results.potential is None else results.potential.kind,
        "functional": None if method is None else method.functional,
        "cutoff": None if method is None else method.cutoff_ev,
    }.get(name, getattr(results, name, None))


def test_it_holds_what_the_code_printed(case: Case, reading: Reading) -> None:
    assert reading.results is not None
    assert reading.results.code_version == case.version
    for name, value in case.holds.items():
        found = quantity(reading.results, name)
        assert found == (pytest.approx(value, abs=2e-5) if isinstance(value, float) else value), name


def test_every_code_is_in_the_table() -> None:
    assert {case.code for case in CASES.values()} == set(code_names())


def test_no_other_code_claims_the_files(case: Case, folder: Path) -> None:
    assert {found.code for found in find_calculations(folder)} == {case.code}


def test_every_file_is_named_and_none_refused(reading: Reading) -> None:
    assert reading.files
    assert [file.error for file in reading.files if file.error] == []
    assert all(file.kind and file.file.exists() for file in reading.files)


def test_results_keep_their_promises(case: Case, reading: Reading) -> None:
    results = reading.results
    assert results is not None and results.code == case.code and results.status in get_args(Status)
    arrays = [results.forces_ev_per_ang, results.stress_gpa]
    if results.bands is not None:
        bands = results.bands
        arrays += [bands.eigenvalues_ev, bands.kpoints_frac, bands.reciprocal_per_ang]
        assert (np.diff(bands.eigenvalues_ev, axis=2) >= -1e-9).all(), "ascending"
        assert len(bands.n_electrons) == len(bands.eigenvalues_ev) and min(bands.n_electrons) > 0
        if results.structure is not None:
            product = results.structure.lattice.matrix @ bands.reciprocal_per_ang.T
            np.testing.assert_allclose(product, 2 * np.pi * np.eye(3), atol=1e-4)
    if results.potential is not None:
        arrays += [results.potential.values_ev, results.potential.cell_ang]
        assert results.bands is None or results.bands.zero == results.potential.zero, "one zero a run"
    assert all(np.isfinite(array).all() and array.dtype == np.float64 for array in arrays if array is not None)
    if results.forces_ev_per_ang is not None and results.structure is not None:
        assert results.forces_ev_per_ang.shape == (len(results.structure), 3)


def test_strict_reading_gives_the_same(case: Case, folder: Path, reading: Reading) -> None:
    strict = read_results(load_code(case.code), folder)
    assert reading.results is not None
    assert (strict.status, strict.energy_ev, strict.fermi_ev) == (
        reading.results.status,
        reading.results.energy_ev,
        reading.results.fermi_ev,
    )


def test_diagnosis_and_results_agree(case: Case, folder: Path, reading: Reading) -> None:
    diagnosis = load_code(case.code).diagnose(folder)
    assert reading.results is not None and diagnosis.status == reading.results.status
    assert diagnosis.status == "finished" or diagnosis.message


def test_parse_prints_it_with_its_flag(case: Case, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["parse", str(folder), "--json"]) == 0
    (document,) = json.loads(capsys.readouterr().out)["calculations"]
    assert document["code"] == case.code and document["results"]["status"] == case.holds["status"]
    assert main(["parse", str(folder)]) == 0
    page = capsys.readouterr().out
    assert str(case.holds["status"]).replace("_", " ") in page


@pytest.mark.parametrize("name", code_names())
def test_an_empty_folder_holds_nothing(name: str, tmp_path: Path) -> None:
    assert load_code(name).find(tmp_path) == ()
    assert load_code(name).find(tmp_path / "nowhere") == ()


@pytest.mark.parametrize("name", code_names())
def test_what_a_person_without_the_code_is_told(name: str) -> None:
    code = load_code(name)
    assert code.name == name and len(code.how_to_get_it) > 20 and code.deck_files
