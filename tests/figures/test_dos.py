from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from built import built
from free_electrons import grid_bands
from text_boxes import overlaps

from dftflow.analysis.band_edges import find_band_edges
from dftflow.analysis.dos_of_eigenvalues import density_of_states
from dftflow.errors import InputError
from dftflow.figures.dos import ShownDos, dos_drawing
from dftflow.figures.look import Look
from dftflow.model.projections import ProjectionGroup, Projections


def _shown(name: str = "one", *, metal: bool = False, parted: bool = False, **options: object) -> ShownDos:
    bands = grid_bands(**options)  # type: ignore[arg-type]
    edges = find_band_edges(bands)
    projections = None
    if parted:
        weights = np.full((*bands.eigenvalues_ev.shape, 2), [0.6, 0.3])
        groups = (ProjectionGroup(element="Pb"), ProjectionGroup(element="Br"))
        projections = Projections(weights=weights, groups=groups, method="made up")
    return ShownDos(
        name=name,
        dos=density_of_states(bands, projections),
        zero_ev=bands.fermi_ev if metal else edges.vbm.value_ev,
        edges=None if metal else edges,
    )


def test_the_numbers_are_those_of_the_density() -> None:
    one = _shown()
    drawing = dos_drawing([one], "vbm", Look(window_ev=(-5, 2)))
    assert drawing.data is not None
    data = drawing.data()
    assert data.columns == ("name", "spin", "energy_ev", "total_per_ev")
    energies = one.dos.energies_ev - one.zero_ev
    seen = (energies >= -5) & (energies <= 2)
    np.testing.assert_allclose([row[3] for row in data.rows], one.dos.total[0, seen])
    np.testing.assert_allclose([row[2] for row in data.rows], energies[seen])
    (ax,) = built(drawing).axes
    line = next(line for line in ax.get_lines() if line.get_label() == "total")
    assert line.get_xdata().min() >= -5 and line.get_xdata().max() <= 2
    assert ax.get_xlim() == (-5, 2)


def test_moving_the_zero_of_the_run_moves_nothing() -> None:
    here, there = (dos_drawing([_shown(shift_ev=shift)], "vbm", Look()).data for shift in (0.0, 9.0))
    assert here is not None and there is not None
    np.testing.assert_allclose([r[2] for r in here().rows], [r[2] for r in there().rows], atol=1e-9)


def test_spin_down_is_drawn_below_the_axis() -> None:
    (ax,) = built(dos_drawing([_shown(n_spins=2)], "vbm", Look())).axes
    curves = [np.asarray(line.get_ydata()) for line in ax.get_lines() if line.get_linewidth() == 0.8]
    assert curves[0].min() >= 0 and curves[1].max() <= 0 and curves[1].min() < -0.1
    assert [text.get_text() for text in ax.texts] == ["spin up", "spin down"]
    assert all(text.get_position()[0] > 1 for text in ax.texts)  # beside the axes: over no curve
    assert [label.get_text() for label in ax.get_yticklabels() if "\N{MINUS SIGN}" in label.get_text()] == []


def test_above_the_bands_that_were_calculated_nothing_is_drawn_or_listed() -> None:
    one = _shown()
    end = one.zero_ev + 13.0
    drawing = dos_drawing([replace(one, complete_up_to_ev=end)], "vbm", Look(window_ev=(-5, 30)))
    (ax,) = built(drawing).axes
    assert next(line for line in ax.get_lines() if line.get_label() == "total").get_xdata().max() <= 13.0
    assert drawing.data is not None
    assert max(row[2] for row in drawing.data().rows) <= 13.0
    assert "all bands were calculated (13.0 eV)" in drawing.caption


def test_edges_of_an_insulator_and_the_fermi_level_of_a_metal() -> None:
    one, metal = _shown(), _shown(metal=True)
    marks = [line.get_xdata()[0] for line in built(dos_drawing([one], "vbm", Look())).axes[0].get_lines()[1:]]
    assert one.edges is not None
    assert marks == pytest.approx([0, one.edges.band_gap_ev])
    marks = [line.get_xdata()[0] for line in built(dos_drawing([metal], "fermi", Look())).axes[0].get_lines()[1:]]
    assert marks == [0]
    assert "Dashed: Fermi level" in dos_drawing([metal], "fermi", Look()).caption


def test_parts_have_their_colours_labels_and_columns() -> None:
    look = Look(colors={"Pb": "#111111"}, labels={"Br": "bromine", "total": "all"})
    drawing = dos_drawing([_shown(parted=True), _shown("two", parted=True)], "vbm", look)
    figure = built(drawing)
    texts = [text.get_text() for text in figure.legends[0].get_texts()]
    assert texts == ["all", "Pb", "bromine"]
    line = next(line for line in figure.axes[0].get_lines() if line.get_label() == "Pb")
    assert line.get_color() == "#111111"
    assert drawing.data is not None
    data = drawing.data()
    assert data.columns[-2:] == ("Pb_per_ev", "Br_per_ev")
    largest = max(data.rows, key=lambda row: row[3])
    assert largest[4:] == pytest.approx((0.6 * largest[3], 0.3 * largest[3]), rel=1e-5)


def test_the_caption_says_what_it_is_from() -> None:
    caption = dos_drawing([_shown()], "vbm", Look()).caption
    assert "From eigenvalues at 64 k-points of a grid (levels 0.1 eV wide)." in caption


@pytest.mark.usefixtures("style")
@pytest.mark.parametrize("width_in", [3.3, 6.7])
@pytest.mark.parametrize("count", [1, 3])
def test_no_texts_overlap(width_in: float, count: int) -> None:
    many = [_shown(f"(FA0.83Cs0.17)Pb(I0.6Br0.4)3 {i}", parted=True, n_spins=2) for i in range(count)]
    assert overlaps(built(dos_drawing(many, "fermi", Look(width_in=width_in)))) == []


@pytest.mark.parametrize(("no_empty", "words"), [((True,), "No empty band was"), ((False, True), "of spin down was")])
def test_the_caption_says_that_no_empty_band_was_calculated(no_empty: tuple[bool, ...], words: str) -> None:
    one = _shown()
    assert "No empty band" not in dos_drawing([one], "vbm", Look()).caption
    assert words in dos_drawing([replace(one, no_empty_bands=no_empty)], "vbm", Look()).caption


@pytest.mark.parametrize("window", [(40.0, 50.0), (5.0, 6.0), (-50.0, -40.0)])
def test_a_window_without_states_is_refused(window: tuple[float, float]) -> None:
    """Above, in the gap of 13.5 eV less what the filled band spans, below."""
    one = _shown()
    with pytest.raises(InputError, match=f"nothing lies between {window[0]:g} and {window[1]:g} eV") as error:
        dos_drawing([one], "vbm", Look(window_ev=window))
    assert "they range from -" in error.value.fix
    assert dos_drawing([one], "vbm", Look(window_ev=(-1.0, 6.0)))


def test_of_several_one_without_states_in_the_window_is_not_blown_up() -> None:
    """The tails of the one in its gap, beside one whose states are there."""
    one = _shown()
    other = replace(one, name="two", zero_ev=one.zero_ev - 5.5)
    gap, there = built(dos_drawing([one, other], "vbm", Look(window_ev=(5.0, 6.0)))).axes
    assert gap.get_ylim() == (0, 1) and there.get_ylim()[1] > 0.01
