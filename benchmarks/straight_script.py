"""A study by dftflow on two cores beside a plain serial script of ASE and GPAW with the same settings, in one sitting.

    python benchmarks/straight_script.py FOLDER [--study fapbbr3-cspbbr3] [--preset quick] [--workers 2]

runs the study into FOLDER/run and then calculates every step again, one after the other in one process, by the lines
that a person would write: the geometry as an extended XYZ file, a calculator, an SCF, the band structure in its fixed
density, the plane-averaged potential; a relaxation by ASE's BFGS on ``FrechetCellFilter`` with ASE's own settings,
until forces and stress hold. Nothing of dftflow is used there but what its run left as input: geometries, k-points,
settings. Printed of each step: processor seconds of both and the energies; then wall and processor time of the whole.
Exit code 1 when an energy or a gap of a step that relaxes nothing differs by more than 1 meV. A relaxation has two
courses, which end within the criteria at geometries of their own: its difference is printed, and is no failure.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

TOLERANCE_EV = 1e-3
EV_PER_ANG3_GPA = 160.21766
HELPING_BANDS = 4
"""A few bands above those that are kept, as people have; how many dftflow has above them is no setting of the study."""
HEAD = (
    *("step", "straight (s)", "dftflow (s)", "energy, straight (eV)", "difference (eV)"),
    *("gap, straight (eV)", "difference (eV)"),
)


def run_of_dftflow(study: str, preset: str, folder: Path, workers: int) -> tuple[float, float]:
    """Wall time and processor time of ``dftflow run``, of its engines too, in s."""
    argv = [sys.executable, "-m", "dftflow", "run", study, "--preset", preset]
    argv += ["--out", str(folder), "--workers", str(workers)]
    began = time.monotonic()
    process = subprocess.Popen(argv, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"dftflow ended with exit code {process.returncode}")
    return time.monotonic() - began, usage.ru_utime + usage.ru_stime


def settings_of(deck: str) -> dict[str, Any]:
    """What the deck says: task, cutoff, grid, smearing, slab or not, atoms that are held, how the cell moves."""
    found: dict[str, str] = {}
    for name, pattern in {
        "task": r"^engine\.(\w+)\(",
        "cutoff_ev": r"cutoff_ev=([\d.]+)",
        "grid": r'"size": \(([\d, ]+)\)',
        "smearing_ev": r"FermiDirac\(([\d.e-]+)\)",
        "scf_tol_ev": r'"tol": ([\d.e-]+)',
        "above": r"nbands=-(\d+)",
        "helping": r'"bands": -(\d+)',
        "held": r"FixAtoms\(indices=\[([\d, ]*)\]\)",
        "cell": r"cell='?\"?(\w+)",
        "force": r"force_tol_ev_per_ang=([\d.e-]+)",
        "stress": r"stress_tol_gpa=([\d.e-]+)",
        "steps": r"max_steps=(\d+)",
    }.items():
        match = re.search(pattern, deck, re.M)
        found[name] = match[1] if match else ""
    return {
        **found,
        "empty": int(found["above"]) - int(found["helping"] or HELPING_BANDS),
        "slab": "dipolelayer" in deck,
        "grid": tuple(int(count) for count in found["grid"].split(",")),
        "held": [int(index) for index in found["held"].split(",") if index.strip()],
    }


def calculator(settings: dict[str, Any], log: Path) -> Any:
    from gpaw import GPAW, PW, FermiDirac

    more: dict[str, Any] = {"poissonsolver": {"dipolelayer": "xy"}} if settings["slab"] else {}
    if settings["held"]:
        more["symmetry"] = {"point_group": False}
    elif not settings["slab"]:
        more["symmetry"] = {"symmorphic": False}
    return GPAW(
        mode=PW(float(settings["cutoff_ev"])),
        xc="PBE",
        kpts={"size": settings["grid"]},
        nbands=-(settings["empty"] + HELPING_BANDS),
        occupations=FermiDirac(float(settings["smearing_ev"])),
        convergence={
            "energy": {"name": "energy", "tol": float(settings["scf_tol_ev"]), "relative": False},
            "density": 1e-4,
            "eigenstates": 1e-6,
            **({} if settings["task"] == "relax" else {"bands": -HELPING_BANDS}),
        },
        txt=str(log),
        **more,
    )


def by_hand(step: Path, scratch: Path) -> dict[str, float]:
    """One step as a person would do it; energy and, where there are eigenvalues, the gap over all k-points."""
    from ase.constraints import FixAtoms
    from ase.io import read

    deck = next(step.glob("*.py"))
    settings = settings_of(deck.read_text("utf-8"))
    atoms = read(deck.with_suffix(".xyz"))
    if settings["held"]:
        atoms.set_constraint(FixAtoms(indices=settings["held"]))
    atoms.calc = calculator(settings, scratch / f"{deck.stem}.txt")
    if settings["task"] == "relax":
        return {"energy_ev": relaxed(atoms, settings)}
    energy_ev = float(atoms.get_potential_energy())
    atoms.calc.get_electrostatic_potential().mean(axis=(0, 1))
    kept = round(atoms.calc.get_number_of_electrons()) // 2 + settings["empty"]
    values = [[atoms.calc.get_eigenvalues(kpt=k)[:kept] for k in range(len(atoms.calc.get_ibz_k_points()))]]
    with np.load(step / "bands.npz") as arrays:
        weights = arrays["kpoint_weights"]
        beside = np.unique(np.round(arrays["kpoints_frac"][weights == 0], 9), axis=0)
    if len(beside):
        fixed = atoms.calc.fixed_density(
            kpts=beside,
            symmetry="off",
            nbands=kept + HELPING_BANDS,
            convergence={"bands": kept, "eigenstates": 1e-5},
            txt=str(scratch / f"{deck.stem}-bands.txt"),
        )
        values.append([fixed.get_eigenvalues(kpt=k)[:kept] for k in range(len(beside))])
    return {"energy_ev": energy_ev, "gap_ev": gap_ev(np.concatenate(values), atoms.calc.get_number_of_electrons())}


def relaxed(atoms: Any, settings: dict[str, Any]) -> float:
    """Energy in eV after ASE's own BFGS."""
    from ase.filters import FrechetCellFilter
    from ase.optimize import BFGS

    moves, mask = settings["cell"] != "fixed", [True] * 3 + [settings["cell"] == "all"] * 3
    isotropic = settings["cell"] == "isotropic"
    degrees = FrechetCellFilter(atoms, mask=mask, hydrostatic_strain=isotropic) if moves else atoms
    for _ in BFGS(degrees, logfile=None).irun(fmax=0.0, steps=int(settings["steps"])):
        stress_gpa = float(np.abs(atoms.get_stress()[mask]).max()) * EV_PER_ANG3_GPA if moves else 0.0
        force = float(np.linalg.norm(atoms.get_forces(), axis=1).max())
        if force < float(settings["force"]) and stress_gpa < float(settings["stress"]):
            break
    return float(atoms.get_potential_energy())


