"""Which rows a study defends: for each two materials the first of its own whose planes are not polar."""

from __future__ import annotations

from dataclasses import replace

from levels import all_pairs, surface_levels

from dftflow.analysis.alignment import exchanged
from dftflow.model.alignment import Alignment
from dftflow.model.outcome import StudyOutcome

AB, AC, BC = all_pairs(surface_levels([-5.0, -6.0, -5.5], [2.0, 2.0, 2.0]))


def defended(*rows: Alignment) -> tuple[Alignment, ...]:
    bare = StudyOutcome(
        title="", study_name="", preset="", preset_note="", code="", materials=(), alignments=rows, steps=(),
        settings={}, provenance={},
    )  # fmt: skip
    return bare.defended


def test_one_row_a_pair_in_the_order_of_first_appearance() -> None:
    second = replace(AB, method="work functions")
    assert defended(BC, AB, second, AC) == (BC, AB, AC)


def test_neither_a_polar_plane_nor_a_quoted_number_is_defended() -> None:
    polar, quoted = replace(AB, polar=True), replace(AB, source="10.1/x")
    assert defended(polar, quoted, AB) == (AB,)
    assert defended(polar, quoted, AC) == (AC,)
    assert defended(polar, AC, AB) == (AB, AC)
    assert defended(quoted) == defended() == ()


def test_the_order_within_a_pair_makes_no_other_pair() -> None:
    assert defended(exchanged(AB), AB) == (exchanged(AB),)
