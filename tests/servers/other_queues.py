"""PBS, SGE and LSF as programs on a PATH, which print what their manuals and public threads show; jobs really run.

Their state is one file, see `servers.stub_queue`. As those three do, PBS and SGE forget a job when it has
ended; PBS removes one that waits for a job that failed, SGE starts it, LSF ends it (``-ti``) and lists what has ended.
LSF reads the options of a script from its input alone. Only PBS tells in which folder a job works.
"""

from __future__ import annotations

import getpass
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from textwrap import wrap
from typing import Any
from xml.sax.saxutils import escape

sys.path.insert(0, str(Path(__file__).resolve().parent))

from stub_queue import StubQueue, state_of

__all__ = ["OtherQueue"]

PROGRAMS = {"pbs": ("qsub", "qstat", "qdel"), "sge": ("qsub", "qstat", "qdel"), "lsf": ("bsub", "bjobs", "bkill")}
MARKS = {"pbs": "#PBS ", "sge": "#$ ", "lsf": "#BSUB "}
NAME, LOG = {"pbs": "-N", "sge": "-N", "lsf": "-J"}, "-o"
AFTER = {"pbs": "-W", "sge": "-hold_jid", "lsf": "-w"}
FOLDER = {"sge": "-wd", "lsf": "-cwd"}
LIVE = ("PENDING", "RUNNING")


class OtherQueue(StubQueue):
    """Its programs and jobs, in a folder."""

    def __init__(self, home: Path, kind: str) -> None:
        super().__init__(home, __file__, PROGRAMS[kind], kind)

    def dies_after_accepting(self) -> None:
        """The program that submits does so, the next time."""
        with state_of(self.home) as state:
            state["does"]["dies"] = 1


# --- submitting -------------------------------------------------------------------------------------------------


def _submit(home: Path, kind: str, arguments: list[str]) -> int:
    text = sys.stdin.read() if kind == "lsf" else Path(arguments[-1]).read_text()
    with state_of(home) as state:
        job = str(state["next"])
        state["next"] += 1
        script = home / f"script-{job}"
        script.write_text(text)
        state["jobs"][job] = _job(kind, text, script)
        dies = state["does"].pop("dies", 0)
        _start_ready(home, kind, state)
    if dies:
        os.kill(os.getpid(), signal.SIGKILL)
    print({"pbs": f"{job}.server", "sge": job, "lsf": f"Job <{job}> is submitted to queue <normal>."}[kind])
    return 0


def _job(kind: str, text: str, script: Path) -> dict[str, Any]:
    told = dict(_options(kind, text))
    return {
        "user": getpass.getuser(),
        "name": told[NAME[kind]],
        "folder": told[FOLDER[kind]] if kind in FOLDER else os.getcwd(),
        "log": told[LOG].replace("%%", "%"),
        "script": str(script),
        "after": re.findall(r"\d+", told.get(AFTER[kind], "")),
        "state": "PENDING",
        "pid": 0,
    }


