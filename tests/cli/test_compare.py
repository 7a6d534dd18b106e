"""``dftflow compare``: the verdict as text, as JSON and as an exit code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gpaw_files
import numpy as np
import pytest
from vasp_files import Run, outcar

from dftflow.cli.main import main
from dftflow.errors import AnalysisError, Undecided

RECORD: dict[str, Any] = gpaw_files.RECORD | {
    "fermi_ev": -2.0,
    "numbers": [55, 35],
    "cell_ang": [[4.295, 0, 0], [0, 4.295, 0], [0, 0, 4.295]],
    "positions_ang": [[0, 0, 0], [2.1475, 2.1475, 2.1475]],
}
METHOD: dict[str, Any] = {
    "functional": "PBE",
    "cutoff_ev": 435.4,
    "potentials": {"Cs": "PAW 1", "Br": "PAW 2"},
    "kpoints_grid": [4, 4, 4],
    "kpoints_shift": [0.5, 0.5, 0.5],
    "smearing": "fermi-dirac",
    "smearing_ev": 0.1,
    "spin_polarised": False,
    "dipole_correction": "none",
    "constants": "CODATA 2014",
}


def leave(folder: Path, *, status: str = "finished", **method: Any) -> str:
    folder.mkdir(parents=True)
    (folder / "results.json").write_text(json.dumps(RECORD | {"status": status, "method": METHOD | method}))
    return str(folder)


def test_alike(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", leave(tmp_path / "a"), leave(tmp_path / "b")]) == 0
    captured = capsys.readouterr()
    assert captured.out.splitlines()[-1] == "may be subtracted" and captured.err == ""
    assert "->" not in captured.out and "|" not in captured.out


def test_with_itself(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a = leave(tmp_path / "a")
    assert main(["compare", a, a]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "may be subtracted"


def test_what_must_not_be_subtracted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a, b = leave(tmp_path / "a"), leave(tmp_path / "b", functional="LDA", cutoff_ev=300.0)
    assert main(["compare", a, b]) == AnalysisError.exit_code == 7
    captured = capsys.readouterr()
    assert captured.out.splitlines()[-1] == "must not be subtracted, because of: functional, cutoff"
    assert captured.err == "", "the table has said it"
    (row,) = [line for line in captured.out.splitlines() if line.startswith("cutoff")]
    assert row.split(maxsplit=2) == ["cutoff", "differs", "435.4 eV  |  300 eV"]


def test_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a, b = leave(tmp_path / "a"), leave(tmp_path / "b", functional="LDA")
    assert main(["compare", a, b, "--json"]) == 7
    captured = capsys.readouterr()
    found = json.loads(captured.out)
    assert captured.err == ""
    assert (found["first"], found["second"], found["verdict"]) == (f"{a}/a", f"{b}/b", "differs")
    assert found["sentence"] == "must not be subtracted, because of: functional"
    by_name = {row["quantity"]: row for row in found["rows"]}
    assert len(by_name) == 14
    functional = by_name["functional"]
    assert (functional["first"], functional["second"], functional["verdict"]) == ("PBE", "LDA", "differs")
    assert functional["consequence"] and not by_name["cutoff"]["consequence"]


@pytest.mark.parametrize(
    ("method", "code", "sentence"),
    [
        ({"dipole_correction": "z, self-consistent"}, 0, "may be subtracted, with care for: dipole correction"),
        ({"functional": None}, 9, "cannot be told whether they may be subtracted; not known: functional"),
    ],
)
def test_doubt_is_no_failure_and_ignorance_no_agreement(
    tmp_path: Path, method: dict[str, Any], code: int, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert Undecided.exit_code == 9
    a, b = leave(tmp_path / "a"), leave(tmp_path / "b", **method)
    assert main(["compare", a, b]) == code
    captured = capsys.readouterr()
    assert captured.out.splitlines()[-1] == sentence and captured.err == ""
    assert main(["compare", a, b, "--json"]) == code
    assert json.loads(capsys.readouterr().out)["sentence"] == sentence


@pytest.mark.parametrize(("status", "code"), [("scf_not_converged", 7), ("geom_not_converged", 0)])
def test_what_did_not_converge(tmp_path: Path, status: str, code: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", leave(tmp_path / "a"), leave(tmp_path / "b", status=status)]) == code
    first = capsys.readouterr().out.splitlines()[0]
    assert first.startswith("status") and status.replace("_", " ") in first


def test_the_order_does_not_matter(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    places = [leave(tmp_path / "a"), leave(tmp_path / "b", cutoff_ev=300.0, spin_polarised=True)]
    found = []
    for pair in (places, places[::-1]):
        assert main(["compare", *pair, "--json"]) == 7
        found.append(json.loads(capsys.readouterr().out))
    assert found[0]["sentence"] == found[1]["sentence"]
    for there, back in zip(found[0]["rows"], found[1]["rows"], strict=True):
        assert (there["first"], there["second"], there["verdict"]) == (back["second"], back["first"], back["verdict"])


# --- which calculation is meant ---------------------------------------------------------------------------------


def test_a_file_names_its_calculation(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a = leave(tmp_path / "top" / "a")
    b = leave(tmp_path / "top" / "b")
    assert main(["compare", f"{a}/results.json", b]) == 0
    capsys.readouterr()
    assert main(["compare", str(tmp_path / "top"), b]) == 2
    error = capsys.readouterr().err
    assert "there are 2 calculations here" in error and "name a file" in error
    assert f"{a}/a" in error and f"{b}/b" in error


def test_no_calculation(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty").mkdir()
    a = leave(tmp_path / "a")
    assert main(["compare", a, str(tmp_path / "empty")]) == 2
    assert "there is no calculation here" in capsys.readouterr().err
    assert main(["compare", a, str(tmp_path / "nowhere"), "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["where"] == str(tmp_path / "nowhere")


def test_what_cannot_be_read_is_refused_with_its_reason(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a, b = leave(tmp_path / "a"), leave(tmp_path / "b")
    (tmp_path / "b" / "results.json").write_text("{")
    assert main(["compare", a, b]) == 6
    assert "cannot be read" in capsys.readouterr().err


def test_a_file_that_is_refused_is_named_beside_the_verdict(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a, b = leave(tmp_path / "a"), leave(tmp_path / "b")
    damaged = tmp_path / "b" / "bands.npz"
    damaged.write_bytes(b"PK")
    assert main(["compare", a, b, "--json"]) == 6
    captured = capsys.readouterr()
    found = json.loads(captured.out)
    assert found["verdict"] == "same"
    assert found["sentence"] == f"may be subtracted (by what is left: {damaged} refused)"
    assert captured.err.startswith(f"note: not used: {b}/b: ") and str(damaged) in captured.err


def test_a_part_that_is_not_of_the_calculation_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The potential of another cell leaves the energies, and a doubt that the exit code tells."""
    a, b = leave(tmp_path / "a"), leave(tmp_path / "b")
    np.savez(tmp_path / "b" / "potential.npz", planar_ev=np.zeros(3), cell_ang=5 * np.eye(3))
    assert main(["compare", a, b]) == 6
    assert capsys.readouterr().out.splitlines()[-1] == f"may be subtracted (by what is left: {b}/b: potential refused)"
    assert main(["compare", a, b, "--json"]) == 6
    captured = capsys.readouterr()
    first, second = json.loads(captured.out)["refused"]
    assert first == [] and [refusal["part"] for refusal in second] == ["potential"]
    assert (
        captured.err.startswith(f"note: not used: {b}/b: potential: ")
        and "volumes are 125.000 and 79.230" in captured.err
    )


def test_what_must_not_be_subtracted_stays_so_without_a_part(tmp_path: Path) -> None:
    a, b = leave(tmp_path / "a"), leave(tmp_path / "b", functional="LDA")
    (tmp_path / "b" / "bands.npz").write_bytes(b"PK")
    assert main(["compare", a, b]) == 7


def test_an_energy_of_two_runs_is_not_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, energy_ev in (("a", -10.4), ("b", -10.5)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "vasprun.xml").write_text(Run().xml())
        (tmp_path / name / "OUTCAR").write_text(outcar(energy_ev=energy_ev))
    a, b = (str(tmp_path / name) for name in "ab")
    assert main(["compare", a, a]) == 9, "only the density of the k-points is not told"
    capsys.readouterr()
    assert main(["compare", a, b]) == 6
    error = capsys.readouterr().err
    assert "the energy was refused" in error and "-10.500000 and -10.400000 eV" in error
