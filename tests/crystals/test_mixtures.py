"""Mixtures: what is on their sites, in which cell, and what of it is said."""

from __future__ import annotations

from collections import Counter
from math import comb, prod

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.analysis.structure_matcher import StructureMatcher
from pymatgen.core import Composition, Lattice, Structure

from dftflow.crystals.ions import formula_of, ionic_units
from dftflow.crystals.mixture import Replacement, fitting_repeats, sublattices_of
from dftflow.crystals.placed_units import units_of
from dftflow.crystals.plain import plain_structure, structure_of
from dftflow.crystals.shipped import load_shipped
from dftflow.crystals.substitution import (
    notes_of,
    orderings_of,
    substitute,
    substitute_all,
    substitution_text,
)
from dftflow.crystals.symmetry import space_group
from dftflow.errors import StructureError

CUBIC = load_shipped("CsPbBr3_Pm-3m").structure
PNMA = load_shipped("CsPbBr3_Pnma").structure
FA = load_shipped("FAPbBr3_Pm-3m_FA100").structure
MA = load_shipped("MAPbBr3_Pm-3m_MA100").structure


def ions(structure: Structure) -> Counter[str]:
    """By the bonds between the atoms, whatever is marked."""
    bare = Structure(structure.lattice, structure.species, structure.frac_coords)
    return Counter(unit.name for unit in ionic_units(bare))


def same(first: Structure, second: Structure) -> bool:
    return bool(StructureMatcher(primitive_cell=False, scale=False, ltol=1e-3, stol=1e-3).fit(first, second))


def test_formamidinium_caesium_lead_bromide() -> None:
    built = substitute(FA, site="FA", by="Cs", fraction=0.15, seed=1)
    assert formula_of(built) == "FA0.85Cs0.15PbBr3"
    assert ions(built) == {"FA": 17, "Cs": 3, "Pb": 20, "Br": 60}
    assert built.composition == Composition("Cs3 Pb20 Br60 C17 N34 H85")
    np.testing.assert_allclose(built.lattice.abc, FA.lattice.a * np.array([2, 2, 5]))
    assert substitution_text(built) == "3 of 20 FA by Cs"
    size, ordering = notes_of(built)
    assert size.startswith("supercell 2 x 2 x 5: the smallest")
    assert "FA sites: 17 FA, 3 Cs" in ordering
    assert "of 1140 arrangements" in ordering


def test_from_either_side_the_same_mixture() -> None:
    """FA put on Cs, with the lattice of FAPbBr3, or Cs put on FA, is one crystal."""
    onto_caesium = substitute(CUBIC, site="Cs", by="FA", fraction=0.75, pseudocubic_ang=FA.lattice.a, ordering=1)
    onto_molecules = substitute(FA, site="FA", by="Cs", fraction=0.25, ordering=1)
    assert formula_of(onto_caesium) == formula_of(onto_molecules) == "FA0.75Cs0.25PbBr3"
    assert same(onto_caesium, onto_molecules)


def test_a_seed_gives_one_cell_and_another_seed_another() -> None:
    cells = [substitute(FA, site="FA", by="Cs", fraction=0.15, seed=seed) for seed in (1, 1, 2)]
    np.testing.assert_array_equal(cells[0].frac_coords, cells[1].frac_coords)
    assert not same(cells[0], cells[2])


def test_orderings_that_are_one_by_symmetry_are_one_cell() -> None:
    """One caesium in eight sites: whichever the seed takes, the atoms come to the same places."""
    cells = [
        substitute(CUBIC, site="Cs", by="Rb", fraction=0.125, supercell=(2, 2, 2), ordering="random", seed=seed)
        for seed in range(4)
    ]
    for cell in cells[1:]:
        np.testing.assert_array_equal(cell.frac_coords, cells[0].frac_coords)


def test_orderings_of_the_corners_of_a_cube() -> None:
    every = orderings_of(CUBIC, [Replacement.of("Cs", "Rb", fraction=0.5)], supercell=(2, 2, 2))
    assert [one.number for one in every] == [1, 2, 3, 4, 5, 6]
    assert sum(one.degeneracy for one in every) == comb(8, 4)
    groups = set()
    for one in every:
        cell = substitute(CUBIC, site="Cs", by="Rb", fraction=0.5, supercell=(2, 2, 2), ordering=one.number or 0)
        assert ions(cell) == {"Cs": 4, "Rb": 4, "Pb": 8, "Br": 24}
        assert cell.properties["substitution"]["ordering"]["degeneracy"] == one.degeneracy
        groups.add(space_group(cell).number)
    # alternating along all axes is the elpasolite-like Fm-3m; in layers P4/mmm
    assert {225, 123} <= groups


