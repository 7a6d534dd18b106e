"""Offsets of three materials add up when they stand on the same levels, and miss by what is known when they do not."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dftflow.analysis.alignment import align, exchanged, published_alignment
from dftflow.analysis.transitivity import closures
from dftflow.model.alignment import AbsoluteEdges, Alignment, Range


def level(name: str, vbm: float, gap: float = 1.0, surface: str = "(001)", reach: Range = (-0.1, 0.1)) -> AbsoluteEdges:
    return AbsoluteEdges(material=name, surface=surface, vbm_ev=vbm, cbm_ev=vbm + gap, range_ev=reach)


def row(first: AbsoluteEdges, second: AbsoluteEdges, way: str = "line-up", polar: bool = False) -> Alignment:
    method = f"{way} {first.surface} and {second.surface}"
    return align(first, second, method=method, way=way, range_holds="spread", polar=polar)


def quoted(first: str, second: str, valence: float, conduction: float | None = None, doi: str = "10.1/x") -> Alignment:
    return published_alignment(
        method="photoemission", first_name=first, second_name=second, valence_band_offset_ev=valence,
        conduction_band_offset_ev=conduction, type="type I", tolerance_ev=0.1, source=doi,
    )  # fmt: skip


def test_two_materials_have_no_closure() -> None:
    assert closures([row(level("A", -5.0), level("B", -6.0))]) == ()
    assert closures([]) == ()


def test_offsets_on_the_same_levels_add_up() -> None:
    a, b, c = level("A", -5.0, 1.5), level("B", -6.2, 2.5), level("C", -5.5, 0.7)
    (closure,) = closures([row(a, b), row(a, c), row(b, c)])
    assert closure.materials == ("A", "B", "C")
    assert closure.rows == (1, 3, 2)
    assert (closure.valence_ev, closure.conduction_ev) == pytest.approx((0.0, 0.0), abs=1e-12)
    assert closure.reasons == ()
    assert closure.range_ev == pytest.approx((-0.6, 0.6))


@given(st.lists(st.tuples(st.floats(-9, -3), st.floats(0.1, 5)), min_size=3, max_size=5), st.randoms())
def test_any_levels_add_up_in_whatever_order_the_pairs_are_told(values: list[tuple[float, float]], random) -> None:  # type: ignore[no-untyped-def]
    levels = [level(f"M{i}", vbm, gap) for i, (vbm, gap) in enumerate(values)]
    rows = [row(*random.sample(pair, 2)) for pair in combinations(levels, 2)]
    random.shuffle(rows)
    found = closures(rows)
    n = len(levels)
    assert len(found) == n * (n - 1) * (n - 2) // 6
    assert all(abs(closure.valence_ev) < 1e-12 and not closure.reasons for closure in found)


def test_another_surface_misses_by_the_difference_of_the_two_surfaces() -> None:
    """B has IP 6.2 eV on the face towards A and 6.5 eV on that towards C: -5.0+6.2 + (-6.5+5.5) - (-5.0+5.5) = -0.3."""
    a, c = level("A", -5.0), level("C", -5.5)
    b, other = level("B", -6.2), level("B", -6.5, surface="(011)")
    (closure,) = closures([row(a, b), row(other, c), row(a, c)])
    assert closure.valence_ev == pytest.approx(-0.3)
    assert closure.conduction_ev == pytest.approx(-0.3)
    assert closure.reasons == ("B stands with (001) and with (011)",)


def test_a_thicker_slab_of_the_same_surface_is_told_too() -> None:
    a, c, b, thicker = level("A", -5.0), level("C", -5.5), level("B", -6.2), level("B", -6.25)
    (closure,) = closures([row(a, b), row(thicker, c), row(a, c)])
    assert closure.valence_ev == pytest.approx(-0.05)
    assert closure.reasons == ("B stands with two slabs of (001)",)


def test_ranges_add_with_that_of_the_third_turned() -> None:
    """Work functions bound on one side: A-B in (-2, 1), B-C in (-1, 3), A-C in (-2, 3); the sum in (-2-1-3, 1+3+2)."""
    a, b, c = (level(n, v, reach=(-w, 0.0)) for n, v, w in (("A", -5.0, 2.0), ("B", -6.0, 1.0), ("C", -5.5, 3.0)))
    (closure,) = closures([row(a, b), row(b, c), row(a, c)])
    assert closure.range_ev == (-6.0, 6.0)
    skew = replace(row(a, b), range_ev=(-2.0, 0.5))
    assert closures([skew, row(b, c), row(a, c)])[0].range_ev == (-6.0, 5.5)


def test_quoted_numbers_show_what_their_sources_disagree_about() -> None:
    rows = [quoted("A", "B", 0.40, 0.1), quoted("B", "C", 0.25, doi="10.1/y"), quoted("C", "A", -0.60, 0.2)]
    (closure,) = closures(rows)
    assert closure.valence_ev == pytest.approx(0.05)
    assert closure.conduction_ev is None and closure.range_ev is None
    assert closure.reasons == ("quoted: 10.1/x, 10.1/y",)


def test_methods_are_not_mixed() -> None:
    a, b, c = level("A", -5.0), level("B", -6.0), level("C", -5.5)
    rows = [row(a, b), row(b, c), row(a, c, way="work functions"), quoted("A", "C", 0.5)]
    assert closures(rows) == ()
    both = [row(x, y, way=way) for way in ("line-up", "work functions") for x, y in combinations((a, b, c), 2)]
    assert [closure.way for closure in closures(both)] == ["line-up", "work functions"]


def test_the_rows_whose_planes_are_not_polar_count() -> None:
    a, c, b, polar = level("A", -5.0), level("C", -5.5), level("B", -6.0), level("B", -7.0, surface="(011)")
    (closure,) = closures([row(a, polar, polar=True), row(a, b), row(b, c), row(a, c)])
    assert closure.rows == (2, 3, 4)
    assert closure.reasons == ()


@pytest.mark.parametrize("broken", [0, 1, 2])
def test_offsets_on_the_same_levels_that_do_not_add_up_are_a_bug(broken: int) -> None:
    a, b, c = level("A", -5.0), level("B", -6.2), level("C", -5.5)
    rows = [row(a, b), row(b, c), row(a, c)]
    rows[broken] = replace(rows[broken], valence_band_offset_ev=rows[broken].valence_band_offset_ev + 1e-8)
    with pytest.raises(RuntimeError, match="do not add up"):
        closures(rows)


@pytest.mark.parametrize("broken", [0, 1, 2])
@pytest.mark.parametrize("by_ev", [1e-8, -1e-8])
def test_conduction_offsets_have_to_add_up_as_well(broken: int, by_ev: float) -> None:
    a, b, c = level("A", -5.0), level("B", -6.2), level("C", -5.5)
    rows = [row(a, b), row(b, c), row(a, c)]
    offset = rows[broken].conduction_band_offset_ev
    assert offset is not None
    rows[broken] = replace(rows[broken], conduction_band_offset_ev=offset + by_ev)
    with pytest.raises(RuntimeError, match="do not add up"):
        closures(rows)


def test_a_sign_that_was_not_turned_is_found_in_a_row_that_is_not_the_first() -> None:
    a, b, c = level("A", -5.0), level("B", -6.2), level("C", -5.5)
    forgotten = replace(exchanged(row(a, c)), valence_band_offset_ev=0.5)
    with pytest.raises(RuntimeError, match=r"A, B, C by line-up .* rows \(1, 2, 4\)"):
        closures([row(a, b), row(b, c), row(a, c), forgotten])
