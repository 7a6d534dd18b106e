"""What may be used as the results of a step: asked of folders in which one thing is wrong at a time."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from model_crystal import leave
from pymatgen.core import Structure

from dftflow.codes.registry import load_code
from dftflow.crystals.planes import resolve_plane
from dftflow.crystals.slabs import enumerate_slabs
from dftflow.crystals.sources import load_crystal
from dftflow.gate.step import admit
from dftflow.model.admission import Admitted, Refusal
from dftflow.model.built import Built
from dftflow.model.check import Check
from dftflow.model.spec import CalcSpec, KPath, KPoint, Relaxation
from dftflow.model.surface import SlabModel

SPEC = CalcSpec(
    title="",
    task="potential",
    xc="PBE",
    cutoff_ev=300.0,
    grid=(2, 2, 1),
    smearing_ev=0.1,
    scf_tol_ev_per_atom=1e-6,
    max_scf_cycles=50,
    slab_axis=2,
)
PATH = KPath(segments=((KPoint(label="G", frac=(0, 0, 0)), KPoint(label="X", frac=(0.5, 0, 0))),), spacing_per_ang=0.1)
SPEC_OF_BANDS = replace(SPEC, task="bands", slab_axis=None, grid=(2, 2, 2), path=PATH)
RELAXATION = Relaxation(
    cell="isotropic",
    energy_tol_ev_per_atom=1e-5,
    force_tol_ev_per_ang=0.05,
    stress_tol_gpa=0.1,
    displacement_tol_ang=1e-3,
    max_steps=10,
)
GPAW = load_code("gpaw")


@pytest.fixture(scope="module")
def slabs() -> dict[str, SlabModel]:
    """CsPbBr3 (001) by termination."""
    crystal = load_crystal("CsPbBr3_Pm-3m", base_dir=Path()).structure
    found = enumerate_slabs(
        crystal, resolve_plane(crystal, (0, 0, 1), "cubic"), min_thickness_ang=10.0, vacuum_ang=15.0
    )
    return {slab.termination: slab for slab in found}


def built_as(slab: SlabModel) -> Built:
    return Built(structure=slab.structure, spec=SPEC, model=slab)


def test_the_slab_that_was_asked_for(slabs: dict[str, SlabModel], tmp_path: Path) -> None:
    asked = built_as(slabs["CsBr"])
    admission = admit(asked, GPAW, leave(tmp_path / "a", asked.structure, SPEC))
    assert isinstance(admission, Admitted) and admission.remarks == () and admission.built is asked


def test_a_slab_of_another_termination_is_refused_by_its_name(slabs: dict[str, SlabModel], tmp_path: Path) -> None:
    """Both hold Cs, Pb and Br, and both have their vacuum along c."""
    folder = leave(tmp_path / "a", slabs["PbBr2"].structure, SPEC)
    admission = admit(built_as(slabs["CsBr"]), GPAW, folder)
    assert isinstance(admission, Refusal) and admission.kind == "refused"
    assert "PbBr2" in admission.reason and "the study asks for CsBr" in admission.reason
    assert isinstance(admit(built_as(slabs["PbBr2"]), GPAW, folder), Admitted)


def test_nothing_input_alone_and_a_dead_run_are_three_things(slabs: dict[str, SlabModel], tmp_path: Path) -> None:
    asked = built_as(slabs["CsBr"])
    nothing = admit(asked, GPAW, tmp_path / "nowhere")
    assert isinstance(nothing, Refusal) and nothing.kind == "not run" and nothing.folder is None
    deck = GPAW.render(asked.structure, SPEC, "a")
    for name, text in deck.files.items():
        (tmp_path / name).write_text(text)
    inputs = admit(asked, GPAW, tmp_path)
    assert isinstance(inputs, Refusal) and inputs.kind == "not run" and "input files alone" in inputs.reason
    (tmp_path / "stdout.log").write_text("iter: 1")
    dead = admit(asked, GPAW, tmp_path)
    assert isinstance(dead, Refusal) and dead.kind == "failed" and dead.log_tail == "iter: 1"


def test_a_deck_that_somebody_changed_is_used_and_said(slabs: dict[str, SlabModel], tmp_path: Path) -> None:
    asked = built_as(slabs["CsBr"])
    folder = leave(tmp_path, asked.structure, SPEC)
    deck = GPAW.render(asked.structure, SPEC, "a").files
    for name, text in deck.items():
        (folder / name).write_text(text)
    untouched = admit(asked, GPAW, folder, deck=deck)
    assert isinstance(untouched, Admitted) and untouched.remarks == ()
    script = folder / "a.py"
    script.write_text(script.read_text().replace("300.0", "500.0"))
    edited = admit(asked, GPAW, folder, deck=deck)
    assert isinstance(edited, Admitted)
    (remark,) = edited.remarks
    assert remark.startswith("its deck was changed: a.py") and "500.0" in remark


def test_a_geometry_that_was_not_relaxed_yet_is_said(slabs: dict[str, SlabModel], tmp_path: Path) -> None:
    asked = replace(built_as(slabs["CsBr"]), assumed=("CsPbBr3/slab-001-relax",))
    folder = leave(tmp_path, asked.structure, SPEC)
    admission = admit(asked, GPAW, folder)
    assert isinstance(admission, Admitted)
    (remark,) = admission.remarks
    assert remark == "calculated at an unrelaxed geometry: it was made before CsPbBr3/slab-001-relax had a result"
    older = admit(built_as(slabs["CsBr"]), GPAW, folder, older_than=("CsPbBr3/bulk-relax",))
    assert isinstance(older, Admitted)
    assert older.remarks == ("its deck is older than the result of CsPbBr3/bulk-relax",)


def test_a_surface_that_cannot_be_told_is_no_agreement(slabs: dict[str, SlabModel], tmp_path: Path) -> None:
    """An ion whose charge is not known, in the place of another: not the elements that were asked for."""
    strange = slabs["CsBr"].structure.copy()
    strange.replace_species({"Cs": "Eu"})
    refused = admit(built_as(slabs["CsBr"]), GPAW, leave(tmp_path, strange, SPEC))
    assert isinstance(refused, Refusal) and refused.kind == "refused"


# --- what is not as asked ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"method": {"functional": "LDA"}}, "calculated with LDA, the study asks for PBE"),
        ({"method": {"functional": "pbe"}}, None),
        ({"method": {"functional": None}}, None),
        ({"method": {"cutoff_ev": 300.02}}, "calculated at 300.02 eV, the study asks for 300 eV"),
        ({"method": {"cutoff_ev": 300.005}}, None),
        ({"method": {"spin_polarised": False}}, None),
        ({"method": {"dispersion": "D3"}}, "calculated with dispersion D3, the study asks for none"),
        ({"method": {"dispersion": "none"}}, None),
        ({"method": {"hubbard_u_ev": {"Pb:p": 2.0}}}, "calculated with Pb:p 2 eV, the study asks for no U"),
        ({"method": {"hubbard_u_ev": {"Pb:p": 1e-4}}}, None),
        ({"method": {"cutoff_ev": 299.0}}, "calculated at 299 eV, the study asks for 300 eV"),
        ({"method": {"kpoints_grid": [4, 4, 1]}}, "calculated on 4x4x1 k-points, the study asks for 2x2x1"),
        ({"method": {"kpoints_shift": [0, 0, 0]}}, "calculated on 2x2x1 (Γ-centred)"),
        ({"method": {"kpoints_grid": None, "kpoints_shift": None}}, None),
    ],
)
def test_another_method_is_used_and_said(
    slabs: dict[str, SlabModel], tmp_path: Path, changes: dict[str, Any], said: str | None
) -> None:
    asked = built_as(slabs["CsBr"])
    admission = admit(asked, GPAW, leave(tmp_path, asked.structure, SPEC, changes=changes))
    assert isinstance(admission, Admitted)
    assert [remark.startswith(said or "") for remark in admission.remarks] == ([True] if said else [])


def test_what_was_asked_for_and_is_not_there_is_said(slabs: dict[str, SlabModel], tmp_path: Path) -> None:
    """A run without spin, U, dispersion and spin-orbit coupling, where a study asks for all of them."""
    asked = built_as(slabs["CsBr"])
    spec = replace(SPEC, moments_mub=(1.0,) * len(asked.structure), hubbard_u_ev={"Pb:p": 2.0}, dispersion="D3")
    changes = {"method": {"spin_polarised": False}}
    folder = leave(tmp_path, asked.structure, SPEC, changes=changes)
    admission = admit(replace(asked, spec=spec), GPAW, folder)
    assert isinstance(admission, Admitted)
    assert admission.remarks == (
        "calculated without spin polarisation, the study asks for it with",
        "calculated with dispersion none, the study asks for D3",
        "calculated with no U, the study asks for Pb:p 2 eV",
    )
    coupled = admit(replace(asked, spec=replace(SPEC, spin_orbit=True)), GPAW, folder)
    assert isinstance(coupled, Admitted)
    assert "calculated without spin-orbit coupling, the study asks for it with" in coupled.remarks


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ([0.01, -0.01], "its moments are gone: their sizes sum to 0.02 Bohr magnetons"),
        ([1.7, 1.7], "its moments sum to 3.40 Bohr magnetons, those asked for cancel: another magnetic order"),
        ([1.7, -1.7], None),
        ([], None),
    ],
)
def test_moments_that_died_out_or_turned_round_are_said(
    slabs: dict[str, SlabModel], tmp_path: Path, found: list[float], said: str | None
) -> None:
    asked = built_as(slabs["CsBr"])
    moments = (2.0, -2.0, *(0.0,) * (len(asked.structure) - 2))
    folder = leave(tmp_path, asked.structure, SPEC, changes={"moments_mub": found})
    admission = admit(replace(asked, spec=replace(SPEC, moments_mub=moments)), GPAW, folder)
    assert isinstance(admission, Admitted)
    assert [remark for remark in admission.remarks if "moments" in remark] == ([said] if said else [])


def test_a_band_structure_counts_by_the_method_of_its_own_run(crystal_bands: Built, tmp_path: Path) -> None:
    """Materials Studio: the SCF is PBE, the bands are HSE06 under a seed of their own."""
    source = Path(__file__).parents[1] / "data" / "castep" / "separate-functional"
    castep = load_code("castep")
    folder = tmp_path / "ms"
    shutil.copytree(source, folder)
    (calculation,) = castep.find(folder)
    results = castep.read(calculation).results
    assert results is not None and results.bands is not None
    crystal = crystal_bands.structure
    cell = Structure(results.bands.cell_ang, crystal.species, crystal.frac_coords)
    vectors = "\n".join(" ".join(f"{x:.9f}" for x in row) for row in cell.lattice.matrix)
    sites = "\n".join(f"{site.specie} " + " ".join(f"{x:.6f}" for x in site.frac_coords) for site in cell)
    (folder / "CsPbBr3.cell").write_text(
        f"%BLOCK LATTICE_CART\n{vectors}\n%ENDBLOCK LATTICE_CART\n"
        f"%BLOCK POSITIONS_FRAC\n{sites}\n%ENDBLOCK POSITIONS_FRAC\n"
    )
    admission = admit(replace(crystal_bands, structure=cell), castep, folder)
    assert isinstance(admission, Admitted)
    assert any(remark.startswith("calculated with HSE06, the study asks for PBE") for remark in admission.remarks)


@pytest.fixture(scope="module")
def crystal_bands() -> Built:
    """The bands of cubic CsPbBr3."""
    crystal = load_crystal("CsPbBr3_Pm-3m", base_dir=Path()).structure
    return Built(structure=crystal, spec=SPEC_OF_BANDS)


@pytest.mark.parametrize(("factor", "said"), [(1.004, False), (1.006, True), (0.994, True), (1.0, False)])
def test_another_volume_of_a_crystal_is_said(crystal_bands: Built, tmp_path: Path, factor: float, said: bool) -> None:
    other = crystal_bands.structure.copy()
    other.scale_lattice(factor * other.volume)
    admission = admit(crystal_bands, GPAW, leave(tmp_path, other, crystal_bands.spec))
    assert isinstance(admission, Admitted)
    assert any("Å³ an atom" in remark for remark in admission.remarks) is said
    if said:
        have, want = other.volume / len(other), crystal_bands.structure.volume / len(other)
        assert (
            f"calculated at {have:.3f} Å³ an atom" in admission.remarks[0] and f"has {want:.3f}" in admission.remarks[0]
        )
    assert not any("older than the relaxation" in remark for remark in admission.remarks)
    made_from = replace(crystal_bands, parents={"CsPbBr3/bulk-relax": "0"})
    again = admit(made_from, GPAW, tmp_path)
    assert isinstance(again, Admitted)
    assert any("its deck may be older than the relaxation" in remark for remark in again.remarks) is said


def test_another_phase_is_refused(crystal_bands: Built, tmp_path: Path) -> None:
    other = load_crystal("CsPbBr3_Pnma", base_dir=Path()).structure
    admission = admit(crystal_bands, GPAW, leave(tmp_path, other, crystal_bands.spec))
    assert isinstance(admission, Refusal) and admission.kind == "refused" and "Pnma" in admission.reason


def polar_phase() -> Structure:
    """P4mm: the cubic crystal with its Pb moved along an edge by 0.1 Å."""
    crystal = load_crystal("CsPbBr3_Pm-3m", base_dir=Path()).structure.copy()
    crystal.translate_sites([i for i, s in enumerate(crystal) if s.specie.symbol == "Pb"], [0, 0, 0.1], False)
    return crystal


def test_a_phase_whose_atoms_lie_near_is_refused(crystal_bands: Built, tmp_path: Path) -> None:
    admission = admit(crystal_bands, GPAW, leave(tmp_path, polar_phase(), crystal_bands.spec))
    assert isinstance(admission, Refusal) and admission.kind == "refused" and "P4mm" in admission.reason


def test_a_relaxation_that_ended_in_a_higher_symmetry_is_said(crystal_bands: Built, tmp_path: Path) -> None:
    """Of a step that has a relaxation before it; one that has none is to be calculated as it stands."""
    folder = leave(tmp_path, crystal_bands.structure, crystal_bands.spec)
    alone = replace(crystal_bands, structure=polar_phase())
    assert isinstance(admit(alone, GPAW, folder), Refusal)
    after = replace(alone, parents={"CsPbBr3/bulk-relax": "0"})
    admission = admit(after, GPAW, folder)
    assert isinstance(admission, Admitted)
    said = "the relaxed crystal has the space group Pm-3m, where the study's has P4mm"
    assert said in admission.remarks
    relaxation = replace(alone, spec=replace(SPEC_OF_BANDS, task="relax", path=None, relaxation=RELAXATION))
    itself = admit(relaxation, GPAW, leave(tmp_path / "relax", crystal_bands.structure, relaxation.spec))
    assert isinstance(itself, Admitted) and said in itself.remarks


def test_another_plane_with_the_same_faces_is_refused(tmp_path: Path) -> None:
    """(101) for (010) of Pnma: two PbBr2 or CsBr layers of like cells, which the tilts tell apart."""
    crystal = load_crystal("CsPbBr3_Pnma", base_dir=Path()).structure
    asked, other = (
        enumerate_slabs(crystal, resolve_plane(crystal, miller, "Pnma"), min_thickness_ang=10.0, vacuum_ang=15.0)[0]
        for miller in ((0, 1, 0), (1, 0, 1))
    )
    admission = admit(built_as(asked), GPAW, leave(tmp_path, other.structure, SPEC))
    assert isinstance(admission, Refusal) and admission.kind == "refused"
    assert admission.reason.startswith("a calculation of a slab of (101) Pnma, CsBr")


def test_a_slab_is_no_crystal_and_a_crystal_no_slab(
    crystal_bands: Built, slabs: dict[str, SlabModel], tmp_path: Path
) -> None:
    slab = built_as(slabs["CsBr"])
    as_crystal = admit(crystal_bands, GPAW, leave(tmp_path / "a", slab.structure, crystal_bands.spec))
    as_slab = admit(slab, GPAW, leave(tmp_path / "b", crystal_bands.structure, SPEC))
    for admission, found in ((as_crystal, "a slab with the vacuum along c"), (as_slab, "a cell without a vacuum")):
        assert isinstance(admission, Refusal) and admission.kind == "refused"
        assert admission.reason.startswith(f"a calculation of {found}, where the study asks for")


def test_other_elements_in_a_slab_are_refused(slabs: dict[str, SlabModel], tmp_path: Path) -> None:
    iodide = slabs["CsBr"].structure.copy()
    iodide.replace_species({"Br": "I"})
    admission = admit(built_as(slabs["CsBr"]), GPAW, leave(tmp_path, iodide, SPEC))
    assert isinstance(admission, Refusal) and admission.kind == "refused"
    assert admission.reason == "a calculation of Cs3Pb2I7, where the study asks for Cs3Pb2Br7"


def test_a_calculation_of_which_nobody_knows_how_it_ended_is_refused(
    crystal_bands: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the file that says so is of another run."""
    failed = Check(name="a = b", passed=False, detail="1 and 2", concerns=("status",))
    folder = leave(tmp_path, crystal_bands.structure, crystal_bands.spec)
    monkeypatch.setattr("dftflow.gate.calculation.belonging", lambda results: (failed,))
    admission = admit(crystal_bands, GPAW, folder)
    assert isinstance(admission, Refusal) and admission.kind == "refused"
    assert admission.reason == "status: this does not hold: a = b (1 and 2)"


