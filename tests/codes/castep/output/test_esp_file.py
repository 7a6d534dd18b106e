"""The binary potential: whole records, every column once, the numbers of the formatted file."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from castep_files import fortran_integers, fortran_record

from dftflow.codes.castep.output.esp_file import read_esp
from dftflow.errors import ParseError
from dftflow.model.results import FloatArray
from dftflow.units import HARTREE_EV

CELL_ANG = np.diag([4.0, 5.0, 6.0])


def esp(values: FloatArray, order: list[tuple[int, int]] | None = None) -> bytes:
    spins, n_a, n_b, n_c = values.shape
    parts = [fortran_integers(spins), fortran_integers(n_a, n_b, n_c)]
    for spin in range(spins):
        for a, b in order or [(a, b) for a in range(n_a) for b in range(n_b)]:
            parts.append(fortran_record(struct.pack(">2i", a + 1, b + 1) + values[spin, a, b].astype(">c16").tobytes()))
    return b"".join(parts)


@pytest.fixture
def values() -> FloatArray:
    return np.random.default_rng(1).normal(size=(1, 2, 3, 4))


@pytest.mark.parametrize("spins", [1, 2])
def test_columns_in_any_order(spins: int, values: FloatArray, tmp_path: Path) -> None:
    both = np.concatenate([values, values + 1.0])[:spins]
    file = tmp_path / "a.cst_esp"
    file.write_bytes(esp(both, [(1, 2), (0, 0), (1, 0), (0, 2), (0, 1), (1, 1)]))
    grid = read_esp(file, CELL_ANG)
    np.testing.assert_allclose(grid.values_ev, both.mean(axis=0) * HARTREE_EV, rtol=1e-15)
    assert grid.kind == "local" and grid.zero.run == str(file.resolve().with_suffix(""))
    assert grid.n_spins == spins and not grid.tells_cell
    np.testing.assert_array_equal(grid.cell_ang, CELL_ANG)


def test_cut_anywhere_it_is_refused(values: FloatArray, tmp_path: Path) -> None:
    whole = esp(values)
    file = tmp_path / "a.cst_esp"
    for length in range(0, len(whole), 5):
        file.write_bytes(whole[:length])
        with pytest.raises(ParseError):
            read_esp(file, CELL_ANG)


def test_a_double_column_is_refused(values: FloatArray, tmp_path: Path) -> None:
    file = tmp_path / "a.cst_esp"
    file.write_bytes(esp(values, [(0, 0), (0, 0), (1, 0), (0, 2), (0, 1), (1, 1)]))
    with pytest.raises(ParseError, match="missing"):
        read_esp(file, CELL_ANG)


def test_a_published_potential(castep_data: Path) -> None:
    """16 x 16 x 16 points; the first number as it stands in the bytes of the file."""
    file = castep_data / "oerc0122+castep_outputs/test/data_files/test.cst_esp"
    grid = read_esp(file, CELL_ANG)
    (first,) = struct.unpack(">d", file.read_bytes()[44:52])
    assert grid.values_ev.shape == (16, 16, 16)
    assert grid.values_ev[0, 0, 0] == pytest.approx(first * HARTREE_EV, rel=1e-14)
