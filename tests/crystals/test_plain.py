"""A crystal as plain data and back, and plain data that is none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pymatgen.core import Lattice, Structure

from dftflow.crystals.plain import plain_structure, structure_of


@pytest.fixture
def plain() -> dict[str, Any]:
    """Rock salt with a molecule's marks, as JSON gives it."""
    made = Structure(
        Lattice([[4.0, 0, 0], [0.1, 4.1, 0], [0, 0, 15.0]]),
        ["Na", "Cl"],
        [[0, 0, 0], [0.5, 0.5, -0.25]],
        site_properties={"molecule": [-1, 0], "layer": [0, 1]},
        properties={"molecule_charges": [1], "substitution": {"seed": 3}},
    )
    found: dict[str, Any] = json.loads(json.dumps(plain_structure(made)))
    return found


def test_there_and_back(plain: dict[str, Any]) -> None:
    back = structure_of(plain)
    assert np.array_equal(back.lattice.matrix, [[4.0, 0, 0], [0.1, 4.1, 0], [0, 0, 15.0]])
    assert back.site_properties == {"molecule": [-1, 0], "layer": [0, 1]}
    assert back.properties == {"molecule_charges": [1], "substitution": {"seed": 3}}
    assert [site.specie.symbol for site in back] == ["Na", "Cl"] and back.frac_coords[1][2] == -0.25
    assert plain_structure(back) == plain


def test_oxidation_states_and_partly_filled_sites_come_back() -> None:
    made = Structure(Lattice.cubic(4.0), [{"Na+": 0.5, "K+": 0.5}, "Cl-"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    back = structure_of(json.loads(json.dumps(plain_structure(made))))
    assert back == made and back[1].specie.oxi_state == -1


def test_nothing_that_is_stored_is_imported_or_called(plain: dict[str, Any], tmp_path: Path) -> None:
    made = tmp_path / "made"
    call = {"@module": "os", "@class": "mkdir", "path": str(made)}
    from_dict = {"@module": "pathlib", "@callable": "Path.touch", "@bound": str(made)}
    plain["properties"]["x"] = call
    plain["sites"][0]["properties"] |= {"x": call}
    plain["sites"][1]["properties"] |= {"x": from_dict}
    found = structure_of(plain)
    assert found.site_properties["x"] == [call, from_dict] and not made.exists()


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("lattice", "matrix"), [[1e12, 0, 0], [0, 4, 0], [0, 0, 4]]),
        (("lattice", "matrix"), [[4, 0, 0], [8, 0, 0], [0, 0, 4]]),
        (("lattice", "matrix"), [[4, 0], [0, 4]]),
        (("lattice", "matrix"), None),
        (("lattice",), []),
        (("sites",), []),
        (("sites",), None),
        (("sites", 0), "Na"),
        (("sites", 0, "abc"), [1e12, 0, 0]),
        (("sites", 0, "abc"), [float("nan"), 0, 0]),
        (("sites", 0, "abc"), [0, 0]),
        (("sites", 0, "species"), []),
        (("sites", 0, "species", 0, "element"), "Xx"),
        (("sites", 0, "species", 0, "element"), 11),
        (("sites", 0, "species", 0, "occu"), 2.0),
        (("sites", 0, "species", 0, "occu"), 0.0),
        (("sites", 0, "properties", "molecule"), "0"),
        (("sites", 0, "properties", "layer"), None),
        (("sites", 0, "properties"), {}),
        (("properties", "molecule_charges"), 1),
        (("properties", "molecule_charges"), ["1"]),
        (("charge",), 1e300),
    ],
    ids=str,
)
def test_what_is_no_crystal_is_refused(plain: dict[str, Any], place: tuple[Any, ...], value: Any) -> None:
    *above, last = place
    owner: Any = plain
    for part in above:
        owner = owner[part]
    owner[last] = value
    with pytest.raises(ValueError, match=r"."):
        structure_of(plain)
