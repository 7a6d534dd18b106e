from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import pytest

from dftflow.analysis.alignment import BY_WORK_FUNCTION, align
from dftflow.model.alignment import SIGN_CONVENTION, AlignmentType
from dftflow.model.outcome import StudyOutcome
from dftflow.model.quantity import Missing
from dftflow.report.headline import headline
from dftflow.report.page import render_report
from dftflow.report.results_json import results_document
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
    rows = lines[lines.index(head) + 2 : lines.index("Band offsets (eV)")]
    column = [line[end - 5 : end].strip() for line in rows if line and not line.startswith("  ")]
    assert column == ["5.812", "-", "5.833"]


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
    ("vbo", "range_ev", "type_", "result", "meaning"),
    [
        (0.021, (-0.123, 0.123), "not resolved", "0.021 eV above", "smaller than that: which of the two lies higher"),
        (
            -0.31,
            (-0.05, 0.05),
            "type II",
            "0.310 eV below that of FAPbBr3 (offset \N{MINUS SIGN}0.310 ± 0.050 eV)",
            "As the numbers",
        ),
        (0.5, (-0.1, 0.1), "type I", "(offset +0.500 ± 0.100 eV)", "same material"),
        (4.0, (-2.0, 1.0), "type III", "(offset +4.000 (\N{MINUS SIGN}2.000/+1.000) eV)", "do not overlap"),
    ],
)
def test_the_headline_says_what_the_offset_means(
    outcomes: ModuleType,
    outcome: StudyOutcome,
    vbo: float,
    range_ev: tuple[float, float],
    type_: AlignmentType,
    result: str,
    meaning: str,
) -> None:
    row = outcomes.alignment(vbo=vbo, range_ev=range_ev, type_=type_)
    head = headline(replace(outcome, alignments=(row, outcomes.published())))
    assert result in head.result
    assert meaning in head.meaning
    assert "0.1 eV" in head.meaning
    assert type_ in head.meaning or (type_ == "not resolved" and "is open" in head.meaning)
    assert "resolved" not in head.result + head.meaning, "a spread bounds no error: it settles nothing"


def test_a_polar_plane_is_never_the_headline(outcomes: ModuleType, outcome: StudyOutcome) -> None:
    polar = replace(outcomes.alignment(vbo=-0.841), polar=True)
    alone = headline(replace(outcome, alignments=(polar, outcomes.published()), steps=()))
    assert alone.result == "No band offset." and "are polar" in alone.meaning
    both = headline(replace(outcome, alignments=(polar, outcomes.alignment(vbo=0.457))))
    assert "0.457 eV above" in both.result and "goes from -0.841 to +0.457" in both.meaning
    document = results_document(replace(outcome, alignments=(polar, outcomes.published()), steps=()), Path())
    assert document["alignment"]["valence_band_offset_ev"] is None
    assert "polar" in document["alignment"]["missing"]["valence_band_offset_ev"]


def test_rows_say_what_is_against_them(outcomes: ModuleType, outcome: StudyOutcome) -> None:
    first = replace(outcomes.alignment(), contradicts=(2,), remarks=("CsPbBr3 (010) Pnma: not relaxed",))
    text = summary_table(replace(outcome, alignments=(first, outcomes.published())))
    assert "! [1] CsPbBr3 (010) Pnma: not relaxed" in text and "! [1] contradicts [2]" in text


def test_a_study_that_aligns_nothing_says_so(outcome: StudyOutcome) -> None:
    alone = replace(outcome, alignments=(), steps=(), settings={"alignment": None})
    assert headline(alone).meaning == "There is none because the study names no two materials to align."


def test_a_headline_from_work_functions(outcomes: ModuleType, outcome: StudyOutcome) -> None:
    row = replace(outcomes.alignment(vbo=-0.3, range_ev=(-2.1, 1.8)), range_holds=BY_WORK_FUNCTION)
    meaning = headline(replace(outcome, alignments=(row,))).meaning
    assert meaning.startswith("The range holds: Fermi level anywhere in the gap of each slab. The offset is smaller")