def test_molecule_for_molecule() -> None:
    built = substitute(MA, site="MA", by="FA")
    assert ions(built) == {"FA": 1, "Pb": 1, "Br": 3}
    assert formula_of(built) == "FAPbBr3"
    assert same(built, substitute(CUBIC, site="Cs", by="FA", pseudocubic_ang=MA.lattice.a))
    assert built.properties["molecule_charges"] == (1,)


def test_atom_for_molecule_gives_the_inorganic_crystal_back() -> None:
    assert same(substitute(FA, site="FA", by="Cs", pseudocubic_ang=CUBIC.lattice.a), CUBIC)


@pytest.mark.parametrize(
    ("site", "by", "expected"), [("Cs", "Rb", "RbPbBr3"), ("Br", "I", "CsPbI3"), ("Pb", "Sn", "CsSnBr3")]
)
def test_atom_for_atom(site: str, by: str, expected: str) -> None:
    built = substitute(PNMA, site=site, by=by)
    assert formula_of(built) == expected
    assert space_group(built).number == 62


def test_several_sites_and_several_ions_on_one() -> None:
    built = substitute_all(
        CUBIC,
        [
            Replacement.of("Cs", "FA", fraction=0.75),
            Replacement.of("Cs", "MA", fraction=0.125),
            Replacement.of("Br", "I", fraction=0.5),
        ],
        supercell=(2, 2, 2),
        pseudocubic_ang=6.2,
        seed=3,
    )
    assert formula_of(built) == "FA0.75Cs0.125MA0.125PbBr1.5I1.5"
    assert ions(built) == {"FA": 6, "MA": 1, "Cs": 1, "Pb": 8, "Br": 12, "I": 12}
    assert built.volume == pytest.approx(8 * 6.2**3)
    marks = built.site_properties["molecule"]
    assert sorted(set(marks)) == list(range(-1, 7))
    assert built.properties["molecule_charges"] == (1,) * 7


def test_a_mixture_is_mixed_again() -> None:
    once = substitute(CUBIC, site="Cs", by="Rb", fraction=0.25, supercell=(2, 2, 1))
    twice = substitute(once, site="Br", by="I", fraction=0.5, seed=1)
    assert formula_of(twice) == "Cs0.75Rb0.25PbBr1.5I1.5"
    assert substitution_text(twice) == "1 of 4 Cs by Rb; 6 of 12 Br by I"
    assert len(notes_of(twice)) == 2


def test_the_length_of_a_perovskite_is_that_of_a_formula_unit_whichever_ion_is_replaced() -> None:
    for site, by in (("Br", "I"), ("Cs", "Rb"), ("Pb", "Sn")):
        assert substitute(PNMA, site=site, by=by, pseudocubic_ang=6.1).volume == pytest.approx(4 * 6.1**3)


def test_molecules_keep_their_size_when_the_cell_is_scaled_and_repeated() -> None:
    built = substitute(FA, site="Br", by="I", pseudocubic_ang=6.4, supercell=(1, 2, 1))
    assert ions(built) == {"FA": 2, "Pb": 2, "I": 6}
    lengths = [built.get_distance(c, n) for c in range(len(built)) for n in range(len(built))
               if built[c].specie.symbol == "C" and built[n].specie.symbol == "N"]  # fmt: skip
    own = [FA.get_distance(c, n) for c in range(len(FA)) for n in range(len(FA))
           if FA[c].specie.symbol == "C" and FA[n].specie.symbol == "N"]  # fmt: skip
    assert sorted(lengths)[:4] == pytest.approx(sorted(own) * 2, abs=1e-6)


def test_vacancies_and_their_charge() -> None:
    one = substitute(PNMA, site="Br", by="vacancy", fraction=1 / 12)
    assert one.composition == Composition("Cs4Pb4Br11")
    assert any("formal charges add up to +1 e" in note for note in notes_of(one))
    pair = substitute_all(
        PNMA, [Replacement.of("Br", "vacancy", fraction=1 / 12), Replacement.of("Cs", "vacancy", fraction=0.25)]
    )
    assert formula_of(pair) == "Cs0.75PbBr2.75"
    assert not any("formal charges" in note for note in notes_of(pair))


def test_an_ion_of_another_charge_is_said() -> None:
    built = substitute(PNMA, site="Pb", by="Ag", fraction=0.25)
    assert any("add up to -1 e" in note and "1 electron less" in note for note in notes_of(built))


