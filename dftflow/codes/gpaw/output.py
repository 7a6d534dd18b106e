"""Reads what `dftflow.codes.gpaw.engine` leaves in a folder."""

from __future__ import annotations

import tokenize
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar, get_args

import numpy as np

from dftflow.analysis.atoms import atoms_of
from dftflow.codes.base import Calculation, Reading
from dftflow.codes.gpaw.functionals import common_name
from dftflow.codes.gpaw.partial_waves import projections_in
from dftflow.codes.log_tail import last_lines
from dftflow.codes.reading import FileLog, zero_of
from dftflow.crystals.atoms import from_arrays
from dftflow.errors import ParseError
from dftflow.model.correction import CORRECTIONS
from dftflow.model.edge_shifts import EdgeShifts, GapOfItsOwn
from dftflow.model.energy import Energy, EnergyZero
from dftflow.model.kpoint_grid import Counts, Shift, spacing_of_grid
from dftflow.model.method import Method
from dftflow.model.projections import Projections
from dftflow.model.results import (
    Atoms,
    Bands,
    FloatArray,
    FoundMoments,
    PotentialGrid,
    RelaxationStep,
    Results,
    Status,
    readonly,
)
from dftflow.stored_file import plain_json, read_stored

__all__ = ["read_calculation", "read_record"]

T = TypeVar("T")
DAMAGE = (
    *(KeyError, ValueError, TypeError, AttributeError, IndexError, ArithmeticError, OSError, EOFError, RuntimeError),
    *(MemoryError, zipfile.BadZipFile, zlib.error, tokenize.TokenError),
)
NUMBERS = (
    *("energy_ev", "fermi_ev", "n_electrons", "finite_basis_de_dlnecut_ev", "wall_time_s", "cpu_time_s"),
    "peak_memory_mib",
)

MOST_ARRAY_BYTES = 2 << 30  # a few kilobytes can hold any number of gigabytes of zeros

MAY_LACK = ("max_force_ev_per_ang", "max_stress_gpa", "max_displacement_ang")
"""What not every geometry of ``relax.jsonl`` has."""

WHOLE = 1e-6
"""By so much the weights of the k-points may miss 1."""

OF_THE_GROUND_STATE = ("cell_ang", "n_electrons", "fermi_ev")
"""What ``bands.npz`` repeats, so that it can be told from that of another calculation; earlier ones do not."""


def read_record(folder: Path) -> dict[str, Any]:
    """Content of ``results.json``; raises `ParseError` when it is missing or not whole."""
    file = folder / "results.json"
    try:
        record = plain_json(read_stored(file, links=True).decode("utf-8"))
    except FileNotFoundError:
        printed = [line for line in last_lines(folder / "stderr.log") if line.strip()]
        raise ParseError(
            "the engine left no results" + (f", and said last: {printed[-1].strip()}" if printed else ""),
            where=str(file),
            fix="run the step again",
        ) from None
    except OSError as error:
        reason = error.strerror or str(error)
        raise ParseError("the engine's results cannot be read", reason=reason, where=str(file)) from error
    except (ValueError, RuntimeError, MemoryError) as error:
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
    states = log.take(
        folder / "bands.npz",
        "eigenvalues",
        lambda file: _guarded(file, lambda: _states(file, record, zero)),
        _say_states,
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
    if states is not None:
        results = replace(results, bands=states.bands, projections=states.projections)
        if states.why_no_projections:
            results = replace(results, lost={"projections": states.why_no_projections})
    results = replace(results, potential=potential, steps=steps or ())
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
        length_compliance_per_gpa=_compliance(record.get("length_compliance_per_gpa")),
        shifts=_shifts(record),
        log_fermi=None if record.get("fermi_ev") is None else Energy(record["fermi_ev"], zero),
        moments=_moments(record),
        wall_time_s=record["wall_time_s"],
        cpu_time_s=record.get("cpu_time_s"),
        peak_memory_mib=record["peak_memory_mib"],
        settings={name: record[name] for name in ("gpaw", "ase", "numpy", "python")},
        warnings=(record["message"],) if "message" in record else (),
    )


def _moments(record: Mapping[str, Any]) -> FoundMoments | None:
    """Of the cell, and within the spheres of the atoms; none without spin polarisation."""
    within = [_number(value) for value in record.get("moments_mub", ())]
    if not within:
        return None
    total_mub = _number(record.get("moment_mub", sum(within)))
    return FoundMoments(total_mub=total_mub, absolute_mub=sum(map(abs, within)))


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
        functional=common_name(told["functional"]) if "functional" in told else None,
        dispersion=told.get("dispersion", "none") if told else None,
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
        hubbard_u_ev={str(shell): _number(value) for shell, value in told.get("hubbard_u_ev", {}).items()},
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


def _number(value: Any) -> float:
    found = _finite(value)
    if found is None:
        raise ValueError("a number of the record is missing")
    return found


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


