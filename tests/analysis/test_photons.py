"""Energies of photons by CODATA's h and c, and what they lift across a gap."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.constants import c, e, h

from dftflow.analysis.photons import photon_energy_ev, uptake


@pytest.mark.parametrize(
    ("wavelength_nm", "energy_ev"),
    [(254, 4.881), (365, 3.397), (468, 2.649), (600, 2.066), (800, 1.550), (520.9, 2.3802), (524.8, 2.3625)],
)
def test_energies_of_lamps_and_lasers(wavelength_nm: float, energy_ev: float) -> None:
    assert photon_energy_ev(wavelength_nm) == pytest.approx(energy_ev, abs=5e-4)
    assert photon_energy_ev(wavelength_nm) == pytest.approx(h * c / e / (wavelength_nm * 1e-9), rel=1e-12)


@given(gap=st.floats(0.1, 10), reach=st.floats(0, 0.05), photon=st.floats(0.01, 20))
def test_more_energy_is_never_taken_up_less(gap: float, reach: float, photon: float) -> None:
    order = ("not absorbed", "two photons", "one photon")
    found = [uptake(energy, gap, reach) for energy in (photon, photon * 1.5)]
    decided = [order.index(word) for word in found if word != "open"]
    assert decided == sorted(decided)


def test_a_gap_that_is_not_known_well_enough_decides_nothing() -> None:
    assert uptake(2.1, 2.3, 0.25) == "open"
    assert uptake(2.1, 2.3, 0.1) == "two photons"
    assert uptake(1.15, 2.3, 0.1) == "open", "two of them may be just too few"
