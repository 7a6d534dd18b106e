from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import matplotlib as mpl
import pytest
from built import built
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Circle, Patch
from outcomes import (
    CS_010,
    CS_011,
    CS_BANDS,
    FA_010,
    FA_BANDS,
    FAILURE,
    MANY,
    StoredRun,
    make_bare,
    make_many,
    make_relaxed,
    recorded_ip_ev,
)

from dftflow.errors import StoreError
from dftflow.figures import study_figures as shown_figures
from dftflow.figures.colors import material_colors
from dftflow.figures.drawing import Drawing
from dftflow.figures.figure_files import draw_figures, write_figures
from dftflow.figures.labels import mathtext
from dftflow.figures.study_figures import study_figures
from dftflow.model.outcome import StudyOutcome

NAMES = [
    "alignment",
    "offsets",
    "bands",
    "structures",
    "potential-CsPbBr3-slab1",
    "potential-CsPbBr3-slab2",
    "potential-FAPbBr3-slab3",
]


def _figure(outcome: StudyOutcome, name: str) -> Drawing:
    return next(f for f in study_figures(outcome) if f.name == name)


def _drawn(outcome: StudyOutcome, name: str) -> Figure:
    return built(_figure(outcome, name))


def test_every_figure_is_written_three_times_and_the_missing_one_is_said(failed: StudyOutcome, tmp_path: Path) -> None:
    before = dict(mpl.rcParams)
    paths = write_figures(draw_figures(failed, "svg", "pdf", "png", "csv"), tmp_path / "figures")
    assert dict(mpl.rcParams) == before
    drawn = [n for n in NAMES if n != "potential-CsPbBr3-slab1"]
    kinds = ("svg", "pdf", "png", "csv")
    assert sorted(p.name for p in paths) == sorted(f"{n}.{e}" for n in drawn for e in kinds)
    assert sorted(tmp_path.joinpath("figures").iterdir()) == sorted(paths)
    assert _figure(failed, "potential-CsPbBr3-slab1").missing == f"{CS_011} failed: {FAILURE}"
    for path in paths:
        if path.suffix == ".svg":
            ElementTree.parse(path)


def test_files_are_the_same_on_every_run(outcome: StudyOutcome) -> None:
    figure = _figure(outcome, "alignment")
    assert figure.render("svg", "pdf") == figure.render("svg", "pdf")


def test_the_users_own_settings_do_not_change_the_figure(outcome: StudyOutcome) -> None:
    figure = _figure(outcome, "structures")
    plain = figure.render("svg")
    with mpl.rc_context({"font.size": 30, "lines.linewidth": 9, "svg.hashsalt": "other"}):
        assert figure.render("svg") == plain


def test_bands_of_both_materials_share_the_vacuum_axis(run: StoredRun) -> None:
    axes = _drawn(run.outcome(), "bands").axes
    potentials = [
        recorded_ip_ev(run.folder(bulk), run.folder(slab), period)
        for bulk, slab, period in ((CS_BANDS, CS_010, 11.7351 / 2), (FA_BANDS, FA_010, 5.99))
    ]
    tops = [next(line for line in ax.get_lines() if line.get_label() == "VBM").get_ydata()[0] for ax in axes]
    assert tops == pytest.approx([-potential for potential in potentials], abs=2e-3)
    assert axes[0].get_ylim() == axes[1].get_ylim()
    assert axes[0].get_ylabel() == "Energy relative to vacuum (eV)"
    assert "gap 1.66 eV, direct at Γ" in axes[0].get_title()


def test_without_a_vacuum_level_the_bands_start_at_their_own_vbm(run: StoredRun) -> None:
    axes = _drawn(run.unaligned().outcome(), "bands").axes
    for ax in axes:
        assert next(line for line in ax.get_lines() if line.get_label() == "VBM").get_ydata()[0] == 0
    assert axes[0].get_ylabel() == "Energy relative to the VBM (eV)"


def test_a_material_without_bands_is_left_out_by_name(run: StoredRun) -> None:
    lame = run.failed(CS_BANDS).outcome()
    assert "no bands: CsPbBr3" in _figure(lame, "bands").caption
    assert len(_drawn(lame, "bands").axes) == 1


def test_a_metal_is_left_out_of_the_bands(run: StoredRun) -> None:
    metal = run.shifted(FA_BANDS, conduction_ev=-3.0).outcome()
    assert "no bands: FAPbBr3" in _figure(metal, "bands").caption
    assert _figure(metal, "alignment").build is not None  # a line at its work function


