"""Which calculations are a series: of one cell, as relaxations leave it, with one setting that varies."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pymatgen.core import Lattice, Structure

from dftflow.analysis.convergence import series_of
from dftflow.errors import AnalysisError
from dftflow.model.method import Method
from dftflow.model.results import Results

CRYSTAL = Structure(Lattice.cubic(4.3), ["Cs", "Br"], [[0, 0, 0], [0.5, 0.5, 0.5]])


def slab(layers: int = 3, vacuum_ang: float = 15.0) -> Structure:
    """Layers of CsBr, 2.15 Å apart, below a vacuum."""
    height_ang = 2.15 * (layers - 1) + vacuum_ang
    cell = Lattice.tetragonal(4.3, height_ang)
    places = [[0.5 * (i % 2), 0.5 * (i % 2), 2.15 * i / height_ang] for i in range(layers)]
    return Structure(cell, ["Br" if i % 2 else "Cs" for i in range(layers)], places)


def strained(structure: Structure, strain: float) -> Structure:
    return structure.copy().apply_strain(strain)


def at(structure: Structure, cutoff_ev: float) -> Results:
    how: dict[str, Any] = {"code_version": "1", "functional": "PBE", "potentials": {"Cs": "a", "Br": "b"}}
    method = Method(code="x", cutoff_ev=cutoff_ev, kpoints_grid=(4, 4, 4), kpoints_shift=(0, 0, 0), **how)
    return Results(code="x", code_version="1", status="finished", structure=structure, energy_ev=-5.0, method=method)


def test_cells_that_were_relaxed_at_two_cutoffs_are_one() -> None:
    moved = strained(CRYSTAL, 0.03)
    moved.translate_sites([1], [0.02, 0, 0], frac_coords=True)
    series = series_of([at(CRYSTAL, 500), at(moved, 300)], ["fine", "coarse"])
    assert (series.setting, series.values, series.order) == ("cutoff", (300, 500), (1, 0))
    assert series_of([at(slab(), 500), at(strained(slab(), 0.02), 300)], ["fine", "coarse"]).order == (1, 0)


ANOTHER = Structure(Lattice.cubic(4.3), ["Cs", "Br"], [[0, 0, 0], [0.5, 0.5, 0.1]])
SHEARED = Lattice([[4.3, 0, 0], [0.6, 4.3, 0], [0, 0, 4.3]])
OTHERS = {
    "more cells": (CRYSTAL, CRYSTAL * (1, 1, 2), "Cs2 Br2 in its cell, instead of Cs1 Br1"),
    "larger": (CRYSTAL, strained(CRYSTAL, 0.08), "a cell of 4.64 x 4.64 x 4.64 Å"),
    "sheared": (CRYSTAL, Structure(SHEARED, ["Cs", "Br"], CRYSTAL.frac_coords), "82.0"),
    "placed otherwise": (CRYSTAL, ANOTHER, "atoms up to 1.7 Å from where it has them"),
    "slab": (
        Structure(Lattice.tetragonal(4.3, 7.0), ["Cs", "Br", "Cs"], slab().frac_coords * [1, 1, 19.3 / 7.0]),
        slab(),
        "a slab across c, instead of a crystal",
    ),
    "vacuum": (slab(7, 15.0), slab(7, 16.0), "a vacuum of 16 Å, instead of 15 Å"),
}


@pytest.mark.parametrize("case", OTHERS)
def test_another_cell_is_named(case: str) -> None:
    first, other, said = OTHERS[case]
    for one, two in ((first, other), (other, first)):
        with pytest.raises(AnalysisError, match="different cells") as caught:
            series_of([at(one, 300), at(one, 400), at(two, 500)], ["a", "b", "c"])
        assert caught.value.reason.startswith("beside a, c has")
        assert one is other or said in caught.value.reason


def test_of_many_others_three_are_named() -> None:
    results = [at(CRYSTAL, 300), *(at(slab(4 + 2 * i), 400) for i in range(5))]
    with pytest.raises(AnalysisError, match="different cells") as caught:
        series_of(results, list("abcdef"))
    assert "d has" in caught.value.reason and "e has" not in caught.value.reason
    assert caught.value.reason.endswith("; 2 more are of others")


def test_the_shape_of_a_cell_counts_however_it_lies_in_space() -> None:
    turned = Structure(Lattice(np.roll(CRYSTAL.lattice.matrix, 1, axis=1)), CRYSTAL.species, CRYSTAL.frac_coords)
    assert series_of([at(CRYSTAL, 300), at(turned, 500)], ["a", "b"]).texts == ("300 eV", "500 eV")
