"""Scripts of jobs: what a scheduler reads in them, and that no name means anything to a shell."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from dftflow.errors import MachineError, SpecError
from dftflow.jobs.job_script import job_script
from dftflow.jobs.machine_profile import Machine
from dftflow.jobs.resources import Resources

SCHEDULERS = ("slurm", "pbs", "sge", "lsf")
HOSTILE = ("a b", "it's", 'say "x"', "$(touch owned)", "`touch owned`", "a;touch owned", "--help", "#x", "50%j", "é\\n")
MACHINE = Machine(
    name="hpc",
    scheduler="slurm",
    cores=64,
    account="ab123",
    partition="compute",
    qos="long",
    parallel_environment="mpi",
    directives=("--constraint=cpu",),
    modules=("castep/24.1", "python"),
    setup=("ulimit -s unlimited",),
    launcher=("srun",),
    environment={"MARK": "it's $HOME"},
)
ASKED = Resources(nodes=2, ranks=96, threads=1, memory_mib=4000.5, time_s=90061.0, launcher=("srun",))


def script(machine: Machine, folder: Path, *, after: tuple[str, ...] = (), **changed: object) -> str:
    return job_script(
        machine,
        replace(ASKED, **changed),  # type: ignore[arg-type]
        name="dftflow-0a1b",
        folder=folder,
        command=("/bin/echo", "step", str(folder), "x/y"),
        log=Path("job.log"),
        after=after,
    )


def headers(text: str, mark: str) -> list[str]:
    """Arguments of the lines that a scheduler reads: they end where the script begins."""
    found = []
    for line in text.splitlines():
        if line.startswith(mark):
            found += shlex.split(line.removeprefix(mark))
        elif line and not line.startswith("#"):
            break
    return found


def test_what_slurm_reads() -> None:
    found = headers(script(MACHINE, Path("/data/run"), after=("17", "18")), "#SBATCH ")
    assert found == [
        "--job-name=dftflow-0a1b", "--chdir=/data/run", "--output=/data/run/job.log", "--open-mode=append", "--nodes=2",
        "--ntasks=96", "--cpus-per-task=1", "--mem=4001M", "--time=25:01:01", "--signal=B:TERM@120", "--account=ab123",
        "--partition=compute", "--qos=long", "--constraint=cpu", "--dependency=afterok:17:18",
        "--kill-on-invalid-dep=yes", "--no-requeue",
    ]  # fmt: skip


def test_what_pbs_reads() -> None:
    found = " ".join(headers(script(replace(MACHINE, scheduler="pbs"), Path("/d"), after=("17", "18")), "#PBS "))
    assert "-l select=2:ncpus=48:mpiprocs=48:ompthreads=1:mem=4001mb -l walltime=25:01:01" in found
    assert "-W depend=afterok:17:18" in found and "-r n" in found and "-q compute" in found


def test_what_sge_reads() -> None:
    found = " ".join(headers(script(replace(MACHINE, scheduler="sge"), Path("/d"), after=("17", "18")), "#$ "))
    assert "-pe mpi 96" in found and "-hold_jid 17,18" in found and "-r n" in found
    assert "-l h_vmem=84M" in found, "4001 MiB on each of 2 nodes, over 96 slots"


def test_what_lsf_reads() -> None:
    text = script(replace(MACHINE, scheduler="lsf"), Path("/d"), after=("17", "18"))
    found = headers(text, "#BSUB ")
    assert "done(17) && done(18)" in found and "-ti" in found and "-rn" in found
    assert "span[ptile=48]" in found and found[found.index("-W") + 1] == "1502"


@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_nothing_that_is_not_said_stands_in_a_script(scheduler: str) -> None:
    bare = Machine(name="bare", scheduler=scheduler)  # type: ignore[arg-type]
    text = script(bare, Path("/d"), nodes=1, ranks=1, memory_mib=None, time_s=None)
    for word in ("account", "-A ", "-P ", "qos", "--time", "walltime", "h_rt", "-W", "mem", "-M", "module", "depend"):
        assert word not in text.partition("\n#")[2].replace("machines", ""), word
    assert "None" not in text


@pytest.mark.parametrize("scheduler", SCHEDULERS)
@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_folder_is_one_word_to_bash(scheduler: str, name: str, tmp_path: Path) -> None:
    folder = tmp_path / name
    folder.mkdir()
    machine = replace(MACHINE, scheduler=scheduler, modules=(), environment={"MARK": name})
    print_them = ("/usr/bin/env", "--", "sh", "-c", 'printf "%s|" "$MARK" "$PWD" "$@"', "sh", name)
    text = job_script(machine, ASKED, name="dftflow-0", folder=folder, command=print_them, log=Path("job.log"))
    file = tmp_path / "job.sh"
    file.write_text(text)
    subprocess.run(["bash", "-n", file], check=True)
    ran = subprocess.run(["bash", file], capture_output=True, text=True, cwd=tmp_path)
    assert ran.stdout == f"{name}|{folder}|{name}|"
    assert not list(tmp_path.rglob("owned"))


def test_what_the_profile_sets_reaches_the_engine(tmp_path: Path) -> None:
    """The job becomes dftflow, which hands an engine what programs of the field need, and what it was told to."""
    machine = replace(MACHINE, modules=(), environment={"HDF5_USE_FILE_LOCKING": "FALSE", "FOO": "1 2"})
    told = "from dftflow.jobs.environment import engine_environment as given; import json; print(json.dumps(given()))"
    command = (sys.executable, "-c", told)
    text = job_script(machine, ASKED, name="dftflow-0", folder=tmp_path, command=command, log=Path("job.log"))
    given = {"PATH": os.defpath, "DFTFLOW_ENGINE_ENV": "MINE", "MINE": "3", "HIDDEN": "x"}
    ran = subprocess.run(["bash", "-c", text], capture_output=True, text=True, env=given, cwd=tmp_path)
    found = json.loads(ran.stdout)
    assert (found["HDF5_USE_FILE_LOCKING"], found["FOO"], found["MINE"]) == ("FALSE", "1 2", "3")
    assert "HIDDEN" not in found


@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_a_job_reads_the_file_of_machines_that_its_submitter_read(scheduler: str) -> None:
    """qsub hands over no environment, and sbatch none with --export=NONE: the job would look in the default place."""
    text = script(replace(MACHINE, scheduler=scheduler, where="/home/me/my machines.toml"), Path("/d"))
    assert "export DFTFLOW_MACHINES='/home/me/my machines.toml'\n" in text


def test_modules_that_are_not_there_end_the_job_before_the_engine(tmp_path: Path) -> None:
    file = tmp_path / "job.sh"
    file.write_text(script(MACHINE, tmp_path))
    ran = subprocess.run(["bash", file], capture_output=True, text=True)
    assert ran.returncode == 4 and ran.stdout == ""


def test_a_name_that_is_no_line_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MachineError, match="cannot stand in the script"):
        script(MACHINE, tmp_path / "a\n#SBATCH --uid=0")


def test_a_machine_without_a_scheduler_has_no_jobs(tmp_path: Path) -> None:
    with pytest.raises(MachineError, match="no scheduler"):
        script(Machine(name="desk"), tmp_path)


def test_a_template_of_ones_own_wins(tmp_path: Path) -> None:
    own = {"slurm/job.sh.j2": "#!/bin/sh\n{{ job.name }} on {{ job.nodes }}\n{% include 'job/body.sh.j2' %}"}
    text = script(replace(MACHINE, templates=own), tmp_path)
    assert text.startswith("#!/bin/sh\ndftflow-0a1b on 2\n") and "exec /bin/echo step" in text
    with pytest.raises(SpecError):
        script(replace(MACHINE, templates={"slurm/job.sh.j2": "{{ job.nmae }}"}), tmp_path)
