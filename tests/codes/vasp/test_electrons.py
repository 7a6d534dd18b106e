"""INCAR's tags for spin, spin-orbit coupling, U and dispersion, as pymatgen reads them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from nickel_oxide import MAGNETIC, NIO, RELAXED
from pymatgen.io.vasp import Incar

from dftflow.codes.vasp import VASP
from dftflow.codes.vasp.options import VaspOptions
from dftflow.errors import SpecError
from dftflow.model.deck import Deck
from dftflow.model.spec import CalcSpec

SPINORS = replace(MAGNETIC, moments_mub=(), hubbard_u_ev={}, dispersion="none", spin_orbit=True)


def incar(spec: CalcSpec) -> Incar:
    return Incar.from_str(render(spec).files["INCAR"])


def render(spec: CalcSpec) -> Deck:
    return VASP().render(NIO, spec, "seed")


def test_moments_stand_in_the_order_of_the_poscar() -> None:
    """Atoms go element by element there: Ni Ni O O."""
    tags = incar(MAGNETIC)
    assert (tags["ISPIN"], tags["MAGMOM"]) == (2, [2.0, -2.0, 0.0, 0.0])
    assert incar(replace(MAGNETIC, moments_mub=()))["ISPIN"] == 1
    with pytest.raises(SpecError, match="1 moments are given for 4 atoms"):
        render(replace(MAGNETIC, moments_mub=(2.0,)))


def test_u_stands_on_the_shell_of_its_element() -> None:
    """Dudarev's scheme; l = 2 is d, -1 none; densities of d shells are mixed from LMAXMIX = 4 on (wiki, LMAXMIX)."""
    tags = incar(MAGNETIC)
    assert (tags["LDAU"], tags["LDAUTYPE"], tags["LMAXMIX"]) == (True, 2, 4)
    assert (tags["LDAUL"], tags["LDAUU"], tags["LDAUJ"]) == ([2, -1], [6.0, 0.0], [0.0, 0.0])
    assert "LDAU" not in incar(replace(MAGNETIC, hubbard_u_ev={}))
    assert incar(replace(MAGNETIC, hubbard_u_ev={"O:p": 4.0}))["LDAUL"] == [-1, 1]
    ceria = NIO.copy()
    ceria.replace_species({"Ni": "Ce"})
    with_u = replace(MAGNETIC, hubbard_u_ev={"Ce:f": 4.5})
    of_ce = Incar.from_str(VASP(VaspOptions(potentials={"Ce": "Ce"})).render(ceria, with_u, "ceo").files["INCAR"])
    assert (of_ce["LDAUL"], of_ce["LMAXMIX"]) == ([3, -1], 6)
    with pytest.raises(SpecError, match="one U an element, and Ni has 2"):
        render(replace(MAGNETIC, hubbard_u_ev={"Ni:d": 6.0, "Ni:p": 1.0}))


@pytest.mark.parametrize(("name", "ivdw"), [("D2", 1), ("D3", 11), ("D3(BJ)", 12), ("TS", 2), ("MBD", 202)])
def test_dispersion(name: str, ivdw: int) -> None:
    """Numbers of https://vasp.at/wiki/IVDW."""
    assert incar(replace(MAGNETIC, dispersion=name))["IVDW"] == ivdw  # type: ignore[arg-type]
    assert "IVDW" not in incar(replace(MAGNETIC, dispersion="none"))
    with pytest.raises(SpecError, match=r"VASP has no parameters of D3\(BJ\) for BLYP"):
        render(replace(MAGNETIC, xc="BLYP"))


def test_spinors_need_their_own_program_and_twice_the_bands() -> None:
    tags, plain = incar(SPINORS), incar(replace(SPINORS, spin_orbit=False))
    assert (tags["LSORBIT"], tags["ISPIN"]) == (True, 1)
    assert tags["MAGMOM"] == [[0.0, 0.0, 0.0]] * 4
    assert tags["NBANDS"] == 2 * plain["NBANDS"] == 2 * (16 + 12)  # 2 x (10 + 6) electrons
    script = render(SPINORS).files["vasp.sh"]
    assert "builds=(vasp_ncl)" in script
    assert "builds=(vasp_std vasp_gam vasp_ncl)" in render(MAGNETIC).files["vasp.sh"]
    turned = incar(replace(RELAXED, spin_orbit=True))
    assert turned["MAGMOM"][:2] == [[0.0, 0.0, 2.0], [0.0, 0.0, -2.0]]


def test_a_moment_of_the_cell_needs_bands_of_its_channel() -> None:
    """With 8 electrons more in one channel its highest band lies four above half of all."""
    ferro = incar(replace(MAGNETIC, moments_mub=(4.0, 0.0, 4.0, 0.0)))
    assert ferro["NBANDS"] == incar(MAGNETIC)["NBANDS"] + 4


def test_core_levels_are_those_of_the_initial_state() -> None:
    """https://vasp.at/wiki/ICORELEVEL: 1 recalculates the core states in the converged potential."""
    assert incar(replace(MAGNETIC, core_levels=True))["ICORELEVEL"] == 1
    assert "ICORELEVEL" not in incar(MAGNETIC)


def test_dispersion_of_elements_that_vasp_has_no_parameters_of() -> None:
    """https://vasp.at/wiki/DFT-D2: H to Xe; Tkatchenko-Scheffler_method: six rows without lanthanides."""
    plain = replace(MAGNETIC, moments_mub=(), hubbard_u_ev={})
    lead = NIO.copy()
    lead.replace_species({"Ni": "Pb"})
    with pytest.raises(SpecError, match="VASP has no parameters of D2 for Pb") as refused:
        VASP().render(lead, replace(plain, dispersion="D2"), "pbo")
    assert refused.value.fix == "choose D3 or D3(BJ) or TS or MBD"
    lanthanum = NIO.copy()
    lanthanum.replace_species({"Ni": "La"})
    for name in ("TS", "MBD"):
        assert VASP().render(lead, replace(plain, dispersion=name), "pbo").files  # type: ignore[arg-type]
        with pytest.raises(SpecError, match=f"VASP has no parameters of {name} for La"):
            VASP().render(lanthanum, replace(plain, dispersion=name), "lao")  # type: ignore[arg-type]


def test_open_shells_are_not_averaged_over_angles() -> None:
    """https://vasp.at/wiki/LASPH: essential for transition metal oxides, with U above all."""
    plain = replace(MAGNETIC, moments_mub=(), hubbard_u_ev={})
    assert "LASPH" not in incar(plain)
    assert incar(replace(plain, hubbard_u_ev={"Ni:d": 6.0}))["LASPH"] is True
    assert incar(replace(plain, moments_mub=(2.0, 0.0, -2.0, 0.0)))["LASPH"] is True


def test_a_long_list_of_moments_goes_on_behind_a_backslash() -> None:
    """https://vasp.at/wiki/INCAR: without a blank behind it."""
    large = NIO.copy()
    large.make_supercell([8, 4, 1])
    moments = tuple(2.0 * (-1) ** index if site.specie.symbol == "Ni" else 0.0 for index, site in enumerate(large))
    text = VASP().render(large, replace(MAGNETIC, moments_mub=moments), "nio").files["INCAR"]
    assert max(map(len, text.splitlines())) < 120 and "\\ " not in text and "\\\n" in text
    of_nickel = [moment for moment in moments if moment]
    assert Incar.from_str(text)["MAGMOM"] == of_nickel + [0.0] * len(of_nickel)
