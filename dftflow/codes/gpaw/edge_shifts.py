"""Band edges of finished states with corrections, at k-points of the grid; the density stays as it is.

Hybrids: first order in the difference of the potentials (``gpaw.hybrids.eigenvalues``). GLLB-SC has a density and data
sets of its own, and GPAW calculates it with its older code (``gpaw.xc.gllb``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from dftflow.codes.gpaw.spin_orbit import operators_ev, spinor_levels_ev
from dftflow.model.correction import HYBRIDS, OF_THE_GAP, SPIN_ORBIT
from dftflow.model.kpoint_grid import same_kpoint

__all__ = ["corrected_edges"]

SAME_K = 1e-6
SAME_LEVEL_EV = 5e-3
BANDS_OF_HYBRIDS = 4
"""On each side of the gap: enough to see whether a hybrid changes their order."""


def corrected_edges(
    engine: Any,
    own_potential: Callable[[], Any],
    *,
    kpoints: Sequence[Sequence[float]],
    labels: Sequence[str],
    corrections: Sequence[str],
    empty_bands: int,
    tell: Callable[[str, float | None], None],
) -> dict[str, Any]:
    """Highest occupied and lowest empty level at `kpoints`, by each of `corrections`, as plain data; in eV.

    Parameters
    ----------
    engine
        After its SCF.
    own_potential
        Converges the crystal with GLLB-SC, and gives that calculator.
    tell
        Is told what is being done.
    """
    filled, gap_ev = _filled_bands(engine)
    if gap_ev <= 0:
        return {"labels": [], "kpoints_frac": [], "before_ev": [], "after_ev": {}, "gaps": {}, "spin_orbit_factors": {}}
    places = _places_on_the_grid(engine, kpoints)
    found: dict[str, Any] = {
        "labels": list(labels),
        "kpoints_frac": [list(map(float, point)) for point in kpoints],
        "before_ev": _edges(_levels_ev(engine, places), filled),
        "after_ev": {},
        "gaps": {},
        "spin_orbit_factors": {},
    }
    for number, name in enumerate(corrections):
        tell(f"{name} at {len(places)} k-points", number / len(corrections))
        if name == SPIN_ORBIT:
            edges, found["spin_orbit_factors"] = _with_spin_orbit(engine, places, filled, empty_bands)
            found["after_ev"][name] = edges
        elif name in HYBRIDS:
            found["after_ev"][name] = _with_hybrid(engine, name, places, filled)
        elif name in OF_THE_GAP:
            found["gaps"][name] = _gap_of_its_own(own_potential())
    return found


def _filled_bands(engine: Any) -> tuple[int, float]:
    """Number of filled bands, and the gap between them and the others on the grid; not positive in a metal."""
    electrons = float(engine.get_number_of_electrons())
    filled = round(electrons / 2)
    if abs(electrons - 2 * filled) > SAME_K:
        return filled, 0.0
    levels = _levels_ev(engine, range(len(engine.get_ibz_k_points())))
    return filled, float(levels[:, filled].min() - levels[:, filled - 1].max())


def _levels_ev(engine: Any, places: Sequence[int]) -> np.ndarray:
    return np.array([engine.get_eigenvalues(kpt=place) for place in places])


def _edges(levels_ev: np.ndarray, filled: int) -> list[list[float]]:
    """Highest filled and lowest empty level, whatever the order of the others."""
    return [[float(row[:filled].max()), float(row[filled:].min())] for row in levels_ev]


def _places_on_the_grid(engine: Any, kpoints: Sequence[Sequence[float]]) -> list[int]:
    """Of each point the index of the irreducible point of the grid that it is alike."""
    grid = engine.get_bz_k_points()
    same = same_kpoint(np.array(kpoints, dtype=float)[:, None], grid, SAME_K)
    if not same.any(axis=1).all():
        raise ValueError("a special point is no point of the grid")
    return [int(engine.get_bz_to_ibz_map()[place]) for place in same.argmax(axis=1)]


def _with_spin_orbit(
    engine: Any, places: Sequence[int], filled: int, empty_bands: int
) -> tuple[list[list[float]], dict[str, float]]:
    """Edges with it, and the factors that its operators were multiplied by."""
    operators, factors = operators_ev(engine)
    waves = {wave.k: wave for wave in engine.dft.ibzwfs}
    found = []
    for place in places:
        levels_ev = engine.get_eigenvalues(kpt=place)
        kept = _whole_sets(levels_ev, filled + empty_bands)
        overlaps = [waves[place].P_ani[site][:kept] for site in range(len(operators))]
        coupled = spinor_levels_ev(levels_ev[:kept], overlaps, operators)
        found += _edges(coupled[None], 2 * filled)
    return found, factors


def _whole_sets(levels_ev: np.ndarray, kept: int) -> int:
    """`kept` bands or fewer, so that no set of equal levels is mixed in part."""
    while 0 < kept < len(levels_ev) and levels_ev[kept] - levels_ev[kept - 1] < SAME_LEVEL_EV:
        kept -= 1
    return kept


def _with_hybrid(engine: Any, name: str, places: Sequence[int], filled: int) -> list[list[float]]:
    from gpaw.hybrids.eigenvalues import non_self_consistent_eigenvalues

    first = max(filled - BANDS_OF_HYBRIDS, 0)
    each = sorted(set(places))
    levels, own, hybrid = non_self_consistent_eigenvalues(
        engine, name, n1=first, n2=filled + BANDS_OF_HYBRIDS, kpt_indices=each
    )
    corrected = (levels - own + hybrid)[0]
    return _edges(np.array([corrected[each.index(place)] for place in places]), filled - first)


def _gap_of_its_own(engine: Any) -> list[float]:
    """Gap of the eigenvalues, and the discontinuity (10.1103/PhysRevB.82.115106, Eq. 25)."""
    response = engine.hamiltonian.xc.response
    potential = response.calculate_discontinuity_potential(*engine.get_homo_lumo())
    return [float(value) for value in response.calculate_discontinuity(potential)]
