"""Cores and memory that this process may use, where its control group, or one that this lies in, has less."""

from __future__ import annotations

import os
from pathlib import Path

import psutil
import pytest

from dftflow.jobs.capacity import cores_here, memory_here_mib

ALL_MIB = psutil.virtual_memory().total / 2**20
GIB = str(2**30)


@pytest.fixture
def told(tmp_path: Path) -> Path:
    (tmp_path / "proc/self").mkdir(parents=True)
    return tmp_path


def tell(place: Path, cgroup: str, files: dict[str, str]) -> None:
    (place / "proc/self/cgroup").write_text(cgroup)
    for name, text in files.items():
        (place / "groups" / name).parent.mkdir(parents=True, exist_ok=True)
        (place / "groups" / name).write_text(text)


@pytest.mark.parametrize(
    ("cgroup", "files", "expected_mib"),
    [
        ("0::/system.slice/slurmstepd.scope/job_7\n", {"system.slice/slurmstepd.scope/job_7/memory.max": GIB}, 1024),
        ("0::/user.slice/a.scope\n", {"user.slice/memory.max": GIB, "user.slice/a.scope/memory.max": "max\n"}, 1024),
        ("4:memory:/slurm/job_7\n0::/\n", {"memory/slurm/job_7/memory.limit_in_bytes": GIB}, 1024),
        ("0::/docker/of-the-host\n", {"memory.max": GIB}, 1024),
        ("0::/a\n", {"a/memory.max": "max\n", "b/memory.max": GIB}, ALL_MIB),
        ("4:memory:/\n", {"memory/memory.limit_in_bytes": "9223372036854771712"}, ALL_MIB),
        ("", {}, ALL_MIB),
    ],
)
def test_memory_is_that_of_the_narrowest_group(
    cgroup: str, files: dict[str, str], expected_mib: float, told: Path
) -> None:
    tell(told, cgroup, files)
    assert memory_here_mib(proc=told / "proc", groups=told / "groups") == pytest.approx(expected_mib)


@pytest.mark.parametrize(
    ("cgroup", "files", "most"),
    [
        ("0::/a\n", {"a/cpu.max": "100000 100000\n"}, 1),
        ("0::/a/b\n", {"a/cpu.max": "50000 100000\n", "a/b/cpu.max": "max 100000\n"}, 1),
        ("3:cpu,cpuacct:/a\n", {"cpu/a/cpu.cfs_quota_us": "90000\n", "cpu/a/cpu.cfs_period_us": "100000\n"}, 1),
        ("3:cpu:/a\n", {"cpu/a/cpu.cfs_quota_us": "-1\n", "cpu/a/cpu.cfs_period_us": "100000\n"}, None),
        ("0::/a\n", {"a/cpu.max": "max 100000\n"}, None),
        ("0::/a\n", {"a/cpu.max": "no numbers\n"}, None),
    ],
)
def test_cores_are_those_whose_time_the_group_may_use(
    cgroup: str, files: dict[str, str], most: int | None, told: Path
) -> None:
    tell(told, cgroup, files)
    assert cores_here(proc=told / "proc", groups=told / "groups") == (most or len(os.sched_getaffinity(0)))


def test_without_groups_the_machine_counts(tmp_path: Path) -> None:
    assert memory_here_mib(proc=tmp_path, groups=tmp_path) == pytest.approx(ALL_MIB)
    assert cores_here(proc=tmp_path, groups=tmp_path) == len(os.sched_getaffinity(0))
