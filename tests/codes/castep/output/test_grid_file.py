"""The formatted potential: placed by index, complete, in eV."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dftflow.codes.castep.output.grid_file import plane_averages, read_grid, read_potential
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


@pytest.mark.parametrize(
    "relayout",
    [
        lambda text: text.replace("\n", "\r\n"),
        lambda text: re.sub(r"(?m)^( +\d+ +\d+ +\d+ +-\d\.\d{6})$", r"\1   ", text),
        lambda text: re.sub(r"(?m)^ +(\d+) +(\d+) +(\d+) +(-\d\.\d{6})", r"\1 \2 \3 \4E+00", text),
        lambda text: text.replace("           -0.776000", "       -7.76000e-01"),
    ],
)
@pytest.mark.parametrize("spins", [1, 2])
def test_any_layout_gives_the_numbers_of_the_usual_one(
    relayout: Callable[[str], str], spins: int, tmp_path: Path
) -> None:
    usual = grid_text(POINTS, spins=spins)
    other = relayout(usual)
    assert other != usual or spins == 2
    expected = read_grid(write(tmp_path, usual))
    (tmp_path / "b").mkdir()
    file = tmp_path / "b" / "a.pot_fmt"
    file.write_bytes(other.encode())
    found = read_grid(file)
    np.testing.assert_array_equal(found.values, expected.values)


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("spins", [1, 2])
def test_plane_averages_are_those_of_the_whole_grid(axis: int, spins: int, tmp_path: Path) -> None:
    file = write(tmp_path, grid_text(POINTS[::-1], spins=spins))
    whole, planes = read_grid(file), plane_averages(file, axis)
    others = tuple(1 + other for other in range(3) if other != axis)
    np.testing.assert_allclose(planes.mean, whole.values.mean(axis=others), rtol=1e-12)
    np.testing.assert_allclose(planes.deviation, whole.values.std(axis=others), atol=1e-6)
    assert planes.kind == "potential"


def test_plane_averages_refuse_a_double_point(tmp_path: Path) -> None:
    with pytest.raises(ParseError, match="1 grid points are missing"):
        plane_averages(write(tmp_path, grid_text([*POINTS[:-1], POINTS[0]])))


def test_a_density_has_its_electrons_as_its_mean(tmp_path: Path) -> None:
    text = grid_text(POINTS, spins=2).replace(
        '"<a b c> pot" in units of Hartrees', '"<a b c> charge spin" in units of e'
    )
    file = tmp_path / "a.den_fmt"
    file.write_text(text)
    grid = read_grid(file)
    assert grid.kind == "density" and grid.columns == ("charge", "spin")
    mean = np.mean([value(*point) for point in POINTS])
    assert grid.means == pytest.approx((mean + 0.5, mean - 0.5))


def test_a_non_collinear_grid_keeps_its_columns(tmp_path: Path) -> None:
    text = grid_text(POINTS, flag="   T")
    rows = [line + 3 * line[18:] if line[:1] == " " and line[18:19] == " " and "-" in line else line
            for line in text.splitlines()]  # fmt: skip
    file = write(tmp_path, "\n".join(rows) + "\n")
    grid = read_grid(file)
    assert grid.non_collinear and grid.values.shape == (4, *SHAPE)
    with pytest.raises(ParseError, match="non-collinear"):
        read_potential(file)


def test_a_head_that_announces_too_much_costs_no_memory(tmp_path: Path) -> None:
    text = grid_text(POINTS).replace("   2     3     4  ", " 99999 99999 99999")
    with pytest.raises(ParseError, match="999970000299999 grid points"):
        read_grid(write(tmp_path, text))


def test_many_chunks(tmp_path: Path) -> None:
    """More points than are decoded at once; the second half in another layout."""
    shape = (41, 41, 41)
    rng = np.random.default_rng(0)
    values = np.round(rng.normal(size=shape), 6)
    order = rng.permutation(values.size)
    head = grid_text(POINTS).replace("   2     3     4  ", "  41    41    41  ").splitlines()[:11]
    index = np.stack(np.unravel_index(order, shape), axis=1) + 1
    rows = ["".join(f"{i:6d}" for i in p) + f"{values[tuple(p - 1)]:20.6f}" for p in index]
    rows[50_000:] = [row + " " for row in rows[50_000:]]
    grid = read_grid(write(tmp_path, "\n".join(head + rows) + "\n"))
    np.testing.assert_array_equal(grid.values[0], values * HARTREE_EV)


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


def test_a_published_density_is_no_potential(castep_data: Path) -> None:
    with pytest.raises(ParseError, match="no potential"):
        read_potential(castep_data / "zhubonan+aiida-castep/tests/data/Si-quickstart/aiida.den_fmt")


@pytest.mark.parametrize("kind", ["pot", "den", "elf", "chdiff"])
def test_published_grids_that_were_cut_short(kind: str, castep_data: Path) -> None:
    file = castep_data / f"oerc0122+castep_outputs/test/data_files/test.{kind}_fmt"
    with pytest.raises(ParseError, match="expected") as caught:
        read_grid(file)
    assert caught.value.where.startswith(f"{file}:")


@pytest.mark.parametrize("folder", ["Si-quickstart", "registry/Si-bs-quickstart-3/out"])
def test_published_densities_have_eight_electrons(folder: str, castep_data: Path) -> None:
    grid = read_grid(castep_data / "zhubonan+aiida-castep/tests/data" / folder / "aiida.den_fmt")
    assert grid.means == pytest.approx((8.0,), abs=1e-6)
