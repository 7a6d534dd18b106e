"""What ``dftflow doctor --machine`` tries on the login node: whether a profile says what is so."""

from __future__ import annotations

import json
import math
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from dftflow import __version__
from dftflow.cli.check import Check
from dftflow.codes.registry import code_names
from dftflow.errors import DftflowError
from dftflow.jobs.cluster.command import scheduler_environment
from dftflow.jobs.job_script import job_script
from dftflow.jobs.machine_profile import Machine
from dftflow.jobs.resources import Resources
from dftflow.model.spec import Task

__all__ = ["machine_checks"]

TIME_LIMIT_S = 30
PROGRAMS = {
    "none": (),
    "slurm": ("sbatch", "squeue", "scancel", "sinfo"),
    "pbs": ("qsub", "qstat", "qdel"),
    "sge": ("qsub", "qstat", "qdel"),
    "lsf": ("bsub", "bjobs", "bkill"),
}
SLURM_TIME = re.compile(r"(?:(?:(\d+)-)?(\d+):)?(\d+):(\d+)")
"""``days-hours:minutes:seconds`` of sinfo(1); what is no such time, such as ``infinite``, is no limit."""
ASKED = {"slurm": ("squeue", "--noheader", "--me"), "pbs": ("qstat", "-Q"), "sge": ("qstat",), "lsf": ("bqueues",)}
"""A question that costs the scheduler nothing."""
TASKS: tuple[Task, ...] = ("relax", "bands", "potential")
PROBE = """\
import json, platform, shutil, sys
found = {name: shutil.which(name) for name in sys.argv[1:]}
try:
    from dftflow import __version__ as version
except ImportError:
    version = None
print("\\n" + json.dumps({"python": platform.python_version(), "dftflow": version, "found": found}))
"""


def machine_checks(machine: Machine) -> tuple[Check, ...]:
    """Everything that can be told of a machine where this runs: its login node, or itself."""
    scheduler = () if machine.scheduler == "none" else (*_programs(machine), *_scheduler(machine))
    return (_profile(machine), *_names(machine), *scheduler, *_resources(machine), *_environment(machine))


def _profile(machine: Machine) -> Check:
    cores = "cores not given" if machine.cores is None else f"{machine.cores} cores"
    memory = "memory not given" if machine.memory_mib is None else f"{machine.memory_mib / 1024:.1f} GiB"
    kind = "no scheduler" if machine.scheduler == "none" else machine.scheduler
    where = f"; from {machine.where}" if machine.where else ""
    return Check(name="profile", state="ok", detail=f"{machine.name}: {kind}, {cores} and {memory} a node{where}")


def _names(machine: Machine) -> Iterator[Check]:
    """Codes that the profile names: nobody else would notice a misspelt one."""
    unknown = sorted({*machine.commands, *machine.table.codes} - set(code_names()))
    if unknown:
        detail = f"there is no code called {', '.join(unknown)}"
        yield Check(name="codes", state="broken", detail=detail, fix=f"codes: {', '.join(code_names())}")


def _programs(machine: Machine) -> Iterator[Check]:
    missing = [name for name in PROGRAMS[machine.scheduler] if shutil.which(name) is None]
    yield Check(
        name="scheduler",
        state="missing" if missing else "ok",
        detail=f"not on the PATH: {', '.join(missing)}" if missing else ", ".join(PROGRAMS[machine.scheduler]),
        fix="call dftflow on a login node of the cluster, or load the scheduler's module" if missing else "",
    )


# --- the scheduler ----------------------------------------------------------------------------------------------


def _scheduler(machine: Machine) -> Iterator[Check]:
    if any(shutil.which(name) is None for name in PROGRAMS[machine.scheduler]):
        return
    failed = _answer((*ASKED[machine.scheduler], *_option("--clusters", machine.cluster)))[1]
    fix = "ask the site whether the scheduler is up; jobs cannot be submitted now" if failed else ""
    detail = failed or "the scheduler answers"
    yield Check(name="answer", state="broken" if failed else "ok", detail=detail, fix=fix)
    if not failed and machine.scheduler == "slurm":
        yield from _partition(machine)
        yield from _try_submission(machine)


def _partition(machine: Machine) -> Iterator[Check]:
    cluster = _option("--clusters", machine.cluster)
    asked = ("sinfo", "--noheader", "--format=%R|%l|%c|%m", *cluster, *_option("--partition", machine.partition))
    printed, failed = _answer(asked)
    rows = [line.strip().split("|") for line in printed.splitlines() if line.count("|") == 3]
    name = machine.partition or "the site's own partition"
    if failed or not rows:
        known = ", ".join(sorted(set(_answer(("sinfo", "--noheader", "--format=%R", *cluster))[0].split())))
        fix = f"partitions: {known}" if known else "ask the site for its partitions"
        yield Check(name="partition", state="missing", detail=failed or f"there is no partition {name}", fix=fix)
        return
    yield Check(name="partition", state="ok", detail=f"{name}: at most {rows[0][1]}, nodes of {rows[0][2]} cores")
    most_cores = max((int(row[2].rstrip("+")) for row in rows if row[2].rstrip("+").isdecimal()), default=0)
    if machine.cores is not None and most_cores and machine.cores > most_cores:
        detail = f"the profile says {machine.cores} cores a node, and the largest of {name} has {most_cores}"
        yield Check(name="cores", state="broken", detail=detail, fix=f"cores = {most_cores}")
    yield from _times(machine, name, rows[0][1])


