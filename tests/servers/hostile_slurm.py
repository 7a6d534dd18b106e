"""A small Slurm that lies, forgets and dies: programs on a PATH, whose state is one file, and jobs that really run.

A job is started, as a process of its own session, by whoever sees first that nothing holds it back: sbatch, or the job
before it, when it has ended. Nobody has to ask for that, and no daemon runs. What a program does wrong is switched on
by name (`HostileSlurm.does`), for all calls, or for the next few.
"""

from __future__ import annotations

import getpass
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from stub_queue import StubQueue, state_of

__all__ = ["BEHAVIOURS", "HostileSlurm"]

PROGRAMS = ("sbatch", "squeue", "scancel", "sacct", "scontrol", "sinfo")
BEHAVIOURS = (
    "sbatch dies after accepting", "sbatch times out after accepting", "sbatch times out without accepting",
    "sbatch retries and times out after accepting", "sbatch prints more", "no controller", "full", "too long",
    "squeue hangs", "squeue times out", "squeue knows no id", "queue forgets", "queue forgets what ended",
    "all forget, and nothing runs", "another user's jobs", "every line twice", "out of memory, cut",
    "no accounting", "no database", "wrote nothing", "files come late", "dependents stay", "requeued",
    "nothing starts", "squeue prints a notice", "accounting keeps jobs running", "revoked",
)  # fmt: skip
POLICY = (
    "Batch job submission failed: Job violates accounting/QOS policy (job submit limit, user's size and/or time limits)"
)
AT_WORK = ("wrote nothing", "out of memory, cut", "requeued", "files come late")
SHORT = {"PENDING": "PD", "RUNNING": "R", "COMPLETED": "CD", "FAILED": "F", "CANCELLED": "CA", "OUT_OF_MEMORY": "OOM"}
LATE_S = 1.0
MOST_AT_ONCE = 1
"""Jobs that a full queue takes."""
ALWAYS = 1_000_000


class HostileSlurm(StubQueue):
    """Its programs and jobs, in a folder."""

    def __init__(self, home: Path) -> None:
        super().__init__(home, __file__, PROGRAMS)

    def does(self, *names: str, times: int = ALWAYS) -> None:
        """Switch these on, for so many calls or jobs each."""
        assert set(names) <= set(BEHAVIOURS)
        with state_of(self.home) as state:
            state["does"] |= dict.fromkeys(names, times)

    def does_well(self) -> None:
        """Switch all off."""
        with state_of(self.home) as state:
            state["does"] = {}

    def calls_itself(self, cluster: str) -> None:
        """The name of its cluster."""
        with state_of(self.home) as state:
            state["cluster"] = cluster

    def has(self, jobs: dict[str, dict[str, Any]]) -> None:
        """These are its jobs."""
        with state_of(self.home) as state:
            state["jobs"] = jobs

    def drop(self, job: str) -> None:
        """It never had this job."""
        with state_of(self.home) as state:
            del state["jobs"][job]


def _does(state: dict[str, Any], name: str) -> bool:
    """Whether it does that, this time."""
    left = state["does"].get(name, 0)
    if left:
        state["does"][name] = left - 1
    return bool(left)


def _say(text: str, *, code: int = 1) -> int:
    print(text, file=sys.stderr, flush=True)
    return code


# --- its programs -----------------------------------------------------------------------------------------------


def _sbatch(home: Path, arguments: list[str]) -> int:
    with state_of(home) as state:
        refused = _refused(state)
        if refused:
            return _say(refused)
        job = str(state["next"])
        state["next"] += 1
        state["jobs"][job] = _job(arguments)
        ways = {name: _does(state, name) for name in BEHAVIOURS if name.startswith("sbatch")}
        _start_ready(home, state)
    if ways["sbatch dies after accepting"]:
        os.kill(os.getpid(), signal.SIGKILL)
    if ways["sbatch times out after accepting"]:
        return _say("sbatch: error: Batch job submission failed: Socket timed out on send/recv operation")
    if ways["sbatch retries and times out after accepting"]:
        _say("sbatch: error: Slurm temporarily unable to accept job, sleeping and retrying.")
        return _say("sbatch: error: Batch job submission failed: Socket timed out on send/recv operation")
    if ways["sbatch prints more"]:
        print(f"Welcome to the Stampede3 Supercomputer\n--> Verifying valid jobname...OK\n{job}\nhours left: 7")
        return _say("sbatch: INFO: Note that 128 GB per node will require a node with more than 128 GB memory", code=0)
    cluster = state["jobs"][job]["cluster"]
    print(f"{job};{cluster}" if cluster else job)
    return 0


