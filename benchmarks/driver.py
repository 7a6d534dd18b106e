"""What an engine of workflows adds to a trivial step: dftflow's beside StepUp, executorlib, jobflow and Parsl.

    python -m venv peers
    peers/bin/pip install stepup==4.0.3 executorlib==1.11.0 jobflow==0.4.0 parsl==2026.10.26
    python benchmarks/driver.py --peers peers/bin/python --steps 500 5000

A step is one process, ``/bin/sh -c 'echo N > FILE'``, two at once where an engine can; jobflow's ``run_locally`` does
one after the other. dftflow does what it does of every step: a folder, a lock, the state before and after, seals, the
judge; the plan itself is not in it (`benchmarks/many_steps.py`). Each engine is a process of its own, from its start to
its end, one after the other. Wall time tells what else the machine does; processor time (of the engine and of all that
it starts and waits for) tells less of it. ``bare`` starts the same processes with nothing around them. Memory is the
largest of one process.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BARE = """
import subprocess, sys
count, running = int(sys.argv[1]), []
for number in range(count):
    running.append(subprocess.Popen(["/bin/sh", "-c", f"echo {number} > done-{number}"]))
    if len(running) == 2:
        running.pop(0).wait()
for process in running:
    process.wait()
"""
DFTFLOW = """
import hashlib, sys
from pathlib import Path
from dftflow.jobs.graph import Room, run_graph
from dftflow.jobs.job import Job, Node, Verdict
from dftflow.jobs.local import Local
from dftflow.jobs.lock import locked

def judge(folder):
    return Verdict(state="finished" if (folder / "done").is_file() else "not_run")

def node(number):
    command = f"echo {number} > done"
    job = Job(identity=hashlib.sha256(command.encode()).hexdigest(), files={}, argv=("/bin/sh", "-c", command))
    return Node(name=f"m{number // 100}/s{number % 100}", title="", needs=(), prepare=lambda: job,
                doing=lambda folder: "", judge=judge)

root = Path("run")
with locked(root):
    ends = run_graph([node(number) for number in range(int(sys.argv[1]))], Local(root), room=Room(workers=2))
sys.exit(any(end.state != "finished" for end in ends.values()))
"""
STEPUP_PLAN = """#!/usr/bin/env python3
import os
from stepup.core.api import run
for number in range(int(os.environ["COUNT"])):
    run(f"echo {number} > done-{number}", out=f"done-{number}", shell=True)
"""
EXECUTORLIB = """
import subprocess, sys
from executorlib import SingleNodeExecutor

def step(number):
    import subprocess
    return subprocess.run(["/bin/sh", "-c", f"echo {number} > done-{number}"]).returncode

if __name__ == "__main__":
    with SingleNodeExecutor(max_workers=2, block_allocation=True) as executor:
        futures = [executor.submit(step, number) for number in range(int(sys.argv[1]))]
        sys.exit(any(future.result() for future in futures))
"""
JOBFLOW = """
import subprocess, sys
from jobflow import Flow, job, run_locally

@job
def step(number):
    return subprocess.run(["/bin/sh", "-c", f"echo {number} > done-{number}"]).returncode

run_locally(Flow([step(number) for number in range(int(sys.argv[1]))]), log=False, ensure_success=True)
"""
PARSL = """
import sys
import parsl
from parsl import bash_app
from parsl.config import Config
from parsl.executors import HighThroughputExecutor
from parsl.providers import LocalProvider

@bash_app
def step(number):
    return f"echo {number} > done-{number}"

if __name__ == "__main__":
    executor = HighThroughputExecutor(max_workers_per_node=2, address="127.0.0.1",
                                      loopback_address="127.0.0.1", provider=LocalProvider())
    with parsl.load(Config(executors=[executor], strategy="none")):
        futures = [step(number) for number in range(int(sys.argv[1]))]
        sys.exit(any(future.result() for future in futures))
"""


def command_of(engine: str, peers: str, place: Path, steps: int) -> list[str]:
    """What runs so many steps by that engine in `place`."""
    if engine == "StepUp":
        (place / "plan.py").write_text(STEPUP_PLAN)
        (place / "plan.py").chmod(0o755)
        return [str(Path(peers).with_name("stepup")), "build", "-j", "2", "--no-progress"]
    own = {"bare": BARE, "dftflow": DFTFLOW}
    script = own.get(engine) or {"executorlib": EXECUTORLIB, "jobflow": JOBFLOW, "Parsl": PARSL}[engine]
    (place / "driver_script.py").write_text(script)
    return [sys.executable if engine in own else peers, "driver_script.py", str(steps)]


def measured(engine: str, peers: str, steps: int, limit_s: float) -> str:
    """A row: ms a step by the wall and of the processor, and MiB; or why there is none."""
    place = Path(tempfile.mkdtemp(prefix=f"driver-{engine}-"))
    paths = [str(Path(peers).parent), os.environ["PATH"]] if engine not in ("bare", "dftflow") else [os.environ["PATH"]]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "COUNT": str(steps), "PATH": os.pathsep.join(paths)}
    environment |= {"PYTHONPATH": str(ROOT)} if engine == "dftflow" else {"PYTHONPATH": ""}
    command = command_of(engine, peers, place, steps)
    began = time.monotonic()
    with open(place / "log", "wb") as log:
        process = subprocess.Popen(command, cwd=place, stdout=log, stderr=log, env=environment, start_new_session=True)
        killer = subprocess.Popen(
            ["/bin/sh", "-c", f"sleep {limit_s:.0f}; kill -9 -{process.pid}"], stdin=subprocess.DEVNULL
        )
        _, status, usage = os.wait4(process.pid, 0)
    wall_s = time.monotonic() - began
    killer.kill()
    killer.wait()
    left = sum(1 for _ in place.rglob("done*"))
    code = os.waitstatus_to_exitcode(status)
    if code or left != steps:
        return f"{'':>9} {'':>9} {'':>8}  exit {code}, {left} of {steps} files after {wall_s:.0f} s, see {place}"
    shutil.rmtree(place, ignore_errors=True)
    cpu_s = usage.ru_utime + usage.ru_stime
    return f"{1000 * wall_s / steps:9.2f} {1000 * cpu_s / steps:9.2f} {usage.ru_maxrss / 1024:8.0f}"


def main(arguments: list[str] | None = None) -> int:
    """Print the table."""
    assert __doc__ is not None
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--peers", help="the interpreter that has the others")
    parser.add_argument("--steps", nargs="+", type=int, default=[500])
    parser.add_argument("--limit", type=float, default=300.0, help="seconds after which an engine is ended")
    parser.add_argument("engines", nargs="*", help="all unless given")
    given = parser.parse_args(arguments)
    others = ("StepUp", "executorlib", "jobflow", "Parsl") if given.peers else ()
    print(f"{'steps':>6}  {'engine':<12} {'wall ms':>9} {'cpu ms':>9} {'MiB':>8}   (ms a step)", flush=True)
    for steps in given.steps:
        for engine in given.engines or ("bare", "dftflow", *others):
            row = measured(engine, given.peers or "", steps, given.limit)
            print(f"{steps:>6}  {engine:<12} {row}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
