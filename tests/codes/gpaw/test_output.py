"""Damaged and incomplete GPAW folders."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from gpaw_files import RECORD, write_gpaw
from strict_reading import read_results

from dftflow.codes.gpaw import GPAW, output
from dftflow.errors import ParseError
from dftflow.gate.calculation import sound


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_gpaw(tmp_path)
    return tmp_path


def test_a_whole_folder(folder: Path) -> None:
    results = read_results(GPAW(), folder)
    assert results.energy_ev == -6.7
    assert results.structure is not None and results.structure.composition.formula == "H2"
    assert results.bands is not None and results.bands.labels == ("G", "X")
    np.testing.assert_allclose(results.bands.reciprocal_per_ang, 2 * np.pi / 5 * np.eye(3), atol=1e-12)
    assert results.potential is not None
    np.testing.assert_array_equal(results.potential.values_ev[0, 0], [0, 1, 2])
    assert results.bands.zero == results.potential.zero


def repeat(folder: Path, **changes: object) -> None:
    """What the engine repeats of the ground state beside the eigenvalues."""
    with np.load(folder / "bands.npz") as arrays:
        kept = dict(arrays)
    told = {name: RECORD[name] for name in ("cell_ang", "n_electrons", "fermi_ev", "numbers")}
    told["positions_frac"] = [[0, 0, 0], [0, 0, 0.15]]
    np.savez(folder / "bands.npz", **kept, **{name: np.asarray(value) for name, value in (told | changes).items()})


def test_eigenvalues_that_tell_where_they_are_from(folder: Path) -> None:
    before = read_results(GPAW(), folder)
    assert before.bands is not None and before.bands.stands_in == "bare file"
    assert [check.passed for check in sound(before).results.checks if "eigenvalues" in check.name] == [None]
    repeat(folder)
    results = read_results(GPAW(), folder)
    assert results.bands is not None and results.bands.stands_in == "own file" and results.bands.n_electrons == (2.0,)
    assert not sound(results).refused and all(check.passed for check in sound(results).results.checks)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"cell_ang": 5.1 * np.eye(3)}, "cell of the eigenvalues"),
        ({"n_electrons": 4.0}, "electrons of the eigenvalues"),
        ({"fermi_ev": -1.9}, "Fermi level of the eigenvalues"),
        ({"numbers": [1, 9]}, "atoms of the eigenvalues = atoms of the geometry (F1 H1 and H2)"),
        ({"positions_frac": [[0, 0, 0], [0, 0, 0.16]]}, "differ by up to 0.05"),
    ],
)
def test_eigenvalues_of_another_calculation(folder: Path, change: dict[str, object], why: str) -> None:
    repeat(folder, **change)
    judged = sound(read_results(GPAW(), folder))
    assert judged.refused_parts == ("bands",) and why in judged.why_without("bands")


def test_a_potential_of_other_atoms_is_refused_and_one_that_names_none_is_open(folder: Path) -> None:
    with np.load(folder / "potential.npz") as arrays:
        kept = dict(arrays)
    np.savez(folder / "potential.npz", **kept | {"numbers": np.array([1, 9])})
    judged = sound(read_results(GPAW(), folder))
    assert judged.refused_parts == ("potential",) and "(F1 H1 and H2)" in judged.why_without("potential")
    np.savez(folder / "potential.npz", planar_ev=kept["planar_ev"], cell_ang=kept["cell_ang"])
    results = sound(read_results(GPAW(), folder)).results
    (atoms,) = [check for check in results.checks if check.name.startswith("atoms of the potential")]
    assert results.potential is not None and atoms.passed is None
    np.savez(folder / "potential.npz", **kept | {"positions_frac": np.full((2, 3), np.nan)})
    with pytest.raises(ParseError):
        read_results(GPAW(), folder)


def test_a_potential_of_another_cell(folder: Path) -> None:
    np.savez(folder / "potential.npz", planar_ev=np.array([0.0, 1.0, 2.0]), cell_ang=5.1 * np.eye(3))
    assert sound(read_results(GPAW(), folder)).refused_parts == ("potential",)


@pytest.mark.parametrize("name", ["results.json", "bands.npz", "potential.npz"])
@pytest.mark.parametrize("keep", [0, 1, 40])
def test_a_file_cut_short_is_a_parse_error(folder: Path, name: str, keep: int) -> None:
    file = folder / name
    file.write_bytes(file.read_bytes()[:keep])
    with pytest.raises(ParseError) as caught:
        read_results(GPAW(), folder)
    assert str(folder) in caught.value.where


STEP = {
    "energy_ev": -6.7,
    "max_force_ev_per_ang": 0.02,
    "max_stress_gpa": None,
    "max_displacement_ang": None,
    "volume_ang3": 125.0,
}


def test_geometries_of_a_relaxation(folder: Path) -> None:
    (folder / "relax.jsonl").write_text(f"{json.dumps(STEP | {'energy_ev': -6.6})}\n{json.dumps(STEP)}\n")
    assert [step.energy_ev for step in read_results(GPAW(), folder).steps] == [-6.6, -6.7]


@pytest.mark.parametrize(
    ("name", "value"),
    [(name, value) for name in STEP for value in ("x", True, [1.0], {"a": 1}, 10**30)]
    + [("energy_ev", None), ("volume_ang3", None)],
)
def test_a_last_geometry_of_other_types_is_a_parse_error(name: str, value: object, folder: Path) -> None:
    (folder / "relax.jsonl").write_text(f"{json.dumps(STEP)}\n{json.dumps(STEP | {name: value})}\n")
    with pytest.raises(ParseError, match="the engine's output is damaged"):
        read_results(GPAW(), folder)


def test_without_results_what_the_engine_said_last_is_told(tmp_path: Path) -> None:
    (tmp_path / "deck.txt").write_text("iter: 1\niter: 2\n")
    diagnosis = GPAW().diagnose(tmp_path)
    assert (diagnosis.status, diagnosis.message) == ("died", "the engine left no results")
    assert diagnosis.log_tail.endswith("iter: 2")
    (tmp_path / "stderr.log").write_text("Traceback\nMPI_ABORT was invoked on rank 0\n\n")
    assert GPAW().diagnose(tmp_path).message.endswith("said last: MPI_ABORT was invoked on rank 0")


@pytest.mark.parametrize("record", ["[]", "{}", '{"status": "finished"}'])
def test_a_record_without_content_is_a_parse_error(tmp_path: Path, record: str) -> None:
    (tmp_path / "results.json").write_text(record)
    with pytest.raises(ParseError):
        read_results(GPAW(), tmp_path)


@pytest.mark.parametrize(
    "damage",
    [
        {"status": "foo"},
        {"status": ["finished"]},
        {"energy_ev": "x"},
        {"energy_ev": float("nan")},
        {"forces_ev_per_ang": [1, 2, 3]},
        {"positions_ang": [[0, 0, float("nan")], [0, 0, 1]]},
        {"method": {"potentials": [1]}},
        {"method": {"cutoff_ev": "x"}},
        {"method": [1]},
        {"wall_time_s": None},
        {"wall_time_s": 10**30},
        {"cpu_time_s": "x"},
    ],
)
def test_a_record_of_other_types_is_a_parse_error(damage: dict[str, object], folder: Path) -> None:
    record = {**RECORD, **damage}
    if damage == {"wall_time_s": None}:
        del record["wall_time_s"]
    (folder / "results.json").write_text(json.dumps(record))
    with pytest.raises(ParseError):
        read_results(GPAW(), folder)


@pytest.mark.parametrize(
    "text", ["null", "[]", "3", '{"doing": null, "fraction": "x"}', '{"doing": 1}', "[" * 9000, ""]
)
def test_progress_that_is_damaged_has_no_fraction(tmp_path: Path, text: str) -> None:
    (tmp_path / "progress.json").write_text(text)
    assert GPAW().progress(tmp_path).fraction is None


def test_arrays_that_expand_beyond_all_reason_are_refused_before_they_are_read(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By what the archive says of its members: a few kilobytes can hold any number of gigabytes of zeros."""
    monkeypatch.setattr(output, "MOST_ARRAY_BYTES", 1 << 20)
    np.savez_compressed(folder / "potential.npz", planar_ev=np.zeros(1 << 18), cell_ang=np.eye(3))
    assert (folder / "potential.npz").stat().st_size < 10_000
    (reading,) = [GPAW().read(calculation) for calculation in GPAW().find(folder)]
    (refused,) = [file for file in reading.files if file.error is not None]
    assert refused.file.name == "potential.npz" and "more than 1048576" in refused.error.reason
    assert reading.results is not None and reading.results.potential is None
