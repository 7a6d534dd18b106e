"""``dftflow collect``: what is written, what is printed, how it ends; at the end on folders of a real run."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from math import inf
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pymatgen.core import Structure

from dftflow.cli.main import main
from dftflow.errors import CalculationError
from dftflow.figures import figure_files
from dftflow.studies import paced
from dftflow.studies.plan import plan_study
from dftflow.studies.reader import load_study

STUDY = """\
schema = 1
title = "CsBr, twice: gaps"

[materials.CsBr]
structure = "CsBr_Pm-3m"
cutoff_ev = 244.9
relax_kpoints = [2, 2, 2]
bands_kpoints = [4, 4, 4]
band_edge = "G"

[materials.Twin]
structure = "CsBr_Pm-3m"
cutoff_ev = 244.9
relax_kpoints = [2, 2, 2]
bands_kpoints = [4, 4, 4]
"""
STEPS = ("CsBr/bulk-bands", "Twin/bulk-bands")


def leave(folder: Path, structure: Structure, **changes: Any) -> None:
    """A band structure with a direct gap of 1.7 eV at Γ."""
    folder.mkdir(parents=True)
    record = {
        "status": "finished",
        "gpaw": "26.7.0",
        "ase": "3.29.0",
        "numpy": "2.4.6",
        "python": "3.11",
        "wall_time_s": 12.0,
        "peak_memory_mib": 200.0,
        "energy_ev": -6.7,
        "fermi_ev": 4.0,
        "n_electrons": 2.0,
        "numbers": [site.specie.Z for site in structure],
        "cell_ang": structure.lattice.matrix.tolist(),
        "positions_ang": structure.cart_coords.tolist(),
    }
    (folder / "results.json").write_text(json.dumps(record | changes))
    np.savez(
        folder / "bands.npz",
        eigenvalues_ev=np.array([[[3.2, 4.9], [2.2, 5.9]]]),
        kpoints_frac=np.array([[0, 0, 0], [0.5, 0, 0]]),
        labels=np.array(["G", "X"]),
        on_path=np.array([0, 0]),
    )


@pytest.fixture
def study(tmp_path: Path) -> str:
    file = tmp_path / "gaps.toml"
    file.write_text(STUDY)
    return str(file)


@pytest.fixture
def crystal(study: str) -> Structure:
    return plan_study(load_study(study, "quick")).materials["CsBr"].start


@pytest.fixture
def folder(tmp_path: Path, crystal: Structure) -> Path:
    """Both steps finished."""
    for step in STEPS:
        leave(tmp_path / "done" / step, crystal)
    return tmp_path / "done"


@pytest.fixture
def collect(study: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """What a slow machine is told of its progress is left out."""
    monkeypatch.setattr(figure_files, "SAY_EVERY_S", inf)

    def run(*arguments: str, where: Path = folder) -> int:
        return main(["collect", study, str(where), "--preset", "quick", *arguments])

    return run


def beside_the_figures(err: str) -> str:
    """What is said besides the line of each figure."""
    return "".join(f"{line}\n" for line in err.splitlines() if not line.startswith("figure "))


# --- the outcome ------------------------------------------------------------------------------------------------


def test_the_table_and_all_that_is_written(
    collect: Callable[..., int], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert collect() == 0
    captured = capsys.readouterr()
    assert beside_the_figures(captured.err) == ""
    assert "Crystals" in captured.out and "1.700" in captured.out and str(folder / "report.html") in captured.out
    assert (folder / "report.html").is_file() and (folder / "figures" / "bands.svg").is_file()
    found = json.loads((folder / "results.json").read_text())
    assert {step["name"]: step["state"] for step in found["steps"]} == dict.fromkeys(STEPS, "finished")


def test_json_is_the_file(collect: Callable[..., int], folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert collect("--json") == 0
    captured = capsys.readouterr()
    assert beside_the_figures(captured.err) == ""
    printed = json.loads(captured.out)
    assert printed == json.loads((folder / "results.json").read_text())
    assert printed["materials"]["CsBr"]["bulk"]["band_gap_ev"] == pytest.approx(1.7)


def test_again_gives_the_same(collect: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    """The report of the first time is not taken for a result."""
    assert collect("--json") == 0
    first = json.loads(capsys.readouterr().out)
    assert collect("--json") == 0
    second = json.loads(capsys.readouterr().out)
    assert first["materials"] == second["materials"] and first["steps"] == second["steps"]


def test_every_command_says_how_far_a_long_study_is(
    collect: Callable[..., int],
    study: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(paced, "LONG", 1)
    assert collect() == 0
    assert "steps checked: 0 of 2" in capsys.readouterr().err
    decks = str(tmp_path / "decks")
    assert main(["decks", study, "--out", decks, "--preset", "quick"]) == 0
    assert "steps checked: 0 of 2" in capsys.readouterr().err
    assert main(["report", decks]) == 5
    assert "steps read: 0 of 2" in capsys.readouterr().err


# --- what is not there ------------------------------------------------------------------------------------------


def test_a_missing_step(collect: Callable[..., int], folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.rmtree(folder / STEPS[1])
    assert collect("--json") == CalculationError.exit_code == 5
    captured = capsys.readouterr()
    found = json.loads(captured.out)
    assert found["materials"]["CsBr"]["bulk"]["band_gap_ev"] == pytest.approx(1.7)
    assert found["materials"]["Twin"]["bulk"]["band_gap_ev"] is None
    assert {step["name"]: step["state"] for step in found["steps"]} == {STEPS[0]: "finished", STEPS[1]: "not_run"}
    assert beside_the_figures(captured.err).startswith("error: 1 of 2 steps have no results that can be used")
    assert f"Twin/bulk-bands: no results of gpaw in {folder / STEPS[1]}" in captured.err


def test_a_failed_step(
    collect: Callable[..., int], folder: Path, crystal: Structure, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree(folder / STEPS[1])
    leave(folder / STEPS[1], crystal, status="scf_not_converged", message="333 iterations")
    assert collect() == 5
    captured = capsys.readouterr()
    assert "Twin/bulk-bands: scf not converged: 333 iterations" in captured.err
    assert "! Twin/bulk-bands failed: scf not converged" in captured.out and "1.700" in captured.out


def test_nothing_is_there(collect: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty").mkdir()
    assert collect(where=tmp_path / "empty") == 5
    assert "no results of gpaw for any step" in capsys.readouterr().err
    assert not list((tmp_path / "empty").iterdir())
    assert collect("--json", where=tmp_path / "nowhere") == 2
    assert json.loads(capsys.readouterr().out)["error"]["where"] == str(tmp_path / "nowhere")


# --- results elsewhere ------------------------------------------------------------------------------------------


def test_a_step_at_another_place(
    collect: Callable[..., int], folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / STEPS[1]).rename(tmp_path / "mine = here")
    assert collect("--at", f"{STEPS[1]}={tmp_path / 'mine = here'}", "--json") == 0
    steps = {step["name"]: step for step in json.loads(capsys.readouterr().out)["steps"]}
    assert steps[STEPS[1]]["state"] == "finished" and steps[STEPS[1]]["folder"].endswith("mine = here")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--at", "CsBr/bulk-bands"], "does not name a step and a folder"),
        (["--at", "CsBr/bulk-bands="], "does not name a step and a folder"),
        (["--at", "=x"], "does not name a step and a folder"),
        (["--at", "CsBr/bands=."], "no step 'CsBr/bands'"),
        (["--at", "CsBr/bulk-bands=nowhere"], "no such folder for the step CsBr/bulk-bands"),
        (["--at", "CsBr/bulk-bands=.", "--at", "CsBr/bulk-bands=.."], "names 'CsBr/bulk-bands' twice"),
    ],
)
def test_wrong_places(
    collect: Callable[..., int], folder: Path, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert collect(*arguments) == 2
    assert said in capsys.readouterr().err
    assert not (folder / "results.json").exists()


def test_an_engine_s_own_results_are_not_overwritten(
    collect: Callable[..., int], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = folder / STEPS[0]
    before = (place / "results.json").read_bytes()
    arguments = [part for step in STEPS for part in ("--at", f"{step}={folder / step}")]
    assert collect(*arguments, where=place) == 8
    error = capsys.readouterr().err
    assert "would overwrite" in error and str(place / "results.json") in error
    assert (place / "results.json").read_bytes() == before and not (place / "report.html").exists()


# --- a real run -------------------------------------------------------------------------------------------------

REAL = STUDY.partition("[materials.Twin]")[0].replace("244.9", "200.0") + (
    '[[materials.CsBr.slabs]]\nmiller = [1, 1, 0]\nsetting = "cubic"\n'
)


@pytest.mark.engine
@pytest.mark.timeout(1200)
def test_the_folders_of_a_run_give_what_the_run_gave(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same calculations, copied to where decks would lie, end in the same numbers."""
    (tmp_path / "real.toml").write_text(REAL)
    argv = [sys.executable, "-m", "dftflow", "run", "real.toml", "--preset", "quick", "--out", "run"]
    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for name in ("bulk-bands", "slab-110-potential"):
        (place,) = (tmp_path / "run" / "steps" / "CsBr").glob(f"{name}-*")
        shutil.copytree(place, tmp_path / "elsewhere" / "CsBr" / name)
    arguments = [str(tmp_path / "real.toml"), str(tmp_path / "elsewhere"), "--preset", "quick", "--json"]
    assert main(["collect", *arguments]) == 0
    collected = json.loads(capsys.readouterr().out)
    run = json.loads((tmp_path / "run" / "results.json").read_text())
    assert collected["materials"] == run["materials"]
    assert collected["materials"]["CsBr"]["slabs"][0]["ionisation_potential_ev"] > 4.0
    assert collected["warnings"] == run["warnings"]
    assert main(["parse", str(tmp_path / "elsewhere" / "CsBr"), "--json"]) == 0
    bulk, slab = json.loads(capsys.readouterr().out)["calculations"]
    assert bulk["results"]["band_gap_ev"] == pytest.approx(run["materials"]["CsBr"]["bulk"]["band_gap_ev"], abs=1e-6)
    high = slab["results"]["sides"][1]
    assert high["work_function_ev"] == pytest.approx(run["materials"]["CsBr"]["slabs"][0]["work_function_ev"], abs=1e-6)
    assert main(["compare", *(calculation["folder"] for calculation in (bulk, slab))]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "may be subtracted"
