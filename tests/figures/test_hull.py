"""Figures of hulls that are known: the numbers they show, and what stands in their place."""

from __future__ import annotations

from itertools import combinations

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text
from phases import phase, phases

from dftflow.derive.hull import hull
from dftflow.figures.hull_figures import hull_figures
from dftflow.figures.look import Look
from dftflow.model.energy_error import EnergyErrorRequest
from dftflow.model.hull import Hull, HullRequest
from dftflow.model.phase import PhaseEnergy

SALTS = {"CsBr": -7.0, "PbBr2": -10.0, "CsPbBr3": -17.5, "Cs4PbBr6": -38.9, "CsPb2Br5": -27.4}
ELEMENTS = {"Cs": -1.0, "Pb": -3.0, "Br2": -4.0}


def of(own: dict[str, PhaseEnergy]) -> Hull:
    error = EnergyErrorRequest(convergence_ev_per_atom=0.001)
    found = hull(HullRequest(materials=tuple(own), error=error), own, {})
    assert found is not None
    return found


@pytest.mark.parametrize("energies", [SALTS, SALTS | ELEMENTS, {"Cs": -1.0, "Br2": -4.0, "CsBr": -7.0}])
def test_both_figures_are_drawn_with_their_numbers(energies: dict[str, float]) -> None:
    found = of(phases(energies))
    for drawing in hull_figures(found, Look()):
        files = drawing.render("png", "svg")
        assert (files["png"].startswith(b"\x89PNG") and b"CsBr" in files["svg"]) or b"Cs" in files["svg"]
        assert drawing.data is not None and {row[0] for row in drawing.data().rows} <= set(energies)
        assert drawing.caption and drawing.render("svg") == {"svg": files["svg"]}, "byte for byte the same"


@pytest.mark.parametrize(
    ("names", "unit"),
    [(("CsBr", "PbBr2", "CsPbBr3"), "eV per formula unit of the ends"), (("Cs", "Br2", "CsBr"), "eV per atom")],
)
def test_an_energy_is_of_a_formula_unit_and_of_no_mole(names: tuple[str, ...], unit: str) -> None:
    """An eV for each formula unit is 96 kJ/mol: "eV per mole" would be another number."""
    drawing = hull_figures(of(phases({name: (SALTS | ELEMENTS)[name] for name in names})), Look())[0]
    assert drawing.build is not None and unit in drawing.build().axes[0].get_ylabel()


def test_the_table_has_distance_and_error() -> None:
    drawing, potentials = hull_figures(of(phases(SALTS)), Look())
    assert drawing.data is not None and potentials.data is not None
    records = drawing.data()
    row = dict(zip(records.columns, next(r for r in records.rows if r[0] == "Cs4PbBr6"), strict=True))
    assert row["share_of_PbBr2"] == pytest.approx(0.2)
    assert row["distance_ev_per_atom"] == pytest.approx(-0.4 / 11) and row["falls_into"] == "3 CsBr + 1 CsPbBr3"
    windows = {r[0]: r[1:] for r in potentials.data().rows}
    assert windows["CsPbBr3"][:2] == pytest.approx((-0.5, -0.4 / 3)) and "CsPb2Br5" not in windows


@pytest.mark.parametrize("more", [{}, {"CsPbBr3-tet": "CsPbBr3"}, {"CsBr-B1": "CsBr"}, {"PbBr2-II": "PbBr2"}])
@pytest.mark.parametrize("cspbbr3", [-17.5, -17.2])
def test_no_name_of_the_triangle_lies_on_another_or_on_a_point(cspbbr3: float, more: dict[str, str]) -> None:
    """Five bromides on one line, and a second phase of one of them; names of those above the hull have two lines."""
    energies = SALTS | ELEMENTS | {"CsPbBr3": cspbbr3}
    others = {name: phase(name, energies[formula] + 0.3, formula=formula) for name, formula in more.items()}
    drawing = hull_figures(of(phases(energies) | others), Look())[0]
    assert drawing.build is not None
    figure = drawing.build()
    FigureCanvasAgg(figure).draw()
    (ax,) = figure.axes
    assert len(ax.texts) == 8 + len(more)
    boxes = [Text.get_window_extent(text) for text in ax.texts]
    assert not any(first.overlaps(second) for first, second in combinations(boxes, 2))
    points = [ax.transData.transform(text.xy) for text in ax.texts]
    assert not any(box.contains(*point) for box in boxes for point in points)


def test_between_elements_compositions_count_atoms() -> None:
    (drawing, _) = hull_figures(of(phases({"Cs": -1.0, "Br2": -4.0, "CsBr": -7.0})), Look())
    assert drawing.data is not None
    records = drawing.data()
    row = dict(zip(records.columns, next(r for r in records.rows if r[0] == "CsBr"), strict=True))
    assert row["share_of_Br2"] == pytest.approx(0.5)


def test_a_hull_that_is_not_there_says_why() -> None:
    (drawing,) = hull_figures(of(phases(SALTS) | {"CsBr": phase("CsBr", None)}), Look())
    assert drawing.build is None and "CsBr has no energy" in drawing.missing


def test_four_components_have_numbers_and_no_figure() -> None:
    energies = {"Cs": -1.0, "Pb": -3.0, "Br2": -4.0, "Cl2": -5.0, "CsCl": -8.0}
    found = of(phases(energies))
    assert found.row("CsCl").phase.formation_ev_per_atom == pytest.approx((-8 + 1 + 2.5) / 2)
    drawings = hull_figures(found, Look())
    assert [drawing.name for drawing in drawings] == ["hull", "chemical-potentials"]
    assert all(drawing.build is None and "4 components fit on no page" in drawing.missing for drawing in drawings)