def _options(kind: str, text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        if line.startswith(MARKS[kind]):
            name, *rest = shlex.split(line.removeprefix(MARKS[kind]))
            yield name, " ".join(rest)


def _delete(home: Path, kind: str, arguments: list[str]) -> int:
    id = arguments[-1].partition(".")[0]
    with state_of(home) as state:
        job = state["jobs"].get(id)
        if job is None or job["state"] not in LIVE:
            unknown = {
                "pbs": f"qdel: Unknown Job Id {id}.server",
                "sge": f'denied: job "{id}" does not exist',
                "lsf": f"Job <{id}>: Job has already finished",
            }
            print(unknown[kind], file=sys.stderr)
            return 1
        if job["state"] == "RUNNING":
            with suppress(ProcessLookupError):
                os.killpg(job["pid"], signal.SIGTERM)
        job["state"] = "EXIT"
        _start_ready(home, kind, state)
    return 0


# --- what is listed ---------------------------------------------------------------------------------------------


def _list(home: Path, kind: str, arguments: list[str]) -> int:
    assert arguments == {"pbs": ["-f"], "sge": ["-xml"], "lsf": ["-a", "-w"]}[kind]
    with state_of(home) as state:
        jobs = state["jobs"]
    if kind != "lsf":
        jobs = {id: job for id, job in jobs.items() if job["state"] in LIVE}
    return {"pbs": _qstat_f, "sge": _qstat_xml, "lsf": _bjobs}[kind](jobs)


def _qstat_f(jobs: dict[str, dict[str, Any]]) -> int:
    """As PBS Professional prints it, with a variable of the site's behind the folder, and a job of somebody else."""
    other = {"user": "somebody", "name": "another", "folder": "/home/somebody", "state": "RUNNING"}
    for id, job in {"7": other, **jobs}.items():
        letter = {"PENDING": "Q", "RUNNING": "R"}[job["state"]]
        variables = f"PBS_O_HOME=/home/x,PBS_O_LOGNAME=x,PBS_O_WORKDIR={job['folder']},SITE_PROJECT=ab12"
        attributes = {
            "Job_Name": job["name"][:15], "Job_Owner": f"{job['user']}@login1", "resources_used.cput": "00:00:01",
            "job_state": letter, "queue": "workq", "server": "server", "Error_Path": "login1:/x",
            "Variable_List": variables,
        }  # fmt: skip
        print(f"Job Id: {id}.server")
        for name, value in attributes.items():
            first, *more = wrap(f"{name} = {value}", 74, drop_whitespace=False, break_on_hyphens=False)
            print("\n\t".join((f"    {first}", *more)))
        print()
    return 0


def _qstat_xml(jobs: dict[str, dict[str, Any]]) -> int:
    print("<?xml version='1.0'?>\n<job_info  xmlns:xsd=\"http://arc.liv.ac.uk/repos/darcs/sge/qstat.xsd\">")
    for tag, state, letters in (("queue_info", "RUNNING", "r"), ("job_info", "PENDING", "qw")):
        print(f"  <{tag}>")
        for id, job in jobs.items():
            if job["state"] == state:
                word = "hqw" if job["after"] and state == "PENDING" else letters
                print(
                    f'    <job_list state="{state.lower()}">\n      <JB_job_number>{id}</JB_job_number>\n'
                    f"      <JAT_prio>0.55500</JAT_prio>\n      <JB_name>{escape(job['name'])}</JB_name>\n"
                    f"      <JB_owner>{job['user']}</JB_owner>\n      <state>{word}</state>\n"
                    f"      <slots>1</slots>\n    </job_list>"
                )
        print(f"  </{tag}>")
    print("</job_info>")
    return 0


def _bjobs(jobs: dict[str, dict[str, Any]]) -> int:
    if not jobs:
        print("No job found", file=sys.stderr)
        return 255
    words = {"PENDING": "PEND", "RUNNING": "RUN", "DONE": "DONE", "EXIT": "EXIT"}
    print("JOBID      USER    STAT  QUEUE      FROM_HOST   EXEC_HOST   JOB_NAME   SUBMIT_TIME")
    for id, job in jobs.items():
        word, host = words[job["state"]], "-" if job["state"] == "PENDING" else "node07"
        print(f"{id:<10} {job['user']:<7} {word:<5} normal     login1      {host:<11} {job['name']} Nov 26 12:57")
    return 0


# --- its jobs ---------------------------------------------------------------------------------------------------


def _start_ready(home: Path, kind: str, state: dict[str, Any]) -> None:
    """Start what nothing holds back; end what waits for a job that did not end well, where this one does."""
    for id, job in state["jobs"].items():
        before = {state["jobs"][other]["state"] for other in job["after"]}
        if job["state"] != "PENDING" or before & set(LIVE):
            continue
        if before <= {"DONE"} or kind == "sge":
            job["state"] = "RUNNING"
            process = subprocess.Popen(
                (sys.executable, "-S", "-E", __file__, str(home), kind, "run", id),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
            job["pid"] = process.pid
        else:
            job["state"] = "EXIT"


def _run(home: Path, kind: str, arguments: list[str]) -> int:
    """Be the job until its end."""
    (id,) = arguments
    with state_of(home) as state:
        job = state["jobs"][id]
    own = {
        "pbs": {"PBS_JOBID": f"{id}.server", "PBS_O_WORKDIR": job["folder"]},
        "sge": {"JOB_ID": id, "SGE_ROOT": "/opt/sge"},
        "lsf": {"LSB_JOBID": id},
    }
    with open(job["log"], "ab") as log:
        done = subprocess.run(
            ("bash", job["script"]),
            cwd=home if kind == "pbs" else job["folder"],
            env={**os.environ, **own[kind]},
            stdout=log,
            stderr=log,
            check=False,
        )
    with state_of(home) as state:
        if state["jobs"][id]["state"] == "RUNNING":
            state["jobs"][id]["state"] = "DONE" if done.returncode == 0 else "EXIT"
        _start_ready(home, kind, state)
    return 0


if __name__ == "__main__":
    _, _home, _kind, _called, *_given = sys.argv
    _what = {"qsub": _submit, "bsub": _submit, "qdel": _delete, "bkill": _delete, "run": _run}.get(_called, _list)
    sys.exit(_what(Path(_home), _kind, _given))
