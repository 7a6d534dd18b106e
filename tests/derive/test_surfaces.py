"""Levels of a surface from what was admitted, on the model crystal: IP = STEP - VBM, W = STEP - FERMI."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from model_crystal import CBM, FERMI, SLAB_ZERO, STEP, VBM, leave

from dftflow.codes.registry import load_code
from dftflow.crystals.crystal import Crystal
from dftflow.crystals.kpaths import surface_points
from dftflow.crystals.planes import resolve_plane
from dftflow.crystals.slabs import enumerate_slabs
from dftflow.crystals.sources import load_crystal
from dftflow.derive.edges import bulk_outcome
from dftflow.derive.findings import Findings
from dftflow.derive.surfaces import slab_outcome, surface_quantities
from dftflow.gate.step import admit
from dftflow.model.admission import Admission, Admitted, Refusal
from dftflow.model.built import Built
from dftflow.model.outcome import BulkOutcome, MaterialOutcome, SlabOutcome
from dftflow.model.quantity import Missing, Quantity
from dftflow.model.spec import CalcSpec, KPath, KPoint, Relaxation
from dftflow.model.surface import SlabModel

POTENTIAL = CalcSpec(
    title="", task="potential", xc="PBE", cutoff_ev=300.0, grid=(2, 2, 1), shift=(0.5, 0.0, 0.0), smearing_ev=0.1,
    scf_tol_ev_per_atom=1e-6, max_scf_cycles=50, slab_axis=2,
)  # fmt: skip
PATH = KPath(segments=((KPoint(label="G", frac=(0, 0, 0)), KPoint(label="X", frac=(0.5, 0, 0))),), spacing_per_ang=0.1)
BANDS = replace(POTENTIAL, task="bands", slab_axis=None, grid=(2, 2, 2), shift=None, path=PATH)
RELAX = replace(
    POTENTIAL,
    task="relax",
    relaxation=Relaxation(
        cell="fixed", energy_tol_ev_per_atom=1e-5, force_tol_ev_per_ang=0.05, stress_tol_gpa=0.1,
        displacement_tol_ang=1e-3, max_steps=10,
    ),
)  # fmt: skip
GPAW = load_code("gpaw")


@pytest.fixture(scope="module")
def crystal() -> Crystal:
    return load_crystal("CsBr_Pm-3m", base_dir=Path())


@pytest.fixture(scope="module")
def model(crystal: Crystal) -> SlabModel:
    plane = resolve_plane(crystal.structure, (1, 1, 0), "cubic")
    return enumerate_slabs(crystal.structure, plane, min_thickness_ang=24.0, vacuum_ang=15.0)[0]


@pytest.fixture
def bands(crystal: Crystal, tmp_path: Path) -> Admitted:
    return admitted(Built(structure=crystal.structure, spec=BANDS), tmp_path / "bands")


@pytest.fixture
def potential(model: SlabModel, tmp_path: Path) -> Admitted:
    return admitted(Built(structure=model.structure, spec=POTENTIAL, model=model), tmp_path / "potential")


def admitted(built: Built, folder: Path) -> Admitted:
    found = admit(built, GPAW, leave(folder, built.structure, built.spec))
    assert isinstance(found, Admitted)
    return found


def bulk_of(crystal: Crystal, bands: Admission) -> BulkOutcome:
    return bulk_outcome(
        "CsBr", crystal, crystal.structure, relax=None, bands=("CsBr/bulk-bands", bands), stress_tol_gpa=0.1
    )


def outcome(
    crystal: Crystal, bands: Admission, potential: Admission, relax: Admission | None = None
) -> SlabOutcome | None:
    return slab_outcome(
        "CsBr/slab-110",
        relax=None if relax is None else ("CsBr/slab-110-relax", relax),
        potential=("CsBr/slab-110-potential", potential),
        bulk=bulk_of(crystal, bands),
        bulk_bands=("CsBr/bulk-bands", bands),
    )


def quantities(crystal: Crystal, bands: Admission, slab: SlabOutcome) -> dict[tuple[str, str], Quantity]:
    material = MaterialOutcome(name="CsBr", formula="CsBr", bulk=bulk_of(crystal, bands), slabs=(slab,))
    found = surface_quantities(Findings(admissions={}, materials=(material,)))
    return {(q.name, q.method): q for q in found}


def test_the_levels_and_where_they_come_from(crystal: Crystal, bands: Admitted, potential: Admitted) -> None:
    slab = outcome(crystal, bands, potential)
    assert slab is not None and slab.missing is None and slab.failure == ""
    found = quantities(crystal, bands, slab)
    line_up, own = "bulk line-up through the slab", "the slab's own bands"
    assert found["ionisation potential", line_up].value == pytest.approx(STEP - VBM, abs=0.01)
    assert found["electron affinity", line_up].value == pytest.approx(STEP - CBM - 0.1, abs=0.01)
    assert found["work function", ""].value == pytest.approx(STEP - FERMI, abs=0.01)
    assert found["ionisation potential", own].value == pytest.approx(STEP - VBM, abs=0.01)
    assert found["electron affinity", own].value == pytest.approx(STEP - CBM - 0.1, abs=0.01)
    assert found["band gap", own].value == pytest.approx(CBM + 0.1 - VBM, abs=1e-6)
    assert found["ionisation potential", line_up].origin == ("CsBr/slab-110-potential", "CsBr/bulk-bands")
    assert found["work function", ""].origin == ("CsBr/slab-110-potential",)
    spread = found["ionisation potential", line_up].uncertainty
    assert slab.levels is not None and spread == (-slab.levels.spread.total_ev, slab.levels.spread.total_ev)
    anywhere = (STEP - CBM - 0.1 - (STEP - FERMI), STEP - VBM - (STEP - FERMI))
    assert found["work function", ""].uncertainty == pytest.approx(anywhere, abs=1e-6), "E_F anywhere in the gap"
    assert {q.subject for q in found.values()} == {"CsBr (110) cubic, CsBr"}
    assert {q.unit for q in found.values()} == {"eV"} and len(found) == 6


def test_k_points_that_differ_are_said_beside_the_line_up_alone(
    crystal: Crystal, bands: Admitted, model: SlabModel, tmp_path: Path
) -> None:
    """2x2x2 of CsBr, 4.29 Å: along c points at 1/4 and 3/4, along a - b at 0 and 1/2; 2 pi / (6.067 Å 2) is 0.518."""
    spec = replace(POTENTIAL, shift=None)
    slab = outcome(crystal, bands, admitted(Built(structure=model.structure, spec=spec, model=model), tmp_path / "p"))
    assert slab is not None
    for (name, method), quantity in quantities(crystal, bands, slab).items():
        said = [remark for remark in quantity.remarks if "k-points" in remark]
        assert bool(said) == (method == "bulk line-up through the slab"), name
        assert all("2x2x2, at most 0.732 1/Å" in text and "2x2x1 (shifted by 0.5, 0, 0" in text for text in said)
        assert all("the slab has 2x2x1, at most 0.732 1/Å" in text for text in said)


def test_an_unrelaxed_slab_says_so_beside_every_number(crystal: Crystal, bands: Admitted, potential: Admitted) -> None:
    slab = outcome(crystal, bands, potential)
    assert slab is not None and slab.relaxed is False
    assert all("not relaxed" in q.remarks for q in quantities(crystal, bands, slab).values())


def test_remarks_of_all_its_steps_stand_beside_a_number(
    crystal: Crystal, bands: Admitted, potential: Admitted, model: SlabModel, tmp_path: Path
) -> None:
    relax = admitted(Built(structure=model.structure, spec=RELAX, model=model), tmp_path / "relax")
    noted = [replace(step, remarks=(text,)) for step, text in ((bands, "one"), (potential, "two"), (relax, "three"))]
    slab = outcome(crystal, noted[0], noted[1], noted[2])
    assert slab is not None and slab.relaxed is True and slab.relaxation == ""
    found = quantities(crystal, noted[0], slab)
    assert found["work function", ""].remarks == ("two", "CsBr/slab-110-relax: three")
    level = found["ionisation potential", "bulk line-up through the slab"]
    assert level.remarks == ("two", "CsBr/slab-110-relax: three", "CsBr/bulk-bands: one")


def test_a_relaxation_without_results_proves_nothing(crystal: Crystal, bands: Admitted, potential: Admitted) -> None:
    slab = outcome(crystal, bands, potential, Refusal(kind="failed", reason="died"))
    assert slab is not None and slab.relaxed is False, "it lies where it was cut"


def test_another_geometry_than_the_relaxed_one_is_not_known(
    crystal: Crystal, bands: Admitted, potential: Admitted, model: SlabModel, tmp_path: Path
) -> None:
    relax = admitted(Built(structure=model.structure, spec=RELAX, model=model), tmp_path / "relax")
    moved = model.structure.copy()
    moved.translate_sites([0], [0, 0, 0.3], frac_coords=False)
    slab = outcome(crystal, bands, replace(potential, results=replace(potential.results, structure=moved)), relax)
    assert slab is not None and slab.relaxed is None and slab.structure is moved
    elsewhere = replace(relax, results=replace(relax.results, structure=moved))
    slab = outcome(crystal, bands, potential, elsewhere)
    assert slab is not None and slab.relaxed is False and slab.structure is potential.results.structure


@pytest.mark.parametrize(("kind", "reason"), [("not run", ""), ("failed", "died"), ("refused", "another slab")])
def test_a_step_without_results_leaves_a_name_and_a_reason(
    crystal: Crystal, bands: Admitted, model: SlabModel, kind: str, reason: str
) -> None:
    built = Built(structure=model.structure, spec=POTENTIAL, model=model)
    slab = outcome(crystal, bands, Refusal(kind=kind, reason=reason, built=built))  # type: ignore[arg-type]
    assert slab is not None and slab.model is model and slab.levels is None and slab.profile is None
    for quantity in quantities(crystal, bands, slab).values():
        assert quantity.value is None and quantity.missing is not None and quantity.missing.kind == kind
        assert "CsBr/slab-110-potential" in quantity.missing.reason and reason in quantity.missing.reason


def test_the_name_of_a_slab_that_was_relaxed_and_no_more(
    crystal: Crystal, bands: Admitted, model: SlabModel, tmp_path: Path
) -> None:
    relax = admitted(Built(structure=model.structure, spec=RELAX, model=model), tmp_path / "relax")
    slab = outcome(crystal, bands, Refusal(kind="not run", reason=""), relax)
    assert slab is not None and slab.model is model


def test_a_slab_that_was_never_built_has_no_name(crystal: Crystal, bands: Admitted) -> None:
    assert outcome(crystal, bands, Refusal(kind="failed", reason="it cannot be cut")) is None
    why = Missing(kind="failed", reason="it cannot be cut")
    (quantity,) = surface_quantities(Findings(admissions={}, unbuilt={"CsBr/slab-110": why}))
    assert quantity.subject == "CsBr/slab-110" and quantity.missing == why
    assert (quantity.name, quantity.unit) == ("ionisation potential", "eV")


def test_without_edges_of_the_crystal_the_reason_is_theirs(
    crystal: Crystal, potential: Admitted, bands: Admitted
) -> None:
    slab = outcome(crystal, Refusal(kind="failed", reason="scf not converged"), potential)
    assert slab is not None and slab.missing is not None and slab.missing.kind == "not derived"
    assert "CsBr/bulk-bands failed: scf not converged" in slab.failure
    assert len(slab.vacuum) == 2 and slab.profile is not None, "what the slab alone tells is kept"
    whole = outcome(crystal, bands, potential)
    assert whole is not None and slab.own == whole.own and whole.levels is not None
    assert slab.own is not None and slab.own.work_function_ev == whole.levels.work_function_ev
    assert slab.own.ionisation_potential_ev == whole.levels.slab_ionisation_potential_ev
    other = replace(bands, results=replace(bands.results, potential=None))
    slab = outcome(crystal, other, potential)
    assert slab is not None and "CsBr/bulk-bands has left no potential" in slab.failure
    refused = replace(other, remarks=("potential not used: another cell",))
    slab = outcome(crystal, refused, potential)
    assert slab is not None and "potential not used: another cell" in slab.failure


def test_potentials_of_two_kinds_are_not_lined_up(crystal: Crystal, bands: Admitted, potential: Admitted) -> None:
    assert bands.results.potential is not None
    local = replace(bands.results.potential, kind="local")
    slab = outcome(crystal, replace(bands, results=replace(bands.results, potential=local)), potential)
    assert slab is not None and "the crystal's potential is local, the slab's electrostatic" in slab.failure


def test_special_points_that_were_left_out_are_named(
    crystal: Crystal, bands: Admitted, potential: Admitted, model: SlabModel
) -> None:
    slab = outcome(crystal, bands, potential)
    assert slab is not None
    (warning,) = slab.warnings
    assert warning.startswith("not calculated at") and "S-bar" in warning
    points = surface_points(model.structure)
    assert potential.results.bands is not None
    dense = replace(
        potential.results.bands,
        eigenvalues_ev=np.array([[[VBM, CBM + 0.1]] * len(points)]) + SLAB_ZERO,
        kpoints_frac=np.array([point.frac for point in points]),
        labels=tuple(point.label for point in points),
        on_path=(-1,) * len(points),
    )
    whole = outcome(crystal, bands, replace(potential, results=replace(potential.results, bands=dense)))
    assert whole is not None and whole.warnings == ()


def test_a_refused_slab_that_was_asked_for_says_so(
    crystal: Crystal, bands: Admitted, potential: Admitted, model: SlabModel
) -> None:
    refused = replace(model, refused="its two faces differ")
    slab = outcome(crystal, bands, replace(potential, built=replace(potential.built, model=refused)))
    assert slab is not None and any("used although refused: its two faces differ" in text for text in slab.warnings)


def test_a_slab_without_eigenvalues_misses_no_points(crystal: Crystal, bands: Admitted, potential: Admitted) -> None:
    bare = replace(potential, results=replace(potential.results, bands=None, log_fermi=potential.results.fermi))
    slab = outcome(crystal, bands, bare)
    assert slab is not None and slab.warnings == () and slab.levels is not None
    own = quantities(crystal, bands, slab)["band gap", "the slab's own bands"]
    assert own.value is None and own.missing == Missing(kind="not derived", reason="there are no eigenvalues")
