"""The paper's study with thin slabs, from stored records of a real run of GPAW: the whole pipeline without an engine.

What the records hold is looked at here once more with a few lines of numpy, which know nothing of dftflow.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

import dftflow.report.results_json
from dftflow.cli.main import main
from dftflow.figures.figure_files import draw_figures
from dftflow.model.outcome import StudyOutcome
from dftflow.report.page import render_report
from dftflow.report.results_json import results_document
from dftflow.report.table import summary_table
from dftflow.studies.execution import outcome_of_folder

STORED = Path(__file__).parent / "data" / "gpaw" / "26.7.0" / "fapbbr3-cspbbr3-quick"
SCHEMA = Path(dftflow.report.results_json.__file__).with_name("results.schema.json")


@pytest.fixture(scope="module")
def outcome() -> StudyOutcome:
    return outcome_of_folder(STORED)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    shutil.copytree(STORED, tmp_path / "run")
    return tmp_path / "run"


def folder_of(run: Path, step: str) -> Path:
    (found,) = run.glob(f"steps/{step}-*")
    return found


def record(step: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder_of(STORED, step) / "results.json").read_text())
    return content


def arrays(step: str, name: str) -> dict[str, np.ndarray]:
    with np.load(folder_of(STORED, step) / name) as found:
        return {key: found[key] for key in found.files}


def edges_ev(step: str) -> tuple[float, float]:
    """Highest filled and lowest empty eigenvalue, two electrons a band."""
    values, filled = arrays(step, "bands.npz")["eigenvalues_ev"], round(record(step)["n_electrons"]) // 2
    return float(values[..., filled - 1].max()), float(values[..., filled].min())


def slab_ev(step: str, period_ang: float) -> tuple[float, float]:
    """Potential far from a slab, and its average over one period about the middle of the slab."""
    planar = arrays(step, "potential.npz")["planar_ev"]
    height = np.linalg.norm(np.array(record(step)["cell_ang"])[2])
    z = np.arange(len(planar)) * height / len(planar)
    atoms = np.array(record(step)["positions_ang"])[:, 2]
    middle = (atoms.max() + atoms.min()) / 2
    fine = np.interp(middle + np.linspace(-period_ang / 2, period_ang / 2, 4001), z, planar, period=height)
    return float(planar[np.argmin(np.abs(z - (atoms.max() + 5.5)))]), float(np.trapezoid(fine) / 4000)


def test_every_step_is_admitted_without_a_remark(outcome: StudyOutcome) -> None:
    assert {step.name: (step.state, step.remarks) for step in outcome.steps} == dict.fromkeys(
        (
            "CsPbBr3/bulk-bands",
            "CsPbBr3/slab-011-potential",
            "CsPbBr3/slab-010-potential",
            "FAPbBr3/bulk-bands",
            "FAPbBr3/slab-010-potential",
        ),
        ("finished", ()),
    )


@pytest.mark.parametrize(("name", "gap_ev", "label"), [("CsPbBr3", 1.6594, "G"), ("FAPbBr3", 1.6493, "R")])
def test_gaps_of_the_crystals(outcome: StudyOutcome, name: str, gap_ev: float, label: str) -> None:
    """CsPbBr3 at Γ: 1.6594 eV, by an independent calculation (benchmarks/independent.py)."""
    material = next(material for material in outcome.materials if material.name == name)
    vbm, cbm = edges_ev(f"{name}/bulk-bands")
    assert material.bulk.edges is not None
    assert material.bulk.edges.band_gap_ev == pytest.approx(cbm - vbm, abs=1e-9) == pytest.approx(gap_ev, abs=2e-3)
    assert material.bulk.edges.vbm_label == material.bulk.edges.cbm_label == label


@pytest.mark.parametrize(
    ("material", "index", "step", "period_ang"),
    [
        (0, 0, "CsPbBr3/slab-011-potential", None),
        (0, 1, "CsPbBr3/slab-010-potential", 11.7351 / 2),
        (1, 0, "FAPbBr3/slab-010-potential", 5.99),
    ],
)
def test_levels_of_the_slabs(
    outcome: StudyOutcome, material: int, index: int, step: str, period_ang: float | None
) -> None:
    """Work function and own edges from the records alone; the line-up to its spread, which says how far it depends."""
    levels = outcome.materials[material].slabs[index].levels
    assert levels is not None
    vacuum, centre = slab_ev(step, period_ang or 6.72)
    vbm, cbm = edges_ev(step)
    assert levels.work_function_ev == pytest.approx(vacuum - record(step)["fermi_ev"], abs=5e-3)
    assert levels.slab_ionisation_potential_ev == pytest.approx(vacuum - vbm, abs=5e-3)
    assert levels.slab_electron_affinity_ev == pytest.approx(vacuum - cbm, abs=5e-3)
    assert levels.slab_gap_ev == pytest.approx(cbm - vbm, abs=1e-9)
    crystal = f"{outcome.materials[material].name}/bulk-bands"
    above = edges_ev(crystal)[0] - arrays(crystal, "potential.npz")["planar_ev"].mean()
    assert levels.ionisation_potential_ev == pytest.approx(vacuum - centre - above, abs=levels.spread.total_ev + 5e-3)


def test_published_and_independent_levels(outcome: StudyOutcome) -> None:
    """(011), 10.2 Å, Γ: ionisation potential 5.007, work function 4.676 eV; FAPbBr3 (010): own gap 2.013 at M-bar."""
    polar, fa = outcome.materials[0].slabs[0].levels, outcome.materials[1].slabs[0].levels
    assert polar is not None and fa is not None and fa.slab_edges is not None
    assert polar.ionisation_potential_ev == pytest.approx(5.007, abs=2e-3)
    assert polar.work_function_ev == pytest.approx(4.676, abs=2e-3)
    assert fa.slab_gap_ev == pytest.approx(2.013, abs=2e-3) and fa.slab_edges.vbm_label == "M-bar"


def test_offsets_are_the_first_minus_the_second(outcome: StudyOutcome) -> None:
    cs, fa = outcome.materials[0].slabs[1].levels, outcome.materials[1].slabs[0].levels
    assert cs is not None and fa is not None
    (defended,) = outcome.defended
    assert (defended.first_name, defended.second_name) == ("CsPbBr3", "FAPbBr3") and not defended.polar
    by_hand = -cs.ionisation_potential_ev + fa.ionisation_potential_ev
    assert defended.valence_band_offset_ev == pytest.approx(by_hand, abs=1e-9) == pytest.approx(0.672, abs=1e-3)
    by_hand = -cs.electron_affinity_ev + fa.electron_affinity_ev
    assert defended.conduction_band_offset_ev == pytest.approx(by_hand, abs=1e-9)
    functions = next(row for row in outcome.alignments if row.way.startswith("work functions") and not row.polar)
    assert functions.valence_band_offset_ev == pytest.approx(fa.work_function_ev - cs.work_function_ev, abs=1e-9)
    assert [row.source for row in outcome.alignments if row.source] == ["10.1021/acsami.1c18025"]


# --- what a person gets -----------------------------------------------------------------------------------------


def test_all_that_is_written_is_from_the_same_numbers(outcome: StudyOutcome, tmp_path: Path) -> None:
    document = results_document(outcome, STORED)
    jsonschema.validate(document, json.loads(SCHEMA.read_text()))
    gap = document["materials"]["CsPbBr3"]["bulk"]["band_gap_ev"]
    (listed,) = [q for q in document["quantities"] if q["name"] == "band gap" and q["subject"] == "CsPbBr3"]
    assert listed["value"] == gap and listed["origin"] == ["CsPbBr3/bulk-bands"]
    assert [q["method"] for q in document["quantities"] if q["missing"]] == ["published; route not stated"]
    figures = draw_figures(outcome, "svg")
    assert {"alignment", "bands", "structures"} <= {drawn.figure.name for drawn in figures if drawn.files}
    page = render_report(outcome, figures, tmp_path)
    for text in (f"{gap:.3f}", "+0.672", "All quantities"):
        assert text in page
    table = summary_table(outcome)
    assert "5.007" in table and "4.675" in table and "+0.672" in table and "quasi-type II" in table


@pytest.mark.parametrize("command", ["report", "collect"])
def test_the_commands_that_read_a_folder_agree(copy: Path, command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, str(copy), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["materials"]["FAPbBr3"]["bulk"]["band_gap_ev"] == pytest.approx(1.6493, abs=2e-3)
    assert main(["status", str(copy), "--json"]) == 0
    status = json.loads(capsys.readouterr().out)
    assert {step["state"] for step in status["steps"]} == {"finished"} and status["preset"] == "quick"


# --- one thing wrong at a time ----------------------------------------------------------------------------------


def potential_of_another_cell(run: Path) -> None:
    file = folder_of(run, "CsPbBr3/slab-010-potential") / "potential.npz"
    with np.load(file) as found:
        content = dict(found)
    np.savez(file, **content | {"cell_ang": content["cell_ang"] * 1.02})


def another_termination(run: Path) -> None:
    """The record of the (010) slab, in the place of that of the polar (011)."""
    source, target = (folder_of(run, f"CsPbBr3/slab-{plane}-potential") for plane in ("010", "011"))
    for name in ("results.json", "bands.npz", "potential.npz"):
        shutil.copy(source / name, target / name)


def not_converged(run: Path) -> None:
    file = folder_of(run, "FAPbBr3/bulk-bands") / "results.json"
    content = json.loads(file.read_text())
    file.write_text(json.dumps(content | {"status": "scf_not_converged", "message": "100 cycles"}))


def never_run(run: Path) -> None:
    for name in ("results.json", "bands.npz", "potential.npz"):
        (folder_of(run, "FAPbBr3/slab-010-potential") / name).unlink()


@pytest.mark.parametrize(
    ("damage", "step", "state", "said", "others"),
    [
        (potential_of_another_cell, "CsPbBr3/slab-010-potential", "refused", "cell of the potential", 2),
        (another_termination, "CsPbBr3/slab-011-potential", "refused", "a surface cell of", 2),
        (not_converged, "FAPbBr3/bulk-bands", "failed", "scf not converged: 100 cycles", 0),
        (never_run, "FAPbBr3/slab-010-potential", "not_run", "input files alone", 0),
    ],
)
def test_what_is_wrong_costs_what_depends_on_it(
    copy: Path,
    damage: Callable[[Path], None],
    step: str,
    state: str,
    said: str,
    others: int,
    capsys: pytest.CaptureFixture[str],
) -> None:
    damage(copy)
    assert main(["report", str(copy), "--json"]) == 5
    captured = capsys.readouterr()
    assert f"{step}: " in captured.err
    document = json.loads(captured.out)
    jsonschema.validate(document, json.loads(SCHEMA.read_text()))
    steps = {entry["name"]: entry for entry in document["steps"]}
    assert steps[step]["state"] == state and said in steps[step]["failure"]
    assert {entry["state"] for name, entry in steps.items() if name != step} == {"finished"}
    assert len([row for row in document["alignments"] if not row["source"]]) == others
    missing = [q for q in document["quantities"] if q["missing"]]
    assert missing and all(q["missing"]["reason"] for q in missing)
    page = (copy / "report.html").read_text()
    assert said in page and "Steps that did not finish" in page
