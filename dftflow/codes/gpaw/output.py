"""Reads what `dftflow.codes.gpaw.engine` leaves in a folder."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from dftflow.build.atoms import from_arrays
from dftflow.errors import ParseError
from dftflow.model.energy import EnergyZero
from dftflow.model.results import Bands, FloatArray, PotentialGrid, RelaxationStep, Results

__all__ = ["parse_folder", "read_record"]


def read_record(folder: Path) -> dict[str, Any]:
    """Content of ``results.json``; raises `ParseError` when it is missing or not whole."""
    file = folder / "results.json"
    try:
        record = json.loads(file.read_text())
    except FileNotFoundError:
        raise ParseError(
            "the engine left no results: it was stopped from outside", where=str(file), fix="run the step again"
        ) from None
    except (OSError, ValueError) as error:
        raise ParseError("the engine's results cannot be read", reason=str(error), where=str(file)) from error
    if not isinstance(record, dict) or "status" not in record:
        raise ParseError("the engine's results have no status", where=str(file), fix="run the step again")
    return record


def parse_folder(folder: Path) -> Results:
    """Results of the calculation in `folder`; raises `ParseError` when a file is damaged."""
    record = read_record(folder)
    try:
        return _results(folder, record)
    except (KeyError, ValueError, TypeError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise ParseError(
            "the engine's output is damaged",
            reason=f"{type(error).__name__}: {error}",
            where=str(folder),
            fix="delete this folder and run the study again; the other steps are kept",
        ) from error


def _results(folder: Path, record: Mapping[str, Any]) -> Results:
    zero = EnergyZero(run=folder.name, reference="cell_average")
    structure = None
    if "positions_ang" in record:
        structure = from_arrays(record["numbers"], record["cell_ang"], record["positions_ang"])
    return Results(
        code="gpaw",
        code_version=record["gpaw"],
        status=record["status"],
        energy_ev=record.get("energy_ev"),
        structure=structure,
        forces_ev_per_ang=_array(record.get("forces_ev_per_ang")),
        stress_gpa=_array(record.get("stress_gpa")),
        finite_basis_de_dlnecut_ev=record.get("finite_basis_de_dlnecut_ev"),
        fermi_ev=record.get("fermi_ev"),
        bands=_bands(folder, record, zero),
        potential=_potential(folder, zero),
        steps=_steps(folder),
        wall_time_s=record["wall_time_s"],
        peak_memory_mib=record["peak_memory_mib"],
        settings={name: record[name] for name in ("gpaw", "ase", "numpy", "python")},
        warnings=(record["message"],) if "message" in record else (),
    )


def _array(values: object) -> FloatArray | None:
    return None if values is None else np.array(values, dtype=np.float64)


def _bands(folder: Path, record: Mapping[str, Any], zero: EnergyZero) -> Bands | None:
    file = folder / "bands.npz"
    if not file.exists():
        return None
    with np.load(file) as arrays:
        values = arrays["eigenvalues_ev"]
        spins = values.shape[0]
        if spins != 1:
            raise ValueError("spin-polarised runs are not written by dftflow's GPAW decks")
        return Bands(
            eigenvalues_ev=values,
            kpoints_frac=arrays["kpoints_frac"],
            labels=tuple(str(label) for label in arrays["labels"]),
            on_path=tuple(int(segment) for segment in arrays["on_path"]),
            reciprocal_per_ang=2 * np.pi * np.linalg.inv(np.array(record["cell_ang"])).T,
            n_electrons=(record["n_electrons"],),
            fermi_ev=record["fermi_ev"],
            zero=zero,
        )


def _potential(folder: Path, zero: EnergyZero) -> PotentialGrid | None:
    file = folder / "potential.npz"
    if not file.exists():
        return None
    with np.load(file) as arrays:
        planar = arrays["planar_ev"]
        return PotentialGrid(
            values_ev=planar.reshape(1, 1, -1), cell_ang=arrays["cell_ang"], kind="electrostatic", zero=zero
        )


def _steps(folder: Path) -> tuple[RelaxationStep, ...]:
    file = folder / "relax.jsonl"
    if not file.exists():
        return ()
    names = ("energy_ev", "max_force_ev_per_ang", "max_stress_gpa", "max_displacement_ang", "volume_ang3")
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    return tuple(RelaxationStep(**{name: line[name] for name in names}) for line in lines)