def test_another_thickness_is_said(slabs: dict[str, SlabModel], tmp_path: Path) -> None:
    crystal = load_crystal("CsPbBr3_Pm-3m", base_dir=Path()).structure
    plane = resolve_plane(crystal, (0, 0, 1), "cubic")
    thick = next(
        slab
        for slab in enumerate_slabs(crystal, plane, min_thickness_ang=22.0, vacuum_ang=15.0)
        if slab.termination == "CsBr"
    )
    admission = admit(built_as(slabs["CsBr"]), GPAW, leave(tmp_path, thick.structure, SPEC))
    assert isinstance(admission, Admitted)
    assert admission.remarks == ("a slab of 9 layers, where that of the study has 5",)


# --- what the step is for ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("file", "said"), [("potential.npz", "a potential"), ("bands.npz", None)])
def test_a_potential_step_needs_its_potential(
    slabs: dict[str, SlabModel], tmp_path: Path, file: str, said: str | None
) -> None:
    asked = built_as(slabs["CsBr"])
    folder = leave(tmp_path, asked.structure, SPEC)
    (folder / file).unlink()
    admission = admit(asked, GPAW, folder)
    if said is None:
        assert isinstance(admission, Admitted)
    else:
        assert isinstance(admission, Refusal) and admission.kind == "failed" and admission.reason.endswith(said)


