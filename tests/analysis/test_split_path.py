from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from free_electrons import bands_of, path_bands, path_points, results_of

from dftflow.analysis.split_path import join_split_path
from dftflow.errors import AnalysisError
from dftflow.model.results import Bands


def _cut(corners: str, at: int, per_leg: int = 10) -> tuple[Bands, Bands]:
    points, labels, parts = path_points(corners, per_leg)
    return tuple(  # type: ignore[return-value]
        bands_of(points[piece], labels[piece], [p - parts[piece][0] for p in parts[piece]])
        for piece in (slice(0, at), slice(at, None))
    )


@pytest.mark.parametrize("at", [5, 10, 11, 15, 20])
def test_a_path_cut_anywhere_is_the_path_again(at: int) -> None:
    whole = path_bands("GXM", 10)
    joined = join_split_path([results_of(piece) for piece in _cut("GXM", at)], ["a", "b"])
    np.testing.assert_array_equal(joined.eigenvalues_ev, whole.eigenvalues_ev)
    np.testing.assert_array_equal(joined.kpoints_frac, whole.kpoints_frac)
    assert (joined.labels, joined.on_path) == (whole.labels, whole.on_path)


def test_where_the_path_jumps_between_the_runs_it_stays_in_two_parts() -> None:
    joined = join_split_path([results_of(path_bands("GX")), results_of(path_bands("MR"))], ["a", "b"])
    assert joined.on_path == (0,) * 11 + (1,) * 11


def test_the_corner_may_stand_in_both_runs() -> None:
    joined = join_split_path([results_of(path_bands("GX")), results_of(path_bands("XM"))], ["a", "b"])
    assert joined.on_path == (0,) * 22


def test_three_runs() -> None:
    pieces = [results_of(path_bands(leg)) for leg in ("GX", "XM", "RG")]
    assert join_split_path(pieces, ["a", "b", "c"]).on_path == (0,) * 22 + (1,) * 11


@pytest.mark.parametrize(
    ("other", "why"),
    [({"functional": "HSE06"}, "HSE06"), ({"cutoff_ev": 500.0}, "500"), ({"functional": None}, "not known")],
)
def test_runs_of_other_hamiltonians_are_refused(other: dict[str, object], why: str) -> None:
    first, second = _cut("GXM", 10)
    with pytest.raises(AnalysisError, match="the bands of b cannot be joined with those of a") as error:
        join_split_path([results_of(first), results_of(second, **other)], ["a", "b"])
    assert why in error.value.reason


def test_eigenvalues_that_differ_where_both_have_a_point_are_refused() -> None:
    moved = path_bands("XM", shift_ev=0.02)
    with pytest.raises(AnalysisError) as error:
        join_split_path([results_of(path_bands("GX")), results_of(moved)], ["a", "b"])
    assert "0.0200 eV" in error.value.reason


def test_no_eigenvalues_and_spinors_beside_none() -> None:
    first = results_of(path_bands("GX"))
    with pytest.raises(AnalysisError, match="b has no eigenvalues"):
        join_split_path([first, replace(first, bands=None)], ["a", "b"])
    with pytest.raises(AnalysisError, match="cannot be joined"):
        join_split_path([first, results_of(replace(path_bands("XM"), spinor=True))], ["a", "b"])
