from __future__ import annotations

import json
import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import outcomes
import pytest
from outcomes import CS_010, CS_011, CS_BANDS, FA_010, FA_BANDS, MANY, StoredRun, make_many

from dftflow.analysis.alignment import align
from dftflow.figures.study_figures import study_figures
from dftflow.model.alignment import SIGN_CONVENTION
from dftflow.model.outcome import StudyOutcome
from dftflow.report.headline import headline
from dftflow.report.page import render_report
from dftflow.report.results_json import results_document
from dftflow.report.table import summary_table

MINUS = "\N{MINUS SIGN}"
VBO_EV = 0.672
"""Of the (010) faces in the stored run: `test_the_numbers_are_those_of_the_records` has it from the records."""


def _numbers(line: str) -> list[float]:
    return [float(number) for number in re.findall(r"(?<![\w.(])[+-]?\d+\.\d+\b", line)]


def _fits(text: str) -> bool:
    return max(map(len, text.splitlines())) <= 92


def test_it_fits_a_terminal_and_holds_the_published_numbers(outcome: StudyOutcome) -> None:
    """Gap of CsPbBr3 1.659, (011) IP 5.007 and W 4.675, own gap of the slab of FAPbBr3 2.013: docs/results.md."""
    text = summary_table(outcome)
    assert _fits(text)
    for number in ("1.659", "5.007", "4.675", "2.013", "+0.021"):
        assert re.search(rf"(?<![\d.]){re.escape(number)}\b", text)
    flat = " ".join(text.split())
    assert SIGN_CONVENTION[1:] in flat
    assert "10.1021/acsami.1c18025" in flat


def test_the_numbers_are_those_of_the_records(run: StoredRun) -> None:
    """Edges by counting electrons, levels by sums over the stored plane averages."""
    text = summary_table(run.outcome())
    potentials = {}
    for bulk, slab, head in (
        (CS_BANDS, CS_011, "CsPbBr3 (011) Pnma"),
        (CS_BANDS, CS_010, "CsPbBr3 (010) Pnma, CsBr"),
        (FA_BANDS, FA_010, "FAPbBr3 (010) cubic, FABr"),
    ):
        crystal, surface = run.folder(bulk), run.folder(slab)
        period = json.loads((surface / "built.json").read_text())["model"]["period_ang"]
        vbm, cbm = outcomes.recorded_edges_ev(crystal)
        low, high = outcomes.recorded_edges_ev(surface)
        potential = potentials[slab] = outcomes.recorded_ip_ev(crystal, surface, period)
        work_function = outcomes.recorded_work_function_ev(surface)
        (line,) = [line for line in text.splitlines() if line.startswith(head)]
        gap, ip, ea, wf, _, own = _numbers(line)
        assert (gap, own) == pytest.approx((cbm - vbm, high - low), abs=6e-4)
        assert (ip, ea, wf) == pytest.approx((potential, potential - (cbm - vbm), work_function), abs=2e-3)
    (line,) = [line for line in text.splitlines() if line.startswith("[1]")]
    assert _numbers(line)[0] == pytest.approx(potentials[FA_010] - potentials[CS_010], abs=2e-3)
    assert pytest.approx(VBO_EV, abs=2e-3) == potentials[FA_010] - potentials[CS_010]


def test_columns_stand_below_each_other(failed: StudyOutcome) -> None:
    lines = summary_table(failed).splitlines()
    head = next(line for line in lines if line.startswith("Material"))
    end = head.index("IP") + 2
    rows = lines[lines.index(head) + 2 : lines.index("Band offsets (eV)")]
    column = [line[end - 5 : end].strip() for line in rows if line and not line.startswith("  ")]
    assert column == ["-", "3.568", "4.240"]
    assert "scf not converged" in " ".join(lines)


def test_long_names_are_broken_not_cut(run: StoredRun) -> None:
    name = "a-very-long-name-of-a-material-that-nobody-should-choose-but-somebody-will"
    text = summary_table(run.only_copies_of_fa([name, "B"]).outcome())
    assert _fits(text)
    assert all(word in text for word in name.split("-"))


