"""What dftflow itself costs in a study of thousands of steps: planning, status, and a run with nothing left to do.

    python benchmarks/many_steps.py 10000

Three studies, of four steps a material and point: one of as many materials, which start from two crystals and differ in
their cutoff; one of one material in a sweep of the cutoff; and one in a sweep of thickness and vacuum, of which all
points share the crystal. The finished run is put there step by step as a run leaves it: deck, ``built.json``, results
and logs, sealed. Printed are wall time, processor time and the largest memory of:

    plan            the table of all steps
    first step      `run` in an empty folder until its first engine would start
    status          of the finished run
    run again       `run` of it: nothing has changed
    status, cold    of the same folder without its index: every state is read
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
SHAPES = (
    ("CsPbBr3_Pm-3m", "isotropic", (0, 0, 1), "cubic"),
    ("CsPbBr3_Pnma", "lengths", (0, 1, 0), "Pnma"),
    ("CsPbBr3_Pm-3m", "isotropic", (0, 1, 1), "cubic"),
)
STEPS_OF_A_MATERIAL = 4
MATERIAL = """
[materials.{name}]
structure = "{structure}"
cutoff_ev = {cutoff_ev:.1f}
relax_kpoints = [2, 2, 2]
bands_kpoints = [3, 3, 3]
cell = "{cell}"

[[materials.{name}.slabs]]
miller = [{miller}]
setting = "{setting}"
"""
HEADER = """\
schema = 1
title = "{title}"
preset = "slabs"

[presets.slabs]
description = "the shape of paper"
accuracy = "none"
bulk_relax = "cell"
slabs = true
slab_relax = true
hold_middle_layer = true
slab_thickness_ang = 12.0
vacuum_ang = 15.0
path_spacing_per_ang = 0.05
"""
SWEEP = """
[[sweep]]
cutoff_ev = [
{values}
]
"""
SLABS = """
[[sweep]]
slab_thickness_ang = [{thicknesses}]
vacuum_ang = [
{values}
]
"""
THICKNESSES_ANG = (8.0, 12.0, 16.0, 20.0, 24.0)
UNTIL_THE_FIRST_STEP = """
import sys
from pathlib import Path
from dftflow.codes.gpaw.code import GPAW
from dftflow.studies.execution import run_study
from dftflow.studies.reader import load_study

class Nobody:
    needs_finished = True
    def folder(self, node, job):
        return Path(sys.argv[2]) / "steps" / f"{node.name}-{job.identity[:10]}"
    def carry_out(self, node, job, folder):
        raise SystemExit(0)

