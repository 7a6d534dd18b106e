"""``dftflow parse`` on folders written by hand: a slab whose levels are known, and everything that can be wrong."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import gpaw_files
import numpy as np
import pytest
from castep_files import write_finished
from pymatgen.core import Lattice, Structure
from strict_reading import read_results

from dftflow.analysis.band_edges import edges_or_reason
from dftflow.analysis.calculation_levels import calculation_levels
from dftflow.analysis.potential_profile import potential_profile
from dftflow.analysis.surface_levels import surface_levels
from dftflow.analysis.vacuum import vacuum_levels
from dftflow.cli.main import main
from dftflow.codes.base import Calculation, FileReading, Reading
from dftflow.codes.gpaw import GPAW
from dftflow.errors import ParseError, ReferenceMismatch
from dftflow.model.check import Check
from dftflow.model.energy import Energy, EnergyZero
from dftflow.model.method import Method
from dftflow.model.results import Bands, PotentialGrid, Results

LENGTH, VACUUM, FERMI, VBM, CBM = 27.0, 3.0, -1.5, -2.0, 0.25
RECORD: dict[str, Any] = gpaw_files.RECORD | {
    "fermi_ev": FERMI,
    "numbers": [12] * 5,
    "cell_ang": [[4, 0, 0], [0, 4, 0], [0, 0, LENGTH]],
    "positions_ang": [[0, 0, LENGTH * height] for height in (0.3, 0.4, 0.5, 0.6, 0.7)],
    "forces_ev_per_ang": [[0, 0.3, 0.4]] + [[0, 0, 0]] * 4,
    "stress_gpa": [[3.0, 0, 0], [0, 1.5, 0], [0, 0, -6.0]],
    "method": {
        "functional": "PBE",
        "cutoff_ev": 435.4,
        "potentials": {"Mg": "PAW 1"},
        "kpoints_grid": [4, 4, 1],
        "kpoints_shift": [0.5, 0.5, 0.0],
        "smearing": "fermi-dirac",
        "smearing_ev": 0.1,
        "spin_polarised": False,
        "dipole_correction": "none",
        "constants": "CODATA 2014",
    },
}


def leave(folder: Path, **changes: Any) -> Path:
    """A calculation of a slab in a square well; a change to None leaves the entry out."""
    folder.mkdir(parents=True, exist_ok=True)
    record = {name: value for name, value in (RECORD | changes).items() if value is not None}
    (folder / "results.json").write_text(json.dumps(record))
    np.savez(
        folder / "bands.npz",
        eigenvalues_ev=np.array([[[VBM, CBM + 0.5], [VBM - 0.3, CBM]]]),
        kpoints_frac=np.array([[0, 0, 0], [0.5, 0, 0]]),
        labels=np.array(["G", "X"]),
        on_path=np.array([0, 0]),
    )
    z = np.arange(270) * LENGTH / 270
    planar = np.where((z > 7.1) & (z < 19.9), -8.0, VACUUM)
    np.savez(folder / "potential.npz", planar_ev=planar, cell_ang=np.array(RECORD["cell_ang"], dtype=float))
    return folder


@pytest.fixture
def slab(tmp_path: Path) -> Path:
    return leave(tmp_path / "slab")


def lines(out: str, name: str) -> list[str]:
    """What a page says of one thing."""
    return [line[2:].removeprefix(name).strip() for line in out.splitlines() if line.startswith(f"  {name} ")]


def document(*arguments: str | Path, capsys: pytest.CaptureFixture[str], code: int = 0) -> list[dict[str, Any]]:
    """The one JSON document on stdout, refused when it holds what JSON does not know."""
    assert main(["parse", *map(str, arguments), "--json"]) == code

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    found: list[dict[str, Any]] = json.loads(capsys.readouterr().out, parse_constant=refuse)["calculations"]
    return found


# --- a whole calculation ----------------------------------------------------------------------------------------


def test_a_page_for_a_person(slab: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["parse", str(slab)]) == 0
    captured = capsys.readouterr()
    out = captured.out
    assert captured.err == ""
    assert out.splitlines()[0] == f"{slab / 'slab'}  (gpaw)"
    assert lines(out, "status") == ["finished, gpaw 26.7.0"]
    assert lines(out, "energy") == ["-6.700000 eV"]
    assert lines(out, "forces") == ["0.50000 eV/Å at most"]
    assert lines(out, "pressure") == ["0.5000 GPa"], "minus a third of the trace"
    assert lines(out, "Fermi level") == ["-1.5000 eV"]
    assert lines(out, "band gap") == ["2.2500 eV, indirect; VBM at G, CBM at X"]
    assert [line[:25] for line in lines(out, "work function")] == [
        "4.5000 eV on the low side",
        "4.5000 eV on the high sid",
    ]
    assert lines(out, "slab's edges")[0] == "E_vac - E_VBM 5.0000 eV, E_vac - E_CBM 2.7500 eV on the low side"
    assert lines(out, "method") == ["PBE, 435.4 eV, 4x4x1 k-points, occupations fermi-dirac 0.1 eV, CODATA 2014"]
    assert "bands.npz      eigenvalues: 2 k-points, 2 bands" in out
    assert any("may lie anywhere" in note for note in lines(out, "note"))


def test_the_same_as_json(slab: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (found,) = document(slab, capsys=capsys)
    assert (found["code"], found["folder"], found["seed"]) == ("gpaw", str(slab), "slab")
    assert [file["file"] for file in found["files"]] == ["results.json", "bands.npz", "potential.npz"]
    assert all(file["refused"] is None and file["summary"] for file in found["files"])
    results = found["results"]
    assert results["status"] == "finished" and results["finished"] is True
    assert results["energy_ev"] == -6.7 and results["fermi_ev"] == FERMI and results["free_energy_ev"] is None
    assert results["max_force_ev_per_ang"] == pytest.approx(0.5)
    assert results["pressure_gpa"] == pytest.approx(0.5)
    assert results["volume_ang3"] == pytest.approx(432.0) and results["formula"] == "Mg"
    assert results["band_gap_ev"] == pytest.approx(2.25) and results["direct"] is False
    assert (results["vbm_ev"], results["cbm_ev"]) == (VBM, CBM) and results["cbm_k"] == [0.5, 0, 0]
    assert results["slab_normal"] == "c" and results["no_vacuum_level"] == "" and results["no_band_edges"] == ""
    assert [side["side"] for side in results["sides"]] == ["low", "high"]
    for side in results["sides"]:
        assert side["vacuum_ev"] == pytest.approx(VACUUM)
        assert side["work_function_ev"] == pytest.approx(VACUUM - FERMI)
        assert side["ionisation_potential_ev"] == pytest.approx(VACUUM - VBM)
        assert side["electron_affinity_ev"] == pytest.approx(VACUUM - CBM)
    method = results["method"]
    assert method["potentials"] == {"Mg": "PAW 1"} and method["kpoints_grid"] == [4, 4, 1]
    assert method["kpoint_spacing_per_ang"] == pytest.approx(2 * math.pi / 16)


@pytest.mark.parametrize("status", ["scf_not_converged", "geom_not_converged", "out_of_time"])
def test_what_did_not_converge_carries_its_flag(
    tmp_path: Path, status: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every number of it, not the energy alone."""
    leave(tmp_path / "x", status=status)
    words = status.replace("_", " ")
    (found,) = document(tmp_path, capsys=capsys)
    assert found["results"]["status"] == status and found["results"]["finished"] is False
    assert any(words in remark for remark in found["results"]["remarks"])
    assert main(["parse", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    names = ("energy", "forces", "pressure", "Fermi level", "band gap", "work function", "slab's edges")
    for name in names:
        assert lines(out, name) and all(line.endswith(f"({words})") for line in lines(out, name)), name
    assert any("need not be converged" in note for note in lines(out, "note"))


def test_what_is_missing_is_not_zero(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    leave(tmp_path / "x", energy_ev=None, forces_ev_per_ang=None, stress_gpa=None, method=None)
    for name in ("bands.npz", "potential.npz"):
        (tmp_path / "x" / name).unlink()
    (found,) = document(tmp_path, capsys=capsys)
    results = found["results"]
    for name in ("energy_ev", "max_force_ev_per_ang", "pressure_gpa", "band_gap_ev", "vbm_ev", "direct"):
        assert results[name] is None, name
    assert results["no_band_edges"] == "there are no eigenvalues"
    assert "no potential" in results["no_vacuum_level"] and results["sides"] == []
    assert main(["parse", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert not lines(out, "energy") and not lines(out, "pressure")
    assert lines(out, "band gap") == ["not given: there are no eigenvalues"]
    assert lines(out, "vacuum level") == [
        "not given: the cell holds a vacuum, but there is no potential to find its level in"
    ]


# --- what is refused --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["bands.npz", "potential.npz"])
def test_a_damaged_file_costs_no_other(slab: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    (slab / name).write_bytes((slab / name).read_bytes()[:50])
    assert main(["parse", str(slab)]) == ParseError.exit_code
    captured = capsys.readouterr()
    (refused_line,) = [line for line in captured.out.splitlines() if "REFUSED" in line]
    assert "REFUSED: the engine's output is damaged: " in refused_line and refused_line.endswith(f"({slab / name})")
    assert lines(captured.out, "energy") == ["-6.700000 eV"]
    assert captured.err.startswith("error: 1 of 3 files was refused") and str(slab / name) in captured.err
    (found,) = document(slab, capsys=capsys, code=ParseError.exit_code)
    refused = {file["file"]: file["refused"] for file in found["files"]}
    assert refused.pop(name).startswith(f"{slab / name}: ") and not any(refused.values())
    assert found["results"]["energy_ev"] == -6.7
    assert (found["results"]["band_gap_ev"] is None) == (name == "bands.npz")


def test_without_a_record_there_are_no_results(slab: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (slab / "results.json").write_text("{")
    (found,) = document(slab, capsys=capsys, code=6)
    assert found["results"] is None


def test_a_directory_in_the_place_of_a_file(slab: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (slab / "bands.npz").unlink()
    (slab / "bands.npz").mkdir()
    (found,) = document(slab, capsys=capsys, code=6)
    assert found["results"]["band_gap_ev"] is None and found["results"]["energy_ev"] == -6.7


@pytest.mark.parametrize("arguments", [[], ["--json"]])
def test_no_calculation_at_all(tmp_path: Path, arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["parse", str(tmp_path), *arguments]) == 2
    captured = capsys.readouterr()
    assert "no calculation was found" in (captured.out if arguments else captured.err)
    assert not arguments or json.loads(captured.out)["error"]["exit_code"] == 2


def test_wrong_calls(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["parse", str(tmp_path / "nowhere")]) == 2
    assert "no such file or folder" in capsys.readouterr().err
    assert main(["parse"]) == 2
    assert "FOLDER" in capsys.readouterr().err
    assert main(["parse", str(tmp_path), "--code", "gpwa"]) == 2
    assert "did you mean 'gpaw'?" in capsys.readouterr().err


# --- several calculations ---------------------------------------------------------------------------------------


def test_everything_below_a_folder_each_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("b", "a/deep", "a"):
        leave(tmp_path / name)
    found = document(tmp_path, tmp_path / "a", tmp_path / "b" / ".." / "b", capsys=capsys)
    assert [Path(entry["folder"]).relative_to(tmp_path).as_posix() for entry in found] == ["a", "a/deep", "b"]
    assert main(["parse", str(tmp_path)]) == 0
    assert [line for line in capsys.readouterr().out.split("\n\n") if "(gpaw)" not in line.splitlines()[0]] == []


def test_a_file_stands_for_its_calculation(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    leave(tmp_path / "a")
    leave(tmp_path / "b")
    (found,) = document(tmp_path / "a" / "bands.npz", capsys=capsys)
    assert found["folder"] == str(tmp_path / "a")


def test_one_code_alone(slab: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert len(document(slab, "--code", "gpaw", capsys=capsys)) == 1
    assert main(["parse", str(slab), "--code", "castep"]) == 2
    assert "leave --code out" in capsys.readouterr().err


def test_one_damaged_of_several(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    leave(tmp_path / "a")
    (leave(tmp_path / "b") / "bands.npz").write_bytes(b"")
    assert main(["parse", str(tmp_path)]) == 6
    captured = capsys.readouterr()
    assert "1 of 6 files was refused" in captured.err and len(lines(captured.out, "energy")) == 2


def test_a_name_that_is_no_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Old clusters write names in Latin-1."""
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/gitter\xe4"))
    try:
        leave(folder)
    except OSError:
        pytest.skip("this file system wants UTF-8 names")
    assert main(["parse", str(tmp_path)]) == 0
    assert "gitter?" in capsys.readouterr().out
    (found,) = document(tmp_path, capsys=capsys)
    assert Path(found["folder"]) == folder


# --- whatever a code gives --------------------------------------------------------------------------------------


@pytest.fixture
def double(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Puts in a code whose one calculation is read as given."""

    def put(results: Results | None, *files: FileReading) -> Path:
        class Double:
            name = "gpaw"

            def find(self, folder: Path) -> tuple[Calculation, ...]:
                return (Calculation(code="gpaw", folder=folder, seed="seed", files=()),)

            def read(self, calculation: Calculation) -> Reading:
                return Reading(calculation=calculation, files=files, results=results)

        monkeypatch.setattr("dftflow.codes.finding.code_names", lambda: ("gpaw",))
        monkeypatch.setattr("dftflow.codes.finding.load_code", lambda _: Double())
        monkeypatch.setattr("dftflow.gate.found.load_code", lambda _: Double())
        return tmp_path

    return put


def test_numbers_that_are_none_are_null(double: Any, capsys: pytest.CaptureFixture[str]) -> None:
    results = Results(
        code="double",
        code_version="1",
        status="finished",
        energy_ev=math.nan,
        log_fermi=Energy(math.inf, EnergyZero("x", "cell_average")),
        forces_ev_per_ang=np.full((2, 3), np.nan),
        method=Method(code="double", code_version="1", cutoff_ev=math.nan, hubbard_u_ev={"Ti:d": -math.inf}),
    )
    (found,) = document(double(results), capsys=capsys)
    read = found["results"]
    assert read["energy_ev"] is None and read["fermi_ev"] is None and read["max_force_ev_per_ang"] is None
    assert read["method"]["cutoff_ev"] is None and read["method"]["hubbard_u_ev"] == {"Ti:d": None}


def test_a_noble_gas_makes_no_noise(double: Any, recwarn: pytest.WarningsRecorder) -> None:
    neon = Structure(Lattice.cubic(4.5), ["Ne"], [[0, 0, 0]])
    results = Results(code="double", code_version="1", status="finished", structure=neon)
    assert main(["parse", str(double(results)), "--json"]) == 0
    assert not recwarn.list


def test_checks_and_warnings_are_told(double: Any, capsys: pytest.CaptureFixture[str]) -> None:
    results = Results(
        code="double",
        code_version="1",
        status="finished",
        energy_ev=-3.0,
        method=Method(
            code="double",
            code_version="1",
            functional="PBE",
            dispersion="G06",
            hubbard_u_ev={"Ti:d": 4.0},
            spin_polarised=True,
            spin_orbit=True,
            dipole_correction="z, self-consistent",
        ),
        checks=(
            Check(name="sum of the occupations = electrons", passed=True, detail="8.0000 and 8", concerns=("bands",)),
            Check(name="same cell", passed=False, detail="40.0 and 41.0 Å³", concerns=("energy", "potential")),
            Check(name="same Fermi level", passed=None, detail="only one file gives it", concerns=("bands",)),
        ),
        warnings=("there are no empty bands",),
    )
    place = double(results)
    assert main(["parse", str(place)]) == 6
    captured = capsys.readouterr()
    out = captured.out
    assert "1 part of the results was refused" in captured.err and "40.0 and 41.0 Å³" in captured.err
    assert lines(out, "energy") == ["REFUSED: this does not hold: same cell (40.0 and 41.0 Å³)"], "and no number"
    assert "potential      REFUSED" not in out, "there is none that could be"
    assert lines(out, "check") == [
        "ok: sum of the occupations = electrons: 8.0000 and 8",
        "FAILS: same cell: 40.0 and 41.0 Å³",
        "open: same Fermi level: only one file gives it",
    ]
    assert "there are no empty bands" in lines(out, "note")
    assert lines(out, "method") == [
        "PBE, dispersion G06, U of Ti:d 4 eV, spin-polarised, spin-orbit coupling, dipole correction z, self-consistent"
    ]
    (found,) = document(place, capsys=capsys, code=6)
    assert [check["passed"] for check in found["results"]["checks"]] == [True, False, None]
    assert found["refused"] == [{"part": "energy", "reason": "this does not hold: same cell (40.0 and 41.0 Å³)"}]
    assert found["results"]["energy_ev"] is None
    assert found["results"]["warnings"] == ["there are no empty bands"]


def test_a_refusal_without_a_place(double: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = FileReading(file=tmp_path / "x.bands", kind="eigenvalues", error=ParseError("it is cut short"))
    assert main(["parse", str(double(None, file))]) == 6
    assert capsys.readouterr().out.splitlines()[-1] == "  x.bands  eigenvalues: REFUSED: it is cut short"


# --- files of two calculations in one folder --------------------------------------------------------------------


def foreign(folder: Path) -> Path:
    """A slab's potential and geometry, and beside them the eigenvalues of a crystal, without any log."""
    folder.mkdir()
    zero = EnergyZero("made", "cell_average")
    z = np.arange(54) * LENGTH / 54
    planar = np.where((z > 7.1) & (z < 19.9), -8.0, VACUUM).reshape(1, 1, -1)
    slab_ang, crystal_ang = np.diag([4.0, 4.0, LENGTH]), 4.0 * np.eye(3)
    potential = PotentialGrid(values_ev=planar, cell_ang=slab_ang, kind="local", zero=zero)
    bands = Bands(
        eigenvalues_ev=np.array([[[6.0, 9.0], [6.5, 9.5]]]),
        kpoints_frac=np.array([[0, 0, 0], [0.5, 0, 0]]),
        labels=("", ""),
        on_path=(-1, -1),
        reciprocal_per_ang=2 * np.pi * np.linalg.inv(crystal_ang).T,
        n_electrons=(2.0,),
        fermi_ev=VACUUM + 4.65,
        zero=zero,
    )
    write_finished(folder, "x", bands=bands, potential=potential)
    (folder / "x.castep").unlink()
    rows = "".join(f"Mg 0 0 {height}\n" for height in (0.3, 0.4, 0.5, 0.6, 0.7))
    (folder / "x.cell").write_text(
        f"%BLOCK LATTICE_ABC\n4 4 {LENGTH}\n90 90 90\n%ENDBLOCK LATTICE_ABC\n"
        f"%BLOCK POSITIONS_FRAC\n{rows}%ENDBLOCK POSITIONS_FRAC\n"
    )
    return folder


def test_the_potential_of_one_and_the_fermi_level_of_another_give_no_work_function(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = foreign(tmp_path / "x")
    assert main(["parse", str(place)]) == 6
    captured = capsys.readouterr()
    assert lines(captured.out, "work function") == [] == lines(captured.out, "Fermi level")
    assert lines(captured.out, "potential")[0].startswith("REFUSED: ") and "cell of the" in captured.err
    assert lines(captured.out, "band gap")[0].startswith("not given: the eigenvalues were refused: ")
    (found,) = document(place, capsys=capsys, code=6)
    assert found["results"]["sides"] == [] and found["results"]["fermi_ev"] is found["results"]["band_gap_ev"] is None
    assert {refusal["part"] for refusal in found["refused"]} == {"structure", "bands", "potential"}


def test_the_method_of_the_gap_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    place = Path(__file__).resolve().parents[1] / "data" / "castep" / "separate-functional"
    assert main(["parse", str(place)]) == 0
    out = capsys.readouterr().out
    assert lines(out, "band gap")[0].startswith("2.5000 eV")
    assert lines(out, "method") == ["PBE, 400 eV"] and lines(out, "bands' method") == ["HSE06, 400 eV"]
    (found,) = document(place, capsys=capsys)
    results = found["results"]
    assert (results["method"]["functional"], results["bands_method"]["functional"]) == ("PBE", "HSE06")


def test_levels_of_two_calculations_raise_through_the_readers(tmp_path: Path) -> None:
    """Two slabs of one name in two folders: each is whole, and neither lends the other its Fermi level."""
    first, second = (
        read_results(GPAW(), leave(tmp_path / place / "slab", fermi_ev=fermi))
        for place, fermi in (("a", FERMI), ("b", FERMI + 0.1))
    )
    assert first.log_fermi is not None and second.log_fermi is not None and first.potential is not None
    assert first.potential.zero == first.log_fermi.zero != second.log_fermi.zero
    assert calculation_levels(first).sides[0].work_function_ev == pytest.approx(VACUUM - FERMI)
    with pytest.raises(ReferenceMismatch):
        calculation_levels(replace(first, log_fermi=second.log_fermi))
    heights = np.array([0.3, 0.4, 0.5, 0.6, 0.7])
    profile = potential_profile(first.potential, heights, period_ang=2.7)
    edges, _ = edges_or_reason(second.bands)
    assert edges is not None and second.potential is not None
    given = {
        "profile": profile,
        "vacuum": vacuum_levels(profile, first.potential.zero)[1],
        "bulk_edges": edges,
        "bulk_average": Energy(-8.0, second.potential.zero),
        "slab_edges": None,
        "why_no_slab_edges": "not asked for",
    }
    assert surface_levels(**given, fermi=first.log_fermi).work_function_ev == pytest.approx(VACUUM - FERMI)
    with pytest.raises(ReferenceMismatch):
        surface_levels(**given, fermi=second.log_fermi)
    with pytest.raises(ReferenceMismatch):
        surface_levels(**(given | {"bulk_average": Energy(-8.0, first.potential.zero)}), fermi=first.log_fermi)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("potential.npz", "vacuum level"),
        ("bands.npz", "band gap"),
    ],
)
def test_what_lies_there_and_was_refused_is_not_said_to_be_missing(
    slab: Path, name: str, shown: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (slab / name).write_bytes((slab / name).read_bytes()[:50])
    assert main(["parse", str(slab)]) == ParseError.exit_code
    (line,) = lines(capsys.readouterr().out, shown)
    assert "refused: " in line and name in line and "there is no" not in line and "there are no" not in line


# --- many calculations ------------------------------------------------------------------------------------------


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """Four slabs: one as it is, one that stopped, one with a damaged file, one with two different faces."""
    leave(tmp_path / "whole" / "run")
    leave(tmp_path / "stopped" / "run", status="out_of_time", free_energy_ev=-6.8)
    (leave(tmp_path / "damaged" / "run") / "bands.npz").write_bytes(b"")
    two = leave(tmp_path / "two-faced" / "run", method=RECORD["method"] | {"smearing": "fixed"})
    arrays = dict(np.load(two / "potential.npz"))
    z = np.arange(270) * LENGTH / 270
    arrays["planar_ev"] = np.where(z > 19.9, VACUUM - 0.5, np.where(z < 1.0, VACUUM - 0.5, arrays["planar_ev"]))
    np.savez(two / "potential.npz", **arrays)
    return tmp_path


def row_of(out: str, name: str) -> str:
    (line,) = [line for line in out.splitlines() if line.startswith(f"{name} ")]
    return line


def test_more_than_three_make_a_table(many: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["parse", str(many)]) == ParseError.exit_code
    captured = capsys.readouterr()
    head = captured.out.splitlines()[0]
    words = re.split("  +", head)
    assert words == ["calculation", "formula", "code", "status", "E (eV/cell)", "gap (eV)", "W (eV)", "flags"]
    assert row_of(captured.out, "whole/run").split()[1:] == [
        *("Mg", "gpaw", "finished", "-6.70000", "E0", "2.250", "indirect", "4.500"),
        *("1", "note"),
    ]
    assert "out of time" in row_of(captured.out, "stopped/run")
    assert "-6.70000 E " in row_of(captured.out, "two-faced/run"), "without smearing"
    assert "4.500 / 4.000" in row_of(captured.out, "two-faced/run"), "low and high side"
    assert row_of(captured.out, "damaged/run").endswith("1 refused")
    assert "E0: extrapolated to zero smearing" in captured.out
    (reason,) = [line for line in captured.out.splitlines() if line.startswith("  damaged/run: ")]
    assert "the engine's output is damaged: " in reason and str(many / "damaged" / "run" / "bands.npz") in reason
    assert captured.err.startswith("error: 1 of 12 files was refused")


@pytest.mark.parametrize("columns", [30, 60, 80, 200])
def test_the_table_is_as_wide_as_the_terminal(
    many: Path, columns: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    main(["parse", str(many)])
    table = capsys.readouterr().out.split("\n\n")[0].splitlines()
    assert max(map(len, table)) <= columns
    assert len(table) == 5 + table[-1].startswith("(left out")


def test_what_is_asked_for_is_shown_and_what_is_hidden_is_said(many: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["parse", str(many), "--status", "out_of_time"]) == 6, "refused is refused, shown or not"
    captured = capsys.readouterr()
    assert captured.out.count("(gpaw)") == 1 and lines(captured.out, "status")[0].startswith("out of time")
    assert "note: 1 of 4 calculations are shown" in captured.err and "bands.npz" in captured.err
    found = document(many, "--with", "gap", "--with", "potential", capsys=capsys, code=6)
    assert [Path(entry["folder"]).parent.name for entry in found] == ["stopped", "two-faced", "whole"]
    assert main(["parse", str(many), "--status", "died"]) == 6
    assert capsys.readouterr().out == ""


def test_as_csv(many: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["parse", str(many), "--csv"]) == 6
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    by_name = {row["name"]: row for row in rows}
    assert float(by_name["two-faced/run"]["work_function_low_ev"]) == pytest.approx(VACUUM - FERMI)
    assert float(by_name["two-faced/run"]["work_function_high_ev"]) == pytest.approx(VACUUM - 0.5 - FERMI)
    assert by_name["stopped/run"]["status"] == "out_of_time"
    assert by_name["damaged/run"]["band_gap_ev"] == "" and by_name["damaged/run"]["refused"]


def test_many_real_files(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The files of CASTEP and other codes that the tests hold, all at once."""
    monkeypatch.setenv("COLUMNS", "80")
    main(["parse", str(Path(__file__).resolve().parents[1] / "data")])
    out = capsys.readouterr().out
    assert max(map(len, out.split("\n\n")[0].splitlines())) <= 80
    assert len(out.split("\n\n")[0].splitlines()) > 10


def test_a_paragraph_and_bibtex(slab: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["parse", str(slab), "--cite"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "slab: calculated with GPAW 26.7.0 [Mortensen2024, Mortensen2005, HjorthLarsen2017]" in out
    assert "Functional: PBE [Perdew1996]." in out and "doi = {10.1103/PhysRevLett.77.3865}" in out
    assert main(["parse", str(slab), "--cite", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert set(found) == {"methods", "bibtex", "dois"} and "10.1063/5.0182685" in found["dois"]
