"""How a run was made, from the parameters it printed."""

from __future__ import annotations

from typing import Any

import numpy as np

from dftflow.codes.vasp.functionals import functional_name
from dftflow.codes.vasp.kind_of_run import many_body
from dftflow.codes.vasp.kpoints_file import grid_behind
from dftflow.codes.vasp.vasprun_file import VaspRun
from dftflow.model.kpoint_grid import Counts, Shift, common_shift, spacing_of_grid
from dftflow.model.method import Method

__all__ = ["method_of", "titel_element"]

_SMEARINGS = {
    -15: "tetrahedron with Fermi-Dirac",
    -14: "tetrahedron with Gaussian",
    -5: "tetrahedron with Blöchl corrections",
    -4: "tetrahedron",
    -3: "as given",
    -2: "as given",
    -1: "Fermi-Dirac",
    0: "gaussian",
}
_HAS_WIDTH = (-15, -14, -1)
_DISPERSIONS = {0: "none", 1: "D2", 10: "D2", 11: "D3", 12: "D3(BJ)", 13: "D4", 2: "TS", 20: "TS", 21: "TS/HI"}
_DISPERSIONS |= {202: "MBD", 263: "MBD/FI", 4: "dDsC", 3: "ULG"}
_ORBITALS = "spdf"
_AXES = {1: "x", 2: "y", 3: "z", 4: "all"}


def method_of(run: VaspRun) -> Method:
    """Method of `run`; what its parameters do not tell is None."""
    told = run.parameters
    grid, shift = _grid(run)
    cell_ang = run.steps[-1].geometry.cell_ang
    ismear = told.get("ISMEAR")
    return Method(
        code="vasp",
        code_version=run.version,
        functional=_functional(run),
        dispersion=_dispersion(told),
        cutoff_ev=_number(told.get("ENMAX", told.get("ENCUT"))),
        potentials={titel_element(titel): titel for titel in run.titels},
        kpoints_grid=grid,
        kpoints_shift=shift,
        kpoint_spacing_per_ang=None if grid is None or min(grid) < 1 else spacing_of_grid(cell_ang, grid),
        smearing=_smearing(ismear),
        smearing_ev=_number(told.get("SIGMA")) if _has_width(ismear) else None,
        spin_polarised=told["ISPIN"] == 2 or run.spinor,
        spin_orbit=_flag(told.get("LSORBIT")),
        spinor=run.spinor,
        dipole_correction=_dipole(told),
        hubbard_u_ev=_hubbard(told, run.titels),
        n_electrons=run.n_electrons,
        constants="VASP",
    )


def _functional(run: VaspRun) -> str | None:
    """That of the ground state; what goes beyond it is named first, so that the two are never taken for one."""
    name, beyond = functional_name(run.parameters, run.titels), many_body(run)
    return f"{beyond} on {name or 'a functional that is not told'}" if beyond else name


def _grid(run: VaspRun) -> tuple[Counts | None, Shift | None]:
    """Grid and shift. ``<generation>`` gives the numbers, and the k-points that VASP lists say where the grid stands.

    It lists one of each set of equivalent points, and that one is a point of the grid. ``shift`` of ``<generation>`` is
    the same in steps: 0.5 for an even number with Monkhorst-Pack, else 0.
    """
    if run.style not in ("Monkhorst", "Gamma"):
        return grid_behind(run.kpoints, run.weights) or (None, None)
    if run.divisions is None:
        return None, None
    return run.divisions, common_shift(run.kpoints[run.weights > 0], run.divisions)


def titel_element(titel: str) -> str:
    """Element of a TITEL line: ``"PAW_PBE Pb_d 06Sep2000"`` -> ``"Pb"``."""
    words = titel.split()
    return words[1].split("_")[0].split(".")[0] if len(words) > 1 else titel


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and np.isfinite(value) else None


def _flag(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def _smearing(ismear: Any) -> str | None:
    if not isinstance(ismear, int):
        return None
    return f"Methfessel-Paxton, order {ismear}" if ismear > 0 else _SMEARINGS.get(ismear)


def _has_width(ismear: Any) -> bool:
    return isinstance(ismear, int) and (ismear >= 0 or ismear in _HAS_WIDTH)


def _dispersion(told: Any) -> str | None:
    if _flag(told.get("LUSE_VDW")):
        return "nonlocal vdW-DF"
    kind = told.get("IVDW", 0)
    if kind == 0 and _flag(told.get("LVDW")):
        kind = 1
    return _DISPERSIONS.get(kind, f"IVDW={kind}") if isinstance(kind, int) else None


def _dipole(told: Any) -> str | None:
    axis, in_potential = told.get("IDIPOL", 0), _flag(told.get("LDIPOL"))
    if not isinstance(axis, int) or in_potential is None:
        return None
    if axis not in _AXES:
        return "none"
    return f"{_AXES[axis]}, {'self-consistent' if in_potential else 'energy only'}"


def _hubbard(told: Any, titels: tuple[str, ...]) -> dict[str, float] | None:
    """U for Liechtenstein's scheme, U - J for Dudarev's (LDAUTYPE = 2), in which nothing else enters.

    None where LDAU is set and the three numbers of each potential are not told.
    """
    if _flag(told.get("LDAU")) is not True:
        return {}
    columns = [told.get(name) for name in ("LDAUL", "LDAUU", "LDAUJ")]
    if any(not isinstance(column, list) or len(column) != len(titels) for column in columns):
        return None
    if any(type(value) not in (int, float) for column in columns for value in column):
        return None
    less_j = told.get("LDAUTYPE", 2) == 2
    return {
        f"{titel_element(titel)}:{_ORBITALS[int(orbital)]}": float(u) - (float(j) if less_j else 0.0)
        for titel, orbital, u, j in zip(titels, *columns, strict=True)
        if 0 <= orbital < len(_ORBITALS)
    }
