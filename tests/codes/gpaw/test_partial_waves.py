"""What the states of GPAW's engine are made of, read from written arrays; what is damaged costs nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gpaw_files import RECORD, write_gpaw
from strict_reading import read_results

from dftflow.analysis.dos_of_eigenvalues import density_of_states, grid_of_states
from dftflow.codes.gpaw import GPAW
from dftflow.errors import ParseError
from dftflow.gate.calculation import sound
from dftflow.model.projections import ProjectionGroup
from dftflow.model.results import Results

WEIGHTS = np.arange(12, dtype=np.float32).reshape(1, 2, 2, 3) / 10


def written(folder: Path, **changes: Any) -> Results:
    """Two states at a grid's point and beside it, of s and p on the first atom and s on the second; None: without."""
    write_gpaw(folder, method={"kpoints_grid": [1, 1, 1]})
    with np.load(folder / "bands.npz") as arrays:
        kept = dict(arrays)
    told = {name: np.asarray(RECORD[name]) for name in ("cell_ang", "n_electrons", "fermi_ev", "numbers")} | {
        "on_path": np.array([-1, 0]),
        "kpoint_weights": np.array([1.0, 0.0]),
        "positions_frac": np.array([[0, 0, 0], [0, 0, 0.15]]),
        "projections": WEIGHTS,
        "projection_sites": np.array([0, 0, 1]),
        "projection_l": np.array([0, 1, 0]),
    }
    arrays = {name: value for name, value in (kept | told | changes).items() if value is not None}
    np.savez(folder / "bands.npz", **arrays)
    return read_results(GPAW(), folder)


def test_each_weight_has_its_atom_and_its_shell(tmp_path: Path) -> None:
    judged = sound(written(tmp_path))
    found = judged.results.projections
    assert not judged.refused and found is not None
    shells = [(0, "s"), (0, "p"), (1, "s")]
    assert found.groups == tuple(ProjectionGroup(element="H", site=site, orbital=shell) for site, shell in shells)
    np.testing.assert_array_equal(found.weights, WEIGHTS)
    assert "nothing is normalised" in found.method
    np.testing.assert_allclose(found.by_orbital().weights[0, 0, 1], [0.3 + 0.5, 0.4])


def test_the_density_of_states_is_of_the_grid_and_says_what_its_parts_are(tmp_path: Path) -> None:
    """The point on the path, with other weights, has no part in it: 2 electrons of -10 eV, with 0.1 on the p wave."""
    bands, projections = grid_of_states(written(tmp_path))
    dos = density_of_states(bands, projections, sigma_ev=0.1)
    assert dos.projected is not None and "nothing is normalised" in dos.source
    step, near = dos.energies_ev[1] - dos.energies_ev[0], np.abs(dos.energies_ev + 10) < 1
    assert dos.total[0, near].sum() * step == pytest.approx(2)
    np.testing.assert_allclose(dos.projected[0][:, near].sum(axis=1) * step, [0.0, 0.2, 0.4], atol=1e-6)
    assert dos.total.sum() * step == pytest.approx(4)


def test_a_run_from_before_they_were_written_has_none_and_nothing_is_lost(tmp_path: Path) -> None:
    names = ("kpoint_weights", "projections", "projection_sites", "projection_l")
    results = written(tmp_path, **dict.fromkeys(names))
    assert results.projections is None and results.lost == {}
    assert results.bands is not None and results.bands.weights is None
    assert not sound(results).refused


def damaged(value: float) -> np.ndarray:
    weights = WEIGHTS.copy()
    weights[0, 1, 0, 2] = value
    return weights


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"projections": damaged(np.nan)}, "negative, or no number"),
        ({"projections": damaged(np.inf)}, "negative, or no number"),
        ({"projections": damaged(-1e-6)}, "negative, or no number"),
        ({"projections": WEIGHTS[:, :1]}, "shape (1, 1, 2, 3), the eigenvalues have the shape (1, 2, 2)"),
        ({"projections": WEIGHTS[:, :, ::2]}, "shape (1, 2, 1, 3)"),
        ({"projections": np.concatenate([WEIGHTS, WEIGHTS])}, "shape (2, 2, 2, 3)"),
        ({"projections": WEIGHTS[..., 0]}, "shape (1, 2, 2)"),
        ({"projections": WEIGHTS[..., :2]}, "of 3 groups"),
        ({"projections": WEIGHTS.astype(complex)}, "complex128"),
        ({"projections": np.array(["x"])}, "<U1"),
        ({"projections": np.array([None], dtype=object)}, "allow_pickle"),
        ({"projections": None}, "does not hold projections"),
        ({"projection_sites": None}, "does not hold projection_sites"),
        ({"projection_l": None}, "does not hold projection_l"),
        ({"projection_sites": np.array([0, 0, 2])}, "atoms of the projections are not whole numbers from 0 to 1"),
        ({"projection_sites": np.array([0, 0, -1])}, "atoms of the projections"),
        ({"projection_sites": np.array([0.0, 0, 1])}, "atoms of the projections"),
        ({"projection_sites": np.array([0, 0, 0])}, "a group comes twice"),
        ({"projection_l": np.array([0, 4, 0])}, "l of the projections are not whole numbers from 0 to 3"),
        ({"projection_l": np.array([0, 1])}, "argument 2 is shorter"),
        ({"numbers": None}, "atoms that the file does not name"),
    ],
)
def test_what_is_no_weight_is_named_and_costs_nothing_else(tmp_path: Path, change: dict[str, Any], why: str) -> None:
    judged = sound(written(tmp_path, **change))
    assert judged.refused_parts == ("projections",) and why in judged.why_without("projections")
    assert judged.results.projections is None
    assert judged.results.bands is not None and judged.results.potential is not None


@pytest.mark.parametrize("weights", [[1.0, np.nan], [1.5, -0.5], [0.5, 0.4], [1.0]])
def test_weights_of_kpoints_that_are_none(tmp_path: Path, weights: list[float]) -> None:
    with pytest.raises(ParseError, match="the engine's output is damaged"):
        written(tmp_path, kpoint_weights=np.array(weights))
