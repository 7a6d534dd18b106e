"""POSCAR as VASP takes it: scaling factors, names, modes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dftflow.crystals.sources import load_crystal
from dftflow.errors import StructureError

CUBE = "1 0 0\n0 1 0\n0 0 1\n"
BY_SITE = ("Br1", "Br2", "Cs1", "Br3", "Pb1")
SITES = "0.5 0 0\n0 0.5 0\n0.5 0.5 0.5\n0 0 0.5\n0 0 0\n"


def load(tmp_path: Path, text: str) -> object:
    (tmp_path / "a.vasp").write_text(text)
    return load_crystal("a.vasp", base_dir=tmp_path)


def poscar(
    scale: str, lattice: str = CUBE, names: str = "Br Cs Br Pb", mode: str = "Direct", sites: str = SITES
) -> str:
    return f"CsPbBr3\n{scale}\n{lattice}{names}\n2 1 1 1\n{mode}\n{sites}"


@pytest.mark.parametrize(
    "text",
    [
        poscar("5.874"),
        poscar("5.874 5.874 5.874"),
        poscar("  5.874   5.874   5.874   ! a, b, c"),
        poscar("5.874 Angstrom"),
        poscar("-202.676"),
        poscar("1.0", lattice="5.874 0 0\n0 5.874 0\n0 0 5.874\n"),
        poscar("2 1 0.5", lattice="2.937 0 0\n0 5.874 0\n0 0 11.748\n"),
        poscar("5.874 5.874 5.874", mode="Cartesian"),
        poscar("5.874", mode="K"),
        poscar("-202.676", mode="Cartesian"),
        "CsPbBr3\n5.874\n" + CUBE + "3 1 1\nDirect\n0.5 0 0 Br\n0 0.5 0 Br\n0 0 0.5 Br\n0.5 0.5 0.5 Cs\n0 0 0 Pb\n",
        poscar("5.874d0", sites=SITES.replace("0.5 ", "0.5d0 ")),
        poscar("5.874", names="Br Cs Br Pb  ! kinds"),
        poscar("5.874", sites="".join(f"{s} {n}\n" for s, n in zip(SITES.splitlines(), BY_SITE, strict=True))),
        poscar("5.874", sites=SITES + "\n0 0 0\n0 0 0\n0 0 0\n0 0 0\n0 0 0\n"),  # velocities
        poscar("5.874", names="Br_GW Cs_sv/0a1b2c Br Pb_d"),
        poscar("5.874", mode="Selective dynamics\nDirect", sites=SITES.replace("\n", " T F T\n")),
    ],
)
def test_one_crystal_in_many_spellings(tmp_path: Path, text: str) -> None:
    """CsPbBr3, 5.874 Å (Hirotsu 1974), 4.75 g/cm3."""
    crystal = load(tmp_path, text)
    assert crystal.space_group == "Pm-3m"
    assert crystal.structure.composition.reduced_formula == "CsPbBr3"
    np.testing.assert_allclose(crystal.structure.lattice.abc, (5.874, 5.874, 5.874), atol=1e-4)
    assert crystal.structure.density == pytest.approx(4.75, abs=0.01)


def test_three_factors_scale_cartesian_x_y_and_z_of_a_skew_lattice(tmp_path: Path) -> None:
    text = "CsBr\n2 3 4\n2 0 0\n1 2 0\n0 0 2\nCs Br\n1 1\nCartesian\n0 0 0\n1.5 1 1\n"
    structure = load(tmp_path, text).structure
    np.testing.assert_allclose(structure.lattice.matrix, [[4, 0, 0], [2, 6, 0], [0, 0, 8]])
    np.testing.assert_allclose(structure.cart_coords[1], [3, 3, 4])


@pytest.mark.parametrize("scale", ["1 2", "0", "5.874 -5.874 5.874", "5.874 0 5.874", "a lot"])
def test_other_scaling_factors_are_refused(tmp_path: Path, scale: str) -> None:
    with pytest.raises(StructureError) as caught:
        load(tmp_path, poscar(scale))
    assert caught.value.where.endswith(":2")
    assert scale in caught.value.reason


@pytest.mark.parametrize(
    ("text", "words", "line"),
    [
        (poscar("5.874", names="Br Cs Br Pb I"), ("5 kinds", "4 numbers"), 7),
        (poscar("5.874", names="Br Cs Br"), ("3 kinds", "4 numbers"), 7),
        (poscar("5.874", sites=SITES + "0.25 0.25 0.25\n"), ("5 atoms", "6 positions"), 7),
        (poscar("5.874", sites=SITES[:-6]), ("5 atoms", "4 positions"), 7),
        (poscar("5.874", sites=SITES.replace("0 0 0\n", "0 0 nan\n")), ("5 atoms", "4 positions"), 7),
        (poscar("5.874").replace("Direct\n", ""), ("neither Direct nor Cartesian",), 8),
        (poscar("5.874", sites=SITES.replace("\n", " Br\n")), ("atom 3 is Cs", "Br by its own line"), 11),
    ],
)
def test_numbers_names_and_positions_that_contradict(
    tmp_path: Path, text: str, words: tuple[str, ...], line: int
) -> None:
    with pytest.raises(StructureError) as caught:
        load(tmp_path, text)
    assert all(word in str(caught.value) for word in words)
    assert caught.value.where.endswith(f":{line}")
