"""Results that were made elsewhere: folders written by hand, with a model crystal whose levels are known.

The crystal's potential is flat, at zero. The slab's is a square well, `STEP` deep. So IP = STEP - VBM, whatever the
zero of the slab's calculation is.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from model_crystal import CBM, FERMI, SLAB_ZERO, STEP, VBM, leave, planar
from pymatgen.core import Lattice, Structure

from dftflow.codes.registry import load_code
from dftflow.errors import CalculationError, InputError, ParseError, StudyError
from dftflow.model.outcome import StepOutcome, StudyOutcome
from dftflow.model.spec import CalcSpec
from dftflow.studies.builder import Builder
from dftflow.studies.decks import write_decks
from dftflow.studies.execution import collect_study
from dftflow.studies.plan import plan_study
from dftflow.studies.reader import Study, load_study

BULK, SLAB = "CsBr/bulk-bands", "CsBr/slab-110-potential"


@pytest.fixture
def study(write_study: Callable[..., Path]) -> Study:
    """Two steps, nothing relaxed; the slab is thick enough to have a middle."""
    quick = 'setting = "cubic"\nmin_thickness_ang = 24.0'
    return load_study(str(write_study(('setting = "cubic"', quick))), "quick")


@pytest.fixture
def steps(study: Study) -> dict[str, tuple[Structure, CalcSpec]]:
    return built_steps(study)


def built_steps(study: Study) -> dict[str, tuple[Structure, CalcSpec]]:
    """Structure and calculation of every step, by name, if nothing moves."""
    plan = plan_study(study)
    builder = Builder(plan)
    built = {step.name: builder.build(step) for step in plan.steps}
    return {name: (found.structure, found.spec) for name, found in built.items()}


@pytest.fixture
def folder(tmp_path: Path, steps: dict[str, tuple[Structure, CalcSpec]]) -> Path:
    """All steps finished."""
    for name, (structure, spec) in steps.items():
        leave(tmp_path / "done" / name, structure, spec)
    return tmp_path / "done"


def step_of(outcome: StudyOutcome, name: str) -> StepOutcome:
    return next(step for step in outcome.steps if step.name == name)


def ionisation_potential_ev(outcome: StudyOutcome) -> float | None:
    levels = outcome.materials[0].slabs[0].levels
    return None if levels is None else levels.ionisation_potential_ev


# --- all is there -----------------------------------------------------------------------------------------------


def test_the_levels_of_the_model(study: Study, folder: Path) -> None:
    outcome = collect_study(study, folder)
    assert {step.name: step.state for step in outcome.steps} == {BULK: "finished", SLAB: "finished"}
    assert all(step.failure == "" and (step.wall_time_s, step.cpu_time_s) == (12.0, 11.0) for step in outcome.steps)
    levels = outcome.materials[0].slabs[0].levels
    assert levels is not None
    assert levels.ionisation_potential_ev == pytest.approx(STEP - VBM, abs=0.01)
    assert levels.electron_affinity_ev == pytest.approx(STEP - CBM - 0.1, abs=0.01)
    assert levels.work_function_ev == pytest.approx(STEP - FERMI, abs=0.01)
    assert not [text for text in outcome.warnings if text.startswith("CsBr/")]


def test_the_levels_are_those_of_the_upper_side(study: Study, folder: Path, steps: dict[str, Any]) -> None:
    """The vacuum above the slab lies 0.3 eV higher than that below: IP and W count from the former, and it is said."""
    structure, spec = steps[SLAB]
    values = planar(structure, spec)
    length, heights = structure.lattice.c, structure.cart_coords[:, 2]
    z = np.arange(values.size) * length / values.size
    above = z > heights.max() + 1.0
    np.savez(folder / SLAB / "potential.npz", planar_ev=values + 0.3 * above, cell_ang=structure.lattice.matrix)
    outcome = collect_study(study, folder)
    levels = outcome.materials[0].slabs[0].levels
    assert levels is not None
    assert levels.ionisation_potential_ev == pytest.approx(STEP + 0.3 - VBM, abs=0.02)
    assert levels.work_function_ev == pytest.approx(STEP + 0.3 - FERMI, abs=0.02)
    assert any("differ by +0.300 eV; the upper side is used" in text for text in outcome.warnings)


def test_a_slab_as_cut_is_called_that(study: Study, folder: Path) -> None:
    outcome = collect_study(study, folder)
    slab = outcome.materials[0].slabs[0]
    assert slab.relaxed is False and slab.relaxation == "not relaxed"
    assert any("not relaxed, as cut from the crystal" in text for text in outcome.warnings)


def test_a_slab_of_another_geometry_is_not_said_to_be_as_cut(study: Study, folder: Path, steps: dict[str, Any]) -> None:
    """Somebody relaxed it elsewhere, and the relaxation is not here."""
    structure, spec = steps[SLAB]
    moved = structure.copy()
    moved.translate_sites([0], [0, 0, 0.3], frac_coords=False)
    leave(folder / SLAB, moved, spec)
    outcome = collect_study(study, folder)
    assert outcome.materials[0].slabs[0].relaxed is None
    assert any("neither that cut from the crystal nor one that was relaxed here" in t for t in outcome.warnings)


def test_special_points_that_were_not_calculated_are_named(study: Study, folder: Path, steps: dict[str, Any]) -> None:
    """The (110) surface cell is rectangular: Γ and one X are there, S and Y are not."""
    (told,) = collect_study(study, folder).materials[0].slabs[0].warnings
    assert "not calculated at" in told and "S-bar" in told and "G-bar" not in told
    _, spec = steps[SLAB]
    points = [point.frac for point in spec.edge_kpoints]
    values = np.array([[[VBM, CBM + 0.1]] * len(points)]) + SLAB_ZERO
    np.savez(
        folder / SLAB / "bands.npz", eigenvalues_ev=values, kpoints_frac=np.array(points),
        labels=np.array([point.label for point in spec.edge_kpoints]), on_path=np.full(len(points), -1),
    )  # fmt: skip
    assert collect_study(study, folder).materials[0].slabs[0].warnings == ()


def test_nothing_is_written(study: Study, folder: Path) -> None:
    before = {file: file.stat().st_mtime_ns for file in folder.rglob("*")}
    collect_study(study, folder)
    assert {file: file.stat().st_mtime_ns for file in folder.rglob("*")} == before


def test_a_step_that_lies_elsewhere(study: Study, folder: Path, tmp_path: Path) -> None:
    (folder / SLAB).rename(tmp_path / "mine")
    assert step_of(collect_study(study, folder), SLAB).state == "not_run"
    outcome = collect_study(study, folder, places={SLAB: tmp_path / "mine"})
    assert step_of(outcome, SLAB).folder == tmp_path / "mine"
    assert ionisation_potential_ev(outcome) == pytest.approx(STEP - VBM, abs=0.01)


# --- something is missing or failed -----------------------------------------------------------------------------


def test_a_missing_step_is_named_and_the_rest_derived(study: Study, folder: Path) -> None:
    (folder / SLAB / "results.json").unlink()
    for name in ("bands.npz", "potential.npz"):
        (folder / SLAB / name).unlink()
    outcome = collect_study(study, folder)
    slab = step_of(outcome, SLAB)
    assert slab.state == "not_run" and "no results of gpaw" in slab.failure and SLAB in slab.failure
    assert ionisation_potential_ev(outcome) is None
    edges = outcome.materials[0].bulk.edges
    assert edges is not None and edges.band_gap_ev == pytest.approx(CBM + 0.1 - VBM)


def test_decks_that_were_never_run_are_not_failures(study: Study, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "decks"
    write_decks(study, out)
    (folder / BULK).rename(tmp_path / "bulk")
    outcome = collect_study(study, out, places={BULK: tmp_path / "bulk"})
    slab = step_of(outcome, SLAB)
    assert slab.state == "not_run" and "input files alone" in slab.failure


def test_a_run_that_was_stopped_has_failed(study: Study, folder: Path) -> None:
    (folder / SLAB / "results.json").unlink()
    (folder / SLAB / "stdout.log").write_text("iter: 1\niter: 2\n")
    slab = step_of(collect_study(study, folder), SLAB)
    assert slab.state == "failed" and slab.failure.startswith("died: ") and slab.log_tail.endswith("iter: 2")


@pytest.mark.parametrize("status", ["scf_not_converged", "out_of_time", "died"])
def test_a_failed_step_is_not_used(study: Study, folder: Path, steps: dict[str, Any], status: str) -> None:
    leave(folder / BULK, *steps[BULK], changes={"status": status, "message": "given up"})
    outcome = collect_study(study, folder)
    bulk = step_of(outcome, BULK)
    assert bulk.state == "failed" and bulk.failure == f"{status.replace('_', ' ')}: given up"
    assert outcome.materials[0].bulk.edges is None and ionisation_potential_ev(outcome) is None


def test_a_damaged_file_fails_its_step_alone(study: Study, folder: Path) -> None:
    file = folder / SLAB / "potential.npz"
    file.write_bytes(file.read_bytes()[:100])
    outcome = collect_study(study, folder)
    slab = step_of(outcome, SLAB)
    assert slab.state == "failed" and "damaged" in slab.failure and "potential.npz" in slab.failure
    assert step_of(outcome, BULK).state == "finished"


@pytest.mark.parametrize(
    ("step", "file", "said"),
    [(BULK, "bands.npz", "eigenvalues"), (SLAB, "potential.npz", "a potential")],
)
def test_what_a_step_is_for_must_be_there(study: Study, folder: Path, step: str, file: str, said: str) -> None:
    (folder / step / file).unlink()
    end = step_of(collect_study(study, folder), step)
    assert end.state == "failed" and end.failure == f"finished, but there is not what the step is for: {said}"


def test_a_potential_of_another_cell_fails_its_step(study: Study, folder: Path) -> None:
    with np.load(folder / SLAB / "potential.npz") as arrays:
        planar = arrays["planar_ev"]
    np.savez(folder / SLAB / "potential.npz", planar_ev=planar, cell_ang=9 * np.eye(3))
    outcome = collect_study(study, folder)
    step = step_of(outcome, SLAB)
    assert step.state == "refused" and "cell of the potential = cell of the geometry" in step.failure


def test_two_calculations_in_one_folder(study: Study, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = load_code("gpaw")
    find = code.find

    def twice(place: Path) -> tuple[Any, ...]:
        return find(place) * (2 if place == folder / SLAB else 1)

    monkeypatch.setattr(code, "find", twice)
    monkeypatch.setattr("dftflow.studies.plan.load_code", lambda *_: code)
    slab = step_of(collect_study(study, folder), SLAB)
    assert slab.state == "failed" and "several calculations share a folder" in slab.failure


def test_a_diagnosis_that_fails_fails_its_step_alone(
    study: Study, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = load_code("gpaw")
    diagnose = code.diagnose

    def refuse(place: Path) -> Any:
        if place == folder / SLAB:
            raise ParseError("the log is damaged")
        return diagnose(place)

    monkeypatch.setattr(code, "diagnose", refuse)
    monkeypatch.setattr("dftflow.studies.plan.load_code", lambda *_: code)
    outcome = collect_study(study, folder)
    assert step_of(outcome, SLAB).failure == "the log is damaged"
    assert step_of(outcome, BULK).state == "finished"


# --- it is not what the study asks for --------------------------------------------------------------------------


def test_another_crystal_is_refused(study: Study, folder: Path, steps: dict[str, Any]) -> None:
    other = Structure(Lattice.cubic(5.64), ["Na", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    leave(folder / BULK, other, steps[BULK][1])
    bulk = step_of(collect_study(study, folder), BULK)
    assert bulk.state == "refused" and bulk.failure == "a calculation of NaCl, where the study asks for CsBr"


def test_a_slab_in_the_place_of_a_crystal_is_refused(study: Study, folder: Path) -> None:
    """Both are CsBr by their formula."""
    outcome = collect_study(study, folder, places={BULK: folder / SLAB, SLAB: folder / BULK})
    slab, crystal = "a slab with the vacuum along c", "a cell without a vacuum"
    assert step_of(outcome, BULK).failure == f"a calculation of {slab}, where the study asks for {crystal}"
    assert step_of(outcome, SLAB).failure == f"a calculation of {crystal}, where the study asks for {slab}"
    assert outcome.materials[0].bulk.edges is None and ionisation_potential_ev(outcome) is None


def test_a_slab_along_another_vector_is_refused(study: Study, folder: Path, steps: dict[str, Any]) -> None:
    structure, spec = steps[SLAB]
    turned = Structure(structure.lattice.matrix[[2, 0, 1]], structure.species, structure.frac_coords[:, [2, 0, 1]])
    leave(folder / SLAB, turned, spec)
    assert "vacuum along a, where the study asks for" in step_of(collect_study(study, folder), SLAB).failure


def test_another_stoichiometry_is_refused(study: Study, folder: Path, steps: dict[str, Any]) -> None:
    """Of a crystal by its formula; of a slab, whose formula depends on its thickness, by its faces."""
    for name in (BULK, SLAB):
        structure, spec = steps[name]
        less = structure.copy()
        less.remove_sites([int(np.argmin([site.specie.Z for site in structure]))])
        if name == BULK:
            less.append("Br", [0.5, 0.5, 0.5])
            less.append("Br", [0.0, 0.5, 0.5])
        leave(folder / name, less, spec)
    outcome = collect_study(study, folder)
    assert step_of(outcome, BULK).failure == "a calculation of CsBr2, where the study asks for CsBr"
    slab = step_of(outcome, SLAB)
    assert slab.state == "refused" and "whose lower face is Cs, where the study asks for CsBr" in slab.failure


def test_another_thickness_is_used_and_said(study: Study, folder: Path, write_study: Callable[..., Path]) -> None:
    thicker = 'setting = "cubic"\nmin_thickness_ang = 30.0'
    other = load_study(str(write_study(('setting = "cubic"', thicker))), "quick")
    leave(folder / SLAB, *built_steps(other)[SLAB])
    outcome = collect_study(study, folder)
    (remark,) = step_of(outcome, SLAB).remarks
    assert remark == "a slab of 11 layers, where that of the study has 9"
    assert f"{SLAB}: {remark}" in outcome.warnings and outcome.materials[0].slabs[0].remarks == (remark,)
    assert ionisation_potential_ev(outcome) == pytest.approx(STEP - VBM, abs=0.01)


@pytest.mark.parametrize(
    ("method", "said"),
    [
        ({"functional": "LDA"}, "calculated with LDA, the study asks for PBE"),
        ({"cutoff_ev": 300.0}, "calculated at 300 eV, the study asks for 244.9 eV"),
        (
            {"kpoints_grid": [1, 1, 1], "kpoints_shift": [0, 0, 0]},
            "calculated on 1x1x1 k-points, the study asks for 2x2x2",
        ),
        ({"kpoints_shift": None}, "calculated on 2x2x2 (shift not told) k-points, the study asks for 2x2x2"),
        ({"kpoints_shift": [0, 0, 0]}, "calculated on 2x2x2 (Γ-centred) k-points, the study asks for 2x2x2"),
    ],
)
def test_other_settings_are_used_and_said(
    study: Study, folder: Path, steps: dict[str, Any], method: dict[str, Any], said: str
) -> None:
    leave(folder / BULK, *steps[BULK], changes={"method": method})
    outcome = collect_study(study, folder)
    assert f"{BULK}: {said}" in outcome.warnings
    assert step_of(outcome, BULK).state == "finished"


def test_another_volume_is_said(study: Study, folder: Path, steps: dict[str, Any]) -> None:
    structure, spec = steps[BULK]
    larger = structure.copy()
    larger.scale_lattice(structure.volume * 1.02)
    leave(folder / BULK, larger, spec)
    (warning,) = [text for text in collect_study(study, folder).warnings if text.startswith(BULK)]
    assert f"{larger.volume / 2:.3f} Å³ an atom" in warning and f"{structure.volume / 2:.3f}" in warning


def test_a_slab_with_other_potentials_than_its_crystal_is_said(
    study: Study, folder: Path, steps: dict[str, Any]
) -> None:
    leave(folder / SLAB, *steps[SLAB], changes={"method": {"potentials": {"Cs": "PAW 1", "Br": "PAW 2"}}})
    (warning,) = [text for text in collect_study(study, folder).warnings if text.startswith(BULK)]
    assert warning.startswith(f"{BULK} and {SLAB} differ in their potentials (Br PAW 1 | Br PAW 2)")


def test_what_is_not_told_is_not_said(study: Study, folder: Path, steps: dict[str, Any]) -> None:
    content = json.loads((folder / BULK / "results.json").read_text())
    del content["method"]
    (folder / BULK / "results.json").write_text(json.dumps(content))
    assert not [text for text in collect_study(study, folder).warnings if text.startswith("CsBr/")]


# --- the relaxed geometry ---------------------------------------------------------------------------------------


@pytest.fixture
def relaxed(write_study: Callable[..., Path], tmp_path: Path) -> Callable[..., StudyOutcome]:
    """A study whose crystal is relaxed first: to one factor of the volume, and the bands made at another."""
    study = load_study(str(write_study(('setting = "cubic"', 'setting = "cubic"\nmin_thickness_ang = 24.0'))))

    def collect(relaxed_to: float, bands_at: float, status: str = "finished") -> StudyOutcome:
        folder = tmp_path / "relaxed"
        for name, (start, spec) in built_steps(study).items():
            if name.startswith("CsBr/slab"):
                continue
            structure = start.copy()
            structure.scale_lattice(structure.volume * (relaxed_to if spec.task == "relax" else bands_at))
            leave(folder / name, structure, spec, changes={"status": status} if spec.task == "relax" else None)
        return collect_study(study, folder)

    return collect


def test_bands_at_the_relaxed_geometry(relaxed: Callable[..., StudyOutcome]) -> None:
    outcome = relaxed(1.05, 1.05)
    assert not [text for text in outcome.warnings if "Å³ an atom" in text]
    assert outcome.materials[0].bulk.relaxed


def test_bands_of_a_deck_that_is_older_than_the_relaxation(
    relaxed: Callable[..., StudyOutcome],
) -> None:
    """Whoever runs all decks at once calculates the bands of the crystal as it was before."""
    (warning,) = [text for text in relaxed(1.05, 1.0).warnings if "Å³ an atom" in text]
    assert warning.startswith(f"{BULK}: ") and "older than the relaxation" in warning


def test_a_relaxation_that_did_not_converge_is_no_measure(relaxed: Callable[..., StudyOutcome]) -> None:
    outcome = relaxed(1.05, 1.0, "geom_not_converged")
    assert step_of(outcome, "CsBr/bulk-relax").state == "failed" and not outcome.materials[0].bulk.relaxed
    assert not [text for text in outcome.warnings if "Å³ an atom" in text]


# --- wrong calls ------------------------------------------------------------------------------------------------


def test_no_such_folder(study: Study, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        collect_study(study, tmp_path / "nowhere")


def test_no_such_step_lists_those_there_are(study: Study, folder: Path) -> None:
    with pytest.raises(StudyError, match="no step 'CsBr/bands'") as caught:
        collect_study(study, folder, places={"CsBr/bands": folder})
    assert BULK in caught.value.fix and SLAB in caught.value.fix


def test_no_such_place_of_a_step(study: Study, folder: Path) -> None:
    with pytest.raises(InputError, match="no such folder for the step") as caught:
        collect_study(study, folder, places={SLAB: folder / "nowhere"})
    assert caught.value.where.endswith("nowhere")


def test_a_folder_without_any_result(study: Study, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(CalculationError, match="no results of gpaw") as caught:
        collect_study(study, tmp_path / "empty")
    assert "dftflow decks" in caught.value.fix
