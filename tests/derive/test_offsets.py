"""Offsets between any number of materials, whose bulk levels are known: each crystal's edges lie a stated bit lower."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import pytest
from model_crystal import STEP, VBM, leave

from dftflow.derive.findings import Findings
from dftflow.derive.offsets import WAYS, offset_quantities, offsets
from dftflow.derive.registry import all_quantities
from dftflow.errors import AnalysisError, StudyError
from dftflow.model.alignment import AlignmentRequest, PublishedOffset
from dftflow.model.outcome import MaterialOutcome, StudyOutcome
from dftflow.model.quantity import Missing
from dftflow.studies.builder import Builder
from dftflow.studies.execution import collect_study, outcome_of_folder
from dftflow.studies.plan import plan_study
from dftflow.studies.reader import load_study

LOWER = {"A": 0.0, "B": 0.2, "C": 0.5}
"""How far the valence band of each lies below `VBM`: IP = STEP - VBM + lower."""


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> StudyOutcome:
    """Three crystals, A with two surfaces, all pairs aligned."""
    root = tmp_path_factory.mktemp("three")
    tables = [
        f"""
[materials.{name}]
structure = "CsBr_Pm-3m"
cutoff_ev = 244.9
relax_kpoints = [2, 2, 2]
bands_kpoints = [4, 4, 4]
{
            "".join(
                f'''
[[materials.{name}.slabs]]
miller = {miller}
setting = "cubic"
min_thickness_ang = 24.0
'''
                for miller in (["[1, 1, 0]", "[1, 1, 2]"] if name == "A" else ["[1, 1, 0]"])
            )
        }"""
        for name in LOWER
    ]
    text = 'schema = 1\ntitle = "three"\n' + "".join(tables) + '\n[[alignment]]\nmaterials = "all"\n'
    (root / "three.toml").write_text(text.replace("[1, 1, 2]", "[0, 1, 1]"))
    study = load_study(str(root / "three.toml"), "quick")
    plan = plan_study(study)
    builder = Builder(plan)
    for step in plan.steps:
        built = builder.build(step)
        (name,) = step.id.subject.materials
        leave(root / "done" / step.name, built.structure, built.spec, lower_ev=LOWER[name])
    return collect_study(study, root / "done")


def rows_of(outcome: StudyOutcome, first: str, second: str) -> list[float]:
    return [
        row.valence_band_offset_ev
        for row in outcome.alignments
        if (row.first_name, row.second_name) == (first, second) and row.method.startswith("bulk line-up")
    ]


@pytest.mark.parametrize(("first", "second"), list(combinations(LOWER, 2)))
def test_the_offset_is_the_first_edge_minus_the_second(three: StudyOutcome, first: str, second: str) -> None:
    found = rows_of(three, first, second)
    assert len(found) == (2 if first == "A" else 1), "each surface of the one with each of the other"
    for offset in found:
        assert offset == pytest.approx(LOWER[second] - LOWER[first], abs=1e-6)


def test_a_b_and_b_c_make_a_c(three: StudyOutcome) -> None:
    ab, bc, ac = (rows_of(three, *pair)[0] for pair in (("A", "B"), ("B", "C"), ("A", "C")))
    assert ab + bc == pytest.approx(ac, abs=1e-9)


def test_each_offset_is_a_quantity_with_its_steps(three: StudyOutcome) -> None:
    found = [q for q in three.quantities if q.name == "valence band offset" and q.subject == "B | C"]
    lineup = next(q for q in found if q.method.startswith("bulk line-up"))
    assert lineup.value == pytest.approx(0.3, abs=1e-6) and lineup.unit == "eV"
    assert set(lineup.origin) == {f"{name}/{step}" for name in "BC" for step in ("bulk-bands", "slab-110-potential")}
    assert lineup.uncertainty is not None and lineup.uncertainty[0] <= 0 <= lineup.uncertainty[1]
    assert "bounds no error" in lineup.uncertainty_holds
    levels = {
        q.subject[0]: q.value for q in three.quantities if q.name == "ionisation potential" and "bulk" in q.method
    }
    for name, lower in LOWER.items():
        assert levels[name] == pytest.approx(STEP - VBM + lower, abs=0.01)


def named(materials: tuple[MaterialOutcome, ...], *surfaces: str) -> list[tuple[str, str]]:
    request = AlignmentRequest(materials=("A", "B"), surfaces=surfaces)
    rows = offsets([request], materials).rows
    return [(row.first.surface[:5], row.second.surface[:5]) for row in rows if row.first and row.second]


def test_surfaces_are_chosen_by_name(three: StudyOutcome) -> None:
    both = named(three.materials)
    assert sorted(set(both)) == [("(011)", "(110)"), ("(110)", "(110)")]
    assert set(named(three.materials, "A/slab-011")) == {("(011)", "(110)")}
    assert set(named(three.materials, "A/slab-110", "B/slab-110")) == {("(110)", "(110)")}
    turned = offsets([AlignmentRequest(materials=("B", "A"), surfaces=("A/slab-011",))], three.materials).rows
    assert {row.second.surface[:5] for row in turned if row.second} == {"(011)"}


@pytest.mark.parametrize("layers", [3, None])
def test_two_slabs_of_one_plane_have_names_and_steps_of_their_own(three: StudyOutcome, layers: int | None) -> None:
    """The second is thinner, or of the same layers with another vacuum: then its name in the study tells."""
    a, b, _ = three.materials
    first = a.slabs[0]
    second = replace(
        first,
        subject="A/slab-110-2",
        levels_step="A/slab-110-2-potential",
        model=replace(first.model, layers=first.model.layers[:layers]),
    )
    a = replace(a, slabs=(first, second))
    rows = offsets([AlignmentRequest(materials=("A", "B"))], (a, b)).rows
    found = all_quantities(Findings(admissions={}, materials=(a, b), alignments=rows)).every
    names = [(q.name, q.subject, q.method) for q in found]
    assert sorted(set(names)) == sorted(names)
    lineups = [q for q in found if q.name == "valence band offset" and q.method.startswith("bulk")]
    assert [q.origin[:2] for q in lineups] == [("A/bulk-bands", f"A/slab-110{n}-potential") for n in ("", "-2")]
    assert [a.face(slab).endswith("-2") for slab in a.slabs] == [False, layers is None]
    assert a.face(second).startswith(f"(110) cubic, CsBr, {layers or len(first.model.layers)} layers")
    assert b.face(b.slabs[0]) == "(110) cubic, CsBr"
    assert {row.way for row in rows} == {way.method for way in WAYS}
    other = f"{b.face(b.slabs[0])}, not relaxed"
    assert [row.method for row in rows if row.way == WAYS[0].method] == [
        f"bulk line-up through the slabs {a.face(slab)}, not relaxed and {other}" for slab in a.slabs
    ]


def test_rows_of_other_pairs_may_share_a_method(three: StudyOutcome) -> None:
    methods = {row.method for row in three.alignments if row.pair == frozenset("BC")}
    assert methods == {f"{way.method} (110) and (110)" for way in WAYS}
    assert methods < {row.method for row in three.alignments if row.pair == frozenset("AC")}


def test_two_values_of_one_source_are_told_apart_by_their_number(three: StudyOutcome) -> None:
    quoted = [
        PublishedOffset(
            materials=("A", "B"), method="XPS", valence_band_offset_ev=value, conduction_band_offset_ev=None,
            type="type II", doi="10.1000/182",
        )
        for value in (0.2, 0.3)
    ]  # fmt: skip
    request = AlignmentRequest(materials=("A", "B"), surfaces=("A/slab-110",), published=tuple(quoted))
    rows = offsets([request], three.materials).rows
    assert [(number, row.method) for number, row in enumerate(rows, start=1) if row.source] == [
        (number, f"XPS, 10.1000/182, tolerance 0.1 eV, row {number}") for number in (3, 4)
    ]


def test_a_pair_whose_levels_give_no_row_says_so(three: StudyOutcome) -> None:
    """The valence band of B lies above the vacuum, and its Fermi level in no gap."""
    a, b, _ = three.materials
    (slab,) = b.slabs
    assert slab.levels is not None and slab.levels.slab_edges is not None
    levels = replace(
        slab.levels,
        ionisation_potential_ev=-0.1,
        slab_edges=replace(slab.levels.slab_edges, fermi_in_gap=False),
    )
    b = replace(b, slabs=(replace(slab, levels=levels),))
    found = offsets([AlignmentRequest(materials=("A", "B"), surfaces=("A/slab-110",))], (a, b))
    assert found.rows == ()
    (pair,) = found.missing
    assert (pair.first, pair.second, pair.missing.kind) == ("A", "B", "not derived")
    assert "does not lie in the gap of the slab of B" in pair.missing.reason


def test_the_surface_that_an_alignment_names_is_the_one_that_is_missed(three: StudyOutcome) -> None:
    """A has another one with levels, which was not asked for."""
    a, b, _ = three.materials
    broken = replace(a.slabs[0], levels=None, missing=Missing(kind="failed", reason="died"))
    a = replace(a, slabs=(broken, *a.slabs[1:]))
    (pair,) = offsets([AlignmentRequest(materials=("A", "B"), surfaces=("A/slab-110",))], (a, b)).missing
    assert pair.missing == Missing(kind="failed", reason="A (110) cubic, CsBr has no levels: died")


def test_a_pair_in_two_alignments(three: StudyOutcome) -> None:
    """The same once more adds nothing; with another tolerance the rows have names of their own."""
    request = AlignmentRequest(materials=("A", "B"), surfaces=("A/slab-110",))
    once = offsets([request], three.materials).rows
    assert offsets([request, request], three.materials).rows == once and len(once) == 2
    both = offsets([request, replace(request, tolerance_ev=0.25)], three.materials).rows
    found = offset_quantities(Findings(admissions={}, materials=three.materials, alignments=both))
    names = [(q.name, q.subject, q.method) for q in found]
    assert len(both) == 4 and len(set(names)) == len(names) == 12
    assert [row.method.rpartition(", ")[2] for row in both] == 2 * ["tolerance 0.1 eV"] + 2 * ["tolerance 0.25 eV"]


def test_two_sources_of_one_method_have_names_of_their_own(three: StudyOutcome) -> None:
    quoted = [
        PublishedOffset(
            materials=("A", "B"), method="XPS", valence_band_offset_ev=0.2, conduction_band_offset_ev=None,
            type="type II", doi=doi,
        )
        for doi in ("10.1000/1", "10.1000/2")
    ]  # fmt: skip
    rows = offsets([AlignmentRequest(materials=("A", "B"), published=tuple(quoted))], three.materials).rows
    told = [(row.method, row.same_way) for row in rows if row.source]
    assert told == [("XPS, 10.1000/1", "XPS"), ("XPS, 10.1000/2", "XPS")]
    quoted[1] = replace(quoted[0], valence_band_offset_ev=0.3)
    rows = offsets([AlignmentRequest(materials=("A", "B"), published=tuple(quoted))], three.materials).rows
    assert len({row.method for row in rows if row.source}) == 2, "two samples in one publication"


def test_pairs_without_a_slab_stand_with_the_reason(three: StudyOutcome) -> None:
    """Of B the slab was never built, of C none is asked for; A has both of its own."""
    a, b, c = three.materials
    bare = (a, replace(b, slabs=()), replace(c, slabs=()))
    why = Missing(kind="not run", reason="B/slab-110-potential not run")
    found = offsets([AlignmentRequest(materials=("A", "B", "C"))], bare, {"B/slab-110": why})
    assert found.rows == ()
    told = {(pair.first, pair.second): (pair.missing.kind, pair.missing.reason) for pair in found.missing}
    no_c = "no slab of C is calculated"
    assert told == {
        ("A", "B"): ("not run", why.reason),
        ("A", "C"): ("not derived", no_c),
        ("B", "C"): ("not run", f"{why.reason}; {no_c}"),
    }
    assert found.warnings == (f"no offset by way of B/slab-110: {why.reason}", f"no offset of C: {no_c}")
    quantities = offset_quantities(Findings(admissions={}, no_offsets=found.missing))
    assert [(q.name, q.subject, q.unit) for q in quantities[:3]] == [
        ("valence band offset", "A | B", "eV"), ("conduction band offset", "A | B", "eV"),
        ("type of the alignment", "A | B", ""),
    ]  # fmt: skip
    assert len(quantities) == 9 and quantities[0].missing == why


def test_an_unbuilt_surface_beside_one_that_has_rows_is_told(three: StudyOutcome) -> None:
    why = Missing(kind="failed", reason="no slab can be cut")
    request = AlignmentRequest(materials=("A", "B"))
    found = offsets([request], three.materials, {"B/slab-111": why})
    assert found.missing == () and "no offset by way of B/slab-111: no slab can be cut" in found.warnings
    chosen = replace(request, surfaces=("B/slab-110",))
    assert offsets([chosen], three.materials, {"B/slab-111": why}).warnings == ()


def test_a_surface_of_a_material_that_is_not_aligned_is_refused(write_three: Callable[..., Path]) -> None:
    file = write_three('materials = ["A", "B"]\nsurfaces = ["C/slab-110"]')
    file.write_text(file.read_text() + "[[materials.C.slabs]]\nmiller = [1, 1, 0]\n")
    line = file.read_text().splitlines().index('surfaces = ["C/slab-110"]') + 1
    with pytest.raises(StudyError, match="whose material it does not align") as caught:
        plan_study(load_study(str(file), "quick"))
    assert caught.value.where == f"{file}:{line}"


def test_a_surface_that_is_not_there_is_named(write_three: Callable[..., Path]) -> None:
    slab = "[[materials.A.slabs]]\nmiller = [1, 1, 0]\n"
    file = write_three('materials = "all"\nsurfaces = ["A/slab-101"]')
    file.write_text(file.read_text() + slab)
    with pytest.raises(StudyError, match="no surface of the study") as caught:
        plan_study(load_study(str(file), "quick"))
    assert "did you mean 'A/slab-110'" in caught.value.fix


def test_a_published_row_stands_in_the_order_of_the_request(three: StudyOutcome) -> None:
    published = PublishedOffset(
        materials=("B", "A"), method="published", valence_band_offset_ev=0.1, conduction_band_offset_ev=None,
        type="type II", doi="10.1000/1",
    )  # fmt: skip
    rows = offsets([AlignmentRequest(materials=("A", "B"), published=(published,))], three.materials).rows
    row = rows[-1]
    assert (row.first_name, row.second_name, row.valence_band_offset_ev) == ("A", "B", -0.1)
    assert row.source == "10.1000/1"


def test_what_has_no_levels_is_named_and_costs_its_rows_alone(three: StudyOutcome, tmp_path: Path) -> None:
    first, second, third = three.materials
    broken = replace(
        second,
        slabs=tuple(replace(s, levels=None, missing=Missing(kind="failed", reason="died")) for s in second.slabs),
    )
    found = offsets([AlignmentRequest(materials=("A", "B", "C"))], (first, broken, third))
    assert {(row.first_name, row.second_name) for row in found.rows} == {("A", "C")}
    assert found.warnings and all("B (110)" in line and "died" in line for line in found.warnings)
    why = Missing(kind="failed", reason="B (110) cubic, CsBr has no levels: died")
    assert [(pair.first, pair.second, pair.missing) for pair in found.missing] == [("A", "B", why), ("B", "C", why)]


def test_a_fermi_level_outside_the_gap_bounds_no_band_edge(three: StudyOutcome) -> None:
    """With smearing E_F can lie in the conduction band: [-W - gap, -W] would then not hold the VBM."""
    by_work_function = next(way for way in WAYS if way.method.startswith("work functions"))
    material = three.materials[1]
    slab = material.slabs[0]
    assert slab.levels is not None and slab.levels.slab_edges is not None
    edges = by_work_function.edges_of(material, slab)
    assert edges.vbm_ev == pytest.approx(-slab.levels.work_function_ev)
    assert edges.range_ev == (pytest.approx(-slab.levels.slab_edges.band_gap_ev), 0.0)
    outside = replace(slab.levels, slab_edges=replace(slab.levels.slab_edges, fermi_in_gap=False))
    with pytest.raises(AnalysisError, match="does not lie in the gap of the slab"):
        by_work_function.edges_of(material, replace(slab, levels=outside))
    metal = replace(slab.levels, slab_edges=None, why_no_slab_edges="filled and empty bands overlap")
    with pytest.raises(AnalysisError, match="filled and empty bands overlap"):
        by_work_function.edges_of(material, replace(slab, levels=metal))


def test_all_and_pairs_are_read_and_checked(write_three: Callable[..., Path]) -> None:
    assert load_study(str(write_three('materials = ["A", "B"]'))).content.alignment[0].materials == ("A", "B")
    for wrong, said in (
        ('materials = ["A", "D"]', "names 'D'"),
        ('materials = ["A"]', "needs two materials"),
        ('materials = "A"', "a list of names, or 'all'"),
        ('materials = ["A", "A"]', "twice"),
    ):
        with pytest.raises(StudyError, match=said):
            load_study(str(write_three(wrong)))


@pytest.fixture
def write_three(tmp_path: Path) -> Callable[..., Path]:
    def write(materials: str) -> Path:
        grids = "relax_kpoints = [1, 1, 1]\nbands_kpoints = [1, 1, 1]\n"
        table = '[materials.{}]\nstructure = "CsBr_Pm-3m"\ncutoff_ev = 1.0\n' + grids
        file = tmp_path / "three.toml"
        file.write_text(
            'schema = 1\ntitle = "x"\n' + "".join(map(table.format, "ABC")) + f"[[alignment]]\n{materials}\n"
        )
        return file

    return write


# --- polar planes: the stored run -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def stored() -> StudyOutcome:
    """CsPbBr3 with the polar (011) and then (010), FAPbBr3 with (010)."""
    return outcome_of_folder(Path(__file__).parents[1] / "data" / "gpaw" / "26.7.0" / "fapbbr3-cspbbr3-quick")


def test_rows_of_planes_that_are_not_polar_come_first_and_each_says_whose_plane_is(stored: StudyOutcome) -> None:
    own = [row for row in stored.alignments if not row.source]
    assert [(row.way.split()[0], row.polar) for row in own] == [
        ("bulk", False), ("bulk", True), ("work", False), ("work", True),
    ]  # fmt: skip
    for row in own:
        assert row.first is not None and row.second is not None
        assert row.first.surface.startswith("(011)" if row.polar else "(010)")
        assert ("CsPbBr3 (011) Pnma is a polar plane" in row.remarks) is row.polar
        assert not any("FAPbBr3" in remark and "polar" in remark for remark in row.remarks)
        assert row.relaxed is False and "FAPbBr3 (010) cubic: not relaxed" in row.remarks
    turned = offsets([AlignmentRequest(materials=("FAPbBr3", "CsPbBr3"))], stored.materials).rows
    assert [row.polar for row in turned] == [False, True, False, True]


def test_whether_both_were_relaxed(stored: StudyOutcome) -> None:
    cs, fa = stored.materials

    def relaxed(first: bool | None, second: bool | None) -> bool | None:
        one = replace(cs, slabs=tuple(replace(slab, relaxed=first) for slab in cs.slabs[1:]))
        other = replace(fa, slabs=tuple(replace(slab, relaxed=second) for slab in fa.slabs))
        rows = offsets([AlignmentRequest(materials=("CsPbBr3", "FAPbBr3"))], (one, other)).rows
        return rows[0].relaxed

    assert relaxed(True, True) is True
    assert relaxed(True, False) is relaxed(False, True) is relaxed(False, None) is False
    assert relaxed(True, None) is relaxed(None, True) is None


def test_remarks_of_every_step_stand_beside_the_offset_once(stored: StudyOutcome) -> None:
    cs, fa = stored.materials
    noted = replace(
        cs,
        bulk=replace(cs.bulk, remarks=("calculated at 300 eV",)),
        slabs=tuple(replace(slab, remarks=("its deck was changed",)) for slab in cs.slabs),
    )
    rows = offsets([AlignmentRequest(materials=("CsPbBr3", "FAPbBr3"))], (noted, fa)).rows
    assert rows[0].remarks.count("CsPbBr3/bulk-bands: calculated at 300 eV") == 1
    assert rows[0].remarks.count("CsPbBr3/slab-010-potential: its deck was changed") == 1


def test_both_numbers_of_a_published_row(stored: StudyOutcome) -> None:
    quoted = PublishedOffset(
        materials=("CsPbBr3", "FAPbBr3"), method="XPS", valence_band_offset_ev=0.2, conduction_band_offset_ev=-0.3,
        type="type I", doi="10.1000/2",
    )  # fmt: skip
    request = AlignmentRequest(materials=("CsPbBr3", "FAPbBr3"), tolerance_ev=0.2, published=(quoted,))
    rows = offsets([request], stored.materials).rows
    row = rows[-1]
    assert (row.valence_band_offset_ev, row.conduction_band_offset_ev, row.type) == (0.2, -0.3, "type I")
    assert (row.method, row.tolerance_ev, row.source) == ("XPS", 0.2, "10.1000/2")
    found = [q for q in offset_quantities(Findings(admissions={}, alignments=rows)) if q.method == "XPS"]
    assert [(q.name, q.value, q.unit, q.origin) for q in found] == [
        ("valence band offset", 0.2, "eV", ("10.1000/2",)),
        ("conduction band offset", -0.3, "eV", ("10.1000/2",)),
        ("type of the alignment", "type I", "", ("10.1000/2",)),
    ]
    assert all(q.uncertainty is None for q in found)
    half = replace(quoted, conduction_band_offset_ev=None)
    (row,) = [r for r in offsets([replace(request, published=(half,))], stored.materials).rows if r.source]
    (_, conduction, _) = offset_quantities(Findings(admissions={}, alignments=(row,)))
    assert conduction.missing == Missing(kind="not read", reason="the source gives none")
