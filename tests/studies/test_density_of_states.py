"""The density of states in a study: its table, its step and grid, the decks of every code, and what becomes of it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from free_electrons import KINETIC_EV_ANG2
from model_crystal import leave

from dftflow.codes.castep.lint.lint import lint_files
from dftflow.codes.registry import load_code
from dftflow.errors import InputError
from dftflow.figures.study_figures import study_figures
from dftflow.gate.step import admit
from dftflow.jobs.environment import ONE_THREAD
from dftflow.model.admission import Admitted
from dftflow.model.outcome import StudyOutcome
from dftflow.model.quantity import Quantity
from dftflow.model.spec import CalcSpec
from dftflow.studies.builder import Builder
from dftflow.studies.cost import expected_cost
from dftflow.studies.execution import outcome_of_folder
from dftflow.studies.plan import plan_study
from dftflow.studies.reader import load_study


def asked(tmp_path: Path, table: str = "", more: str = "", crystal: str = "CsBr_Pm-3m") -> Path:
    text = f"""
schema = 1
title = "states"
{more}
[density_of_states]
{table}

[materials.A]
structure = "{crystal}"
cutoff_ev = 244.9
relax_kpoints = [2, 2, 2]
bands_kpoints = [3, 3, 3]

[materials.B]
structure = "{crystal}"
cutoff_ev = 244.9
relax_kpoints = [2, 2, 2]
bands_kpoints = [3, 3, 3]
"""
    file = tmp_path / "study.toml"
    file.write_text(text)
    return file


def spec_of(file: Path, step: str = "A/bulk-dos") -> CalcSpec:
    plan = plan_study(load_study(str(file), "quick"))
    (found,) = (one for one in plan.steps if one.name == step)
    return Builder(plan).build(found).spec


def names(file: Path, preset: str = "quick") -> list[str]:
    return [step.name for step in plan_study(load_study(str(file), preset)).steps]


def test_the_step_is_of_the_materials_that_are_named_and_starts_from_the_relaxed_crystal(tmp_path: Path) -> None:
    assert names(asked(tmp_path)) == ["A/bulk-bands", "A/bulk-dos", "B/bulk-bands", "B/bulk-dos"]
    assert names(asked(tmp_path, 'materials = ["B"]')) == ["A/bulk-bands", "B/bulk-bands", "B/bulk-dos"]
    steps = plan_study(load_study(str(asked(tmp_path, 'materials = ["A"]')), "study")).steps
    (dos,) = (step for step in steps if step.id.task == "dos")
    assert {str(need.step) for need in dos.needs} == {"A/bulk-relax"}


def test_it_is_of_the_study_as_it_is_written_and_of_no_point_of_a_sweep(tmp_path: Path) -> None:
    found = names(asked(tmp_path, more="[sweep]\ncutoff_ev = [200.0, 300.0]\n"))
    assert len([name for name in found if "bulk-bands" in name]) == 6
    assert [name for name in found if "dos" in name] == ["A/bulk-dos", "B/bulk-dos"]


def test_its_grid_holds_gamma_and_is_as_dense_as_asked(tmp_path: Path) -> None:
    """CsBr of 4.3 Å: 2π/4.36 in steps of at most 0.15 are 10."""
    grid = spec_of(asked(tmp_path)).states_grid
    assert grid is not None and grid.counts == (10, 10, 10) and grid.shift == (0.0, 0.0, 0.0)
    grid = spec_of(asked(tmp_path, "kpoints = { size = [4, 4, 4], gamma = false }")).states_grid
    assert grid is not None and grid.counts == (4, 4, 4) and grid.shift == (0.5, 0.5, 0.5)
    own = spec_of(asked(tmp_path, "kpoint_spacing_per_ang = 0.5"))
    assert own.states_grid is not None and own.states_grid.counts == (3, 3, 3)
    assert own.grid == (2, 2, 2), "the density is calculated on the grid of the preset"


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ('materials = ["C"]', "names 'C'"),
        ('materials = ["A", "A"]', "twice"),
        ("materials = []", "names none"),
        ('materials = "A"', "list of names"),
        ("kpoints = [4, 4, 4]\nkpoint_spacing_per_ang = 0.2", "leave one out"),
        ("kpoints = [4, 4]", "kpoints"),
        ("broadening_ev = 0", "broadening_ev"),
        ("window_ev = [2.0, -2.0]", "below the second"),
        ("smearing_ev = 0.1", "smearing_ev"),
    ],
)
def test_what_is_no_request_is_refused_with_its_line(tmp_path: Path, table: str, said: str) -> None:
    with pytest.raises(InputError, match=said) as caught:
        load_study(str(asked(tmp_path, table)), "quick")
    assert "study.toml" in str(caught.value)


def test_more_points_cost_more(tmp_path: Path) -> None:
    plan = plan_study(load_study(str(asked(tmp_path)), "quick"))
    bands, dos = (Builder(plan).build(step) for step in plan.steps[:2])
    coarse = spec_of(asked(tmp_path, "kpoints = [2, 2, 2]"))
    assert expected_cost(dos.structure, dos.spec) > 2 * expected_cost(dos.structure, coarse)
    assert bands.spec.task == "bands"


# --- decks ------------------------------------------------------------------------------------------------------


def deck(tmp_path: Path, code: str, table: str = "kpoints = [4, 4, 4]", **options: Any) -> dict[str, str]:
    plan = plan_study(load_study(str(asked(tmp_path, table)), "quick"))
    built = Builder(plan).build(plan.steps[1])
    return dict(load_code(code, options).render(built.structure, built.spec, "a").files)


def test_gpaw_calculates_a_grid_in_the_density_of_another_one(tmp_path: Path) -> None:
    text = deck(tmp_path, "gpaw")["a.py"]
    assert "grid = (4, 4, 4)  # Gamma-centred" in text
    assert "engine.dos(atoms, calculator, grid=grid, shift=(0.0, 0.0, 0.0), empty_bands=" in text


@pytest.mark.parametrize(("keywords", "prefix"), [("academic", "SPECTRAL"), ("materials-studio", "BS")])
def test_castep_goes_on_with_the_grid_and_writes_the_weights(tmp_path: Path, keywords: str, prefix: str) -> None:
    files = deck(tmp_path, "castep", keywords=keywords)
    assert f"{prefix}_KPOINT_MP_GRID   : 4 4 4" in files["a.cell"]
    assert f"{prefix}_KPOINT_MP_OFFSET : 0.125 0.125 0.125" in files["a.cell"], "moved onto Γ"
    assert "pdos_calculate_weights" in files["a.param"]
    assert ("spectral_task" in files["a.param"]) == (keywords == "academic")
    assert keywords != "academic" or " DOS" in files["a.param"].split("spectral_task")[1].splitlines()[0]
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    found = lint_files([tmp_path / "a.cell", tmp_path / "a.param"])
    assert not [one for one in found if one.severity == "error"]


def test_quantum_espresso_has_a_run_at_fixed_density_and_the_weights(tmp_path: Path) -> None:
    files = deck(tmp_path, "espresso", potentials={"Cs": "Cs.upf", "Br": "Br.upf"})
    assert "calculation = 'nscf'" in files["a.nscf.in"]
    assert "K_POINTS automatic\n4 4 4  0 0 0" in files["a.nscf.in"]
    assert "K_POINTS automatic\n2 2 2" in files["a.scf.in"] and "tprnfor" not in files["a.nscf.in"]
    assert "&PROJWFC" in files["a.projwfc.in"] and "a.pp.in" not in files
    script = files["a.sh"]
    assert script.index("run pw.x scf") < script.index("run pw.x nscf") < script.index("run projwfc.x")


def test_vasp_calculates_density_and_states_on_one_grid(tmp_path: Path) -> None:
    files = deck(tmp_path, "vasp")
    assert files["KPOINTS"].splitlines()[1:] == ["0", "Gamma", "4 4 4", "0 0 0"]
    assert "LORBIT" in files["INCAR"] and "LVHAR" not in files["INCAR"]


# --- what a step leaves -----------------------------------------------------------------------------------------

SHORT = """
[presets.tiny]
description = "states"
accuracy = "none"
bulk_relax = "none"
slabs = false
slab_thickness_ang = 8.0
vacuum_ang = 13.0
path_spacing_per_ang = 1.0
grids = "coarse"
empty_bands = 3
"""
LIH = """2
Lattice="0 2.04 2.04 2.04 0 2.04 2.04 2.04 0" Properties=species:S:1:pos:R:3 pbc="T T T"
Li 0 0 0
H 2.04 2.04 2.04
"""
LITHIUM = """1
Lattice="-1.72 1.72 1.72 1.72 -1.72 1.72 1.72 1.72 -1.72" Properties=species:S:1:pos:R:3 pbc="T T T"
Li 0 0 0
"""
BOTH = """schema = 1
title = "lithium and its hydride"
preset = "tiny"
{short}
[density_of_states]
kpoints = [6, 6, 6]
broadening_ev = 0.4
window_ev = [-5.0, 8.0]

