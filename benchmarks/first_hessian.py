"""Evaluations of relaxations of atoms and cell, by what BFGS takes for the Hessian at first.

    python benchmarks/first_hessian.py [SYSTEM ...] [--tries 70 10 model] [--keep FOLDER]

The crystals of ``performance_index.py``, and CsPbBr3 in its orthorhombic phase, are relaxed by the embedded engine from

* ``70``: ASE's own 70 eV/Å^2 in every direction, strains counting times the number of atoms, steps of 0.15 Å;
* ``10``: 10 eV/Å^2, strains times half the number of atoms, steps of 0.3 Å;
* ``model``: the engine's own.

Printed of each: geometries evaluated until all criteria hold, until the energy is first within 20 and 5 meV a cell of
the lowest that any of them ended with, the final energy, lengths of the cell, and processor seconds. Those within an
energy are the work that was needed; the end, where a cage is soft, also depends on how the last steps fall. Energies of
a plane-wave basis jump by some meV a cell as the cell changes.
"""

from __future__ import annotations

import argparse
import json
import runpy
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.filters import FrechetCellFilter
from performance_index import SYSTEMS, System, relaxing, seconds_of, written

from dftflow.codes.gpaw import engine, optimiser
from dftflow.model.spec import CellFreedom

PNMA = Path(__file__).parents[1] / "structures" / "CsPbBr3_Pnma.cif"
HEAD = ("system", "first Hessian", "until done", "20 meV", "5 meV", "eV/atom", "a, b, c (Å)", "processor (s)")


def orthorhombic() -> System:
    """CsPbBr3 in Pnma as it is shipped, from experiment."""
    from ase.io import read

    atoms = read(PNMA)
    return System(
        symbols=tuple(atoms.get_chemical_symbols()),
        positions_ang=atoms.positions,
        cell_ang=atoms.cell.array,
        cutoff_ev=200.0,
        grid=(1, 1, 1),
    )


CRYSTALS: Mapping[str, Callable[[], System]] = {
    **{name: make for name, make in SYSTEMS.items() if not make().slab},
    "CsPbBr3 Pnma": orthorhombic,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """Energies in eV a cell of one evaluation after the other, whether all criteria held at the end, and the cell."""

    energies_ev: np.ndarray
    is_done: bool
    lengths_ang: np.ndarray
    n_atoms: int
    cpu_time_s: float

    def evaluations_within(self, tol_ev: float, lowest_ev: float) -> int | None:
        """The number of the first evaluation whose energy lies within `tol_ev` of `lowest_ev`."""
        near = np.flatnonzero(np.abs(self.energies_ev - lowest_ev) < tol_ev)
        return int(near[0]) + 1 if near.size else None


def _scaled(alpha: float, strain_length_per_atom: float, longest_ang: float) -> Callable[[Atoms, CellFreedom], Any]:
    def make(atoms: Atoms, cell: CellFreedom) -> Any:
        assert cell == "all"
        movable = FrechetCellFilter(atoms, exp_cell_factor=strain_length_per_atom * len(atoms))
        settings: dict[str, Any] = {"logfile": None, "maxstep": longest_ang, "alpha": alpha}
        return optimiser.KeptBFGS(movable, restart=optimiser.HESSIAN_FILE, **settings)

    return make


TRIES: Mapping[str, Callable[[Atoms, CellFreedom], Any]] = {
    "70": _scaled(70.0, 1.0, 0.15),
    "10": _scaled(10.0, 0.5, 0.3),
    "model": optimiser.optimiser_of,
}


def run_deck(attempt: str, deck: str) -> None:
    """In a process of its own: the deck, with that optimiser in the place of the engine's."""
    engine.optimiser_of = TRIES[attempt]  # type: ignore[assignment]
    runpy.run_path(deck, run_name="__main__")


def course_of(system: System, attempt: str, folder: Path) -> Course:
    written(system, system.positions_ang, system.cell_ang, relaxing(system), folder)
    seconds = seconds_of((sys.executable, str(Path(__file__).resolve()), "--deck", attempt, "system.py"), folder)
    steps = [json.loads(line) for line in (folder / "relax.jsonl").read_text("utf-8").splitlines()]
    record = json.loads((folder / "results.json").read_text("utf-8"))
    return Course(
        energies_ev=np.array([step["energy_ev"] for step in steps]),
        is_done=record["status"] == "finished",
        lengths_ang=np.linalg.norm(record["cell_ang"], axis=1),
        n_atoms=len(system.symbols),
        cpu_time_s=seconds,
    )


def row_of(name: str, attempt: str, course: Course, lowest_ev: float) -> str:
    count = len(course.energies_ev)
    near = [course.evaluations_within(tol_ev, lowest_ev) or "-" for tol_ev in (0.02, 0.005)]
    lengths = ", ".join(f"{length:.3f}" for length in course.lengths_ang)
    energy = course.energies_ev[-1] / course.n_atoms
    cells = [name, attempt, count if course.is_done else f"not in {count}", *near, f"{energy:.4f}", lengths]
    return f"| {' | '.join(map(str, cells))} | {course.cpu_time_s:.0f} |"


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help=f"of {', '.join(CRYSTALS)}; all of them when none is given")
    parser.add_argument("--tries", nargs="+", choices=TRIES, default=list(TRIES))
    parser.add_argument("--keep", type=Path, help="folder for decks and results; they are removed without it")
    parser.add_argument("--deck", nargs=2, help=argparse.SUPPRESS)
    asked = parser.parse_args(arguments)
    if asked.deck:
        run_deck(*asked.deck)
        return 0
    print(f"| {' | '.join(HEAD)} |", f"|---|---{'|--:' * (len(HEAD) - 2)}|", sep="\n")
    with tempfile.TemporaryDirectory() as scratch:
        for name in asked.names or CRYSTALS:
            folder = (asked.keep or Path(scratch)) / name.replace(" ", "")
            courses = {attempt: course_of(CRYSTALS[name](), attempt, folder / attempt) for attempt in asked.tries}
            lowest_ev = min(float(course.energies_ev[-1]) for course in courses.values())
            for attempt, course in courses.items():
                print(row_of(name, attempt, course, lowest_ev), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
