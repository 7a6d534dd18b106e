from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from outcomes import (
    CS_010,
    CS_011,
    FA_010,
    FA_BANDS,
    StoredRun,
    recorded_edges_ev,
    recorded_ip_ev,
    recorded_middle_ev,
    recorded_vacuum_ev,
    recorded_work_function_ev,
)
from text_boxes import overlaps

from dftflow.figures.potential import draw_potential_profile


@pytest.fixture
def ax() -> Axes:
    return Figure().subplots()


def _line(ax: Axes, start: str) -> tuple[np.ndarray, np.ndarray]:
    line = next(line for line in ax.get_lines() if str(line.get_label()).startswith(start))
    return np.asarray(line.get_xdata()), np.asarray(line.get_ydata())


def test_vacuum_is_at_zero_and_the_middle_as_deep_as_recorded(ax: Axes, run: StoredRun) -> None:
    """CsPbBr3 (010): the plane average repeats after b/2."""
    slab = run.outcome().materials[0].slabs[1]
    folder = run.folder(CS_010)
    depth = recorded_vacuum_ev(folder) - recorded_middle_ev(folder, 11.7351 / 2)
    draw_potential_profile(ax, slab.profile, slab.vacuum, levels=slab.levels, color="C0")
    x, macroscopic = _line(ax, "macroscopic")
    assert macroscopic[0] == pytest.approx(0, abs=0.02)
    assert macroscopic[np.abs(x) < 1.5].mean() == pytest.approx(-depth, abs=0.01)
    _, plateau = _line(ax, "vacuum plateau")
    np.testing.assert_allclose(plateau, 0, atol=3e-3)
    assert "(spread ≤ 3 meV)" in ax.get_legend_handles_labels()[1][-1]
    assert "(5.87 Å window)" in ax.get_legend_handles_labels()[1][2]


@pytest.mark.parametrize("points", [0, 10, 37, 62, 93, 117])
def test_the_slab_is_whole_and_in_the_middle_wherever_the_cell_cuts_it(ax: Axes, run: StoredRun, points: int) -> None:
    """125 points in the cell; the two faces of the slab are alike, 11.98 Å apart."""
    slab = run.rolled(FA_010, points).outcome().materials[1].slabs[0]
    draw_potential_profile(ax, slab.profile, slab.vacuum, levels=slab.levels, color="C2")
    x, planar = _line(ax, "planar")
    assert np.all(np.diff(x) > 0)
    assert x[-1] - x[0] == pytest.approx(24.98)
    np.testing.assert_allclose(np.interp(x[5:-5], x, planar), np.interp(-x[5:-5], x, planar), atol=0.6)
    plateaus = [np.abs(line.get_xdata()) for line in ax.get_lines() if line.get_linewidth() == 2.2]
    assert len(plateaus) == 2
    assert all(5.99 < ends.min() < ends.max() < 24.98 / 2 for ends in plateaus)


def test_levels_of_the_surface_are_lines_at_their_energies(ax: Axes, run: StoredRun) -> None:
    slab = run.outcome().materials[1].slabs[0]
    draw_potential_profile(ax, slab.profile, slab.vacuum, levels=slab.levels, color="C0")
    vbm, cbm = recorded_edges_ev(run.folder(FA_BANDS))
    potential = recorded_ip_ev(run.folder(FA_BANDS), run.folder(FA_010), 5.99)
    expected = [-potential, -recorded_work_function_ev(run.folder(FA_010)), cbm - vbm - potential]
    flat = sorted({float(line.get_ydata()[0]) for line in ax.get_lines() if line.get_color() == "black"})
    assert flat == pytest.approx(expected, abs=2e-3)
    minus = "\N{MINUS SIGN}"
    texts = [text.get_text() for text in ax.texts]
    assert texts == [f"CBM {minus}2.59", f"$E_\\mathrm{{F}}$ {minus}3.72", f"VBM {minus}4.24"]


def test_the_names_of_levels_stand_beside_the_axes_apart_from_each_other_and_from_the_curve(run: StoredRun) -> None:
    figure = Figure(figsize=(6.7, 3.3), layout="constrained")
    ax = figure.subplots()
    slab = run.outcome().materials[1].slabs[0]
    close = replace(slab.levels, work_function_ev=slab.levels.ionisation_potential_ev - 0.01)
    draw_potential_profile(ax, slab.profile, slab.vacuum, levels=close, color="C0")
    assert overlaps(figure) == []
    canvas = FigureCanvasAgg(figure).get_renderer()
    assert len(ax.texts) == 3
    assert all(text.get_window_extent(canvas).x0 > ax.get_window_extent(canvas).x1 for text in ax.texts)


def test_without_levels_or_vacuum_the_profile_keeps_its_own_zero(ax: Axes, run: StoredRun) -> None:
    slab = run.outcome().materials[0].slabs[0]
    draw_potential_profile(ax, slab.profile, (), color="C0")
    _, planar = _line(ax, "planar")
    assert planar.max() == pytest.approx(recorded_vacuum_ev(run.folder(CS_011)), abs=0.01)
    assert ax.get_ylabel() == "Potential (eV)"
