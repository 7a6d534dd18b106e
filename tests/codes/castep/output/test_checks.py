"""Checks: analytic cases on both sides of each tolerance, and published files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dftflow.codes.castep.input.cell_file import read_cell_path
from dftflow.codes.castep.output.bands_file import read_bands
from dftflow.codes.castep.output.checks import (
    expected_path,
    fermi_check,
    list_check,
    path_check,
    vacuum_check,
    weights_check,
)
from dftflow.errors import ParseError, SpecError
from dftflow.model.energy import Energy, EnergyZero
from dftflow.model.levels import VacuumLevel
from dftflow.model.results import Bands
from dftflow.model.spec import KPath, KPoint

ZERO = EnergyZero(run="a", reference="cell_average")
CUBIC = np.eye(3) * 2.0
PATHS = [
    ("NPBentley+CASTEP_bands/Examples/Si_bands/Si", "Si.cell", 52),
    ("NPBentley+CASTEP_bands/Examples/Si_plot_utils/Si", "Si.cell", 52),
    ("SMTG-Bham+sumo/tests/data/Fe/Fe", "Fe.cell", 118),
    ("SMTG-Bham+sumo/tests/data/Si/Si2", "Si2.cell", 44),
    ("SMTG-Bham+sumo/tests/data/Si/Si2", "Si2-alt.cell", 44),
]


def path(*segments: str, spacing: float = 0.3) -> KPath:
    corners = {"G": (0.0, 0.0, 0.0), "X": (0.5, 0.0, 0.0), "M": (0.5, 0.5, 0.0), "R": (0.5, 0.5, 0.5)}
    points = tuple(tuple(KPoint(label=name, frac=corners[name]) for name in segment) for segment in segments)
    return KPath(segments=points, spacing_per_ang=spacing)


# --- weights ----------------------------------------------------------------------------------------------------


@given(count=st.integers(1, 2000))
def test_rounded_weights_sum_to_one(count: int) -> None:
    assert weights_check(np.full(count, round(1 / count, 8))).passed is True


def test_weights_that_do_not_sum_to_one() -> None:
    assert weights_check(np.array([0.25, 0.25, 0.25])).passed is False
    assert weights_check(np.array([0.5, 0.5 + 2e-8])).passed is False
    assert weights_check(np.array([1.5, -0.5])).passed is False
    assert weights_check(np.array([np.nan, 1.0])).passed is False
    assert weights_check(None).passed is None
    assert weights_check(np.array([0.25, 0.25, 0.25])).concerns == ("bands",)


def test_published_weights(castep_data: Path) -> None:
    compared = 0
    for file in castep_data.rglob("*.bands"):
        try:
            weights = read_bands(file).weights
        except ParseError:
            continue  # one file is damaged
        check = weights_check(weights)
        assert check.passed is True, (file, check.detail)
        compared += 1
    assert compared > 20


# --- the path ---------------------------------------------------------------------------------------------------


def test_corners_come_once_and_steps_are_equal() -> None:
    """G-X is 1.0 1/Å long: four steps of 0.25; X-M the same."""
    found = expected_path(path("GXM"), CUBIC)
    along = [(n / 8, 0, 0) for n in range(5)] + [(0.5, n / 8, 0) for n in range(1, 5)]
    np.testing.assert_allclose(found.kpoints_frac, along, atol=1e-12)
    assert found.labels == ("G", "", "", "", "X", "", "", "", "M")
    assert set(found.segments) == {0}


def test_a_break_starts_anew() -> None:
    found = expected_path(path("GX", "MR"), CUBIC)
    assert found.labels == ("G", "", "", "", "X", "M", "", "", "", "R")
    assert found.segments == (0,) * 5 + (1,) * 5


@given(spacing=st.floats(0.01, 3.0))
def test_no_step_is_longer_than_the_spacing(spacing: float) -> None:
    found = expected_path(path("GMRX", spacing=spacing), CUBIC)
    steps = np.linalg.norm(np.diff(found.kpoints_frac, axis=0) @ CUBIC, axis=1)
    assert steps.max() <= spacing * (1 + 1e-8)
    assert [label for label in found.labels if label] == ["G", "M", "R", "X"]


@pytest.mark.parametrize("spacing", [0.0, -0.1, float("nan"), float("inf"), 1e-12])
def test_a_spacing_that_makes_no_list_is_refused(spacing: float) -> None:
    with pytest.raises(SpecError):
        expected_path(path("GXM", spacing=spacing), CUBIC)


def test_an_empty_segment_is_refused() -> None:
    with pytest.raises(SpecError):
        expected_path(path("GX", ""), CUBIC)


def test_path_check_names_the_first_difference() -> None:
    expected = expected_path(path("GXM"), CUBIC)
    kpoints = np.array(expected.kpoints_frac)
    assert path_check(expected, kpoints + 1.9e-8).passed is True
    kpoints[5, 1] += 1e-6
    check = path_check(expected, kpoints)
    assert check.passed is False and "k-point 6 is (0.50000000, 0.12500100" in check.detail
    short = path_check(expected, expected.kpoints_frac[:-1])
    assert short.passed is False and "9 k-points, the file 8" in short.detail
    kpoints[:] = np.nan
    assert path_check(expected, kpoints).passed is False
    assert {found.concerns for found in (check, short, path_check(expected, kpoints))} == {("bands",)}
    assert path_check(expected_path(path(), CUBIC), np.empty((0, 3))).passed is None


def test_the_points_of_a_list_are_all_there() -> None:
    """In any order, up to reciprocal lattice vectors; one that is missing is named."""
    points = [
        KPoint(label="G", frac=(0, 0, 0)),
        KPoint(label="M", frac=(0.5, 0.5, 0)),
        KPoint(label="", frac=(1 / 3, 0, 0)),
    ]
    kpoints = np.array([[0, 0, 0], [0.5, -0.5, 0], [0.33333333, 0, 0]])
    for order in ([0, 1, 2], [2, 0, 1]):
        assert list_check(points, kpoints[order]).passed is True
    missing = list_check(points, kpoints + 1e-6 * np.eye(3)[[1]] * [[0], [1], [0]])
    assert missing.passed is False and "M (0.50000000, 0.50000000, 0.00000000) is not there" in missing.detail
    assert list_check(points, kpoints[:2]).passed is False
    assert list_check(points, np.vstack([kpoints, [[0.1, 0, 0]]])).passed is False
    assert list_check(points, np.full((3, 3), np.nan)).passed is False


@pytest.mark.parametrize(("seed", "cell", "count"), PATHS)
def test_published_lists_follow_from_their_decks(seed: str, cell: str, count: int, castep_data: Path) -> None:
    file = castep_data / f"{seed}.bands"
    bands, deck = read_bands(file), read_cell_path(file.parent / cell)
    assert deck is not None
    expected = expected_path(deck, bands.reciprocal_per_ang)
    assert len(expected.labels) == count
    assert path_check(expected, bands.kpoints_frac).passed is True
    halved = KPath(segments=deck.segments, spacing_per_ang=deck.spacing_per_ang / 2)
    assert path_check(expected_path(halved, bands.reciprocal_per_ang), bands.kpoints_frac).passed is False


def test_a_published_list_whose_deck_names_the_corners_by_letters(castep_data: Path) -> None:
    """K-G-X-W of a face-centred lattice, with CASTEP's default spacing."""
    bands = read_bands(castep_data / "NPBentley+CASTEP_bands/Examples/MnO_label_bands/MnO.bands")
    corners = {"K": (0.375, 0.375, 0.75), "G": (0.0, 0.0, 0.0), "X": (0.5, 0.0, 0.5), "W": (0.5, 0.25, 0.75)}
    segment = tuple(KPoint(label=label, frac=frac) for label, frac in corners.items())
    expected = expected_path(KPath(segments=(segment,), spacing_per_ang=0.1), bands.reciprocal_per_ang)
    assert path_check(expected, bands.kpoints_frac).passed is True


