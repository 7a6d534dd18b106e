"""Reads ``<seed>.castep_bin`` and ``<seed>.check`` through castepxbin (https://github.com/zhubonan/castepxbin).

castepxbin (0.3.1) knows where everything lies, but reads what a damaged file tells it to. So the records are walked
first, what it raises becomes a `ParseError`, and the numbers are checked against each other. It also holds a stress,
whose sign and order its sources do not tell; that is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dftflow.codes.castep.output.content import whole_content
from dftflow.codes.castep.output.fortran_records import record_places
from dftflow.codes.castep.output.species import symbol_of
from dftflow.codes.reading import zero_of
from dftflow.errors import ParseError
from dftflow.model.results import Atoms, Bands, FloatArray, readonly
from dftflow.units import BOHR_ANG, HARTREE_EV

__all__ = ["CastepCheckpoint", "read_checkpoint"]

ELECTRON_TOLERANCE = 1e-3


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class CastepCheckpoint:
    """What a checkpoint holds, in double precision.

    Attributes
    ----------
    free_energy_ev
        E - TS of the last SCF; None before a ground state was found.
    cell_ang, species, positions_frac
        shape (3, 3); length n_atoms; shape (n_atoms, 3). Species by species, as CASTEP orders them.
    forces_ev_per_ang
        shape (n_atoms, 3).
    bands
        Eigenvalues on the SCF grid.
    occupations
        shape (n_spins, n_kpoints, n_bands); of each band, 1 when full in the run's own counting.
    density_mean
        Mean of the density: electrons per cell.
    """

    free_energy_ev: float | None
    cell_ang: FloatArray
    species: tuple[str, ...]
    positions_frac: FloatArray
    forces_ev_per_ang: FloatArray | None
    bands: Bands | None
    occupations: FloatArray | None
    density_mean: float | None

    def __post_init__(self) -> None:
        object.__setattr__(self, "cell_ang", readonly(self.cell_ang, (3, 3), "cell_ang"))
        shape = (len(self.species), 3)
        object.__setattr__(self, "positions_frac", readonly(self.positions_frac, shape, "positions_frac"))
        if self.forces_ev_per_ang is not None:
            object.__setattr__(self, "forces_ev_per_ang", readonly(self.forces_ev_per_ang, shape, "forces_ev_per_ang"))


def read_checkpoint(file: Path) -> CastepCheckpoint:
    """Cell, positions, energy, forces, eigenvalues and occupations of a run.

    Raises
    ------
    ParseError
        The file is cut short, damaged or no checkpoint.
    """
    data = whole_content(file)
    if sum(1 for _ in record_places(file, data)) < 2:
        raise ParseError("this is no checkpoint of CASTEP", where=str(file))
    content = _decoded(file)
    try:
        return _checkpoint(file, content)
    except (KeyError, ValueError, TypeError, IndexError, ArithmeticError, MemoryError) as error:
        raise _damaged(file, error) from error


def _decoded(file: Path) -> Mapping[str, Any]:
    from castepxbin.castep_bin import read_castep_bin

    try:
        content: Mapping[str, Any] = read_castep_bin(filename=file)
        return content
    except Exception as error:  # castepxbin raises whatever its arrays raise
        raise _damaged(file, error) from error


def _damaged(file: Path, error: Exception) -> ParseError:
    return ParseError("the checkpoint is damaged", reason=f"{type(error).__name__}: {error}", where=str(file))


def _checkpoint(file: Path, content: Mapping[str, Any]) -> CastepCheckpoint:
    cell_ang = np.asarray(content["real_lattice"], dtype=np.float64) * BOHR_ANG
    counts = [int(count) for count in content["num_ions_in_species"]]
    species = tuple(
        symbol for symbol, count in zip(content["species_symbol"], counts, strict=True) for _ in range(count)
    )
    places = _by_atom(content["ionic_positions"], counts)
    found = bool(content.get("found_ground_state_density")) and np.isfinite(content["total_energy"])
    density = content.get("charge_density")
    checkpoint = CastepCheckpoint(
        free_energy_ev=float(content["total_energy"]) * HARTREE_EV if found else None,
        cell_ang=cell_ang,
        species=species,
        positions_frac=places,
        forces_ev_per_ang=None
        if content.get("forces") is None
        else _by_atom(content["forces"], counts) * HARTREE_EV / BOHR_ANG,
        bands=_bands(file, content, cell_ang, Atoms(elements=tuple(map(symbol_of, species)), positions_frac=places)),
        occupations=None if content.get("occupancies") is None else content["occupancies"].transpose(2, 1, 0),
        density_mean=None if density is None else float(density.real.mean()),
    )
    _check(file, content, checkpoint)
    return checkpoint


def _by_atom(values: FloatArray, counts: list[int]) -> FloatArray:
    """From shape (3, most atoms a species, n_species) to shape (n_atoms, 3)."""
    parts = [values[:, :count, number].T for number, count in enumerate(counts)]
    return np.concatenate(parts).astype(np.float64)


def _bands(file: Path, content: Mapping[str, Any], cell_ang: FloatArray, atoms: Atoms) -> Bands | None:
    if content.get("eigenvalues") is None:
        return None
    values = np.sort(content["eigenvalues"].transpose(2, 1, 0), axis=2) * HARTREE_EV
    n_spins, n_kpoints, _ = values.shape
    fermi = [content["fermi_energy"], content.get("fermi_energy_second_spin", content["fermi_energy"])][:n_spins]
    spinor = str(content["spin_treatment"]).upper() == "VECTOR"
    total = float(content["nelectrons"])
    electrons = (total,) if n_spins == 1 else (float(content["nup"]), float(content["ndown"]))
    return Bands(
        eigenvalues_ev=values,
        kpoints_frac=content["kpoints_of_eigenvalues"].T,
        labels=("",) * n_kpoints,
        on_path=(-1,) * n_kpoints,
        reciprocal_per_ang=np.asarray(2 * np.pi * np.linalg.inv(cell_ang).T, dtype=np.float64),
        n_electrons=electrons,
        fermi_ev=float(max(fermi)) * HARTREE_EV,
        zero=zero_of(file.parent, file.stem),
        fermi_by_spin_ev=tuple(float(energy) * HARTREE_EV for energy in fermi),
        spinor=spinor,
        atoms=atoms,
    )


def _check(file: Path, content: Mapping[str, Any], checkpoint: CastepCheckpoint) -> None:
    electrons = float(content["nelectrons"])
    wrong = []
    if len(checkpoint.species) != int(content["num_ions"]):
        wrong.append(f"{len(checkpoint.species)} atoms in the species, {content['num_ions']} in the cell")
    if checkpoint.density_mean is not None and abs(checkpoint.density_mean - electrons) > ELECTRON_TOLERANCE:
        wrong.append(f"the density holds {checkpoint.density_mean:.4f} electrons, the cell {electrons:g}")
    arrays = (checkpoint.cell_ang, checkpoint.positions_frac, checkpoint.forces_ev_per_ang)
    if any(array is not None and not np.isfinite(array).all() for array in arrays):
        wrong.append("there are numbers that are none")
    if wrong:
        raise ParseError("the checkpoint contradicts itself", reason="; ".join(wrong), where=str(file))
