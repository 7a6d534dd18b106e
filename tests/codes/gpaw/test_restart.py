"""What a relaxation that was cut off finds on the disk, without the engine: Lennard-Jones forces stand in for it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
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
