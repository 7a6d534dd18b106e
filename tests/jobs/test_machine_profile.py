"""Profiles of machines: what counts more, what is more than a machine has, and what every mistake is told with."""

from __future__ import annotations

import os
import string
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dftflow.errors import DftflowError, MachineError
from dftflow.jobs import machine_file
from dftflow.jobs.machine_file import MachineEntry, MachineFile
from dftflow.jobs.machine_profile import Machine, load_machine, machine_names
from dftflow.jobs.resource_table import TASKS, ResourceTable
from dftflow.model.spec import Task
from dftflow.toml_file.reading import in_tuples

CLUSTER = """\
default = "hpc"

[machines.hpc]
scheduler = "slurm"
cores = 128
memory_gib = 250.0
launcher = ["srun", "-n", "{ranks}", "-N{nodes}"]

[machines.hpc.resources]
ranks = 64
time_h = 12

[machines.hpc.resources.relax]
time_h = 48.0

[machines.hpc.resources.codes.castep]
threads = 2

[machines.hpc.resources.codes.castep.relax]
ranks = 256

[machines.desk]
cores = 16
launcher = ["mpirun", "-n", "{ranks}"]
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "machines.toml"
    monkeypatch.setenv("DFTFLOW_MACHINES", str(place))
    place.write_text(CLUSTER)
    return place


def test_the_more_special_table_counts(file: Path) -> None:
    hpc = load_machine("hpc")
    bands = hpc.resources("bands", "gpaw")
    assert (bands.ranks, bands.threads, bands.nodes, bands.time_s) == (64, 1, 1, 12 * 3600)
    relax = hpc.resources("relax", "castep")
    assert (relax.ranks, relax.threads, relax.time_s) == (256, 2, 48 * 3600)
    assert relax.nodes == 4, "256 ranks of 2 threads on nodes of 128 cores"
    assert hpc.resources("relax", "castep", given={"ranks": 5, "threads": 50}).nodes == 3, "two ranks fit on a node"
    assert relax.launcher == ("srun", "-n", "256", "-N4")


def test_a_study_counts_more_and_a_call_most(file: Path) -> None:
    study = ResourceTable.model_validate({"ranks": 8, "relax": {"time_h": 1.0, "memory_gib": 2}})
    found = load_machine().resources("relax", "castep", study=study, given={"time_s": 60.0})
    assert (found.ranks, found.time_s, found.memory_mib) == (8, 60.0, 2048.0)


def test_every_task_of_a_step_may_have_a_table() -> None:
    assert get_args(Task) == TASKS
    for task in TASKS:
        table = ResourceTable.model_validate({"time_h": 1.0, task: {"time_h": 2.0}})
        times_h = {other: table.of(other, "gpaw")["time_s"] / 3600 for other in TASKS}
        assert times_h == dict.fromkeys(TASKS, 1.0) | {task: 2.0}


@pytest.mark.parametrize(
    ("machine", "asked", "said"),
    [
        ("desk", {"ranks": 17}, "17 cores on a node, and the machine desk has 16"),
        ("desk", {"ranks": 2, "nodes": 2}, "2 nodes, and the machine desk has 1"),
        ("hpc", {"threads": 129, "ranks": 1}, "129 cores on a node"),
        ("hpc", {"memory_gib": 251.0}, "257024 MiB of memory on a node, and the machine hpc has 256000"),
    ],
)
def test_more_than_a_machine_has_is_refused(file: Path, machine: str, asked: dict[str, Any], said: str) -> None:
    with pytest.raises(MachineError) as caught:
        load_machine(machine).resources("bands", "gpaw", study=ResourceTable.model_validate(asked))
    assert said in caught.value.summary and caught.value.where == str(file)


def test_ranks_need_a_launcher() -> None:
    with pytest.raises(MachineError, match="no launcher"):
        Machine(name="m", cores=4).resources("bands", "castep", given={"ranks": 2})
    assert Machine(name="m", cores=4).resources("bands", "castep").launcher == ()


def test_a_job_has_more_time_than_it_is_told_before_its_end() -> None:
    slurm, minutes = Machine(name="m", scheduler="slurm", grace_s=120.0), [2.0, 3.0, 1.0]
    brief, enough, briefest = (ResourceTable.model_validate({"time_h": minute / 60}) for minute in minutes)
    with pytest.raises(MachineError, match=r"has 120 s, and is told 120 s before their end to stop"):
        slurm.resources("bands", "gpaw", study=brief)
    assert slurm.resources("bands", "gpaw", study=enough).time_s == 180.0
    assert slurm.resources("bands", "gpaw", given={"time_s": 60.0}).time_s == 60.0, "of a step, within its job"
    assert Machine(name="m", scheduler="pbs").resources("bands", "gpaw", study=briefest).time_s == 60.0


def test_a_single_process_is_started_by_itself(file: Path) -> None:
    assert load_machine("desk").resources("bands", "castep").launcher == ()
    one = {"ranks": 1, "nodes": 1, "threads": 1}
    assert load_machine("hpc").resources("bands", "castep", given=one).launcher == ()


def test_without_a_file_this_machine_is_the_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DFTFLOW_MACHINES", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    here = load_machine()
    assert (here.name, here.scheduler, here.nodes) == ("local", "none", 1)
    assert here.cores == len(os.sched_getaffinity(0))
    assert here.memory_mib is not None and 0 < here.memory_mib <= psutil.virtual_memory().total / 2**20
    assert machine_names() == ("local",)
    with pytest.raises(MachineError) as caught:
        load_machine("hpc")
    assert caught.value.where == str(tmp_path / "dftflow" / "machines.toml")


def test_a_file_that_was_asked_for_has_to_be_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DFTFLOW_MACHINES", str(tmp_path / "other.toml"))
    with pytest.raises(MachineError, match="no file of machines"):
        load_machine()


def test_names_of_machines(file: Path) -> None:
    assert machine_names() == ("hpc", "desk", "local")
    assert load_machine("local").cores == len(os.sched_getaffinity(0))
    with pytest.raises(MachineError) as caught:
        load_machine("hcp")
    assert caught.value.fix == "did you mean 'hpc'? machines: hpc, desk, local"


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("[machines.a]\ncors = 4\n", 2, "did you mean 'cores'?"),
        ("[machines.a]\n\nscheduler = 'slrm'\n", 3, "it can be 'none', 'slurm', 'pbs', 'sge' or 'lsf'"),
        ("[machines.a.resources]\nmemory_gib = '4 GiB'\n", 2, "memory_gib is a plain number in GiB"),
        ("[machines.a.resources.relax]\ntime_h = 0\n", 2, "time_h is a plain number in hours"),
        ("[machines.a.resources.codes.castep.bands]\nrank = 2\n", 2, "did you mean 'ranks'?"),
        ("[machines.a]\nlauncher = ['mpirun', '-n', '{rnks}']\n", 2, "'{rnks}' stands for nothing"),
        ("[machines.a]\nlauncher = ['mpirun', '-n{ranks']\n", 2, "'-n{ranks' stands for nothing"),
        ("[machines.a]\nmodules = ['castep']\n", 2, "without a scheduler there is none"),
        ("[machines.a]\nscheduler = 'sge'\nqos = 'gold'\n", 3, "sge has no such thing"),
        ("[machines.a]\nscheduler = 'pbs'\ncluster = 'big'\n", 3, "pbs has no such thing"),
        ("[machines.a]\nscheduler = 'slurm'\ndirectives = ['#SBATCH -C cpu']\n", 3, "would be a remark"),
        ("[machines.a]\nscheduler = 'slurm'\ndirectives = ['--clusters=big']\n", 3, "give it as cluster"),
        ("[machines.a]\nscheduler = 'slurm'\ndirectives = ['-Mbig']\n", 3, "give it as cluster"),
        ("[machines.a]\nlauncher = ['mpirun -n 4']\n", 2, "is not one word"),
        ("[machines.a]\naccount = 'a b'\n", 2, "is not one word"),
        ("[machines.a]\n[machines.a.environment]\nA-B = '1'\n", 3, "is the name of no variable"),
        ("[machines.a]\nengine = 'executorlib'\n", 2, "there is none"),
        ("[machines.a]\nnodes = 2\n", 2, "without a scheduler there is one node"),
        ("[machines.'a/b']\ncores = 1\n", 1, "is no name for a machine"),
        ("[machines.a]\ncores = = 1\n", 2, "not valid TOML"),
        ("[machines.a]\nsetup = ['a\\nb']\n", 2, "one line"),
    ],
)
def test_a_mistake_is_told_with_its_line(file: Path, text: str, line: int, said: str) -> None:
    text = text.replace("['a\\nb']", '["a\\nb"]')
    file.write_text(text)
    with pytest.raises(MachineError) as caught:
        load_machine("a")
    assert said in str(caught.value)
    assert caught.value.where == f"{file}:{line}"


def test_templates_of_a_machine_lie_beside_its_file(file: Path) -> None:
    own = file.parent / "own" / "slurm"
    own.mkdir(parents=True)
    (own / "job.sh.j2").write_text("# {{ job.name }}\n")
    file.write_text('[machines.a]\nscheduler = "slurm"\ntemplates = "own"\n')
    assert load_machine("a").templates == {"slurm/job.sh.j2": "# {{ job.name }}\n"}
    file.write_text('[machines.a]\nscheduler = "pbs"\ntemplates = "own"\n')
    with pytest.raises(MachineError, match="replaces one of pbs") as caught:
        load_machine("a")
    assert caught.value.where == f"{file}:3"
    file.write_text('[machines.a]\nscheduler = "slurm"\ntemplates = "nowhere"\n')
    with pytest.raises(MachineError, match="counts from the file of machines"):
        load_machine("a")


def test_every_example_of_a_message_is_taken() -> None:
    for place, table in machine_file._WORDS.tables.items():
        for key in table.model_fields:
            example = machine_file._EXAMPLES.get(key)
            if example is None:
                assert key in ("machines", "nodes", "resources", *TASKS, "codes"), (place, key)
                continue
            for_jobs = 'scheduler = "slurm"\n' if key in machine_file.OF_A_JOB else ""
            table.model_validate(in_tuples(tomllib.loads(f"{for_jobs}{key} = {example}")))


# --- whatever stands there ----------------------------------------------------------------------------------------

KEYS = sorted({*MachineEntry.model_fields, *ResourceTable.model_fields, "default", "machines", "x"})
plain = st.one_of(
    st.booleans(),
    st.integers(-(10**12), 10**12),
    st.floats(),
    st.text(string.printable + "\x1b\u202eé", max_size=20),
)
values = st.recursive(
    plain,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=3),
    max_leaves=8,
)


def in_toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {in_toml(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(in_toml, value)) + "]"
    if isinstance(value, str):
        escaped = "".join(f"\\U{ord(char):08x}" if not char.isalnum() else char for char in value)
        return f'"{escaped}"'
    return repr(value)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.sampled_from(KEYS), values, max_size=4), st.sampled_from(["", ".resources", ".environment"]))
def test_a_profile_is_read_or_refused_with_words(file: Path, table: dict[str, Any], where: str) -> None:
    lines = "".join(f"{key} = {in_toml(value)}\n" for key, value in table.items())
    file.write_text(f"[machines.a{where}]\n{lines}")
    error = refusal(lambda: load_machine("a").resources("relax", "castep"))
    if error is not None:
        told = f"{error.summary} {error.reason}".lower()
        assert isinstance(error, MachineError) and error.where.startswith(str(file)) and error.summary.isprintable()
        assert not [word for word in ("pydantic", "input should", "validation") if word in told]


def refusal(call: Callable[[], object]) -> DftflowError | None:
    try:
        call()
    except DftflowError as error:
        return error
    return None


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_bytes_that_are_no_profile_are_refused(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    assert isinstance(refusal(lambda: MachineFile.read(file)), MachineError | None)
