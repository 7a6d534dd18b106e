"""Primitive cells: pymatgen's own have as many atoms and are the same crystal."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.analysis.structure_matcher import StructureMatcher
from pymatgen.core import Lattice, Structure

from dftflow.crystals.ions import ionic_units
from dftflow.crystals.partial_sites import partial_replacements
from dftflow.crystals.placed_units import SITE_LABEL
from dftflow.crystals.primitive_cell import primitive_cell_of
from dftflow.crystals.sources import load_crystal
from dftflow.crystals.substitution import substitute_all
from dftflow.crystals.supercell import supercell_of
from dftflow.crystals.symmetry import space_group

SAME = StructureMatcher(primitive_cell=False, scale=False, attempt_supercell=False)


@pytest.mark.parametrize(
    ("name", "atoms"),
    [("Cs4PbBr6_R-3c", 22), ("CsPb2Br5_I4mcm", 16), ("Br2_Cmce", 4), ("Cs_Im-3m", 1), ("Pb_Fm-3m", 1)],
)
def test_centred_cells_are_reduced(name: str, atoms: int) -> None:
    crystal = load_crystal(name, base_dir=Path()).structure
    primitive = primitive_cell_of(crystal)
    assert len(primitive) == atoms == len(crystal.get_primitive_structure())
    assert primitive.volume / atoms == pytest.approx(crystal.volume / len(crystal), rel=1e-12)
    assert SAME.fit(primitive, crystal.get_primitive_structure())
    assert space_group(primitive).number == space_group(crystal).number
    repeats = crystal.lattice.matrix @ np.linalg.inv(primitive.lattice.matrix)
    assert np.allclose(repeats, np.round(repeats), atol=1e-9), "the crystal is not turned"


@pytest.mark.parametrize(("name", "angle_deg"), [("Pb_Fm-3m", 60.0), ("Cs_Im-3m", 109.471), ("Cs4PbBr6_R-3c", 88.860)])
def test_a_cell_of_high_symmetry_has_alike_vectors(name: str, angle_deg: float) -> None:
    primitive = primitive_cell_of(load_crystal(name, base_dir=Path()).structure)
    assert np.ptp(primitive.lattice.abc) < 1e-9
    assert primitive.lattice.angles == pytest.approx((angle_deg,) * 3, abs=1e-3)


@pytest.mark.parametrize("name", ["CsPbBr3_Pnma", "CsBr_Pm-3m", "PbBr2_Pnma"])
def test_a_primitive_cell_comes_back_as_it_is(name: str) -> None:
    crystal = load_crystal(name, base_dir=Path()).structure
    assert primitive_cell_of(crystal) is crystal


@settings(max_examples=10, deadline=None)
@given(repeats=st.tuples(*(st.integers(1, 2),) * 3))
def test_a_supercell_is_undone_and_molecules_stay_whole(repeats: tuple[int, int, int]) -> None:
    crystal = load_crystal("FAPbBr3_Pm-3m_FA100", base_dir=Path()).structure
    again = primitive_cell_of(supercell_of(crystal, repeats))
    assert SAME.fit(again, crystal)
    (own,) = (unit for unit in ionic_units(crystal) if unit.name == "FA")
    (found,) = (unit for unit in ionic_units(again) if unit.name == "FA")
    assert np.allclose(found.positions_ang - found.centre_ang, own.positions_ang - own.centre_ang, atol=1e-6)


def rock_salt() -> Structure:
    return Structure.from_spacegroup("Fm-3m", Lattice.cubic(4.17), ["Ni", "O"], [[0, 0, 0], [0.5, 0.5, 0.5]])


@pytest.mark.parametrize(
    ("up", "atoms"),
    [((1, 1, 1), 2), ((1, 0, 0), 4)],
    ids=["all alike", "layers up and down"],
)
@pytest.mark.parametrize("name", ["magmom", "oxidation_state"])
def test_atoms_of_other_moments_or_charges_are_not_alike(name: str, up: tuple[int, int, int], atoms: int) -> None:
    """NiO with layers along [100] up and down repeats after a, not after a/2 (b + c apart from it)."""
    crystal = rock_salt()
    layers = np.round(2 * crystal.frac_coords[:, 0]).astype(int) % 2 if up == (1, 0, 0) else np.zeros(8, dtype=int)
    of_ni = [site.specie.symbol == "Ni" for site in crystal]
    values = [float(1 - 2 * layer) if ni else None for layer, ni in zip(layers, of_ni, strict=True)]
    crystal.add_site_property(name, values)
    primitive = primitive_cell_of(crystal)
    assert len(primitive) == atoms
    per_atom = [sum(v or 0 for v in one.site_properties[name]) / len(one) for one in (crystal, primitive)]
    assert per_atom[0] == pytest.approx(per_atom[1])


def test_a_mixed_site_keeps_its_name_and_is_like_no_other(tmp_path: Path) -> None:
    """(K, Rb)Br of rock salt: a quarter of the face-centred cell; a site of another name doubles that."""
    head = "".join(
        f"_cell_length_{a} 6.6\n_cell_angle_{b} 90\n" for a, b in (("a", "alpha"), ("b", "beta"), ("c", "gamma"))
    )
    loop = "loop_\n" + "".join(
        f"_atom_site_{key}\n" for key in ("label", "type_symbol", "fract_x", "fract_y", "fract_z", "occupancy")
    )
    cubic = "K1 K 0 0 0 0.75\nRb1 Rb 0 0 0 0.25\nBr1 Br 0.5 0.5 0.5 1\n"
    (tmp_path / "m.cif").write_text(f"data_x\n{head}_symmetry_space_group_name_H-M 'F m -3 m'\n{loop}{cubic}")
    crystal = load_crystal("m.cif", base_dir=tmp_path, mixed_sites=True).structure
    primitive = primitive_cell_of(crystal)
    assert (len(crystal), len(primitive)) == (8, 2)
    (replacement,) = partial_replacements(primitive)
    mixed = substitute_all(primitive, [replacement], supercell=(2, 2, 1), ordering=1)
    assert mixed.composition.get_el_amt_dict() == {"K": 3, "Rb": 1, "Br": 4}
    labels = crystal.site_properties[SITE_LABEL]
    crystal.add_site_property(SITE_LABEL, ["K2" if one and k % 2 else one for k, one in enumerate(labels)])
    assert len(primitive_cell_of(crystal)) == 4


def test_the_formula_units_of_a_mixture_are_those_of_the_smaller_cell() -> None:
    crystal = rock_salt()
    crystal.properties["formula_units"] = 4.0
    assert primitive_cell_of(crystal).properties["formula_units"] == 1.0
