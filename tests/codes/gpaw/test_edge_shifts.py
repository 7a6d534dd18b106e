"""Corrected edges from the answers of an engine: which states count, and which point of the grid is meant."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dftflow.codes.gpaw import edge_shifts
from dftflow.codes.gpaw.edge_shifts import corrected_edges

GRID = np.array([[0, 0, 0], [0.5, 0, 0], [0, 0.5, 0], [0.5, 0.5, 0]])
TO_IRREDUCIBLE = np.array([0, 1, 1, 2])
LEVELS_EV = np.array([[-4.0, -1.0, 2.0, 3.0], [-5.0, -0.5, 1.5, 4.0], [-4.5, -2.0, 1.0, 5.0]])


class Engine:
    """What is asked of GPAW's calculator, for two filled bands of four."""

    def __init__(self, electrons: float = 4.0, levels_ev: np.ndarray = LEVELS_EV) -> None:
        self.electrons, self.levels_ev = electrons, levels_ev

    def get_number_of_electrons(self) -> float:
        return self.electrons

    def get_ibz_k_points(self) -> np.ndarray:
        return GRID[[0, 1, 3]]

    def get_bz_k_points(self) -> np.ndarray:
        return GRID

    def get_bz_to_ibz_map(self) -> np.ndarray:
        return TO_IRREDUCIBLE

    def get_eigenvalues(self, kpt: int) -> np.ndarray:
        return self.levels_ev[kpt]


def asked(engine: Engine, *corrections: str, kpoints: Any = ((0, 0, 0), (0, 0.5, 0))) -> dict[str, Any]:
    return corrected_edges(
        engine, lambda: None, kpoints=kpoints, labels=["G", "Y"], corrections=corrections, empty_bands=1,
        tell=lambda doing, fraction: None,
    )  # fmt: skip


def test_a_point_has_the_levels_of_the_irreducible_one_that_it_is_alike() -> None:
    found = asked(Engine())
    assert found["labels"] == ["G", "Y"] and found["before_ev"] == [[-1.0, 2.0], [-0.5, 1.5]]


def test_a_point_off_the_grid_is_no_silent_neighbour() -> None:
    with pytest.raises(ValueError, match="no point of the grid"):
        asked(Engine(), kpoints=((0, 0, 0), (0, 1 / 3, 0)))


OVERLAPPING_EV = np.where(LEVELS_EV == -1.0, 2.0, LEVELS_EV)


@pytest.mark.parametrize("engine", [Engine(electrons=5.0), Engine(levels_ev=OVERLAPPING_EV)])
def test_a_metal_has_no_edges(engine: Engine) -> None:
    assert asked(engine, "HSE06")["labels"] == []


def test_no_set_of_equal_levels_is_mixed_in_part() -> None:
    """Else the result would depend on which of them come first."""
    levels = np.array([-1.0, 2.0, 3.0, 3.0, 3.0, 4.0])
    assert [edge_shifts._whole_sets(levels, kept) for kept in (2, 3, 4, 5, 6)] == [2, 2, 2, 5, 6]


def test_spin_orbit_coupling_counts_two_spinors_a_band(monkeypatch: pytest.MonkeyPatch) -> None:
    def coupled(levels_ev: np.ndarray, *_: object) -> np.ndarray:
        assert len(levels_ev) == 3  # two filled bands and one empty one
        return np.sort(np.concatenate([levels_ev - 0.1, levels_ev + 0.2]))

    class Waves:
        def __init__(self, k: int) -> None:
            self.k, self.P_ani = k, {0: np.zeros((4, 1))}

    engine = Engine()
    engine.dft = type("Dft", (), {"ibzwfs": [Waves(k) for k in range(3)]})()  # type: ignore[attr-defined]
    monkeypatch.setattr(edge_shifts, "operators_ev", lambda engine: ([np.zeros((3, 1, 1))], {"X p": 0.9}))
    monkeypatch.setattr(edge_shifts, "spinor_levels_ev", coupled)
    found = asked(engine, "spin-orbit")
    np.testing.assert_allclose(found["after_ev"]["spin-orbit"], [[-0.8, 1.9], [-0.3, 1.4]])
    assert found["spin_orbit_factors"] == {"X p": 0.9}
