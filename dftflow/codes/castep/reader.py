"""Reads all files of one CASTEP calculation into `Results`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dftflow.codes.base import Calculation, Reading
from dftflow.codes.castep.bands_file import read_bands
from dftflow.codes.castep.castep_file import CastepRun, read_castep
from dftflow.codes.castep.cell_file import read_cell_path, read_cell_structure
from dftflow.codes.castep.folder import file_of
from dftflow.codes.castep.grid_file import read_potential
from dftflow.codes.reading import FileLog
from dftflow.model.results import Results

if TYPE_CHECKING:
    from pymatgen.core import Structure

__all__ = ["read_calculation"]


def read_calculation(calculation: Calculation) -> Reading:
    """What every file of `calculation` holds, and the results together."""
    log = FileLog()
    run = log.take(file_of(calculation, ".castep"), "log", read_castep, lambda r: f"CASTEP {r.version}, {r.status}")
    path = log.take(file_of(calculation, ".cell"), "k-path", read_cell_path, lambda p: "k-path" if p else "no k-path")
    bands = log.take(
        file_of(calculation, ".bands"),
        "eigenvalues",
        lambda file: read_bands(file, path=path),
        lambda b: f"{b.eigenvalues_ev.shape[1]} k-points",
    )
    potential = log.take(
        file_of(calculation, ".pot_fmt"), "local potential", read_potential, lambda p: str(p.values_ev.shape)
    )
    if run is None:
        return Reading(calculation=calculation, files=log.files, results=None)
    results = Results(
        code="castep",
        code_version=run.version,
        status=run.status,
        energy_ev=run.energy_ev,
        structure=_structure(calculation, run, log),
        finite_basis_de_dlnecut_ev=run.finite_basis_de_dlnecut_ev,
        fermi_ev=None if bands is None else bands.fermi_ev,
        bands=bands,
        potential=potential,
        wall_time_s=run.wall_time_s,
        peak_memory_mib=run.peak_memory_mib,
        warnings=run.warnings,
    )
    return Reading(calculation=calculation, files=log.files, results=results)


def _structure(calculation: Calculation, run: CastepRun, log: FileLog) -> Structure | None:
    out, start = file_of(calculation, "-out.cell"), file_of(calculation, ".cell")
    if not out.exists() and run.is_geometry_run:
        return None
    file = out if out.exists() else start
    return log.take(file, "structure", read_cell_structure, lambda s: s.composition.reduced_formula)
