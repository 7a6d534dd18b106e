"""Rows of an ASE database: a row for each step that has a geometry and a total energy.

ASE's format: https://ase-lib.org/ase/db/db.html. Energies in eV, forces in eV/Å, stress in eV/Å³ (ASE's sign, in which
tension is positive, is dftflow's). `energy` is extrapolated to zero smearing where the code does so, `free_energy` is
what the forces are derivatives of. Numbers that count from the zero of their own run are no columns: they would be
compared.
"""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dftflow.errors import InputError
from dftflow.exchange.new_file import new_file
from dftflow.model.outcome import StepOutcome, StudyOutcome
from dftflow.model.quantity import BY_LINE_UP_WAY, Quantity
from dftflow.model.step import StepId
from dftflow.units import EV_PER_ANG3_GPA

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["ENDINGS", "write_rows"]

ENDINGS = (".db", ".json")
OWN_BANDS = "the slab's own bands"
COLUMNS = {
    ("band gap", ""): "gap_ev",
    ("band gap", OWN_BANDS): "own_gap_ev",
    ("ionisation potential", BY_LINE_UP_WAY): "ip_ev",
    ("ionisation potential", OWN_BANDS): "own_ip_ev",
    ("electron affinity", BY_LINE_UP_WAY): "ea_ev",
    ("electron affinity", OWN_BANDS): "own_ea_ev",
    ("work function", ""): "work_function_ev",
}
"""Differences of energies, by name and method; every number of a step is in the row's data."""
SQLITE_ERRORS = {
    "SQLITE_FULL": errno.ENOSPC,
    "SQLITE_READONLY": errno.EROFS,
    "SQLITE_CANTOPEN": errno.EACCES,
    "SQLITE_PERM": errno.EACCES,
}
"""How the codes of https://sqlite.org/rescode.html begin, and what the system calls the same."""


def write_rows(outcome: StudyOutcome, steps: Mapping[str, StepId], file: Path) -> int:
    """Write the rows of a study into a new ASE database; how many they are.

    Parameters
    ----------
    steps
        Name of each step -> which one it is.

    Raises
    ------
    InputError
        The name ends in neither ``.db`` nor ``.json``, or something is there already; no step has a geometry and an
        energy.
    StoreError
        It cannot be written.
    """
    if file.suffix not in ENDINGS:
        raise InputError(f"an ASE database ends in {' or '.join(ENDINGS)}", fix="name it so", where=str(file))
    rows = list(_rows(outcome, steps))
    if not rows:
        raise InputError(
            "no step of this study has a geometry and an energy", fix="`dftflow status` shows how each step stands"
        )
    from ase.db import connect

    with (
        new_file(file) as beside,
        _database_errors(file),
        connect(beside, append=False, use_lock_file=False) as database,
    ):
        for atoms, columns, data in rows:
            database.write(atoms, key_value_pairs=columns, data=data)
    return len(rows)


@contextmanager
def _database_errors(file: Path) -> Iterator[None]:
    """Say what SQLite says of the disk as the system does of any file: an `OSError`."""
    try:
        yield
    except sqlite3.Error as error:
        name = getattr(error, "sqlite_errorname", "")
        number = next((number for begin, number in SQLITE_ERRORS.items() if name.startswith(begin)), errno.EIO)
        raise OSError(number, f"{os.strerror(number)} ({error})", str(file)) from error


def _rows(outcome: StudyOutcome, steps: Mapping[str, StepId]) -> Iterator[tuple[Atoms, dict[str, Any], dict[str, Any]]]:
    for step in outcome.steps:
        results = step.results
        if results is not None and results.structure is not None and results.energy_ev is not None:
            numbers = [one for one in outcome.quantities if one.origin[:1] == (step.name,)]
            yield _atoms(step), _columns(outcome, step, steps[step.name], numbers), _data(outcome, step, numbers)


def _atoms(step: StepOutcome) -> Atoms:
    from ase import Atoms
    from ase.calculators.singlepoint import SinglePointCalculator

    results = step.results
    assert results is not None and results.structure is not None
    structure = results.structure
    atoms = Atoms(
        numbers=[site.specie.Z for site in structure],
        positions=structure.cart_coords,
        cell=structure.lattice.matrix,
        pbc=True,
    )
    known: dict[str, Any] = {"energy": results.energy_ev, "free_energy": results.free_energy_ev}
    known["forces"] = results.forces_ev_per_ang
    if results.stress_gpa is not None:
        known["stress"] = (results.stress_gpa / EV_PER_ANG3_GPA)[[0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]]
    atoms.calc = SinglePointCalculator(atoms, **{name: value for name, value in known.items() if value is not None})
    atoms.calc.name = results.code
    return atoms


def _columns(outcome: StudyOutcome, step: StepOutcome, which: StepId, numbers: list[Quantity]) -> dict[str, Any]:
    assert step.results is not None
    method = step.results.method
    words = {
        "study": outcome.study_name,
        "preset": outcome.preset,
        "step": step.name,
        "material": "+".join(which.subject.materials),
        "label": which.subject.label,
        "task": which.task,
        "variant": which.variant,
        "code": step.results.code,
        "code_version": step.results.code_version,
        "functional": None if method is None else method.functional,
    }
    columns: dict[str, Any] = {name: word for name, word in words.items() if word and not _looks_like_a_number(word)}
    if method is not None and method.cutoff_ev is not None:
        columns["cutoff_ev"] = method.cutoff_ev
    told: dict[str, set[float]] = {}
    for one in numbers:
        column = COLUMNS.get((one.name, one.method))
        if column is not None and isinstance(one.value, float):
            told.setdefault(column, set()).add(one.value)
    return columns | {column: min(values) for column, values in told.items() if len(values) == 1}


def _data(outcome: StudyOutcome, step: StepOutcome, numbers: list[Quantity]) -> dict[str, Any]:
    assert step.results is not None
    method = step.results.method
    return {
        "study": outcome.study_name,
        "preset": outcome.preset,
        "step": step.name,
        "engine": dict(step.engine),
        "method": None if method is None else asdict(method),
        "remarks": list(step.remarks),
        "quantities": [one.as_dict() for one in numbers],
    }


def _looks_like_a_number(word: str) -> bool:
    """Whether ASE would refuse the word as a value, because a selection would take it for a number or a truth."""
    if word in ("True", "False"):
        return True
    try:
        float(word)
    except ValueError:
        return False
    return True
