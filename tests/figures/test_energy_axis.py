from __future__ import annotations

from dataclasses import replace

import pytest
from free_electrons import ZERO, path_bands

from dftflow.analysis.band_edges import find_band_edges
from dftflow.errors import AnalysisError
from dftflow.figures.energy_axis import axis_label, common_reference, known_zeros, relative_to
from dftflow.model.absolute import CalculationLevels, SlabSide
from dftflow.model.energy import Energy, EnergyZero
from dftflow.model.levels import VacuumLevel

OTHER = EnergyZero("another run", "cell_average")


def _side(side: str, level_ev: float, zero: EnergyZero = ZERO) -> SlabSide:
    vacuum = VacuumLevel(
        side=side, level=Energy(level_ev, zero), spread_ev=0.0, slope_ev_per_ang=0.0, window_ang=(0.0, 1.0)  # type: ignore[arg-type]
    )  # fmt: skip
    return SlabSide(vacuum=vacuum, work_function_ev=4.0, ionisation_potential_ev=None, electron_affinity_ev=None)


def _slab(low_ev: float = 5.0, high_ev: float = 5.0, zero: EnergyZero = ZERO) -> CalculationLevels:
    edges = find_band_edges(path_bands())
    sides = (_side("low", low_ev, zero), _side("high", high_ev, zero))
    return CalculationLevels(edges=edges, why_no_edges="", normal=2, sides=sides)


CRYSTAL = replace(_slab(), normal=None, sides=())
METAL = CalculationLevels(edges=None, why_no_edges="they overlap")
FERMI = Energy(1.25, ZERO)


def test_every_zero_that_is_known() -> None:
    known = known_zeros(ZERO, FERMI, _slab(5.0, 5.01))
    vbm = _slab().edges.vbm.value_ev  # type: ignore[union-attr]
    energies = {reference: zero.energy_ev for reference, zero in known.items()}
    assert energies == {"vacuum": 5.005, "vacuum-low": 5.0, "vacuum-high": 5.01, "vbm": vbm, "fermi": 1.25}


def test_two_faces_that_differ_have_no_common_vacuum() -> None:
    known = known_zeros(ZERO, FERMI, _slab(5.0, 5.4))
    assert known["vacuum"].energy_ev is None and "differ by 0.400 eV" in known["vacuum"].why_not
    assert known["vacuum-high"].known_ev == 5.4


@pytest.mark.parametrize(
    ("levels", "reference", "why"),
    [
        (CRYSTAL, "vacuum", "the cell holds no vacuum"),
        (_slab(zero=OTHER), "vacuum", "of another run"),
        (_slab(zero=OTHER), "vacuum-low", "of another run"),
        (METAL, "vbm", "they overlap"),
    ],
)
def test_what_is_not_known_is_refused_with_the_reason(levels: CalculationLevels, reference: str, why: str) -> None:
    known = known_zeros(ZERO, FERMI, levels)
    with pytest.raises(AnalysisError, match="x cannot be drawn relative to") as error:
        common_reference([("x", known)], reference)  # type: ignore[arg-type]
    assert why in error.value.reason
    assert "--zero" in error.value.fix


def test_levels_of_another_run_are_no_zero() -> None:
    known = known_zeros(OTHER, FERMI, _slab())
    assert all(zero.energy_ev is None and "another" in zero.why_not for zero in known.values())
    assert known_zeros(ZERO, None, METAL)["fermi"].why_not == "the files give no Fermi level"
    with pytest.raises(AnalysisError, match="there is no zero that all of these have"):
        common_reference([("x", known)])


def test_the_best_that_all_have() -> None:
    slab, crystal, metal = (("n", known_zeros(ZERO, FERMI, levels)) for levels in (_slab(), CRYSTAL, METAL))
    assert common_reference([slab, slab]) == "vacuum"
    assert common_reference([slab, crystal]) == "vbm"
    assert common_reference([slab, crystal, metal]) == "fermi"


def test_names() -> None:
    assert axis_label("vacuum") == "Energy relative to vacuum (eV)"
    assert relative_to("fermi") == "relative to the Fermi level"
    assert relative_to("vacuum-low") == "relative to the vacuum below the slab"
