"""How much memory a calculation will take, before any was run: so that none is started that cannot fit.

docs/machines.md has it beside the peak resident memory of GPAW 26.7, from 2 to 20 atoms: it holds to a factor of 1.5.
Other plane-wave codes keep the same arrays.
"""

from __future__ import annotations

from math import ceil, pi
from typing import TYPE_CHECKING

from dftflow.crystals.per_structure import per_structure
from dftflow.model.spec import CalcSpec
from dftflow.units import BOHR_ANG, RYDBERG_EV

if TYPE_CHECKING:
    from pymatgen.core import Structure

__all__ = ["expected_memory_mib"]

PROCESS_MIB = 115.0
"""An interpreter with GPAW."""
SPECIES_MIB = 18.0
"""A data set, and what is tabulated of it."""
PROJECTORS_AN_ATOM = 18
COPIES_OF_PROJECTORS = 2
LEAST_HELPING_BANDS, HELPING_BANDS_AN_ATOM = 8, 2 / 3
COEFFICIENT_MIB = 16 / 2**20  # a complex number of double precision


def expected_memory_mib(structure: Structure, spec: CalcSpec, *, ranks: int = 1, nodes: int = 1) -> float:
    """Rough MiB on each node: coefficients of all bands at all k-points, projectors, and what every process holds.

    Plane waves fill a sphere: V k^3 / 6 pi^2 of them with k the wave number of the cutoff. Time reversal halves a grid,
    and the rest of the symmetry is left out, so that a symmetric crystal takes less.
    """
    k_per_ang = (spec.cutoff_ev / RYDBERG_EV) ** 0.5 / BOHR_ANG
    plane_waves = structure.volume * k_per_ang**3 / (6 * pi**2)
    electrons, species = _electrons_and_species(structure)
    helping = max(LEAST_HELPING_BANDS, HELPING_BANDS_AN_ATOM * len(structure))
    bands = electrons / 2 + spec.empty_bands + helping
    nx, ny, nz = spec.grid
    states = bands * ceil(nx * ny * nz / 2)
    projectors = COPIES_OF_PROJECTORS * PROJECTORS_AN_ATOM * len(structure)
    whole_mib = COEFFICIENT_MIB * plane_waves * (states + projectors)
    each_mib = PROCESS_MIB + SPECIES_MIB * species
    return float(whole_mib / nodes + each_mib * ceil(ranks / nodes))


@per_structure
def _electrons_and_species(structure: Structure) -> tuple[int, int]:
    """Valence electrons, at most twelve an atom, and how many elements there are."""
    return sum(min(site.specie.Z, 12) for site in structure), len(structure.composition.elements)
