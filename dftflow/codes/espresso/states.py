"""Density of states and projections of one calculation of Quantum ESPRESSO, from what dos.x and projwfc.x left."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from dftflow.codes.base import Calculation
from dftflow.codes.compressed import plain_file, plain_name
from dftflow.codes.espresso.atomic_proj_file import AtomicProjections, read_atomic_projections
from dftflow.codes.espresso.dos_files import DosTable, read_dos, read_pdos, read_pdos_total
from dftflow.codes.espresso.projwfc_text import NAMES, AtomicFunction, ProjwfcText, orbital_name, read_projwfc_text
from dftflow.codes.espresso.pw_run import PwRun
from dftflow.codes.espresso.species import element_of
from dftflow.codes.espresso.state_files import PDOS, PROJECTED, is_dos, is_projwfc, kind_of
from dftflow.codes.reading import FileLog
from dftflow.errors import ParseError
from dftflow.model.dos import DensityOfStates
from dftflow.model.projections import ProjectionGroup, Projections, summed
from dftflow.model.results import Bands, FloatArray

__all__ = ["States", "read_states"]

METHOD = "atomic functions of the pseudopotentials, orthogonalised (Löwdin)"
SAME_K = 1e-5  # 1/Å
SAME_EV = 1e-3


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class States:
    """What the files tell of the states."""

    projections: Projections | None = None
    dos: DensityOfStates | None = None


def read_states(
    calculation: Calculation, run: PwRun | None, bands: Bands | None, fermi_ev: float | None, log: FileLog
) -> States:
    """Of the files of the calculation; `fermi_ev` stands beside tables that have none."""
    if run is None or bands is None:
        return States()
    files = calculation.files
    printed_file = next((file for file in files if is_projwfc(file)), None)
    printed = None
    if printed_file is not None:
        place, kind = plain_file(printed_file), kind_of(printed_file)
        printed = log.take(place, kind, read_projwfc_text, lambda p: f"{len(p.functions)} atomic functions")
    xml = next((file for file in files if plain_name(file) == PROJECTED), None)
    projections = None
    if xml is not None:
        projections = log.take(
            plain_file(xml),
            kind_of(xml),
            lambda file: _projections(file, printed, run, bands),
            lambda p: f"{p.weights.shape[1]} k-points, {len(p.groups)} orbitals",
        )
    return States(projections=projections, dos=_dos(files, printed, run, bands, fermi_ev, log))


# --- projections ------------------------------------------------------------------------------------------------


def _projections(file: Path, printed: ProjwfcText | None, run: PwRun, bands: Bands) -> Projections:
    found = read_atomic_projections(file)
    if printed is None:
        raise ParseError(
            "the atomic functions have no names",
            reason=f"{file.name} numbers them, and only what projwfc.x printed names them",
            fix="put the output of projwfc.x beside the log of pw.x",
            where=str(file),
        )
    groups = _groups(printed.functions, run, file)
    if len(groups) != found.weights.shape[3]:
        raise _other(file, f"it has {found.weights.shape[3]} atomic functions, projwfc.x printed {len(groups)}")
    first = _first_kpoint(found, run, bands, file)
    n_spins, n_kpoints, n_bands = bands.eigenvalues_ev.shape
    weights = np.full((n_spins, n_kpoints, n_bands, len(groups)), np.nan, dtype=np.float32)
    order = np.argsort(found.energies_ev, axis=2, kind="stable")[:, :, :n_bands, None]
    weights[:, first : first + len(found.kpoints_alat)] = np.take_along_axis(found.weights, order, axis=2)
    weights[np.isnan(bands.eigenvalues_ev)] = np.nan
    both, sums = summed(weights, groups, lambda group: group, axis=3)
    return Projections(weights=sums, groups=both, method=METHOD)


def _groups(functions: Sequence[AtomicFunction], run: PwRun, file: Path) -> tuple[ProjectionGroup, ...]:
    """One a function; of two shells with the same l, as of a semicore state, the same one."""
    return tuple(_group(function.site, function.species, function.orbital, run, file) for function in functions)


def _group(site: int, species: str, orbital: str, run: PwRun, file: Path) -> ProjectionGroup:
    structure, element = run.last.structure, element_of(species)
    if not 0 <= site < len(structure) or structure[site].specie.symbol != element:
        raise _other(file, f"atom {site + 1} is {species} there")
    return ProjectionGroup(element=element, site=site, orbital=orbital)


def _first_kpoint(found: AtomicProjections, run: PwRun, bands: Bands, file: Path) -> int:
    """Index of the k-point of the bands from which on the projected ones follow: those of one run follow each other."""
    n_spins, n_all, n_bands = bands.eigenvalues_ev.shape
    n_found = len(found.kpoints_alat)
    if found.energies_ev.shape[0] != n_spins or found.energies_ev.shape[2] < n_bands or n_found > n_all:
        raise _other(file, f"it is of {found.energies_ev.shape} spins, k-points and bands")
    kpoints = found.kpoints_alat * 2 * np.pi / run.alat_ang
    wanted = bands.kpoints_frac @ bands.reciprocal_per_ang
    energies = np.sort(found.energies_ev, axis=2)[:, :, :n_bands]
    for first in range(n_all - n_found, -1, -1):
        behind = slice(first, first + n_found)
        there = bands.eigenvalues_ev[:, behind]
        same_ev = np.abs(energies - np.where(np.isnan(there), energies, there)) < SAME_EV
        if (np.abs(kpoints - wanted[behind]) < SAME_K).all() and same_ev.all():
            return first
    raise _other(file, "its k-points and eigenvalues are not among those of the run")


def _other(file: Path, reason: str) -> ParseError:
    return ParseError(f"{file.name} is of another run", reason=reason, fix="run projwfc.x again", where=str(file))


# --- density of states ------------------------------------------------------------------------------------------


def _dos(
    files: Sequence[Path],
    printed: ProjwfcText | None,
    run: PwRun,
    bands: Bands,
    fermi_ev: float | None,
    log: FileLog,
) -> DensityOfStates | None:
    """Of projwfc.x where it is whole, for that has the orbitals too; else of dos.x."""
    n_spins = len(bands.eigenvalues_ev)
    tables = [file for file in files if PDOS.fullmatch(plain_name(file))]
    total = _total(tables, log)
    broadening_ev = None if printed is None else printed.broadening_ev
    if total is not None:
        table = log.take(plain_file(total), kind_of(total), lambda file: read_pdos_total(file, n_spins), _say)
        parts = _parts(tables, table, run, n_spins, log)
        if table is not None and parts is not None:
            groups, values = parts
            return DensityOfStates(
                energies_ev=table.energies_ev,
                total=table.values[:, 0],
                projected=values if groups else None,
                groups=groups,
                fermi_ev=fermi_ev,
                zero=bands.zero,
                broadening_ev=broadening_ev,
                source=f"projwfc.x; groups are {METHOD}",
            )
    found = next((file for file in files if is_dos(file)), None)
    if found is None:
        return None
    table = log.take(plain_file(found), kind_of(found), lambda file: read_dos(file, n_spins), _say)
    return None if table is None else _of_dos_x(table, bands, fermi_ev)


def _of_dos_x(table: DosTable, bands: Bands, fermi_ev: float | None) -> DensityOfStates:
    total, sums = table.values[:, 0], table.integrated
    return DensityOfStates(
        energies_ev=table.energies_ev,
        total=total,
        fermi_ev=max(table.fermi_ev, default=fermi_ev),
        zero=bands.zero,
        integrated=None if sums is None or len(total) > 1 else sums[None],
        source="dos.x",
    )


def _say(table: DosTable) -> str:
    return f"{len(table.energies_ev)} energies"


def _say_part(part: tuple[list[ProjectionGroup], FloatArray]) -> str:
    return " ".join(group.orbital or "" for group in part[0])


def _total(tables: Sequence[Path], log: FileLog) -> Path | None:
    """The total among the tables of projwfc.x; None, with the tables named, where there are none or several."""
    totals = [file for file in tables if plain_name(file).endswith(".pdos_tot")]
    if len(totals) == 1:
        return totals[0]
    for file in tables:
        log.pass_over(file, kind_of(file), f"there are {len(totals)} tables of the total, expected one")
    return None


def _parts(
    tables: Sequence[Path], total: DosTable | None, run: PwRun, n_spins: int, log: FileLog
) -> tuple[tuple[ProjectionGroup, ...], FloatArray] | None:
    """Groups and their densities, shape (n_spins, n_groups, n); None where a table is refused."""
    groups: list[ProjectionGroup] = []
    values = []
    for file in sorted(tables, key=_order):
        name = PDOS.fullmatch(plain_name(file))
        if name is None or name[2] is None:
            continue
        read = partial(_part, name=name, total=total, run=run, n_spins=n_spins)
        found = log.take(plain_file(file), kind_of(file), read, _say_part)
        if found is None:
            return None
        groups += found[0]
        values.append(found[1])
    if not groups:
        return (), np.empty(0)
    return summed(np.concatenate(values, axis=1), tuple(groups), lambda group: group, axis=1)


def _order(file: Path) -> list[int]:
    """By atom and function, as numbers."""
    return [int(number) for number in re.findall(r"#(\d+)", file.name)]


def _part(
    file: Path, name: re.Match[str], total: DosTable | None, run: PwRun, n_spins: int
) -> tuple[list[ProjectionGroup], FloatArray]:
    """Of one shell of one atom, whose numbers are in the name of the file; those of spinors are summed over m_j."""
    site, shell, j = int(name[2]) - 1, name[5], name[6]
    n_columns = len(NAMES[shell]) if j is None else int(2 * float(j)) + 1
    table = read_pdos(file, n_spins, n_columns)
    if total is None or not np.array_equal(table.energies_ev, total.energies_ev):
        raise _other(file, "its energies are not those of the total")
    if j is not None:
        return [_group(site, name[3], orbital_name(shell, None, j), run, file)], table.values.sum(axis=1, keepdims=True)
    orbitals = [orbital_name(shell, m, None) for m in range(1, n_columns + 1)]
    return [_group(site, name[3], orbital, run, file) for orbital in orbitals], table.values
