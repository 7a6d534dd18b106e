"""The figure of light and gaps: what is written on it can be read, whatever sources and gaps there are."""

from __future__ import annotations

from itertools import combinations

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from dftflow.analysis.photons import photon_energy_ev, uptake
from dftflow.figures.look import Look
from dftflow.figures.photons import photons_drawing
from dftflow.model.absorption import Absorption, KnownGap

MEASURED = "room temperature, 2.25 to 2.36"
GAPS = {"CsBr": 4.47, "PbBr2": 3.17, "CsPbBr3": 2.01, "Cs4PbBr6": 3.85, "CsPb2Br5": 3.04}


def gap(of: str, gap_ev: float, said: str = "calculated", reach_ev: float = 0.25) -> KnownGap:
    return KnownGap(of=of, gap_ev=gap_ev, reach_ev=reach_ev, reach_holds="potentials", said=said, source="a run")


def rows(sources_nm: list[float], gaps: list[KnownGap]) -> list[Absorption]:
    light = [(wavelength, photon_energy_ev(wavelength)) for wavelength in sources_nm]
    return [
        Absorption(wavelength_nm=nm, photon_ev=ev, gap=one, uptake=uptake(ev, one.gap_ev, one.reach_ev))
        for one in gaps
        for nm, ev in light
    ]


def written(sources_nm: list[float], gaps: list[KnownGap]) -> list[Text]:
    """What is written below the strips and beside the lines, where it is drawn."""
    figure = photons_drawing(rows(sources_nm, gaps), Look()).build()
    FigureCanvasAgg(figure).draw()
    ax = figure.axes[0]
    beside = [text for text in ax.texts if text.get_text().strip().endswith(("eV", "nm"))]
    return [*ax.get_xticklabels(), *beside]


@pytest.mark.parametrize(
    "sources_nm", [[520.9, 524.8], [365, 730], [254, 365, 468, 520.9, 524.8, 600, 800, 1100]], ids=len
)
def test_no_name_lies_over_another(sources_nm):
    gaps = [gap(of, ev) for of, ev in GAPS.items()] + [gap("CsPbBr3", 2.3, MEASURED), gap("Cs4PbBr6", 3.95, MEASURED)]
    boxes = {text.get_text(): text.get_window_extent() for text in written(sources_nm, gaps)}
    assert len(boxes) > len(gaps)
    for (one, box), (other, its) in combinations(boxes.items(), 2):
        assert not box.overlaps(its), (one, other)


def test_a_source_has_a_line_for_one_photon_and_for_two_where_there_is_room():
    figure = photons_drawing(rows([254, 800], [gap("CsBr", 4.47)]), Look()).build()
    lines = {round(line.get_ydata()[0], 3) for line in figure.axes[0].lines if line.get_linewidth() == 0.6}
    assert lines == {4.881, 1.55, 3.1}  # twice 4.881 is above all
