"""Every keyword and value of every deck against CASTEP's own help text, as aiida-castep publishes it."""

from __future__ import annotations

import json
import re
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from dftflow.codes.castep import CASTEP
from dftflow.codes.castep.options import CastepOptions

UNITS = {
    "cut_off_energy": "eV",
    "smearing_width": "eV",
    "elec_energy_tol": "eV",
    "mix_charge_gmax": "1/ang",
    "geom_energy_tol": "eV",
    "geom_force_tol": "eV/ang",
    "geom_stress_tol": "GPa",
    "geom_disp_tol": "ang",
    "spectral_eigenvalue_tol": "eV",
    "bs_eigenvalue_tol": "eV",
    "symmetry_tol": "ang",
    "spectral_kpoint_path_spacing": "1/ang",
    "bs_kpoint_path_spacing": "1/ang",
}
NUMBER = r"[-+]?\d+(\.\d*)?(e[-+]?\d+)?"
FORMS = {
    "boolean": r"true|false",
    "integer": r"\d+",
    "real": NUMBER,
    "integer vector": r"\d+ \d+ \d+",
    "real vector": rf"{NUMBER} {NUMBER} {NUMBER}",
    "defined": "",
}
PROSE_FOR_A_LIST = {"finite_basis_corr"}


@pytest.fixture(scope="module")
def dictionary() -> dict[str, Any]:
    try:
        files = metadata.files("aiida-castep") or []
    except metadata.PackageNotFoundError:
        pytest.skip("aiida-castep is not installed (pip install --no-deps aiida-castep==2.0.1)")
    (file,) = (file for file in files if file.name == "castep_help_info_18.1.json")
    content: dict[str, Any] = json.loads(Path(str(file.locate())).read_text())
    return content


@pytest.mark.parametrize("family", ["academic", "materials-studio"])
def test_keywords_and_values_are_castep_18(
    family: Any, dictionary: dict[str, Any], calculations: dict[str, Any]
) -> None:
    checked = set()
    for step in calculations.values():
        for name, text in step.render(CASTEP(CastepOptions(keywords=family))).files.items():
            for keyword, value, is_block in _entries(text):
                assert keyword in dictionary, f"{name}: CASTEP has no keyword {keyword}"
                entry = dictionary[keyword]
                assert entry["key_type"].lower() == name.rsplit(".")[-1], f"{keyword} is not for {name}"
                if is_block:
                    assert entry["value_type"] == "block"
                else:
                    _check_value(keyword, value, entry)
                checked.add(keyword)
    assert len(checked) > 40


def _entries(text: str) -> list[tuple[str, str, bool]]:
    entries = []
    inside = False
    for line in text.splitlines():
        bare = line.split("!")[0].strip()
        if bare.upper().startswith("%BLOCK"):
            inside = True
            entries.append((bare.split()[1].lower(), "", True))
        elif bare.upper().startswith("%ENDBLOCK"):
            inside = False
        elif bare and not inside:
            keyword, _, value = bare.partition(":")
            entries.append((keyword.strip().lower(), value.strip(), False))
    return entries


def _check_value(keyword: str, value: str, entry: dict[str, Any]) -> None:
    kind = _kind(entry)
    if kind == "physical":
        assert re.fullmatch(rf"{NUMBER} {re.escape(UNITS[keyword])}", value, re.IGNORECASE), f"{keyword} : {value}"
    elif kind == "string":
        allowed = re.search(r"Allowed values: ([^\n]*)", entry["help_full"])
        if allowed and "," in allowed[1] and keyword not in PROSE_FOR_A_LIST:
            options = {_squeezed(option) for option in re.split(r",|=| (?=[A-Z]{2,}=)", allowed[1])}
            assert {_squeezed(part) for part in value.split("=")} <= options, (
                f"{keyword} : {value} is none of {options}"
            )
    else:
        assert re.fullmatch(FORMS[kind], value), f"{keyword} : {value} is no {kind}"


def _kind(entry: dict[str, Any]) -> str:
    """The type as the help text prints it: `value_type` calls an integer vector an integer."""
    printed = re.search(r"^Type: (.*?)(?:\s{2,}|\n)", entry["help_full"], re.MULTILINE)
    assert printed
    return printed[1].lower().replace(" (logical)", "")


def _squeezed(text: str) -> str:
    return re.sub(r"\s|\(.*?\)", "", text).upper().rstrip(".")
