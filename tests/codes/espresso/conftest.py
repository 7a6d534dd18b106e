"""The runs of pw.x 6.7 that are kept, and the calculations they are of."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from pymatgen.core import Lattice, Structure

from dftflow.codes.espresso import ESPRESSO
from dftflow.codes.reading import read_results
from dftflow.model.results import Results

DATA = Path(__file__).resolve().parents[2] / "data" / "espresso" / "6.7"


@pytest.fixture(autouse=True)
def no_potentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No potentials of the machine that the tests run on."""
    monkeypatch.setenv("ESPRESSO_PSEUDO", str(tmp_path / "no-such-folder"))
    monkeypatch.delenv("ESPRESSO_COMMAND", raising=False)


@pytest.fixture
def case(tmp_path: Path) -> Callable[[str], Path]:
    """A copy of one of the kept runs that may be damaged."""

    def copy(name: str) -> Path:
        return Path(shutil.copytree(DATA / name, tmp_path / name))

    return copy


@pytest.fixture(scope="session")
def results() -> Callable[[str], Results]:
    """Results of a kept run."""
    return lambda name: read_results(ESPRESSO(), DATA / name)


@pytest.fixture
def csbr() -> Structure:
    """CsBr in the structure of CsCl."""
    return Structure(Lattice.cubic(4.291), ["Cs", "Br"], [[0, 0, 0], [0.5, 0.5, 0.5]])