def gap_ev(values: np.ndarray, electrons: float) -> float:
    occupied = round(electrons) // 2
    ordered = np.sort(values, axis=-1)
    return float(ordered[:, occupied].min() - ordered[:, occupied - 1].max())


def serial(run: Path, scratch: Path) -> int:
    """Every step of `run` by hand, one line of JSON each."""
    plan = json.loads((run / "plan.json").read_text("utf-8"))
    for entry in plan["steps"]:
        began = time.process_time()
        found = by_hand(run / entry["folder"], scratch)
        print(json.dumps({"name": entry["name"], **found, "cpu_time_s": time.process_time() - began}), flush=True)
    return 0


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--study", default="fapbbr3-cspbbr3")
    parser.add_argument("--preset", default="quick")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--serial", action="store_true", help="only the second half, of a run that is there")
    asked = parser.parse_args(arguments)
    run, scratch = asked.folder / "run", asked.folder / "by-hand"
    scratch.mkdir(parents=True, exist_ok=True)
    if asked.serial:
        return serial(run, scratch)
    wall_s, cpu_s = run_of_dftflow(asked.study, asked.preset, run, asked.workers)
    began = time.monotonic()
    argv = [sys.executable, __file__, str(asked.folder), "--serial"]
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    assert process.stdout is not None
    rows = [json.loads(line) for line in process.stdout]
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"the straight script ended with exit code {process.returncode}")
    straight = time.monotonic() - began, usage.ru_utime + usage.ru_stime
    worst = print_rows(run, rows)
    print(f"\n|  | wall time (s) | processor time (s) |\n|---|--:|--:|\n| straight script | {straight[0]:.0f} | "
          f"{straight[1]:.0f} |\n| dftflow, {asked.workers} workers | {wall_s:.0f} | {cpu_s:.0f} |\n| ratio | "
          f"{wall_s / straight[0]:.2f} | {cpu_s / straight[1]:.2f} |")  # fmt: skip
    return int(worst > TOLERANCE_EV)


def print_rows(run: Path, rows: Sequence[dict[str, Any]]) -> float:
    """The table of the steps; the largest difference in eV of a step that relaxes nothing."""
    results = json.loads((run / "results.json").read_text("utf-8"))
    theirs = {step["name"]: step for step in results["steps"]}
    worst = 0.0
    print(f"| {' | '.join(HEAD)} |", f"|---{'|--:' * (len(HEAD) - 1)}|", sep="\n")
    for row in rows:
        step = theirs[row["name"]]
        differences = [row["energy_ev"] - step["energy_ev"]]
        if "gap_ev" in row:
            with np.load(run / step["folder"] / "bands.npz") as arrays:
                own = gap_ev(arrays["eigenvalues_ev"][0], float(arrays["n_electrons"]))
            differences.append(row["gap_ev"] - own)
            worst = max(worst, *map(abs, differences))
        gap = f"{row['gap_ev']:.4f} | {differences[1]:+.5f}" if "gap_ev" in row else "|"
        print(f"| {row['name']} | {row['cpu_time_s']:.0f} | {step['cpu_time_s'] or float('nan'):.0f} | "
              f"{row['energy_ev']:.5f} | {differences[0]:+.6f} | {gap} |")  # fmt: skip
    return worst


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
