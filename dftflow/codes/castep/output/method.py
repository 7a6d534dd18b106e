"""How a CASTEP run calculated, in code-neutral terms: from what it printed."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np

from dftflow.codes.castep.output.castep_run import CastepRun, CastepSetup, KpointGrid
from dftflow.model.kpoint_grid import Shift, monkhorst_pack_shift, spacing_of_grid
from dftflow.model.method import Method

__all__ = ["castep_method"]

_FUNCTIONALS = {
    "local density approximation": "LDA",
    "perdew-zunger local density approximation": "LDA",
    "perdew wang (1991)": "PW91",
    "perdew burke ernzerhof": "PBE",
    "revised perdew burke ernzerhof": "RPBE",
    "pbe for solids (2008)": "PBEsol",
    "wu-cohen": "WC",
    "pbe with wu-cohen exchange": "WC",
    "hybrid pbe0": "PBE0",
    "hybrid b3lyp": "B3LYP",
    "hybrid hse03": "HSE03",
    "hybrid hse06": "HSE06",
}
OFFSET_HALF_UNIT = 0.5e-3 + 1e-9
_AXES = {"x", "y", "z", "a"}


def castep_method(run: CastepRun) -> Method:
    """The method of `run`; None for whatever this version of CASTEP does not print.

    A functional under a name that is not known here keeps that name.
    """
    setup = run.setup
    return Method(
        code="castep",
        code_version=run.version,
        functional=_functional(setup.functional),
        dispersion=setup.dispersion or ("none" if setup.functional else None),
        cutoff_ev=setup.cutoff_ev,
        potentials=_potentials(setup.potentials),
        kpoints_grid=None if setup.kpoint_grid is None else setup.kpoint_grid.divisions,
        kpoints_shift=_shift(setup.kpoint_grid),
        kpoint_spacing_per_ang=_spacing_per_ang(run),
        smearing=_smearing(setup),
        smearing_ev=setup.smearing_width_ev,
        spin_polarised=setup.spin_polarised,
        spin_orbit=setup.spin_orbit,
        dipole_correction=_dipole(setup),
        n_electrons=setup.n_electrons,
        constants=None if setup.codata is None else f"CODATA {setup.codata}",
    )


def _functional(printed: str | None) -> str | None:
    return None if printed is None else _FUNCTIONALS.get(" ".join(printed.lower().split()), printed)


def _potentials(printed: Mapping[str, str]) -> dict[str, str] | None:
    """Element -> on-the-fly string, library or name of the file, wherever the file lay."""
    found = {species.split()[0]: potential.rsplit("/", 1)[-1] for species, potential in printed.items()}
    return found or None


def _smearing(setup: CastepSetup) -> str | None:
    if setup.fixed_occupancy:
        return "fixed"
    return None if setup.smearing_scheme is None else setup.smearing_scheme.lower()


def _dipole(setup: CastepSetup) -> str | None:
    if setup.dipole_correction is None:
        return None
    words = re.findall(r"\w+", setup.dipole_correction.lower())
    if words == ["none"]:
        return "none"
    axis = next((word for word in words if word in _AXES), "")
    kind = " ".join(word for word in words if word != axis).replace("selfconsistent", "self-consistent")
    return ", ".join(part for part in (axis, kind.replace("self consistent", "self-consistent")) if part)


def _shift(grid: KpointGrid | None) -> Shift | None:
    """Where the grid stands: CASTEP's is that of Monkhorst and Pack, moved by the offset.

    The offset has three decimals. A grid that may lie on whole or half steps within their rounding is said to.
    """
    if grid is None or grid.offset is None:
        return None
    counts = np.array(grid.divisions)
    steps = np.array(monkhorst_pack_shift(grid.divisions)) + np.array(grid.offset) * counts
    halves = np.round(2 * steps) / 2
    steps = np.where(np.abs(steps - halves) <= OFFSET_HALF_UNIT * counts, halves, steps)
    a, b, c = (round(float(x), 6) % 1.0 for x in steps)
    return (a, b, c)


def _spacing_per_ang(run: CastepRun) -> float | None:
    grid = run.setup.kpoint_grid
    if grid is None or min(grid.divisions) < 1 or not run.frames:
        return None
    return spacing_of_grid(run.frames[0].cell_ang, grid.divisions)
