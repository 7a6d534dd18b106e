"""A cutoff below what its potentials ask for is said beside the deck, by every code that can know it."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
from nickel_oxide import MAGNETIC
from pymatgen.core import Lattice, Structure

from dftflow.codes.castep.input.recommended_cutoffs import COARSE, FINE, MEDIUM, recommended_ev
from dftflow.codes.registry import load_code
from dftflow.codes.suggested_cutoff import suggested_cutoff
from dftflow.units import HARTREE_EV, RYDBERG_EV

SPEC = replace(MAGNETIC, moments_mub=(), hubbard_u_ev={}, dispersion="none")
CSBR = Structure(Lattice.cubic(4.29), ["Cs", "Br"], [[0, 0, 0], [0.5, 0.5, 0.5]])
BROMINE = "Br GTH\n35 7 0\n10 11 2 1 2001 0\n0.5 0\n2\n0.6 1 6.0\n0.4 1 2.4\n0.0\n"
"""Radii of 0.5, 0.6 and 0.4 bohr."""


def cautions(code: str, cutoff_ev: float, **options: object) -> list[str]:
    deck = load_code(code, options).render(CSBR, replace(SPEC, cutoff_ev=cutoff_ev), "seed")
    return [line for line in deck.cautions if "below what the potentials ask for" in line]


def test_vasp_by_enmax() -> None:
    """Cs_sv 220.318 eV and Br 216.285 eV (https://vasp.at/wiki/Available_pseudopotentials)."""
    (said,) = cautions("vasp", 200.0)
    assert "ENMAX of Cs_sv is 220.318 eV" in said
    assert not cautions("vasp", 220.4)
    (said,) = cautions("vasp", 219.0, potentials={"Cs": "Cs"})[:1] or [""]
    assert said == ""  # of Cs nothing is known, and Br is content


def test_castep_by_the_coarse_level_of_its_potentials() -> None:
    (said,) = cautions("castep", 130.0)
    assert "on-the-fly potential of Br is 5 Ha (136.1 eV)" in said
    assert not cautions("castep", 136.1)
    (said,) = cautions("castep", 130.0, potentials={"Cs": "2|2.2|4|4|5|50U:60:51(qc=5)", "Br": "2|2.0|9|9|9|40:41"})
    assert "the string of Br is 244.9 eV" in said
    assert not cautions("castep", 20.0, potentials="NCP19")  # of other numbers, which are not known here


def test_pw_by_the_head_of_a_upf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ESPRESSO_PSEUDO", str(tmp_path))
    assert not cautions("espresso", 50.0)  # nothing is known
    head = '<UPF version="2.0.1">\n<PP_HEADER element="{}" pseudo_type="NC" z_valence="7.0" wfc_cutoff="{}"/>'
    for element, cutoff_ry in (("Cs", 30.0), ("Br", 45.0)):
        (tmp_path / f"{element}.upf").write_text(head.format(element, cutoff_ry))
    (said,) = cautions("espresso", 18 * RYDBERG_EV)
    assert "Br.upf suggests at least 45 Ry (612 eV)" in said
    assert not cautions("espresso", 45 * RYDBERG_EV)


def test_pw_by_the_narrowest_gaussian_of_a_gth(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """exp(-(G r)^2/2) = 1/10 at G^2 = 2 ln 10/r^2, which is the energy in Ry: 28.8 for 0.4 bohr."""
    monkeypatch.setenv("ESPRESSO_PSEUDO", str(tmp_path))
    (tmp_path / "Br.gth").write_text(BROMINE)
    (said,) = cautions("espresso", 18 * RYDBERG_EV)
    assert f"Br.gth has fallen to a tenth at {2 * math.log(10) / 0.4**2:.0f} Ry" in said
    assert not cautions("espresso", 29 * RYDBERG_EV)
    for damaged in ("", "Br\n", BROMINE.replace("0.4 ", "x "), BROMINE.replace("0.5 0", "")):
        (tmp_path / "Br.gth").write_text(damaged)
        cautions("espresso", 18 * RYDBERG_EV)


def test_the_published_cutoffs_are_two_levels_of_one_set() -> None:
    """244.9 and 435.4 eV of 10.1021/acsami.1c18025 are 9 and 16 Hartree: fine for lead, medium for nitrogen."""
    cs, fa = ("Cs", "Pb", "Br"), ("Pb", "Br", "C", "N", "H")
    levels = {name: [recommended_ev(elements, one) for one in (COARSE, MEDIUM, FINE)] for name, elements in
              (("cs", cs), ("fa", fa))}  # fmt: skip
    assert [(round(ev / HARTREE_EV), whose) for ev, whose in levels["cs"]] == [(7, "Pb"), (8, "Pb"), (9, "Pb")]
    assert [(round(ev / HARTREE_EV), whose) for ev, whose in levels["fa"]] == [(14, "N"), (16, "N"), (18, "N")]
    assert levels["cs"][FINE][0] == pytest.approx(244.9, abs=0.05)
    assert levels["fa"][MEDIUM][0] == pytest.approx(435.4, abs=0.05)
    assert recommended_ev(("Cs", "Xx"), FINE) is None
    assert suggested_cutoff(load_code("castep"), CSBR).ev == 195.0  # 7 Ha = 190.5 eV, rounded up
    assert suggested_cutoff(load_code("castep", {"potentials": "C19"}), CSBR).ev == 195.0
    for other in ("NCP19", "SOC19", {"Cs": "Cs_00PBE.usp", "Br": "Br_00PBE.usp"}):
        of_other = suggested_cutoff(load_code("castep", {"potentials": other}), CSBR)
        assert not of_other.asked and of_other.ev == 500.0 and "not tested for these potentials" in of_other.why


def test_what_no_potential_tells_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ESPRESSO_PSEUDO", str(tmp_path))

    def notes(code: str, **changes: object) -> str:
        return " ".join(load_code(code, {}).render(CSBR, replace(SPEC, cutoff_ev=100.0, **changes), "seed").notes)

    assert "Which cutoff Cs.upf, Br.upf needs is not known" in notes("espresso")
    assert "ENMAX of Cs_sv, Br is not known" in notes("vasp", xc="LDA")
    assert "ENMAX" not in notes("vasp")
    for element in ("Cs", "Br"):
        (tmp_path / f"{element}.upf").write_text(f'<UPF><PP_HEADER element="{element}" wfc_cutoff="30.0"/>')
    assert "Which cutoff" not in notes("espresso")


def test_bands_of_a_moment_are_counted_where_valences_are_not_known() -> None:
    """A ferromagnet of 5 Bohr magnetons fills 2.5 bands more than half its electrons in one channel."""
    for code, options in (("espresso", {}), ("vasp", {"potentials": {"Cs": "Cs"}})):
        made = {
            moments: " ".join(load_code(code, options).render(CSBR, replace(SPEC, moments_mub=moments), "seed").notes)
            for moments in ((5.0, 0.0), (5.0, -5.0))
        }
        assert "plus 12 and 3 for half the moment" in made[5.0, 0.0]
        assert "plus 12." in made[5.0, -5.0]
