"""What pw.x is told of spin, spin-orbit coupling, U and dispersion; that it takes it, test_pw.py tries."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from nickel_oxide import MAGNETIC, NIO

from dftflow.codes.espresso import ESPRESSO
from dftflow.codes.espresso.options import EspressoOptions
from dftflow.crystals.structure_file import read_structure_file
from dftflow.errors import SpecError
from dftflow.model.spec import CalcSpec

SPINORS = replace(MAGNETIC, moments_mub=(), hubbard_u_ev={}, dispersion="none", spin_orbit=True)
UPF = '<UPF version="2.0.1">\n<PP_HEADER element="{element}" pseudo_type="NC" functional="PBE" z_valence="{z}" {more}/>'


def scf(spec: CalcSpec, **options: object) -> str:
    return ESPRESSO(EspressoOptions.model_validate(options)).render(NIO, spec, "nio").files["nio.scf.in"]


def value(text: str, key: str) -> str:
    found = re.search(rf"^\s*{re.escape(key)}\s*=\s*([^!\n]*?)\s*(?:!.*)?$", text, re.MULTILINE)
    return "" if found is None else found[1]


@pytest.fixture(autouse=True)
def potentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ESPRESSO_PSEUDO", str(tmp_path))
    for element, valence in (("Ni", 18), ("O", 6)):
        (tmp_path / f"{element}.upf").write_text(UPF.format(element=element, z=f"{valence}.0", more=""))
    return tmp_path


def test_atoms_of_unlike_moments_are_two_species(tmp_path: Path) -> None:
    """Ni1 up, Ni2 down: 2 of 18 valence electrons; read back, both are Ni."""
    text = scf(MAGNETIC)
    assert value(text, "ntyp") == "3" and value(text, "nspin") == "2"
    assert float(value(text, "starting_magnetization(1)")) == pytest.approx(2 / 18, abs=1e-5)
    assert float(value(text, "starting_magnetization(2)")) == pytest.approx(-2 / 18, abs=1e-5)
    assert value(text, "starting_magnetization(3)") == ""
    assert re.findall(r"^(Ni\d|O) +[\d.]+ +(\S+\.upf)$", text, re.MULTILINE) == [
        ("Ni1", "Ni.upf"), ("Ni2", "Ni.upf"), ("O", "O.upf")
    ]  # fmt: skip
    assert re.findall(r"^(Ni\d|O) +[\d.]+ +[\d.]+ +[\d.]+$", text, re.MULTILINE) == ["Ni1", "O", "Ni2", "O"]
    (tmp_path / "nio.scf.in").write_text(text)
    assert read_structure_file(tmp_path / "nio.scf.in", "nio").structure.composition == NIO.composition
    same = scf(replace(MAGNETIC, moments_mub=(2.0, 0.0, 2.0, 0.0)))
    assert value(same, "ntyp") == "2" and "\nNi  " in same and int(value(same, "nbnd")) == int(value(text, "nbnd")) + 2


def test_u_in_the_card_of_7_1_or_in_the_namelist() -> None:
    card, namelist = scf(MAGNETIC), scf(MAGNETIC, hubbard="namelist")
    assert card.split("HUBBARD (ortho-atomic)\n")[1].splitlines() == ["U Ni1-3d 6", "U Ni2-3d 6"]
    assert "lda_plus_u" not in card and "HUBBARD" not in namelist
    assert value(namelist, "lda_plus_u") == ".true." and value(namelist, "U_projection_type") == "'ortho-atomic'"
    assert (value(namelist, "Hubbard_U(1)"), value(namelist, "Hubbard_U(3)")) == ("6", "")
    assert "U O-2p 4" in scf(replace(MAGNETIC, hubbard_u_ev={"O:p": 4.0}))
    with pytest.raises(SpecError, match="gives Ni no U on p"):
        scf(replace(MAGNETIC, hubbard_u_ev={"Ni:d": 6.0, "Ni:p": 1.0}), hubbard="namelist")


@pytest.mark.parametrize(("name", "corr", "version"), [
    ("D2", "'grimme-d2'", ""), ("D3", "'grimme-d3'", "3"), ("D3(BJ)", "'grimme-d3'", "4"), ("TS", "'ts-vdw'", ""),
    ("MBD", "'mbd_vdw'", ""), ("none", "", ""),
])  # fmt: skip
def test_dispersion(name: str, corr: str, version: str) -> None:
    text = scf(replace(MAGNETIC, moments_mub=(), dispersion=name))  # type: ignore[arg-type]
    assert (value(text, "vdw_corr"), value(text, "dftd3_version")) == (corr, version)
    assert value(text, "dftd3_threebody") == (".false." if version else "")


def test_spin_orbit_coupling_wants_potentials_that_have_it(potentials: Path) -> None:
    with pytest.raises(SpecError, match=r"fully relativistic potentials, which Ni\.upf, O\.upf are not"):
        scf(SPINORS)
    for element, valence in (("Ni", 18), ("O", 6)):
        (potentials / f"{element}.upf").write_text(UPF.format(element=element, z=f"{valence}.0", more='has_so="T" '))
    with pytest.raises(SpecError, match="no effective U"):
        scf(replace(SPINORS, hubbard_u_ev={"Ni:d": 6.0}))
    text = scf(SPINORS)
    assert value(text, "noncolin") == value(text, "lspinorb") == ".true." and value(text, "nspin") == ""
    assert int(value(text, "nbnd")) == 2 * int(value(scf(replace(SPINORS, spin_orbit=False)), "nbnd"))


def test_what_pw_would_leave_out_without_a_word_is_refused_or_noted() -> None:
    """Seen with pw.x 6.7: the card is ignored with a warning, spinors with a U end the run."""

    def notes(spec: CalcSpec, **options: object) -> str:
        return " ".join(ESPRESSO(EspressoOptions.model_validate(options)).render(NIO, spec, "nio").notes)

    assert "needs pw.x 7.1" in notes(MAGNETIC)
    assert "7.1" not in notes(MAGNETIC, hubbard="namelist") + notes(replace(MAGNETIC, hubbard_u_ev={}))
    assert "mbd_vdw" in notes(replace(MAGNETIC, moments_mub=(), dispersion="MBD"))
    with pytest.raises(SpecError, match="gives Ni no U on s"):
        scf(replace(MAGNETIC, hubbard_u_ev={"Ni:s": 2.0}), hubbard="namelist")
    with pytest.raises(SpecError, match="no parameters of D3 for RPBE"):
        scf(replace(MAGNETIC, xc="RPBE", dispersion="D3"))


def test_fixed_occupations_leave_no_moment_to_be_found() -> None:
    with pytest.raises(SpecError, match="no fixed occupations with starting moments"):
        scf(replace(MAGNETIC, smearing_ev=0.0))


@pytest.mark.parametrize("name", ["TS", "MBD"])
def test_dispersion_by_the_volumes_of_atoms_asks_for_more(name: str, potentials: Path) -> None:
    """``setup.f90`` ends with ultrasoft potentials, ``GetVdWParam`` with a species Ni1, and has no lanthanides."""
    plain = replace(MAGNETIC, moments_mub=(), dispersion=name)  # type: ignore[arg-type]
    with pytest.raises(SpecError, match=f"no {name} where atoms of one element start with unlike moments"):
        scf(replace(plain, moments_mub=(2.0, 0.0, -2.0, 0.0)))
    assert value(scf(replace(plain, moments_mub=(2.0, 0.0, 2.0, 0.0))), "nspin") == "2"
    for kind in ("US", "PAW"):
        (potentials / "O.upf").write_text(UPF.format(element="O", z="6.0", more="").replace("NC", kind))
        with pytest.raises(SpecError, match=r"norm-conserving potentials only, which O\.upf are not"):
            scf(plain)
    ceria = NIO.copy()
    ceria.replace_species({"Ni": "Ce"})
    with pytest.raises(SpecError, match=rf"pw\.x has no parameters of {name} for Ce") as refused:
        ESPRESSO().render(ceria, replace(plain, hubbard_u_ev={}), "ceo")
    assert "D3(BJ)" in refused.value.fix


def test_no_more_species_than_pw_takes() -> None:
    """``ntypx`` of every version is 10: nine moments of Ni, and O."""
    large = NIO.copy()
    large.make_supercell([5, 1, 1])
    moments = iter(range(1, 11))
    eleven = tuple(next(moments) / 2 if site.specie.symbol == "Ni" else 0.0 for site in large)
    ten = tuple(4.5 if moment == 5.0 else moment for moment in eleven)
    with pytest.raises(SpecError, match=r"pw\.x takes 10 species, and these are 11: Ni1, .*Ni10, O"):
        ESPRESSO().render(large, replace(MAGNETIC, moments_mub=eleven), "nio")
    text = ESPRESSO().render(large, replace(MAGNETIC, moments_mub=ten), "nio").files["nio.scf.in"]
    assert value(text, "ntyp") == "10"


def test_a_gradient_functional_that_no_deck_has_is_not_called_a_hybrid() -> None:
    with pytest.raises(SpecError, match="'RPBE'") as plain:
        scf(replace(MAGNETIC, xc="RPBE", dispersion="none"))
    with pytest.raises(SpecError, match="'HSE06'") as hybrid:
        scf(replace(MAGNETIC, xc="HSE06", dispersion="none"))
    assert "hybrid" in hybrid.value.reason and not plain.value.reason