# --- the Fermi level --------------------------------------------------------------------------------------------


def insulator(*fermi_ev: float, n_bands: int = 3, n_electrons: float = 4.0) -> Bands:
    """Two filled bands up to 1 eV and empty ones from 3 eV."""
    tops = np.array([[-5.0, 0.5, 3.5, 5.0], [-5.0, 1.0, 3.0, 5.0]])[:, :n_bands]
    spins = len(fermi_ev)
    return Bands(
        eigenvalues_ev=np.stack([tops] * spins),
        kpoints_frac=np.array([[0, 0, 0], [0.5, 0, 0]]),
        labels=("G", "X"),
        on_path=(0, 0),
        reciprocal_per_ang=np.eye(3),
        n_electrons=(n_electrons / spins,) * spins,
        fermi_ev=max(fermi_ev),
        zero=ZERO,
        fermi_by_spin_ev=fermi_ev,
    )


INSIDE = "0.04200 eV inside the valence bands"
ABOVE = "0.20000 eV above the CBM"


@pytest.mark.parametrize(
    ("fermi_ev", "fixed", "of_scf", "passed", "said"),
    [
        (2.0, None, None, True, "lies in the gap"),
        (2.0, False, True, True, "lies in the gap"),
        (2.0, False, False, True, "lies in the gap"),
        (1.0, True, True, True, "is the VBM"),
        (1.00001, True, False, True, "is the VBM"),
        (1.036, True, False, True, "0.03600 eV higher than these k-points"),
        (0.958, True, True, False, INSIDE),
        (0.958, True, False, None, INSIDE),
        (0.958, None, None, None, "may be other k-points than the SCF's"),
        (0.958, False, True, False, INSIDE),
        (0.958, False, False, None, "that of the SCF, whose k-points need not hold this VBM"),
        (3.2, None, True, False, ABOVE),
        (3.2, None, None, False, "and no log tells"),
        (3.2, None, False, None, "that of the SCF, whose k-points need not hold this CBM"),
        (3.2, False, None, None, "may be other k-points than the SCF's"),
        (3.2, False, True, False, "the electrons were counted differently"),
        (3.2, False, False, None, "that of the SCF, whose k-points need not hold this CBM"),
        (3.2, True, True, False, ABOVE),
        (3.2, True, False, False, "a filled state of the SCF, lies 0.20000 eV above the CBM"),
        (3.00001, False, True, True, "lies in the gap"),
        (float("nan"), None, None, None, "nan"),
    ],
)
def test_fermi_level_against_the_counted_edges(
    fermi_ev: float, fixed: bool | None, of_scf: bool | None, passed: bool, said: str
) -> None:
    check = fermi_check(insulator(fermi_ev), fixed_occupancy=fixed, of_scf=of_scf)
    assert check.passed is passed and check.concerns == ("bands",)
    assert said in check.detail
    assert "VBM 1.00000 eV, CBM 3.00000 eV" in check.detail


