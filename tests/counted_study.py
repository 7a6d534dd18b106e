"""A study in a folder, whose engine copies what a model crystal leaves, and notes each of its starts and ends."""

from __future__ import annotations

import os
import shlex
import sys
from collections import Counter
from pathlib import Path

from model_crystal import leave

from dftflow.studies.builder import Builder
from dftflow.studies.plan import plan_study
from dftflow.studies.reader import Study, load_study

__all__ = ["STUDY", "CountedStudy"]

STUDY = """\
schema = 1
title = "CsBr"

[materials.CsBr]
structure = "CsBr_Pm-3m"
cutoff_ev = 244.9
relax_kpoints = [2, 2, 2]
bands_kpoints = [4, 4, 4]
cell = "isotropic"
band_edge = "G"
"""
INTERPRETER = """\
#!/bin/sh
exec {python} {script} "$@"
"""
STUB = """\
# dftflow whose engine copies what a model crystal leaves, after as many seconds as the file `seconds` says; with a
# file `checkpoints` a relaxation in the run that this names leaves a check-point, from which the next one ends at once
import pathlib, sys
from dftflow.codes.gpaw.code import GPAW

here = pathlib.Path(__file__).parent
ENGINE = (
    "import os, shutil, sys, time; here, seed = sys.argv[1:]; kept = 'relax.jsonl'; again = os.path.exists(kept);"
    "note = lambda name: os.write(os.open(f'{here}/{name}', os.O_WRONLY | os.O_APPEND | os.O_CREAT),"
    " f'{seed}\\\\n'.encode());"
    "note('started');"
    "leaves = 'relax' in seed and os.path.exists(f'{here}/checkpoints');"
    "open(kept, 'a').close() if leaves and open(f'{here}/checkpoints').read() in os.getcwd() else None;"
    "time.sleep(0 if again else float(open(f'{here}/seconds').read()));"
    "os.unlink(kept) if os.path.exists(kept) else None;"
    "shutil.copytree(f'{here}/prepared/{seed}', '.', dirs_exist_ok=True);"
    "now = time.time() + float(open(f'{here}/skew').read());"
    "[os.utime(name, (now, now)) for name in os.listdir(f'{here}/prepared/{seed}')]; note('ended')"
)
GPAW.command = lambda self, deck, *launch: (sys.executable, "-S", "-c", ENGINE, str(here), deck.seed)
from dftflow.cli.main import main
sys.exit(main(sys.argv[3:]))
"""


class CountedStudy:
    """A folder with ``study.toml``, the results that its steps will have, and `python`, which has the engine.

    Parameters
    ----------
    path
        A folder that is there.
    text
        Of the study.
    machines
        Text of ``machines.toml``, with ``{python}`` where the interpreter belongs.
    seconds
        How long an engine works.
    interpreter
        Command of the Python that carries dftflow out.
    """

    def __init__(
        self, path: Path, text: str, *, machines: str = "", seconds: float = 0.0, interpreter: str = sys.executable
    ) -> None:
        self.path, self.root = path, path / "run"
        (path / "study.toml").write_text(text)
        (path / "stub.py").write_text(STUB)
        self.python = path / "python"
        self.python.write_text(INTERPRETER.format(python=interpreter, script=shlex.quote(str(path / "stub.py"))))
        self.python.chmod(0o755)
        (path / "machines.toml").write_text(machines.format(python=self.python))
        self.study: Study = load_study(str(path / "study.toml"))
        plan = plan_study(self.study)
        builder = Builder(plan)
        for step in plan.steps:
            built = builder.build(step)
            leave(path / "prepared" / step.seed, built.structure, built.spec)
        self.steps = {step.name: step.seed for step in plan.steps}
        self.takes(seconds)
        self.dates_files(0.0)

    def takes(self, seconds: float) -> None:
        """How long an engine works from now on."""
        (self.path / "seconds").write_text(str(seconds))

    def leaves_checkpoints(self, root: Path) -> None:
        """A relaxation in the run `root` has one from now on, from which the next attempt comes to its end at once."""
        (self.path / "checkpoints").write_text(f"/{root.name}/steps/")

    def dates_files(self, skew_s: float) -> None:
        """By how much the clock is ahead that the engine dates its files by."""
        (self.path / "skew").write_text(str(skew_s))

    @property
    def started(self) -> Counter[str]:
        """How often the engine of each step was started, by the step's seed."""
        return self._noted("started")

    @property
    def ended(self) -> Counter[str]:
        """How often it came to its end."""
        return self._noted("ended")

    def _noted(self, name: str) -> Counter[str]:
        file = self.path / name
        return Counter(file.read_text().split() if file.exists() else ())

    def command(self, *arguments: str) -> tuple[str, ...]:
        """``dftflow`` with this engine and these arguments."""
        return (str(self.python), "-m", "dftflow", *arguments)

    @property
    def environment(self) -> dict[str, str]:
        """Of a call: its machines, and a kept answer of the queue that is no one else's."""
        own = {"DFTFLOW_MACHINES": str(self.path / "machines.toml"), "XDG_CACHE_HOME": str(self.path / "cache")}
        return {**os.environ, **own, "OMP_NUM_THREADS": "1"}
