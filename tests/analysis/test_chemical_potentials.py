"""Windows and regions that are solved by hand, and pymatgen's own diagram."""

from __future__ import annotations

import numpy as np
import pytest
from pymatgen.analysis.chempot_diagram import ChemicalPotentialDiagram
from pymatgen.analysis.phase_diagram import PDEntry
from pymatgen.core import Composition

from dftflow.analysis.chemical_potentials import stability_region, stability_windows

# CsBr, PbBr2, CsPbBr3 -0.5, Cs4PbBr6 -0.9, CsPb2Br5 -0.4 eV, in formula units of CsBr and PbBr2.
SALTS = np.array([[1, 0], [0, 1], [1, 1], [4, 1], [1, 2]], dtype=float)
SALTS_EV = np.array([0.0, 0.0, -0.5, -0.9, -0.4])


def test_the_window_of_a_pseudo_binary_phase() -> None:
    """Cs4PbBr6 and CsPbBr3 meet at mu(CsBr) = -0.4/3 eV, CsPbBr3 and PbBr2 (mu = 0) at -0.5 eV."""
    windows = stability_windows(SALTS, SALTS_EV)
    assert windows[2][0] == pytest.approx((-0.5, -0.4 / 3))
    assert windows[2][1] == pytest.approx((-0.5 + 0.4 / 3, 0.0))
    assert windows[3][0] == pytest.approx((-0.4 / 3, 0.0))
    assert windows[4] == (), "CsPb2Br5 is 0.1 eV above the hull"
    assert windows[0] == (pytest.approx((0.0, 0.0)), (None, pytest.approx(-0.9)))


ELEMENTS = np.array(
    [[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 0, 0.5], [0, 1, 1], [1, 1, 1.5]]
)  # Cs, Pb, Br2, CsBr, PbBr2, CsPbBr3
ELEMENTS_EV = np.array([0, 0, 0, -4.2, -2.9, -7.6])


def test_the_region_of_a_ternary_phase() -> None:
    """mu(Pb) from Pb itself (0) and PbBr2 down to where bromine is solid; mu(Br2) = (-7.6 - mu(Cs) - mu(Pb)) / 1.5."""
    corners = stability_region(ELEMENTS, ELEMENTS_EV, 5, (-8.0, -8.0))
    # lines: mu_Cs - (mu_Cs + mu_Pb)/3 <= -4.2 + 7.6/3, and so on; corners by hand
    expected = []
    for a, b in ((3, 1), (1, 4), (4, 2), (2, 3)):  # which two of the others it touches at once
        rows = np.vstack([ELEMENTS[5], ELEMENTS[a], ELEMENTS[b]])
        expected.append(np.linalg.solve(rows, ELEMENTS_EV[[5, a, b]])[:2])
    assert len(corners) == 4
    for corner in expected:
        assert np.min(np.linalg.norm(corners - corner, axis=1)) < 1e-6


def test_regions_are_those_of_pymatgen() -> None:
    formulas, per_unit = ("Cs", "Pb", "Br2", "CsBr", "PbBr2", "CsPbBr3"), ELEMENTS_EV
    entries = [PDEntry(Composition(f), float(e)) for f, e in zip(formulas, per_unit, strict=True)]
    diagram = ChemicalPotentialDiagram(entries, formal_chempots=True)
    order = [[str(e) for e in diagram.elements].index(symbol) for symbol in ("Cs", "Pb", "Br")]
    theirs = np.unique(np.round(np.asarray(diagram.domains["CsPbBr3"])[:, order], 6), axis=0)
    corners = stability_region(ELEMENTS, ELEMENTS_EV, 5, (-8.0, -8.0))
    assert len(theirs) == len(corners)
    for corner in corners:
        assert np.min(np.linalg.norm(theirs[:, :2] - corner, axis=1)) < 1e-4
    window = stability_windows(ELEMENTS, ELEMENTS_EV)[5]
    assert window[0] == pytest.approx((theirs[:, 0].min(), theirs[:, 0].max()), abs=1e-4)


def test_regions_tile_the_map() -> None:
    """Every point of the map belongs to one phase: the areas add up to that where bromine is not above itself."""

    def area(corners: np.ndarray) -> float:
        x, y = corners.T
        return abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1))) / 2

    regions = [stability_region(ELEMENTS, ELEMENTS_EV, k, (-8.0, -8.0)) for k in range(6)]
    total = sum(area(corners) for corners in regions if len(corners))
    # Cs and Pb alone bound the map above where mu(Br2) may be as low as it likes.
    inside = 8.0 * 8.0
    assert total == pytest.approx(inside, rel=1e-6)


def test_without_the_third_component_there_is_no_region() -> None:
    assert stability_region(ELEMENTS, ELEMENTS_EV, 0, (-8.0, -8.0)).shape == (0, 2)
