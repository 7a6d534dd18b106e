"""What follows from a structure is asked for once, and never taken for that of another one."""

from __future__ import annotations

import gc

from pymatgen.core import Lattice, Structure

from dftflow.crystals.per_structure import per_structure


def cell(length_ang: float) -> Structure:
    return Structure(Lattice.cubic(length_ang), ["Cs", "Br"], [[0, 0, 0], [0.5, 0.5, 0.5]])


def test_one_structure_is_asked_once_and_an_equal_one_by_itself() -> None:
    asked: list[float] = []

    @per_structure
    def length_ang(structure: Structure) -> float:
        asked.append(structure.lattice.a)
        return structure.lattice.a

    first, second = cell(4.0), cell(4.0)
    assert [length_ang(first), length_ang(first), length_ang(second)] == [4.0] * 3
    assert len(asked) == 2


def test_a_structure_in_the_place_of_one_that_is_gone_is_another_one() -> None:
    length_ang = per_structure(lambda structure: structure.lattice.a)
    for number in range(200):  # the identity of an object is used again once it is gone
        assert length_ang(cell(4.0 + number)) == 4.0 + number
        gc.collect(0)


def test_what_it_is_asked_with_tells_answers_apart() -> None:
    asked: list[tuple[int, bool]] = []

    @per_structure
    def length_ang(structure: Structure, times: int, *, half: bool = False) -> float:
        asked.append((times, half))
        return structure.lattice.a * times / (2 if half else 1)

    crystal = cell(4.0)
    for _ in range(2):
        found = [length_ang(crystal, 1), length_ang(crystal, 3), length_ang(crystal, 3, half=True)]
        assert found == [4.0, 12.0, 6.0]
    assert asked == [(1, False), (3, False), (3, True)]
