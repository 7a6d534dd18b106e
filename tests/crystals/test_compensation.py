"""Compensated polar faces: neutral, symmetric, and of the lowest electrostatic energy."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from pymatgen.analysis.ewald import EwaldSummation
from pymatgen.core import Lattice, Structure

from dftflow.crystals.compensation import compensated
from dftflow.crystals.cuts import Cut
from dftflow.crystals.ions import chemical_formula, ionic_units, with_charges
from dftflow.crystals.layers import stack_layers

CSPBBR3 = Structure.from_spacegroup(
    "Pnma",
    Lattice.orthorhombic(8.2440, 11.7351, 8.1982),
    ["Cs", "Pb", "Br", "Br"],
    [(0.03100, 0.25, 0.49298), (0, 0, 0), (0.20653, 0.52389, 0.70607), (0.00370, 0.75, 0.04550)],
)


def cut(structure: Structure, miller: tuple[int, int, int], count: int, lowest: str) -> Cut:
    """The first symmetric cut whose lowest layer is `lowest`."""
    stacking = stack_layers(structure, ionic_units(structure), miller)
    starts = [i for i, layer in enumerate(stacking.layers) if chemical_formula(layer) == lowest]
    cuts = [
        Cut(layers=stacking.cut(start, count), in_plane_ang=stacking.in_plane_ang, crystal_ang=stacking.crystal_ang)
        for start in starts
    ]
    return next(one for one in cuts if one.flips)


def ewald_ev(slab: Cut) -> float:
    charges = {"Cs": 1, "Pb": 2, "Br": -1}
    structure = slab.to_structure(15.0)
    structure.add_oxidation_state_by_element({name: charges[name] for name in structure.symbol_set})
    return float(EwaldSummation(structure).total_energy)


@pytest.mark.parametrize(
    ("miller", "count", "lowest", "name", "formula"),
    [
        ((0, 1, 1), 7, "Cs2Br6", "CsBr3 (half)", "Cs6Pb6Br18"),
        ((0, 1, 1), 5, "Pb2", "Pb (half)", "Cs4Pb4Br12"),
        ((1, 1, 0), 5, "Cs2Br6", "CsBr3 (half)", "Cs4Pb4Br12"),
        ((1, 0, 0), 7, "Br4", "Br (half)", "Cs6Pb6Br18"),
        ((0, 0, 1), 5, "Cs2Pb2Br2", "CsPbBr (half)", "Cs4Pb4Br12"),
    ],
)
def test_polar_faces_of_orthorhombic_cspbbr3(miller, count, lowest, name, formula):
    slab = compensated(cut(CSPBBR3, miller, count, lowest))

    assert slab is not None
    assert slab.termination == name
    assert chemical_formula(slab.units) == formula
    assert slab.charge == 0
    assert slab.flips
    assert slab.potential_step_ev == pytest.approx(0.0, abs=1e-6)
    assert len(slab.layers) == count


def test_no_other_choice_has_a_lower_electrostatic_energy():
    """Each choice is built as a slab of its own and summed from scratch."""
    full = cut(CSPBBR3, (0, 1, 1), 5, "Pb2")
    bottom, top = range(2), range(len(full.units) - 2, len(full.units))
    choices = [(i, j) for i in bottom for j in top]
    energies = [ewald_ev(full.without(choice, "")) for choice in choices]
    best = compensated(full)

    assert best is not None
    symmetric = [e for e, choice in zip(energies, choices, strict=True) if full.without(choice, "").flips]
    assert ewald_ev(best) == pytest.approx(min(symmetric), abs=1e-3)


def test_random_choices_in_a_large_layer_are_not_better():
    full = cut(CSPBBR3, (1, 1, 0), 5, "Cs2Br6")
    best = compensated(full)
    assert best is not None
    energy_ev = ewald_ev(best)
    layer = range(len(full.layers[0]))
    caesium = [i for i in layer if full.units[i].name == "Cs"]
    bromine = [i for i in layer if full.units[i].name == "Br"]
    triples = list(combinations(bromine, 3))
    rng = np.random.default_rng(1)

    for number in rng.choice(len(triples), size=8, replace=False):
        lower = {caesium[int(rng.integers(2))], *triples[number]}
        flip = full.flips[int(rng.integers(len(full.flips)))]
        other = full.without(lower | {flip[i] for i in lower}, "")
        assert ewald_ev(other) >= energy_ev - 1e-3


def test_a_layer_that_cannot_be_halved_doubles_the_cell():
    cubic = Structure.from_spacegroup("Pm-3m", Lattice.cubic(4.291), ["Cs", "Br"], [(0, 0, 0), (0.5, 0.5, 0.5)])
    full = cut(cubic, (1, 0, 0), 7, "Br")
    slab = compensated(full)

    assert slab is not None
    assert slab.area_ang2 == pytest.approx(2 * full.area_ang2)
    assert chemical_formula(slab.units) == "Cs6Br6"
    assert slab.charge == 0


def test_of_ions_of_one_element_and_two_charges_the_same_part_of_each_is_taken():
    """Bi3+ and Bi5+ in one layer of (101): taken without regard to their charges they would leave the slab charged."""
    coords = [(0.5, 0.5, 0.5), (0, 0, 0), (0.5, 0, 0)]
    cubic = Structure.from_spacegroup("Pm-3m", Lattice.cubic(4.35), ["Ba", "Bi", "O"], coords)
    full = cut(with_charges(cubic * (1, 1, 2), {"Bi": [3, 5]}), (1, 0, 2), 7, "Ba2Bi2O2")
    slab = compensated(full)

    assert full.charge == 8
    assert slab is not None
    assert slab.charge == 0 and slab.flips


def test_the_order_of_the_atoms_does_not_matter():
    """The kept ions have the same distances, whichever of the equivalent choices comes first in the list."""
    order = np.random.default_rng(3).permutation(len(CSPBBR3))
    shuffled = Structure.from_sites([CSPBBR3[int(i)] for i in order])
    slabs = [compensated(cut(one, (0, 1, 1), 7, "Cs2Br6")) for one in (CSPBBR3, shuffled)]
    distances = [np.sort(slab.to_structure(15.0).get_neighbor_list(6.0)[3]) for slab in slabs if slab is not None]

    np.testing.assert_allclose(distances[0], distances[1], atol=1e-6)


def test_a_neutral_cut_needs_none():
    assert compensated(cut(CSPBBR3, (0, 1, 0), 5, "Cs2Br2")) is None
