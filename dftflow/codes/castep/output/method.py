"""How a CASTEP run calculated, in code-neutral terms: from what it printed, and what was asked of it beside that.

What the log does not print, the ``.param`` file may tell: the functional, the cutoff, and the functional of the band
structure alone (``bs_xc_functional``, ``spectral_xc_functional``), which Materials Studio calls "separate".
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np

from dftflow.codes.castep.input.param_file import ParamFile
from dftflow.codes.castep.output.castep_run import CastepRun, CastepSetup, KpointGrid
from dftflow.errors import ParseError
from dftflow.model.kpoint_grid import Shift, monkhorst_pack_shift, spacing_of_grid
from dftflow.model.method import Method

__all__ = ["band_structure_functional", "castep_method", "is_spinor"]

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
_DISPERSIONS = {"G06": "D2", "D3-BJ": "D3(BJ)"}
"""Scheme of CASTEP's -> usual name, where they differ."""
OFFSET_HALF_UNIT = 0.5e-3 + 1e-9
_AXES = {"x", "y", "z", "a"}
_KEYWORDS = {"PBESOL": "PBEsol", "RSCAN": "rSCAN", "R2SCAN": "r2SCAN"}
"""Functionals whose common name is not that of the keyword in capitals."""
_SEPARATE = ("bs_xc_functional", "spectral_xc_functional")


def castep_method(run: CastepRun | None, params: ParamFile | None = None) -> Method | None:
    """The method of a run; None for whatever neither its log nor its ``.param`` file tells.

    A functional under a name that is not known here keeps that name.

    Parameters
    ----------
    run, params
        None where there is no such file; there is no method without both.
    """
    if run is None:
        return None if params is None else _method_asked_for(params)
    setup = run.setup
    return Method(
        code="castep",
        code_version=run.version,
        functional=_functional(setup.functional) or _asked_functional(params, "xc_functional"),
        dispersion=_DISPERSIONS.get(setup.dispersion or "", setup.dispersion) or ("none" if setup.functional else None),
        cutoff_ev=_asked_cutoff_ev(params) if setup.cutoff_ev is None else setup.cutoff_ev,
        potentials=_potentials(setup.potentials),
        kpoints_grid=None if setup.kpoint_grid is None else setup.kpoint_grid.divisions,
        kpoints_shift=_shift(setup.kpoint_grid),
        kpoint_spacing_per_ang=_spacing_per_ang(run),
        smearing=_smearing(setup),
        smearing_ev=setup.smearing_width_ev,
        spin_polarised=setup.spin_polarised,
        spin_orbit=setup.spin_orbit,
        spinor=None if setup.spin is None else setup.spin == "non-collinear",
        dipole_correction=_dipole(setup),
        n_electrons=setup.n_electrons,
        constants=None if setup.codata is None else f"CODATA {setup.codata}",
    )


def _method_asked_for(params: ParamFile) -> Method:
    return Method(
        code="castep",
        code_version="",
        functional=_asked_functional(params, "xc_functional"),
        cutoff_ev=_asked_cutoff_ev(params),
        spin_orbit=True if _asked_flag(params, "spin_orbit_coupling") else None,
        hubbard_u_ev=None,
    )


def band_structure_functional(params: ParamFile | None) -> str | None:
    """Functional of the band structure where another one than that of the SCF was asked for; else None."""
    return next((found for name in _SEPARATE if (found := _asked_functional(params, name))), None)


def is_spinor(run: CastepRun | None, params: ParamFile | None) -> bool:
    """Whether a band holds one electron: by the log, and where that does not tell by what was asked for."""
    if run is not None and run.setup.spin is not None:
        return run.setup.spin == "non-collinear"
    if run is not None and run.setup.spin_orbit is not None:
        return run.setup.spin_orbit
    asked = None if params is None else params.option("spin_treatment")
    return asked == "vector" or _asked_flag(params, "spin_orbit_coupling")


def _asked_functional(params: ParamFile | None, name: str) -> str | None:
    asked = None if params is None else params.option(name)
    return None if not asked else _KEYWORDS.get(asked.upper(), asked.upper())


def _asked_cutoff_ev(params: ParamFile | None) -> float | None:
    try:
        return None if params is None else params.quantity("cut_off_energy", "energy")
    except ParseError:
        return None


def _asked_flag(params: ParamFile | None, name: str) -> bool:
    try:
        return params is not None and params.boolean(name) is True
    except ParseError:
        return False


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