def _shifts(record: Mapping[str, Any]) -> EdgeShifts | None:
    """Corrected band edges; None where there are none."""
    told = record.get("shifts")
    if told is None:
        return None
    a, b, c = map(int, record["method"]["kpoints_grid"])
    labels, count = tuple(map(str, told["labels"])), len(told["labels"])
    if any(name not in CORRECTIONS for name in (*told["after_ev"], *told["gaps"])):
        raise ValueError("a correction of the record has no name that is known")
    return EdgeShifts(
        labels=labels,
        grid=(a, b, c),
        kpoints_frac=_numbers(told["kpoints_frac"], (count, 3)),
        before_ev=_numbers(told["before_ev"], (count, 2)),
        after_ev={name: _numbers(values, (count, 2)) for name, values in told["after_ev"].items()},
        gaps={
            name: GapOfItsOwn(kohn_sham_ev=float(gap), discontinuity_ev=float(more))
            for name, values in told["gaps"].items()
            for gap, more in [_numbers(values, (2,))]
        },
        spin_orbit_factors={str(shell): float(value) for shell, value in told["spin_orbit_factors"].items()},
    )


def _numbers(values: object, shape: tuple[int, ...]) -> FloatArray:
    found = readonly(np.array(values, dtype=float).reshape(shape), shape, "an array of the corrections")
    if not np.isfinite(found).all():
        raise ValueError("the corrections hold what is no number")
    return found


def _compliance(values: object) -> FloatArray | None:
    """Of the three lengths of the cell; raises ValueError for what is none."""
    if values is None:
        return None
    found = readonly(values, (3,), "the compliance of the cell")
    if not (np.isfinite(found) & (found >= 0)).all():
        raise ValueError("the compliance of the cell is no number, or negative")
    return found


@contextmanager
def _arrays(file: Path) -> Iterator[Mapping[str, Any]]:
    """The arrays of a file; raises ValueError when they are larger than any that the engine writes."""
    with zipfile.ZipFile(file) as archive:
        n_bytes = sum(member.file_size for member in archive.infolist())
    if n_bytes > MOST_ARRAY_BYTES:
        raise ValueError(f"its arrays have {n_bytes} bytes, more than {MOST_ARRAY_BYTES}")
    with np.load(file) as arrays:
        yield arrays


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class _States:
    """Eigenvalues, and what the states are made of; or why that is not told although the file holds it."""

    bands: Bands
    projections: Projections | None = None
    why_no_projections: str = ""


def _say_states(found: _States) -> str:
    said = f"{found.bands.eigenvalues_ev.shape[1]} k-points, {found.bands.eigenvalues_ev.shape[2]} bands"
    return said if found.projections is None else f"{said}, weights on {len(found.projections.groups)} atomic shells"


def _states(file: Path, record: Mapping[str, Any], zero: EnergyZero) -> _States:
    with _arrays(file) as arrays:
        bands = _bands(arrays, record, zero)
        try:
            return _States(bands=bands, projections=projections_in(arrays, bands))
        except DAMAGE as error:
            return _States(bands=bands, why_no_projections=f"{type(error).__name__}: {error}"[:200])


def _bands(arrays: Mapping[str, Any], record: Mapping[str, Any], zero: EnergyZero) -> Bands:
    values = arrays["eigenvalues_ev"]
    told = {**record, **{name: arrays[name] for name in OF_THE_GROUND_STATE if name in arrays}}
    by_spin = arrays["electrons_by_spin"].tolist() if "electrons_by_spin" in arrays else [told["n_electrons"]]
    return Bands(
        eigenvalues_ev=values,
        kpoints_frac=arrays["kpoints_frac"],
        labels=tuple(str(label) for label in arrays["labels"]),
        on_path=tuple(int(segment) for segment in arrays["on_path"]),
        reciprocal_per_ang=2 * np.pi * np.linalg.inv(np.array(told["cell_ang"])).T,
        n_electrons=tuple(map(float, by_spin)),
        fermi_ev=float(told["fermi_ev"]),
        zero=zero,
        weights=_kpoint_weights(arrays),
        grid=_own_grid(arrays),
        atoms=_atoms(arrays),
        stands_in="own file" if all(name in arrays for name in OF_THE_GROUND_STATE) else "bare file",
    )


def _own_grid(arrays: Mapping[str, Any]) -> Counts | None:
    """Of the states, where it is not that of the SCF."""
    if "grid" not in arrays:
        return None
    a, b, c = (int(number) for number in arrays["grid"])
    if min(a, b, c) < 1:
        raise ValueError(f"the grid of the states is {(a, b, c)}")
    return (a, b, c)


def _kpoint_weights(arrays: Mapping[str, Any]) -> FloatArray | None:
    """Of the grid's points, and 0 of those beside it; None in a file that was written before it told them."""
    if "kpoint_weights" not in arrays:
        return None
    weights = readonly(arrays["kpoint_weights"], (None,), "the weights of the k-points")
    if not (weights >= 0).all() or not abs(weights.sum() - 1) < WHOLE:
        raise ValueError(f"the weights of the k-points, which sum to {weights.sum()}, are none")
    return weights


def _potential(file: Path, zero: EnergyZero) -> PotentialGrid:
    with _arrays(file) as arrays:
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
    lines = [plain_json(line) for line in read_stored(file, links=True).decode("utf-8").splitlines()]
    for line in lines:
        wrong = [name for name in names if not _is_number(line[name]) and not (line[name] is None and name in MAY_LACK)]
        if wrong:
            raise ValueError(f"{wrong[0]} of a geometry is no number: {line[wrong[0]]!r}"[:120])
    return tuple(RelaxationStep(**{name: line[name] for name in names}) for line in lines)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
