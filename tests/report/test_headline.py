"""The headline of studies of more than two materials; that of two is tested with the table."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from dftflow.analysis.alignment import exchanged
from dftflow.model.outcome import StudyOutcome
from dftflow.report.headline import headline

MINUS = "\N{MINUS SIGN}"


def _three(outcomes: ModuleType, tmp_path: Path) -> StudyOutcome:
    """VBMs at -5.0, -5.3, -5.6 eV, ranges of 0.18 eV."""
    return outcomes.make_many(tmp_path, 3)


def test_one_sentence_a_pair(outcomes: ModuleType, tmp_path: Path) -> None:
    a, b, c = outcomes.MANY[:3]
    assert headline(_three(outcomes, tmp_path)).result == (
        f"The valence band of {a} lies 0.300 eV above that of {b} (offset +0.300 ± 0.180 eV). "
        f"The valence band of {a} lies 0.600 eV above that of {c} (offset +0.600 ± 0.180 eV). "
        f"The valence band of {b} lies 0.300 eV above that of {c} (offset +0.300 ± 0.180 eV)."
    )


def test_what_they_mean_is_told_pair_by_pair(outcomes: ModuleType, tmp_path: Path) -> None:
    a, b, c = outcomes.MANY[:3]
    meaning = headline(_three(outcomes, tmp_path)).meaning
    assert [meaning.count(f"{x} and {y}: The range holds") for x, y in ((a, b), (a, c), (b, c))] == [1, 1, 1]
    assert "Over the" not in meaning, "each pair has one way only"


def test_the_ways_of_other_pairs_are_not_counted(outcomes: ModuleType, tmp_path: Path) -> None:
    """A-B by two ways: +0.300 and, told as B minus A, -0.450; A-C and B-C by one."""
    study = _three(outcomes, tmp_path)
    ab = study.alignments[0]
    other = replace(
        ab, method="work functions", first=ab.second, second=ab.first, first_name=ab.second_name,
        second_name=ab.first_name, valence_band_offset_ev=-0.450,
    )  # fmt: skip
    meaning = headline(replace(study, alignments=(*study.alignments, other))).meaning
    assert meaning.count("Over the 2 ways and surfaces") == 1
    assert "from +0.300 to +0.450 eV." in meaning


def test_more_than_three_pairs_are_told_at_once(outcomes: ModuleType, tmp_path: Path) -> None:
    """Five materials 0.3 eV below each other: ten pairs from 0.3 to 1.2 eV."""
    study = outcomes.make_many(tmp_path, 5)
    head = headline(study)
    a, b, e = (outcomes.MANY[i] for i in (0, 1, 4))
    assert head.result == (
        f"10 valence-band offsets between 5 materials, from 0.300 eV ({a} and {b}) to 1.200 eV ({a} and {e})."
    )
    assert "not determined" not in head.meaning
    assert "not determined" not in headline(replace(study, alignments=tuple(map(exchanged, study.alignments)))).meaning
    wide = [replace(row, range_ev=(-0.7, 0.7)) for row in study.alignments]
    told = headline(replace(study, alignments=tuple(wide))).meaning
    assert "In 7 of the 10 pairs the offset is smaller than its range" in told


@pytest.mark.parametrize("count", [3, 5])
def test_pairs_without_a_row_to_defend_are_named(outcomes: ModuleType, tmp_path: Path, count: int) -> None:
    study = outcomes.make_many(tmp_path, count)
    first, *others = study.alignments
    told = headline(replace(study, alignments=(replace(first, polar=True), *others))).meaning
    assert told.endswith(f"no offset that is defended: between {first.first_name} and {first.second_name}.")
    assert "defended" not in headline(study).meaning


def test_a_contradicted_pair_among_many_is_named(outcomes: ModuleType, tmp_path: Path) -> None:
    study = outcomes.make_many(tmp_path, 5)
    first, *others = study.alignments
    told = headline(replace(study, alignments=(replace(first, contradicts=(4,)), *others))).meaning
    assert f"Contradicted by another row of the same pair: {first.first_name} and {first.second_name}." in told
    assert f"offset {MINUS}" not in told