def test_nothing_finished(tmp_path: Path) -> None:
    text = summary_table(outcomes.make_bare(tmp_path))
    assert "No band offset." in text
    assert "none" in summary_table(outcomes.make_relaxed(tmp_path))


@pytest.mark.parametrize(
    ("vbo", "conduction", "type_", "result", "meaning"),
    [
        (0.021, 0.0, "not resolved", "0.021 eV above", "smaller than that: which of the two lies higher"),
        (-0.31, 0.0, "type II", f"below that of FAPbBr3 (offset {MINUS}0.310 ± 0.066 eV)", "As the numbers"),
        (0.5, 1.0, "type I", "(offset +0.500 ± 0.066 eV)", "same material"),
        (4.0, 0.0, "type III", "(offset +4.000 ± 0.066 eV)", "do not overlap"),
    ],
)
def test_the_headline_says_what_the_offset_means(
    run: StoredRun, vbo: float, conduction: float, type_: str, result: str, meaning: str
) -> None:
    """Bands of FAPbBr3 moved down by what is lacking of the offset, and its empty bands up."""
    row = run.outcome().alignments[0]
    lacking = vbo - row.valence_band_offset_ev
    head = headline(run.shifted(FA_BANDS, bands_ev=-lacking, conduction_ev=conduction).outcome())
    assert result in head.result
    assert meaning in head.meaning
    assert "0.1 eV" in head.meaning
    assert type_ in head.meaning or (type_ == "not resolved" and "is open" in head.meaning)
    assert "resolved" not in head.result + head.meaning, "a spread bounds no error: it settles nothing"


def test_a_polar_plane_is_never_the_headline(run: StoredRun) -> None:
    both = headline(run.outcome())
    assert "0.672 eV above" in both.result and "goes from -0.958 to +0.974" in both.meaning
    surfaces = 'tolerance_ev = 0.10\nsurfaces = ["CsPbBr3/slab-011"]'
    polar = run.text(lambda text: text.replace("tolerance_ev = 0.10", surfaces)).outcome()
    assert [row.polar for row in polar.alignments] == [True, True, False] and polar.alignments[-1].source
    alone = headline(polar)
    assert alone.result == "No band offset." and "are polar" in alone.meaning
    document = results_document(polar, Path())
    assert document["alignment"]["valence_band_offset_ev"] is None
    assert "polar" in document["alignment"]["missing"]["valence_band_offset_ev"]


def test_rows_say_what_is_against_them(outcome: StudyOutcome) -> None:
    """0.672 ± 0.066 against -0.767 ± 1.084 and against 0.021 as published, with a tolerance of 0.1 eV."""
    text = summary_table(outcome)
    assert "! [1] CsPbBr3 (010) Pnma: not relaxed" in text and "! [1] contradicts [2], [5]" in text
    assert "! [2] CsPbBr3 (011) Pnma is a polar plane" in text


def test_a_study_that_aligns_nothing_says_so(tmp_path: Path) -> None:
    alone = outcomes.make_relaxed(tmp_path)
    assert headline(alone).meaning == "There is none because the study names no two materials to align."


def test_a_headline_from_work_functions(outcome: StudyOutcome) -> None:
    """As wide as the gaps of the slabs: 2.018 down, 2.013 up."""
    functions = tuple(row for row in outcome.alignments if row.way.startswith("work functions"))
    head = headline(replace(outcome, alignments=functions))
    assert head.meaning.startswith("The range holds: Fermi level anywhere in the gap of each slab. The offset is small")
    assert head.result.endswith(f"(offset +0.974 ({MINUS}2.018/+2.013) eV).")


def test_a_missing_gap_says_why(run: StoredRun) -> None:
    why = "filled and empty bands overlap: there is no gap"
    told = run.shifted(CS_BANDS, conduction_ev=-3.0).outcome()
    assert why in " ".join(summary_table(told).split())
    assert results_document(told, Path())["materials"]["CsPbBr3"]["bulk"]["missing"]["band_gap_ev"].startswith(why)
    assert why in render_report(told, (), Path())


