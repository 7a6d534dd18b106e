"""What a study of many materials costs: planning, running, asking and reporting, from 1 material to 1,000.

    python benchmarks/many_materials.py [COUNT ...] [--aligned all|neighbours|none] [--plan-above 300]

For each count a study is written whose materials are shipped crystals, scaled cells of simple perovskites as POSCAR and
as CIF, and FAPbBr3, each with one or two slabs. Each command of dftflow is then started as a person would start it, and
its wall time, its peak memory and the time until its first word on stderr are printed. No engine runs: the steps are
given what the engine leaves of a crystal whose levels are known (``tests/model_crystal.py``). Above --plan-above
materials only ``plan`` is timed.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from dftflow.codes.gpaw.code import GPAW
from dftflow.model.deck import Deck
from dftflow.studies.builder import Builder
from dftflow.studies.execution import run_study
from dftflow.studies.plan import plan_study
from dftflow.studies.reader import load_study

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

import model_crystal  # noqa: E402

__all__ = ["Cost", "carry_out", "main", "write_study"]

COUNTS = (1, 10, 100, 1000)
HEADER = """schema = 1
title = "{count} materials"
preset = "model"
"""
PRESET = """
[presets.model]
description = "for the model crystal"
accuracy = "Means nothing."
bulk_relax = "cell"
slab_relax = true
slab_thickness_ang = 8.0
vacuum_ang = 12.0
path_spacing_per_ang = 0.3
"""
SIMPLE = {"CsPbBr3": 5.87, "CsPbCl3": 5.61, "CsSnI3": 6.22, "RbGeBr3": 5.60, "CsSnBr3": 5.80, "KMgF3": 3.99}
"""Cubic perovskites ABX3 and about their lattice constants in Å, which the study spreads by 4 %."""

MATERIAL = """
[materials.{name}]
structure = "{structure}"
cutoff_ev = {cutoff_ev}
relax_kpoints = [2, 2, 2]
bands_kpoints = [3, 3, 3]
{more}
"""
SLAB = """
[[materials.{name}.slabs]]
miller = {miller}
setting = "{setting}"
"""


# --- the study --------------------------------------------------------------------------------------------------


def write_study(folder: Path, count: int, aligned: str = "neighbours") -> Path:
    """A study of `count` materials, with its structure files, in `folder`; `aligned`: all, neighbours or none."""
    folder.mkdir(parents=True, exist_ok=True)
    names = [f"M{number:04d}" for number in range(count)]
    text = HEADER.format(count=count)
    text += "".join(_material(folder, name, number) for number, name in enumerate(names))
    if count > 1 and aligned == "all":
        text += '\n[[alignment]]\nmaterials = "all"\n'
    elif count > 1 and aligned == "neighbours":
        pairs = pairwise(names)
        text += "".join(f'\n[[alignment]]\nmaterials = ["{first}", "{second}"]\n' for first, second in pairs)
    file = folder / "many.toml"
    file.write_text(text + PRESET, encoding="utf-8")
    return file


def _material(folder: Path, name: str, number: int) -> str:
    """One material's tables: five kinds of crystals, one after the other."""
    turn, cutoff_ev = number % 5, 300.0 + 10.0 * (number % 3)
    if turn == 3:
        (folder / f"{name}.cif").write_text(_orthorhombic(1 + 0.0003 * (number % 97)), encoding="utf-8")
        entry = MATERIAL.format(name=name, structure=f"{name}.cif", cutoff_ev=cutoff_ev, more='cell = "lengths"')
        return entry + SLAB.format(name=name, miller=[0, 1, 0], setting="Pnma")
    if turn == 4:
        more = (
            f'pseudocubic_ang = {5.99 + 0.0002 * (number % 101):.4f}\ncell = "isotropic"\n'
            'substitute = { site = "Cs", by = "FA", orientation = "100/001" }'
        )
        entry = MATERIAL.format(name=name, structure="CsPbBr3_Pm-3m", cutoff_ev=cutoff_ev, more=more)
        return entry + SLAB.format(name=name, miller=[0, 1, 0], setting="cubic")
    formula = list(SIMPLE)[number % len(SIMPLE)]
    length_ang = SIMPLE[formula] * (0.98 + 0.0004 * (number % 101))
    kind = "cif" if turn == 2 else "vasp"
    (folder / f"{name}.{kind}").write_text(_cubic(formula, length_ang, kind), encoding="utf-8")
    entry = MATERIAL.format(name=name, structure=f"{name}.{kind}", cutoff_ev=cutoff_ev, more='cell = "isotropic"')
    planes = ([0, 0, 1], [0, 1, 1]) if turn == 0 else ([0, 0, 1],)
    return entry + "".join(SLAB.format(name=name, miller=plane, setting="cubic") for plane in planes)