def test_a_missing_gap_says_why(outcomes: ModuleType, outcome: StudyOutcome) -> None:
    why = "filled and empty bands overlap: there is no gap"
    cs, fa = outcome.materials
    metal = replace(cs, bulk=replace(cs.bulk, edges=None, no_edges=Missing(kind="not run", reason=why)))
    told = replace(outcome, materials=(metal, fa), warnings=(f"CsPbBr3: no band gap. {why}",))
    assert why in " ".join(summary_table(told).split())
    assert results_document(told, Path())["materials"]["CsPbBr3"]["bulk"]["missing"]["band_gap_ev"] == why
    assert why in render_report(told, (), Path())


def test_what_a_deck_s_writer_cautions_about_is_told(outcome: StudyOutcome) -> None:
    caution = "pw.x has no finite-basis correction"
    steps = tuple(replace(step, cautions=(caution,)) for step in outcome.steps[:2])
    told = replace(outcome, steps=steps)
    assert f"! {steps[0].name}, {steps[1].name}: {caution}" in " ".join(summary_table(told).split())
    assert render_report(told, (), Path()).count(caution) == 1
    assert results_document(told, Path())["steps"][0]["cautions"] == [caution]


def test_a_quoted_number_is_never_the_headline(outcomes: ModuleType, outcome: StudyOutcome) -> None:
    head = headline(replace(outcome, alignments=(outcomes.published(),)))
    assert head.result == "No band offset."
    assert "CsPbBr3/slab-2-potential failed" in head.meaning


# --- more than two materials ------------------------------------------------------------------------------------


def test_a_table_a_pair_with_the_numbers_of_the_rows(outcomes: ModuleType, tmp_path: Path) -> None:
    study = outcomes.make_many(tmp_path, 3)
    a, b, c = outcomes.MANY[:3]
    quoted = replace(outcomes.published(), first_name=a, second_name=b)
    text = summary_table(replace(study, alignments=(*study.alignments, quoted)))
    assert max(map(len, text.splitlines())) <= 92
    titles = [f"Band offsets (eV), {x} minus {y}\n" for x, y in ((a, b), (a, c), (b, c))]
    places = [text.index(title) for title in titles]
    assert places == sorted(places)
    first, second, third = (text[start:end] for start, end in pairwise([*places, text.index("Offset = edge")]))
    numbers = [re.findall(r"^\[(\d)\]", block, re.MULTILINE) for block in (first, second, third)]
    assert numbers == [["1", "4"], ["2"], ["3"]]


def _misfit(outcomes: ModuleType, tmp_path: Path) -> StudyOutcome:
    """The second material stands with a face 0.25 eV deeper beside the third than beside the first."""
    study = outcomes.make_many(tmp_path, 3)
    ab, ac, bc = study.alignments
    face = replace(bc.first, surface="(111) Ia", vbm_ev=bc.first.vbm_ev - 0.25, cbm_ev=bc.first.cbm_ev - 0.25)
    other = align(face, bc.second, method=bc.method, way=bc.way, range_holds=bc.range_holds)
    return replace(study, alignments=(ab, ac, other))


def test_offsets_that_need_not_add_up_are_shown_with_their_size(outcomes: ModuleType, tmp_path: Path) -> None:
    study = _misfit(outcomes, tmp_path)
    flat = " ".join(summary_table(study).split())
    assert re.search(r"\[1\] \+ \[3\] - \[2\] CsPbBr3, -0\.250 -0\.250 ± 0\.540", flat)
    assert "stands with (001) cubic, (FA0.83Cs0.17)I and with (111) Ia" in flat
    page = render_report(study, (), tmp_path)
    row = page[page.index("Closure (eV)") :]
    assert "[1] + [3] − [2]".replace("−", "\N{MINUS SIGN}") in row
    assert row.count("\N{MINUS SIGN}0.250") == 2 and "± 0.540" in row


def test_offsets_that_add_up_are_counted(outcomes: ModuleType, tmp_path: Path) -> None:
    """Five materials make ten triples."""
    study = outcomes.make_many(tmp_path, 5)
    told = "10 sums of offsets over three materials, each by one method and on the same levels, add up to 1e-9 eV"
    assert told in " ".join(summary_table(study).split())
    assert told in render_report(study, (), tmp_path)
    assert "Closure" not in summary_table(study) + render_report(study, (), tmp_path)


def test_two_materials_have_nothing_to_add_up(outcome: StudyOutcome) -> None:
    for text in (summary_table(outcome), render_report(outcome, (), Path())):
        assert "add up" not in text and "Closure" not in text
