"""Symmetry operations as files list them."""

from __future__ import annotations

import numpy as np
import pytest
from pymatgen.core import Lattice

from dftflow.crystals.symmetry_operations import read_operations

PBNM = ["x,y,z", "-x,-y,z+1/2", "x+1/2,-y+1/2,-z", "-x+1/2,y+1/2,-z+1/2",
        "-x,-y,-z", "x,y,-z+1/2", "-x+1/2,y+1/2,z", "x+1/2,-y+1/2,z+1/2"]  # fmt: skip


@pytest.mark.parametrize(
    "texts",
    [
        [text.replace("+1/2", " + 1/2") for text in PBNM],
        [text.replace("+1/2", "+0.5") for text in PBNM],
        [text.upper() for text in PBNM],
        ["x,y,z", "-x,-y,1/2+z", "1/2+x,1/2-y,-z", "1/2-x,1/2+y,1/2-z", *PBNM[4:]],
        [text.replace("+1/2", "-1/2") for text in PBNM],
        [*PBNM, "x,y,z"],
    ],
)
def test_one_group_in_many_spellings(texts: list[str]) -> None:
    operations = read_operations(texts)
    assert operations.keys == read_operations(PBNM).keys
    assert (len(operations), operations.is_group, operations.number) == (8, True, 62)


def test_thirds_that_a_file_rounds() -> None:
    exact = read_operations(["x,y,z", "-y,x-y,z+1/3", "-x+y,-x,z+2/3"])
    rounded = read_operations(["x,y,z", "-y,x-y,z+0.333", "-x+y,-x,z+.66667"])
    assert rounded.keys == exact.keys
    assert rounded.number == 144  # P 31
    np.testing.assert_allclose(rounded.translations[:, 2], [0, 1 / 3, 2 / 3])


@pytest.mark.parametrize("text", ["x,y", "x,y,q", "x,y,2z", "x,y,x", "", "x,y,z,z", "x,y,1/0", "x,y,z+", "1,2,3"])
def test_what_is_no_operation(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        read_operations(["x,y,z", text])


@pytest.mark.parametrize("missing", range(8))
def test_a_list_that_lacks_one_is_no_group(missing: int) -> None:
    texts = [text for number, text in enumerate(PBNM) if number != missing]
    assert not read_operations(texts).is_group


def test_the_lattice_that_operations_leave_alone() -> None:
    fourfold = read_operations(["x,y,z", "-y,x,z", "-x,-y,z", "y,-x,z"])
    assert fourfold.misfit(Lattice.tetragonal(4, 7)) == ""
    assert fourfold.misfit(Lattice.from_parameters(4, 4.01, 7, 90, 90, 90)) == ""
    wrong = fourfold.misfit(Lattice.from_parameters(4, 5, 7, 90, 90, 90))
    assert "a = 4" in wrong and "b = 5" in wrong and "c" not in wrong
    assert "gamma = 95" in fourfold.misfit(Lattice.from_parameters(4, 4, 7, 90, 90, 95))


def test_how_they_read() -> None:
    assert str(read_operations(["x,y,z", "-x,y+1/2,-z+1/4"])) == "'x,y,z', '-x,y+1/2,-z+1/4'"
