from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from free_electrons import CORNERS, KINETIC_EV_ANG2, bands_of, grid_bands, path_bands, results_of

from dftflow.analysis.dos_of_eigenvalues import (
    complete_up_to_ev,
    density_of_states,
    grid_of_states,
    without_empty_bands,
)
from dftflow.errors import AnalysisError
from dftflow.model.projections import ProjectionGroup, Projections


@pytest.mark.parametrize(("n_spins", "spinor", "electrons"), [(1, False, 2.0), (2, False, 1.0), (1, True, 1.0)])
@pytest.mark.parametrize("sigma_ev", [0.01, 0.1, 0.4])
def test_up_to_the_gap_it_holds_the_electrons(n_spins: int, spinor: bool, electrons: float, sigma_ev: float) -> None:
    """One filled band, the next ones 13.5 eV higher."""
    bands = grid_bands(n_spins=n_spins, spinor=spinor)
    dos = density_of_states(bands, sigma_ev=sigma_ev)
    step = dos.energies_ev[1] - dos.energies_ev[0]
    middle = (bands.eigenvalues_ev[..., 0].max() + bands.eigenvalues_ev[..., 1].min()) / 2
    below = dos.energies_ev < middle
    assert dos.total[:, below].sum(axis=1) * step == pytest.approx([electrons] * n_spins, abs=1e-6)
    assert dos.total.sum() * step == pytest.approx(9 * electrons * n_spins, abs=1e-6)


def test_free_electrons_have_the_square_root() -> None:
    """D(E) = V / (2 pi^2) (2m/hbar^2)^(3/2) sqrt(E), both spins, as long as the zone's border is not reached."""
    dos = density_of_states(grid_bands((24, 24, 24)), sigma_ev=0.25)
    energies = np.array([0.8, 1.2, 1.6])
    exact = 4.0**3 / (2 * np.pi**2) * KINETIC_EV_ANG2**-1.5 * np.sqrt(energies)
    found = [dos.total[0][np.abs(dos.energies_ev - energy) < 0.2].mean() for energy in energies]
    assert found == pytest.approx(exact, rel=0.08)


def test_moving_the_zero_moves_all() -> None:
    here, there = (density_of_states(grid_bands(shift_ev=shift)) for shift in (0.0, 7.25))
    np.testing.assert_allclose(there.energies_ev - here.energies_ev, 7.25, atol=1e-9)
    np.testing.assert_allclose(there.total, here.total, atol=1e-9)
    assert there.fermi_ev - here.fermi_ev == pytest.approx(7.25)


def test_a_grid_reduced_by_symmetry_gives_the_whole_one() -> None:
    """Only the points of one octant, each with the number of those that it stands for."""
    whole = grid_bands((4, 4, 4), (0.5, 0.5, 0.5))
    octant = (whole.kpoints_frac > 0).all(axis=1)
    keep = np.flatnonzero(octant)
    reduced = bands_of(whole.kpoints_frac[keep], [""] * 8, [-1] * 8, weights=np.full(8, 1 / 8))
    grid, _ = grid_of_states(results_of(reduced, kpoints_grid=(4, 4, 4)))
    np.testing.assert_allclose(density_of_states(grid).total, density_of_states(whole).total, atol=1e-9)


def test_points_of_a_path_are_never_a_grid() -> None:
    for bands in (path_bands(), path_bands(weights=np.full(len(path_bands().labels), 1.0))):
        with pytest.raises(AnalysisError, match="no density of states"):
            grid_of_states(results_of(bands, kpoints_grid=(4, 4, 4)))


def test_further_points_beside_a_grid_are_left_out() -> None:
    """Zero weights, as in a hybrid run: the states are those of the grid alone."""
    grid, path = grid_bands(), path_bands()
    both = replace(
        grid,
        eigenvalues_ev=np.concatenate([grid.eigenvalues_ev, path.eigenvalues_ev], axis=1),
        kpoints_frac=np.concatenate([grid.kpoints_frac, path.kpoints_frac]),
        labels=grid.labels + path.labels,
        on_path=grid.on_path + path.on_path,
        weights=np.concatenate([grid.weights, np.zeros(len(path.labels))]),
    )
    found, _ = grid_of_states(results_of(both, kpoints_grid=(4, 4, 4)))
    np.testing.assert_array_equal(found.eigenvalues_ev, grid.eigenvalues_ev)


@pytest.mark.parametrize("grid", [None, (4, 4, 4), (3, 3, 3)])
def test_a_list_of_equal_weights_that_is_no_grid(grid: tuple[int, int, int] | None) -> None:
    """Three corners of the zone: all of them lie on a 4x4x4 grid, but stand for 64/3 of its points each."""
    corners = np.array([CORNERS[name] for name in "GXR"])
    listed = bands_of(corners, ["", "", ""], [-1] * 3, weights=np.full(3, 1 / 3))
    with pytest.raises(AnalysisError, match="nothing tells that these 3 k-points are a regular grid") as error:
        grid_of_states(results_of(listed, kpoints_grid=grid))
    assert ("no file names one" if grid is None else "do not fill the") in error.value.reason
    assert "what names their grid" in error.value.fix


def test_without_weights_or_eigenvalues() -> None:
    with pytest.raises(AnalysisError, match="the weights of the k-points are not told"):
        grid_of_states(results_of(replace(grid_bands(), weights=None)))
    with pytest.raises(AnalysisError, match="no eigenvalues"):
        grid_of_states(replace(results_of(grid_bands()), bands=None))
    with pytest.raises(AnalysisError, match="cannot be 0 eV wide"):
        density_of_states(grid_bands(), sigma_ev=0.0)


def test_the_parts_add_up_to_what_they_are_of() -> None:
    bands = grid_bands()
    share = np.full((*bands.eigenvalues_ev.shape, 2), [0.75, 0.25])
    groups = (ProjectionGroup(element="Pb"), ProjectionGroup(element="Br"))
    dos = density_of_states(bands, Projections(weights=share, groups=groups, method="made up"))
    assert dos.projected is not None
    np.testing.assert_allclose(dos.projected[:, 0], 0.75 * dos.total, atol=1e-6)
    np.testing.assert_allclose(dos.projected.sum(axis=1), dos.total, atol=1e-6)


def test_it_is_whole_up_to_the_lowest_top_of_the_highest_band() -> None:
    bands = grid_bands()
    assert complete_up_to_ev(bands) == bands.eigenvalues_ev[0, :, -1].min()


def test_where_all_bands_are_full_no_state_is_missing_below_their_top() -> None:
    """One band that its electrons fill: the next, empty one was not calculated, and hides no valence state."""
    bands = grid_bands(n_spins=2)
    full = replace(bands, eigenvalues_ev=bands.eigenvalues_ev[..., :1])
    assert without_empty_bands(bands) == (False, False) and without_empty_bands(full) == (True, True)
    assert complete_up_to_ev(full) == full.eigenvalues_ev[0].max()
    one_full = np.array(bands.eigenvalues_ev[..., :2])
    one_full[1, :, 1] = np.nan
    mixed = replace(bands, eigenvalues_ev=one_full)
    assert without_empty_bands(mixed) == (False, True)
    assert complete_up_to_ev(mixed) == min(one_full[0, :, 1].min(), one_full[1, :, 0].max())
