"""CHGCAR: the number of electrons, its sets, the occupancies between them, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pymatgen.io.vasp import Chgcar
from vasp_files import Run

from dftflow.codes.vasp import VASP
from dftflow.codes.vasp.chgcar_file import read_chgcar
from dftflow.errors import ParseError
from dftflow.gate.belonging import belonging

SHAPE = (2, 3, 4)
VALUES = np.arange(24.0).reshape(SHAPE)
OCCUPANCIES = "".join(
    f"augmentation occupancies{number:4d}{7:4d}\n" + "  0.6333702E+01" * 5 + "\n" + " -0.5836143E-01" * 2 + "\n"
    for number in (1, 2)
)
MOMENTS = " 0.10000000000E+01 0.10000000000E+01\n"


@pytest.fixture
def write(folder: Path, make_locpot: Callable[..., str]) -> Callable[..., Path]:
    """Writes a CHGCAR of so many sets, as VASP does: occupancies behind each, moments behind the first."""

    def made(*sets: np.ndarray, occupancies: str = OCCUPANCIES) -> Path:
        text = make_locpot([sets[0]])
        sizes = next(line for line in text.splitlines(keepends=True) if line.split() == ["2", "3", "4"])
        parts = [make_locpot([one]).partition(sizes)[2] for one in sets]
        body = f"{MOMENTS}{sizes}".join([f"{part}{occupancies}" for part in parts])
        file = folder / "CHGCAR"
        file.write_text(text.partition(sizes)[0] + sizes + body)
        return file

    return made


@pytest.mark.parametrize(
    ("further", "n_spins", "spinor"), [((), 1, False), ((VALUES - 11.0,), 2, False), ((VALUES,) * 3, 1, True)]
)
@pytest.mark.parametrize("occupancies", ["", OCCUPANCIES], ids=["without occupancies", "with occupancies"])
def test_the_mean_of_the_first_set_is_the_number_of_electrons(
    write: Callable[..., Path], further: tuple[np.ndarray, ...], n_spins: int, spinor: bool, occupancies: str
) -> None:
    file = write(VALUES, *further, occupancies=occupancies)
    found = read_chgcar(file)
    assert found.n_electrons == pytest.approx(11.5) and (found.n_spins, found.spinor) == (n_spins, spinor)
    assert found.cell_ang[2, 2] == 5.0
    peer = Chgcar.from_file(file)
    assert found.n_electrons == pytest.approx(peer.data["total"].mean())
    assert peer.is_soc == spinor and peer.is_spin_polarized == (n_spins == 2 or spinor)


def test_records_of_a_thousand_atoms_abut(write: Callable[..., Path]) -> None:
    thousandth = "augmentation occupancies10001234\n" + ("  0.1E+01" * 2 + "\n") * 617
    assert read_chgcar(write(VALUES, VALUES, occupancies=thousandth)).n_spins == 2


@pytest.mark.parametrize(
    ("old", "new"),
    [("   1   7\n", "   1   8\n"), ("   1   7\n", "   1   6\n"), (" -0.5836143E-01", " ***************"),
     (" 2.30000000000E+01", "               nan")],
)  # fmt: skip
def test_what_is_damaged_is_refused(write: Callable[..., Path], old: str, new: str) -> None:
    file = write(VALUES, VALUES)
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))
    with pytest.raises(ParseError, match="cut short or damaged"):
        read_chgcar(file)


def test_three_sets_are_of_no_run(write: Callable[..., Path]) -> None:
    with pytest.raises(ParseError, match="3 sets"):
        read_chgcar(write(VALUES, VALUES, VALUES))


@pytest.mark.parametrize(("factor", "passed"), [(1.0, True), (1.0005, True), (1.2, False)])
def test_a_density_of_another_run_is_told(
    write: Callable[..., Path], make_run: Callable[..., Run], folder: Path, factor: float, passed: bool
) -> None:
    (folder / "vasprun.xml").write_text(make_run().xml())
    (calculation,) = VASP().find(folder)
    own = VASP().read(calculation).results
    assert own is not None and own.method is not None and own.method.n_electrons is not None
    write(VALUES * (factor * own.method.n_electrons / VALUES.mean()))
    (calculation,) = VASP().find(folder)
    results = VASP().read(calculation).results
    assert results is not None and results.density is not None
    (check,) = [check for check in belonging(results) if "density" in check.concerns and "electrons" in check.name]
    assert check.passed is passed
