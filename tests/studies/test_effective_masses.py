"""Effective masses in a study: their table, their step behind the bands, decks around the edges, and the numbers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from model_crystal import leave

from dftflow.analysis.band_edges import find_band_edges
from dftflow.codes.registry import load_code
from dftflow.derive.masses import crystal_masses
from dftflow.errors import InputError, MetallicError
from dftflow.gate.step import admit
from dftflow.jobs.environment import ONE_THREAD
from dftflow.model.admission import Admission, Admitted
from dftflow.model.built import Built
from dftflow.model.effective_mass import EdgePoints
from dftflow.model.outcome import StudyOutcome
from dftflow.model.quantity import Quantity
from dftflow.studies.builder import Builder, older_than, source_needs
from dftflow.studies.built_file import BuiltRecord, built_text, read_built
from dftflow.studies.execution import outcome_of_folder
from dftflow.studies.plan import Plan, plan_study
from dftflow.studies.reader import load_study

CRYSTAL = """
[materials.{name}]
structure = "{crystal}"
cutoff_ev = 244.9
relax_kpoints = [2, 2, 2]
bands_kpoints = [3, 3, 3]
{more}
"""


def asked(tmp_path: Path, table: str = "", more: str = "", of_a: str = "") -> Path:
    crystals = "".join(
        CRYSTAL.format(name=name, crystal="CsBr_Pm-3m", more=of_a if name == "A" else "") for name in ("A", "B")
    )
    file = tmp_path / "study.toml"
    file.write_text(f'schema = 1\ntitle = "masses"\n{more}\n[effective_masses]\n{table}\n{crystals}')
    return file


def plan_of(tmp_path: Path, table: str = "", preset: str = "quick", **more: str) -> Plan:
    return plan_study(load_study(str(asked(tmp_path, table, **more)), preset))


def step_called(plan: Plan, name: str) -> Any:
    return next(step for step in plan.steps if step.name == name)


def bands_admitted(
    tmp_path: Path, plan: Plan, vbm: tuple[float, ...], cbm: tuple[float, ...], overlap_ev: float = -1.9
) -> dict[Any, Admission]:
    """A finished band structure with its edges at these points."""
    step = step_called(plan, "A/bulk-bands")
    built = Builder(plan).build(step)
    folder = leave(tmp_path / "bands", built.structure, built.spec)
    (folder / "stdout.log").write_text("it ran")
    np.savez(
        folder / "bands.npz",
        eigenvalues_ev=np.array([[[3.0, 6.0], [1.0, 3.0 - overlap_ev]]]),
        kpoints_frac=np.array([vbm, cbm]),
        labels=np.array(["", ""]),
        on_path=np.array([0, 0]),
    )
    found = admit(built, load_code("gpaw"), folder)
    assert isinstance(found, Admitted)
    return {step.id: found}


# --- plan -------------------------------------------------------------------------------------------------------


def test_the_step_comes_after_the_bands_and_takes_its_geometry_from_the_relaxation(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, 'materials = ["A"]')
    assert [step.name for step in plan.steps] == ["A/bulk-bands", "A/bulk-masses", "B/bulk-bands"]
    step = step_called(plan_of(tmp_path, preset="study"), "A/bulk-masses")
    assert {(str(need.step), need.purpose) for need in step.needs} == {
        ("A/bulk-relax", "geometry"),
        ("A/bulk-relax", "density"),
        ("A/bulk-bands", "edges"),
    }
    assert [str(need) for need in source_needs(step)] == ["A/bulk-relax", "A/bulk-bands"]


def test_points_of_a_sweep_have_no_masses(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, more="[sweep]\ncutoff_ev = [200.0]\n")
    assert len([step for step in plan.steps if step.id.task == "masses"]) == 2


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ('materials = ["C"]', "names 'C'"),
        ("materials = []", "names none"),
        ("step_per_ang = 0.5", "parabolic near their edges"),
        ("step = 0.1", "step"),
    ],
)
def test_what_is_no_request_is_refused(tmp_path: Path, table: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        load_study(str(asked(tmp_path, table)), "quick")


# --- around which edges -----------------------------------------------------------------------------------------


def test_the_points_lie_around_the_edges_of_the_bands(tmp_path: Path) -> None:
    plan = plan_of(tmp_path)
    step = step_called(plan, "A/bulk-masses")
    known = bands_admitted(tmp_path, plan, (0.5, 0.5, 0.5), (0.0, 0.0, 0.41))
    built = Builder(plan).build(step, known)
    points = EdgePoints.of_facts(built.facts)
    assert points == EdgePoints(vbm=(0.5, 0.5, 0.5), cbm=(0.0, 0.0, 0.41), step_per_ang=0.03)
    assert len(built.spec.edge_kpoints) == 27 + 53, "half of them at a point that time reversal maps onto itself"
    labels = [point.label for point in built.spec.edge_kpoints if point.label]
    assert labels == ["VBM", "CBM"]
    assert built.edges_from == "A/bulk-bands" and built.assumed == () and built.geometries == ()


def test_before_the_bands_are_there_they_lie_around_the_point_that_the_study_names(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, of_a='band_edge = "R"')
    step = step_called(plan, "A/bulk-masses")
    built = Builder(plan).build(step)
    points = EdgePoints.of_facts(built.facts)
    assert points is not None and points.vbm == points.cbm == (0.5, 0.5, 0.5)
    assert built.assumed == ("A/bulk-bands",) and built.assumed_geometries == ()
    assert len(built.spec.edge_kpoints) == 27
    at_gamma = EdgePoints.of_facts(Builder(plan).build(step_called(plan, "B/bulk-masses")).facts)
    assert at_gamma is not None and at_gamma.vbm == (0.0, 0.0, 0.0)


def test_a_deck_is_older_than_bands_whose_edges_lie_elsewhere(tmp_path: Path) -> None:
    plan = plan_of(tmp_path)
    step = step_called(plan, "A/bulk-masses")
    first = bands_admitted(tmp_path, plan, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
    built = Builder(plan).build(step, first)
    assert older_than(built, step, first) == ()
    moved = bands_admitted(tmp_path, plan, (0.5, 0.5, 0.5), (0.5, 0.5, 0.4))
    assert older_than(built, step, moved) == ("A/bulk-bands",)
    guessed = Builder(plan).build(step)
    assert older_than(guessed, step, first) == ("A/bulk-bands",)


def test_a_metal_has_no_edges_to_lie_around(tmp_path: Path) -> None:
    plan = plan_of(tmp_path)
    known = bands_admitted(tmp_path, plan, (0.5, 0.5, 0.5), (0.0, 0.0, 0.0), overlap_ev=1.5)
    with pytest.raises(MetallicError, match="overlap"):
        Builder(plan).build(step_called(plan, "A/bulk-masses"), known)


def test_what_was_built_is_kept_with_its_edges(tmp_path: Path) -> None:
    plan = plan_of(tmp_path)
    known = bands_admitted(tmp_path, plan, (0.5, 0.5, 0.5), (0.0, 0.0, 0.0))
    built = Builder(plan).build(step_called(plan, "A/bulk-masses"), known)
    record = BuiltRecord(
        step="A/bulk-masses", seed="a", plan="", identity="", engine={}, deck={}, cautions=(), notes=(), built=built
    )
    (tmp_path / "built.json").write_text(built_text(record))
    again = read_built(tmp_path)
    assert again is not None and again.built.edges_from == "A/bulk-bands"
    assert again.built.parents == built.parents and EdgePoints.of_facts(again.built.facts) is not None


def test_masses_around_another_point_than_the_edge_are_refused(tmp_path: Path) -> None:
    plan = plan_of(tmp_path)
    step = step_called(plan, "A/bulk-masses")
    built = Builder(plan).build(step)  # around Γ
    admitted = left(tmp_path / "masses", built)
    bulk = outcome_like(tmp_path, plan, (0.5, 0.5, 0.5))
    found = crystal_masses("A", bulk, (step.name, admitted))
    assert found is not None
    for edge in found.edges:
        assert edge.missing is not None and "calculate the step again" in edge.missing.reason


def left(folder: Path, built: Built) -> Admission:
    leave(folder, built.structure, built.spec)
    (folder / "stdout.log").write_text("it ran")
    return admit(built, load_code("gpaw"), folder)


def outcome_like(tmp_path: Path, plan: Plan, k: tuple[float, ...]) -> Any:
    """A crystal whose edges lie at `k`."""
    (known,) = bands_admitted(tmp_path, plan, k, k).values()
    assert isinstance(known, Admitted) and known.results.bands is not None
    return SimpleNamespace(edges=find_band_edges(known.results.bands), no_edges=None)


# --- decks ------------------------------------------------------------------------------------------------------


def deck(tmp_path: Path, code: str, **options: Any) -> dict[str, str]:
    plan = plan_of(tmp_path, of_a='band_edge = "R"')
    built = Builder(plan).build(step_called(plan, "A/bulk-masses"))
    return dict(load_code(code, options).render(built.structure, built.spec, "a").files)


def test_gpaw_converges_the_states_further(tmp_path: Path) -> None:
    text = deck(tmp_path, "gpaw")["a.py"]
    assert "segments = [-1] * len(kpoints)" in text and "eigenstates_ev2=1e-07" in text
    compile(text, "a.py", "exec")


def test_castep_has_a_list_of_the_points_alone(tmp_path: Path) -> None:
    files = deck(tmp_path, "castep")
    rows = files["a.cell"].split("%BLOCK SPECTRAL_KPOINT_LIST\n")[1].split("%ENDBLOCK")[0].strip().splitlines()
    assert len(rows) == 27 and rows[0].split()[:3] == ["0.5000000000"] * 3
    assert "write_formatted_potential" not in files["a.param"]


def test_quantum_espresso_lists_them_behind_the_scf(tmp_path: Path) -> None:
    files = deck(tmp_path, "espresso", potentials={"Cs": "Cs.upf", "Br": "Br.upf"})
    assert "K_POINTS crystal\n27\n" in files["a.bands.in"] and "a.pp.in" not in files


def test_vasp_lists_them_at_weight_zero(tmp_path: Path) -> None:
    files = deck(tmp_path, "vasp")
    rows = [row for row in files["KPOINTS"].splitlines() if "! point" in row]
    assert len(rows) == 27 and "points around the band edges" in files["KPOINTS"]
    assert "NELMIN" in files["INCAR"] and "LVHAR" not in files["INCAR"]


# --- the engine -------------------------------------------------------------------------------------------------

STUDY = """schema = 1
title = "masses of LiH"
preset = "tiny"

