"""``dftflow slab`` of crystals that are no perovskites: charges that are known, assumed, asked for and given."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from pymatgen.core import Lattice, Structure

from dftflow.cli.main import main

CS2SNI6 = """\
data_Cs2SnI6
_symmetry_space_group_name_H-M 'F m -3 m'
_cell_length_a 11.6
_cell_length_b 11.6
_cell_length_c 11.6
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
loop_
_atom_type_symbol
_atom_type_oxidation_number
Cs1+ 1
Sn4+ 4
I1- -1
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
Cs1 Cs1+ 0.25 0.25 0.25
Sn1 Sn4+ 0 0 0
I1 I1- 0.246 0 0
"""


def written(tmp_path: Path, group: str, lattice: Lattice, species: list[str], coords: list[list[float]]) -> str:
    file = tmp_path / "crystal.vasp"
    Structure.from_spacegroup(group, lattice, species, coords).to(str(file), fmt="poscar")
    return str(file)


def slabs(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert main(["slab", *arguments, "--json"]) == 0
    return dict(json.loads(capsys.readouterr().out))


def test_oxidation_states_of_a_cif_count(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """K2PtCl6 type, (001): CsI and SnI4 layers, both neutral with Sn4+."""
    file = tmp_path / "tin.cif"
    file.write_text(CS2SNI6)
    found = slabs(capsys, str(file), "--miller", "0", "0", "1")
    assert {slab["termination"]: slab["formal_charge"] for slab in found["slabs"]} == {
        "CsI": 0, "SnI4": 0, "CsI|SnI4": 0
    }  # fmt: skip
    assert found["formal_charges"] == "Cs +1, Sn +4, I -1 (as given)"


@pytest.mark.parametrize(
    ("group", "lattice", "species", "coords", "miller", "said"),
    [
        ("Fm-3m", Lattice.cubic(3.92), ["Pt"], [[0, 0, 0]], "1 1 1", "none: Pt is an element"),
        ("Fm-3m", Lattice.cubic(4.05), ["Al"], [[0, 0, 0]], "1 0 0", "none: Al is an element"),
        ("Fd-3m", Lattice.cubic(5.43), ["Si"], [[0, 0, 0]], "1 1 1", "none: Si is an element"),
        ("F-43m", Lattice.cubic(5.65), ["Ga", "As"], [[0, 0, 0], [0.25] * 3], "1 1 0", "none: no halide"),
        (
            "P4_2/mnm", Lattice.tetragonal(4.6, 2.96), ["Ti", "O"], [[0, 0, 0], [0.305, 0.305, 0]], "1 1 0",
            "Ti +4, O -2 (the only common ones that balance)",
        ),
    ],
)  # fmt: skip
def test_crystals_that_everybody_cuts(tmp_path, capsys, group, lattice, species, coords, miller, said) -> None:  # type: ignore[no-untyped-def]
    file = written(tmp_path, group, lattice, species, coords)
    assert main(["slab", file, "--miller", *miller.split()]) == 0
    told = capsys.readouterr().out
    assert f"Formal charges: {said}" in told
    assert re.search(r"^auto takes \w+: .+\.$", told, re.MULTILINE)


def test_calcite_by_its_four_indices(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """(10-14): Ca and whole CO3 in one neutral plane; its carbonate is no guest whose symmetry could be left out."""
    file = written(
        tmp_path, "R-3c", Lattice.hexagonal(4.99, 17.06), ["Ca", "C", "O"], [[0, 0, 0], [0, 0, 0.25], [0.257, 0, 0.25]]
    )
    found = slabs(capsys, file, "--miller", "1", "0", "-1", "4")
    assert [(slab["termination"], slab["tasker"]) for slab in found["slabs"]] == [("CaCO3", "I")]
    assert found["formal_charges"] == "Ca +2, CO3 -2 (usual)"


def test_what_is_ambiguous_names_charges_that_can_be_pasted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Magnetite, Fd-3m in its second origin; its primitive cell has two Fe(A) and four Fe(B)."""
    magnetite = Structure.from_spacegroup(
        "Fd-3m:2", Lattice.cubic(8.396), ["Fe", "Fe", "O"], [[0.125] * 3, [0.5] * 3, [0.2547] * 3]
    ).get_primitive_structure()
    file = tmp_path / "magnetite.vasp"
    magnetite.to(str(file), fmt="poscar")
    assert main(["slab", str(file), "--miller", "1", "1", "1", "--setting", "given"]) == 2
    fix = capsys.readouterr().err
    words = re.search(r"(--charge \S+)", fix)
    assert words is not None
    pasted = ["slab", str(file), "--miller", "1", "1", "1", "--setting", "given", *shlex.split(words[1])]
    assert main(pasted) == 0
    assert "Fe +2 and +3" in capsys.readouterr().out


def test_a_charge_that_is_given_comes_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = written(tmp_path, "F-43m", Lattice.cubic(5.65), ["Ga", "As"], [[0, 0, 0], [0.25] * 3])
    plain = slabs(capsys, file, "--miller", "0", "0", "1")
    given = slabs(capsys, file, "--miller", "0", "0", "1", "--charge", "Ga=3", "--charge", "As=-3")
    assert {slab["formal_charge"] for slab in plain["slabs"]} == {0}
    assert {slab["formal_charge"] for slab in given["slabs"]} == {-3, 0, 3}
    assert given["formal_charges"] == "Ga +3, As -3 (as given)"
    for found in (plain, given):
        assert all(slab["tasker"] == "III" for slab in found["slabs"])
        assert all("dangling bonds" in slab["remarks"][0] for slab in found["slabs"])


@pytest.mark.parametrize("text", ["Ti", "Ti=", "=4", "Ti=x", "Ti=2.5", "Ti=99", "Zr=4"])
def test_what_is_no_charge_is_refused(tmp_path: Path, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    file = written(tmp_path, "P4_2/mnm", Lattice.tetragonal(4.6, 2.96), ["Ti", "O"], [[0, 0, 0], [0.305, 0.305, 0]])
    assert main(["slab", file, "--miller", "1", "1", "0", "--charge", text]) == 2
    assert "fix:" in capsys.readouterr().err


def test_a_compensated_face_is_called_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["slab", "CsPb2Br5_I4mcm", "--miller", "0", "0", "1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    thinned = [line for line in lines if re.match(r"\S+ \((half|\d/4)\) ", line)]
    assert thinned and all("compensated   III" in line for line in thinned)
