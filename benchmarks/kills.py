"""Kills dftflow and its engines hundreds of times, and looks whether anything runs twice, is lost or is not seen.

    python benchmarks/kills.py --kills 500 --early 200 --real 0.2

Each trial is a run that is killed again and again, and gone on with at once, until it comes to its end. A kill is
SIGKILL, to dftflow, to an engine, to both, or to dftflow and all engines with everything they started; at a random
time, or (--early) within 100 ms after an engine was about to be started. A part of the kills (--real) falls on the
engine GPAW, which relaxes CsBr and calculates its bands; the others fall on a stub, which takes half a second a step.

A witness that shares no code with dftflow looks at /proc a hundred times a second. What it must never see:

    twice at once   two engines in one folder
    run again       an engine that starts in a folder whose results were whole
    unseen          an engine that runs, and of which dftflow says that nobody works there
    lost            a run that does not come to its end, or ends with another geometry than one that was not killed

The exit status is 1 when it has seen one.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from small_relaxation import lay_small_relaxation  # noqa: E402

from dftflow.jobs.local import at_work  # noqa: E402
from dftflow.jobs.step_state import read_state  # noqa: E402

__all__ = ["Real", "Report", "Stub", "Trial", "Witness", "main"]

EARLY_S = 0.1
KINDS = ("dftflow", "engine", "both", "group")
STUB_STEP = """
import os, pathlib, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(0.1)"])
for part in range(5):
    time.sleep(0.1)
    pathlib.Path(".part").write_text(str(part))
    os.replace(".part", "part")
child.wait()
pathlib.Path(".done").write_text("yes")
os.replace(".done", "done")
time.sleep(float(os.environ.get("DFTFLOW_STUB_EXIT_S", "0.05")))
"""
STUB_DRIVER = """
import hashlib, sys
from pathlib import Path
from dftflow.jobs.graph import Room, run_graph
from dftflow.jobs.job import Job, Node, Verdict
from dftflow.jobs.local import Local
from dftflow.jobs.lock import locked

root, script = Path(sys.argv[1]), sys.argv[2]

def node(name, needs=()):
    text = script + f"# {name}\\n"
    job = Job(identity=hashlib.sha256(text.encode()).hexdigest(), files={"job.py": text},
              argv=(sys.executable, "job.py"))
    return Node(name=name, title="", needs=needs, prepare=lambda: job, doing=lambda folder: "", judge=judge)

def judge(folder):
    done = folder / "done"
    whole = done.exists() and done.read_text() == "yes"
    return Verdict(state="finished" if whole else "failed", failure="" if whole else "left no result")

nodes = [node("a/one"), node("a/two", ("a/one",)), node("b/one"), node("b/two", ("b/one",))]
with locked(root):
    ends = run_graph(nodes, Local(root), room=Room(workers=2))