GPAW.runs_here = True
run_study(load_study(sys.argv[1]), Path(sys.argv[2]), executor=Nobody())
"""


def material(number: int) -> str:
    """The table of a material."""
    structure, cell, miller, setting = SHAPES[number % len(SHAPES)]
    return MATERIAL.format(
        name=f"M{number:05d}",
        structure=structure,
        cell=cell,
        cutoff_ev=cutoff_ev(number),
        miller=", ".join(map(str, miller)),
        setting=setting,
    )


def cutoff_ev(number: int) -> float:
    return 200.0 + 0.1 * number


def study_of_materials(count: int) -> str:
    return HEADER.format(title=f"{count} materials") + "".join(map(material, range(count)))


def study_of_a_sweep(count: int) -> str:
    values = "\n".join(f"    {cutoff_ev(number):.1f}," for number in range(1, count))
    return HEADER.format(title=f"{count} points") + material(0) + SWEEP.format(values=values)


def study_of_slabs(count: int) -> str:
    values = "\n".join(f"    {10.0 + 0.01 * number:.2f}," for number in range((count - 1) // len(THICKNESSES_ANG)))
    sweep = SLABS.format(thicknesses=", ".join(map(str, THICKNESSES_ANG)), values=values)
    return HEADER.format(title=f"{count} slabs") + material(0) + sweep


STUDIES = {"materials": study_of_materials, "sweep": study_of_a_sweep, "slabs": study_of_slabs}


def write_study(folder: Path, kind: str, steps: int) -> Path:
    """A study of so many steps in `folder`."""
    text = STUDIES[kind](steps // STEPS_OF_A_MATERIAL)
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "study.toml"
    file.write_text(text, encoding="utf-8")
    return file


def leave_finished(study_file: Path, place: Path) -> None:
    """Its run in ``place/run`` as if all of it had been calculated, each calculation once; its numbers are none."""
    from dftflow.jobs.step_state import finished, write_state  # here, so that who measures stays small
    from dftflow.report.own_files import RESULTS_MARK
    from dftflow.report.settled import Settlement
    from dftflow.studies.builder import Builder
    from dftflow.studies.identity import outline_of
    from dftflow.studies.plan import plan_study
    from dftflow.studies.reader import load_study
    from dftflow.studies.study_folder import StudyFolder

    root = place / "run"
    study = load_study(str(study_file))
    folder = StudyFolder.create(plan_study(study), root, "run")
    builder, places = Builder(folder.plan), dict[str, Path]()
    for number, step in enumerate(folder.plan.steps):
        own = root / "steps" / f"{step.name}-{number:010x}"
        place = places.setdefault(outline_of(builder.build(step)), own)
        folder.note(step.name, place)
        if place is not own:
            continue
        own.mkdir(parents=True)
        for name in (f"{step.seed}.py", f"{step.seed}.xyz", "built.json", "results.json", "stdout.log", "stderr.log"):
            (own / name).write_text(f"{step.name}\n" * 20)
        write_state(own, finished(own, wall_time_s=1.0, cpu_time_s=1.0))
    folder.add_wall_time(1.0)
    folder.write_whole()
    (root / "results.json").write_bytes(b"{%s}" % RESULTS_MARK)
    (root / "report.html").write_text("a page")
    outcome: Any = SimpleNamespace(steps=())
    Settlement(study).note(root, outcome, "the table")


def measured(arguments: Sequence[str], folder: Path) -> str:
    """A row of the table: seconds by the wall, of the processor, and MiB, of a command of this interpreter."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    with open(folder / "stdout.txt", "wb") as stdout, open(folder / "stderr.txt", "wb") as stderr:
        process = subprocess.Popen(
            [sys.executable, *arguments], cwd=folder, stdout=stdout, stderr=stderr, env=environment
        )
        _, status, usage = os.wait4(process.pid, 0)
    wall_s = time.monotonic() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return f"{wall_s:8.2f} {cpu_s:8.2f} {usage.ru_maxrss / 1024:8.0f}  {os.waitstatus_to_exitcode(status)}"


def show_costs(kind: str, steps: int, place: Path) -> None:
    """Print the rows of a study of so many steps, after its finished run was put into `place`."""
    study = str(write_study(place, kind, steps))
    subprocess.run(
        [sys.executable, __file__, "--leave", study], check=True, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    dftflow = ("-m", "dftflow")
    rows = {
        "plan": (*dftflow, "plan", study, "--out", "none"),
        "first step": ("-c", UNTIL_THE_FIRST_STEP, study, "begun"),
        "status": (*dftflow, "status", "run"),
        "run again": (*dftflow, "run", study, "--out", "run"),
        "status, cold": (*dftflow, "status", "run"),
    }
    for name, command in rows.items():
        if name == "status, cold":
            (place / "run" / "index.json").unlink(missing_ok=True)
        print(f"{steps:>7}  {kind:<9}  {name:<14} {measured(command, place)}", flush=True)


def main(arguments: list[str] | None = None) -> int:
    """Print the table."""
    assert __doc__ is not None
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("steps", nargs="*", type=int, default=[10000])
    parser.add_argument("--kinds", nargs="+", choices=STUDIES, default=list(STUDIES))
    parser.add_argument("--keep", type=Path, help="folder to work in, which is kept")
    parser.add_argument("--leave", type=Path, metavar="STUDY", help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.leave is not None:
        leave_finished(given.leave, given.leave.parent)
        return 0
    place = given.keep or Path(tempfile.mkdtemp(prefix="many-steps-"))
    try:
        print(f"{'steps':>7}  {'study':<9}  {'':<14} {'wall s':>8} {'cpu s':>8} {'MiB':>8}  exit", flush=True)
        for steps in given.steps:
            for kind in given.kinds:
                show_costs(kind, steps, place / f"{kind}-{steps}")
    finally:
        if given.keep is None:
            shutil.rmtree(place, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
