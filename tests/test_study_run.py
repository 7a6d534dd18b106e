"""Studies from the file to the report, on the real engine, through the command line and the Python API alike."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from castep_files import write_finished
from strict_reading import read_results

import dftflow
from dftflow.codes.registry import load_code
from dftflow.jobs.environment import ONE_THREAD
from dftflow.resources import workflows_dir

pytestmark = [pytest.mark.engine, pytest.mark.timeout(2400)]

CSBR = """\
schema = 1
title = "CsBr: gap and ionisation potential"

[materials.CsBr]
structure = "CsBr_Pm-3m"
cutoff_ev = 200.0
relax_kpoints = [2, 2, 2]
bands_kpoints = [4, 4, 4]
cell = "isotropic"
band_edge = "G"

[[materials.CsBr.slabs]]
miller = [1, 1, 0]
setting = "cubic"
"""


def dftflow_command(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "dftflow", *map(str, arguments)]
    return subprocess.run(argv, cwd=cwd, capture_output=True, text=True)


def document(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "results.json").read_text())
    return content


@pytest.fixture(scope="module")
def csbr(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of a small study."""
    folder = tmp_path_factory.mktemp("csbr")
    (folder / "csbr.toml").write_text(CSBR)
    done = dftflow_command("run", "csbr.toml", "--preset", "quick", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "CsBr" in done.stdout and "report.html" in done.stdout
    assert "running" in done.stderr and "finished" in done.stderr
    return folder / "runs" / "csbr-quick"


@pytest.mark.xdist_group("csbr")
class TestSmallStudy:
    def test_numbers(self, csbr: Path) -> None:
        """PBE: CsBr has its direct gap at Γ, 4.3 to 4.7 eV (measured 7.3)."""
        material = document(csbr)["materials"]["CsBr"]
        assert material["bulk"]["band_gap_ev"] == pytest.approx(4.5, abs=0.25)
        assert material["bulk"]["direct"] and material["bulk"]["vbm_label"] == "G"
        slab = material["slabs"][0]
        assert slab["formal_charge"] == 0
        gap = slab["ionisation_potential_ev"] - slab["electron_affinity_ev"]
        assert gap == pytest.approx(material["bulk"]["band_gap_ev"], abs=1e-6)
        assert slab["electron_affinity_ev"] < slab["work_function_ev"] < slab["ionisation_potential_ev"]
        assert slab["vacuum"]["low_ev"] == pytest.approx(slab["vacuum"]["high_ev"], abs=0.005), "alike faces"
        assert slab["vacuum"]["spread_ev"] < 0.05

    def test_a_study_without_a_paper_speaks_of_none(self, csbr: Path) -> None:
        page, decks = (csbr / "report.html").read_text(), [*csbr.glob("steps/*/*/*.py")]
        assert decks and "doi" not in page.lower()
        for text in (page, *(deck.read_text() for deck in decks)):
            assert "paper" not in text.lower() and "perovskite" not in text.lower()

    def test_everything_lies_in_the_run(self, csbr: Path) -> None:
        assert (csbr / "report.html").stat().st_size > 10_000
        assert {"bands.svg", "bands.pdf"} <= {file.name for file in (csbr / "figures").iterdir()}
        assert (csbr / "study.toml").read_text() == CSBR
        assert "CsBr" in (csbr / "structures" / "CsBr.cif").read_text()

    def test_nothing_runs_twice(self, csbr: Path) -> None:
        before = {file: file.stat().st_mtime_ns for file in csbr.glob("steps/**/results.json")}
        numbers = document(csbr)["materials"]
        again = ("run", "csbr.toml", "--preset", "quick")
        done = dftflow_command(*again, cwd=csbr.parents[1])
        assert done.returncode == 0 and "nothing has changed" in done.stderr
        (csbr / "settled.json").unlink()
        done = dftflow_command(*again, cwd=csbr.parents[1])
        assert done.returncode == 0 and "there already" in done.stderr
        assert {file: file.stat().st_mtime_ns for file in csbr.glob("steps/**/results.json")} == before
        assert document(csbr)["materials"] == numbers

    def test_report_derives_the_same_again(self, csbr: Path) -> None:
        numbers = document(csbr)["materials"]
        (csbr / "results.json").unlink()
        done = dftflow_command("report", csbr, "--json", cwd=csbr)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["materials"] == numbers == document(csbr)["materials"]

    def test_status(self, csbr: Path) -> None:
        done = dftflow_command("status", csbr, "--json", cwd=csbr)
        assert {step["state"] for step in json.loads(done.stdout)["steps"]} == {"finished"}

    def test_the_python_way_reads_the_same_run(self, csbr: Path) -> None:
        study = dftflow.load_study(str(csbr.parents[1] / "csbr.toml"), "quick")
        outcome = dftflow.run(study, csbr)
        edges = outcome.materials[0].bulk.edges
        assert edges is not None
        assert edges.band_gap_ev == document(csbr)["materials"]["CsBr"]["bulk"]["band_gap_ev"]

    def test_an_independent_script_gets_the_same_to_1_mev(self, csbr: Path) -> None:
        script = Path(__file__).parents[1] / "benchmarks" / "independent.py"
        environment = {**os.environ, **ONE_THREAD}
        argv = [sys.executable, str(script), str(csbr), "CsBr"]
        done = subprocess.run(argv, capture_output=True, text=True, env=environment)
        assert done.returncode == 0, done.stdout + done.stderr

    def test_the_same_from_files_of_castep(self, csbr: Path, tmp_path: Path) -> None:
        """The decks go out, the files that CASTEP leaves come back: the levels are those of the run they hold."""
        (tmp_path / "csbr.toml").write_text(CSBR)
        decks = ("csbr.toml", "--preset", "quick", "--code", "castep", "--out", "castep")
        assert dftflow_command("decks", *decks, cwd=tmp_path).returncode == 0
        for step in ("bulk-bands", "slab-110-potential"):
            (folder,) = csbr.glob(f"steps/CsBr/{step}-*")
            results = read_results(load_code("gpaw"), folder)
            assert results.bands is not None and results.potential is not None
            seed = f"CsBr-{step}"
            write_finished(tmp_path / "castep" / "CsBr" / step, seed, bands=results.bands, potential=results.potential)
        collected = dftflow_command(
            "collect", "csbr.toml", "castep", "--preset", "quick", "--code", "castep", cwd=tmp_path
        )
        assert collected.returncode == 0, collected.stderr
        assert "exchange and correlation included" in " ".join(collected.stdout.split())
        ours, run = (document(folder)["materials"]["CsBr"] for folder in (tmp_path / "castep", csbr))
        assert ours["bulk"]["band_gap_ev"] == pytest.approx(run["bulk"]["band_gap_ev"], abs=1e-6)
        for level in ("work_function_ev", "ionisation_potential_ev", "electron_affinity_ev"):
            assert ours["slabs"][0][level] == pytest.approx(run["slabs"][0][level], abs=2e-4)
        parsed = dftflow_command("parse", "castep", "--json", cwd=tmp_path)
        assert parsed.returncode == 0, parsed.stderr
        slab = json.loads(parsed.stdout)["calculations"][1]["results"]
        work_function = slab["sides"][1]["work_function_ev"]
        assert work_function == pytest.approx(ours["slabs"][0]["work_function_ev"], abs=1e-6)

    def test_decks_that_were_copied_elsewhere_give_the_same(self, csbr: Path, tmp_path: Path) -> None:
        """Written here, copied, the study deleted, run by their own script, collected: the numbers of the run."""
        (tmp_path / "csbr.toml").write_text(CSBR)
        decks = ("csbr.toml", "--preset", "quick", "--out", "decks")
        assert dftflow_command("decks", *decks, cwd=tmp_path).returncode == 0
        shutil.move(tmp_path / "decks", tmp_path / "cluster")
        (tmp_path / "csbr.toml").unlink()
        programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        environment = {**os.environ, **ONE_THREAD, "PATH": programs}
        done = subprocess.run(
            ["bash", "run.sh"], cwd=tmp_path / "cluster", env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
        status = dftflow_command("status", "cluster", "--json", cwd=tmp_path)
        assert {step["state"] for step in json.loads(status.stdout)["steps"]} == {"finished"}
        collected = dftflow_command("collect", "cluster", cwd=tmp_path)
        assert collected.returncode == 0, collected.stderr
        ours, run = (document(folder)["materials"]["CsBr"] for folder in (tmp_path / "cluster", csbr))
        assert ours["bulk"]["band_gap_ev"] == pytest.approx(run["bulk"]["band_gap_ev"], abs=1e-6)
        for level in ("work_function_ev", "ionisation_potential_ev", "electron_affinity_ev"):
            assert ours["slabs"][0][level] == pytest.approx(run["slabs"][0][level], abs=1e-6)

    def test_a_damaged_result_is_calculated_again_and_the_other_kept(self, csbr: Path, tmp_path: Path) -> None:
        copy = tmp_path / "runs" / "csbr-quick"
        shutil.copytree(csbr, copy)
        (tmp_path / "csbr.toml").write_text(CSBR)
        bulk, slab = (next(copy.glob(f"steps/CsBr/{name}-*")) for name in ("bulk-bands", "slab-110"))
        whole = (bulk / "bands.npz").read_bytes()
        (bulk / "bands.npz").write_bytes(whole[: len(whole) // 2])
        kept = (slab / "results.json").stat().st_mtime_ns
        done = dftflow_command("run", "csbr.toml", "--preset", "quick", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert (slab / "results.json").stat().st_mtime_ns == kept
        assert len((bulk / "bands.npz").read_bytes()) == len(whole)


@pytest.mark.xdist_group("csbr")
def test_killed_and_started_again_goes_on(tmp_path: Path) -> None:
    (tmp_path / "csbr.toml").write_text(CSBR)
    argv = [sys.executable, "-m", "dftflow", "run", "csbr.toml", "--preset", "quick"]
    first = subprocess.Popen(argv, cwd=tmp_path, stderr=subprocess.DEVNULL)
    run = tmp_path / "runs" / "csbr-quick"
    deadline = time.monotonic() + 300
    while not list(run.glob("steps/CsBr/*/results.json")):
        assert first.poll() is None and time.monotonic() < deadline
        time.sleep(0.1)
    first.send_signal(signal.SIGKILL)
    first.wait()
    finished = {file: file.stat().st_mtime_ns for file in run.glob("steps/CsBr/*/results.json")}
    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert all(file.stat().st_mtime_ns == stamp for file, stamp in finished.items())
    assert document(run)["materials"]["CsBr"]["slabs"][0]["ionisation_potential_ev"] > 0


@pytest.mark.xdist_group("csbr")
def test_a_failed_step_is_named_and_the_rest_still_runs(tmp_path: Path) -> None:
    few = CSBR.replace("[materials.CsBr]", "[settings]\nmax_scf_cycles = 4\n\n[materials.CsBr]")
    (tmp_path / "csbr.toml").write_text(few)
    done = dftflow_command("run", "csbr.toml", "--preset", "quick", "--no-remedies", cwd=tmp_path)
    assert done.returncode == 5
    assert "scf not converged" in done.stderr and "Traceback" not in done.stderr
    run = tmp_path / "runs" / "csbr-quick"
    steps = document(run)["steps"]
    assert {step["state"] for step in steps} == {"failed"} and all(step["log_tail"] for step in steps)
    assert document(run)["materials"]["CsBr"]["bulk"]["band_gap_ev"] is None
    assert "scf not converged" in (run / "report.html").read_text()


@pytest.mark.xdist_group("csbr")
def test_out_of_time_is_named(tmp_path: Path) -> None:
    (tmp_path / "csbr.toml").write_text(CSBR)
    done = dftflow_command("run", "csbr.toml", "--preset", "quick", "--time-limit", "1", cwd=tmp_path)
    assert done.returncode == 5 and "out of time: more than 1 s" in done.stderr


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir(mode=0o500)
    done = dftflow_command("run", "fapbbr3-cspbbr3", "--out", tmp_path / "locked" / "run", cwd=tmp_path)
    assert done.returncode == 8 and "may not be written" in done.stderr


def test_a_full_disk_is_told(tmp_path: Path) -> None:
    """/dev/full answers every write with ENOSPC."""
    from dftflow.errors import StoreError
    from dftflow.jobs.store import storage_errors

    def write() -> None:
        with storage_errors(tmp_path), open("/dev/full", "w") as handle:
            handle.write("x")

    with pytest.raises(StoreError, match="disk is full"):
        write()


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The paper's study with the preset `quick`: what ``make demo`` runs."""
    folder = tmp_path_factory.mktemp("quick")
    done = dftflow_command("run", "fapbbr3-cspbbr3", "--preset", "quick", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "CsPbBr3" in done.stdout and "0.021" in done.stdout
    assert "SCF iteration" in done.stderr and "left" in done.stderr, "live progress, with an estimate"
    return folder / "runs" / "fapbbr3-cspbbr3-quick"


@pytest.mark.xdist_group("quick")
class TestPaperQuick:
    def test_gaps_are_those_of_the_literature(self, quick: Path) -> None:
        """PBE without spin-orbit coupling, measured cells: 1.66 eV at Γ, about 1.6 eV at R; good to 0.25 eV."""
        materials = document(quick)["materials"]
        cs, fa = materials["CsPbBr3"]["bulk"], materials["FAPbBr3"]["bulk"]
        assert cs["band_gap_ev"] == pytest.approx(1.6595, abs=5e-3), "the ground state at Γ; (1/2,1/2,1/2) gives 1.7285"
        assert cs["direct"] and cs["vbm_label"] == "G"
        assert fa["band_gap_ev"] == pytest.approx(1.63, abs=0.25) and fa["direct"] and fa["vbm_label"] == "R"

    def test_slabs_are_those_of_the_paper_and_sane(self, quick: Path) -> None:
        materials = document(quick)["materials"]
        for name, index, miller in (("CsPbBr3", 0, [0, 1, 1]), ("CsPbBr3", 1, [0, 1, 0]), ("FAPbBr3", 0, [0, 1, 0])):
            slab = materials[name]["slabs"][index]
            assert slab["miller"] == miller and slab["formal_charge"] == 0 and slab["symmetric"]
            assert slab["polar_plane"] == (miller == [0, 1, 1]) and not slab["relaxed"]
            assert slab["slab_gap_ev"] > 0.5, "a neutral slab has a clean gap"
            assert 1.5 < slab["electron_affinity_ev"] < slab["ionisation_potential_ev"] < 8.0
            assert abs(slab["vacuum"]["high_ev"] - slab["vacuum"]["low_ev"]) < 0.02
        fa = materials["FAPbBr3"]["slabs"][0]
        assert fa["slab_vbm_label"] == "M-bar" and fa["slab_gap_ev"] < 2.3, "3.6 eV on the slab's own grid"

    def test_the_slab_at_gamma_has_the_known_levels(self, quick: Path) -> None:
        """(011), 10.2 Å, Γ: ionisation potential 5.007, work function 4.676 eV; 5.110 at (1/2, 1/2)."""
        slab = document(quick)["materials"]["CsPbBr3"]["slabs"][0]
        assert slab["ionisation_potential_ev"] == pytest.approx(5.007, abs=0.01)
        assert slab["work_function_ev"] == pytest.approx(4.676, abs=0.02)

    def test_offsets_follow_from_the_levels(self, quick: Path) -> None:
        results = document(quick)
        levels = [results["materials"]["CsPbBr3"]["slabs"][1], results["materials"]["FAPbBr3"]["slabs"][0]]
        lineup, functions, published = (
            next(row for row in results["alignments"] if word in row["method"])
            for word in ("bulk line-up", "work functions of", "published")
        )
        assert "(010) and (010)" in lineup["method"] and "(010) and (010)" in functions["method"], "polar planes later"
        expected = levels[1]["ionisation_potential_ev"] - levels[0]["ionisation_potential_ev"]
        assert lineup["valence_band_offset_ev"] == pytest.approx(expected, abs=1e-6)
        expected = levels[1]["work_function_ev"] - levels[0]["work_function_ev"]
        assert functions["valence_band_offset_ev"] == pytest.approx(expected, abs=1e-6)
        assert functions["range_ev"] == pytest.approx([-levels[0]["slab_gap_ev"], levels[1]["slab_gap_ev"]])
        assert published["valence_band_offset_ev"] == 0.021 and published["type"] == "quasi-type II"
        assert published["method"] == "published; route not stated"
        assert results["alignment"]["method"] == lineup["method"]
        assert lineup["range_ev"][0] == -lineup["range_ev"][1] < 0
        assert any("not relaxed" in remark for remark in lineup["remarks"]) and lineup["relaxed"] is False
        assert "first" in results["alignment"]["sign_convention"]

    def test_what_a_referee_asks_is_said(self, quick: Path) -> None:
        page = (quick / "report.html").read_text()
        for word in ("spin-orbit", "polar plane", "not relaxed", "bounds no error", "10.1021/acsami.1c18025"):
            assert word in page
        assert "resolved" not in page.replace("not resolved", "")

    def test_the_readme_s_python_runs(self, quick: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """As written there, but for the folder: the one that is finished already."""
        readme = (Path(__file__).parents[1] / "README.md").read_text()
        (code,) = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
        assert code.count("runs/demo") == 2
        exec(code.replace("runs/demo", str(quick)), {})
        printed = capsys.readouterr().out
        assert "CsPbBr3" in printed and "0.021 quasi-type II" in printed
        assert printed.strip().endswith("report.html")


def test_every_shipped_study_is_tested() -> None:
    """The first above, the second in test_sweep_run.py, the others in test_shipped_studies.py."""
    of_papers = set(re.findall(r'ran\("([^"]+)"\)', Path(__file__).with_name("test_shipped_studies.py").read_text()))
    shipped = {file.stem for file in workflows_dir().glob("*.toml")}
    assert shipped == {"fapbbr3-cspbbr3", "csbr-convergence"} | of_papers


@pytest.mark.xdist_group("csbr")  # minutes: groups begin before single tests
def test_a_study_that_was_begun_runs_as_it_is(tmp_path: Path) -> None:
    """`init`, then `run`: CsBr as in the study above, at the cutoff and on the grids that were chosen."""
    begun = dftflow_command("init", "mine", "--from", "CsBr_Pm-3m", cwd=tmp_path)
    assert begun.returncode == 0, begun.stderr
    done = dftflow_command("run", "mine.toml", "--preset", "quick", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    material = document(tmp_path / "runs" / "mine-quick")["materials"]["CsBr"]
    assert material["bulk"]["band_gap_ev"] == pytest.approx(4.5, abs=0.1)
    assert material["bulk"]["direct"] and material["bulk"]["vbm_label"] == "G"
    slab = material["slabs"][0]
    assert slab["formal_charge"] == 0
    assert slab["vacuum"]["low_ev"] == pytest.approx(slab["vacuum"]["high_ev"], abs=0.005), "alike faces"