[materials.LiH]
structure = "LiH.extxyz"
cutoff_ev = 200
relax_kpoints = [2, 2, 2]
bands_kpoints = [2, 2, 2]

[materials.Li]
structure = "Li.extxyz"
cutoff_ev = 200
relax_kpoints = [4, 4, 4]
bands_kpoints = [4, 4, 4]
"""


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> StudyOutcome:
    folder = tmp_path_factory.mktemp("states")
    (folder / "LiH.extxyz").write_text(LIH)
    (folder / "Li.extxyz").write_text(LITHIUM)
    (folder / "study.toml").write_text(BOTH.format(short=SHORT))
    argv = [sys.executable, "-m", "dftflow", "run", "study.toml", "--out", "out"]
    subprocess.run(argv, cwd=folder, check=True, capture_output=True, env={**os.environ, **ONE_THREAD})
    return outcome_of_folder(folder / "out")


def of(outcome: StudyOutcome, name: str, subject: str) -> Quantity:
    (found,) = (one for one in outcome.quantities if (one.name, one.subject) == (name, subject))
    return found


@pytest.mark.engine
def test_lithium_has_the_states_of_nearly_free_electrons_at_its_fermi_level(outcome: StudyOutcome) -> None:
    """Free ones in 20.4 Å^3 have 3 / (2 E_F), E_F = hbar^2/2m (3 pi^2 n)^(2/3): 0.31; the lattice makes it 0.48
    (Moruzzi, Janak and Williams, Calculated Electronic Properties of Metals, 1978), the wide states a little more.
    """
    found = of(outcome, "states at the Fermi level", "Li")
    free = 1.5 / (KINETIC_EV_ANG2 * (3 * np.pi**2 / (4 * 1.72**3)) ** (2 / 3))
    assert free == pytest.approx(0.307, abs=0.001)
    assert isinstance(found.value, float) and found.value == pytest.approx(0.48, rel=0.25)
    assert found.unit == "1/eV" and "0.4 eV wide" in found.method
    refused = of(outcome, "character of the valence band maximum", "Li")
    assert refused.missing is not None and refused.missing.kind == "metallic"


@pytest.mark.engine
def test_the_edges_of_lithium_hydride_are_made_of_hydrogen_and_lithium(outcome: StudyOutcome) -> None:
    """Occupied: the hydride's 1s. Both edges at X."""
    vbm = of(outcome, "character of the valence band maximum", "LiH")
    assert isinstance(vbm.value, str) and vbm.value.startswith("H s")
    cbm = of(outcome, "character of the conduction band minimum", "LiH")
    assert isinstance(cbm.value, str) and cbm.value.startswith("Li")
    none = of(outcome, "states at the Fermi level", "LiH")
    assert none.missing is not None and "in a gap" in none.missing.reason
    width = of(outcome, "width of the highest valence band", "LiH")
    assert isinstance(width.value, float) and 4.0 < width.value < 7.0