def test_a_potential_of_another_cell_is_refused_with_the_check_that_failed(
    slabs: dict[str, SlabModel], tmp_path: Path
) -> None:
    asked = built_as(slabs["CsBr"])
    folder = leave(tmp_path, asked.structure, SPEC)
    with np.load(folder / "potential.npz") as arrays:
        np.savez(folder / "potential.npz", planar_ev=arrays["planar_ev"], cell_ang=arrays["cell_ang"] * 1.1)
    admission = admit(asked, GPAW, folder)
    assert isinstance(admission, Refusal) and admission.kind == "refused"
    assert admission.reason.startswith("potential: ") and admission.wall_time_s == 12.0


def test_what_is_refused_and_not_needed_is_a_remark(crystal_bands: Built, tmp_path: Path) -> None:
    """The bands of a crystal do not need its potential; the line-up then has none."""
    folder = leave(tmp_path, crystal_bands.structure, crystal_bands.spec)
    with np.load(folder / "potential.npz") as arrays:
        np.savez(folder / "potential.npz", planar_ev=arrays["planar_ev"], cell_ang=arrays["cell_ang"] * 1.1)
    admission = admit(crystal_bands, GPAW, folder)
    assert isinstance(admission, Admitted) and admission.results.potential is None
    (remark,) = admission.remarks
    assert remark.startswith("potential not used: ")


