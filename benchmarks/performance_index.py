"""What the embedded engine needs for six small systems, and one index of it against the last release.

    python benchmarks/performance_index.py [NAME ...] [--reference FILE] [--keep FOLDER] [--write FILE]

Two crystals, two molecules in cages and two slabs, each of a fixed geometry and fixed settings, are relaxed and their
gap is calculated, by the decks that dftflow writes and the processes that they start. Printed of each: geometries
evaluated, SCF iterations, processor seconds of the relaxation and of the eigenvalues, final energy and gap. The index
is the geometric mean of the ratios of evaluations to those of the reference (``performance_index.json``, beside this
file): below 1 is faster. Evaluations do not depend on the machine; processor seconds do, and are compared in one
sitting alone, with the ``PYTHONPATH`` of another checkout for its engine:

    PYTHONPATH=CHECKOUT python benchmarks/performance_index.py

Exit code 1 when an energy lies more than 1 meV an atom above the reference, or a gap 20 meV from it: then the ratio
compares unlike things. The settings are far too coarse for physics.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from dftflow.codes.gpaw.code import GPAW
from dftflow.crystals.atoms import from_arrays
from dftflow.jobs.environment import engine_environment
from dftflow.model.spec import CalcSpec, KPath, KPoint, Relaxation

REFERENCE = Path(__file__).with_suffix(".json")
ENERGY_TOL_EV_PER_ATOM, GAP_TOL_EV = 1e-3, 0.02
RATTLE_ANG = 0.04
CSPBBR3_ANG, CSBR_ANG, NH4BR_ANG, FAPBBR3_ANG = 5.87, 4.29, 4.06, 5.99
VACUUM_ANG = 8.0
LIFT_ANG = np.array([0, 0, VACUUM_ANG / 2])
HEAD = (
    *("system", "evaluations", "times reference", "SCF iterations", "relaxation (s)"),
    *("eigenvalues (s)", "eV/atom", "gap (eV)"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """A geometry, and how coarsely it is calculated; a slab where there is vacuum along z."""

    symbols: tuple[str, ...]
    positions_ang: np.ndarray
    cell_ang: np.ndarray
    cutoff_ev: float
    grid: tuple[int, int, int]
    slab: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """What one system needed, and what came out; `cpu_time_s` of the relaxation, `eigenvalues_cpu_time_s` behind it."""

    evaluations: int
    scf_iterations: int
    cpu_time_s: float
    eigenvalues_cpu_time_s: float
    energy_ev_per_atom: float
    gap_ev: float
    status: str


def crystal_of_two() -> System:
    """CsBr, strained by 3 % and its ions displaced."""
    cell = CSBR_ANG * np.diag([1.0, 0.97, 1.03])
    return System(
        symbols=("Cs", "Br"),
        positions_ang=_rattled(np.array([[0, 0, 0], [0.5, 0.5, 0.5]]) @ cell),
        cell_ang=cell,
        cutoff_ev=200.0,
        grid=(2, 2, 2),
    )


def perovskite() -> System:
    """Cubic CsPbBr3, strained by 3 % and its ions displaced."""
    cell = CSPBBR3_ANG * np.diag([1.0, 0.97, 1.03])
    sites = np.array([[0.5, 0.5, 0.5], [0, 0, 0], [0.5, 0, 0], [0, 0.5, 0], [0, 0, 0.5]])
    return System(
        symbols=("Cs", "Pb", "Br", "Br", "Br"),
        positions_ang=_rattled(sites @ cell),
        cell_ang=cell,
        cutoff_ev=200.0,
        grid=(2, 2, 2),
    )


def ammonium_bromide() -> System:
    """NH4Br in the structure of CsCl: a molecule in a cage of one ion."""
    arms = 1.03 / 3**0.5 * np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]])
    nitrogen = np.full((1, 3), NH4BR_ANG / 2)
    places = np.concatenate([np.zeros((1, 3)), nitrogen, nitrogen + arms])
    return System(
        symbols=("Br", "N", "H", "H", "H", "H"),
        positions_ang=_rattled(places),
        cell_ang=NH4BR_ANG * np.eye(3),
        cutoff_ev=300.0,
        grid=(1, 1, 1),
    )


def formamidinium_lead_bromide() -> System:
    """FAPbBr3, with the C-H of its molecule along a cube's axis."""
    half = FAPBBR3_ANG / 2
    molecule = [[0, 0, 0.425], [0, 0, 1.517], [1.169, 0, -0.178], [-1.169, 0, -0.178]]
    molecule += [[2.023, 0, 0.374], [-2.023, 0, 0.374], [1.273, 0, -1.192], [-1.273, 0, -1.192]]
    cage = [[0, 0, 0], [half, 0, 0], [0, half, 0], [0, 0, half]]
    return System(
        symbols=("Pb", "Br", "Br", "Br", "C", "H", "N", "N", "H", "H", "H", "H"),
        positions_ang=np.concatenate([np.array(cage), half + np.array(molecule)]),
        cell_ang=FAPBBR3_ANG * np.eye(3),
        cutoff_ev=300.0,
        grid=(1, 1, 1),
    )


