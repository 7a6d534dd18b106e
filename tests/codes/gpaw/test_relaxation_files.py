"""What a relaxation leaves for the next attempt, damaged: it is dropped, and the relaxation goes on."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.filters import FrechetCellFilter

from dftflow.codes.gpaw import engine


def copper() -> Atoms:
    atoms = bulk("Cu", cubic=True)
    atoms.positions[0] += 0.1
    atoms.calc = EMT()  # type: ignore[no-untyped-call]
    return atoms


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The state of an optimiser that has made three steps."""
    monkeypatch.chdir(tmp_path)
    optimiser = engine._KeptBFGS(FrechetCellFilter(copper()), restart="bfgs.json", logfile=None)
    optimiser.run(fmax=0.0, steps=3)
    return tmp_path / "bfgs.json"


def test_a_whole_state_is_gone_on_from(state: Path) -> None:
    optimiser = engine._KeptBFGS(FrechetCellFilter(copper()), restart="bfgs.json", logfile=None)
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
    optimiser = engine._KeptBFGS(FrechetCellFilter(copper()), restart="bfgs.json", logfile=None)
    assert optimiser.state is None
    optimiser.run(fmax=0.0, steps=1)
    assert np.allclose(optimiser.H, optimiser.H.T) and np.isfinite(optimiser.H).all()


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


@pytest.mark.parametrize("end", ['{"energy_ev": 1.0, "max_fo', "null\n", "[]\n", "{}\n", "\x00\x00\n", "\udcff"])
def test_a_line_that_is_not_whole_is_dropped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: str) -> None:
    monkeypatch.chdir(tmp_path)
    line = json.dumps(WHOLE) + "\n"
    Path("relax.jsonl").write_bytes((2 * line + end).encode("utf-8", "surrogateescape"))
    assert engine._earlier_steps() == [WHOLE, WHOLE]
    assert Path("relax.jsonl").read_text() == 2 * line


@pytest.mark.parametrize("text", ["", "{", "null", '{"de_dlnecut_ev": null}', "[]"])
def test_a_damaged_slope_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.chdir(tmp_path)
    Path("finite_basis.json").write_text(text)

    def calculator(*given: object) -> None:
        raise InterruptedError("it is calculated")

    with pytest.raises(InterruptedError):
        engine._finite_basis_slope(copper(), calculator)
