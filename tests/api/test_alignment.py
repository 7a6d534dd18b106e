"""Alignments of numbers, tables, studies and folders: known numbers, what changes nothing, and what has to be said."""

from __future__ import annotations

import csv
import io
import json
import shutil
import subprocess
import sys
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from built import built
from hypothesis import given
from hypothesis import strategies as st
from outcomes import (
    CS_010,
    CS_BANDS,
    FA_010,
    StoredRun,
    recorded_edges_ev,
    recorded_ip_ev,
    recorded_vacuum_ev,
)

from dftflow.api.alignment import BandAlignment, align
from dftflow.api.levels import levels
from dftflow.errors import AnalysisError, CodeNotFoundError, InputError
from dftflow.figures.drawing import Drawing
from dftflow.model.alignment import AbsoluteEdges, ReferenceLevel
from dftflow.report.write import write_outcome

FIVE = {
    "CsPbBr3": {"ip": 5.9, "ea": 3.6},
    "FAPbBr3": {"ip": 6.1, "ea": 3.75},
    "(FA0.83Cs0.17)Pb(I0.6Br0.4)3": {"ip": 5.8, "ea": 4.05},
    "TiO2": {"ip": 8.0, "ea": 4.8},
    "spiro-OMeTAD": {"ip": 5.2, "ea": 2.1},
}
DOI = "10.1000/measured"


def offset(found: BandAlignment, first: str, second: str) -> tuple[float, float, str]:
    (row,) = [row for row in found.rows if (row.first_name, row.second_name) == (first, second)]
    assert row.conduction_band_offset_ev is not None
    return round(row.valence_band_offset_ev, 9), round(row.conduction_band_offset_ev, 9), row.type


# --- numbers ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("materials", "expected"),
    [
        # electron affinities and gaps of a handbook: InAs and GaSb have a broken gap
        ({"InAs": {"ea": 4.9, "gap": 0.354}, "GaSb": {"ea": 4.06, "gap": 0.726}}, (-0.468, -0.84, "type III")),
        ({"LiF": {"ip": 12.0, "ea": -1.2}, "CsPbBr3": {"ip": 5.6, "ea": 3.8}}, (-6.4, 5.0, "type I")),
        ({"h-BN": {"ip": 5.9, "ea": -0.9}, "diamond:H": {"ip": 4.2, "ea": -1.3}}, (-1.7, -0.4, "type II")),
        ({"ZnO": {"ip": 7.7, "ea": 4.4}, "HKUST-1": {"ip": 6.0, "ea": 5.1}}, (-1.7, 0.7, "type I")),
        ({"A": {"vbm": -5.0, "cbm": -3.0}, "B": {"vbm": -5.05, "cbm": -2.5}}, (0.05, -0.5, "quasi-type II")),
        ({"A": {"vbm": -5.0, "cbm": -3.0}, "B": {"vbm": -5.05, "cbm": -3.05}}, (0.05, 0.05, "not resolved")),
    ],
)
def test_two_materials_by_hand(materials: dict[str, dict[str, float]], expected: tuple[float, float, str]) -> None:
    assert offset(align(materials), *materials) == expected


def test_five_materials_from_numbers(tmp_path: Path) -> None:
    """What a person with five values from papers gets: each against each, and a figure."""
    found = align(FIVE)
    assert len(found.columns) == 5 and len(found.rows) == 10
    assert offset(found, "CsPbBr3", "spiro-OMeTAD") == (-0.7, -1.5, "type II")
    figure = found.plot(tmp_path / "five.svg", fill="gradient", size="page")
    assert (tmp_path / "five.svg").read_text("utf-8").startswith("<?xml")
    assert "type II" in figure.csv() and "spiro-OMeTAD" in figure.csv()


POTENTIALS = st.lists(st.tuples(st.integers(500, 900), st.integers(30, 400)), min_size=3, max_size=5)