def slab_of_caesium_bromide() -> System:
    """CsBr (110), three layers."""
    long, high = CSBR_ANG * 2**0.5, CSBR_ANG / 2**0.5
    cell = np.diag([CSBR_ANG, long, 2 * high + VACUUM_ANG])
    layers = [
        ([0, (layer % 2) * long / 2, layer * high], [CSBR_ANG / 2, (1 - layer % 2) * long / 2, layer * high])
        for layer in range(3)
    ]
    places = np.array([place for layer in layers for place in layer]) + LIFT_ANG
    return System(
        symbols=("Cs", "Br") * 3, positions_ang=places, cell_ang=cell, cutoff_ev=200.0, grid=(1, 1, 1), slab=True
    )


def slab_of_the_perovskite() -> System:
    """CsPbBr3 (001) of three layers, both faces CsBr."""
    half = CSPBBR3_ANG / 2
    cell = np.diag([CSPBBR3_ANG, CSPBBR3_ANG, CSPBBR3_ANG + VACUUM_ANG])
    places = [[half, half, 0], [0, 0, 0], [0, 0, half], [half, 0, half], [0, half, half]]
    places += [[half, half, 2 * half], [0, 0, 2 * half]]
    return System(
        symbols=("Cs", "Br", "Pb", "Br", "Br", "Cs", "Br"),
        positions_ang=np.array(places) + LIFT_ANG,
        cell_ang=cell,
        cutoff_ev=200.0,
        grid=(1, 1, 1),
        slab=True,
    )


SYSTEMS: Mapping[str, Callable[[], System]] = {
    "CsBr": crystal_of_two,
    "CsPbBr3": perovskite,
    "NH4Br": ammonium_bromide,
    "FAPbBr3": formamidinium_lead_bromide,
    "CsBr (110)": slab_of_caesium_bromide,
    "CsPbBr3 (001)": slab_of_the_perovskite,
}


def _rattled(positions_ang: np.ndarray) -> np.ndarray:
    return positions_ang + np.random.default_rng(11).normal(scale=RATTLE_ANG, size=positions_ang.shape)


def effort_of(system: System, folder: Path) -> Effort:
    """Relax `system` below `folder`, then calculate its eigenvalues."""
    seconds = _carried_out(system, system.positions_ang, system.cell_ang, _relaxing(system), folder / "relax")
    relaxed = json.loads((folder / "relax" / "results.json").read_text("utf-8"))
    places, cell = np.array(relaxed["positions_ang"]), np.array(relaxed["cell_ang"])
    behind = _carried_out(system, places, cell, _with_eigenvalues(system), folder / "eigenvalues")
    log = (folder / "relax" / "system.txt").read_text("utf-8")
    return Effort(
        evaluations=len((folder / "relax" / "relax.jsonl").read_text("utf-8").splitlines()),
        scf_iterations=sum(line.startswith("iter:") for line in log.splitlines()),
        cpu_time_s=seconds,
        eigenvalues_cpu_time_s=behind,
        energy_ev_per_atom=relaxed["energy_ev"] / len(system.symbols),
        gap_ev=_gap_ev(folder / "eigenvalues" / "bands.npz"),
        status=relaxed["status"],
    )