sys.exit(any(end.state != "finished" for end in ends.values()))
"""


# --- what is run ------------------------------------------------------------------------------------------------


class Stub:
    """Four steps of half a second, each with a child process of its own."""

    name = "stub"
    longest_s = 2.5
    patience_s = 60.0

    def command(self, root: Path) -> tuple[str, ...]:
        return (sys.executable, "-c", STUB_DRIVER, str(root), STUB_STEP)

    def is_whole(self, folder: Path) -> bool:
        return (folder / "done").exists()

    def outcome(self, root: Path) -> object:
        return sorted(path.parent.name for path in root.glob("steps/*/*/done"))


class Real:
    """A relaxation of two ions and a band structure with GPAW, through ``dftflow run``."""

    name = "GPAW"
    longest_s = 25.0
    patience_s = 300.0

    def command(self, root: Path) -> tuple[str, ...]:
        study = lay_small_relaxation(root.parent)
        return (sys.executable, "-m", "dftflow", "run", str(study), "--out", str(root), "--workers", "2")

    def is_whole(self, folder: Path) -> bool:
        try:
            return bool(json.loads((folder / "results.json").read_text())["status"] == "finished")
        except (OSError, ValueError, KeyError):
            return False

    def outcome(self, root: Path) -> object:
        """Distance of the two ions in Å, to the tolerance of the relaxation, and the number of steps."""
        found = []
        for file in sorted(root.glob("steps/*/*/results.json")):
            positions = json.loads(file.read_text())["positions_ang"]
            found.append(round(abs(positions[1][2] - positions[0][2]), 2))
        return found


# --- the witness ------------------------------------------------------------------------------------------------


@dataclass
class Report:
    """What was done and seen."""

    kills: Counter[str] = field(default_factory=Counter)
    starts: int = 0
    findings: list[str] = field(default_factory=list)


class Witness(threading.Thread):
    """Looks at /proc for processes that lead a session of their own in a folder of a step: the engines."""

    def __init__(self, root: Path, is_whole: Callable[[Path], bool], report: Report, *, every_s: float = 0.01) -> None:
        super().__init__(daemon=True)
        self._every_s = every_s
        self._root, self._is_whole, self._report = str(root / "steps"), is_whole, report
        self._seen: set[tuple[int, str]] = set()
        self._whole: set[str] = set()
        self._end = threading.Event()

    def run(self) -> None:
        while not self._end.wait(self._every_s):
            self.look()

    def stop(self) -> None:
        self._end.set()
        self.join()

    def look(self) -> dict[str, list[int]]:
        """Folder -> engines that live there now."""
        whole_before = set(self._whole)
        alive: dict[str, list[int]] = {}
        for name in os.listdir("/proc"):
            engine = self._engine(name) if name.isdigit() else None
            if engine is not None:
                pid, birth, folder = engine
                alive.setdefault(folder, []).append(pid)
                if (pid, birth) not in self._seen:
                    self._seen.add((pid, birth))
                    self._report.starts += 1
                    if folder in whole_before:
                        self._report.findings.append(f"run again: {folder}")
        for folder, pids in alive.items():
            if len(pids) > 1 and len(self._still(folder, pids)) > 1:
                self._report.findings.append(f"twice at once: {pids} in {folder}")
        for place in Path(self._root).glob("*/*"):
            if self._is_whole(place):
                self._whole.add(str(place))
        return alive

    def _engine(self, name: str) -> tuple[int, str, str] | None:
        try:
            fields = Path("/proc", name, "stat").read_text().rpartition(")")[2].split()
            folder = os.readlink(f"/proc/{name}/cwd")
        except OSError:
            return None
        leads = fields[3] == name  # its session has its own number
        if fields[0] in "ZX" or not leads or not folder.startswith(self._root):
            return None
        return int(name), fields[19], folder

    def _still(self, folder: str, pids: list[int]) -> list[int]:
        return [pid for pid in pids if (found := self._engine(str(pid))) is not None and found[2] == folder]


# --- a trial ----------------------------------------------------------------------------------------------------


class Trial:
    """One run, killed until its end.

    Parameters
    ----------
    what
        What is run.
    root
        Its folder, which does not exist yet.
    early
        Kill within 100 ms after a start.
    """

    def __init__(self, what: Stub | Real, root: Path, report: Report, dice: random.Random, *, early: bool) -> None:
        self._what, self._root, self._report, self._dice, self._early = what, root, report, dice, early
        self._witness = Witness(root, what.is_whole, report)

    def run(self, kills: int, expected: object = None) -> int:
        """Kill at most `kills` times, then let it come to its end; how often it was killed."""
        self._root.parent.mkdir(parents=True)
        self._witness.start()
        try:
            done = 0
            while done < kills and self._killed_once():
                done += 1
                self._ask()
            self._finish(expected)
        finally:
            self._witness.stop()
        return done

    def _drive(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            self._what.command(self._root),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )

    def _killed_once(self) -> bool:
        """Start it and kill; False when it came to its end before."""
        driver = self._drive()
        kind = self._dice.choice(KINDS)
        if self._early:
            if not self._wait_for_a_start(driver):
                return False
            time.sleep(self._dice.uniform(0, EARLY_S))
        else:
            deadline = time.monotonic() + self._dice.uniform(0, self._what.longest_s)
            while time.monotonic() < deadline and driver.poll() is None:
                time.sleep(0.005)
        if driver.poll() is not None:
            return False
        self._kill(kind, driver)
        self._report.kills[f"{self._what.name}, {'early' if self._early else 'any time'}, {kind}"] += 1
        return True

    def _wait_for_a_start(self, driver: subprocess.Popen[bytes]) -> bool:
        """Whether an engine is about to be started: its state is written before it is."""
        before = self._states()
        while driver.poll() is None:
            now = self._states()
            if any('"running"' in text and before.get(name) != text for name, text in now.items()):
                return True
            time.sleep(0.001)
        return False

    def _states(self) -> dict[str, str]:
        found = {}
        for file in self._root.glob("steps/*/*/state.json"):
            try:
                found[str(file)] = file.read_text()
            except OSError:
                continue
        return found

    def _kill(self, kind: str, driver: subprocess.Popen[bytes]) -> None:
        engines = [pid for pids in self._witness.look().values() for pid in pids]
        if kind == "engine" and engines:
            _send(os.kill, self._dice.choice(engines))
            if self._dice.random() < 0.5:
                time.sleep(self._dice.uniform(0, 0.5))
        if kind != "engine" or driver.poll() is None:
            _send(os.kill if kind != "group" else os.killpg, driver.pid)
        if kind in ("both", "group"):
            for pid in engines:
                _send(os.kill if kind == "both" else os.killpg, pid)
        driver.wait()

    def _ask(self) -> None:
        """What dftflow says of each folder in which an engine lives, now and a moment later."""
        for name, pids in self._witness.look().items():
            said = at_work(Path(name), read_state(Path(name)))
            still = self._witness.look().get(name, [])
            if said is None and set(pids) & set(still):
                self._report.findings.append(f"unseen: {pids} in {name}")

    def _finish(self, expected: object) -> None:
        driver = self._drive()
        try:
            code = driver.wait(self._what.patience_s)
        except subprocess.TimeoutExpired:
            driver.kill()
            code = -1
        found = self._what.outcome(self._root)
        if code != 0:
            self._report.findings.append(f"lost: the run ended with {code} in {self._root}")
        elif expected is not None and found != expected:
            self._report.findings.append(f"lost: {found}, where {expected} was expected, in {self._root}")
        if any(self._witness.look().values()):
            time.sleep(1.0)
            for name, pids in self._witness.look().items():
                self._report.findings.append(f"unseen: {pids} in {name}, after the end")


def _send(kill: Callable[[int, int], None], pid: int) -> None:
    with suppress(ProcessLookupError):
        kill(pid, signal.SIGKILL)


# --- all of them ------------------------------------------------------------------------------------------------


def _campaign(what: Stub | Real, kills: int, place: Path, report: Report, dice: random.Random, *, early: bool) -> None:
    """Trials of `what`, until so many kills have fallen."""
    if kills <= 0:
        return
    left, number = kills, 0
    whole = Trial(what, place / "whole" / "run", Report(), dice, early=False)
    whole.run(0)
    expected = what.outcome(place / "whole" / "run")
    while left > 0:
        number += 1
        done = Trial(what, place / str(number) / "run", report, dice, early=early).run(min(left, 12), expected)
        left -= done
        if not report.findings:
            shutil.rmtree(place / str(number))
        print(f"{what.name}: {kills - left} of {kills} kills, {len(report.findings)} findings", file=sys.stderr)


def main(arguments: list[str] | None = None) -> int:
    """Run the trials, print the table; 1 when something was found."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--kills", type=int, default=500, help="at a random time")
    parser.add_argument("--early", type=int, default=200, help="within 100 ms after a start")
    parser.add_argument("--real", type=float, default=0.2, help="share of them that falls on GPAW")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(arguments)
    report, dice = Report(), random.Random(given.seed)
    place = Path(tempfile.mkdtemp(prefix="kills-"))
    began = time.monotonic()
    for early, kills in ((False, given.kills), (True, given.early)):
        real = round(kills * given.real)
        kind = "early" if early else "random"
        _campaign(Stub(), kills - real, place / f"stub-{kind}", report, dice, early=early)
        _campaign(Real(), real, place / f"real-{kind}", report, dice, early=early)
    for line, count in sorted(report.kills.items()):
        print(f"{count:6d}  {line}")
    print(f"{sum(report.kills.values())} kills, {report.starts} starts of engines, seed {given.seed}, "
          f"{time.monotonic() - began:.0f} s")  # fmt: skip
    found = Counter(finding.partition(":")[0] for finding in report.findings)
    for name in ("twice at once", "run again", "unseen", "lost"):
        print(f"{found[name]:6d}  {name}")
    for finding in report.findings[:20]:
        print(f"  {finding}")
    if not report.findings:
        shutil.rmtree(place)
    return 1 if report.findings else 0


if __name__ == "__main__":
    sys.exit(main())
