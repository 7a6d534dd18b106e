"""Kills the driver of a 200-step study 100 times, here and on Slurm: does every step run exactly once to completion?

    python benchmarks/kill_drivers.py local --kills 100
    python benchmarks/kill_drivers.py slurm --kills 100          # needs Debian's Slurm, see tests/servers/slurm.py

The study is a crystal and its slab at 50 cutoffs: two relaxations and two calculations that need them, each. The engine
is a stub that takes 0.3 s, and notes its start and its end in files of its own: what has run is counted there, and not
by what dftflow says. The driver is ``dftflow run``; on Slurm ``dftflow run --machine`` until all is submitted, and then
``dftflow advance``. It gets SIGKILL at a random moment: while it starts, plans and writes, a random number of starts
(on Slurm: of submissions) later, or as soon as it has started an sbatch; and is called again at once. Engines and jobs
are not touched: they go on without a driver, which is what has to be seen.

    double      an engine that was started again for its step, or two at once in one folder
    lost        a step that did not come to its end, or that dftflow does not call finished
    uncertain   what dftflow calls so after a kill: resolved when the queue was asked, or by a person who has looked
    silent      an engine, or a job of Slurm, of which dftflow does not know after a kill

The exit status is 1 when one is double, lost or silent.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from dftflow.jobs.cluster.submission import Submission, attempts
from dftflow.jobs.local import at_work
from dftflow.jobs.step_state import read_state
from dftflow.studies.again import retry_steps
from dftflow.studies.standing import standing_of

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "benchmarks")]

import kills  # noqa: E402
from counted_study import CountedStudy  # noqa: E402
from servers.slurm import Slurm  # noqa: E402

__all__ = ["Campaign", "Here", "OnSlurm", "Tally", "main"]

ENGINE_S = 0.3
STUDY = """\
schema = 1
title = "Drivers that are killed"
preset = "small"

[presets.small]
description = "of a model crystal"
accuracy = "none"
bulk_relax = "cell"
slab_relax = true
slab_thickness_ang = 8.0
vacuum_ang = 12.0
path_spacing_per_ang = 1.0

[materials.CsBr]
structure = "CsBr_Pm-3m"
cutoff_ev = 244.0
relax_kpoints = [2, 2, 2]
bands_kpoints = [4, 4, 4]
cell = "isotropic"
band_edge = "G"

[[materials.CsBr.slabs]]
miller = [1, 1, 0]
setting = "cubic"

[[sweep]]
cutoff_ev = {cutoffs}
"""
MACHINES = """\
default = "here"

[machines.here]
cores = 2

[machines.loop]
scheduler = "slurm"
cores = 2
memory_gib = 2
grace_s = 5
python = "{python}"

