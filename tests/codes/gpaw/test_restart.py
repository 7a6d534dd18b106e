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
from ase.build import bulk
from ase.calculators.calculator import Calculator
from ase.calculators.emt import EMT
from ase.calculators.lj import LennardJones
from ase.filters import FrechetCellFilter

from dftflow.codes.gpaw import engine
from dftflow.codes.gpaw.optimiser import HESSIAN_FILE, KeptBFGS
from dftflow.model.spec import CellFreedom


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def trimer() -> Atoms:
    atoms = Atoms("Ar3", [[0, 0, 0], [1.3, 0, 0], [0.5, 1.2, 0]])
    atoms.calc = LennardJones()
    return atoms


WHOLE = {
    "energy_ev": 1.0,
    "max_force_ev_per_ang": 0.1,
    "max_stress_gpa": None,
    "max_displacement_ang": None,
    "volume_ang3": 1.0,
    "cell_ang": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    "positions_ang": [[0, 0, 0]],
    "scaled": [[0, 0, 0]],
}


@pytest.mark.parametrize(
    "tail", ["", '{"energy_ev": -1.0, "positi', "\n", "null null", "null\n", "[]\n", "{}\n", "\x00\x00\n", "\udcff"]
)
def test_a_last_line_that_is_not_whole_is_dropped_from_the_file_too(tail: str) -> None:
    """Otherwise the next step would be appended to its fragment, and be lost with it at the next kill."""
    steps = [WHOLE, WHOLE | {"energy_ev": -1.5, "positions_ang": [[0, 0, 1]]}]
    text = "".join(f"{json.dumps(step)}\n" for step in steps)
    Path("relax.jsonl").write_bytes((text + tail).encode("utf-8", "surrogateescape"))
    assert engine._earlier_steps() == steps
    assert Path("relax.jsonl").read_text() == text
    engine._append("relax.jsonl", steps[0])
    assert engine._earlier_steps() == [*steps, steps[0]]


def test_nothing_was_done_before() -> None:
    assert engine._earlier_steps() == [] and not Path("relax.jsonl").exists()


def test_the_optimiser_s_state_is_whole_and_goes_on() -> None:
    """Stopped after four steps and started again: the fifth is that of an optimiser that was not stopped."""
    whole = trimer()
    KeptBFGS(whole, restart="whole.json", logfile=None).run(fmax=0.0, steps=5)
    first = trimer()
    KeptBFGS(first, restart=HESSIAN_FILE, logfile=None).run(fmax=0.0, steps=4)
    again = trimer()
    again.positions = first.positions
    KeptBFGS(again, restart=HESSIAN_FILE, logfile=None).run(fmax=0.0, steps=1)
    np.testing.assert_allclose(again.positions, whole.positions, atol=1e-12)
    assert {file.name for file in Path().iterdir()} == {HESSIAN_FILE, "whole.json"}


def test_a_state_that_was_cut_off_while_it_was_written_is_begun_anew() -> None:
    Path(HESSIAN_FILE).write_text("")
    atoms = trimer()
    KeptBFGS(atoms, restart=HESSIAN_FILE, logfile=None).run(fmax=0.01, steps=50)
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
    monkeypatch.setattr(engine, "_ground_state", lambda atoms, engine, dispersion: {})
    monkeypatch.setattr(engine, "_recorded", unrecorded)
    monkeypatch.setattr(engine, "_append", ticking(engine._append))
    monkeypatch.setattr(KeptBFGS, "dump", ticking(KeptBFGS.dump))
    return clock


def relaxed(folder: Path, clock: Clock, cell: CellFreedom, kills: list[int], monkeypatch: Any) -> list[Any]:
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
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch, cell: CellFreedom
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


def copper() -> Atoms:
    atoms = bulk("Cu", cubic=True)
    atoms.positions[0] += 0.1
    atoms.calc = EMT()  # type: ignore[no-untyped-call]
    return atoms


@pytest.fixture
def state() -> Path:
    """The state of an optimiser that has made three steps."""
    optimiser = KeptBFGS(FrechetCellFilter(copper()), restart="bfgs.json", logfile=None)
    optimiser.run(fmax=0.0, steps=3)
    return Path("bfgs.json")


def test_a_whole_state_is_gone_on_from(state: Path) -> None:
    optimiser = KeptBFGS(FrechetCellFilter(copper()), restart="bfgs.json", logfile=None)
    assert optimiser.state is not None and not np.allclose(optimiser.H, 70 * np.eye(21))


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: "",
        lambda text: text[: len(text) // 2],
        lambda text: text[:-1],
        lambda text: "null",
        lambda text: "[1, 2]",
        lambda text: "[" * 3000,
        lambda text: text.replace(text[100:103], "NaN", 1),
        lambda text: json.dumps([[[1.0]], [1.0], [1.0], 0.15]),
    ],
)
def test_a_damaged_state_is_dropped(state: Path, damage: object) -> None:
    text = damage(state.read_text())  # type: ignore[operator]
    state.write_text(text)
    optimiser = KeptBFGS(FrechetCellFilter(copper()), restart="bfgs.json", logfile=None)
    assert optimiser.state is None
    optimiser.run(fmax=0.0, steps=1)
    assert np.allclose(optimiser.H, optimiser.H.T) and np.isfinite(optimiser.H).all()


@pytest.mark.parametrize("text", ["", "{", "null", '{"de_dlnecut_ev": null}', "[]"])
def test_a_damaged_slope_is_made_again(text: str) -> None:
    Path("finite_basis.json").write_text(text)

    def calculator(*given: object) -> None:
        raise InterruptedError("it is calculated")

    with pytest.raises(InterruptedError):
        engine._finite_basis_slope(copper(), calculator)