def _refused(state: dict[str, Any]) -> str:
    if _does(state, "no controller"):
        return "sbatch: error: Batch job submission failed: Unable to contact slurm controller (connect failure)"
    if _does(state, "sbatch times out without accepting"):
        return "sbatch: error: Batch job submission failed: Socket timed out on send/recv operation"
    if _does(state, "too long"):
        return f"sbatch: error: QOSMaxWallDurationPerJobLimit\nsbatch: error: {POLICY}"
    live = sum(job["state"] in ("PENDING", "RUNNING") for job in state["jobs"].values())
    if "full" in state["does"] and live >= MOST_AT_ONCE:
        return f"sbatch: error: AssocMaxSubmitJobLimit\nsbatch: error: {POLICY}"
    return ""


def _job(arguments: list[str]) -> dict[str, Any]:
    """What is known of a job from the command line and its script; the command line counts more."""
    script = arguments[-1]
    text = Path(script).read_text()
    told = [shlex.split(line.removeprefix("#SBATCH "))[0] for line in text.splitlines() if line.startswith("#SBATCH ")]
    given = dict(option[2:].partition("=")[::2] for option in (*told, *arguments[:-1]))
    return {
        "user": getpass.getuser(), "name": given["job-name"], "folder": given["chdir"], "script": script,
        "log": given["output"].replace("%%", "%"), "state": "PENDING", "pid": 0,
        "cluster": given.get("clusters", ""),
        "after": re.findall(r"\d+", given.get("dependency", "").partition(":")[2]),
    }  # fmt: skip


def _squeue(home: Path, arguments: list[str]) -> int:
    with state_of(home) as state:
        _start_ready(home, state)
        jobs = state["jobs"]
        ways = {name: _does(state, name) for name in BEHAVIOURS if name not in AT_WORK}
    if ways["squeue hangs"]:
        time.sleep(600)
    if ways["squeue times out"]:
        return _say("slurm_load_jobs error: Socket timed out on send/recv operation")
    if ways["squeue knows no id"]:
        return _say("slurm_load_jobs error: Invalid job id specified")
    if ways["squeue prints a notice"]:
        print("squeue: too many queries by this user, please wait 60 seconds")
        return 0
    if ways["all forget, and nothing runs"] or ways["queue forgets"]:
        jobs = {}
    for id, job in jobs.items():
        gone = ways["queue forgets what ended"] and job["state"] not in ("PENDING", "RUNNING")
        lines = [(job["user"], "RV" if ways["revoked"] else SHORT[job["state"]], job["folder"])]
        if ways["another user's jobs"]:
            lines = [("somebody", "F", "/home/somebody/work")]
        if ways["every line twice"]:
            lines = [(job["user"], "F", job["folder"]), *lines] if job["state"] != "FAILED" else lines * 2
        for user, word, folder in () if gone else lines:
            print(f"{id}|{user}|{word}|None|{folder}")
    return 0


def _sacct(home: Path, arguments: list[str]) -> int:
    with state_of(home) as state:
        jobs = state["jobs"]
        ways = {name: _does(state, name) for name in BEHAVIOURS if name not in AT_WORK}
    if ways["no accounting"]:
        return _say("Slurm accounting storage is disabled")
    if ways["no database"]:
        return _say(
            "sacct: error: slurm_persist_conn_open_without_init: failed to open persistent connection to "
            "host:slurm-hpc:6819: Connection refused\nsacct: error: Sending PersistInit msg: Connection refused"
        )
    for id, job in {} if ways["all forget, and nothing runs"] else jobs.items():
        word, folder = job["state"], job["folder"]
        if ways["another user's jobs"]:
            word, folder = "COMPLETED", "/home/somebody/work"
        if ways["accounting keeps jobs running"]:
            word = "RUNNING"
        print(f"{id}|{word if len(word) < 10 else word[:9] + '+'}|{folder}")
        print(f"{id}.batch|{word}|")
    return 0


