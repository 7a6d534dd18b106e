"""Bands with the density of states beside them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from built import built
from free_electrons import grid_bands, path_bands

from dftflow.analysis.band_edges import find_band_edges
from dftflow.analysis.dos_of_eigenvalues import density_of_states
from dftflow.figures.band_figure import BandStructure
from dftflow.figures.dos import ShownDos
from dftflow.figures.drawing import Drawing
from dftflow.figures.look import Look
from dftflow.figures.states import StatesPanel, states_drawing, with_main_parts
from dftflow.model.projections import ProjectionGroup, Projections


def panel(name: str = "A", *, metal: bool = False, n_spins: int = 1) -> StatesPanel:
    bands = path_bands(n_spins=n_spins)
    grid = grid_bands((6, 6, 6), n_spins=n_spins)
    shares = np.full((*grid.eigenvalues_ev.shape, 3), [0.6, 0.3, 0.01])
    groups = tuple(ProjectionGroup(element=e, orbital=o) for e, o in (("Pb", "s"), ("Br", "p"), ("Cs", "d")))
    dos = density_of_states(grid, Projections(weights=shares, groups=groups, method="made up"))
    edges = None if metal else find_band_edges(bands)
    zero_ev = bands.fermi_ev if edges is None else edges.vbm.value_ev
    return StatesPanel(
        bands=BandStructure(name=name, bands=bands, edges=edges, zero_ev=zero_ev),
        dos=ShownDos(name=name, dos=dos, zero_ev=zero_ev, edges=edges, complete_up_to_ev=zero_ev + 20.0),
    )


def drawing(*panels: StatesPanel, **look: object) -> Drawing:
    return states_drawing(panels, "vbm", Look(**look))  # type: ignore[arg-type]


def test_both_have_one_energy_axis_and_the_density_lies_on_its_side() -> None:
    left, right = built(drawing(panel(), window_ev=(-6.0, 5.0))).axes
    assert left.get_ylim() == right.get_ylim() == (-6.0, 5.0)
    total = next(line for line in right.lines if line.get_label() == "total")
    states, energies = total.get_data()
    assert energies.min() >= -6.0 and energies.max() <= 5.0 and states.max() > 0.1
    assert not (states[(energies > 0.7) & (energies < 0.8)] > 1e-3).any(), "in the gap there are none"


def test_parts_that_cannot_be_seen_are_left_out() -> None:
    _, right = built(drawing(panel())).axes
    assert {line.get_label() for line in right.lines} >= {"total", "Pb s", "Br p"}
    assert "Cs d" not in {line.get_label() for line in right.lines}
    dos = panel().dos.dos
    assert [group.element for group in with_main_parts(dos, (-1e3, 1e3)).groups] == ["Pb", "Br"]
    assert with_main_parts(dos, (5e3, 6e3)) is dos
    bare = replace(dos, projected=None, groups=())
    assert with_main_parts(bare, (-1e3, 1e3)) is bare


def test_the_second_spin_lies_to_the_left() -> None:
    _, right = built(drawing(panel(n_spins=2))).axes
    least, most = right.get_xlim()
    assert least < 0 < most and "second spin" in drawing(panel(n_spins=2)).caption


@pytest.mark.parametrize(("count", "width_in", "rows"), [(1, None, 1), (2, None, 1), (3, None, 2), (2, 3.3, 2)])
def test_pairs_of_axes_fill_the_page(count: int, width_in: float | None, rows: int) -> None:
    figure = built(drawing(*(panel(f"A{i}") for i in range(count)), width_in=width_in))
    shown = [ax for ax in figure.axes if ax.get_visible()]
    assert len(shown) == 2 * count
    assert len({round(ax.get_position().y0, 2) for ax in shown}) == rows


def test_a_metal_has_its_fermi_level_dashed() -> None:
    found = states_drawing([panel(metal=True)], "fermi", Look())
    _, right = built(found).axes
    assert any(np.allclose(line.get_ydata(), 0) for line in right.lines if len(line.get_ydata()) == 2)
    assert "Fermi level of a metal" in found.caption


def test_the_numbers_are_those_of_the_window() -> None:
    found = drawing(panel(), window_ev=(-3.0, 3.0))
    assert found.data is not None
    records = found.data()
    assert records.columns[:4] == ("name", "spin", "energy_ev", "total_per_ev")
    assert records.columns[4:] == ("Pb s_per_ev", "Br p_per_ev")
    for _, _, energy, total, lead, bromine in records.rows:
        assert -3.0 <= energy <= 3.0
        assert lead == pytest.approx(0.6 * total, abs=1e-6) and bromine == pytest.approx(0.3 * total, abs=1e-6)
