"""``dftflow export --ase-db``: what ASE reads back, beside the engine's own records."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ase.db import connect
from outcomes import CS_011, CS_BANDS, PAPER_STEPS, StoredRun, recorded_work_function_ev

from dftflow.cli.main import main
from dftflow.errors import InputError, StoreError
from dftflow.exchange.ase_rows import write_rows
from dftflow.model.step import StepId
from dftflow.studies.study_folder import StudyFolder


def steps(run: StoredRun) -> dict[str, StepId]:
    return {step.name: step.id for step in StudyFolder.existing(run.root).plan.steps}


@pytest.mark.parametrize("ending", ["db", "json"])
def test_ase_reads_the_geometries_and_energies_of_the_records(run: StoredRun, tmp_path: Path, ending: str) -> None:
    file = tmp_path / f"study.{ending}"
    assert write_rows(run.outcome(), steps(run), file) == len(PAPER_STEPS)
    rows = {row.step: row for row in connect(file).select()}
    assert set(rows) == set(PAPER_STEPS)
    for step, row in rows.items():
        record = json.loads((run.folder(step) / "results.json").read_text())
        assert row.energy == record["energy_ev"]
        assert list(row.numbers) == record["numbers"]
        np.testing.assert_allclose(row.cell, record["cell_ang"], atol=1e-12)
        np.testing.assert_allclose(row.positions, record["positions_ang"], atol=1e-9)
        assert (row.code, row.code_version, row.calculator) == ("gpaw", "26.7.0", "gpaw")
        if "forces_ev_per_ang" in record:
            np.testing.assert_allclose(row.forces, record["forces_ev_per_ang"])
        assert row.data["method"]["potentials"] == record["method"]["potentials"]
    assert (rows[CS_011].material, rows[CS_011].label, rows[CS_011].task) == ("CsPbBr3", "slab-011", "potential")
    assert "forces" not in rows[CS_BANDS] and "stress" not in rows[CS_BANDS]
    assert [path.name for path in tmp_path.glob("*.*")] == [file.name]


def test_a_selection_finds_a_number_by_its_name(run: StoredRun, tmp_path: Path) -> None:
    write_rows(run.outcome(), steps(run), tmp_path / "study.db")
    database = connect(tmp_path / "study.db")
    (row,) = database.select("work_function_ev>4", material="CsPbBr3")
    assert row.step == CS_011
    assert row.work_function_ev == pytest.approx(recorded_work_function_ev(run.folder(CS_011)), abs=0.02)
    assert all(len(list(database.select(step=step))) == 1 for step in PAPER_STEPS)


def test_what_counts_from_the_zero_of_a_run_is_no_column(run: StoredRun, tmp_path: Path) -> None:
    write_rows(run.outcome(), steps(run), tmp_path / "study.db")
    row = connect(tmp_path / "study.db").get(step=CS_BANDS)
    values = {one["name"]: one["value"] for one in row.data["quantities"]}
    assert row.gap_ev == values["band gap"]
    for name in ("valence band maximum", "Fermi level"):
        assert values[name] not in row.key_value_pairs.values()


def test_forces_and_stress_have_the_signs_and_units_of_ase(run: StoredRun, tmp_path: Path) -> None:
    outcome = run.outcome()
    step = next(one for one in outcome.steps if one.name == CS_BANDS)
    assert step.results is not None and step.results.structure is not None
    forces = np.arange(3.0 * len(step.results.structure)).reshape(-1, 3)
    stress = np.array([[1.0, 6.0, 5.0], [6.0, 2.0, 4.0], [5.0, 4.0, 3.0]])  # xx 1, yy 2, zz 3, yz 4, xz 5, xy 6
    results = replace(step.results, forces_ev_per_ang=forces, stress_gpa=stress, free_energy_ev=-1.5)
    write_rows(replace(outcome, steps=(replace(step, results=results),)), steps(run), tmp_path / "study.db")
    atoms = connect(tmp_path / "study.db").get_atoms(1)
    np.testing.assert_allclose(atoms.get_forces(), forces)
    from ase.units import GPa

    np.testing.assert_allclose(atoms.get_stress() / GPa, [1, 2, 3, 4, 5, 6], rtol=1e-6)
    assert atoms.calc.get_property("free_energy", atoms) == -1.5


def test_names_that_ase_takes_for_numbers_stay_in_the_data(run: StoredRun, tmp_path: Path) -> None:
    write_rows(replace(run.outcome(), study_name="2024", preset="True"), steps(run), tmp_path / "study.db")
    row = connect(tmp_path / "study.db").get(step=CS_011)
    assert "study" not in row.key_value_pairs and "preset" not in row.key_value_pairs
    assert (row.data["study"], row.data["preset"]) == ("2024", "True")


def test_a_failed_step_has_no_row(run: StoredRun, tmp_path: Path) -> None:
    run.failed(CS_011)
    write_rows(run.outcome(), steps(run), tmp_path / "study.db")
    assert {row.step for row in connect(tmp_path / "study.db").select()} == set(PAPER_STEPS) - {CS_011}


def test_the_command(run: StoredRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "study.db"
    assert main(["export", str(run.root), "--ase-db", str(file)]) == 0
    assert f"{len(PAPER_STEPS)} rows" in capsys.readouterr().out
    atoms = connect(file).get_atoms(step=CS_011)
    assert atoms.get_potential_energy() == pytest.approx(-86.75857226300748)
    assert main(["export", str(run.root), "--ase-db", str(file)]) == InputError.exit_code
    assert main(["export", str(run.root), "--ase-db", str(tmp_path / "study.xyz")]) == InputError.exit_code
    assert main(["export", str(run.root), "--ase-db", str(file), "--ro-crate", str(tmp_path / "x.zip")]) == 2
    assert "one of" in capsys.readouterr().err


def test_a_full_disk_is_no_bug(run: StoredRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sqlite3

    from ase.db.sqlite import SQLite3Database

    def small(self: SQLite3Database) -> sqlite3.Connection:
        connection = sqlite3.connect(str(self.filename))
        connection.execute("PRAGMA max_page_count = 20")
        return connection

    monkeypatch.setattr(SQLite3Database, "_connect", small)
    with pytest.raises(StoreError, match="the disk is full") as caught:
        write_rows(run.outcome(), steps(run), tmp_path / "study.db")
    assert caught.value.where == str(tmp_path / "study.db")
    assert not [path for path in tmp_path.iterdir() if path.is_file()]


def test_what_sqlite_says_otherwise_is_of_the_storage_too(
    run: StoredRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sqlite3

    from ase.db.sqlite import SQLite3Database

    def nowhere(self: SQLite3Database) -> sqlite3.Connection:
        return sqlite3.connect(tmp_path / "gone" / "study.db")

    monkeypatch.setattr(SQLite3Database, "_connect", nowhere)
    with pytest.raises(StoreError, match="may not be written to"):
        write_rows(run.outcome(), steps(run), tmp_path / "study.db")
