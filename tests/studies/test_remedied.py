"""Steps that fail in a known way and are brought to their end by another way: real engines, tiny crystals."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dftflow.cli.main import main
from dftflow.jobs.step_state import read_state
from dftflow.model.outcome import StepOutcome, StudyOutcome
from dftflow.report.results_json import results_document
from dftflow.report.table import summary_table
from dftflow.studies.execution import outcome_of_folder, run_study
from dftflow.studies.reader import load_study

STUDY = """\
schema = 1
title = "CsBr"
code = "{code}"

[settings]
max_scf_cycles = {cycles}
max_relax_steps = {steps}

[materials.CsBr]
structure = "CsBr_Pm-3m"
cutoff_ev = 200.0
relax_kpoints = [1, 1, 1]
bands_kpoints = [1, 1, 1]
cell = "isotropic"
band_edge = "G"
"""
BANDS = "CsBr/bulk-bands"


def write(folder: Path, code: str, *, cycles: int = 100, steps: int = 100) -> str:
    file = folder / "study.toml"
    file.write_text(STUDY.format(code=code, cycles=cycles, steps=steps))
    return str(file)


def step_of(outcome: StudyOutcome, name: str) -> StepOutcome:
    return next(step for step in outcome.steps if step.name == name)


@pytest.mark.engine
@pytest.mark.timeout(300)
def test_an_scf_that_was_given_up_too_early_gets_more_cycles(tmp_path: Path) -> None:
    """The number is that of a run which had enough of them, because the calculation is the same one."""
    root = tmp_path / "run"
    study = load_study(write(tmp_path, "gpaw", cycles=6), "quick")
    bands = step_of(run_study(study, root, workers=1), BANDS)
    assert bands.state == "finished" and bands.results is not None
    assert [attempt.remedy for attempt in bands.tries][:1] == ["more-cycles"]
    assert bands.tries[0].cause == "scf_not_converged"
    assert (bands.folder / "tries/1/results.json").is_file()
    (script,) = bands.folder.glob("*.py")
    assert "maxiter=18" in script.read_text()
    assert "maxiter=6," in (bands.folder / "tries/1" / script.name).read_text()
    assert not any("deck was changed" in remark for remark in bands.remarks)
    outcome = outcome_of_folder(root)
    assert step_of(outcome, BANDS).tries == bands.tries
    (told,) = [step for step in results_document(outcome, root)["steps"] if step["name"] == BANDS]
    assert told["tries"][0]["words"] == bands.tries[0].words and told["tries"][0]["folder"] == "tries/1"
    assert "attempt 1: SCF not converged; again with three times" in " ".join(summary_table(outcome).split())
    enough = load_study(write(tmp_path, "gpaw"), "quick")
    plain = step_of(run_study(enough, tmp_path / "enough", workers=1), BANDS)
    assert plain.tries == () and plain.results is not None and plain.results.energy_ev is not None
    assert bands.results.energy_ev == pytest.approx(plain.results.energy_ev, abs=1e-4)


@pytest.mark.engine
@pytest.mark.timeout(300)
def test_without_remedies_the_first_failure_stands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    study, root = write(tmp_path, "gpaw", cycles=3), tmp_path / "run"
    assert main(["run", study, "--preset", "quick", "--out", str(root), "--no-remedies"]) == 5
    (folder,) = (root / "steps" / "CsBr").iterdir()
    state = read_state(folder)
    assert (state.state, state.cause, state.tries) == ("failed", "scf_not_converged", ())
    assert not (folder / "tries").exists()
    capsys.readouterr()
    assert main(["status", str(root), "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["steps"]
    assert row["cause"] == "scf_not_converged"


@pytest.mark.engine
@pytest.mark.timeout(300)
def test_a_relaxation_that_ran_out_of_steps_goes_on_from_its_last_geometry(tmp_path: Path) -> None:
    study = load_study(write(tmp_path, "gpaw", steps=1), "study")
    relax = step_of(run_study(study, tmp_path / "run", workers=1, most_tries=1), "CsBr/bulk-relax")
    assert [attempt.cause for attempt in relax.tries] == ["geom_not_converged"]
    first, last = (
        [json.loads(line) for line in (place / "relax.jsonl").read_text().splitlines()]
        for place in (relax.folder / "tries/1", relax.folder)
    )
    assert len(last) > len(first) and last[: len(first)] == first
