from __future__ import annotations

import pytest
from built import built
from text_boxes import overlaps

from dftflow.errors import AnalysisError
from dftflow.figures.convergence import Relaxation, SeriesPoint, relaxations_drawing, series_drawing
from dftflow.figures.look import Look
from dftflow.model.results import RelaxationStep


def _relaxation(name: str = "one", count: int = 5, *, cell: bool = True) -> Relaxation:
    steps = tuple(
        RelaxationStep(
            energy_ev=-100 - 2 * i, max_force_ev_per_ang=1 / 10**i, max_stress_gpa=0.5 / 2**i if cell else None,
            max_displacement_ang=None, volume_ang3=200.0 - (i if cell else 0),
        )
        for i in range(count)
    )  # fmt: skip
    return Relaxation(name=name, steps=steps, status="geom_not_converged")


def test_energy_force_stress_and_volume_over_the_steps() -> None:
    axes = built(relaxations_drawing([_relaxation()], Look())).axes
    curves = [list(ax.get_lines()[0].get_ydata()) for ax in axes]
    assert curves[0] == [8, 6, 4, 2, 0]
    assert curves[1] == pytest.approx([1, 0.1, 0.01, 0.001, 0.0001])
    assert curves[2] == pytest.approx([0.5, 0.25, 0.125, 0.0625, 0.03125])
    assert curves[3] == pytest.approx([100 * (v / 196 - 1) for v in (200, 199, 198, 197, 196)])
    assert [ax.get_yscale() for ax in axes] == ["linear", "log", "log", "linear"]
    assert list(axes[0].get_lines()[0].get_xdata()) == [1, 2, 3, 4, 5]


def test_what_stays_the_same_or_is_not_told_has_no_panel() -> None:
    labels = [ax.get_ylabel() for ax in built(relaxations_drawing([_relaxation(cell=False)], Look())).axes]
    assert len(labels) == 2 and "force" in labels[1]


def test_the_table_has_the_numbers_themselves() -> None:
    drawing = relaxations_drawing([_relaxation(), _relaxation("two", 2)], Look())
    assert drawing.data is not None
    data = drawing.data()
    assert data.rows[1] == ("one", 2, -102, 0.1, 0.25, None, 199.0)
    assert [row[:2] for row in data.rows[5:]] == [("two", 1), ("two", 2)]
    assert "one: 5 steps, geom not converged; two: 2 steps" in drawing.caption


def test_without_steps() -> None:
    with pytest.raises(AnalysisError, match="none has no steps"):
        relaxations_drawing([Relaxation(name="none", steps=(), status="finished")], Look())


def _points(setting: str) -> list[SeriesPoint]:
    return [
        SeriesPoint(
            name=f"run{i}", value=value, text=f"{value:g} eV" if setting == "cutoff" else f"{i + 2}x{i + 2}x{i + 2}",
            energy_per_atom_ev=-5 + 0.1 / 2**i, band_gap_ev=None if i == 0 else 1.5 + 0.01 * i,
        )
        for i, value in enumerate((200.0, 300.0, 500.0))
    ]  # fmt: skip


def test_a_series_is_relative_to_the_finest() -> None:
    energy, gap = built(series_drawing(_points("cutoff"), "cutoff", Look())).axes
    assert list(energy.get_lines()[0].get_xdata()) == [200, 300, 500]
    assert list(energy.get_lines()[0].get_ydata()) == pytest.approx([75, 25, 0])
    assert list(gap.get_lines()[0].get_xdata()) == [300, 500]
    assert gap.get_xlabel() == "Plane-wave cutoff (eV)"


def test_grids_stand_at_equal_distances_by_their_names() -> None:
    axes = built(series_drawing(_points("k-point density"), "k-point density", Look(), remark=" Yes.")).axes
    assert [tick.get_text() for tick in axes[-1].get_xticklabels()] == ["2x2x2", "3x3x3", "4x4x4"]
    assert series_drawing(_points("k"), "k-point density", Look(), remark=" Yes.").caption.endswith("varies. Yes.")


@pytest.mark.usefixtures("style")
@pytest.mark.parametrize("width_in", [3.3, 6.7])
def test_no_texts_overlap(width_in: float) -> None:
    look = Look(width_in=width_in)
    many = [_relaxation(f"CsPbBr3-relaxed-in-some-way-{i}") for i in range(4)]
    for drawing in (
        relaxations_drawing(many, look),
        relaxations_drawing(many[:1], look),
        series_drawing(_points("cutoff"), "cutoff", look),
        series_drawing(_points("k") * 3, "k-point density", look),
    ):
        assert overlaps(built(drawing)) == []