def _scancel(home: Path, arguments: list[str]) -> int:
    with state_of(home) as state:
        job = state["jobs"].get(arguments[-1])
        if job is None:
            return _say("scancel: error: Kill job error on job id: Invalid job id specified")
        if job["state"] == "RUNNING":
            with suppress(ProcessLookupError):
                os.killpg(job["pid"], signal.SIGTERM)
        if job["state"] in ("PENDING", "RUNNING"):
            job["state"] = "CANCELLED"
        _start_ready(home, state)
    return 0


def _scontrol(home: Path, arguments: list[str]) -> int:
    with state_of(home) as state:
        job, cluster = state["jobs"].get(arguments[-1]), state.get("cluster", "hostile")
    if arguments[-1] == "config":
        print(f"Configuration data as of 2026-11-27T09:00:00\nClusterName             = {cluster}\nSLURM_CONF = /etc")
        return 0
    if job is None:
        return _say("slurm_load_jobs error: Invalid job id specified")
    print(f"JobId={arguments[-1]} JobName={job['name']}\n   JobState={job['state']} WorkDir={job['folder']}")
    return 0


def _sinfo(home: Path, arguments: list[str]) -> int:
    print("debug* up infinite 1 idle n1")
    return 0


# --- its jobs ---------------------------------------------------------------------------------------------------


def _start_ready(home: Path, state: dict[str, Any]) -> None:
    """Start what nothing holds back; end what waits for a job that did not end well."""
    if state["does"].get("nothing starts") or "all forget, and nothing runs" in state["does"]:
        return
    for id, job in state["jobs"].items():
        if job["state"] != "PENDING":
            continue
        before = {state["jobs"][other]["state"] if other in state["jobs"] else "FAILED" for other in job["after"]}
        if before <= {"COMPLETED"}:
            job["state"] = "RUNNING"
            argv = (sys.executable, "-S", "-E", __file__, str(home), "run", id)
            process = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                start_new_session=True,
            )  # fmt: skip
            job["pid"] = process.pid
        elif before - {"COMPLETED", "PENDING", "RUNNING"} and "dependents stay" not in state["does"]:
            job["state"] = "CANCELLED"


def _run(home: Path, arguments: list[str]) -> int:
    """Be the job until its end."""
    (id,) = arguments
    with state_of(home) as state:
        job = state["jobs"][id]
        ways = {
            name: _does(state, name) for name in ("wrote nothing", "out of memory, cut", "requeued", "files come late")
        }
    word = "COMPLETED"
    if ways["out of memory, cut"]:
        word = "OUT_OF_MEMORY"
    elif not ways["wrote nothing"]:
        for _ in range(1 + ways["requeued"]):
            word = "COMPLETED" if _carry_out(id, job) == 0 else "FAILED"
    hidden = _hide(job) if ways["files come late"] else []
    with state_of(home) as state:
        if state["jobs"][id]["state"] == "RUNNING":
            state["jobs"][id] |= {"state": word, "late": bool(hidden)}
        _start_ready(home, state)
    if hidden:
        time.sleep(LATE_S)
        for place, there in hidden:
            os.rename(there, place)
        with state_of(home) as state:
            state["jobs"][id]["late"] = False
    return 0


def _carry_out(id: str, job: dict[str, Any]) -> int:
    with open(job["log"], "ab") as log:
        return subprocess.run(
            ("bash", job["script"]),
            cwd=job["folder"],
            env={**os.environ, "SLURM_JOB_ID": id, "SLURM_JOB_NAME": job["name"]},
            stdout=log,
            stderr=log,
            check=False,
        ).returncode


def _hide(job: dict[str, Any]) -> list[tuple[str, str]]:
    """What the job has left in the folder of its step is not there yet, for anybody."""
    root, _, rest = job["folder"].partition("/jobs/")
    step = rest.rpartition("/")[0]
    places = [str(place) for place in Path(root, "steps").glob(f"{step}-??????????")]
    hidden = [(place, f"{os.path.dirname(place)}/.late.{os.path.basename(place)}") for place in places]
    for place, there in hidden:
        os.rename(place, there)
    return hidden


if __name__ == "__main__":
    called = {
        "sbatch": _sbatch, "squeue": _squeue, "scancel": _scancel, "sacct": _sacct, "scontrol": _scontrol,
        "sinfo": _sinfo, "run": _run,
    }  # fmt: skip
    sys.exit(called[sys.argv[2]](Path(sys.argv[1]), sys.argv[3:]))
