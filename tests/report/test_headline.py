"""The headline of studies of more than two materials; that of two is tested with the table."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from outcomes import MANY, make_many, many_run

from dftflow.analysis.alignment import exchanged
from dftflow.report.headline import headline

MINUS = "\N{MINUS SIGN}"


def test_one_sentence_a_pair(tmp_path: Path) -> None:
    """VBMs 0.3 eV below each other, both slabs with the spread of FAPbBr3's (0.0336 eV)."""
    a, b, c = MANY[:3]
    assert headline(make_many(tmp_path, 3)).result == (
        f"The valence band of {a} lies 0.300 eV above that of {b} (offset +0.300 ± 0.067 eV). "
        f"The valence band of {a} lies 0.600 eV above that of {c} (offset +0.600 ± 0.067 eV). "
        f"The valence band of {b} lies 0.300 eV above that of {c} (offset +0.300 ± 0.067 eV)."
    )


def test_what_they_mean_is_told_pair_by_pair(tmp_path: Path) -> None:
    a, b, c = MANY[:3]
    meaning = headline(make_many(tmp_path, 3)).meaning
    assert [meaning.count(f"{x} and {y}: The range holds") for x, y in ((a, b), (a, c), (b, c))] == [1, 1, 1]
    assert "Over the" not in meaning, "each pair has one way only"


def test_the_ways_of_other_pairs_are_not_counted(tmp_path: Path) -> None:
    """Slabs of two materials have bands of their own, so that one pair has a row by work functions: they are equal."""
    run = many_run(tmp_path, 3, own_bands=True)
    run.lost(f"{MANY[2]}/slab-010-potential", "bands.npz")
    study = run.outcome()
    assert [(row.first_name, row.second_name) for row in study.alignments].count(MANY[:2]) == 2
    for rows in (study.alignments, (*study.alignments[:-1], exchanged(study.alignments[-1]))):
        meaning = headline(replace(study, alignments=rows)).meaning
        assert meaning.count("Over the 2 ways and surfaces") == 1
        assert "from +0.000 to +0.300 eV." in meaning.replace("-0.000", "+0.000")


def test_a_pair_in_two_alignments_is_counted_once(tmp_path: Path) -> None:
    """Each pair has a row by the line-up and one by work functions, whatever the tolerance or the order."""
    again = f'[[alignment]]\nmaterials = ["{MANY[1]}", "{MANY[0]}"]\ntolerance_ev = 0.2\n'
    told = many_run(tmp_path, 2, own_bands=True).text(lambda text: text + again).outcome()
    assert len(told.alignments) == 4
    assert "Over the 2 ways and surfaces" in headline(told).meaning


def test_more_than_three_pairs_are_told_at_once(tmp_path: Path) -> None:
    """Five materials 0.3 eV below each other: ten pairs from 0.3 to 1.2 eV."""
    study = make_many(tmp_path, 5)
    head = headline(study)
    assert head.result.startswith("10 valence-band offsets between 5 materials, from 0.300 eV (")
    assert head.result.endswith(f") to 1.200 eV ({MANY[0]} and {MANY[4]}).")
    assert "not determined" not in head.meaning
    assert "not determined" not in headline(replace(study, alignments=tuple(map(exchanged, study.alignments)))).meaning


def test_pairs_whose_offset_is_within_its_range_are_counted(tmp_path: Path) -> None:
    """A bump in the middle of the slabs: four pairs are 0.3 eV apart, three 0.6, two 0.9, one 1.2."""
    run = many_run(tmp_path, 5)
    for name in MANY[:5]:
        run.potential(f"{name}/slab-010-potential", lambda z, v: v + 1.8 * np.exp(-(((z - z[-1] / 2) / 1.5) ** 2)))
    study = run.outcome()
    (reach,) = {round(row.range_ev[1], 6) for row in study.alignments if row.range_ev}
    assert 0.3 < reach < 0.6
    assert "In 4 of the 10 pairs the offset is smaller than its range" in headline(study).meaning


@pytest.mark.parametrize("count", [3, 5])
def test_pairs_without_a_row_to_defend_are_named(tmp_path: Path, count: int) -> None:
    study = make_many(tmp_path, count)
    first, *others = study.alignments
    told = headline(replace(study, alignments=(replace(first, polar=True), *others))).meaning
    assert told.endswith(f"no offset that is defended: between {first.first_name} and {first.second_name}.")
    assert "defended" not in headline(study).meaning


def test_a_contradicted_pair_among_many_is_named(tmp_path: Path) -> None:
    """What is published of one pair lies 0.6 eV from what was calculated."""
    quoted = (
        f'[[alignment.published]]\nmaterials = ["{MANY[0]}", "{MANY[1]}"]\nmethod = "quoted"\n'
        'valence_band_offset_ev = -0.3\ntype = "type II"\ndoi = "10.1000/x"\n'
    )
    told = headline(many_run(tmp_path, 5).text(lambda text: text + quoted).outcome()).meaning
    assert f"Contradicted by another row of the same pair: {MANY[0]} and {MANY[1]}." in told
    assert f"offset {MINUS}" not in told
