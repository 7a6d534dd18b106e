"""How long a calculation will take, before any was run: only for the estimate of what is left."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dftflow.crystals.kpaths import path_length_per_ang
from dftflow.crystals.per_structure import per_structure
from dftflow.crystals.symmetry import points_of_unchanged
from dftflow.model.spec import CalcSpec

if TYPE_CHECKING:
    from pymatgen.core import Structure

__all__ = ["expected_cost"]

SECONDS_A_UNIT = 3e-8  # of GPAW, on one core
STEPS_OF_A_RELAXATION = 12
SCF_ITERATIONS = 10
ITERATIONS_A_BAND_POINT = 8
OF_A_CORRECTION = 0.5  # in what the SCF before it takes


def expected_cost(structure: Structure, spec: CalcSpec) -> float:
    """Rough seconds on one core: plane waves x root of the bands x k-points x iterations.

    Plane waves grow as volume times cutoff to 3/2; the bands as the number of valence electrons, for which the outer
    electrons of each element stand in. The root is what GPAW was seen to do between 12 and 40 atoms. Of a grid the
    points count that the crystal's symmetry leaves. Of 18 runs of 2 to 33 atoms it was 0.5 to 3.7 times the processor
    time; the number of steps of a relaxation is a guess (4 to 32 were seen).
    """
    n_electrons = _counted_electrons(structure)
    plane_waves = structure.volume * spec.cutoff_ev**1.5
    work = float(SCF_ITERATIONS * points_of_unchanged(structure, spec.grid, spec.grid_shift))
    if spec.task == "relax":
        work *= STEPS_OF_A_RELAXATION
    work *= 1 + OF_A_CORRECTION * len(spec.corrections)
    work += ITERATIONS_A_BAND_POINT * len(spec.edge_kpoints)
    if spec.states_grid is not None:
        states = spec.states_grid
        work += ITERATIONS_A_BAND_POINT * points_of_unchanged(structure, states.counts, states.shift)
    if spec.path is not None:
        points = path_length_per_ang(structure.lattice, spec.path) / spec.path.spacing_per_ang
        work += ITERATIONS_A_BAND_POINT * points
    return float(SECONDS_A_UNIT * plane_waves * n_electrons**0.5 * work)


@per_structure
def _counted_electrons(structure: Structure) -> int:
    return sum(min(site.specie.Z, 12) for site in structure)