def test_nothing_finished(tmp_path: Path) -> None:
    """The crystals that the study starts from are there nevertheless."""
    bare = make_bare(tmp_path)
    written = write_figures(draw_figures(bare, "svg"), tmp_path / "none")
    assert [path.name for path in written] == ["offsets.svg", "structures.svg"]  # the first of a publication
    assert all(figure.missing for figure in study_figures(bare) if figure.name not in ("offsets", "structures"))
    nothing = study_figures(replace(bare, materials=(), alignments=()))
    assert nothing and all(figure.missing for figure in nothing)


def test_three_materials_fit(tmp_path: Path) -> None:
    three = make_many(tmp_path, 3)
    assert len([ax for ax in _drawn(three, "bands").axes if ax.get_visible()]) == 3


def test_one_material_has_no_alignment(tmp_path: Path) -> None:
    relaxed = make_relaxed(tmp_path)
    missing = {figure.name: bool(figure.missing) for figure in study_figures(relaxed)}
    assert missing == {"alignment": True, "bands": False, "structures": False, "potential-CsBr-slab1": False}
    assert _figure(relaxed, "potential-CsBr-slab1").title == "Potential across CsBr (110) cubic, CsBr"
    assert len(_drawn(relaxed, "bands").axes) == 1


def test_side_view_and_profile_share_their_axis(outcome: StudyOutcome) -> None:
    side, profile = _drawn(outcome, "potential-FAPbBr3-slab3").axes
    assert side.get_xlim() == profile.get_xlim()
    middles = [patch.center[0] for patch in side.patches]
    assert min(middles) == pytest.approx(-max(middles), abs=1e-6)
    assert max(middles) == pytest.approx(5.99)


def test_atoms_on_the_cells_border_are_drawn_on_every_side(outcome: StudyOutcome) -> None:
    ax = _drawn(outcome, "structures").axes[1]
    lead = [p for p in ax.patches if hasattr(p, "center") and p.radius == pytest.approx(0.45 * 1.46)]
    corners = {(round(p.center[0], 2), round(p.center[1], 2)) for p in lead}
    assert corners == {(0, 0), (5.99, 0), (0, 5.99), (5.99, 5.99)}


def test_a_path_that_is_no_folder(tmp_path: Path) -> None:
    bare = make_bare(tmp_path)
    (tmp_path / "figures").write_text("in the way")
    with pytest.raises(StoreError, match="is a file, not a folder"):
        write_figures(draw_figures(bare, "svg"), tmp_path / "figures")


# --- any number of materials ------------------------------------------------------------------------------------


def _colors_in(figure: Figure) -> set[str]:
    """Colours, grey and black left out, of every line and patch but the atoms."""
    artists = [*figure.findobj(Line2D), *(p for p in figure.findobj(Patch) if not isinstance(p, Circle))]
    faces = [a.get_color() if isinstance(a, Line2D) else a.get_facecolor() for a in artists if a.get_visible()]
    return {to_hex(face).upper() for face in faces if len(set(to_rgb(face))) > 1}


@pytest.mark.parametrize("count", [2, 3, 5])
def test_a_material_has_one_colour_in_all_figures(tmp_path: Path, count: int) -> None:
    many = make_many(tmp_path, count)
    colors = material_colors(MANY[:count])
    names = [figure.name for figure in study_figures(many)]
    edges = [line for line in _drawn(many, "alignment").axes[0].get_lines() if line.get_linewidth() == 1.4]
    left_to_right = sorted(edges, key=lambda line: float(line.get_xdata()[0]))
    assert list(dict.fromkeys(line.get_color() for line in left_to_right)) == list(colors.values())
    bands = _drawn(many, "bands")
    by_title = {ax.get_title().split("\n")[0]: ax.get_lines()[0].get_color() for ax in bands.axes if ax.get_visible()}
    assert by_title == {mathtext(name): color for name, color in colors.items()}
    slabs = [(material, slab) for material in many.materials for slab in material.slabs]
    profiles = [name for name in names if name.startswith("potential")]
    for name, (material, slab) in zip(profiles, slabs, strict=True):
        if slab.profile is not None:
            assert _colors_in(_drawn(many, name)) == {colors[material.name]}


