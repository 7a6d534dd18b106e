from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dftflow.model.outcome import StudyOutcome
from dftflow.plot.potential import draw_potential_profile


@pytest.fixture
def ax() -> Axes:
    return Figure().subplots()


def _line(ax: Axes, start: str) -> tuple[np.ndarray, np.ndarray]:
    line = next(line for line in ax.get_lines() if str(line.get_label()).startswith(start))
    return np.asarray(line.get_xdata()), np.asarray(line.get_ydata())


def test_vacuum_is_at_zero_and_the_well_at_minus_its_depth(ax: Axes, outcome: StudyOutcome) -> None:
    slab = outcome.materials[0].slabs[0]
    draw_potential_profile(ax, slab.profile, slab.vacuum, levels=slab.levels, color="C0")
    x, macroscopic = _line(ax, "macroscopic")
    assert macroscopic[0] == pytest.approx(0, abs=0.02)
    assert macroscopic[np.argmin(np.abs(x))] == pytest.approx(-9.7, abs=0.02)
    _, plateau = _line(ax, "vacuum plateau")
    np.testing.assert_allclose(plateau, 0)
    assert "6 meV" in ax.get_legend_handles_labels()[1][-1]


@pytest.mark.parametrize("start", [0.4, 3.0, 10.0, 20.0, 37.9])
def test_the_slab_is_whole_and_in_the_middle_wherever_the_cell_cuts_it(
    outcomes: ModuleType, ax: Axes, start: float
) -> None:
    slab = outcomes.slab_outcome(
        outcomes.fa_model(), run="r", vacuum=5.0, ip=5.8, ea=4.1, wf=4.6, start=start, depth=9.0
    )
    draw_potential_profile(ax, slab.profile, slab.vacuum, levels=slab.levels, color="C0")
    x, planar = _line(ax, "planar")
    length = slab.profile.length_ang
    assert np.all(np.diff(x) > 0)
    assert x[-1] - x[0] == pytest.approx(length)
    np.testing.assert_allclose(np.interp(x[5:-5], x, planar), np.interp(-x[5:-5], x, planar), atol=0.6)
    for line in ax.get_lines():
        if line.get_color() == "C2":
            ends = np.abs(line.get_xdata())
            assert ends.min() > 12.0
            assert ends.max() < length / 2


def test_levels_of_the_surface_are_lines_at_their_energies(ax: Axes, outcome: StudyOutcome) -> None:
    slab = outcome.materials[1].slabs[0]
    draw_potential_profile(ax, slab.profile, slab.vacuum, levels=slab.levels, color="C0")
    flat = {round(float(line.get_ydata()[0]), 3) for line in ax.get_lines() if line.get_color() == "black"}
    assert flat == {-5.833, -4.192, -4.688}
    texts = [text.get_text() for text in ax.texts]
    minus = "\N{MINUS SIGN}"
    assert texts == [f"CBM {minus}4.19", f"$E_\\mathrm{{F}}$ {minus}4.69", f"VBM {minus}5.83"]


def test_without_levels_or_vacuum_the_profile_keeps_its_own_zero(ax: Axes, outcome: StudyOutcome) -> None:
    slab = outcome.materials[0].slabs[0]
    draw_potential_profile(ax, slab.profile, (), color="C0")
    _, planar = _line(ax, "planar")
    assert planar.max() == pytest.approx(4.853, abs=0.01)
    assert ax.get_ylabel() == "Potential (eV)"
