"""Reads what `dftflow.codes.gpaw.engine` leaves in a folder."""

from __future__ import annotations

import json
import tokenize
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar, get_args

import numpy as np

from dftflow.analysis.atoms import atoms_of
from dftflow.codes.base import Calculation, Reading
from dftflow.codes.reading import FileLog, zero_of
from dftflow.crystals.atoms import from_arrays
from dftflow.errors import ParseError
from dftflow.input_file import read_regular_text
from dftflow.model.energy import Energy, EnergyZero
from dftflow.model.kpoint_grid import Shift, spacing_of_grid
from dftflow.model.method import Method
from dftflow.model.results import Atoms, Bands, FloatArray, PotentialGrid, RelaxationStep, Results, Status, readonly

__all__ = ["read_calculation", "read_record"]

T = TypeVar("T")
DAMAGE = (
    *(KeyError, ValueError, TypeError, AttributeError, IndexError, ArithmeticError, OSError, EOFError, RuntimeError),
    *(MemoryError, zipfile.BadZipFile, zlib.error, tokenize.TokenError),
)
LARGEST_INTEGER = 2**53  # a double holds all of them
NUMBERS = ("energy_ev", "fermi_ev", "n_electrons", "finite_basis_de_dlnecut_ev", "wall_time_s", "peak_memory_mib")

MAY_LACK = ("max_force_ev_per_ang", "max_stress_gpa", "max_displacement_ang")
"""What not every geometry of ``relax.jsonl`` has."""

OF_THE_GROUND_STATE = ("cell_ang", "n_electrons", "fermi_ev")
"""What ``bands.npz`` repeats, so that it can be told from that of another calculation; earlier ones do not."""


def _loads(text: str) -> Any:
    """JSON without NaN, Infinity and numbers beyond a double, which Python's own reader takes; raises ValueError."""

    def number(word: str) -> float:
        value = float(word)
        if not np.isfinite(value):
            raise ValueError(f"{word} is no number")
        return value

    def integer(word: str) -> int:
        if abs(int(word)) > LARGEST_INTEGER:
            raise ValueError(f"{word[:30]} is beyond all reason")
        return int(word)

    return json.loads(text, parse_int=integer, parse_float=number, parse_constant=number)


def read_record(folder: Path) -> dict[str, Any]:
    """Content of ``results.json``; raises `ParseError` when it is missing or not whole."""
    file = folder / "results.json"
    try:
        record = _loads(read_regular_text(file))
    except FileNotFoundError:
        raise ParseError(
            "the engine left no results: it was stopped from outside", where=str(file), fix="run the step again"
        ) from None
    except (OSError, ValueError, RuntimeError, MemoryError) as error:
        raise ParseError("the engine's results cannot be read", reason=str(error), where=str(file)) from error
    if not isinstance(record, dict) or "status" not in record:
        raise ParseError("the engine's results have no status", where=str(file), fix="run the step again")
    if record["status"] not in get_args(Status):
        raise ParseError(f"the engine's results have the status {record['status']!r}"[:120], where=str(file))
    return record


def read_calculation(calculation: Calculation) -> Reading:
    """Record, eigenvalues and potential of a calculation; a damaged file is named and leaves its part out."""
    folder, log = calculation.folder, FileLog()
    record = log.take(folder / "results.json", "record", lambda _: _checked_record(folder), _say_record)
    if record is None:
        return Reading(calculation=calculation, files=log.files, results=None)
    zero = zero_of(folder, calculation.seed)
    bands = log.take(
        folder / "bands.npz",
        "eigenvalues",
        lambda file: _guarded(file, lambda: _bands(file, record, zero)),
        lambda found: f"{found.eigenvalues_ev.shape[1]} k-points, {found.eigenvalues_ev.shape[2]} bands",
    )
    potential = log.take(
        folder / "potential.npz",
        "electrostatic potential",
        lambda file: _guarded(file, lambda: _potential(file, zero)),
        lambda found: f"plane averages at {found.values_ev.size} heights",
    )
    steps = log.take(
        folder / "relax.jsonl",
        "relaxation",
        lambda file: _guarded(file, lambda: _steps(file)),
        lambda found: f"{len(found)} geometries",
    )
    results = _guarded(folder / "results.json", lambda: _results(record, zero))
    results = replace(results, bands=bands, potential=potential, steps=steps or ())
    return Reading(calculation=calculation, files=log.files, results=results)


def _checked_record(folder: Path) -> dict[str, Any]:
    record = read_record(folder)
    file = folder / "results.json"
    for name in NUMBERS:
        value = record.get(name)
        if value is not None and (not isinstance(value, int | float) or not np.isfinite(value)):
            raise ParseError(f"{name} is no number in the engine's results", reason=repr(value)[:80], where=str(file))
    _guarded(folder / "results.json", lambda: _results(record, zero_of(folder, folder.name)))
    return record


def _say_record(record: Mapping[str, Any]) -> str:
    return f"GPAW {record['gpaw']}, {record['status']}"


def _guarded(file: Path, read: Callable[[], T]) -> T:
    try:
        return read()
    except DAMAGE as error:
        raise ParseError(
            "the engine's output is damaged",
            reason=f"{type(error).__name__}: {error}",
            where=str(file),
            fix="delete this folder and run the study again; the other steps are kept",
        ) from error


