"""How the calculation in a ``.gpw`` file was made, from the input that GPAW keeps in it.

What was left at its default is not in the file. Defaults: https://gpaw.readthedocs.io/documentation/basic.html#parameters
(LDA; Fermi-Dirac of 0.1 eV, in a cell without periodic directions none).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from dftflow.codes.gpaw.eigenvalues import density_was_fixed, electrons_of
from dftflow.codes.gpaw.functionals import DEFAULT_FUNCTIONAL, common_name
from dftflow.codes.gpaw.gpw_file import GpwFile
from dftflow.codes.gpaw.kpoint_set import grid_of_points
from dftflow.model.kpoint_grid import spacing_of_grid
from dftflow.model.method import Method

__all__ = ["mode_of", "method_of"]

SAME_HARTREE_EV = 1e-10
DEFAULT_PLANE_WAVE_EV = 340.0
_U_VALUE = re.compile(r"^\w*:(?P<shell>[spdf]),(?P<u>\d+(?:\.\d*)?)(?:,[01])?$")


def method_of(gpw: GpwFile) -> Method:
    """What the file tells; the potentials, which it does not tell, are None."""
    levels = gpw.levels
    grid = None if levels is None or density_was_fixed(gpw) else grid_of_points(levels.all_kpoints_frac)
    smearing, smearing_ev = _smearing(gpw.parameters.get("occupations"))
    electrons = None if levels is None else round(sum(electrons_of(gpw, levels)), 6)
    return Method(
        code="gpaw",
        code_version=gpw.version,
        functional=_functional(gpw.parameters.get("xc")),
        dispersion=None if gpw.parameters.get("extensions") else "none",
        cutoff_ev=_cutoff_ev(gpw.parameters.get("mode")),
        kpoints_grid=None if grid is None else grid[0],
        kpoints_shift=None if grid is None else grid[1],
        kpoint_spacing_per_ang=None
        if grid is None
        else spacing_of_grid(np.asarray(gpw.structure.lattice.matrix), grid[0]),
        smearing=smearing,
        smearing_ev=smearing_ev,
        spin_polarised=None if levels is None else levels.spinor or len(levels.eigenvalues_ev) == 2,
        spin_orbit=bool(gpw.parameters.get("soc")),
        spinor=None if levels is None else levels.spinor,
        dipole_correction=_dipole_correction(gpw.parameters.get("poissonsolver")),
        hubbard_u_ev=_hubbard_u_ev(gpw.parameters.get("setups")),
        n_electrons=None if density_was_fixed(gpw) else electrons,
        constants=_constants(gpw.hartree_ev),
    )


def mode_of(parameters: Mapping[str, Any]) -> str:
    """``"pw"``, ``"fd"`` or ``"lcao"``; ``""`` where it is not told."""
    mode = parameters.get("mode")
    name = mode.get("name") if isinstance(mode, Mapping) else mode
    return name.lower() if isinstance(name, str) else ""


def _constants(hartree_ev: float | None) -> str | None:
    """The set of constants, of those that ASE knows (https://ase-lib.org/ase/units.html), with that Hartree energy."""
    from ase.units import CODATA, create_units

    for year in CODATA if hartree_ev is not None else ():
        if abs(create_units(year)["Hartree"] - hartree_ev) < SAME_HARTREE_EV:
            return f"CODATA {year}"
    return None


def _functional(xc: Any) -> str | None:
    name = xc.get("name") if isinstance(xc, Mapping) else xc
    if name is None:
        return DEFAULT_FUNCTIONAL if xc is None else None
    return common_name(name) if isinstance(name, str) else None


def _cutoff_ev(mode: Any) -> float | None:
    if mode_of({"mode": mode}) != "pw":
        return None
    told = mode.get("ecut", DEFAULT_PLANE_WAVE_EV) if isinstance(mode, Mapping) else DEFAULT_PLANE_WAVE_EV
    return _positive(told)


def _smearing(occupations: Any) -> tuple[str | None, float | None]:
    """Name and width of what was asked for; a width of zero is fixed occupations. Nothing where nothing was."""
    if not isinstance(occupations, Mapping):
        return None, None
    name, width = occupations.get("name", "fermi-dirac"), occupations.get("width")
    if width == 0:
        return "fixed", None
    return (name.lower() if isinstance(name, str) else None), _positive(width)


def _positive(value: Any) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and np.isfinite(value) and value > 0 else None


def _dipole_correction(solver: Any) -> str | None:
    if not isinstance(solver, Mapping) or "dipolelayer" not in solver:
        return "none" if solver is None or isinstance(solver, Mapping) else None
    plane = solver["dipolelayer"]
    normals = {"xy": "z", "yx": "z", "xz": "y", "zx": "y", "yz": "x", "zy": "x"}
    axis = normals.get(plane) if isinstance(plane, str) else None
    return "self-consistent" if axis is None else f"{axis}, self-consistent"


def _hubbard_u_ev(setups: Any) -> dict[str, float] | None:
    """``"Ni:d"`` -> U; None where a set of data is asked for in a way that is not known here."""
    if setups is None or isinstance(setups, str):
        return {} if setups is None or ":" not in setups else None
    if not isinstance(setups, Mapping):
        return None
    asked = {str(element): name for element, name in setups.items() if isinstance(name, str) and ":" in name}
    matched = {element: _U_VALUE.match(name) for element, name in asked.items()}
    if None in matched.values():
        return None
    return {f"{element}:{match['shell']}": float(match["u"]) for element, match in matched.items() if match is not None}
