"""A relaxation that is cut off and goes on; Lennard-Jones forces, which are the same each time, stand in for GPAW's."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.calculators.calculator import Calculator
from ase.calculators.lj import LennardJones

from dftflow.codes.gpaw import engine


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def trimer() -> Atoms:
    atoms = Atoms("Ar3", [[0, 0, 0], [1.3, 0, 0], [0.5, 1.2, 0]])
    atoms.calc = LennardJones()
    return atoms


@pytest.mark.parametrize("tail", ["", '{"energy_ev": -1.0, "positi', "\n", "null null"])
def test_a_last_line_that_is_not_whole_is_dropped_from_the_file_too(tail: str) -> None:
    """Otherwise the next step would be appended to its fragment, and be lost with it at the next kill."""
    steps = [{"energy_ev": -1.0, "positions_ang": [[0, 0, 0]]}, {"energy_ev": -1.5, "positions_ang": [[0, 0, 1]]}]
    text = "".join(f"{json.dumps(step)}\n" for step in steps)
    Path("relax.jsonl").write_text(text + tail)
    assert engine._earlier_steps() == steps
    assert Path("relax.jsonl").read_text() == text
    engine._append("relax.jsonl", steps[0])
    assert engine._earlier_steps() == [*steps, steps[0]]


def test_nothing_was_done_before() -> None:
    assert engine._earlier_steps() == [] and not Path("relax.jsonl").exists()


def test_the_optimiser_s_state_is_whole_and_goes_on() -> None:
    """Stopped after four steps and started again: the fifth is that of an optimiser that was not stopped."""
    whole = trimer()
    engine._KeptBFGS(whole, restart="whole.json", logfile=None).run(fmax=0.0, steps=5)
    first = trimer()
    engine._KeptBFGS(first, restart=engine.HESSIAN_FILE, logfile=None).run(fmax=0.0, steps=4)
    again = trimer()
    again.positions = first.positions
    engine._KeptBFGS(again, restart=engine.HESSIAN_FILE, logfile=None).run(fmax=0.0, steps=1)
    np.testing.assert_allclose(again.positions, whole.positions, atol=1e-12)
    assert {file.name for file in Path().iterdir()} == {engine.HESSIAN_FILE, "whole.json"}


def test_a_state_that_was_cut_off_while_it_was_written_is_begun_anew() -> None:
    Path(engine.HESSIAN_FILE).write_text("")
    atoms = trimer()
    engine._KeptBFGS(atoms, restart=engine.HESSIAN_FILE, logfile=None).run(fmax=0.01, steps=50)
    assert np.linalg.norm(atoms.get_forces(), axis=1).max() < 0.01


# --- killed at every moment -----------------------------------------------------------------------------------------


class Killed(BaseException):
    """The process ends here."""


class Clock:
    """Counts the moments at which a process may end: before an evaluation, and around each write."""

    def __init__(self) -> None:
        self.count, self.kill_at = 0, -1

    def tick(self) -> None:
        self.count += 1
        if self.count == self.kill_at:
            raise Killed


class Forces(Calculator):
    """Lennard-Jones in the place of GPAW with its finite-basis correction."""

    implemented_properties = ["energy", "free_energy", "forces", "stress"]  # noqa: RUF012
    clock = Clock()

    def __init__(self, _engine: object, _slope: object) -> None:
        super().__init__()  # type: ignore[no-untyped-call]

    def calculate(self, atoms: Any = None, properties: Any = (), system_changes: Any = ()) -> None:
        super().calculate(atoms, properties, system_changes)  # type: ignore[no-untyped-call]
        self.clock.tick()
        bare = self.atoms.copy()  # type: ignore[attr-defined]
        bare.calc = LennardJones(sigma=2.3, epsilon=0.3, rc=5.0, smooth=True)
        energy = bare.get_potential_energy()
        self.results = {"energy": energy, "free_energy": energy, "forces": bare.get_forces(apply_constraint=False),
                        "stress": bare.get_stress(apply_constraint=False)}  # fmt: skip


class Engine:
    def __init__(self) -> None:
        self.hooks: dict[str, Callable[[Any], None]] = {}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Takes the place of everything of GPAW's, and ticks around every write."""
    clock = Clock()

    @contextmanager
    def unrecorded() -> Iterator[dict[str, Any]]:
        yield {}

    def ticking(write: Callable[..., None]) -> Callable[..., None]:
        def around(*arguments: Any) -> None:
            clock.tick()
            write(*arguments)
            clock.tick()

        return around

    monkeypatch.setattr(Forces, "clock", clock)
    monkeypatch.setattr(engine, "BasisCorrected", Forces)
    monkeypatch.setattr(engine, "_finite_basis_slope", lambda atoms, calculator: 0.0)
    monkeypatch.setattr(engine, "_ground_state", lambda atoms, engine: {})
    monkeypatch.setattr(engine, "_recorded", unrecorded)
    monkeypatch.setattr(engine, "_append", ticking(engine._append))
    monkeypatch.setattr(engine._KeptBFGS, "dump", ticking(engine._KeptBFGS.dump))
    return clock


def relaxed(folder: Path, clock: Clock, cell: engine.CellFreedom, kills: list[int], monkeypatch: Any) -> list[Any]:
    """The recorded steps of a relaxation that is killed at those moments of its lives, one after the other."""
    folder.mkdir()
    monkeypatch.chdir(folder)
    moments = iter(kills)
    while True:
        crystal = Atoms(
            "CsBr2", cell=[4.0, 4.3, 3.7], pbc=True, scaled_positions=[[0, 0, 0], [0.5, 0.5, 0.44], [0.5, 0.1, 0.9]]
        )
        clock.count, clock.kill_at = 0, next(moments, -1)
        try:
            engine.relax(crystal, Engine, cell=cell, energy_tol_ev_per_atom=1e-5, force_tol_ev_per_ang=0.01,
                         stress_tol_gpa=0.05, displacement_tol_ang=1e-3, max_steps=9, keep_symmetry=True)  # fmt: skip
        except Killed:
            continue
        return [json.loads(line) for line in Path("relax.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("cell", ["fixed", "lengths", "all"])
def test_a_kill_at_any_moment_changes_no_step(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch, cell: engine.CellFreedom
) -> None:
    whole = relaxed(tmp_path / "whole", clock, cell, [], monkeypatch)
    moments = clock.count
    assert len(whole) > 6 and moments > 30
    lives = [[moment] for moment in range(1, moments, 1 if cell == "fixed" else 7)]
    for number, kills in enumerate([*lives, [3] + 60 * [6]]):
        steps = relaxed(tmp_path / f"{number}", clock, cell, kills, monkeypatch)
        assert len(steps) == len(whole), kills
        for step, expected in zip(steps, whole, strict=True):
            np.testing.assert_allclose(step["positions_ang"], expected["positions_ang"], atol=1e-7)
            np.testing.assert_allclose(step["cell_ang"], expected["cell_ang"], atol=1e-7)
            assert step["max_displacement_ang"] == pytest.approx(expected["max_displacement_ang"], abs=1e-7)
