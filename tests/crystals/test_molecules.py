from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.io import write
from scipy.spatial.transform import Rotation

from dftflow.crystals.molecules import MOLECULES, Molecule, load_molecule
from dftflow.errors import StructureError


def distances(molecule: Molecule) -> np.ndarray:
    return np.linalg.norm(molecule.positions_ang[:, None] - molecule.positions_ang[None], axis=2)


def bonds(molecule: Molecule, first: str, second: str, below_ang: float) -> list[float]:
    lengths = distances(molecule)
    pairs = [
        (i, j)
        for i, one in enumerate(molecule.symbols)
        for j, other in enumerate(molecule.symbols[:i])
        if sorted((one, other)) == sorted((first, second))
    ]
    return [float(lengths[i, j]) for i, j in pairs if lengths[i, j] < below_ang]


def test_formamidinium_geometry() -> None:
    # In-crystal values of FAPbI3 (10.1021/acs.jpclett.5b01432) and of gas-phase calculations differ by 0.02 Å.
    fa = load_molecule("FA")
    assert "".join(sorted(fa.symbols)) == "CHHHHHNN"
    assert fa.charge == 1
    np.testing.assert_allclose(bonds(fa, "C", "N", 1.6), [1.31] * 2, atol=0.02)
    np.testing.assert_allclose(bonds(fa, "N", "H", 1.2), [1.02] * 4, atol=0.02)
    np.testing.assert_allclose(bonds(fa, "C", "H", 1.2), [1.09], atol=0.02)
    carbon, first, second = (fa.positions_ang[k] for k in (0, 2, 3))
    arms = first - carbon, second - carbon
    angle = np.degrees(np.arccos(arms[0] @ arms[1] / np.linalg.norm(arms[0]) / np.linalg.norm(arms[1])))
    assert angle == pytest.approx(125.5, abs=0.5)
    np.testing.assert_allclose(fa.positions_ang[:, 2], 0, atol=1e-12)


def test_methylammonium_geometry() -> None:
    # Ammonium-type ion: C-N 1.51, N-H 1.03-1.04, C-H 1.09 Å; C3v, staggered.
    ma = load_molecule("MA")
    assert "".join(sorted(ma.symbols)) == "CHHHHHHN"
    np.testing.assert_allclose(bonds(ma, "C", "N", 1.6), [1.51], atol=0.01)
    np.testing.assert_allclose(bonds(ma, "N", "H", 1.2), [1.035] * 3, atol=0.01)
    np.testing.assert_allclose(bonds(ma, "C", "H", 1.2), [1.09] * 3, atol=0.01)
    turned = ma.positions_ang @ Rotation.from_euler("x", 120, degrees=True).as_matrix().T
    gaps = np.linalg.norm(turned[:, None] - ma.positions_ang[None], axis=2).min(axis=1)
    np.testing.assert_allclose(gaps, 0, atol=1e-3)
    azimuth = np.arctan2(ma.positions_ang[2:, 2], ma.positions_ang[2:, 1])
    np.testing.assert_allclose(np.cos(3 * azimuth), [1, 1, 1, -1, -1, -1], atol=1e-4)


@pytest.mark.parametrize("name", sorted(MOLECULES))
def test_frame(name: str) -> None:
    molecule = load_molecule(name)
    atoms = Atoms(molecule.symbols, positions=molecule.positions_ang)
    np.testing.assert_allclose(atoms.get_center_of_mass(), 0, atol=1e-12)
    heavy = [k for k, symbol in enumerate(molecule.symbols) if symbol != "H"]
    along = molecule.positions_ang[[2, 3]] if name == "FA" else molecule.positions_ang[heavy]
    axis = along[0] - along[1]
    assert abs(axis[0]) == pytest.approx(np.linalg.norm(axis))


@pytest.mark.parametrize("suffix", [".xyz", ".extxyz", ".pdb", ".sdf"])
def test_a_file_gives_the_same_molecule_however_it_lies(tmp_path: Path, suffix: str) -> None:
    fa = load_molecule("FA")
    rotation = Rotation.from_euler("xyz", [17, 70, 123], degrees=True).as_matrix()
    atoms = Atoms(fa.symbols, positions=fa.positions_ang @ rotation.T + [3.0, -2.0, 8.0])
    if suffix == ".sdf":
        lines = ["x", "", "", f"{len(atoms):3d}  0  0  0  0  0  0  0  0  0999 V2000"]
        lines += [f"{x:10.4f}{y:10.4f}{z:10.4f} {atom.symbol:<3s} 0" for atom in atoms for x, y, z in [atom.position]]
        (tmp_path / "ion.sdf").write_text("\n".join([*lines, "M  END", "$$$$"]) + "\n")
    else:
        write(tmp_path / f"ion{suffix}", atoms)
    found = load_molecule(f"ion{suffix}", base_dir=tmp_path, charge=2)
    assert (found.name, found.charge, found.symbols) == ("ion", 2, fa.symbols)
    np.testing.assert_allclose(found.positions_ang, fa.positions_ang, atol=5e-3)


def test_a_chiral_molecule_keeps_its_hand(tmp_path: Path) -> None:
    positions = np.array([[0, 0, 0], [1.1, 0, 0], [-0.4, 1.8, 0], [-0.4, -0.9, 1.6], [-0.4, -0.7, -1.3]])
    atoms = Atoms("CHClBrF", positions=positions)
    write(tmp_path / "hand.xyz", atoms)
    found = load_molecule("hand.xyz", base_dir=tmp_path)
    arms = found.positions_ang[1:4] - found.positions_ang[0]
    before = positions[1:4] - positions[0]
    assert np.linalg.det(arms) == pytest.approx(np.linalg.det(before), rel=1e-6)


def test_positions_cannot_be_written() -> None:
    with pytest.raises(ValueError, match="read-only"):
        load_molecule("FA").positions_ang[0, 0] = 1.0


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("FAA", None, "FA"),
        ("formamidinum.xyz", None, "formamidinium.xyz"),
        ("broken.xyz", "3\n\nC 0 0 0\nN 1 1\n", "cannot be read"),
        ("single.xyz", "1\n\nC 0 0 0\n", "no molecule"),
        ("empty.xyz", "", "cannot be read"),
        ("element.xyz", "2\n\nXq 0 0 0\nN 1 1 1\n", "cannot be read"),
        ("nan.xyz", "2\n\nC nan 0 0\nN 1 1 1\n", "no molecule"),
    ],
)
def test_bad_molecules(tmp_path: Path, name: str, content: str | None, says: str) -> None:
    (tmp_path / "formamidinium.xyz").write_text("")
    if content is not None:
        (tmp_path / name).write_text(content)
    with pytest.raises(StructureError) as caught:
        load_molecule(name, base_dir=tmp_path)
    assert says in str(caught.value)
    assert caught.value.fix