def test_the_diagram_stands_alone_and_the_offsets_by_every_method_beside_it(tmp_path: Path) -> None:
    def named(count: int) -> list[str]:
        figures = study_figures(make_many(tmp_path, count, own_bands=True))
        return [figure.name for figure in figures if figure.name.startswith(("alignment", "offsets"))]

    assert named(2) == ["alignment", "offsets"]
    assert named(3) == ["alignment", "offsets"]
    pages = named(8)
    assert pages[0] == "alignment" and len(pages) > 2
    assert pages[1:] == [f"offsets-{i}" for i in range(1, len(pages))]


def test_the_table_of_offsets_has_every_row(outcome: StudyOutcome) -> None:
    data = _figure(outcome, "offsets").data
    assert data is not None
    rows = [dict(zip(data().columns, row, strict=True)) for row in data().rows]
    assert [row["valence_band_offset_ev"] for row in rows] == [a.valence_band_offset_ev for a in outcome.alignments]
    assert rows[-1]["source"] == outcome.alignments[-1].source and rows[-1]["range_low_ev"] is None


def test_every_pair_of_eight_stands_in_one_of_the_figures_of_offsets(tmp_path: Path) -> None:
    many = make_many(tmp_path, 8, own_bands=True)
    pages = [_drawn(many, f.name) for f in study_figures(many) if f.name.startswith("offsets")]
    assert all(page.get_figheight() <= 9.5 for page in pages)
    headings = [t.get_text() for p in pages for t in p.axes[0].get_yticklabels() if t.get_fontweight() == "bold"]
    assert len(headings) == len(set(headings)) == 28


def test_what_does_not_fit_into_one_figure_stands_in_several(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    many = make_many(tmp_path, 5)
    for name, most in (("MOST_COLUMNS", 3), ("MOST_BANDS", 2), ("MOST_STRUCTURES", 4), ("MOST_PAIRS", 9)):
        monkeypatch.setattr(shown_figures, name, most)
    found = {figure.name: figure for figure in study_figures(many)}
    pages = ["alignment-1", "alignment-2", "offsets", "bands-1", "bands-2", "bands-3", "structures-1", "structures-2"]
    assert [name for name in found if not name.startswith("potential")] == pages
    assert found["bands-2"].title == "Band structures, 2 of 3"
    assert "10 pairs" in found["offsets"].missing and found["offsets"].build is None
    titles = [ax.get_title() for n in (1, 2, 3) for ax in _drawn(many, f"bands-{n}").axes if ax.get_visible()]
    assert [title.split("\n")[0] for title in titles] == [mathtext(name) for name in MANY[:5]]
    shown = [text.get_text() for n in (1, 2) for text in _drawn(many, f"alignment-{n}").axes[0].texts]
    assert [text for text in shown if text in map(mathtext, MANY)] == [mathtext(name) for name in MANY[:5]]


def test_a_valence_band_above_vacuum_gives_no_row_and_no_diagram(run: StoredRun) -> None:
    """Bands 5 eV higher; the (010) and (011) faces have ionisation potentials of 3.57 and 5.01 eV."""
    wrong = run.shifted(CS_BANDS, bands_ev=5.1).outcome()
    assert not [row for row in wrong.alignments if row.way.startswith("bulk line-up")]
    drawn = {d.figure.name: d for d in draw_figures(wrong, "svg")}
    assert drawn["structures"].files["svg"].startswith(b"<?xml")


def test_a_valence_band_above_vacuum_costs_its_own_figure_only(outcome: StudyOutcome) -> None:
    """No study derives such a row."""
    first = outcome.alignments[0]
    wrong = replace(first, first=replace(first.first, vbm_ev=0.4, cbm_ev=2.3))
    drawn = {d.figure.name: d for d in draw_figures(replace(outcome, alignments=(wrong,)), "svg")}
    assert drawn["alignment"].files == {}
    assert "does not lie below the vacuum level" in drawn["alignment"].missing
    assert drawn["structures"].files["svg"].startswith(b"<?xml")


def test_the_caption_of_bands_says_by_what_they_stand_where_they_do(outcome: StudyOutcome) -> None:
    assert "in the alignment (by bulk line-up through the slabs)." in _figure(outcome, "bands").caption
    functions = replace(outcome, alignments=outcome.alignments[2:])
    assert "(by work functions of the slabs)." in _figure(functions, "bands").caption


def test_importing_the_package_draws_in_no_heavy_module() -> None:
    code = "import sys, dftflow.api, dftflow.figures.labels; dir(dftflow); print('matplotlib' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "False"