[machines.loop.resources]
time_h = 0.5
memory_gib = 0.25
"""
STEPS_A_POINT = 4
PATIENCE_S = 1800.0
AT_ONCE = 0.34
"""Share of the kills, on Slurm, that fall as soon as an sbatch was started."""


@dataclass
class Tally:
    """What was done and seen."""

    kills: Counter[str] = field(default_factory=Counter)
    uncertain: set[str] = field(default_factory=set)
    by_a_person: set[str] = field(default_factory=set)
    silent: set[str] = field(default_factory=set)
    lost: set[str] = field(default_factory=set)
    double: set[str] = field(default_factory=set)


# --- where it is run --------------------------------------------------------------------------------------------


class Here:
    """Steps are processes of this machine."""

    name = "local"

    def __init__(self, study: CountedStudy, dice: random.Random, tally: Tally) -> None:
        self.study, self.dice, self.tally = study, dice, tally
        self.seen = kills.Report()
        self.witness = kills.Witness(study.root, kills.Real().is_whole, self.seen, every_s=0.1)

    def arguments(self) -> tuple[str, ...]:
        return ("run", "study.toml", "--out", "run", "--workers", "2")

    def progress(self) -> int:
        """What is counted between two kills."""
        return sum(self.study.started.values())

    def is_over(self) -> bool:
        return sum(self.study.ended.values()) >= len(self.study.steps)

    def in_the_middle(self, driver: subprocess.Popen[bytes]) -> bool:
        """Whether a kill is to fall now, whatever was counted."""
        return False

    def look(self) -> None:
        """What dftflow says after a kill of what is at work."""
        for folder, pids in self.witness.look().items():
            said = at_work(Path(folder), read_state(Path(folder)))
            if said is None and set(pids) & set(self.witness.look().get(folder, ())):
                self.tally.silent.add(f"{pids} in {folder}")
            if said == "uncertain":
                self.tally.uncertain.add(folder)

    def settle(self) -> None:
        """What a person does in the end of what is uncertain."""


class OnSlurm(Here):
    """Steps are jobs; dftflow is called now and then."""

    name = "Slurm"

    def __init__(self, study: CountedStudy, dice: random.Random, tally: Tally, slurm: Slurm) -> None:
        super().__init__(study, dice, tally)
        self.slurm = slurm
        self._aimed = False

    def arguments(self) -> tuple[str, ...]:
        shutil.rmtree(self.study.path / "cache", ignore_errors=True)  # the queue is asked anew, as half a minute later
        self._aimed = self.dice.random() < AT_ONCE
        if self.progress() < len(self.study.steps):
            return ("run", "study.toml", "--out", "run", "--machine", "loop")
        return ("advance", "run")

    def records(self) -> list[Submission]:
        return [record for step in self.study.steps for record in attempts(self.study.root, step)]

    def progress(self) -> int:
        return len(list((self.study.root / "jobs").glob("*/*/*/submission.json")))

    def in_the_middle(self, driver: subprocess.Popen[bytes]) -> bool:
        """Whether the driver has an sbatch, and this kill was aimed at one."""
        if not self._aimed:
            return False
        try:
            children = Path(f"/proc/{driver.pid}/task/{driver.pid}/children").read_text().split()
            names = [Path(f"/proc/{child}/comm").read_text().strip() for child in children]
        except OSError:
            return False
        return "sbatch" in names

    def look(self) -> None:
        super().look()
        known = {record.folder: record for record in self.records()}
        for record in known.values():
            if record.stage == "intended":
                self.tally.uncertain.add(record.folder)
        for folder in self._folders_of_jobs():
            if folder not in known or not (known[folder].is_open or known[folder].stage == "ended"):
                self.tally.silent.add(f"a job in {folder}")

    def settle(self) -> None:
        """Look for a job in the folder of each submission that is uncertain; where there is none, say so.

        Slurm keeps what has ended for an hour here, so its queue tells of all.
        """
        while any(process.info["name"] == "sbatch" for process in psutil.process_iter(["name"])):
            time.sleep(0.05)  # one that has outlived its driver may be accepted yet
        there = self._folders_of_jobs()
        for record in self.records():
            if record.stage == "intended" and record.folder not in there:
                retry_steps(self.study.root, [record.step])
                self.tally.by_a_person.add(record.folder)

    def _folders_of_jobs(self) -> set[str]:
        return set(self.slurm._run("squeue", "-h", "-t", "all", "-o", "%Z").splitlines())


# --- a campaign -------------------------------------------------------------------------------------------------


class Campaign:
    """One study, whose driver is killed until its end.

    Parameters
    ----------
    start_s
        Within which it is killed while it starts.
    look_every_s
        How often it is called at last.
    """

    def __init__(self, place: Here, *, start_s: float = 6.0, look_every_s: float = 2.0) -> None:
        self._place, self._study, self._tally, self._dice = place, place.study, place.tally, place.dice
        self._start_s, self._look_every_s = start_s, look_every_s

    def run(self, count: int) -> int:
        """Kill at most `count` times, then let it come to its end; how often it was killed."""
        self._place.witness.start()
        done = 0
        try:
            while done < count and not self._place.is_over():
                killed = self._killed_once(count - done)
                done += killed
                self._place.look()
                if done % 10 == 0 and killed:
                    print(f"{done} kills, {self._place.progress()} counted, {sum(self._study.ended.values())} steps",
                          file=sys.stderr, flush=True)  # fmt: skip
            self._finish()
        finally:
            self._place.witness.stop()
        self._count()
        return done

    def _drive(self, log: str) -> subprocess.Popen[bytes]:
        with open(self._study.path / log, "ab") as printed:
            return subprocess.Popen(
                self._study.command(*self._place.arguments()),
                cwd=self._study.path,
                env=self._study.environment,
                stdout=printed,
                stderr=printed,
                start_new_session=True,
            )

    def _killed_once(self, left: int) -> bool:
        """Start it and kill; False when it came to its end before."""
        before = self._place.progress()
        steps = max(0, len(self._study.steps) - before)
        wanted = int(self._dice.uniform(0, 1.5 * steps / left))
        driver = self._drive("driver.log")
        until = time.monotonic() + (self._dice.uniform(0, self._start_s) if wanted == 0 else PATIENCE_S)
        moment = "while it starts" if wanted == 0 else "after a step"
        while driver.poll() is None and time.monotonic() < until:
            if self._place.in_the_middle(driver):
                moment = "within sbatch"
                time.sleep(self._dice.uniform(0, 0.03))
                break
            if wanted and self._place.progress() - before >= wanted:
                time.sleep(self._dice.uniform(0, 0.3))
                break
            time.sleep(0.003)
        if driver.poll() is not None:
            return False
        os.kill(driver.pid, signal.SIGKILL)
        driver.wait()
        self._tally.kills[moment] += 1
        return True

    def _finish(self) -> None:
        """Call it until nothing is left, as a person or cron would."""
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            self._place.settle()
            code = self._drive("last.log").wait()
            if code != 0 or self._place.is_over():
                states = {end.state for end in standing_of(self._study.root).ends}
                if states == {"finished"} or (code != 0 and not states & {"running", "queued", "uncertain", "waiting"}):
                    return
            time.sleep(self._look_every_s)

    def _count(self) -> None:
        standing = {end.name: end for end in standing_of(self._study.root).ends}
        for name, seed in self._study.steps.items():
            end = standing.get(name)
            if end is None or end.state != "finished" or self._study.ended[seed] == 0:
                self._tally.lost.add(f"{name}: {end and (end.state, end.failure)}")
            if self._study.started[seed] > 1:
                self._tally.double.add(f"{name}: {self._study.started[seed]} starts")
        self._tally.double |= {found for found in self._place.seen.findings if found.startswith("twice at once")}


# --- all of it --------------------------------------------------------------------------------------------------


@contextmanager
def _slurm() -> Iterator[Slurm]:
    home = Path(tempfile.mkdtemp(prefix="slurm-", dir="/tmp"))  # a socket's path is short
    try:
        with Slurm(home / "s") as started:
            os.environ.update(started.environment)
            yield started
    finally:
        shutil.rmtree(home)


def _row(word: str, value: object) -> None:
    print(f"{word:<44}{value!s:>10}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Kill, print the table; 1 when something was double, lost or silent."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("place", choices=("local", "slurm"))
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--steps", type=int, default=200, help="a multiple of 4")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(arguments)
    tally, dice = Tally(), random.Random(given.seed)
    folder = Path(tempfile.mkdtemp(prefix="kill-drivers-"))
    cutoffs = [250.0 + 2.0 * number for number in range(given.steps // STEPS_A_POINT - 1)]  # and the material's own
    began = time.monotonic()
    with ExitStack() as stack:
        study = CountedStudy(folder, STUDY.format(cutoffs=cutoffs), machines=MACHINES, seconds=ENGINE_S)
        os.environ["DFTFLOW_MACHINES"] = str(folder / "machines.toml")
        place = OnSlurm(study, dice, tally, stack.enter_context(_slurm())) if given.place == "slurm" else Here(
            study, dice, tally
        )  # fmt: skip
        done = Campaign(place).run(given.kills)
    wall_s = time.monotonic() - began
    print(f"{place.name}, {len(study.steps)} steps of {ENGINE_S} s, seed {given.seed}")
    for moment, count in sorted(tally.kills.items()):
        _row(f"kills {moment}", count)
    _row("kills", done)
    _row("starts of engines", sum(study.started.values()))
    _row("engines that came to their end", sum(study.ended.values()))
    _row("double", len(tally.double))
    _row("lost", len(tally.lost))
    _row("uncertain, resolved by asking the queue", len(tally.uncertain - tally.by_a_person))
    _row("uncertain, resolved by a person", len(tally.by_a_person))
    _row("silent", len(tally.silent))
    _row("wall time, s", f"{wall_s:.0f}")
    found = sorted(tally.double | tally.lost | tally.silent)
    for line in found[:20]:
        print(f"  {line}")
    if done < given.kills:
        print(f"  only {done} of {given.kills} kills fell before its end")
    if found:
        print(f"  what was left lies in {folder}")
        return 1
    shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