def _cubic(formula: str, length_ang: float, kind: str) -> str:
    """A cubic perovskite as a CIF or a POSCAR."""
    from pymatgen.core import Composition, Lattice, Structure

    a, b, x = (element.symbol for element in Composition(formula).elements)
    places = [[0, 0, 0], [0.5, 0.5, 0.5], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]]
    crystal = Structure(Lattice.cubic(length_ang), [a, b, x, x, x], places)
    return str(crystal.to(fmt="cif" if kind == "cif" else "poscar"))


def _orthorhombic(scale: float) -> str:
    """The shipped CsPbBr3 in Pnma, scaled, as a CIF."""
    from dftflow.crystals.shipped import load_shipped

    crystal = load_shipped("CsPbBr3_Pnma").structure.copy()
    crystal.scale_lattice(crystal.volume * scale**3)
    return str(crystal.to(fmt="cif", symprec=1e-3))


# --- its results ------------------------------------------------------------------------------------------------


def carry_out(study_file: Path, out: Path, prepared: Path) -> None:
    """Run the study in `out` with a `cp` for an engine: its steps get the results of the model crystal."""
    study = load_study(str(study_file))
    plan = plan_study(study)
    builder = Builder(plan)
    for step in plan.steps:
        built = builder.build(step)
        shift_ev = int(hashlib.sha256(step.id.subject.materials[0].encode()).hexdigest()[:4], 16) / 65536
        model_crystal.leave(prepared / step.seed, built.structure, built.spec, lower_ev=shift_ev)

    def command(self: object, deck: Deck) -> tuple[str, ...]:
        return ("cp", "-r", f"{prepared / deck.seed}/.", ".")

    before, here = GPAW.command, GPAW.runs_here
    GPAW.command, GPAW.runs_here = command, True  # type: ignore[method-assign, assignment]
    try:
        run_study(study, out, workers=100)
    finally:
        GPAW.command, GPAW.runs_here = before, here  # type: ignore[method-assign, assignment]


# --- measuring --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Of one command: wall time, time until its first word on stderr (None for none), peak memory."""

    seconds: float
    first_word_s: float | None
    peak_mib: float
    exit_code: int


def measured(arguments: Sequence[str], folder: Path, environment: Mapping[str, str]) -> Cost:
    """Start ``dftflow`` with these arguments in `folder`, and wait for its end."""
    started = time.monotonic()
    first_word_s = None
    with open(folder / "stdout.txt", "wb") as stdout:
        process = subprocess.Popen(
            [sys.executable, "-m", "dftflow", *arguments],
            cwd=folder, stdout=stdout, stderr=subprocess.PIPE, env=dict(environment),
        )  # fmt: skip
        assert process.stderr is not None
        with open(folder / "stderr.txt", "wb") as kept:
            while chunk := os.read(process.stderr.fileno(), 1 << 16):
                first_word_s = first_word_s if first_word_s is not None else time.monotonic() - started
                kept.write(chunk)
        _, status, usage = os.wait4(process.pid, 0)
    return Cost(
        seconds=time.monotonic() - started,
        first_word_s=first_word_s,
        peak_mib=usage.ru_maxrss / 1024,
        exit_code=os.waitstatus_to_exitcode(status),
    )


def _rows(count: int, aligned: str, folder: Path, *, plan_only: bool) -> list[tuple[str, Cost]]:
    study = write_study(folder, count, aligned)
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    rows = [("plan", measured(["plan", str(study), "--out", "run"], folder, environment))]
    if plan_only:
        return rows
    carry_out(study, folder / "run", folder / "prepared")
    for name, arguments in (
        ("status", ["status", "run"]),
        ("first report", ["report", "run"]),
        ("second report", ["report", "run"]),
        ("run", ["run", str(study), "--out", "run"]),
        ("run again", ["run", str(study), "--out", "run"]),
        ("decks", ["decks", str(study), "--out", "decks"]),
    ):
        rows.append((name, measured(arguments, folder, environment)))
    return rows


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the curve; 1 when a command ended with an error."""
    assert __doc__ is not None
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("counts", nargs="*", type=int, default=list(COUNTS), metavar="COUNT")
    parser.add_argument("--aligned", choices=("all", "neighbours", "none"), default="neighbours")
    parser.add_argument("--plan-above", type=int, default=300, help="materials above which only plan is timed")
    parser.add_argument("--keep", type=Path, help="folder to work in, which is kept")
    given = parser.parse_args(arguments)
    root = given.keep or Path(tempfile.mkdtemp(prefix="dftflow-many-"))
    failed = False
    print(f"{'materials':>9}  {'command':<14} {'s':>8} {'first word s':>12} {'MiB':>7}  exit", flush=True)
    try:
        for count in given.counts:
            folder = root / str(count)
            for name, cost in _rows(count, given.aligned, folder, plan_only=count > given.plan_above):
                first = "-" if cost.first_word_s is None else f"{cost.first_word_s:.2f}"
                line = f"{count:>9}  {name:<14} {cost.seconds:>8.2f} {first:>12} {cost.peak_mib:>7.0f}"
                print(f"{line}  {cost.exit_code}", flush=True)
                failed = failed or cost.exit_code != 0
    finally:
        if given.keep is None:
            shutil.rmtree(root, ignore_errors=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
