"""What decides the numbers beside the deck: versions, and potentials by what is in their files."""

from __future__ import annotations

import gzip
import hashlib
import json
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import pytest
from pymatgen.core import Lattice, Structure

from dftflow.api.deck import deck
from dftflow.codes.file_hash import NOT_KNOWN_HERE, file_md5
from dftflow.codes.gpaw.data_sets import check_data_sets, missing_data_sets
from dftflow.codes.registry import code_names, load_code
from dftflow.crystals.geometry import elements_of
from dftflow.errors import SpecError

CSBR = Structure(Lattice.cubic(4.291), ["Cs", "Br"], [[0, 0, 0], [0.5, 0.5, 0.5]])
VARIABLES = ("ESPRESSO_PSEUDO", "GPAW_SETUP_PATH", "PSPOT_DIR", "VASP_PP_PATH")
A = "md5 0cc175b9c0f1b6a831c399e269772661"  # of the letter a (RFC 1321, A.5)


@pytest.fixture(autouse=True)
def nothing_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


def fingerprint(code: str, **options: object) -> dict[str, str]:
    return dict(load_code(code, options).fingerprint(("Br", "Cs")))


def write(file: Path, text: str = "a") -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


@pytest.mark.parametrize("code", code_names())
def test_it_is_the_same_for_the_same_crystal_and_names_no_place(code: str, tmp_path: Path) -> None:
    first = fingerprint(code)
    assert elements_of(CSBR) == elements_of(CSBR * 2) == ("Br", "Cs"), "neither size nor order decides"
    assert "version" in first
    assert not [text for text in (*first, *first.values()) if str(tmp_path) in text or "/home" in text]
    assert json.loads(json.dumps(first)) == first


