"""Vacuum level minus Fermi level: above zero, or none."""

from __future__ import annotations

import pytest

from dftflow.analysis.work_function import work_function_ev
from dftflow.errors import AnalysisError, ReferenceMismatch
from dftflow.model.energy import Energy, EnergyZero
from dftflow.model.levels import VacuumLevel

ZERO = EnergyZero("a", "cell_average")


def vacuum(level_ev: float) -> VacuumLevel:
    return VacuumLevel(
        side="high", level=Energy(level_ev, ZERO), spread_ev=0.0, slope_ev_per_ang=0.0, window_ang=(1.0, 2.0)
    )


@pytest.mark.parametrize(("level_ev", "fermi_ev", "expected_ev"), [(3.0, -1.5, 4.5), (0.2, 0.1, 0.1)])
def test_it_is_the_difference(level_ev: float, fermi_ev: float, expected_ev: float) -> None:
    assert work_function_ev(vacuum(level_ev), Energy(fermi_ev, ZERO)) == pytest.approx(expected_ev)


@pytest.mark.parametrize("fermi_ev", [3.0, 7.65])
def test_no_neutral_slab_has_one_of_zero_or_below(fermi_ev: float) -> None:
    with pytest.raises(AnalysisError, match=r"on the high side, 3\.0000 eV, does not lie above the Fermi level"):
        work_function_ev(vacuum(3.0), Energy(fermi_ev, ZERO))


def test_levels_of_two_calculations_have_no_difference() -> None:
    with pytest.raises(ReferenceMismatch):
        work_function_ev(vacuum(3.0), Energy(-1.5, EnergyZero("b", "cell_average")))
