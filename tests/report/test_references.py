"""What is cited: entries that BibTeX takes, DOIs that are DOIs, and a text that names what its files tell."""

from __future__ import annotations

import re
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

import dftflow
from dftflow.codes.registry import code_names
from dftflow.model.method import Method
from dftflow.report.methods import methods_of
from dftflow.report.references import bibtex, code_name, references_for

FILE = Path(dftflow.__file__).parent / "report" / "references.toml"
METHOD = Method(
    code="castep",
    code_version="25.1",
    functional="PBEsol",
    dispersion="TS",
    cutoff_ev=700.0,
    potentials={"Si": "C19"},
    kpoints_grid=(4, 4, 4),
    kpoints_shift=(0.5, 0.5, 0.5),
    smearing="fixed",
    spin_polarised=False,
    spin_orbit=False,
)

PUBLISHED = {
    ("codes", "castep"): {"10.1524/zkri.220.5.567.65075"},
    ("codes", "espresso"): {"10.1088/0953-8984/21/39/395502", "10.1088/1361-648X/aa8f79"},
    ("codes", "gpaw"): {"10.1063/5.0182685", "10.1103/PhysRevB.71.035109", "10.1088/1361-648X/aa680e"},
    ("functionals", "PBE"): {"10.1103/PhysRevLett.77.3865"},
    ("functionals", "PBEsol"): {"10.1103/PhysRevLett.100.136406"},
    ("dispersions", "TS"): {"10.1103/PhysRevLett.102.073005"},
    ("dispersions", "D3(BJ)"): {"10.1063/1.3382344", "10.1002/jcc.21759"},
    ("uses", "line-up"): {"10.1103/PhysRevLett.61.734"},
}


@pytest.mark.parametrize(("kind", "name"), PUBLISHED)
def test_what_is_cited_for_what(kind: str, name: str) -> None:
    assert {one.doi for one in references_for(kind, name)} == PUBLISHED[kind, name]
    assert references_for(kind, name.upper()) == references_for(kind, name)


def test_every_entry_is_whole_and_stands_once() -> None:
    content = tomllib.loads(FILE.read_text("utf-8"))
    names = content.pop("names")
    assert {"vasp", *names} == {*names} and set(names) == set(code_names())
    dois = [entry["doi"] for entry in content.values()]
    assert len(set(dois)) == len(dois)
    for key, entry in content.items():
        assert re.fullmatch(r"10\.\d{4,5}/\S+", entry["doi"]), key
        assert {"author", "title", "journal", "volume", "pages", "year"} <= set(entry), key
        assert key.lower().endswith(str(entry["year"])), key
        assert any(entry.get(kind) for kind in ("codes", "functionals", "dispersions", "potentials", "uses")), key


def test_every_code_is_cited_and_has_the_name_that_people_write() -> None:
    for code in code_names():
        assert references_for("codes", code) and code_name(code) != code
    assert references_for("codes", "other") == () and code_name("other") == "other"


def test_bibtex_holds_each_entry_once_with_its_braces_closed() -> None:
    text = bibtex([*references_for("codes", "gpaw"), *references_for("functionals", "PBE")] * 2)
    assert text.count("@article{") == 4 and text.count("@software{dftflow,") == 1
    assert text.count("{") == text.count("}")
    assert dftflow.__version__ in text
    for entry in text.split("\n\n"):
        assert re.match(r"@\w+\{\w+,\n(  \w+ = \{.*\},\n)+\}", entry)


def test_the_text_tells_what_the_files_tell_and_cites_it() -> None:
    found = methods_of([("Si", METHOD), ("SiO2", replace(METHOD, kpoints_grid=(2, 2, 2)))])
    assert found.text.startswith("Si, SiO2: calculated with CASTEP 25.1 [Clark2005]. Functional: PBEsol [Perdew2008].")
    assert "Dispersion correction: TS [Tkatchenko2009]" in found.text and "cutoff: 700 eV" in found.text
    assert re.search(r"k-points: 4x4x4.* \(Si\); 2x2x2.* \(SiO2\)", found.text)
    keys = set(re.findall(r"\w+\d{4}", " ".join(re.findall(r"\[([^]]*)\]", found.text))))
    assert keys == {one.key for one in found.references}
    assert all(f"{{{key}," in found.bibtex() for key in keys)


def test_what_they_do_not_tell_is_said() -> None:
    found = methods_of([("x", Method(code="castep", code_version="")), ("y", None)])
    assert found.text.count("not told by the files") == 10
    assert "How y was calculated is not told by the files" in found.text


def test_a_functional_without_a_reference_here_is_said() -> None:
    text = methods_of([("x", replace(METHOD, functional="hybrid of PBE, AEXX 0.3"))]).text
    assert "Functional: hybrid of PBE, AEXX 0.3 (no reference for it is known here)" in text


def test_projector_augmented_waves_and_the_line_up() -> None:
    paw = replace(METHOD, code="gpaw", potentials={"Si": "PAW 1234"})
    keys = {one.key for one in methods_of([("x", paw)], uses=["line-up", "symmetry"]).references}
    assert {"Blochl1994", "Baldereschi1988", "Togo2024", "Ong2013"} <= keys
    assert "Blochl1994" not in {one.key for one in methods_of([("x", METHOD)]).references}