@given(numbers=POTENTIALS, shift=st.integers(-200, 200))
def test_a_common_shift_of_all_levels_changes_nothing(numbers: list[tuple[int, int]], shift: int) -> None:
    """In whole hundredths of an eV, so that no rounding moves a level over a border."""

    def types(by: int) -> list[tuple[float, str]]:
        materials = {
            f"M{i}": {"vbm": -(ip + by) / 100, "cbm": -(ip + by - gap) / 100} for i, (ip, gap) in enumerate(numbers)
        }
        return [(round(row.valence_band_offset_ev, 6), row.type) for row in align(materials).rows]

    assert types(shift) == types(0)


def test_the_order_of_sources_changes_no_offset() -> None:
    names = ("CsPbBr3", "TiO2", "spiro-OMeTAD")
    for order in permutations(names):
        found = align(*({name: FIVE[name]} for name in order))
        matrix = found.matrix
        place = {name: matrix.names.index(name) for name in names}
        valence = matrix.valence_ev[place["CsPbBr3"]][place["TiO2"]]
        assert valence is not None and round(valence, 9) == 2.1
        assert all(
            matrix.valence_ev[i][j] == -matrix.valence_ev[j][i]  # type: ignore[operator]
            for i in range(3)
            for j in range(3)
            if i != j
        )


def test_order_is_that_of_the_columns() -> None:
    found = align(FIVE, order=["TiO2", "CsPbBr3"])
    assert [one.edges.material for one in found.columns][:3] == ["TiO2", "CsPbBr3", "FAPbBr3"]
    with pytest.raises(InputError, match="no material 'Ti02'"):
        align(FIVE, order=["Ti02"])


def test_an_uncertainty_leaves_a_type_open_and_the_text_says_so() -> None:
    def of(reach: float | None) -> BandAlignment:
        more = {} if reach is None else {"uncertainty": reach, "uncertainty_holds": "UPS"}
        return align({"A": {"ip": 5.0, "ea": 3.0, **more}, "B": {"ip": 5.3, "ea": 3.3, **more}})

    assert "type II*" in of(None).text() and "as the numbers stand" in of(None).text()
    assert of(None).rows[0].range_ev is None
    assert of(0.05).rows[0].type == "type II" and "type II*" not in of(0.05).text()
    assert "holds for every value within ±" in of(0.05).text() and "± of A, B: UPS" in of(0.05).text()
    assert of(0.2).rows[0].type == "not resolved"
    assert "type II as the numbers stand; another within ±" in of(0.2).text()


def test_one_uncertainty_alone_settles_nothing() -> None:
    found = align({"A": {"ip": 5.0, "ea": 3.0, "uncertainty": 0.1}, "B": {"ip": 5.9, "ea": 3.9}})
    assert "type II*" in found.text()
    assert found.rows[0].range_holds.endswith("of B: not given")


# --- what contradicts what --------------------------------------------------------------------------------------

MEASURED = """\
materials:
  A: {{ip: 5.0, ea: 3.0, uncertainty: 0.1, surface: (110)}}
  B: {{ip: 5.5, ea: 3.4, uncertainty: 0.1, surface: {surface}}}
offsets:
  - {{materials: [B, A], valence: {valence}, method: XPS, reference: 10.1000/measured}}
"""


@pytest.mark.parametrize(
    ("valence", "contradicts"),
    [(-0.5, False), (-0.21, False), (-0.19, True), (0.5, True), (-0.79, False), (-0.81, True)],
)
def test_a_measured_offset_that_the_levels_contradict(tmp_path: Path, valence: float, contradicts: bool) -> None:
    """A minus B is 0.5 ± 0.2 eV by the levels; the tolerance is 0.1 eV; the quoted one is of B minus A."""
    file = tmp_path / "m.yaml"
    file.write_text(MEASURED.format(valence=valence, surface="(100)"), "utf-8")
    found = align(file)
    own, quoted = found.rows
    assert quoted.valence_band_offset_ev == -valence and (quoted.first_name, quoted.source) == ("A", DOI)
    assert (own.contradicts, quoted.contradicts) == (((2,), (1,)) if contradicts else ((), ()))
    said = [line for line in found.remarks if "contradict each other" in line]
    assert len(said) == contradicts
    if contradicts:
        assert "A (110) minus B (100)" in said[0] and DOI in said[0]
    drawing = found.plot().drawing
    assert (f"Contradicted: A and B by {DOI}." in _notes(drawing)) == contradicts
    assert ("Contradicted" in drawing.caption) == contradicts
    assert "as the numbers stand" not in _notes(drawing)
    assert any("different surfaces" in line for line in found.remarks)