def test_an_ion_that_takes_another_charge_balances_what_leaves() -> None:
    """Cs2SnI6 is CsSnI3 without half of its Sn, which then is Sn +4: Lee et al., 10.1021/ja508464w."""
    host = Structure.from_spacegroup(
        "Pm-3m", Lattice.cubic(5.83), ["Cs", "Sn", "I"], [[0.5] * 3, [0, 0, 0], [0.5, 0, 0]]
    )
    built = substitute(host, site="Sn", by="vacancy", fraction=0.5, supercell=(2, 2, 2))
    assert built.composition == Composition("Cs8Sn4I24")
    assert not any("formal charges" in note for note in notes_of(built))
    quarter = substitute(host, site="Sn", by="vacancy", fraction=0.25, supercell=(2, 2, 1))
    assert any("add up to -2 e" in note for note in notes_of(quarter))


def test_a_fraction_that_the_cell_does_not_have() -> None:
    with pytest.raises(StructureError) as caught:
        substitute(FA, site="FA", by="Cs", fraction=0.15, supercell=(2, 2, 2))
    error = caught.value
    assert error.summary == "0.15 of 8 FA sites are 1.2 ions"
    assert "0.125 (1 of 8) and 0.25 (2 of 8)" in error.reason
    assert "2 x 2 x 5 (20 sites)" in error.reason
    assert error.fix == "write supercell = [2, 2, 5], or fraction = 0.125"
    assert formula_of(substitute(FA, site="FA", by="Cs", fraction=0.125, supercell=(2, 2, 2))) == "FA0.875Cs0.125PbBr3"


@settings(max_examples=100, deadline=None)
@given(fraction=st.floats(0.004, 0.999))
def test_any_fraction_has_a_compact_cell_or_is_refused(fraction: float) -> None:
    (sublattice,) = sublattices_of(units_of(CUBIC), [Replacement.of("Cs", "Rb", fraction=fraction)])
    repeats = fitting_repeats(CUBIC.lattice.matrix, [sublattice], len(CUBIC))
    if repeats is None:
        with pytest.raises(StructureError) as caught:
            substitute(CUBIC, site="Cs", by="Rb", fraction=fraction)
        assert "the nearest fractions" in caught.value.reason
        assert caught.value.fix
    else:
        left, taken = sublattice.counts(prod(repeats)) or (0, 0)
        assert left + taken == prod(repeats)
        assert abs(taken / prod(repeats) - fraction) < 5e-4
        assert max(repeats) <= 3 * min(repeats)


@pytest.mark.parametrize(
    ("replacements", "says"),
    [
        ([("Cs", "FA", 0.6), ("Cs", "MA", 0.6)], "more than all of the Cs sites"),
        ([("Cs", "FA", None), ("Cs", "MA", 0.5)], "all + 0.5"),
        ([("Cs", "Cs", 0.5)], "Cs is to be replaced by Cs"),
        ([("Cs", "Rb", 0.25), ("Cs", "Rb", 0.25)], "put on Cs twice"),
        ([("Cs", "Rb", 0.0)], "no fraction"),
        ([("Cs", "Rb", -0.5)], "no fraction"),
        ([("FA", "Cs", 0.5)], "the ions of the crystal are Br, Cs, Pb"),
        ([("Cs", "Xx", 0.5)], "no molecule 'Xx'"),
    ],
)
def test_replacements_that_cannot_be(replacements: list[tuple[str, str, float | None]], says: str) -> None:
    with pytest.raises(StructureError) as caught:
        substitute_all(CUBIC, [Replacement.of(site, by, fraction=f) for site, by, f in replacements])
    assert says in str(caught.value)


def test_what_was_done_survives_being_stored() -> None:
    built = substitute(FA, site="FA", by="Cs", fraction=0.5, supercell=(1, 1, 2), seed=4)
    back = structure_of(plain_structure(built))
    assert back.properties["substitution"] == built.properties["substitution"]
    assert formula_of(back) == "Cs0.5FA0.5PbBr3"
    assert substitution_text(back) == "1 of 2 FA by Cs"


def test_ways_to_turn_a_molecule() -> None:
    """FA keeps of m-3m: along [100] with its dipole along an axis mm2, 12 ways; the shipped MA along [100] m, 24."""
    for by, orientation, ways in (("FA", "100/010", 12), ("FA", "110/001", 12), ("MA", "100/010", 24)):
        built = substitute(CUBIC, site="Cs", by=by, orientation=orientation, pseudocubic_ang=6.3)
        assert built.properties["substitution"]["orientations"] == ways
