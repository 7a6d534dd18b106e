from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from built import built
from free_electrons import grid_bands, path_bands
from text_boxes import overlaps

from dftflow.analysis.band_edges import find_band_edges
from dftflow.errors import AnalysisError, InputError
from dftflow.figures.band_figure import BandStructure, bands_drawing
from dftflow.figures.look import COLUMN_IN, PAGE_IN, Look
from dftflow.model.projections import ProjectionGroup, Projections

pytestmark = pytest.mark.usefixtures("style")


def _structure(name: str, *, corners: str = "GXM|RG", metal: bool = False, **options: object) -> BandStructure:
    bands = path_bands(corners, **options)
    edges = None if metal else find_band_edges(bands)
    zero = bands.fermi_ev if edges is None else edges.vbm.value_ev
    return BandStructure(name=name, bands=bands, edges=edges, why_no_edges="they overlap; a fix", zero_ev=zero)


def test_the_numbers_are_those_drawn() -> None:
    one = _structure("one")
    drawing = bands_drawing([one], "vbm", Look())
    assert drawing.data is not None
    data = drawing.data()
    rows = [dict(zip(data.columns, row, strict=True)) for row in data.rows]
    energies = np.array([row["energy_ev"] for row in rows])
    low, high = built(drawing).axes[0].get_ylim()
    every = (one.bands.eigenvalues_ev[0] - one.zero_ev).ravel()
    np.testing.assert_allclose(energies, every[(every >= low) & (every <= high)])
    assert max(row["energy_ev"] for row in rows if row["band"] == 1) == pytest.approx(0)
    lines = [line for line in built(drawing).axes[0].get_lines() if line.get_linewidth() == 0.8]
    shown = np.concatenate([line.get_ydata() for line in lines])
    np.testing.assert_allclose(np.sort(shown[(shown >= low) & (shown <= high)]), np.sort(energies))


@pytest.mark.parametrize("window", [(60.0, 70.0), (0.2, 0.4), (-70.0, -60.0)])
def test_a_window_that_no_band_reaches_into_is_refused(window: tuple[float, float]) -> None:
    one = _structure("one")
    with pytest.raises(InputError, match=f"nothing lies between {window[0]:g} and {window[1]:g} eV") as error:
        bands_drawing([one], "vbm", Look(window_ev=window))
    values = one.bands.eigenvalues_ev - one.zero_ev
    assert f"range from {values.min():.2f} to {values.max():.2f} eV" in error.value.fix
    assert ("0.00 and" in error.value.fix) == (window[0] == 0.2)
    assert bands_drawing([one], "vbm", Look(window_ev=(-0.01, 0.4)))


def test_a_shift_of_the_zero_of_the_run_moves_nothing() -> None:
    tables = [bands_drawing([_structure("one", shift_ev=shift)], "vbm", Look()).data for shift in (0.0, 40.0)]
    here, there = ([row[-1] for row in table().rows] for table in tables if table is not None)
    np.testing.assert_allclose(here, there, atol=1e-9)


@pytest.mark.parametrize(
    ("reference", "words"), [("vacuum", "vacuum"), ("vbm", "the VBM"), ("fermi", "the Fermi level")]
)
def test_the_zero_is_named_on_the_axis_and_below(reference: str, words: str) -> None:
    drawing = bands_drawing([_structure("one")], reference, Look())  # type: ignore[arg-type]
    label = built(drawing).axes[0].get_ylabel()
    assert label == f"Energy relative to {words.replace('the Fermi level', '$E_' + chr(92) + 'mathrm{F}$')} (eV)"
    assert f"relative to {words}" in drawing.caption


def test_over_each_other_both_have_their_colour_and_their_gap() -> None:
    pair = [_structure("PBE"), _structure("HSE", gap_ev=2.5, per_leg=17)]
    figure = built(bands_drawing(pair, "vbm", Look(labels={"PBE": "without SOC"}), overlay=True))
    (ax,) = figure.axes
    assert not ax.patches
    texts = [text.get_text() for text in figure.legends[0].get_texts()]
    assert texts[0].startswith("without SOC, gap ") and texts[1].startswith("HSE, gap ")
    with pytest.raises(AnalysisError, match="cannot be drawn over"):
        bands_drawing([pair[0], _structure("other", corners="GX")], "vbm", Look(), overlay=True)


def test_spin_channels_and_metals_are_told() -> None:
    figure = built(bands_drawing([_structure("Fe", metal=True, n_spins=2)], "fermi", Look()))
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["spin up", "spin down"]
    assert figure.axes[0].get_title() == "Fe\nno gap"
    caption = bands_drawing([_structure("Fe", metal=True)], "fermi", Look()).caption
    assert "Fe has no gap to mark: they overlap. Dashed: its Fermi level." in caption and "fix" not in caption


def test_size_window_colour_and_label_are_as_asked() -> None:
    look = Look(width_in=5, height_in=2.5, window_ev=(-2, 3), colors={"one": "#123456"}, labels={"one": "TiO2"})
    figure = built(bands_drawing([_structure("one")], "vbm", look))
    assert tuple(figure.get_size_inches()) == (5, 2.5)
    (ax,) = figure.axes
    assert ax.get_ylim() == (-2, 3)
    assert ax.get_title().startswith("TiO$_{2}$")
    assert ax.get_lines()[0].get_color() == "#123456"


def test_a_grid_is_refused() -> None:
    with pytest.raises(AnalysisError, match="no band path"):
        bands_drawing([BandStructure(name="x", bands=grid_bands(), edges=None, zero_ev=0.0)], "fermi", Look())


def test_what_bands_are_made_of() -> None:
    one = _structure("one")
    weights = np.zeros((*one.bands.eigenvalues_ev.shape, 2))
    weights[..., 0, 0], weights[..., 1:, 1] = 0.9, 0.5
    weights[0, 0, 0] = np.nan
    groups = (ProjectionGroup(element="Br"), ProjectionGroup(element="Pb", orbital="s"))
    fat = replace(one, projections=Projections(weights=weights, groups=groups, method="spheres"))
    drawing = bands_drawing([fat], "vbm", Look(window_ev=(-99, 99), colors={"Br": "#00FF00"}))
    figure = built(drawing)
    circles = [c for c in figure.axes[0].collections if len(c.get_offsets())]
    counts = sum(len(c.get_offsets()) for c in circles)
    assert counts == weights.shape[1] * 9 - 1  # each state has one group, and one state is not told
    areas = np.unique(np.round(np.concatenate([c.get_sizes() for c in circles]), 6))
    assert areas[1] / areas[0] == pytest.approx(0.9 / 0.5, rel=1e-5)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["Br", "Pb s"]
    assert "(spheres)" in drawing.caption
    assert drawing.data is not None
    table = drawing.data()
    assert table.columns[-2:] == ("Br_weight", "Pb s_weight")
    assert table.rows[0][-2:] == (None, None) and table.rows[1][-2:] == pytest.approx((0, 0.5))


@pytest.mark.parametrize("width_in", [COLUMN_IN, PAGE_IN])
@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("n_spins", [1, 2])
def test_no_texts_overlap(width_in: float, count: int, n_spins: int) -> None:
    many = [_structure(f"(FA0.83Cs0.17)Pb(I0.6Br0.4)3 {i}", n_spins=n_spins) for i in range(count)]
    assert overlaps(built(bands_drawing(many, "vbm", Look(width_in=width_in)))) == []
    assert overlaps(built(bands_drawing(many, "vbm", Look(width_in=width_in), overlay=True))) == []