def _notes(drawing: Drawing) -> str:
    """What stands below the diagram."""
    return " ".join(" ".join(text.get_text() for text in built(drawing).texts).split())


def test_the_diagram_says_what_a_conduction_band_and_a_lacking_range_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the text does: 0.4 eV between the CBMs against the quoted 0.9 eV; one of the two has no range."""
    monkeypatch.chdir(tmp_path)
    file = Path("m.toml")
    file.write_text(
        "[materials.A]\nip = 5.0\nea = 3.0\nuncertainty = 0.1\n[materials.B]\nip = 5.5\nea = 3.4\n"
        '[[offsets]]\nmaterials = ["A", "B"]\nvalence = 0.5\nconduction = 0.9\n'
    )
    notes = _notes(align(file).plot().drawing)
    assert f"Contradicted: A and B by {file}:8." in notes
    assert "Types as the numbers stand where no ± is given." in notes


def test_measured_offsets_that_do_not_add_up(tmp_path: Path) -> None:
    lines = [f'[[offsets]]\nmaterials = ["{a}", "{b}"]\nvalence = {v}\nmethod = "XPS"\nreference = "10.1/{a}{b}"'
             for a, b, v in (("A", "B", 0.2), ("B", "C", 0.3), ("A", "C", 0.1))]  # fmt: skip
    file = tmp_path / "m.toml"
    file.write_text("\n".join(lines), "utf-8")
    found = align({name: {"ip": 5.0, "ea": 3.0} for name in "ABC"}, file)
    (quoted,) = [closure for closure in found.closures if closure.reasons]
    assert round(quoted.valence_ev, 9) == 0.4
    assert "+0.40" in found.text()


def test_two_levels_of_one_material_are_no_offset_and_are_compared() -> None:
    table = {"A": {"ip": 5.0, "ea": 3.0, "uncertainty": 0.05, "surface": "(110)"}, "B": {"ip": 6.0, "ea": 4.0}}
    found = align(table, {"A": {"ip": 5.3, "ea": 3.3, "uncertainty": 0.05, "surface": "(100)"}})
    assert [(row.first_name, row.second_name) for row in found.rows] == [("A", "B"), ("B", "A")]
    assert any("differ by 0.30 eV, more than their ± allow" in line for line in found.remarks)
    assert found.matrix.cells[0][2] is None


def test_the_same_levels_twice_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_text("name,ip,ea\nA,5.0,3.0\nB,6,4\nA,5.1,3\n")
    with pytest.raises(InputError, match="A stands twice") as caught:
        align(file)
    assert caught.value.where == f"{file}:4" and f"{file}:2" in caught.value.reason


def test_one_material_is_no_alignment() -> None:
    with pytest.raises(InputError, match="two materials"):
        align({"A": {"ip": 5.0, "ea": 3.0}})
    with pytest.raises(InputError, match="two materials"):
        align()
    with pytest.raises(InputError, match="tolerance"):
        align(FIVE, tolerance_ev=-0.1)
    with pytest.raises(InputError, match="not made of int"):
        align(5)  # type: ignore[arg-type]


def test_quoted_is_never_called_calculated() -> None:
    mine = AbsoluteEdges(material="M", surface="(001)", vbm_ev=-5.0, cbm_ev=-3.0, range_ev=(-0.1, 0.1))
    found = align(mine, {"Q": {"ip": 5.9, "ea": 3.6, "reference": DOI}})
    by_name = {one["material"]: one for one in found.to_dict()["levels"]}
    assert (by_name["M"]["quoted"], by_name["Q"]["quoted"]) == (False, True)
    assert by_name["Q"]["way"] == "quoted levels" and by_name["Q"]["source"] == DOI
    assert found.rows[0].method == "calculated levels and quoted levels"
    with pytest.raises(AnalysisError, match="below the vacuum level"):
        align(AbsoluteEdges(material="M", surface="", vbm_ev=1.0, cbm_ev=3.0, range_ev=(0.0, 0.0)), FIVE)


# --- what is given back -----------------------------------------------------------------------------------------


def test_as_data(tmp_path: Path) -> None:
    found = align(FIVE, levels=[ReferenceLevel(name="Au", energy_ev=-5.1)])
    document = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert len(document["offsets"]) == 10 and document["references"][0]["name"] == "Au"
    (row,) = [
        r for r in csv.DictReader(io.StringIO(found.to_csv())) if (r["first"], r["second"]) == ("CsPbBr3", "TiO2")
    ]
    assert float(row["valence_band_offset_ev"]) == pytest.approx(2.1)
    assert row["type"] == row["type_as_numbers_stand"] == "type II" and row["range_low_ev"] == ""
    frame = found.to_frame()
    assert list(frame["first"])[:4] == ["CsPbBr3"] * 4
    for suffix in ("csv", "toml", "json", "png", "pdf", "svg"):
        assert found.save(tmp_path / f"a.{suffix}").stat().st_size > 100
    again = align(tmp_path / "a.toml")
    assert again.matrix.valence_ev == found.matrix.valence_ev and again.references[0].energy_ev == -5.1
    with pytest.raises(InputError, match=r"written as \.jpg"):
        found.save(tmp_path / "a.jpg")
    with pytest.raises(InputError, match="one of the sources"):
        again.save(tmp_path / "a.toml")


def test_without_pandas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(CodeNotFoundError, match="pandas"):
        align(FIVE).to_frame()


@pytest.mark.parametrize("width", [40, 60, 80, 120, 200])
def test_no_line_is_wider_than_asked_for(width: int) -> None:
    text = align(FIVE, levels=[ReferenceLevel(name="Au", energy_ev=-5.1, source="x" * 80)]).text(width)
    assert max(map(len, text.splitlines())) <= width
    assert text.count("Offsets (eV)") == (width < 120)


# --- studies and folders ----------------------------------------------------------------------------------------


def test_results_of_a_study_beside_a_paper(stored: StoredRun, tmp_path: Path) -> None:
    """The levels are those of the line-up, with what it holds; a polar plane and the published offset come along."""
    outcome = stored.outcome()
    write_outcome(outcome, tmp_path)
    (tmp_path / "ups.csv").write_text("name,ip,ea,reference\nZnO,7.7,4.4,10.1000/x\n")
    found = align(tmp_path, tmp_path / "ups.csv")
    by_name = {one.name: one for one in found.columns}
    mine = by_name["CsPbBr3 (010) Pnma, CsBr"]
    (slab,) = [s for m in outcome.materials for s in m.slabs if s.subject == "CsPbBr3/slab-010"]
    assert slab.levels is not None
    assert mine.edges.vbm_ev == pytest.approx(-slab.levels.ionisation_potential_ev, abs=1e-12)
    assert not mine.is_quoted and "it bounds no error" in mine.range_holds and "slab-010-potential" in mine.origin
    assert by_name["ZnO"].is_quoted
    (polar,) = [one for one in found.columns if one.polar]
    assert "(011)" in polar.name and any("polar plane" in remark for remark in polar.remarks)
    assert any(row.source == "10.1021/acsami.1c18025" for row in found.rows)
    assert any("found in different ways" in line for line in found.remarks)
    same = align(outcome, tmp_path / "ups.csv")
    assert [one.edges for one in same.columns] == [one.edges for one in found.columns]


def test_a_slab_by_itself_and_lined_up(stored: StoredRun) -> None:
    """Numbers from the stored arrays, by other sums than those of dftflow."""
    slab, bulk, other = (stored.folder(step) for step in (CS_010, CS_BANDS, FA_010))
    found = align(f"own={slab}", f"lined-up={bulk}+{slab}", {"FAPbBr3": other})
    own, lined_up, third = found.columns
    vbm, cbm = recorded_edges_ev(slab)
    vacuum = recorded_vacuum_ev(slab)
    assert own.edges.vbm_ev == pytest.approx(vbm - vacuum, abs=0.01)
    assert own.edges.cbm_ev == pytest.approx(cbm - vacuum, abs=0.01)
    assert own.edges.surface == "slab's own bands" and any("confinement" in remark for remark in own.remarks)
    period = levels(slab, bulk=bulk).slabs[0].period_ang
    assert period is not None
    assert lined_up.edges.vbm_ev == pytest.approx(-recorded_ip_ev(bulk, slab, period), abs=0.01)
    assert not lined_up.is_quoted and lined_up.way == "bulk line-up through the slab"
    assert third.edges.material == "FAPbBr3"
    again = align({"lined-up": levels(slab, bulk=bulk)}, {"X": other}).columns[0]
    assert again.edges == lined_up.edges


def test_two_sides_that_differ_stand_apart(stored: StoredRun, tmp_path: Path) -> None:
    slab = tmp_path / "slab"
    shutil.copytree(stored.folder(CS_010), slab)
    arrays = dict(np.load(slab / "potential.npz"))
    planar = arrays["planar_ev"].copy()
    planar[planar.size // 2 :] += 0.3
    np.savez(slab / "potential.npz", **{**arrays, "planar_ev": planar})
    found = align(f"S={slab}", {"B": {"ip": 6.0, "ea": 4.0}})
    low, high = (one for one in found.columns if one.edges.material == "S")
    assert (low.edges.surface, high.edges.surface) == ("slab's own bands, low side", "slab's own bands, high side")
    assert low.edges.vbm_ev - high.edges.vbm_ev == pytest.approx(0.3, abs=0.01)
    assert any("differ by 0.3" in remark for remark in low.remarks)


def test_a_reason_of_many_folders_is_said_once(stored: StoredRun, tmp_path: Path) -> None:
    for number in range(7):
        shutil.copytree(stored.folder(CS_BANDS), tmp_path / f"bulk{number}")
    with pytest.raises(InputError, match="no band edges relative to a vacuum") as caught:
        align(f"A={tmp_path}", FIVE)
    assert caught.value.reason.count("holds no vacuum") == 1 and " and 4 more: " in caught.value.reason
    shutil.copytree(stored.folder(CS_010), tmp_path / "slab")
    (note,) = align(f"A={tmp_path}", FIVE).notes
    assert "not used" in note and " and 4 more: " in note


def test_folders_without_a_vacuum_level(stored: StoredRun, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no band edges relative to a vacuum") as caught:
        align(f"A={stored.folder(CS_BANDS)}", FIVE)
    assert "holds no vacuum" in caught.value.reason and "dftflow levels --bulk" in caught.value.fix
    with pytest.raises(InputError, match="folder of a study") as caught:
        align(stored.root, FIVE)
    assert f"dftflow report {stored.root} writes it" in caught.value.fix
    with pytest.raises(InputError, match="slabs here") as caught:
        align(stored.root / "steps", FIVE)
    assert "NAME=FOLDER" in caught.value.fix
    with pytest.raises(InputError):
        align(tmp_path / "nothing", FIVE)
    with pytest.raises(InputError, match="no calculation"):
        align(tmp_path, FIVE)
    with pytest.raises(InputError, match="cannot be read"):
        align(tmp_path / "no.toml", FIVE)


def test_offsets_alone_need_no_figures() -> None:
    """Drawing is the slower part to load, and a table of offsets is no drawing."""
    code = (
        "import sys, dftflow; "
        "print(dftflow.align({'A': {'ip_ev': 5.9, 'ea_ev': 3.6}, 'B': {'ip_ev': 6.1, 'ea_ev': 3.9}}).text()); "
        "assert 'matplotlib' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
