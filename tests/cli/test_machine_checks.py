"""``dftflow doctor --machine``: each entry of a profile that is not so is told, and nothing is submitted.

The programs of the scheduler are scripts that answer as Slurm 22.05 was seen to answer: one that hangs, or is down, is
not to be had when it is wanted.
"""

from __future__ import annotations

import json
import shutil
import stat
from collections.abc import Mapping
from pathlib import Path

import pytest

from dftflow.cli import machine_checks
from dftflow.cli.main import main

SLURM = {
    "squeue": "exit 0",
    "scancel": "exit 1",
    "sinfo": 'case "$*" in *nope*) ;; *"%l"*) echo "debug|infinite|2|500" ;; *) echo debug ;; esac',
    "sbatch": 'echo "$1" >> calls; bash -n "$2" || exit 1; grep -q "partition=nope" "$2" || exit 0; '
    'echo "allocation failure: Invalid partition name specified" >&2; exit 1',
}


@pytest.fixture
def machines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "machines.toml"
    monkeypatch.setenv("DFTFLOW_MACHINES", str(file))
    place = tmp_path / "it's here"
    place.mkdir()
    monkeypatch.chdir(place)
    return file


def install(folder: Path, programs: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Programs of a scheduler, on a PATH without a real one."""
    folder.mkdir()
    for name, script in programs.items():
        file = folder / name
        file.write_text(f"#!/bin/bash\n{script}\n")
        file.chmod(file.stat().st_mode | stat.S_IXUSR)
    for name in ("bash", "grep", "env"):
        (folder / name).symlink_to(shutil.which(name) or name)
    monkeypatch.setenv("PATH", str(folder))


def checked(name: str, capsys: pytest.CaptureFixture[str]) -> dict[str, tuple[str, str]]:
    assert main(["doctor", "--machine", name, "--json"]) == 0
    checks = json.loads(capsys.readouterr().out)["checks"]
    assert all(check["fix"] for check in checks if check["state"] != "ok"), "each says how it is mended"
    return {check["name"]: (check["state"], check["detail"]) for check in checks}


def test_this_machine(machines: Path, capsys: pytest.CaptureFixture[str]) -> None:
    machines.write_text('[machines.desk]\ncores = 4\nlauncher = ["no-such-launcher", "-n", "{ranks}"]\n')
    found = checked("desk", capsys)
    assert found["python"][0] == "ok" and found["this folder"][0] == "ok"
    assert found["no-such-launcher"] == ("missing", "a step would not find it")
    assert not list(Path.cwd().iterdir()), "nothing is left"


def test_what_is_more_than_the_machine_has_and_what_nobody_has(
    machines: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    machines.write_text("[machines.desk]\ncores = 4\n[machines.desk.resources.codes.castpe.relax]\nthreads = 8\n")
    found = checked("desk", capsys)
    assert found["codes"] == ("broken", "there is no code called castpe")
    assert "8 cores on a node" in found["resources"][1]


def test_a_scheduler_that_is_not_here(
    machines: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    install(tmp_path / "bin", {"squeue": "exit 0"}, monkeypatch)
    machines.write_text('[machines.hpc]\nscheduler = "slurm"\n')
    found = checked("hpc", capsys)
    assert found["scheduler"] == ("missing", "not on the PATH: sbatch, scancel, sinfo")
    assert "answer" not in found


def test_a_profile_that_slurm_would_take(
    machines: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    install(tmp_path / "bin", SLURM, monkeypatch)
    machines.write_text(
        '[machines.hpc]\nscheduler = "slurm"\ncores = 2\nlauncher = ["srun"]\nsetup = ["srun() { :; }"]\n'
        "[machines.hpc.resources.relax]\nranks = 4\ntime_h = 1.0\n"
    )
    found = checked("hpc", capsys)
    assert found["job of relax"] == ("ok", "2 nodes, 4 cores, 1 h: Slurm would take it")
    assert found["job of bands"] == ("ok", "1 node, 1 core, 24 h: Slurm would take it")
    assert found["python"][0] == "ok"
    assert (Path.cwd() / "calls").read_text().split() == ["--test-only"] * 2, "and it was asked to submit nothing"


def test_a_partition_that_is_not_there(
    machines: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    install(tmp_path / "bin", SLURM, monkeypatch)
    machines.write_text('[machines.hpc]\nscheduler = "slurm"\npartition = "nope"\ncores = 9\n')
    found = checked("hpc", capsys)
    assert found["partition"] == ("missing", "there is no partition nope")
    assert found["job of relax"][1].endswith("Invalid partition name specified")
    machines.write_text('[machines.hpc]\nscheduler = "slurm"\ncores = 9\n')
    assert checked("hpc", capsys)["cores"][1].startswith("the profile says 9 cores a node, and the largest")


@pytest.mark.parametrize(
    ("limit", "most_h"), [("5:00", 0.083), ("1:30:00", 1.5), ("1-00:00:00", None), ("infinite", None), ("30", None)]
)
def test_a_job_that_is_longer_than_its_partition_lets_it_be(
    machines: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    limit: str,
    most_h: float | None,
) -> None:
    """Without EnforcePartLimits Slurm takes it, and it waits for ever (PartitionTimeLimit)."""
    install(tmp_path / "bin", {**SLURM, "sinfo": f"echo 'debug|{limit}|2|500'"}, monkeypatch)
    machines.write_text('[machines.hpc]\nscheduler = "slurm"\n[machines.hpc.resources]\ntime_h = 2.0\n')
    assert main(["doctor", "--machine", "hpc", "--json"]) == 0
    fixes = [check["fix"] for check in json.loads(capsys.readouterr().out)["checks"] if check["name"] == "time"]
    assert fixes == ([] if most_h is None else [f"time_h = {most_h}"])


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("echo 'slurm_load_jobs error: Unable to contact slurm controller' >&2; exit 1", "Unable to contact"),
        ("while :; do read -t 1 <> <(:); done", "does not answer within"),
    ],
)
def test_a_scheduler_that_does_not_answer(
    machines: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    answer: str,
    said: str,
) -> None:
    monkeypatch.setattr(machine_checks, "TIME_LIMIT_S", 3)
    install(tmp_path / "bin", SLURM | {"squeue": answer}, monkeypatch)
    machines.write_text('[machines.hpc]\nscheduler = "slurm"\npython = "/bin/true"\n')
    found = checked("hpc", capsys)
    assert found["answer"][0] == "broken" and said in found["answer"][1]
    assert not [name for name in found if name.startswith("job of")]


def test_modules_and_setup_are_tried_as_in_a_job(
    machines: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    install(tmp_path / "bin", SLURM, monkeypatch)
    machines.write_text('[machines.hpc]\nscheduler = "slurm"\nmodules = ["no/such"]\n')
    state, detail = checked("hpc", capsys)["environment"]
    assert state == "broken" and "module" in detail
