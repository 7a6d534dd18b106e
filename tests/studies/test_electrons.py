"""Spin, U, dispersion and spin-orbit coupling of a study: from its file into the decks of every code, or refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from nickel_oxide import NIO

from dftflow.crystals.moments import moments_of
from dftflow.errors import SpecError, StudyError
from dftflow.studies.builder import Builder
from dftflow.studies.plan import Plan, plan_study
from dftflow.studies.preview import preview
from dftflow.studies.reader import load_study

HEAD = """\
schema = 1
title = "NiO"
code = "{code}"

[settings]
hubbard_u_ev = {{ Ni = {{ d = 6.0 }}{more_u} }}
{settings}

[materials.NiO]
structure = "NiO.vasp"
cutoff_ev = 500.0
relax_kpoints = [2, 2, 2]
bands_kpoints = [4, 4, 4]
cell = "fixed"
{material}
"""
AFM = "moments = { Ni = [2.0, -2.0] }"


@pytest.fixture
def planned(tmp_path: Path) -> Callable[..., Plan]:
    NIO.to(filename=str(tmp_path / "NiO.vasp"), fmt="poscar")

    def plan(material: str = AFM, settings: str = "", code: str = "vasp", more_u: str = "") -> Plan:
        file = tmp_path / "study.toml"
        file.write_text(HEAD.format(code=code, material=material, settings=settings, more_u=more_u))
        return plan_study(load_study(str(file), "study"))

    return plan


@pytest.mark.parametrize("code", ["castep", "espresso", "gpaw", "vasp"])
def test_all_steps_of_all_codes_have_them(planned: Callable[..., Plan], code: str) -> None:
    plan = planned(code=code, settings='dispersion = "D3"')
    builder = Builder(plan)
    for step in plan.steps:
        spec = builder.build(step).spec
        assert sorted(spec.moments_mub) == [-2.0, 0.0, 0.0, 2.0]
        assert (dict(spec.hubbard_u_ev), spec.dispersion) == ({"Ni:d": 6.0}, "D3")


def test_a_u_of_an_element_that_no_material_has_is_a_slip(planned: Callable[..., Plan]) -> None:
    with pytest.raises(StudyError, match="a U for Ti, of which no material of the study has any") as raised:
        planned(more_u=", Ti = { d = 3.0 }")
    assert raised.value.where.endswith("study.toml:6") and "Ni, O" in raised.value.fix


def test_an_order_that_the_cell_does_not_hold_is_given_in_a_supercell(planned: Callable[..., Plan]) -> None:
    """Each nickel is followed by its copies: the moments alternate from one cell to the next along c."""
    start = planned("supercell = [1, 1, 2]\nmoments = { Ni = [2.0, -2.0, 2.0, -2.0] }").materials["NiO"].start
    found = [(site, moment) for site, moment in zip(start, moments_of(start), strict=True) if moment]
    assert len(start) == 2 * len(NIO) and start.volume == pytest.approx(2 * NIO.volume)
    assert [moment for _, moment in found] == [2.0, -2.0, 2.0, -2.0]
    for site, moment in found:
        assert moment == (2.0 if site.frac_coords[2] < 0.5 else -2.0)
    with pytest.raises(SpecError, match="2 moments are given for 4 atoms of Ni"):
        planned("supercell = [1, 1, 2]\n" + AFM)


def test_an_open_shell_without_a_word_is_refused_with_what_can_be_pasted(planned: Callable[..., Plan]) -> None:
    with pytest.raises(SpecError, match=r"likely to have magnetic moments: Ni \(3d8\)") as raised:
        planned("")
    assert "study.toml" in raised.value.where
    for pasted, moments in [
        ("moments = { Ni = 2.0 }", [2.0, 2.0]),
        (AFM, [2.0, -2.0]),
        ("moments = {}", []),
    ]:
        assert pasted.replace(" }", "").replace(" ]", "") in raised.value.fix.replace(" }", "").replace(" ]", "")
        plan = planned(pasted)
        assert [moment for moment in moments_of(plan.materials["NiO"].start) if moment] == moments


def test_what_a_code_cannot_do_is_refused_before_anything_runs(planned: Callable[..., Plan]) -> None:
    with pytest.raises(SpecError, match="no self-consistent spin-orbit coupling"):
        preview(planned("moments = {}", "spin_orbit = true", code="gpaw").study)
    with pytest.raises(SpecError, match="no published parameters for LDA"):
        preview(planned(settings='xc = "LDA"\ndispersion = "D3"').study)
    with pytest.raises(SpecError, match="no dispersion correction TS"):
        preview(planned(settings='dispersion = "TS"', code="gpaw").study)
    assert preview(planned(settings='dispersion = "TS"').study)
    for code in ("castep", "espresso", "gpaw"):
        with pytest.raises(SpecError, match="gives no energies of core states"):
            preview(planned(settings="core_levels = true", code=code).study)
    assert preview(planned(settings="core_levels = true").study)


@pytest.mark.parametrize(("material", "settings", "says"), [
    ("moments = { Nx = 2.0 }", "", "no element"),
    ("moments = { Ni = 20.0 }", "", "from -10 to 10"),
    (AFM, 'dispersion = "D9"', "dispersion"),
    (AFM, "spin_orbit = 1", "spin_orbit"),
])  # fmt: skip
def test_what_no_study_says(planned: Callable[..., Plan], material: str, settings: str, says: str) -> None:
    with pytest.raises(StudyError, match=says):
        planned(material, settings)


def test_a_cutoff_that_is_too_low_is_said_before_anything_runs(planned: Callable[..., Plan]) -> None:
    """O of VASP: 400 eV (https://vasp.at/wiki/Available_pseudopotentials); of a sweep its own cutoffs."""
    assert not [row for row in preview(planned().study) if row.cautions]
    swept = preview(planned(AFM + "\n[[sweep]]\ncutoff_ev = [300.0, 410.0]").study)
    low = [row for row in swept if row.cutoff_ev < 400]
    assert low and all("ENMAX of O is 400 eV" in row.cautions[0] for row in low)
    assert not [row for row in swept if row.cautions and row.cutoff_ev >= 400]
