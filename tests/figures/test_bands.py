from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from free_electrons import path_bands
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from outcomes import CS_BANDS, FA_BANDS, StoredRun, recorded_edges_ev

from dftflow.analysis.band_edges import find_band_edges
from dftflow.errors import AnalysisError
from dftflow.figures.bands import draw_bands, gap_text
from dftflow.figures.kpath import path_axis
from dftflow.model.outcome import StudyOutcome


@pytest.fixture
def ax() -> Axes:
    return Figure().subplots()


def test_path_axis_of_a_cube_in_units_of_2pi_over_a(ax: Axes, outcome: StudyOutcome) -> None:
    bulk = outcome.materials[1].bulk
    draw_bands(ax, path_axis(bulk.bands), bulk.edges, zero_ev=0.0, energy_window=(0, 8), color="C0")
    unit = np.pi / 5.99
    legs = np.array([1, 1, np.sqrt(2), np.sqrt(3), np.sqrt(2), 1])  # Γ-X-M-Γ-R-X | M-R
    np.testing.assert_allclose(ax.get_xticks(), unit * np.concatenate([[0], np.cumsum(legs)]), rtol=1e-6)
    assert [t.get_text() for t in ax.get_xticklabels()] == ["Γ", "X", "M", "Γ", "R", "X|M", "R"]
    assert ax.get_xlim() == pytest.approx((0, unit * legs.sum()), rel=1e-6)
    assert path_axis(bulk.bands).length == pytest.approx(unit * legs.sum(), rel=1e-6)


@pytest.mark.parametrize("width_in", [1.6, 2.2, 6.0])
def test_names_of_special_points_do_not_run_into_each_other(width_in: float, run: StoredRun) -> None:
    """The path of Pnma has thirteen corners, whose names are wider than a narrow figure."""
    figure = Figure(figsize=(width_in, 2.5), layout="constrained")
    ax = figure.subplots()
    bulk = run.outcome().materials[0].bulk
    draw_bands(ax, path_axis(bulk.bands), bulk.edges, zero_ev=8.8, energy_window=(-4, 5), color="C0")
    FigureCanvasAgg(figure).draw()
    boxes = [label.get_window_extent() for label in ax.get_xticklabels()]
    seen = [label.get_text().count("\n") for label in ax.get_xticklabels()]
    for (first, row), (second, other) in combinations(zip(boxes, seen, strict=True), 2):
        assert row != other or first.x1 <= second.x0
    assert max(seen) == 0 or width_in < 6


def test_lines_hold_the_eigenvalues_less_the_zero(ax: Axes, run: StoredRun) -> None:
    """The path of Pnma has four parts, two of which have two points."""
    bulk = run.outcome().materials[0].bulk
    stored = np.load(run.folder(CS_BANDS) / "bands.npz")
    draw_bands(ax, path_axis(bulk.bands), bulk.edges, zero_ev=8.823, energy_window=(-90, 90), color="C0")
    lines = [line for line in ax.get_lines() if line.get_label().startswith("_child") and line.get_linewidth() == 0.35]
    values, on_path = stored["eigenvalues_ev"], stored["on_path"] >= 0
    assert len(lines) == values.shape[2] * 4
    drawn = np.sort(np.concatenate([line.get_ydata() for line in lines]))
    np.testing.assert_allclose(drawn, np.sort((values[0, on_path] - 8.823).ravel()))


def test_edges_are_marked_wherever_the_path_meets_them(ax: Axes, run: StoredRun) -> None:
    """The edges lie at R, where the path comes by twice."""
    bulk = run.outcome().materials[1].bulk
    vbm, cbm = recorded_edges_ev(run.folder(FA_BANDS))
    draw_bands(
        ax, path_axis(bulk.bands), bulk.edges, zero_ev=bulk.edges.vbm.value_ev, energy_window=(-4, 5), color="C0"
    )
    marks = {line.get_label(): line for line in ax.get_lines() if line.get_label() in {"VBM", "CBM"}}
    ticks = dict(zip([t.get_text() + str(i) for i, t in enumerate(ax.get_xticklabels())], ax.get_xticks(), strict=True))
    np.testing.assert_allclose(marks["VBM"].get_xdata(), [ticks["R4"], ticks["R6"]])
    assert set(marks["VBM"].get_ydata()) == {0.0}
    assert list(marks["CBM"].get_ydata()) == pytest.approx([cbm - vbm] * 2)