def test_what_a_deck_s_writer_cautions_about_is_told(run: StoredRun) -> None:
    caution = "pw.x has no finite-basis correction"
    for step in (CS_BANDS, CS_011):
        file = run.folder(step) / "built.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | {"cautions": [caution]}))
    told = run.outcome()
    assert f"! {CS_BANDS}, {CS_011}: {caution}" in " ".join(summary_table(told).split())
    assert render_report(told, (), Path()).count(caution) == 1
    assert results_document(told, Path())["steps"][0]["cautions"] == [caution]


def test_a_quoted_number_is_never_the_headline(run: StoredRun) -> None:
    quoted = run.failed(FA_010).outcome()
    assert [row.valence_band_offset_ev for row in quoted.alignments] == [0.021]
    head = headline(quoted)
    assert head.result == "No band offset."
    assert f"{FA_010} failed" in head.meaning


def test_a_failure_elsewhere_is_not_the_reason(run: StoredRun) -> None:
    """The alignment takes (011) alone, whose partner has not run; that (010) failed has nothing to do with it."""
    surfaces = 'tolerance_ev = 0.10\nsurfaces = ["CsPbBr3/slab-011"]'
    run.text(lambda text: text.replace("tolerance_ev = 0.10", surfaces)).failed(CS_010).waiting(FA_010)
    told = run.outcome()
    meaning = headline(told).meaning
    assert f"{FA_010} not run" in meaning and "slab-010-potential failed" not in meaning
    assert meaning.count(f"{FA_010} not run") == 1
    missing = results_document(told, Path())["alignment"]["missing"]["valence_band_offset_ev"]
    assert f"{FA_010} not run" in missing


def test_a_pair_without_a_row_stands_beside_those_that_have_one(tmp_path: Path) -> None:
    run = outcomes.many_run(tmp_path, 3)
    told = run.waiting(f"{MANY[2]}/slab-010-potential").outcome()
    meaning = headline(told).meaning
    assert [f"No offset of the study's own for {name} | {MANY[2]}: " in meaning for name in MANY[:2]] == [True, True]
    assert f"{MANY[0]} | {MANY[1]}" not in meaning
    missing = [q for q in told.quantities if "|" in q.subject and q.missing]
    assert {q.subject for q in missing} == {f"{name} | {MANY[2]}" for name in MANY[:2]}
    assert {q.name for q in missing} == {"valence band offset", "conduction band offset", "type of the alignment"}
    assert all(q.missing and f"{MANY[2]}/slab-010-potential not run" in q.missing.reason for q in missing)


def test_what_crystals_and_slabs_warn_of_is_in_the_table_too(outcome: StudyOutcome) -> None:
    cs, fa = outcome.materials
    slab = replace(fa.slabs[0], warnings=("its edge was missed",))
    warned = replace(
        outcome,
        materials=(
            replace(cs, bulk=replace(cs.bulk, warnings=("its volume grew",))),
            replace(fa, slabs=(slab,)),
        ),
    )
    flat = " ".join(summary_table(warned).split())
    assert "! CsPbBr3: its volume grew" in flat and "! FAPbBr3 (010) cubic, FABr: its edge was missed" in flat
    page = render_report(warned, (), Path())
    assert page.count("its volume grew") == page.count("its edge was missed") == 1


def test_two_slabs_of_one_plane_are_told_apart(outcome: StudyOutcome) -> None:
    cs, fa = outcome.materials
    (slab,) = fa.slabs
    thin = replace(slab, subject="FAPbBr3/slab-010-2", model=replace(slab.model, layers=slab.model.layers[:3]))
    both = replace(outcome, materials=(cs, replace(fa, slabs=(slab, thin))))
    names = [f"FAPbBr3 (010) cubic, FABr, {n} layers" for n in (len(slab.model.layers), 3)]
    assert all(name in _surfaces(summary_table(both)) for name in names)
    page = re.sub(r"</?sub>", "", render_report(both, (), Path()))
    assert [page.count(f'<th scope="row">{name}') for name in names] == [3, 3]
    titles = [figure.title for figure in study_figures(both) if figure.name.startswith("potential-FA")]
    assert titles == [f"Potential across {name}, not relaxed" for name in names]


