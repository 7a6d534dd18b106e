from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree

import matplotlib as mpl
import pytest
from matplotlib.figure import Figure

from dftflow.errors import StoreError
from dftflow.model.outcome import StudyOutcome
from dftflow.plot.figures import StudyFigure, study_figures, write_figures

NAMES = [
    "alignment",
    "bands",
    "structures",
    "potential-CsPbBr3-slab1",
    "potential-CsPbBr3-slab2",
    "potential-FAPbBr3-slab3",
]


def _figure(outcome: StudyOutcome, name: str) -> StudyFigure:
    return next(f for f in study_figures(outcome) if f.name == name)


def _drawn(outcome: StudyOutcome, name: str) -> Figure:
    build = _figure(outcome, name).build
    assert build is not None
    return build()


def test_every_figure_is_written_three_times_and_the_missing_one_is_said(outcome: StudyOutcome, tmp_path: Path) -> None:
    before = dict(mpl.rcParams)
    paths = write_figures(outcome, tmp_path / "figures")
    assert dict(mpl.rcParams) == before
    drawn = [n for n in NAMES if n != "potential-CsPbBr3-slab2"]
    assert sorted(p.name for p in paths) == sorted(f"{n}.{e}" for n in drawn for e in ("svg", "pdf", "png"))
    assert sorted(tmp_path.joinpath("figures").iterdir()) == sorted(paths)
    missing = _figure(outcome, "potential-CsPbBr3-slab2")
    assert missing.missing == "CsPbBr3/slab-2-potential failed: scf_not_converged"
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


def test_bands_of_both_materials_share_the_vacuum_axis(outcome: StudyOutcome) -> None:
    axes = _drawn(outcome, "bands").axes
    tops = [next(line for line in ax.get_lines() if line.get_label() == "VBM").get_ydata()[0] for ax in axes]
    assert tops == pytest.approx([-5.812, -5.833])
    assert axes[0].get_ylim() == axes[1].get_ylim()
    assert axes[0].get_ylabel() == "Energy relative to vacuum (eV)"
    assert "gap 1.91 eV, direct at Γ" in axes[0].get_title()


def test_without_a_vacuum_level_the_bands_start_at_their_own_vbm(outcome: StudyOutcome) -> None:
    axes = _drawn(replace(outcome, alignments=()), "bands").axes
    for ax in axes:
        assert next(line for line in ax.get_lines() if line.get_label() == "VBM").get_ydata()[0] == 0
    assert axes[0].get_ylabel() == "Energy relative to the VBM (eV)"


def test_a_material_without_bands_is_left_out_by_name(outcome: StudyOutcome) -> None:
    cs, fa = outcome.materials
    lame = replace(
        outcome, materials=(replace(cs, bulk=replace(cs.bulk, bands=None, edges=None, why_no_edges="not run")), fa)
    )
    assert "no bands: CsPbBr3" in _figure(lame, "bands").caption
    assert len(_drawn(lame, "bands").axes) == 1


def test_nothing_finished(outcome: StudyOutcome, tmp_path: Path) -> None:
    bare = replace(outcome, materials=(), alignments=())
    assert write_figures(bare, tmp_path / "none") == ()
    assert all(figure.missing for figure in study_figures(bare))


def test_three_materials_fit(outcome: StudyOutcome) -> None:
    third = replace(outcome.materials[1], name="a/third material", slabs=())
    three = replace(outcome, materials=(*outcome.materials, third))
    assert len([ax for ax in _drawn(three, "bands").axes if ax.get_visible()]) == 3


def test_side_view_and_profile_share_their_axis(outcome: StudyOutcome) -> None:
    side, profile = _drawn(outcome, "potential-FAPbBr3-slab3").axes
    assert side.get_xlim() == profile.get_xlim()
    middles = [patch.center[0] for patch in side.patches]
    assert min(middles) == pytest.approx(-max(middles), abs=1e-6)
    assert max(middles) == pytest.approx(12.0, abs=0.1)


def test_atoms_on_the_cells_border_are_drawn_on_every_side(outcome: StudyOutcome) -> None:
    ax = _drawn(outcome, "structures").axes[1]
    lead = [p for p in ax.patches if hasattr(p, "center") and p.radius == pytest.approx(0.45 * 1.46)]
    corners = {(round(p.center[0], 2), round(p.center[1], 2)) for p in lead}
    assert corners == {(0, 0), (5.99, 0), (0, 5.99), (5.99, 5.99)}


def test_a_path_that_is_no_folder(outcome: StudyOutcome, tmp_path: Path) -> None:
    (tmp_path / "figures").write_text("in the way")
    bare = replace(outcome.materials[1], bulk=replace(outcome.materials[1].bulk, bands=None), slabs=())
    with pytest.raises(StoreError, match=r"structures\.svg cannot be written"):
        write_figures(replace(outcome, materials=(bare,), alignments=()), tmp_path / "figures")


def test_importing_the_package_draws_in_no_heavy_module() -> None:
    code = "import sys, dftflow.plot, dftflow.plot.labels; print('matplotlib' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "False"


def test_the_builder_is_realistic(outcomes: ModuleType, outcome: StudyOutcome) -> None:
    for material in outcome.materials:
        edges, bands = material.bulk.edges, material.bulk.bands
        below = bands.eigenvalues_ev[0][:, :4].max()
        above = bands.eigenvalues_ev[0][:, 4:].min()
        assert (below, above) == pytest.approx((edges.vbm.value_ev, edges.cbm.value_ev))
    assert outcomes.fa_model().structure.composition.reduced_formula
