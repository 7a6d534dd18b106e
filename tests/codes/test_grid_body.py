"""Bodies of grids: the numbers of float() in every layout that Fortran prints, and averages that need no grid."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dftflow.codes.espresso.grid_file import read_potential_grid
from dftflow.codes.grid_body import RowLayout, fits_grid, gathered, said_points
from dftflow.codes.vasp.locpot_file import read_locpot
from dftflow.errors import ParseError
from dftflow.model.energy import EnergyZero
from dftflow.units import RYDBERG_EV

ZERO = EnergyZero(run="slab", reference="cell_average")
Shape = tuple[int, int, int]
SHAPE = (6, 5, 40)
RNG = np.random.default_rng(5)


def vasp(value: float) -> str:
    """``1x,e17.11``, without the E where the exponent has three digits."""
    if value == 0:
        return f" {'-.' if np.signbit(value) else '0.'}00000000000E+00"
    mantissa, exponent = f"{abs(value):.10E}".split("E")
    power = int(exponent) + 1
    tail = f"E{power:+03d}" if abs(power) < 100 else f"{power:+04d}"
    return f" {'-.' if value < 0 else '0.'}{mantissa.replace('.', '')}{tail}"


def quantum_espresso(value: float) -> str:
    """``1pe17.9``."""
    mantissa, exponent = f"{value:.9E}".split("E")
    power = int(exponent)
    return f"{mantissa + (f'E{power:+03d}' if abs(power) < 100 else f'{power:+04d}'):>17}"


def lines_of(texts: list[str], end: str = "\n") -> str:
    return "".join("".join(texts[at : at + 5]) + end for at in range(0, len(texts), 5))


def locpot(
    folder: Path, texts: list[str], shape: tuple[int, int, int] = SHAPE, *, end: str = "\n", sets: int = 1
) -> Path:
    """A LOCPOT of one atom in 8 x 8 x 40 Å, its vacuum along c."""
    grid = f"  {shape[0]}  {shape[1]}  {shape[2]}\n"
    head = "slab\n 1.0\n 8. 0. 0.\n 0. 8. 0.\n 0. 0. 40.\n H\n 1\nDirect\n 0.5 0.5 0.5\n\n"
    text = head + (grid + lines_of(texts)) * sets
    file = folder / "LOCPOT"
    file.write_bytes(text.replace("\n", end).encode())
    return file


def pot(
    folder: Path, texts: list[str], padded: tuple[int, int, int] = SHAPE, shape: tuple[int, int, int] = SHAPE
) -> Path:
    """What pp.x writes of the same."""
    head = ["title", " ".join(map(str, (*padded, *shape, 1, 1))), "0 15.0 0 0 0 0 0", "1 0 0", "0 1 0", "0 0 5"]
    head += ["1.0 4.0 30.0 11", "1 H 1.00", "1 0.5 0.5 2.5 1"]
    file = folder / "slab.pot"
    file.write_text("\n".join(head) + "\n" + lines_of(texts))
    return file


def read_vasp(file: Path) -> np.ndarray:
    return read_locpot(file, kind="local", zero=ZERO).values_ev


@pytest.mark.parametrize("line", ["1.0 2.0", "", "********", " 0.12E+01 0.12E+01 "])
def test_another_line_has_no_layout_and_stays(tmp_path: Path, line: str) -> None:
    file = tmp_path / "grid"
    file.write_text("head\n" + line + "\n")
    with file.open("rb") as stream:
        stream.readline()
        assert RowLayout.of_next(stream) is None and stream.tell() == 5


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_regular_lines_are_not_read_as_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: str) -> None:
    values = RNG.normal(scale=20, size=SHAPE)
    texts = [vasp(value) for value in values.ravel(order="F")]
    monkeypatch.setattr("numpy.loadtxt", None)
    found = read_vasp(locpot(tmp_path, texts, end=end))
    np.testing.assert_array_equal(found, np.array([float(t) for t in texts]).reshape(SHAPE, order="F"))


odd = st.floats(-9e4, 9e4) | st.floats(-1e-8, 1e-8) | st.sampled_from([0.0, -0.0, 1e-120, -3e-99, 9.9999999999e-12])


@settings(max_examples=40, deadline=None)
@given(values=st.lists(odd, min_size=60, max_size=60))
def test_every_number_is_that_of_float(tmp_path_factory: pytest.TempPathFactory, values: list[float]) -> None:
    folder, shape = tmp_path_factory.mktemp("grid"), (3, 5, 4)
    with pytest.MonkeyPatch.context() as patch:  # so that regular and other chunks follow each other
        patch.setattr("dftflow.codes.vasp.volume_file.LINES_AT_ONCE", 3)
        patch.setattr("dftflow.codes.espresso.grid_file.LINES_AT_ONCE", 3)
        texts = [vasp(value) for value in values]
        numbers = [float(t if "E" in t else t[:-4] + "E" + t[-4:]) for t in texts]
        np.testing.assert_array_equal(read_vasp(locpot(folder, texts, shape)).ravel(order="F"), numbers)
        texts = [quantum_espresso(value) for value in values]
        numbers = [float(t if "E" in t else t[:-4] + "E" + t[-4:]) * RYDBERG_EV for t in texts]
        found = read_potential_grid(pot(folder, texts, shape, shape), ZERO).values_ev
        np.testing.assert_array_equal(found.ravel(order="F"), numbers)


@pytest.mark.parametrize(
    "bad", ["               NaN", " *****************", " 0.1234567_901E+01", " 0.12345678901E+07"]
)
@pytest.mark.parametrize("at", [0, 7, 1199])
def test_what_is_no_energy_is_refused_wherever_it_stands(tmp_path: Path, bad: str, at: int) -> None:
    values = RNG.normal(scale=20, size=SHAPE).ravel()
    texts = [vasp(value) for value in values]
    texts[at] = bad
    with pytest.raises(ParseError):
        read_vasp(locpot(tmp_path, texts))
    texts = [quantum_espresso(value) for value in values]
    texts[at] = bad[1:]
    with pytest.raises(ParseError):
        read_potential_grid(pot(tmp_path, texts), ZERO)


@pytest.mark.parametrize("normal", [0, 1, 2])
@pytest.mark.parametrize("padded", [None, (8, 7)])
def test_averages_are_those_of_the_grid(normal: int, padded: tuple[int, int] | None) -> None:
    a, b, c = SHAPE
    wide = RNG.normal(size=(*(padded or (a, b)), c))
    flat = wide.ravel(order="F")
    chunks = [flat[at : at + 37] for at in range(0, flat.size, 37)]
    whole = gathered(chunks, SHAPE, padded=padded, normal=None)
    np.testing.assert_array_equal(whole, wide[:a, :b])
    others = tuple(axis for axis in range(3) if axis != normal)
    found = gathered(chunks, SHAPE, padded=padded, normal=normal)
    np.testing.assert_allclose(found, wide[:a, :b].mean(axis=others, keepdims=True), atol=1e-14)


@pytest.mark.parametrize("sets", [1, 2])
def test_of_a_large_file_the_averages_along_the_vacuum_are_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sets: int
) -> None:
    monkeypatch.setattr("dftflow.codes.grid_body.LARGEST_WHOLE_BYTES", 1000)
    values = RNG.normal(scale=20, size=SHAPE)
    flat = values.ravel(order="F")
    found = read_vasp(locpot(tmp_path, [vasp(value) for value in flat], sets=sets))
    np.testing.assert_allclose(found, values.mean(axis=(0, 1), keepdims=True), atol=1e-9)
    padded = np.pad(values, ((0, 1), (0, 2), (0, 0)))
    file = pot(tmp_path, [quantum_espresso(v) for v in padded.ravel(order="F")], padded.shape, SHAPE)
    found = read_potential_grid(file, ZERO).values_ev
    np.testing.assert_allclose(found, values.mean(axis=(0, 1), keepdims=True) * RYDBERG_EV, atol=1e-6)


def test_averages_fit_the_grid_of_their_run_by_their_own_axis(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = locpot(tmp_path, [vasp(value) for value in RNG.normal(size=SHAPE).ravel()])
    whole = read_locpot(file, kind="local", zero=ZERO)
    assert fits_grid(whole, SHAPE) and not fits_grid(whole, (6, 5, 41))
    assert said_points(whole) == "6 x 5 x 40 points"
    monkeypatch.setattr("dftflow.codes.grid_body.LARGEST_WHOLE_BYTES", 1000)
    averages = read_locpot(file, kind="local", zero=ZERO)
    assert fits_grid(averages, (9, 9, 40)) and not fits_grid(averages, (6, 5, 41))
    assert "plane averages alone" in said_points(averages)