def _surfaces(text: str) -> str:
    """First column of the table of edges, in one line."""
    _, _, dashes, *lines = text[: text.index("\n\n")].splitlines()
    return " ".join(line[: dashes.index(" ")].strip() for line in lines)


def test_a_slab_says_whether_it_was_relaxed(tmp_path: Path) -> None:
    assert _surfaces(summary_table(outcomes.make_relaxed(tmp_path))) == "CsBr (110) cubic, CsBr"
    run = StoredRun.of(tmp_path)
    assert _surfaces(summary_table(run.outcome())).count("not relaxed") == 3
    moved = run.moved(FA_010, 0.05).outcome()
    assert [slab.relaxed for material in moved.materials for slab in material.slabs] == [False, False, None]
    told = _surfaces(summary_table(moved))
    assert told.endswith("FAPbBr3 (010) cubic, FABr, not known whether relaxed")


# --- more than two materials ------------------------------------------------------------------------------------


def test_a_table_a_pair_with_the_numbers_of_the_rows(tmp_path: Path) -> None:
    a, b, c = MANY[:3]
    quoted = (
        f'[[alignment.published]]\nmaterials = ["{a}", "{b}"]\nmethod = "quoted"\n'
        'valence_band_offset_ev = 0.3\ntype = "type II"\ndoi = "10.1000/x"\n'
    )
    text = summary_table(outcomes.many_run(tmp_path, 3).text(lambda text: text + quoted).outcome())
    assert _fits(text)
    titles = [f"Band offsets (eV), {x} minus {y}\n" for x, y in ((a, b), (a, c), (b, c))]
    places = [text.index(title) for title in titles]
    assert places == sorted(places)
    first, second, third = (text[start:end] for start, end in pairwise([*places, text.index("Offset = edge")]))
    numbers = [re.findall(r"^\[(\d)\]", block, re.MULTILINE) for block in (first, second, third)]
    assert numbers == [["1", "4"], ["2"], ["3"]]


def _misfit(tmp_path: Path) -> StudyOutcome:
    """The second material stands with a face 0.25 eV deeper beside the third than beside the first."""
    study = make_many(tmp_path, 3)
    ab, ac, bc = study.alignments
    assert bc.first is not None and bc.second is not None
    face = replace(bc.first, surface="(111) Ia", vbm_ev=bc.first.vbm_ev - 0.25, cbm_ev=bc.first.cbm_ev - 0.25)
    other = align(face, bc.second, method=bc.method, way=bc.way, range_holds=bc.range_holds)
    return replace(study, alignments=(ab, ac, other))


def test_offsets_that_need_not_add_up_are_shown_with_their_size(tmp_path: Path) -> None:
    """Three rows of ± 0.067 eV each."""
    study = _misfit(tmp_path)
    flat = " ".join(summary_table(study).split())
    assert re.search(r"\[1\] \+ \[3\] - \[2\] CsPbBr3, -0\.250 -0\.250 ± 0\.201", flat)
    assert "stands with (010) cubic, FABr, not relaxed and with (111) Ia" in flat
    page = render_report(study, (), tmp_path)
    row = page[page.index("Closure (eV)") : page.index('<h2 id="edges">')]
    assert f"[1] + [3] {MINUS} [2]" in row
    assert row.count(f"{MINUS}0.250") == 2 and "± 0.201" in row


def test_offsets_that_add_up_are_counted(tmp_path: Path) -> None:
    """Five materials make ten triples."""
    study = make_many(tmp_path, 5)
    told = "10 sums of offsets over three materials, each by one method and on the same levels, add up to 1e-9 eV"
    assert told in " ".join(summary_table(study).split())
    assert told in render_report(study, (), tmp_path)
    assert "Closure" not in summary_table(study) + render_report(study, (), tmp_path)


def test_two_materials_have_nothing_to_add_up(outcome: StudyOutcome) -> None:
    for text in (summary_table(outcome), render_report(outcome, (), Path())):
        assert "add up" not in text and "Closure" not in text
