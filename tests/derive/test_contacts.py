"""Metals among the materials of a study, on the model crystal: W = STEP - FERMI, whatever its crystal tells."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from model_crystal import CBM, FERMI, STEP, VBM, leave

from dftflow.derive.swept_range import with_swept_ranges
from dftflow.figures.study_figures import study_figures
from dftflow.model.outcome import StudyOutcome
from dftflow.model.point import Point
from dftflow.model.quantity import METAL_WAY, Quantity
from dftflow.report.table import summary_table
from dftflow.studies.builder import Builder
from dftflow.studies.execution import collect_study
from dftflow.studies.plan import plan_study
from dftflow.studies.reader import load_study

W, IP, EA = STEP - FERMI, STEP - VBM, STEP - CBM - 0.1
ODD = {"n_electrons": 3.0}
"""An odd number of electrons without spin polarisation: a band is half filled."""

MATERIAL = """
[materials.{name}]
structure = "CsBr_Pm-3m"
cutoff_ev = 244.9
relax_kpoints = [2, 2, 2]
bands_kpoints = [4, 4, 4]
[[materials.{name}.slabs]]
miller = [1, 1, 0]
setting = "cubic"
min_thickness_ang = 24.0
"""


def collected(root: Path, names: str, metals: str, without: str = "") -> StudyOutcome:
    """A study of crystals with one surface each, of which all are aligned; no step called `without` has results."""
    text = 'schema = 1\ntitle = "contacts"\n' + "".join(MATERIAL.format(name=name) for name in names)
    aligned = '\n[[alignment]]\nmaterials = "all"\n' if len(names) > 1 else ""
    (root / "contacts.toml").write_text(text + aligned)
    study = load_study(str(root / "contacts.toml"), "quick")
    plan = plan_study(study)
    builder = Builder(plan)
    for step in plan.steps:
        built = builder.build(step)
        (name,) = step.id.subject.materials
        if step.name != without:
            folder = root / "done" / step.name
            leave(folder, built.structure, built.spec, changes=dict(ODD) if name in metals else None)
    return collect_study(study, root / "done")


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> StudyOutcome:
    """A metal M and a second one N beside a semiconductor A."""
    return collected(tmp_path_factory.mktemp("contacts"), "MAN", "MN")


def of(outcome: StudyOutcome, name: str, subject: str) -> list[Quantity]:
    return [q for q in outcome.quantities if q.name == name and q.subject.startswith(subject)]


def test_a_metal_has_a_work_function_and_no_edges(outcome: StudyOutcome) -> None:
    (work_function,) = of(outcome, "work function", "M ")
    assert work_function.value == pytest.approx(W, abs=0.01) and work_function.method == METAL_WAY
    assert work_function.origin == ("M/slab-110-potential",), "the crystal is not needed"
    assert any("k-points 0.73 1/Å apart" in text for text in work_function.remarks), "2 pi / (4.29 Å 2)"
    assert work_function.uncertainty is not None and "thickness" in work_function.uncertainty_holds
    lacking = [*of(outcome, "ionisation potential", "M "), *of(outcome, "electron affinity", "M ")]
    assert {q.missing.kind for q in lacking if q.missing} == {"metallic"} and len(lacking) == 4
    (gap,) = of(outcome, "band gap", "M")[:1]
    assert gap.missing is not None and gap.missing.kind == "metallic" and "half filled" in gap.missing.reason


def test_the_work_function_needs_no_crystal(tmp_path: Path) -> None:
    found = collected(tmp_path, "M", "M", without="M/bulk-bands")
    (work_function,) = of(found, "work function", "M ")
    assert work_function.value == pytest.approx(W, abs=0.01)


def test_unlike_faces_have_two(tmp_path: Path) -> None:
    """0.4 eV more on one side: a dipole layer across the slab."""
    collected(tmp_path, "M", "M")
    folder = tmp_path / "done" / "M" / "slab-110-potential"
    stored = dict(np.load(folder / "potential.npz"))
    upper = stored["planar_ev"][stored["planar_ev"].size // 2 :]
    upper[upper > upper.mean()] += 0.4
    np.savez(folder / "potential.npz", **stored)
    again = collect_study(load_study(str(tmp_path / "contacts.toml"), "quick"), tmp_path / "done")
    found = of(again, "work function", "M")
    assert [q.subject.rpartition(", ")[2] for q in found] == ["lower side", "upper side"]
    assert found[1].value - found[0].value == pytest.approx(0.4, abs=0.01)  # type: ignore[operator]


def test_barriers_are_the_distances_of_the_fermi_level_from_the_edges(outcome: StudyOutcome) -> None:
    assert {(row.metal_name, row.edges.material) for row in outcome.contacts} == {("M", "A"), ("N", "A")}
    for name, barrier_ev in (("electrons", W - EA), ("holes", IP - W)):
        (found,) = of(outcome, f"Schottky barrier for {name}", "M ")
        assert found.value == pytest.approx(barrier_ev, abs=0.02)
        assert "Schottky-Mott" in found.method and any("interface states" in text for text in found.remarks)
        assert set(found.origin) == {"M/slab-110-potential", "A/slab-110-potential", "A/bulk-bands"}
        assert found.uncertainty is not None
    row = outcome.contacts[0]
    gap_ev = row.edges.cbm_ev - row.edges.vbm_ev
    assert row.electron_barrier_ev + row.hole_barrier_ev == pytest.approx(gap_ev, abs=1e-9)


def test_no_offset_is_asked_of_a_metal(outcome: StudyOutcome) -> None:
    assert not outcome.alignments and not [q for q in outcome.quantities if q.name == "valence band offset"]
    assert not any("no offset" in text for text in outcome.warnings)


def test_the_diagram_has_a_line_for_a_metal_and_a_column_for_a_semiconductor(outcome: StudyOutcome) -> None:
    (drawing,) = [one for one in study_figures(outcome) if one.name == "alignment"]
    assert drawing.data is not None and drawing.build is not None
    records = drawing.data()
    rows = [dict(zip(records.columns, row, strict=True)) for row in records.rows]
    assert [row["name"] for row in rows if row["kind"] == "edges"] == ["A"]
    levels = {row["name"]: row["energy_ev"] for row in rows if row["kind"] == "level"}
    assert levels == {f"{name} (110) Fermi level": pytest.approx(-W, abs=0.01) for name in "MN"}
    texts = {text.get_text() for ax in drawing.build().axes for text in ax.texts}
    assert any("Fermi level" in text.replace("\n", " ") for text in texts)


def test_table_and_headline_have_the_barriers(outcome: StudyOutcome) -> None:
    text = " ".join(summary_table(outcome).split())
    assert "Schottky barriers" in text and "M is a metal as calculated" in text and "own gap may" in text
    assert "M (110) cubic, CsBr: not calculated at" not in text and "Band offsets" not in text
    assert "The Fermi level of M lies 1.0" in text and "interface states" in text


def test_a_pair_without_levels_says_why(tmp_path: Path) -> None:
    found = collected(tmp_path, "MA", "M", without="A/slab-110-potential")
    (barrier,) = of(found, "Schottky barrier for holes", "M | A")
    assert barrier.missing is not None and "no band edges of A" in barrier.missing.reason


def test_a_sweep_gives_the_range_of_a_work_function() -> None:
    """Two thicknesses 0.1 below and 0.2 above; another functional is no matter of convergence."""

    def quantity(value: float, **settings: float | str) -> Quantity:
        return Quantity(
            name="work function", subject="M", unit="eV", value=value, method=METAL_WAY, uncertainty=(-0.01, 0.01),
            uncertainty_holds="plateau", point=Point.of(settings),
        )  # fmt: skip

    swept = [quantity(3.9, slab_thickness_ang=8.0), quantity(4.2, slab_thickness_ang=30.0), quantity(5.0, xc="LDA")]
    own, *rest = with_swept_ranges([quantity(4.0)], swept)
    assert rest == swept
    assert own.uncertainty == pytest.approx((-0.11, 0.21)) and "slab_thickness_ang" in own.uncertainty_holds