def _results(record: Mapping[str, Any], zero: EnergyZero) -> Results:
    structure = None
    if "positions_ang" in record:
        _array(record["cell_ang"], 3), _array(record["positions_ang"], len(record["numbers"]))
        structure = from_arrays(record["numbers"], record["cell_ang"], record["positions_ang"])
    return Results(
        code="gpaw",
        code_version=record["gpaw"],
        status=record["status"],
        energy_ev=record.get("energy_ev"),
        method=_method(record),
        structure=structure,
        forces_ev_per_ang=_array(record.get("forces_ev_per_ang"), None if structure is None else len(structure)),
        stress_gpa=_array(record.get("stress_gpa"), 3),
        finite_basis_de_dlnecut_ev=record.get("finite_basis_de_dlnecut_ev"),
        log_fermi=None if record.get("fermi_ev") is None else Energy(record["fermi_ev"], zero),
        wall_time_s=record["wall_time_s"],
        peak_memory_mib=record["peak_memory_mib"],
        settings={name: record[name] for name in ("gpaw", "ase", "numpy", "python")},
        warnings=(record["message"],) if "message" in record else (),
    )


def _method(record: Mapping[str, Any]) -> Method:
    """What the record tells of the method; nothing but the version in one that was written before it told."""
    told = record.get("method", {})
    grid = told.get("kpoints_grid")
    potentials = told.get("potentials")
    if potentials is not None and not all(isinstance(name, str) for pair in potentials.items() for name in pair):
        raise ValueError("the potentials of the record are no names")
    spacing = None
    if grid is not None and min(grid) > 0 and "cell_ang" in record:
        spacing = spacing_of_grid(np.array(record["cell_ang"]), (grid[0], grid[1], grid[2]))
    return Method(
        code="gpaw",
        code_version=record["gpaw"],
        functional=told.get("functional"),
        dispersion="none" if told else None,
        cutoff_ev=_finite(told.get("cutoff_ev")),
        potentials=potentials,
        kpoints_grid=None if grid is None else (grid[0], grid[1], grid[2]),
        kpoints_shift=_shift(told.get("kpoints_shift")),
        kpoint_spacing_per_ang=spacing,
        smearing=told.get("smearing"),
        smearing_ev=_finite(told.get("smearing_ev")),
        spin_polarised=told.get("spin_polarised"),
        spin_orbit=False if told else None,
        spinor=False if told else None,
        dipole_correction=told.get("dipole_correction"),
        n_electrons=record.get("n_electrons"),
        constants=told.get("constants"),
    )


def _shift(told: Any) -> Shift | None:
    """Where the grid stands; None in a record that was written before it told."""
    if told is None:
        return None
    a, b, c = (_finite(value) for value in told)
    if a is None or b is None or c is None:
        raise ValueError("the shift of the k-points holds what is no number")
    return (a, b, c)


def _finite(value: Any) -> float | None:
    if value is None or np.isfinite(value):
        return None if value is None else float(value)
    raise ValueError(f"{value!r} is no number")


def _array(values: object, rows: int | None) -> FloatArray | None:
    """Vectors, shape (rows, 3); raises ValueError for another shape and for what is no number."""
    if values is None:
        return None
    found = readonly(values, (rows, 3), "an array of the record")
    if not np.isfinite(found).all():
        raise ValueError("an array of the record holds what is no number")
    return found


def _bands(file: Path, record: Mapping[str, Any], zero: EnergyZero) -> Bands:
    with np.load(file) as arrays:
        values = arrays["eigenvalues_ev"]
        spins = values.shape[0]
        told = {**record, **{name: arrays[name] for name in OF_THE_GROUND_STATE if name in arrays}}
        if spins != 1:
            raise ValueError("spin-polarised runs are not written by dftflow's GPAW decks")
        return Bands(
            eigenvalues_ev=values,
            kpoints_frac=arrays["kpoints_frac"],
            labels=tuple(str(label) for label in arrays["labels"]),
            on_path=tuple(int(segment) for segment in arrays["on_path"]),
            reciprocal_per_ang=2 * np.pi * np.linalg.inv(np.array(told["cell_ang"])).T,
            n_electrons=(float(told["n_electrons"]),),
            fermi_ev=float(told["fermi_ev"]),
            zero=zero,
            atoms=_atoms(arrays),
            stands_in="own file" if all(name in arrays for name in OF_THE_GROUND_STATE) else "bare file",
        )


def _potential(file: Path, zero: EnergyZero) -> PotentialGrid:
    with np.load(file) as arrays:
        planar = arrays["planar_ev"]
        return PotentialGrid(
            values_ev=planar.reshape(1, 1, -1),
            cell_ang=arrays["cell_ang"],
            kind="electrostatic",
            zero=zero,
            atoms=_atoms(arrays),
        )


def _atoms(arrays: Mapping[str, Any]) -> Atoms | None:
    """The atoms that a file names; None in one that was written before it named them."""
    if "numbers" not in arrays or "positions_frac" not in arrays:
        return None
    places = arrays["positions_frac"]
    if places.shape != (len(arrays["numbers"]), 3):
        raise ValueError(f"the positions have the shape {places.shape}")
    if not np.isfinite(places).all():
        raise ValueError("the positions hold what is no number")
    return atoms_of(from_arrays(arrays["numbers"], np.eye(3), places))


def _steps(file: Path) -> tuple[RelaxationStep, ...]:
    names = ("energy_ev", "max_force_ev_per_ang", "max_stress_gpa", "max_displacement_ang", "volume_ang3")
    lines = [_loads(line) for line in file.read_text("utf-8").splitlines()]
    for line in lines:
        wrong = [name for name in names if not _is_number(line[name]) and not (line[name] is None and name in MAY_LACK)]
        if wrong:
            raise ValueError(f"{wrong[0]} of a geometry is no number: {line[wrong[0]]!r}"[:120])
    return tuple(RelaxationStep(**{name: line[name] for name in names}) for line in lines)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