def _carried_out(system: System, places: np.ndarray, cell: np.ndarray, spec: CalcSpec, folder: Path) -> float:
    """Write the deck, run it; its processor seconds."""
    from ase.data import atomic_numbers

    code = GPAW()
    structure = from_arrays([atomic_numbers[symbol] for symbol in system.symbols], cell, places)
    deck = code.render(structure, spec, "system")
    folder.mkdir(parents=True)
    for name, text in deck.files.items():
        (folder / name).write_text(text, "utf-8")
    with (folder / "printed").open("wb") as printed:
        process = subprocess.Popen(
            code.command(deck), cwd=folder, stdout=printed, stderr=printed, env=engine_environment()
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if not (folder / "results.json").exists():
        raise SystemExit(f"{folder} has no results: {(folder / 'printed').read_text('utf-8', 'replace')[-2000:]}")
    return usage.ru_utime + usage.ru_stime


def _relaxing(system: System) -> CalcSpec:
    goal = Relaxation(
        cell="fixed" if system.slab else "all",
        energy_tol_ev_per_atom=2e-5,
        force_tol_ev_per_ang=0.05,
        stress_tol_gpa=0.1,
        displacement_tol_ang=2e-3,
        max_steps=80,
    )
    return _spec(system, task="relax", relaxation=goal)


def _with_eigenvalues(system: System) -> CalcSpec:
    if system.slab:
        return _spec(system, task="potential")
    gamma, corner = KPoint("G", (0.0, 0.0, 0.0)), KPoint("R", (0.5, 0.5, 0.5))
    return _spec(system, task="bands", path=KPath(segments=((gamma, corner),), spacing_per_ang=0.3))


def _spec(system: System, **more: object) -> CalcSpec:
    return CalcSpec(
        title="performance index",
        xc="PBE",
        cutoff_ev=system.cutoff_ev,
        grid=system.grid,
        smearing_ev=0.1,
        scf_tol_ev_per_atom=1e-6,
        max_scf_cycles=100,
        empty_bands=4,
        slab_axis=2 if system.slab else None,
        **more,  # type: ignore[arg-type]
    )


def _gap_ev(file: Path) -> float:
    with np.load(file) as arrays:
        values = np.sort(arrays["eigenvalues_ev"][0], axis=-1)
        occupied = round(float(arrays["n_electrons"])) // 2
    return float(values[:, occupied].min() - values[:, occupied - 1].max())


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help=f"of {', '.join(SYSTEMS)}; all of them when none is given")
    parser.add_argument("--reference", type=Path, default=REFERENCE)
    parser.add_argument("--keep", type=Path, help="folder for decks and results; they are removed without it")
    parser.add_argument("--write", type=Path, help="file for a new reference")
    asked = parser.parse_args(arguments)
    known = json.loads(asked.reference.read_text("utf-8")) if asked.reference.exists() else {}
    found: dict[str, Effort] = {}
    print(f"| {' | '.join(HEAD)} |", f"|---{'|--:' * (len(HEAD) - 1)}|", sep="\n")
    with tempfile.TemporaryDirectory() as scratch:
        for name in asked.names or SYSTEMS:
            folder = (asked.keep or Path(scratch)) / name.replace(" ", "")
            found[name] = effort_of(SYSTEMS[name](), folder)
            _print_row(name, found[name], known.get(name))
    ratios = [effort.evaluations / known[name]["evaluations"] for name, effort in found.items() if name in known]
    if ratios:
        print(f"\nindex {float(np.exp(np.mean(np.log(ratios)))):.3f}, of {len(ratios)} systems (1: as the reference)")
    if asked.write:
        plain = {name: asdict(effort) for name, effort in found.items()}
        asked.write.write_text(json.dumps(plain, indent=1) + "\n", "utf-8")
    return int(any(_differs(effort, known.get(name)) for name, effort in found.items()))


def _print_row(name: str, effort: Effort, reference: Mapping[str, float] | None) -> None:
    ratio = "" if reference is None else f"{effort.evaluations / reference['evaluations']:.2f}"
    not_done = "" if effort.status == "finished" else f" ({effort.status})"
    print(
        f"| {name} | {effort.evaluations}{not_done} | {ratio} | {effort.scf_iterations} | {effort.cpu_time_s:.0f} | "
        f"{effort.eigenvalues_cpu_time_s:.0f} | {effort.energy_ev_per_atom:.4f} | {effort.gap_ev:.3f} |",
        flush=True,
    )


def _differs(effort: Effort, reference: Mapping[str, float] | None) -> bool:
    if reference is None:
        return False
    above_ev = effort.energy_ev_per_atom - reference["energy_ev_per_atom"]
    return above_ev > ENERGY_TOL_EV_PER_ATOM or abs(effort.gap_ev - reference["gap_ev"]) > GAP_TOL_EV


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
