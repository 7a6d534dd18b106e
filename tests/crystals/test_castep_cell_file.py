"""What CASTEP takes in a ``.cell`` file is read as a crystal, and is no finding of the lint either."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dftflow.codes.castep.input.cell_file import read_cell_structure
from dftflow.codes.castep.lint.lint import lint_files
from dftflow.crystals.sources import load_crystal
from dftflow.errors import StructureError

CUBE = "%BLOCK LATTICE_CART\n5.874 0 0\n0 5.874 0\n0 0 5.874\n%ENDBLOCK LATTICE_CART\n"
ABC = "%BLOCK LATTICE_ABC\nANG\n5.874 5.874 5.874\n90 90 90\n%ENDBLOCK LATTICE_ABC\n"
SITES = "Cs 0.5 0.5 0.5\nPb 0 0 0\nBr 0.5 0 0\nBr 0 0.5 0\nBr 0 0 0.5\n"


def positions(sites: str, block: str = "POSITIONS_FRAC") -> str:
    return f"%BLOCK {block}\n{sites}%ENDBLOCK {block}\nkpoints_mp_grid 4 4 4\n"


@pytest.mark.parametrize(
    "text",
    [
        CUBE + positions(SITES),
        ABC + positions(SITES),
        CUBE + positions(SITES.replace("Cs", "55").replace("Pb", "82").replace("Br", "35")),
        CUBE + positions(SITES.replace("0.5 ", "1/2 ").replace("0.5\n", "1/2\n")),
        CUBE + positions(SITES.replace("0.5\n", "0.5d0\n")),
        CUBE + positions(SITES.replace("0.5 0 0", "(1+1)/4 1-1 0")),
        CUBE + positions(SITES.replace("Cs ", "Cs:1 ").replace("Br 0.5 0 0", "Br:a 0.5 0 0 SPIN=1.0")),
        CUBE + positions(SITES.replace("Cs", "cs").replace("Pb", "PB")),
        CUBE + positions(SITES.replace("\n", "  ! comment\n")),
        CUBE.replace("5.874", "2*2.937") + positions(SITES),
        CUBE.replace("CART\n5", "CART\nbohr\n5").replace("5.874", "5.874/0.529177210903") + positions(SITES),
        CUBE.replace("CART\n5", "CART\nnm\n5").replace("5.874", ".5874") + positions(SITES),
        CUBE + positions("ang\n" + SITES.replace("0.5", "2.937"), "POSITIONS_ABS"),
        CUBE + positions("pm\n" + SITES.replace("0.5", "293.7"), "POSITIONS_ABS"),
        CUBE.lower() + positions(SITES).replace("%ENDBLOCK POS", "%ENDBLOCK  POS"),
    ],
)
def test_one_crystal_in_many_spellings(tmp_path: Path, text: str) -> None:
    file = tmp_path / "a.cell"
    file.write_text(text)
    crystal = load_crystal("a.cell", base_dir=tmp_path)
    assert crystal.structure.composition.formula == "Cs1 Pb1 Br3"
    assert crystal.space_group == "Pm-3m"
    np.testing.assert_allclose(crystal.structure.lattice.abc, (5.874, 5.874, 5.874), rtol=1e-6)
    deck = read_cell_structure(file)
    assert deck.composition == crystal.structure.composition
    np.testing.assert_allclose(deck.cart_coords, crystal.structure.cart_coords, atol=1e-5)
    assert [finding for finding in lint_files([file]) if finding.severity == "error"] == []


def test_deuterium_is_hydrogen(tmp_path: Path) -> None:
    cell = CUBE.replace("5.874", "3.5")
    (tmp_path / "a.cell").write_text(cell + positions("O 0 0 0\nD 0.27 0 0\nD:2 0 0.27 0\n"))
    assert load_crystal("a.cell", base_dir=tmp_path).structure.composition.reduced_formula == "H2O"


@pytest.mark.parametrize(
    ("text", "says", "line"),
    [
        (CUBE + positions(SITES.replace("Cs", "119")), "unknown element '119'", 7),
        (CUBE + positions(SITES.replace("Cs", "Qb")), "unknown element 'Qb'", 7),
        (CUBE + positions(SITES.replace("0.5 0.5 0.5", "0.5 0.5 1.0-10")), "no number", 7),
        (CUBE + positions(SITES.replace("0.5 0.5 0.5", "0.5 0.5")), "three numbers", 7),
        (CUBE + positions(SITES.replace("0.5 0.5 0.5", "1/0 0.5 0.5")), "no number", 7),
        (CUBE.replace("0 0 5.874\n", "") + positions(SITES), "2 rows", 1),
        (CUBE + ABC + positions(SITES), "both", 6),
        (CUBE + positions(SITES) + positions(SITES), "twice", 14),
        (CUBE + positions(""), "no atoms", None),
        (CUBE.replace("5.874", "1e300") + positions(SITES), "longer than 100000 Å", 2),
        (ABC.replace("90 90 90", "60 60 150") + positions(SITES), "span no cell", 3),
        (CUBE + positions(SITES.replace("0.5 0.5 0.5", "0.5 0.5 1e300")), "out of all bounds", 7),
        (CUBE.replace("CART\n5", "CART\nfoot\n5") + positions(SITES), "unknown unit", 2),
    ],
)
def test_what_is_refused(tmp_path: Path, text: str, says: str, line: int | None) -> None:
    (tmp_path / "a.cell").write_text(text)
    with pytest.raises(StructureError) as caught:
        load_crystal("a.cell", base_dir=tmp_path)
    assert says in str(caught.value)
    assert caught.value.fix
    assert line is None or caught.value.where.endswith(f":{line}")
