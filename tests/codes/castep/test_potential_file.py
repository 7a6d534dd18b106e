"""The formatted potential: placed by index, complete, in eV."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dftflow.codes.castep.potential_file import read_potential
from dftflow.errors import ParseError
from dftflow.units import BOHR_ANG, HARTREE_EV

SHAPE = (2, 3, 4)
POINTS = [(a, b, c) for c in range(1, 5) for b in range(1, 4) for a in range(1, 3)]


def value(a: int, b: int, c: int) -> float:
    return -1 + 0.1 * a + 0.01 * b + 0.001 * c


def grid_text(points: list[tuple[int, int, int]], *, spins: int = 1, flag: str = "", unit: str = "A") -> str:
    head = [
        " BEGIN header",
        "  ",
        f"           Real Lattice({unit})               Lattice parameters(A)    Cell Angles",
        "     4.0000000     0.0000000     0.0000000     a =    4.000000  alpha =   90.000000",
        "     0.0000000     5.0000000     0.0000000     b =    5.000000  beta  =   90.000000",
        "     0.0000000     0.0000000     6.0000000     c =    6.000000  gamma =   90.000000",
        "  ",
        f"   {spins}{flag}                            ! nspins",
        "   2     3     4                ! fine FFT grid along <a,b,c>",
        ' END header: data is "<a b c> pot" in units of Hartrees',
        "  ",
    ]
    shifts = (0.0,) if spins == 1 else (0.5, -0.5)
    rows = ["".join(f"{i:6d}" for i in p) + "".join(f"{value(*p) + s:20.6f}" for s in shifts) for p in points]
    return "\n".join(head + rows) + "\n"


def write(folder: Path, text: str) -> Path:
    file = folder / "a.pot_fmt"
    file.write_text(text)
    return file


@settings(deadline=None, max_examples=20)
@given(points=st.permutations(POINTS), spins=st.integers(1, 2), flag=st.sampled_from(["", "   F"]))
def test_rows_in_any_order_are_placed_by_their_index(
    points: list[tuple[int, int, int]], spins: int, flag: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    grid = read_potential(write(tmp_path_factory.mktemp("p"), grid_text(points, spins=spins, flag=flag)))
    assert grid.values_ev.shape == SHAPE
    for a, b, c in POINTS:
        assert grid.values_ev[a - 1, b - 1, c - 1] == pytest.approx(value(a, b, c) * HARTREE_EV, abs=1e-9)
    np.testing.assert_allclose(grid.cell_ang, np.diag([4, 5, 6]))
    assert grid.kind == "local"


def test_lattice_in_bohr(tmp_path: Path) -> None:
    grid = read_potential(write(tmp_path, grid_text(POINTS, unit="Bohr")))
    np.testing.assert_allclose(grid.cell_ang, np.diag([4, 5, 6]) * BOHR_ANG)


def test_what_follows_the_last_point_is_not_read(tmp_path: Path) -> None:
    """A meta-GGA run appends a second block."""
    text = grid_text(POINTS)
    assert read_potential(write(tmp_path, text + text.splitlines()[-1] + "\n")).values_ev.shape == SHAPE


def test_a_file_cut_anywhere_is_an_error(tmp_path: Path) -> None:
    text = grid_text(POINTS)
    for length in [*range(0, len(text), 7), len(text) - 1]:
        with pytest.raises(ParseError):
            read_potential(write(tmp_path, text[:length]))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (grid_text([*POINTS[:-1], POINTS[0]]), "1 grid points are missing"),
        (grid_text([*POINTS[:-1], (3, 1, 1)]), "outside the grid"),
        (grid_text(POINTS).replace("-0.889000", "*********"), "damaged"),
        (grid_text(POINTS, flag="   T"), "non-collinear"),
        (grid_text(POINTS).replace("pot", "charge"), "no potential in Hartree"),
        (grid_text(POINTS).replace("   1      ", "   2      "), "columns"),
    ],
)
def test_damaged_file(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ParseError, match=message):
        read_potential(write(tmp_path, text))


def test_published_potential(castep_data: Path) -> None:
    """Every hundredth line of the file is found where its index says."""
    file = castep_data / "Inker2401+castep-fmtvis/test/nospin.pot_fmt"
    grid = read_potential(file)
    assert grid.values_ev.shape == (36, 36, 36)
    np.testing.assert_allclose(grid.cell_ang, 4 * np.eye(3))
    for line in file.read_text().splitlines()[11::100]:
        a, b, c, text = line.split()
        assert grid.values_ev[int(a) - 1, int(b) - 1, int(c) - 1] == pytest.approx(float(text) * HARTREE_EV, abs=1e-12)


@pytest.mark.parametrize("kind", ["den", "elf", "chdiff"])
def test_other_published_grids_are_refused(kind: str, castep_data: Path) -> None:
    with pytest.raises(ParseError, match="no potential"):
        read_potential(castep_data / f"oerc0122+castep_outputs/test/data_files/test.{kind}_fmt")


def test_published_potential_that_was_cut_short(castep_data: Path) -> None:
    with pytest.raises(ParseError, match="expected 13824"):
        read_potential(castep_data / "oerc0122+castep_outputs/test/data_files/test.pot_fmt")
