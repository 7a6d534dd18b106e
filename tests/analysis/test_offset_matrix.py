"""The matrix of offsets: antisymmetric, in the order of its levels, empty where there is no row."""

from __future__ import annotations

from levels import all_pairs, surface_levels

from dftflow.analysis.offset_matrix import offset_matrix


def test_each_against_each() -> None:
    levels = surface_levels([-5.0, -5.5, -6.25], [2.0, 2.0, 1.0])
    matrix = offset_matrix(levels, all_pairs(levels))
    assert matrix.valence_ev == ((None, 0.5, 1.25), (-0.5, None, 0.75), (-1.25, -0.75, None))
    assert matrix.conduction_ev == ((None, 0.5, 2.25), (-0.5, None, 1.75), (-2.25, -1.75, None))
    assert matrix.types[0] == ("", "type II", "type III")
    assert matrix.names[0] == "CsPbBr3 (010) Pnma, CsBr"


def test_another_order_and_rows_that_are_not_there() -> None:
    levels = surface_levels([-5.0, -5.5, -6.25], [2.0, 2.0, 1.0])
    matrix = offset_matrix(levels[::-1], all_pairs(levels)[:2])
    assert matrix.valence_ev == ((None, None, -1.25), (None, None, -0.5), (1.25, 0.5, None))
