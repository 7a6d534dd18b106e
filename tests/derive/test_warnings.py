"""What a reader has to know of a whole study."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from model_crystal import leave
from pymatgen.core import Lattice, Structure

from dftflow.derive.warnings import NO_SOC_IN_LEAD_HALIDES, SOC_IN_THE_LEDGER, study_warnings
from dftflow.model.edge_shifts import EdgeShifts
from dftflow.model.energy import Energy
from dftflow.model.outcome import MaterialOutcome
from dftflow.model.quantity import Missing
from dftflow.studies.builder import Builder
from dftflow.studies.execution import collect_study
from dftflow.studies.plan import plan_study
from dftflow.studies.reader import load_study

STUDY = """\
schema = 1
title = "CsBr"
[materials.CsBr]
structure = "CsBr_Pm-3m"
cutoff_ev = 244.9
relax_kpoints = [2, 2, 2]
bands_kpoints = [4, 4, 4]
[[materials.CsBr.slabs]]
miller = [1, 1, 0]
setting = "cubic"
min_thickness_ang = 24.0
"""


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> MaterialOutcome:
    root: Path = tmp_path_factory.mktemp("warnings")
    (root / "study.toml").write_text(STUDY)
    study = load_study(str(root / "study.toml"), "quick")
    plan = plan_study(study)
    builder = Builder(plan)
    for step in plan.steps:
        built = builder.build(step)
        leave(root / "done" / step.name, built.structure, built.spec)
    return collect_study(study, root / "done").materials[0]


def told(*materials: MaterialOutcome, soc: bool = True, cutoffs: tuple[float, ...] = (300.0,)) -> str:
    return "\n".join(study_warnings(materials, spin_orbit=soc, cutoffs_ev=cutoffs))


def with_vacuum(material: MaterialOutcome, step_ev: float) -> MaterialOutcome:
    (slab,) = material.slabs
    low, high = slab.vacuum
    raised = replace(high, level=Energy(low.level.value_ev + step_ev, low.level.zero))
    return replace(material, slabs=(replace(slab, vacuum=(low, raised)),))


def of(material: MaterialOutcome, *species: str) -> MaterialOutcome:
    places = [[i / len(species)] * 3 for i in range(len(species))]
    crystal = Structure(Lattice.cubic(9.0), list(species), places)
    return replace(material, bulk=replace(material.bulk, structure=crystal))


@pytest.mark.parametrize(("step_ev", "said"), [(0.051, True), (-0.3, True), (0.049, False), (0.0, False)])
def test_two_vacuum_levels_that_differ(material: MaterialOutcome, step_ev: float, said: bool) -> None:
    text = told(with_vacuum(material, step_ev))
    assert (f"the two vacuum levels differ by {step_ev:+.3f} eV; the upper side is used" in text) is said


def test_spin_orbit_coupling_is_missed_where_it_matters(material: MaterialOutcome) -> None:
    assert NO_SOC_IN_LEAD_HALIDES in told(of(material, "Cs", "Pb", "Br"), soc=False)
    assert NO_SOC_IN_LEAD_HALIDES not in told(of(material, "Cs", "Pb", "Br"), soc=True)
    assert "with Bi it can move band edges" in told(of(material, "Bi", "Se"), soc=False)
    assert "spin-orbit" not in told(of(material, "Na", "Cl"), soc=False)
    oxide = told(of(material, "Pb", "O"), soc=False)
    assert "with Pb it can move" in oxide and NO_SOC_IN_LEAD_HALIDES not in oxide


def test_spin_orbit_coupling_that_is_in_the_ledger_is_not_called_missing(material: MaterialOutcome) -> None:
    edges = EdgeShifts(
        labels=("G",), kpoints_frac=np.zeros((1, 3)), before_ev=[[0, 1]], after_ev={"spin-orbit": [[0, 0.5]]}
    )
    lead = of(material, "Cs", "Pb", "Br")
    corrected = replace(lead, bulk=replace(lead.bulk, shifts=edges))
    assert SOC_IN_THE_LEDGER in told(corrected, soc=False) and NO_SOC_IN_LEAD_HALIDES not in told(corrected, soc=False)
    assert NO_SOC_IN_LEAD_HALIDES in told(lead, corrected, soc=False), "of one alone it is missing"


def test_cutoffs_that_differ(material: MaterialOutcome) -> None:
    assert "different cutoffs (244.9 eV, 435.4 eV)" in told(material, cutoffs=(435.4, 244.9))
    assert "different cutoffs" not in told(material, cutoffs=(300.0, 300.0))


def test_a_cutoff_that_went_through_rydberg_is_the_same(material: MaterialOutcome) -> None:
    """18 Ry by the constants of 2014 and 2018, and rounded to three decimals."""
    assert "different cutoffs" not in told(material, cutoffs=(18 * 13.605693009, 18 * 13.605693123, 244.902))
    assert "different cutoffs (244.9 eV, 245 eV)" in told(material, cutoffs=(244.9, 245.0, 244.9000001))


def test_what_a_surface_is(material: MaterialOutcome) -> None:
    (slab,) = material.slabs

    def changed(**what: object) -> str:
        model = {key: what.pop(key) for key in ("stoichiometric", "compensated") if key in what}
        other = replace(slab, model=replace(slab.model, **model), **what)  # type: ignore[arg-type]
        return told(replace(material, slabs=(other,)))

    assert "has not the crystal's composition" in changed(stoichiometric=False)
    assert "has not the crystal's composition" not in changed(stoichiometric=True)
    assert "is a polar plane" in changed(compensated=True) and "is a polar plane" not in changed()
    assert "not relaxed, as cut from the crystal" in changed(relaxed=False)
    assert "neither that cut from the crystal nor one" in changed(relaxed=None)
    assert "not relaxed" not in changed(relaxed=True) and "neither that cut" not in changed(relaxed=True)
    died = Missing(kind="failed", reason="it died")
    assert "no line-up. it died" in changed(levels=None, missing=died), "its own levels stand"
    nothing = changed(levels=None, sides=(), missing=died)
    assert "no levels. it died" in nothing and "not relaxed" not in nothing
    assert slab.levels is not None
    metal = replace(slab.levels, slab_edges=None, why_no_slab_edges="bands overlap")
    assert "no gap of the slab's own. bands overlap" in changed(levels=metal)
    assert "no gap of the slab's own" not in changed()


def test_what_is_left_of_a_local_potential(material: MaterialOutcome) -> None:
    (slab,) = material.slabs
    assert slab.profile is not None
    local = replace(slab, profile=replace(slab.profile, kind="local"))
    text = told(replace(material, slabs=(local,)))
    assert "exchange and correlation included" in text and "low side" in text and "high side" in text
    assert "exchange and correlation included" not in told(material)


def test_a_crystal_without_a_gap(material: MaterialOutcome) -> None:
    why = Missing(kind="metallic", reason="filled and empty bands overlap")
    metal = replace(material, bulk=replace(material.bulk, edges=None, no_edges=why))
    assert "CsBr is a metal as calculated, without band edges: filled and empty bands overlap" in told(metal)


@pytest.mark.parametrize("element", ["Pb", "Bi", "Tl", "Hg", "Sn", "I"])
def test_every_element_with_a_strong_coupling_is_named(material: MaterialOutcome, element: str) -> None:
    assert f"with {element} it can move band edges" in told(of(material, element, "O"), soc=False)


@pytest.mark.parametrize("halogen", ["Cl", "Br", "I"])
def test_one_lead_halide_among_others_is_enough(material: MaterialOutcome, halogen: str) -> None:
    oxide, perovskite = of(material, "Ti", "O"), of(material, "Cs", "Pb", halogen)
    assert NO_SOC_IN_LEAD_HALIDES in told(oxide, perovskite, soc=False)
    apart = told(of(material, "Pb", "O"), of(material, "Na", halogen), soc=False)
    assert NO_SOC_IN_LEAD_HALIDES not in apart, "lead and the halogen must be in one crystal"