@pytest.mark.parametrize("status", ["scf_not_converged", "geom_not_converged", "out_of_time", "died"])
def test_a_run_that_did_not_finish_has_failed(slabs: dict[str, SlabModel], tmp_path: Path, status: str) -> None:
    asked = built_as(slabs["CsBr"])
    folder = leave(tmp_path, asked.structure, SPEC, changes={"status": status, "message": "given up"})
    admission = admit(asked, GPAW, folder)
    assert isinstance(admission, Refusal) and admission.kind == "failed"
    assert admission.reason == f"{status.replace('_', ' ')}: given up"


def test_a_damaged_file_has_failed(slabs: dict[str, SlabModel], tmp_path: Path) -> None:
    asked = built_as(slabs["CsBr"])
    folder = leave(tmp_path, asked.structure, SPEC)
    (folder / "potential.npz").write_bytes(b"PK")
    admission = admit(asked, GPAW, folder)
    assert isinstance(admission, Refusal) and admission.kind == "failed" and "potential.npz" in admission.reason


def test_what_was_added_is_not_what_was_taken_away(slabs: dict[str, SlabModel], tmp_path: Path) -> None:
    asked = built_as(slabs["CsBr"])
    folder = leave(tmp_path, asked.structure, SPEC)
    deck = GPAW.render(asked.structure, SPEC, "a").files
    for name, text in deck.items():
        (folder / name).write_text(text)
    script = folder / "a.py"
    script.write_text(script.read_text().replace("300.0", "500.0"))
    (folder / "a.xyz").unlink()
    admission = admit(asked, GPAW, folder, deck=deck)
    assert isinstance(admission, Admitted)
    (remark,) = admission.remarks
    assert remark.index("300.0") < remark.index("500.0"), remark


