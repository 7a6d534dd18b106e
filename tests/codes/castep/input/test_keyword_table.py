"""dftflow's own table of keywords against the dictionaries that others publish."""

from __future__ import annotations

import json
import re
import runpy
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from dftflow.codes.castep.input.keyword_table import UNITS, canonical_name, keyword_table, split_quantity
from dftflow.units import HARTREE_EV

TYPES = {"string": "text", "boolean (logical)": "boolean"}
PROSE_FOR_A_LIST = {"popn_write"}
REMOVED = {"help"}
"""Known to 18.1 for the sake of old decks only."""


def _file(package: str, name: str) -> Path:
    """A file of an installed package; nothing of the package is imported, so that it needs none of its dependencies."""
    try:
        files = metadata.files(package) or []
    except metadata.PackageNotFoundError:
        pytest.skip(f"{package} is not installed (pip install --no-deps {package})")
    (file,) = (file for file in files if file.name == name)
    return Path(str(file.locate()))


@pytest.fixture(scope="module")
def castep_18() -> dict[str, dict[str, Any]]:
    entries = json.loads(_file("aiida-castep", "castep_help_info_18.1.json").read_text())
    return {name: entry for name, entry in entries.items() if isinstance(entry, dict) and name not in REMOVED}


@pytest.fixture(scope="module")
def castep_21() -> dict[str, tuple[str, str]]:
    entries = json.loads(_file("autoplex", "castep_keywords.json").read_text())
    return {
        name.lower(): (file, TYPES.get(entry["option_type"].lower(), entry["option_type"].lower()))
        for file in ("param", "cell")
        for name, entry in entries[file].items()
    }


def test_every_keyword_of_18_has_its_file_and_type(castep_18: dict[str, dict[str, Any]]) -> None:
    wrong = []
    for name, entry in castep_18.items():
        printed = re.search(r"^Type: (.*?)(?:\s{2,}|\n)", entry["help_full"], re.MULTILINE)
        assert printed
        wanted = TYPES.get(printed[1].lower(), printed[1].lower())
        known = keyword_table().find(name)
        if known is None or (known.file, known.type) != (entry["key_type"].lower(), wanted) or known.added_after_18_1:
            wrong.append(name)
    assert not wrong
    assert len(castep_18) == 458


def test_what_18_lacks_is_marked(castep_18: dict[str, dict[str, Any]]) -> None:
    newer = {name for name, keyword in keyword_table().keywords.items() if keyword.added_after_18_1}
    assert newer == keyword_table().keywords.keys() - castep_18.keys()
    assert len(newer) == 57


def test_allowed_values_hold_all_of_18(castep_18: dict[str, dict[str, Any]]) -> None:
    """Where the help gives a plain list; some of its lists are prose."""
    compared = 0
    for name, keyword in keyword_table().keywords.items():
        text = castep_18.get(name, {}).get("help_full", "")
        found = re.search(r"Allowed values\s*:\s*([A-Z][A-Z0-9 ,/+*-]*?)\.?\s*\n", text)
        if not keyword.allowed or found is None or "," not in found[1] or name in PROSE_FOR_A_LIST:
            continue
        options = {"".join(option.lower().split()) for option in found[1].split(",")}
        assert options <= set(keyword.allowed), name
        compared += 1
    assert compared > 35


def test_every_keyword_of_21_has_its_file_and_type(castep_21: dict[str, tuple[str, str]]) -> None:
    found = {name: keyword_table().find(name) for name in castep_21.keys() - REMOVED}
    assert {name: known and (known.file, known.type) for name, known in found.items()} == {
        name: castep_21[name] for name in found
    }
    assert keyword_table().keywords.keys() == castep_21.keys() - REMOVED


def test_every_name_of_matador_is_known() -> None:
    """CASTEP 20.1: names alone."""
    names = runpy.run_path(str(_file("matador-db", "castep_params.py")))
    for file, lists in {"cell": ("CASTEP_CELL_KEYWORDS", "CASTEP_CELL_BLOCKS"), "param": ("CASTEP_PARAMS",)}.items():
        of_file = {name.lower() for each in lists for name in names[each]}
        assert len(of_file) > 100
        wrong = {name for name in of_file if (known := keyword_table().find(name)) is None or known.file != file}
        assert wrong <= REMOVED


# --- the table in itself ----------------------------------------------------------------------------------------------


def test_every_physical_has_units_and_nothing_else_has() -> None:
    for name, keyword in keyword_table().keywords.items():
        assert (keyword.type == "physical") == bool(keyword.dimension), name
        assert keyword.dimension in ("", "any", *UNITS), name
        assert keyword.units


def test_every_name_in_a_rule_is_a_keyword() -> None:
    table = keyword_table()
    named = {name for exclusion in table.exclusions for name in exclusion.names}
    named |= {changed.name for changed in table.changed_defaults} | set(table.aliases) | set(table.aliases.values())
    assert named <= table.keywords.keys()
    for exclusion in table.exclusions:
        assert all(canonical_name(name) == name for name in exclusion.names)


def test_spellings_that_mean_the_same_have_the_same_type() -> None:
    for name, keyword in keyword_table().keywords.items():
        same = keyword_table().find(canonical_name(name))
        if same is not None:
            assert (same.file, same.type, same.dimension) == (keyword.file, keyword.type, keyword.dimension), name


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("cutoff_energy", "cut_off_energy"),
        ("dipole_corection", "dipole_correction"),
        ("CUT.OFF.ENERGY", "cut_off_energy"),
        ("kpoints_mp_gird", "kpoints_mp_grid"),
        ("geommethod", "geom_method"),
        ("flux_capacitor", ""),
        ("x" * 100_000, ""),
    ],
)
def test_nearest(wrong: str, right: str) -> None:
    assert keyword_table().nearest(wrong) == right


@pytest.mark.parametrize(
    ("dimension", "unit", "in_default_unit"),
    [
        ("energy", "ry", HARTREE_EV / 2),
        ("energy", "mha", HARTREE_EV / 1000),
        ("pressure", "kbar", 0.1),
        ("pressure", "hartree/bohr**3", 29421.015),  # GPa; CODATA: the atomic unit of pressure
        ("force", "ha/bohr", 51.422067),  # eV/Å; CODATA: the atomic unit of force is 8.2387235e-8 N
        ("time", "fs", 1e-3),
        ("inverse_length", "1/nm", 0.1),
        ("length", "nm", 10.0),
    ],
)
def test_units(dimension: str, unit: str, in_default_unit: float) -> None:
    assert UNITS[dimension][unit] == pytest.approx(in_default_unit, rel=1e-7)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("50.0 Ry", (50.0, "ry")),
        ("1.000000000000000e-005", (1e-5, "")),
        ("500.000000000000000  GPa", (500.0, "gpa")),
        ("eV", (None, "")),
        ("", (None, "")),
    ],
)
def test_split_quantity(text: str, parts: tuple[float | None, str]) -> None:
    assert split_quantity(text) == parts


@pytest.mark.parametrize("make", [str.upper, str.title, str.lower])
def test_case_does_not_matter(make: Callable[[str], str]) -> None:
    assert keyword_table().find(make("spin_polarised")) is keyword_table().find("spin_polarised")
    assert canonical_name(make("elec_method")) == "metals_method"