[presets.tiny]
description = "masses"
accuracy = "none"
bulk_relax = "none"
slabs = false
slab_thickness_ang = 8.0
vacuum_ang = 13.0
path_spacing_per_ang = 1.0
grids = "coarse"
empty_bands = 3

[effective_masses]
step_per_ang = 0.04

[materials.LiH]
structure = "LiH.extxyz"
cutoff_ev = 200
relax_kpoints = [2, 2, 2]
bands_kpoints = [2, 2, 2]
"""
LIH = """2
Lattice="0 2.04 2.04 2.04 0 2.04 2.04 2.04 0" Properties=species:S:1:pos:R:3 pbc="T T T"
Li 0 0 0
H 2.04 2.04 2.04
"""


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> StudyOutcome:
    folder = tmp_path_factory.mktemp("masses")
    (folder / "LiH.extxyz").write_text(LIH)
    (folder / "study.toml").write_text(STUDY)
    argv = [sys.executable, "-m", "dftflow", "run", "study.toml", "--out", "out"]
    subprocess.run(argv, cwd=folder, check=True, capture_output=True, env={**os.environ, **ONE_THREAD})
    again = subprocess.run([*argv, "--json"], cwd=folder, check=True, capture_output=True, env={**os.environ})
    assert json.loads(again.stdout)
    return outcome_of_folder(folder / "out")


def of(outcome: StudyOutcome, name: str) -> Quantity:
    (found,) = (one for one in outcome.quantities if one.name == name)
    return found


@pytest.mark.engine
def test_the_electron_of_lithium_hydride_is_light_along_its_axis(outcome: StudyOutcome) -> None:
    """The CBM lies at X, whose group is that of a square: two of the principal masses are the same by symmetry."""
    masses = [of(outcome, f"effective mass of the electron, principal axis {n}") for n in (1, 2, 3)]
    light, *heavy = (mass.value for mass in masses)
    assert light == pytest.approx(0.12, abs=0.02)
    assert heavy[0] == pytest.approx(heavy[1], rel=1e-3) and heavy[0] == pytest.approx(1.0, abs=0.1)
    assert all(mass.uncertainty is not None and "two steps" in mass.uncertainty_holds for mass in masses)
    assert any("meV from the edge" in remark for remark in masses[0].remarks)
    conductivity = of(outcome, "conductivity mass of the electron").value
    assert conductivity == pytest.approx(3 / (1 / light + 1 / heavy[0] + 1 / heavy[1]))  # type: ignore[operator]


@pytest.mark.engine
def test_a_saddle_that_a_coarse_path_takes_for_the_edge_has_no_mass(outcome: StudyOutcome) -> None:
    """The highest state on the path is at X; from there the band rises towards W."""
    hole = of(outcome, "effective mass of the hole")
    assert hole.missing is not None and "not an extremum" in hole.missing.reason
    reduced = of(outcome, "reduced mass")
    assert reduced.missing is not None and reduced.missing.reason.startswith("hole: ")