def test_a_deck_that_is_no_text_is_no_reason_to_fail(slabs: dict[str, SlabModel], tmp_path: Path) -> None:
    asked = built_as(slabs["CsBr"])
    folder = leave(tmp_path, asked.structure, SPEC)
    deck = GPAW.render(asked.structure, SPEC, "a").files
    for name in deck:
        (folder / name).write_bytes(b"\xff\xfe\x00")
    admission = admit(asked, GPAW, folder, deck=deck)
    assert isinstance(admission, Admitted) and admission.remarks


@pytest.mark.parametrize(("lost", "said"), [("numbers", "a geometry"), ("fermi_ev", "a Fermi level")])
def test_a_record_without_what_a_potential_is_counted_from(
    slabs: dict[str, SlabModel], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lost: str, said: str
) -> None:
    asked = built_as(slabs["CsBr"])
    folder = leave(tmp_path, asked.structure, SPEC)
    read = GPAW.read

    def without(calculation: Any) -> Any:
        reading = read(calculation)
        gone = {"structure": None} if lost == "numbers" else {"log_fermi": None, "bands": None}
        return replace(reading, results=replace(reading.results, **gone))

    monkeypatch.setattr(GPAW, "read", without)
    admission = admit(asked, GPAW, folder)
    assert isinstance(admission, Refusal) and admission.kind == "failed"
    assert admission.reason == f"finished, but there is not what the step is for: {said}"