def _times(machine: Machine, partition: str, limit: str) -> Iterator[Check]:
    """Unless a site refuses it, Slurm takes a job that is longer than its partition lets it be, and never starts it."""
    match = SLURM_TIME.fullmatch(limit)
    if match is None:
        return
    days, hours, minutes, seconds = (int(number or 0) for number in match.groups())
    most_s = ((days * 24 + hours) * 60 + minutes) * 60 + seconds
    for task, resources in _sizes(machine):
        if resources.time_s is not None and resources.time_s > most_s:
            detail = f"the profile gives {resources.time_s / 3600:.3g} h to {task}, and {partition} at most {limit}"
            yield Check(name="time", state="broken", detail=detail, fix=f"time_h = {_rounded_down(most_s / 3600)}")


def _rounded_down(hours: float) -> float:
    return math.floor(hours * 1000) / 1000


def _try_submission(machine: Machine) -> Iterator[Check]:
    """Slurm says itself whether it would take a job of each size, and starts nothing (``sbatch --test-only``)."""
    for task, resources in _sizes(machine):
        with tempfile.TemporaryDirectory(prefix=".dftflow-doctor-", dir=Path.cwd()) as place:
            file = Path(place) / "job.sh"
            file.write_text(_script(machine, resources, Path(place), ("true",)), encoding="utf-8")
            failed = _answer(("sbatch", "--test-only", str(file)))[1]
        cores = f"{_number(resources.nodes, 'node')}, {_number(resources.cores, 'core')}"
        asked = cores if resources.time_s is None else f"{cores}, {resources.time_s / 3600:.3g} h"
        yield Check(
            name=f"job of {task}",
            state="broken" if failed else "ok",
            detail=f"{asked}: {failed}" if failed else f"{asked}: Slurm would take it",
            fix="compare account, partition, qos, nodes, memory and time of the profile with what the site grants"
            if failed
            else "",
        )


def _sizes(machine: Machine) -> Iterator[tuple[str, Resources]]:
    """The sizes of jobs that the profile leads to, each once."""
    seen: set[Resources] = set()
    for code in ("", *machine.table.codes):
        for task in TASKS:
            try:
                resources = machine.resources(task, code)
            except DftflowError:
                continue  # told by itself
            if resources not in seen:
                seen.add(resources)
                yield f"{task} {code}".strip(), resources


def _resources(machine: Machine) -> Iterator[Check]:
    """Whether what the profile gives to steps is what the machine has."""
    told: set[str] = set()
    for code in ("", *machine.table.codes):
        for task in TASKS:
            try:
                machine.resources(task, code)
            except DftflowError as error:
                if error.sentence not in told:
                    told.add(error.sentence)
                    yield Check(name="resources", state="broken", detail=error.summary, fix=error.fix)


# --- what a step finds ------------------------------------------------------------------------------------------


def _environment(machine: Machine) -> Iterator[Check]:
    """Python, dftflow, launcher and programs as a job finds them: after its modules and its setup."""
    wanted = [*machine.launcher[:1], *machine.commands.values()]
    with tempfile.TemporaryDirectory(prefix=".dftflow-doctor-", dir=Path.cwd()) as place:
        probe = (machine.python, "-c", PROBE, *wanted)
        if machine.scheduler != "none":
            file = Path(place) / "job.sh"
            file.write_text(_script(machine, Resources(), Path(place), probe), encoding="utf-8")
            probe = ("bash", str(file))
        printed, failed = _answer(probe)
    try:
        found = json.loads(printed.splitlines()[-1])
        version, there = found["dftflow"], found["found"]
    except (ValueError, IndexError, KeyError, TypeError):
        detail = failed or "modules, setup or python print nothing that was asked for"
        yield Check(name="environment", state="broken", detail=detail, fix="check modules, setup and python")
        return
    yield Check(
        name="python",
        state="ok" if version == __version__ else "broken",
        detail=f"{machine.python}: Python {found['python']}, "
        + (f"dftflow {version}" if version else "without dftflow")
        + ("" if version in (None, __version__) else f", and here is {__version__}"),
        fix="" if version == __version__ else f"install dftflow {__version__} for it, or name another python",
    )
    for name in wanted:
        yield Check(
            name=name,
            state="ok" if there.get(name) else "missing",
            detail=there.get(name) or "a step would not find it",
            fix="" if there.get(name) else "add the module that brings it to modules, or its folder to PATH in setup",
        )


# --- asking -----------------------------------------------------------------------------------------------------


def _script(machine: Machine, resources: Resources, folder: Path, command: Sequence[str]) -> str:
    return job_script(machine, resources, name="dftflow-doctor", folder=folder, command=command, log=Path("job.log"))


def _number(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _option(name: str, value: str) -> tuple[str, ...]:
    return (f"{name}={value}",) if value else ()


def _answer(argv: Sequence[str]) -> tuple[str, str]:
    """What a program prints, and why it failed; ``""`` where it did not."""
    try:
        done = subprocess.run(
            argv,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=TIME_LIMIT_S,
            stdin=subprocess.DEVNULL,
            env=scheduler_environment(),
        )
    except subprocess.TimeoutExpired:
        return "", f"{argv[0]} does not answer within {TIME_LIMIT_S} s"
    except OSError as error:
        return "", f"{argv[0]}: {error.strerror or error}"
    if done.returncode == 0:
        return done.stdout, ""
    said = [line for line in done.stderr.strip().splitlines() if line.strip()]
    return done.stdout, said[-1] if said else f"{argv[0]} ended with {done.returncode}"
