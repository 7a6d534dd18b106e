"""What a study's steps may use: by the machine, the study and the call; and what that does not change."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from dftflow.cli.main import main
from dftflow.errors import MachineError, SpecError, StudyError
from dftflow.jobs.machine_profile import Machine
from dftflow.studies.execution import run_study
from dftflow.studies.plan import plan_study
from dftflow.studies.reader import load_study
from dftflow.studies.study_folder import StudyFolder
from dftflow.studies.work import Work

WriteStudy = Callable[..., Path]
DESK = Machine(name="desk", cores=8, memory_mib=1e6, launcher=("mpirun", "-n", "{ranks}"))
ASKED = "[resources]\nranks = 2\nstall_h = 3.0\n\n[resources.relax]\nranks = 4\ntime_h = 1.5\n"


def with_resources(file: Path, text: str = ASKED) -> Path:
    file.write_text(f"{file.read_text()}\n{text}")
    return file


def test_a_study_says_what_its_steps_may_use(write_study: WriteStudy) -> None:
    plan = plan_study(load_study(str(with_resources(write_study())), code="castep"))
    work = Work(plan, machine=DESK, given={"stall_s": 60.0})
    found = {step.id.task: work.node(step, work.job_here).resources for step in plan.steps}
    assert (found["relax"].ranks, found["relax"].time_s, found["relax"].stall_s) == (4, 5400.0, 60.0)
    assert (found["bands"].ranks, found["bands"].time_s) == (2, 7 * 86400.0)
    assert found["bands"].launcher == ("mpirun", "-n", "2")


def test_the_launcher_reaches_the_engine_and_the_identity_stays(write_study: WriteStudy, tmp_path: Path) -> None:
    jobs = []
    for name, text in (("serial", ""), ("parallel", ASKED)):
        plan = plan_study(load_study(str(with_resources(write_study(), text)), code="castep"))
        work = Work(plan, StudyFolder.create(plan, tmp_path / name, "run"), machine=DESK)
        jobs.append(work.job_here(plan.steps[0]))
    assert jobs[1].argv[:3] == ("mpirun", "-n", "4") and jobs[0].argv == jobs[1].argv[3:]
    assert jobs[0].identity == jobs[1].identity and jobs[0].files == jobs[1].files


def test_the_embedded_engine_is_never_started_twice(write_study: WriteStudy, tmp_path: Path) -> None:
    study = load_study(str(with_resources(write_study())))
    with pytest.raises(SpecError, match="one process"):
        run_study(study, tmp_path / "run", machine=DESK)
    assert not (tmp_path / "run").exists(), "and it is said before anything is written"


def test_a_machine_with_a_scheduler_is_not_this_one(write_study: WriteStudy, tmp_path: Path) -> None:
    with pytest.raises(MachineError, match="has a scheduler"):
        run_study(load_study(str(write_study())), tmp_path / "run", machine=Machine(name="hpc", scheduler="slurm"))


def test_mistakes_are_told_with_their_line(write_study: WriteStudy) -> None:
    file = with_resources(write_study(), "[resources.relax]\nrank = 4\n")
    line = file.read_text().splitlines().index("rank = 4") + 1
    with pytest.raises(StudyError, match="did you mean 'ranks'") as caught:
        load_study(str(file))
    assert caught.value.where == f"{file}:{line}"


def test_a_machine_is_chosen_on_the_command_line(
    write_study: WriteStudy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    machines = tmp_path / "machines.toml"
    machines.write_text("[machines.small]\ncores = 1\nmemory_gib = 0.05\n")
    monkeypatch.setenv("DFTFLOW_MACHINES", str(machines))
    run = ["run", str(write_study()), "--out", str(tmp_path / "run"), "--machine"]
    assert main([*run, "small"]) == 2
    assert "will not fit into the memory of the machine small" in " ".join(capsys.readouterr().err.split())
    assert main([*run, "smal"]) == 2
    assert "did you mean 'small'?" in capsys.readouterr().err