def test_a_relaxation_may_change_its_volume(crystal_bands: Built, tmp_path: Path) -> None:
    spec = replace(SPEC_OF_BANDS, task="relax", path=None, relaxation=RELAXATION)
    larger = crystal_bands.structure.copy()
    larger.scale_lattice(1.05 * larger.volume)
    admission = admit(replace(crystal_bands, spec=spec), GPAW, leave(tmp_path, larger, spec))
    assert isinstance(admission, Admitted) and admission.remarks == ()


@pytest.mark.parametrize("file", ["results.json", "nothing"])
def test_two_calculations_or_none_in_a_folder(
    slabs: dict[str, SlabModel], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str
) -> None:
    asked = built_as(slabs["CsBr"])
    folder = leave(tmp_path, asked.structure, SPEC)
    if file == "nothing":
        for name in ("results.json", "bands.npz", "potential.npz"):
            (folder / name).unlink()
        admission = admit(asked, GPAW, folder)
        assert (
            isinstance(admission, Refusal) and admission.kind == "not run" and "no results of gpaw" in admission.reason
        )
        return
    find = GPAW.find
    monkeypatch.setattr(GPAW, "find", lambda place: find(place) * 2)
    admission = admit(asked, GPAW, folder)
    assert isinstance(admission, Refusal) and admission.kind == "failed" and "several calculations" in admission.reason


def test_a_band_structure_needs_its_eigenvalues(crystal_bands: Built, tmp_path: Path) -> None:
    folder = leave(tmp_path, crystal_bands.structure, crystal_bands.spec)
    (folder / "bands.npz").unlink()
    admission = admit(crystal_bands, GPAW, folder)
    assert isinstance(admission, Refusal) and admission.kind == "failed"
    assert admission.reason == "finished, but there is not what the step is for: eigenvalues"