def test_both_fermi_levels_have_to_fit() -> None:
    two = insulator(1.5, 3.5, n_bands=4, n_electrons=4.0)  # two electrons a channel fill both lower bands
    assert fermi_check(two, of_scf=True).passed is False
    assert "1.50000 and 3.50000 eV" in fermi_check(two).detail


def test_without_a_gap_it_cannot_be_told() -> None:
    assert fermi_check(insulator(2.0, n_electrons=3.0)).passed is None
    assert fermi_check(insulator(2.0, n_electrons=3.0), fixed_occupancy=True).passed is None
    assert fermi_check(insulator(2.0, n_electrons=8.0), fixed_occupancy=True).passed is None


def test_with_fixed_occupancy_filled_bands_are_enough() -> None:
    assert fermi_check(insulator(1.0, n_bands=2), fixed_occupancy=True).passed is True
    assert fermi_check(insulator(1.0, n_bands=2)).passed is None
    assert fermi_check(insulator(1.5, n_bands=2), fixed_occupancy=True).passed is None
    assert fermi_check(insulator(0.5, n_bands=2), fixed_occupancy=True).passed is None


@pytest.mark.parametrize(
    ("run", "fixed", "passed", "said"),
    [
        ("zhubonan+aiida-castep/tests/data/Si-quickstart/aiida", True, True, "is the VBM"),
        ("NPBentley+CASTEP_bands/Examples/MnO_label_bands/MnO", True, True, "higher than these k-points"),
        ("NPBentley+CASTEP_bands/Examples/Si_bands/Si", False, True, "lies in the gap"),
        ("SMTG-Bham+sumo/tests/data/Si/Si2", None, None, "inside the valence bands"),
        ("SMTG-Bham+sumo/tests/data/Fe/Fe", None, None, "not whole"),
    ],
)
def test_published_fermi_levels(run: str, fixed: bool | None, passed: bool, said: str, castep_data: Path) -> None:
    check = fermi_check(read_bands(castep_data / f"{run}.bands"), fixed_occupancy=fixed)
    assert check.passed is passed
    assert said in check.detail


# --- the vacuum -------------------------------------------------------------------------------------------------


def level(side: Literal["low", "high"], spread_ev: float, slope: float) -> VacuumLevel:
    return VacuumLevel(
        side=side, level=Energy(5.0, ZERO), spread_ev=spread_ev, slope_ev_per_ang=slope, window_ang=(1.0, 4.0)
    )


@pytest.mark.parametrize(
    ("spread", "slope", "in_plane", "passed"),
    [
        (0.006, 0.001, 0.17, True),
        (0.006, -0.001, None, True),
        (0.06, 0.001, None, False),
        (0.02, -0.02, 0.1, False),
        (0.006, 0.001, 0.7, False),
        (float("nan"), 0.001, None, None),
    ],
)
def test_vacuum(spread: float, slope: float, in_plane: float | None, passed: bool | None) -> None:
    check = vacuum_check((level("low", 0.002, 0.0), level("high", spread, slope)), in_plane)
    assert check.passed is passed and check.concerns == ("potential",)
    assert f"high side: spread {spread:.4f} eV, slope {slope:+.4f} eV/Å" in check.detail
    assert "exchange and correlation" in check.detail
    assert re.search(r"within planes (not known|0\.\d+ eV)", check.detail)
