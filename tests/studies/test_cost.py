"""How long a calculation is expected to take: what it grows with, and runs whose processor time was seen."""

from __future__ import annotations

from dataclasses import replace

import pytest
from nickel_oxide import MAGNETIC, RELAXED
from pymatgen.core import Lattice, Structure

from dftflow.model.correction import Correction
from dftflow.model.spec import KPoint
from dftflow.studies.cost import expected_cost

SCF = replace(MAGNETIC, moments_mub=(), hubbard_u_ev={}, dispersion="none", cutoff_ev=600.0)
CSPBBR3 = Structure(
    Lattice.cubic(5.874),
    ["Cs", "Pb", "Br", "Br", "Br"],
    [[0, 0, 0], [0.5, 0.5, 0.5], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]],
)
EDGES = tuple(KPoint(label=name, frac=frac) for name, frac in (("G", (0, 0, 0)), ("R", (0.5, 0.5, 0.5))))


def test_symmetry_saves_points() -> None:
    """Of 4x4x4 with Γ 36 points are left by time reversal, 10 by the cube."""
    centred = replace(SCF, grid=(4, 4, 4), gamma_centred=True)
    bent = CSPBBR3.copy()
    bent.perturb(0.05)
    assert expected_cost(bent, centred) / expected_cost(CSPBBR3, centred) == pytest.approx(36 / 10)


def test_what_is_done_beside_the_scf_costs_more() -> None:
    shifts = replace(SCF, task="shifts", edge_kpoints=EDGES, corrections=("spin-orbit",))
    costs = [
        expected_cost(CSPBBR3, spec)
        for spec in (SCF, shifts, replace(shifts, corrections=("spin-orbit", "HSE06", "PBE0")))
    ]
    assert costs == sorted(costs) and len(set(costs)) == 3
    assert expected_cost(CSPBBR3, replace(SCF, task="relax", relaxation=RELAXED.relaxation)) > 3 * costs[0]


@pytest.mark.parametrize(
    ("size", "corrections", "seen_s"),
    [(2, ("spin-orbit", "HSE06", "PBE0", "GLLB-SC"), 61.0), (4, ("spin-orbit", "HSE06", "PBE0"), 133.0)],
)
def test_it_is_good_to_a_factor_of_a_few(size: int, corrections: tuple[Correction, ...], seen_s: float) -> None:
    """Processor time that GPAW 26.7 took for cubic CsPbBr3 at four special points."""
    spec = replace(
        SCF,
        task="shifts",
        cutoff_ev=400.0,
        grid=(size,) * 3,
        gamma_centred=True,
        edge_kpoints=EDGES * 2,
        corrections=corrections,
    )
    assert 0.2 < expected_cost(CSPBBR3, spec) / seen_s < 5
