from __future__ import annotations

import re
from dataclasses import replace
from types import ModuleType

import pytest

from dftflow.model.alignment import SIGN_CONVENTION, AlignmentType
from dftflow.model.outcome import StudyOutcome
from dftflow.report.headline import headline
from dftflow.report.table import summary_table


def test_it_fits_a_terminal_and_holds_the_numbers(outcome: StudyOutcome) -> None:
    text = summary_table(outcome)
    assert max(map(len, text.splitlines())) <= 92
    for number in ("1.909", "1.641", "5.812", "3.903", "4.771", "5.833", "+0.021", "+0.289", "0.123", "-0.083"):
        assert re.search(rf"(?<![\d.]){re.escape(number)}\b", text)
    flat = " ".join(text.split())
    assert SIGN_CONVENTION[1:] in flat
    assert "10.1021/acsami.1c18025" in flat
    assert "scf_not_converged" in flat


def test_columns_stand_below_each_other(outcome: StudyOutcome) -> None:
    lines = summary_table(outcome).splitlines()
    head = next(line for line in lines if line.startswith("Material"))
    end = head.index("IP") + 2
    assert [line[end - 5 : end].strip() for line in lines[3:7] if not line.startswith("  ")] == ["5.812", "-", "5.833"]


def test_long_names_are_broken_not_cut(outcome: StudyOutcome) -> None:
    name = "a very long name of a material that nobody should choose but somebody will"
    long = replace(outcome, materials=(replace(outcome.materials[0], name=name), outcome.materials[1]))
    text = summary_table(long)
    assert max(map(len, text.splitlines())) <= 92
    assert all(word in text for word in name.split())


def test_nothing_finished(outcome: StudyOutcome) -> None:
    text = summary_table(replace(outcome, materials=(), alignments=(), steps=(), warnings=()))
    assert "No band offset." in text
    assert "none" in text


@pytest.mark.parametrize(
    ("vbo", "uncertainty", "type_", "result", "meaning"),
    [
        (0.021, 0.123, "not resolved", "0.021 ± 0.123 eV above", "smaller than its uncertainty"),
        (-0.31, 0.05, "type II", "0.310 ± 0.050 eV below", "sign is resolved"),
        (0.5, None, "quasi-type II", "0.500 eV above", "uncertainty is not known"),
        (0.5, 0.1, "type I", "0.500 ± 0.100 eV above", "same material"),
        (4.0, 0.1, "type III", "4.000 ± 0.100 eV above", "do not overlap"),
    ],
)
def test_the_headline_says_what_the_offset_means(
    outcomes: ModuleType,
    outcome: StudyOutcome,
    vbo: float,
    uncertainty: float | None,
    type_: AlignmentType,
    result: str,
    meaning: str,
) -> None:
    row = outcomes.alignment(vbo=vbo, uncertainty=uncertainty, type_=type_)
    head = headline(replace(outcome, alignments=(row, outcomes.published())))
    assert result in head.result
    assert meaning in head.meaning
    assert "0.1 eV" in head.meaning
    assert type_ in head.meaning


def test_a_quoted_number_is_never_the_headline(outcomes: ModuleType, outcome: StudyOutcome) -> None:
    head = headline(replace(outcome, alignments=(outcomes.published(),)))
    assert head.result == "No band offset."
    assert "CsPbBr3/slab-2-potential failed" in head.meaning
