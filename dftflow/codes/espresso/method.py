"""How a run of pw.x was made, from its XML or its text, and the checksums on its standard output."""

from __future__ import annotations

from collections.abc import Mapping

from dftflow.codes.espresso.functionals import functional_name
from dftflow.codes.espresso.pw_run import PwRun
from dftflow.model.kpoint_grid import Shift, spacing_of_grid
from dftflow.model.method import Method

__all__ = ["method_of"]

CONSTANTS = "CODATA 2022"
_SMEARINGS = {
    "gaussian": "gaussian",
    "mp": "Methfessel-Paxton, order 1",
    "mv": "cold (Marzari-Vanderbilt)",
    "fd": "Fermi-Dirac",
}


def method_of(run: PwRun, md5: Mapping[str, str]) -> Method:
    """Method of `run`.

    Parameters
    ----------
    md5
        Element -> checksum of its potential, where the standard output was read.

    Notes
    -----
    pw.x writes atomic units, which dftflow converts: the constants are those of `dftflow.units`.
    """
    grid, cell_ang = run.grid, run.last.structure.lattice.matrix
    return Method(
        code="espresso",
        code_version=run.version,
        functional=functional_name(run.functional),
        dispersion=run.dispersion,
        cutoff_ev=run.cutoff_ev,
        potentials={name: _identity(file, md5.get(name)) for name, file in run.potential_files.items()},
        kpoints_grid=grid,
        kpoints_shift=_shift(run),
        kpoint_spacing_per_ang=None if grid is None or min(grid) < 1 else spacing_of_grid(cell_ang, grid),
        smearing=_smearing(run),
        smearing_ev=run.degauss_ev,
        spin_polarised=run.spin_polarised or run.spinor,
        spin_orbit=run.spin_orbit,
        spinor=run.spinor,
        dipole_correction=_dipole(run),
        hubbard_u_ev=run.hubbard,
        n_electrons=run.n_electrons,
        constants=CONSTANTS,
    )


def _shift(run: PwRun) -> Shift | None:
    """An offset of 1 is half a step: pw.x's point r = 1 ... n lies at (r - 1)/n + offset/2n."""
    if run.grid_offset is None:
        return None
    a, b, c = (offset / 2 for offset in run.grid_offset)
    return (a, b, c)


def _identity(file: str, md5: str | None) -> str:
    return f"{file}, md5 {md5}" if md5 else file


def _smearing(run: PwRun) -> str:
    if run.occupations == "smearing":
        return _SMEARINGS.get(run.smearing or "", run.smearing or "smearing")
    return run.occupations


def _dipole(run: PwRun) -> str | None:
    if run.assume_isolated is None:
        return None
    if run.dipole_axis is not None:
        return f"{'xyz'[run.dipole_axis]}, self-consistent"
    return "none" if run.assume_isolated == "none" else f"assume_isolated = {run.assume_isolated}"
