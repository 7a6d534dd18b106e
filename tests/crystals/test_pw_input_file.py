"""Crystals in inputs of pw.x, in all units that it has."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dftflow.crystals.pw_input_file import read_pw_input
from dftflow.crystals.structure_file import read_structure_file
from dftflow.crystals.symmetry import space_group
from dftflow.errors import DftflowError, StructureError
from dftflow.units import BOHR_ANG

A_ANG = 5.43
FCC = """\
&CONTROL
  calculation = 'scf'   ! nothing of this is read
/
&SYSTEM
  ibrav = 2, {length}, nat = 2, ntyp = 1,
  ecutwfc = 30.0
/
&ELECTRONS
/
ATOMIC_SPECIES
Si 28.086 Si.upf
ATOMIC_POSITIONS {option}
Si1 {first} 0 0 0
Si_b {second}
K_POINTS automatic
2 2 2 1 1 1
"""
ZERO = "0.0d0 0.0 0.0"


def fcc(option: str, second: str, length: str = f"celldm(1) = {A_ANG / BOHR_ANG!r}", first: str = ZERO) -> str:
    return FCC.format(option=option, second=second, length=length, first=first)


@pytest.mark.parametrize(
    ("option", "second"),
    [
        ("{alat}", "0.25 0.25 0.25"),
        ("", "0.25 0.25 0.25"),
        ("(crystal)", "0.25 0.25 0.25"),
        ("crystal", "1/4 1/4 1/4 0 0 0"),
        ("angstrom", f"{A_ANG / 4!r} {A_ANG / 4!r} {A_ANG / 4!r}"),
        ("bohr", " ".join([repr(A_ANG / 4 / BOHR_ANG)] * 3)),
    ],
)
def test_silicon_in_every_unit(option: str, second: str) -> None:
    """Diamond: two atoms, Fd-3m, a bond of sqrt(3)/4 a; along the fcc vectors (1/4, 1/4, 1/4) is that bond as well."""
    structure, _, _ = read_pw_input(fcc(option, second), "a.in")
    assert space_group(structure).number == 227
    assert structure.volume == pytest.approx(A_ANG**3 / 4)
    assert structure.get_distance(0, 1) == pytest.approx(3**0.5 / 4 * A_ANG, rel=1e-9)


@pytest.mark.parametrize("length", [f"A = {A_ANG}", f"a={A_ANG}d0", f"celldm(1)={A_ANG / BOHR_ANG!r}"])
def test_lengths_in_angstrom_and_bohr(length: str) -> None:
    assert read_pw_input(fcc("crystal", "0.25 0.25 0.25", length), "")[0].volume == pytest.approx(A_ANG**3 / 4)


@pytest.mark.parametrize(
    ("system", "lengths", "angles"),
    [
        ("ibrav=8, A=3, B=4, C=5", (3, 4, 5), (90, 90, 90)),
        ("ibrav=4, A=3, C=5", (3, 3, 5), (90, 90, 120)),
        ("ibrav=12, A=3, B=4, C=5, cosAB=0.1", (3, 4, 5), (90, 90, np.degrees(np.arccos(0.1)))),
        ("ibrav=-12, A=3, B=4, C=5, cosAC=0.1", (3, 4, 5), (90, np.degrees(np.arccos(0.1)), 90)),
        ("ibrav=14, A=3, B=4, C=5, cosBC=.1, cosAC=.2, cosAB=.3", (3, 4, 5), np.degrees(np.arccos([0.1, 0.2, 0.3]))),
        ("ibrav=5, A=3, cosAB=0.2", (3, 3, 3), np.degrees(np.arccos([0.2] * 3))),
    ],
)
def test_lengths_and_cosines(system: str, lengths: tuple[float, ...], angles: tuple[float, ...]) -> None:
    text = f"&system\n {system}\n/\nATOMIC_POSITIONS crystal\nPo 0 0 0\n"
    structure, _, _ = read_pw_input(text, "")
    np.testing.assert_allclose(structure.lattice.abc, lengths)
    np.testing.assert_allclose(structure.lattice.angles, angles)


@pytest.mark.parametrize(
    ("system", "card", "length"),
    [
        ("ibrav=0", "angstrom", 4.0),
        ("ibrav=0", "{bohr}", 4.0 * BOHR_ANG),
        ("ibrav=0", "", 4.0 * BOHR_ANG),
        ("ibrav=0, A=2.0", "(alat)", 8.0),
        ("ibrav=0, celldm(1)=2.0", "alat", 8.0 * BOHR_ANG),
        ("ibrav=0, A=2.0", "", 8.0),
    ],
)
def test_lattice_vectors_in_every_unit(system: str, card: str, length: float) -> None:
    text = f"&SYSTEM\n{system}\n/\nCELL_PARAMETERS {card}\n4 0 0\n0 4 0\n0 0 4\nATOMIC_POSITIONS crystal\nPo 0 0 0\n"
    assert read_pw_input(text, "")[0].lattice.a == pytest.approx(length)


BAD = [
    ("no namelist", "ATOMIC_POSITIONS crystal\nPo 0 0 0\n", "&SYSTEM"),
    ("no positions", "&SYSTEM\nibrav=1, A=3\n/\n", "ATOMIC_POSITIONS"),
    ("no ibrav", "&SYSTEM\nA=3\n/\nATOMIC_POSITIONS crystal\nPo 0 0 0\n", "ibrav"),
    ("no length", "&SYSTEM\nibrav=1\n/\nATOMIC_POSITIONS crystal\nPo 0 0 0\n", "length"),
    ("two lengths", "&SYSTEM\nibrav=1,A=3,celldm(1)=2\n/\nATOMIC_POSITIONS crystal\nPo 0 0 0\n", "both"),
    ("no such lattice", "&SYSTEM\nibrav=77,A=3\n/\nATOMIC_POSITIONS crystal\nPo 0 0 0\n", "77"),
    ("flat", "&SYSTEM\nibrav=8,A=3\n/\nATOMIC_POSITIONS crystal\nPo 0 0 0\n", "span no cell"),
    ("orbits", "&SYSTEM\nibrav=1,A=3\n/\nATOMIC_POSITIONS crystal_sg\nPo 0 0 0\n", "crystal_sg"),
    ("space group", "&SYSTEM\nibrav=1,A=3,space_group=221\n/\nATOMIC_POSITIONS crystal\nPo 0 0 0\n", "space group"),
    (
        "card and ibrav",
        "&SYSTEM\nibrav=1,A=3\n/\nCELL_PARAMETERS\n1 0 0\n0 1 0\n0 0 1\nATOMIC_POSITIONS\nPo 0 0 0\n",
        "refuses",
    ),
    ("cut", "&SYSTEM\nibrav=1,A=3,nat=2\n/\nATOMIC_POSITIONS crystal\nPo 0 0 0\n", "nat is 2"),
    ("two rows", "&SYSTEM\nibrav=0\n/\nCELL_PARAMETERS bohr\n1 0 0\n0 1 0\nATOMIC_POSITIONS\nPo 0 0 0\n", "2 rows"),
    ("no element", "&SYSTEM\nibrav=1,A=3\n/\nATOMIC_POSITIONS crystal\nXx 0 0 0\n", "Xx"),
    ("no number", "&SYSTEM\nibrav=1,A=3\n/\nATOMIC_POSITIONS crystal\nPo 0 0 nan\n", "three numbers"),
    ("no unit", "&SYSTEM\nibrav=0\n/\nCELL_PARAMETERS mm\n1 0 0\n0 1 0\n0 0 1\nATOMIC_POSITIONS\nPo 0 0 0\n", "mm"),
    ("twice", "&SYSTEM\nibrav=1,A=3\n/\nATOMIC_POSITIONS\nPo 0 0 0\nATOMIC_POSITIONS\nPo 0 0 0\n", "twice"),
]  # fmt: skip


@pytest.mark.parametrize(("content", "says"), [row[1:] for row in BAD], ids=[row[0] for row in BAD])
def test_what_is_no_input_is_refused(content: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "a.in").write_text(content)
    with pytest.raises(StructureError) as caught:
        read_structure_file(tmp_path / "a.in", "a.in")
    assert says in caught.value.sentence
    assert str(tmp_path / "a.in") in caught.value.where


def test_a_damaged_input_is_refused_wherever_it_is_cut(tmp_path: Path) -> None:
    whole = fcc("crystal", "0.25 0.25 0.25")
    for end in range(0, len(whole), 7):
        (tmp_path / "a.in").write_text(whole[:end])
        try:
            structure = read_structure_file(tmp_path / "a.in", "a.in").structure
        except DftflowError:
            continue
        assert len(structure) == 2 and structure.volume == pytest.approx(A_ANG**3 / 4)
