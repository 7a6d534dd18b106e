"""How much memory a calculation will take, before any was run: so that none is started that cannot fit.

docs/machines.md has it beside the peak resident memory of GPAW 26.7 and pw.x 6.7, from 2 to 20 atoms: it holds to a
factor of 1.5 (1.3 in that table).
"""

from __future__ import annotations

from math import ceil, pi
from typing import TYPE_CHECKING

from dftflow.codes.memory_use import MemoryUse
from dftflow.crystals.kpaths import path_length_per_ang
from dftflow.crystals.per_structure import per_structure
from dftflow.crystals.symmetry import points_of_unchanged
from dftflow.model.spec import CalcSpec
from dftflow.units import BOHR_ANG, RYDBERG_EV

if TYPE_CHECKING:
    from pymatgen.core import Structure

__all__ = ["expected_memory_mib"]

PROJECTORS_AN_ATOM = 18
COPIES_OF_PROJECTORS = 2
WORKING_COPIES = 1.5
"""Of the arrays, with what the solver holds of them for a while."""
COEFFICIENT_MIB = 16 / 2**20  # a complex number of double precision


def expected_memory_mib(
    structure: Structure, spec: CalcSpec, use: MemoryUse, *, ranks: int = 1, nodes: int = 1
) -> float:
    """Rough MiB on each node: coefficients of all bands at all k-points, projectors, and what every process holds.

    Plane waves fill a sphere: V k^3 / 6 pi^2 of them with k the wave number of the cutoff.
    """
    k_per_ang = (spec.cutoff_ev / RYDBERG_EV) ** 0.5 / BOHR_ANG
    plane_waves = structure.volume * k_per_ang**3 / (6 * pi**2)
    electrons, species = _electrons_and_species(structure)
    bands = electrons / 2 + spec.empty_bands + use.helping_bands(len(structure))
    states = bands * _points_held(structure, spec, use)
    projectors = COPIES_OF_PROJECTORS * PROJECTORS_AN_ATOM * len(structure)
    whole_mib = WORKING_COPIES * COEFFICIENT_MIB * plane_waves * (states + projectors)
    each_mib = use.process_mib + use.element_mib * species
    return float(whole_mib / nodes + each_mib * ceil(ranks / nodes))


def _points_held(structure: Structure, spec: CalcSpec, use: MemoryUse) -> int:
    """k-points whose bands are held at once.

    Symmetry reduces the grid of a crystal. Where atoms are held, and of a slab, which CASTEP and VASP calculate without
    it, time reversal alone counts.
    """
    half = ceil(spec.grid[0] * spec.grid[1] * spec.grid[2] / 2)
    if use.lists_path and (spec.path is not None or spec.edge_kpoints):
        path = spec.path
        along = 0 if path is None else ceil(path_length_per_ang(structure.lattice, path) / path.spacing_per_ang)
        return half + along + len(spec.edge_kpoints)
    if use.lists_path and spec.states_grid is not None:
        return points_of_unchanged(structure, spec.states_grid.counts, spec.states_grid.shift)
    if spec.fixed_atoms or spec.slab_axis is not None:
        return half
    return points_of_unchanged(structure, spec.grid, spec.grid_shift)


@per_structure
def _electrons_and_species(structure: Structure) -> tuple[int, int]:
    """Valence electrons, at most twelve an atom, and how many elements there are."""
    return sum(min(site.specie.Z, 12) for site in structure), len(structure.composition.elements)