def test_an_edge_at_minus_k_is_the_same_edge(ax: Axes, outcome: StudyOutcome) -> None:
    bulk = outcome.materials[1].bulk
    moved = replace(bulk.edges, vbm_k=(-0.5, 1.5, 0.5))
    draw_bands(ax, path_axis(bulk.bands), moved, zero_ev=0.0, energy_window=(0, 8), color="C0")
    vbm = next(line for line in ax.get_lines() if line.get_label() == "VBM")
    assert len(vbm.get_xdata()) == 2


def test_an_edge_off_the_path_gets_no_marker(ax: Axes, outcome: StudyOutcome) -> None:
    bulk = outcome.materials[1].bulk
    draw_bands(
        ax,
        path_axis(bulk.bands),
        replace(bulk.edges, vbm_k=(0.1, 0.2, 0.3)),
        zero_ev=0.0,
        energy_window=(0, 8),
        color="C0",
    )
    vbm = next(line for line in ax.get_lines() if line.get_label() == "VBM")
    assert len(vbm.get_xdata()) == 0


def test_spin_channels_are_told_apart(ax: Axes, outcome: StudyOutcome) -> None:
    bulk = outcome.materials[1].bulk
    up = bulk.bands.eigenvalues_ev[0]
    bands = replace(bulk.bands, eigenvalues_ev=np.stack([up, up + 0.2]), n_electrons=(26.0, 26.0))
    draw_bands(ax, path_axis(bands), bulk.edges, zero_ev=0.0, energy_window=(-30, 30), color="C0")
    styles = [line.get_linestyle() for line in ax.get_lines() if line.get_color() == "C0"]
    assert styles.count("--") == styles.count("-") == 2 * up.shape[1]


def test_a_grid_has_no_path(outcome: StudyOutcome) -> None:
    bulk = outcome.materials[1].bulk
    grid = replace(bulk.bands, on_path=(-1,) * len(bulk.bands.on_path))
    with pytest.raises(AnalysisError, match="no band path"):
        path_axis(grid)


def test_shifting_the_zero_moves_nothing(run: StoredRun) -> None:
    here, there = Figure().subplots(), Figure().subplots()
    for ax, zero_ev in ((here, 2.0), (there, 9.5)):
        bulk = run.outcome().materials[1].bulk
        draw_bands(ax, path_axis(bulk.bands), bulk.edges, zero_ev=zero_ev, energy_window=(-9, 9), color="C0")
        run.shifted(FA_BANDS, bands_ev=7.5)
    for a, b in zip(here.get_lines(), there.get_lines(), strict=True):
        np.testing.assert_allclose(a.get_ydata(), b.get_ydata(), atol=1e-12)


def test_a_leg_with_few_points_is_drawn_as_points(ax: Axes) -> None:
    for per_leg, marker in ((3, "o"), (20, "None")):
        bands = path_bands(per_leg=per_leg)
        draw_bands(ax, path_axis(bands), None, zero_ev=0.0, energy_window=(-5, 90), color=f"C{per_leg % 10}")
        drawn = [line for line in ax.get_lines() if line.get_color() == f"C{per_leg % 10}"]
        assert {line.get_marker() for line in drawn} == {marker}


def test_a_metal_has_its_fermi_level_and_no_shaded_gap(ax: Axes) -> None:
    bands = path_bands()
    draw_bands(ax, path_axis(bands), None, zero_ev=2.0, energy_window=(-5, 20), color="C0")
    assert not ax.patches
    dashed = [line for line in ax.get_lines() if line.get_color() == "0.5"]
    assert [line.get_ydata()[0] for line in dashed] == [bands.fermi_ev - 2.0]
    assert not [line for line in ax.get_lines() if line.get_label() in {"VBM", "CBM"}]


def test_the_gap_is_said() -> None:
    edges = find_band_edges(path_bands("GXM|RG"))
    assert (edges.vbm_label, edges.cbm_label) == ("R", "X")
    assert gap_text(edges).endswith("eV, indirect, R to X") and gap_text(None) == "no gap"
    assert gap_text(replace(edges, direct=True, cbm_label="R")).endswith("eV, direct at R")
    apart = edges
    assert gap_text(replace(apart, cbm_label="", cbm_k=(0.1, 0.0, 0.0))).endswith("indirect, VBM at R")
    nameless = replace(apart, vbm_label="", vbm_k=(0.1, 0.0, 0.0), cbm_label="", cbm_k=(0.0, 0.0, 0.0))
    assert gap_text(nameless).endswith("indirect, CBM at Γ")