def test_espresso(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert fingerprint("espresso") == {
        "version": NOT_KNOWN_HERE, "potential Br.upf": NOT_KNOWN_HERE, "potential Cs.upf": NOT_KNOWN_HERE,
    }  # fmt: skip
    monkeypatch.setenv("ESPRESSO_PSEUDO", str(tmp_path / "upf"))
    write(tmp_path / "upf" / "br_pbe.UPF")
    assert fingerprint("espresso") == {
        "version": NOT_KNOWN_HERE, "potential br_pbe.UPF": A, "potential Cs.upf": NOT_KNOWN_HERE,
    }  # fmt: skip
    write(tmp_path / "upf" / "mine.upf")
    assert fingerprint("espresso", potentials={"Cs": "mine.upf"})["potential mine.upf"] == A


def test_castep(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    academic = {"version": NOT_KNOWN_HERE, "keywords": "academic"}
    assert fingerprint("castep") == academic | {"potentials C19": "built into CASTEP"}
    assert fingerprint("castep", potentials="NCP19") == academic | {"potentials NCP19": "built into CASTEP"}
    monkeypatch.setenv("PSPOT_DIR", str(tmp_path))
    write(tmp_path / "Cs_00PBE.usp")
    assert fingerprint("castep", potentials="tabulated:00PBE") == academic | {
        "potential Br_00PBE.usp": NOT_KNOWN_HERE, "potential Cs_00PBE.usp": A,
    }  # fmt: skip
    assert fingerprint("castep", potentials={"Cs": "Cs_00PBE.usp", "Br": "C19"}) == academic | {
        "potential C19": "built into CASTEP", "potential Cs_00PBE.usp": A,
    }  # fmt: skip
    studio = fingerprint("castep", keywords="materials-studio")
    assert studio["keywords"] == "materials-studio" and studio["potential Cs_00PBE.usp"] == A


def test_vasp(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert fingerprint("vasp") == {
        "version": NOT_KNOWN_HERE, "potential Br": NOT_KNOWN_HERE, "potential Cs_sv": NOT_KNOWN_HERE,
    }  # fmt: skip
    monkeypatch.setenv("VASP_PP_PATH", str(tmp_path))
    write(tmp_path / "potpaw_PBE" / "Br" / "POTCAR")
    assert fingerprint("vasp") == {
        "version": NOT_KNOWN_HERE, "potential potpaw_PBE/Br": A, "potential potpaw_PBE/Cs_sv": NOT_KNOWN_HERE,
    }  # fmt: skip
    write(tmp_path / "potpaw_LDA" / "Br" / "POTCAR")
    assert fingerprint("vasp")["potential potpaw_LDA/Br"] == A


def test_gpaw_finds_the_files_as_gpaw_does(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The folders of GPAW_SETUP_PATH in their order, packed or not; a program of the user's may decide otherwise."""
    first, second = tmp_path / "first", tmp_path / "second"
    monkeypatch.setenv("GPAW_SETUP_PATH", f"{first}:{second}")
    write(second / "Cs.PBE", "b")
    write(second / "Br.PBE", "b")
    first.mkdir()
    (first / "Cs.PBE.gz").write_bytes(gzip.compress(b"a"))
    found = fingerprint("gpaw")
    assert found["data set Cs.PBE"] == A
    assert found["data set Br.PBE"] == f"md5 {hashlib.md5(b'b').hexdigest()}"
    write(tmp_path / "home" / ".gpaw" / "rc.py")
    assert fingerprint("gpaw")["data set Cs.PBE"] == NOT_KNOWN_HERE
    assert missing_data_sets(["Es"]) == ()


def test_gpaw_has_no_deck_of_an_element_without_a_data_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where data sets are installed; where none are, or a program names their folders, nothing is known."""
    einsteinium = Structure(Lattice.cubic(4.291), ["Cs", "Es"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    monkeypatch.setattr("dftflow.codes.gpaw.data_sets._packaged", lambda: [])
    check_data_sets(einsteinium)
    monkeypatch.setenv("GPAW_SETUP_PATH", str(tmp_path / "sets"))
    check_data_sets(einsteinium)
    write(tmp_path / "sets" / "Cs.PBE")
    with pytest.raises(SpecError, match="no data set for Es"):
        deck(einsteinium, code="gpaw", task="relax", cutoff_ev=400.0)
    write(tmp_path / "home" / ".gpaw" / "rc.py")
    check_data_sets(einsteinium)


def test_gpaw_of_this_interpreter() -> None:
    if find_spec("gpaw_data") is None or find_spec("gpaw") is None:
        pytest.skip("GPAW is not installed")
    folder = Path(find_spec("gpaw_data").origin).parent / "setups"  # type: ignore[union-attr,arg-type]
    found = fingerprint("gpaw")
    assert found["version"] == version("gpaw")
    assert (
        found["data set Cs.PBE"]
        == f"md5 {hashlib.md5(gzip.decompress((folder / 'Cs.PBE.gz').read_bytes())).hexdigest()}"
    )
    assert missing_data_sets(["Cs", "Es"]) == ("Es",)


def test_a_hash_follows_its_file(tmp_path: Path) -> None:
    file = write(tmp_path / "x")
    assert file_md5(file) == A
    write(file, "bb")
    assert file_md5(file) == f"md5 {hashlib.md5(b'bb').hexdigest()}"
    file.unlink()
    assert file_md5(file) == NOT_KNOWN_HERE == file_md5(tmp_path)
    broken = write(tmp_path / "x.gz", "not packed")
    assert file_md5(broken) == NOT_KNOWN_HERE


def test_a_structure_that_a_person_changes_is_looked_at_again() -> None:
    """What is remembered of structures is of a plan's and of copies alone."""
    mine = CSBR.copy()
    before = deck(mine, code="gpaw", task="bands", cutoff_ev=200.0)
    mine.scale_lattice(2 * mine.volume)
    after = deck(mine, code="gpaw", task="bands", cutoff_ev=200.0)
    assert [after.files[name] != before.files[name] for name in after.files if name.endswith(".xyz")] == [True]
    mine.replace(0, "Pu")
    with pytest.raises(SpecError, match="Pu"):
        deck(mine, code="gpaw", task="bands", cutoff_ev=200.0)
