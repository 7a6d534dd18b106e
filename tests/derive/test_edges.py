"""Edges and geometry of a crystal, and the reason where there are none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from model_crystal import CBM, FERMI, VBM, leave

from dftflow.codes.registry import load_code
from dftflow.crystals.crystal import Crystal
from dftflow.crystals.primitive_cell import axes_of_given, primitive_cell_of
from dftflow.crystals.shipped import load_shipped
from dftflow.crystals.sources import load_crystal
from dftflow.derive.edges import bulk_outcome, crystal_quantities, finite_basis_pressure_gpa
from dftflow.derive.findings import Findings
from dftflow.gate.step import admit
from dftflow.model.admission import Admission, Admitted, Refusal
from dftflow.model.built import Built
from dftflow.model.outcome import BulkOutcome, MaterialOutcome
from dftflow.model.spec import CalcSpec, KPath, KPoint

PATH = KPath(segments=((KPoint(label="G", frac=(0, 0, 0)), KPoint(label="X", frac=(0.5, 0, 0))),), spacing_per_ang=0.1)
SPEC = CalcSpec(
    title="", task="bands", xc="PBE", cutoff_ev=300.0, grid=(2, 2, 2), smearing_ev=0.1, scf_tol_ev_per_atom=1e-6,
    max_scf_cycles=50, path=PATH,
)  # fmt: skip


@pytest.fixture(scope="module")
def crystal() -> Crystal:
    return load_crystal("CsBr_Pm-3m", base_dir=Path())


def admitted(crystal: Crystal, folder: Path, **facts: object) -> Admitted:
    built = Built(structure=crystal.structure, spec=SPEC, facts=facts)
    found = admit(built, load_code("gpaw"), leave(folder, crystal.structure, SPEC))
    assert isinstance(found, Admitted)
    return found


def outcome(crystal: Crystal, bands: Admission, relax: Admission | None = None) -> BulkOutcome:
    return bulk_outcome(
        "CsBr",
        crystal,
        crystal.structure,
        relax=None if relax is None else ("CsBr/bulk-relax", relax),
        bands=("CsBr/bulk-bands", bands),
        stress_tol_gpa=0.1,
    )


def findings_of(bulk: BulkOutcome) -> Findings:
    return Findings(admissions={}, materials=(MaterialOutcome(name="CsBr", formula="CsBr", bulk=bulk, slabs=()),))


def test_edges_and_their_step(crystal: Crystal, tmp_path: Path) -> None:
    bulk = outcome(crystal, admitted(crystal, tmp_path))
    assert bulk.edges is not None and bulk.edges.band_gap_ev == pytest.approx(CBM + 0.1 - VBM)
    assert (bulk.edges_step, bulk.cell_step, bulk.relaxed) == ("CsBr/bulk-bands", "", False)
    found = {q.name: q for q in crystal_quantities(findings_of(bulk))}
    assert found["band gap"].value == pytest.approx(1.8) and found["band gap"].origin == ("CsBr/bulk-bands",)
    assert found["volume"].value == pytest.approx(crystal.structure.volume) and found["volume"].origin == (
        "CsBr_Pm-3m",
    )


@pytest.mark.parametrize(("moved_ang", "group"), [(0.004, "Pm-3m (221)"), (0.009, "P4mm (99)")])
def test_the_space_group_of_the_relaxed_crystal(crystal: Crystal, tmp_path: Path, moved_ang: float, group: str) -> None:
    """To 0.01 Å: what a relaxation leaves of noise is less, and a distortion more."""
    bands = admitted(crystal, tmp_path)
    structure = crystal.structure.copy()
    structure.translate_sites([1], [0, 0, moved_ang], frac_coords=False)
    relax = replace(bands, results=replace(bands.results, structure=structure))
    assert outcome(crystal, bands, relax).space_group == group


@pytest.mark.parametrize(
    ("refusal", "kind", "reason"),
    [
        (Refusal(kind="not run", reason=""), "not run", "CsBr/bulk-bands not run"),
        (Refusal(kind="failed", reason="scf not converged"), "failed", "CsBr/bulk-bands failed: scf not converged"),
        (Refusal(kind="refused", reason="NaCl"), "refused", "CsBr/bulk-bands refused: NaCl"),
    ],
)
def test_why_there_are_none_comes_from_who_found_out(
    crystal: Crystal, refusal: Refusal, kind: str, reason: str
) -> None:
    bulk = outcome(crystal, refusal)
    assert bulk.edges is None and bulk.why_no_edges == reason
    gap = next(q for q in crystal_quantities(findings_of(bulk)) if q.name == "band gap")
    assert gap.value is None and gap.missing is not None and (gap.missing.kind, gap.missing.reason) == (kind, reason)


def test_metallic_is_not_not_read(crystal: Crystal, tmp_path: Path) -> None:
    found = admitted(crystal, tmp_path)
    assert found.results.bands is not None
    overlapping = np.array([[[3.0, 3.4], [3.6, 4.0]]])
    metal = replace(
        found, results=replace(found.results, bands=replace(found.results.bands, eigenvalues_ev=overlapping))
    )
    nothing = replace(found, results=replace(found.results, bands=None))
    kinds = [outcome(crystal, admission).no_edges for admission in (metal, nothing)]
    assert [missing.kind for missing in kinds if missing is not None] == ["metallic", "not read"]


def test_an_edge_that_the_study_names_must_be_in_the_k_set(crystal: Crystal, tmp_path: Path) -> None:
    there = admitted(crystal, tmp_path / "a", band_edge={"label": "X", "frac": [0.5, 0.0, 0.0]})
    assert outcome(crystal, there).edges is not None
    absent = admitted(crystal, tmp_path / "b", band_edge={"label": "R", "frac": [0.5, 0.5, 0.5]})
    bulk = outcome(crystal, absent)
    assert bulk.edges is None and bulk.no_edges is not None and bulk.no_edges.kind == "not derived"
    assert "R" in bulk.why_no_edges


def test_the_relaxed_cell_is_that_of_the_relaxation(crystal: Crystal, tmp_path: Path) -> None:
    bands = admitted(crystal, tmp_path)
    larger = crystal.structure.copy()
    larger.scale_lattice(1.03 * larger.volume)
    relaxed = replace(bands, results=replace(bands.results, structure=larger, finite_basis_de_dlnecut_ev=-3.0))
    bulk = outcome(crystal, bands, relaxed)
    assert bulk.structure.volume == pytest.approx(1.03 * crystal.structure.volume)
    assert bulk.cell_step == "CsBr/bulk-relax" and bulk.relaxed
    of_cell = [q for q in crystal_quantities(findings_of(bulk)) if q.unit.startswith("Å")]
    assert len(of_cell) == 4 and {q.origin for q in of_cell} == {("CsBr/bulk-relax",)}
    assert "relaxation changed the volume of CsBr by +3.0 %" in bulk.warnings
    (basis,) = [line for line in bulk.warnings if "finite-basis" in line]
    assert "+3.94 GPa" in basis and "the cutoff is not converged" in basis


def test_sign_and_size_of_the_finite_basis_pressure() -> None:
    """At a fixed number of plane waves the cutoff falls as V^(-2/3), and with it E rises: dE/dV = -2/3 (dE/dlnE)/V.

    -3 eV per unit of ln E_cut in 100 Å3: 2/3 x 3 / 100 eV/Å3 = 0.02 eV/Å3, and 1 eV/Å3 is 160.2177 GPa.
    """
    assert finite_basis_pressure_gpa(-3.0, 100.0) == pytest.approx(3.204354, rel=1e-6)
    assert finite_basis_pressure_gpa(3.0, 100.0) == -finite_basis_pressure_gpa(-3.0, 100.0)


def test_every_number_of_a_crystal(crystal: Crystal, tmp_path: Path) -> None:
    """The levels are those of the record: VBM, CBM + 0.1 and E_F of the model, on the scale of its run."""
    found = {q.name: q for q in crystal_quantities(findings_of(outcome(crystal, admitted(crystal, tmp_path))))}
    numbers = {name: (q.value, q.unit, q.method) for name, q in found.items()}
    scale = "on the scale of the run itself"
    length = pytest.approx(crystal.structure.lattice.a)
    assert numbers == {
        "band gap": (pytest.approx(CBM + 0.1 - VBM), "eV", ""),
        "valence band maximum": (pytest.approx(VBM), "eV", scale),
        "conduction band minimum": (pytest.approx(CBM + 0.1), "eV", scale),
        "Fermi level": (pytest.approx(FERMI), "eV", scale),
        "total energy per atom": (pytest.approx(-6.7 / 2), "eV", scale),
        "volume": (pytest.approx(crystal.structure.volume), "Å³", ""),
        "lattice parameter a": (length, "Å", ""),
        "lattice parameter b": (length, "Å", ""),
        "lattice parameter c": (length, "Å", ""),
    }


def test_a_primitive_cell_has_the_lengths_that_were_given(crystal: Crystal, tmp_path: Path) -> None:
    """Cs4PbBr6: 13.73 and 17.32 Å of the hexagonal cell, calculated in one with axes of 9.81 Å."""
    given = load_shipped("Cs4PbBr6_R-3c").structure
    small = primitive_cell_of(given)
    moved = small.copy()
    moved.perturb(0.002)
    bulk = outcome(crystal, admitted(crystal, tmp_path))
    bulk = replace(
        bulk, structure=moved, given_axes=axes_of_given(given, small), open_lengths_ang=(0.1, 0.2, 0.3)
    )  # fmt: skip
    found = {q.name: q for q in crystal_quantities(findings_of(bulk))}
    assert found["volume"].value == pytest.approx(given.volume) == 3 * small.volume
    for axis, length in zip("abc", given.lattice.abc, strict=True):
        one = found[f"lattice parameter {axis}"]
        assert one.value == pytest.approx(length) and "primitive cell of 22 atoms" in one.method
        assert one.uncertainty is None, "what is open of other axes is not known"


@pytest.mark.parametrize(("gap_on_grid_ev", "said"), [(1.83, True), (1.8201, True), (1.8199, False), (1.80, False)])
def test_a_grid_that_misses_the_edge_is_told(
    crystal: Crystal, tmp_path: Path, gap_on_grid_ev: float, said: bool
) -> None:
    """The gap is 1.8 eV at Γ, a point of the path; the one point of the grid has more, or as much."""
    found = admitted(crystal, tmp_path)
    assert found.results.bands is not None
    bands = replace(
        found.results.bands,
        eigenvalues_ev=np.array([[[VBM, VBM + 1.8], [VBM - 0.001, VBM - 0.001 + gap_on_grid_ev]]]),
        kpoints_frac=np.array([[0, 0, 0], [0.25, 0.25, 0.25]]),
        labels=("G", ""),
        on_path=(0, -1),
    )
    bulk = outcome(crystal, replace(found, results=replace(found.results, bands=bands)))
    told = [line for line in bulk.warnings if "the SCF grid alone" in line]
    assert bool(told) is said
    if said:
        assert f"a gap of {gap_on_grid_ev:.3f} eV" in told[0] and "by 0.0" in told[0] and "at G" in told[0]


@pytest.mark.parametrize(
    ("slope_ev", "said"), [(-0.05, False), (-0.1, True), (0.05, False), (0.1, True), (-0.0755, False), (-0.0765, True)]
)
def test_a_correction_above_the_stress_tolerance_says_that_the_cutoff_is_not_converged(
    crystal: Crystal, tmp_path: Path, slope_ev: float, said: bool
) -> None:
    """0.1 GPa in the relaxed 81.38 Å3 is 0.1 x 81.38 x 1.5 / 160.2177 = 0.0762 eV per unit of ln E_cut."""
    bands = admitted(crystal, tmp_path)
    larger = crystal.structure.copy()
    larger.scale_lattice(81.38)
    results = replace(bands.results, structure=larger, finite_basis_de_dlnecut_ev=slope_ev)
    (line,) = [text for text in outcome(crystal, bands, replace(bands, results=results)).warnings if "basis" in text]
    assert ("not converged" in line) is said


def test_a_refused_relaxation_gives_no_cell(crystal: Crystal, tmp_path: Path) -> None:
    bulk = outcome(crystal, admitted(crystal, tmp_path), Refusal(kind="failed", reason="died"))
    assert (bulk.cell_step, bulk.relaxed) == ("", False) and bulk.structure is crystal.structure


def test_lengths_carry_what_the_criterion_leaves_open(crystal: Crystal, tmp_path: Path) -> None:
    found = admitted(crystal, tmp_path)
    soft = replace(found, results=replace(found.results, length_compliance_per_gpa=np.array([0.04, 0.05, 0.06])))
    bulk = outcome(crystal, found, relax=soft)
    lengths = np.array(bulk.structure.lattice.abc)
    assert bulk.open_lengths_ang == pytest.approx(lengths * [0.004, 0.005, 0.006])
    by_name = {quantity.name: quantity for quantity in crystal_quantities(findings_of(bulk))}
    for axis, part, length in zip("abc", (0.004, 0.005, 0.006), lengths, strict=True):
        quantity = by_name[f"lattice parameter {axis}"]
        assert quantity.uncertainty == pytest.approx((-part * length, part * length))
        assert "criterion" in quantity.uncertainty_holds
    assert by_name["volume"].uncertainty is None
    held = outcome(crystal, found, relax=found)
    assert held.open_lengths_ang is None
    assert all(quantity.uncertainty is None for quantity in crystal_quantities(findings_of(held)))
