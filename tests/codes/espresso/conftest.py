"""The runs of pw.x 6.7 that are kept, and the calculations they are of."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from pymatgen.core import Element, Lattice, Structure
from strict_reading import read_results

from dftflow.codes.espresso import ESPRESSO
from dftflow.model.results import Results

# Goedecker-Teter-Hutter potentials (10.1103/PhysRevB.54.1703) of CP2K's library, which comes with Debian's cp2k-data
GTH_LIBRARY = Path("/usr/share/cp2k/GTH_POTENTIALS")
PBE = 11
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


@pytest.fixture
def gth_potentials(no_potentials: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """GTH potentials for PBE, in the folder that ESPRESSO_PSEUDO names."""
    if not GTH_LIBRARY.exists() or not shutil.which("pw.x"):
        pytest.skip("pw.x or the GTH library is missing: apt-get install quantum-espresso cp2k-data")
    library, folder = GTH_LIBRARY.read_text(), tmp_path / "potentials"
    folder.mkdir()
    for element, name in (("Cs", "GTH-PBE-q9"), ("Pb", "GTH-PBE-q4"), ("Br", "GTH-PBE-q7"), ("H", "GTH-PBE-q1")):
        (folder / f"{element}.gth").write_text(_gth_text(library, element, name))
    monkeypatch.setenv("ESPRESSO_PSEUDO", str(folder))
    return folder


def _gth_text(library: str, element: str, name: str) -> str:
    """A potential of the library in the format that pw.x reads: ABINIT's, pspcod 10 (10.1007/s00214-005-0655-y)."""
    lines = iter(library.splitlines())
    while next(lines).split()[:2] != [element, name]:
        pass
    electrons = sum(map(int, next(lines).split()))
    local = next(lines).split()
    channels = int(next(lines).split()[0])
    lmax = max(channels - 1, 0)
    text = [f"{element} {name}", f"{Element(element).Z} {electrons} 0", f"10 {PBE} {lmax} {lmax + 1} 2001 0"]
    text += [" ".join(local), str(channels)]
    for angular in range(channels):
        first = next(lines).split()
        rows = [first[2:]] + [next(lines).split() for _ in range(int(first[1]) - 1)]
        text.append(" ".join([*first[:2], *rows[0]]))
        text += [" ".join(row) for row in rows[1:]]
        if angular:  # the spin-orbit coefficients, of which this library has none
            text += [" ".join(["0.0"] * len(row)) for row in rows if row]
    if not channels:
        text.append(f"{local[0]} 0")
    return "\n".join(text) + "\n"