@pytest.mark.engine
def test_the_density_of_states_holds_the_electrons_and_its_parts_do_not_exceed_it(outcome: StudyOutcome) -> None:
    for material, electrons in zip(outcome.materials, (2.0, 1.0), strict=True):
        found = material.bulk.dos
        assert found is not None and found.fermi_ev is not None and found.dos.projected is not None
        step = found.dos.energies_ev[1] - found.dos.energies_ev[0]
        below = found.dos.energies_ev < found.fermi_ev
        held = found.dos.total[:, below].sum() * step
        assert held == pytest.approx(electrons, abs=0.05)
        assert (found.dos.projected.sum(axis=1) <= found.dos.total + 1e-5).all()
        assert found.differs_ev is not None and found.differs_ev < 0.02


@pytest.mark.engine
def test_the_figure_stands_gapped_crystals_on_their_vbm_and_metals_on_their_fermi_level(outcome: StudyOutcome) -> None:
    drawn = [one for one in study_figures(outcome) if one.name.startswith("states")]
    assert [one.name for one in drawn] == ["states-1", "states-2"]
    assert "the VBM" in drawn[0].caption and "Fermi level" in drawn[1].caption
    for one in drawn:
        assert one.data is not None and len(one.data().rows) > 20
        assert one.render("png")["png"].startswith(b"\x89PNG")


def test_a_step_that_left_no_states_is_not_the_result(tmp_path: Path) -> None:
    plan = plan_study(load_study(str(asked(tmp_path)), "quick"))
    built = Builder(plan).build(plan.steps[1])
    folder = leave(tmp_path / "dos", built.structure, built.spec)
    (folder / "stdout.log").write_text("it ran")
    assert isinstance(admit(built, load_code("gpaw"), folder), Admitted)
    (folder / "bands.npz").unlink()
    refused = admit(built, load_code("gpaw"), folder)
    assert not isinstance(refused, Admitted) and "eigenvalues" in refused.reason
