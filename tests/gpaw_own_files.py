"""Writes what a person's own run of GPAW leaves: a ``.gpw`` file and text logs, as old and new versions do.

A crystal of two atoms of silicon with 8 electrons, on a grid of 2x1x1 k-points that holds Γ. The highest filled level
is 3.0 eV, at Γ, the lowest empty one 4.2 eV, at (1/2 0 0).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ase.io.ulm as ulm
import numpy as np

ENERGY_EV = -10.771234
FREE_ENERGY_EV = -10.771256
FERMI_EV = 3.60042
CELL_ANG = [[0.0, 2.7, 2.7], [2.7, 0.0, 2.7], [2.7, 2.7, 0.0]]
POSITIONS_ANG = [[0.0, 0.0, 0.0], [1.35, 1.35, 1.4]]
FORCES = [[0.0, 0.0, 0.25], [0.0, 0.0, -0.25]]
EIGENVALUES_EV = [[-6.0, -1.0, 2.0, 3.0, 5.0, 6.0], [-5.0, -2.0, 1.0, 2.5, 4.2, 7.0]]
HASH = "ee77bee481871cc2cb65ac61239ccafa"

GRID: dict[str, Any] = {
    "ibzkpts": np.array([[0.0, 0, 0], [0.5, 0, 0]]),
    "bzkpts": np.array([[0.0, 0, 0], [0.5, 0, 0]]),
    "weights": np.array([0.5, 0.5]),
}
RESULTS: dict[str, Any] = {
    "energy": ENERGY_EV,
    "free_energy": FREE_ENERGY_EV,
    "forces": np.array(FORCES),
    "stress": np.array([0.01, 0.02, 0.03, 0.001, 0.002, 0.003]),
}
WAVES: dict[str, Any] = {
    "fermi_levels": np.array([FERMI_EV]),
    "eigenvalues": np.array([EIGENVALUES_EV]),
    "occupations": np.array([[[1.0, 1, 1, 1, 0, 0]] * 2]),
}
PARAMETERS: dict[str, Any] = {
    "mode": {"name": "pw", "ecut": 200.0},
    "xc": {"name": "PBE"},
    "kpts": {"size": [2, 1, 1], "gamma": True},
    "convergence": {"bands": 5},
}


def write_gpw(
    file: Path,
    *,
    layout: int = 7,
    version: str = "25.7.0",
    waves: dict[str, Any] | None = None,
    kpts: dict[str, Any] | None = None,
    results: dict[str, Any] | None = None,
    parameters: dict[str, Any] | None = None,
    atoms: dict[str, Any] | None = None,
    converged: bool = True,
    tag: str = "gpaw",
) -> None:
    """A ``.gpw`` file of a layout; what is given takes the place of its part."""
    with ulm.Writer(file, tag=tag) as writer:
        writer.write(version=layout, ha=27.211386024367243, bohr=0.5291772105638411)
        if version:
            writer.write(gpaw_version=version)
        places = {"numbers": np.array([14, 14]), "positions": np.array(POSITIONS_ANG), "cell": CELL_ANG}
        writer.child("atoms").write(pbc=[True] * 3, **{**places, **(atoms or {})})
        writer.child("results").write(**(RESULTS if results is None else results))
        writer.child("parameters").write(**(PARAMETERS if parameters is None else parameters))
        told = {**WAVES, **(waves or {})}
        if layout < 3:
            writer.child("occupations").write(fermilevel=float(told.pop("fermi_levels")[0]), split=0.0)
        if layout <= 3:
            writer.child("scf").write(converged=converged)
        child = writer.child("wave_functions")
        child.write(**told)
        child.write(projections=np.zeros((1, 2, 6, 4), complex))
        if layout > 1:
            child.child("kpts").write(**(GRID if kpts is None else kpts))


NEW_BANNER = r"""  __  _  _
 | _ |_)|_||  |
 |__||  | ||/\| - {version}
"""
OLD_BANNER = r"""
  ___ ___ ___ _ _ _
 |   |   |_  | | | |
 | | | | | . | | | |
 |__ |  _|___|_____|  {version}
 |___|_|
"""

_OLD_SETUP = """
User:   u@h
Date:   Mon Mar  2 10:00:00 2026

Input parameters:
  kpts: {gamma: True,
         size: [2 1 1]}
  mode: {ecut: 200.0,
         name: pw}
  xc: PBE

Si-setup:
  name: Silicon
  id: HASH
  Z: 14.0
  valence: 4

Reference energy: -15772.688500

Spin-paired calculation

Convergence criteria:
 Maximum number of scf [iter]ations: 333

2 k-points: 2 x 1 x 1 Monkhorst-Pack grid + [1/4,0,0]
Wave functions: Plane wave expansion
  Cutoff energy: 200.000 eV

Occupation numbers: Fermi-Dirac: width=0.1000 eV

Hamiltonian:
  Using the PBE Exchange-Correlation functional

Number of atoms: 2
Number of valence electrons: 8

Memory usage: 120.25 MiB

"""
_OLD_GEOMETRY = """Positions:
   0 Si     0.000000    0.000000    0.000000    ( 0.0000,  0.0000,  0.0000)
   1 Si     1.350000    1.350000    1.400000    ( 0.0000,  0.0000,  0.0000)

Unit cell:
           periodic     x           y           z      points  spacing
  1. axis:    yes    0.000000    2.700000    2.700000    14     0.2227
  2. axis:    yes    2.700000    0.000000    2.700000    14     0.2227
  3. axis:    yes    2.700000    2.700000    0.000000    14     0.2227

iter:   1  10:00:01  -10.720236                   1
iter:   2  10:00:02  -10.771234  -9.10  -4.20     0

Converged after 2 iterations.

Energy contributions relative to reference atoms: (reference = -15772.688500)

Kinetic:        +15.944667
--------------------------
Free energy:    -10.771256
Extrapolated:   -10.771234

Fermi level: 3.60042

Gap: 1.200 eV
Transition (v -> c):
  (s=0, k=0, n=3, [0.00, 0.00, 0.00]) -> (s=0, k=1, n=4, [0.50, 0.00, 0.00])

Forces in eV/Ang:
  0 Si    0.00000    0.00000    0.25000
  1 Si    0.00000    0.00000   -0.25000

Stress tensor:
     0.010000     0.003000     0.002000
     0.003000     0.020000     0.001000
     0.002000     0.001000     0.030000
"""
_OLD_END = """
Timing:                              incl.     excl.
-----------------------------------------------------------
SCF-cycle:                           2.454     0.004   0.6% |
-----------------------------------------------------------
Total:                                         2.669 100.0%

Date: Mon Mar  2 10:00:03 2026
"""
_NEW_HEAD = """
User:   u@h
Date:   Mon Mar  2 10:00:00 2026

Input parameters:
  mode=PW(ecut=200.0),
  kpts=MonkhorstPack(size=array([2, 1, 1]), gamma=True),
  xc=XC(name='PBE')

"""
_NEW_ATOMS = """Atoms  # Å, Bohr magnetons
|   | symbol |        x |         y |        z |    initial magnetic moments |
|---|--------|----------|-----------|----------|-----------------------------|
| 0 |     Si | 0.000000 |  0.000000 | 0.000000 | ( 0.0000,  0.0000,  0.0000) |
| 1 |     Si | 1.350000 |  1.350000 | 1.400000 | ( 0.0000,  0.0000,  0.0000) |


Unit cell  # Å
| periodic |        x |        y |        z |  lengths |    angles |
|----------|----------|----------|----------|----------|-----------|
|      yes | 0.000000 | 2.700000 | 2.700000 | 3.818377 | 60.000000 |
|      yes | 2.700000 | 0.000000 | 2.700000 | 3.818377 | 60.000000 |
|      yes | 2.700000 | 2.700000 | 0.000000 | 3.818377 | 60.000000 |

"""
_NEW_SETUP = """
BZ-sampling:
  Monkhorst-Pack size: [2, 1, 1]
  Monkhorst-Pack shift: [0.25, 0, 0]

Cutoff: 200.0 eV

Spin-components: 1 (collinear spins)

Density:
  Valence electrons: 8.0
  Charge: 0.0  # |e|

species:
  Si:
    name:    Silicon
    id:      HASH
    Z:       14.0

Reference energy: -15772.688500  # eV

occupation numbers:
  Fermi-Dirac:
    width: 0.1000  # eV

xc functional:
  name: PBE with 2 nearest neighbor stencil
"""
_NEW_RESULTS = """
maximum number of iterations: 333

SCF iterations
|iter     |     time |      energy | eigst |  dens |
|---------|----------|-------------|-------|-------|
|iter:   1| 10:00:01 |  -10.720236 | -0.08 |       |
|iter:   2| 10:00:02 |  -10.771234c| -8.32c| -4.12c|

Converged in 2 steps
SCF loop duration: 0.430 s (0.054 s/step)
Energy contributions relative to reference atoms: (reference = -15772.688500)

Energy contributions:
  Kinetic:          15.944154
  ----------------------------
  Free energy:     -10.771256
  Extrapolated:    -10.771234

Fermi level: 3.600

Gap: 1.200 eV
Transition (v -> c):
  (s=0, k=0, n=3, [0.00, 0.00, 0.00]) -> (s=0, k=1, n=4, [0.50, 0.00, 0.00])

Forces  # eV/Ang
|        x |        y |        z |
|----------|----------|----------|
|  0.00000 |  0.00000 |  0.25000 |  # Si   0
|  0.00000 |  0.00000 | -0.25000 |  # Si   1

Stress tensor  # eV/Ang^3
|         x |         y |         z |
|-----------|-----------|-----------|
|  0.010000 |  0.003000 |  0.002000 |
|  0.003000 |  0.020000 |  0.001000 |
|  0.002000 |  0.001000 |  0.030000 |

"""
_NEW_END = """

timing:  # [seconds]
  Total:  2.669  # ====
  Init:   0.157  # ==
"""


def old_log(version: str = "20.10.0", *, geometries: int = 1, ended: bool = True) -> str:
    """As GPAW printed up to version 24."""
    head = OLD_BANNER.format(version=version) + _OLD_SETUP.replace("HASH", HASH)
    return head + "\n".join([_OLD_GEOMETRY] * geometries) + (_OLD_END if ended else "")


def oldest_log() -> str:
    """As GPAW 0.9 printed: other capitals, and no gap."""
    text = old_log("0.9.0.8965")
    for now, then in (
        ("Extrapolated:   ", "Zero Kelvin:    "),
        ("Free energy:", "Free Energy:"),
        ("Fermi level:", "Fermi Level:"),
        ("Converged after 2 iterations", "Converged After 2 Iterations"),
        ("Unit cell:", "Unit Cell:"),
        ("periodic     x           y           z ", "Periodic     X           Y           Z "),
        ("Exchange-Correlation functional", "Exchange-Correlation Functional."),
        ("Number of valence electrons", "Number of Valence Electrons"),
    ):  # fmt: skip
        assert now in text
        text = text.replace(now, then)
    return text[: text.index("Gap:")] + text[text.index("Forces in") :]


def new_log(version: str = "25.7.0", *, ended: bool = True) -> str:
    """As GPAW 26 prints."""
    head = NEW_BANNER.format(version=version) + _NEW_HEAD + _NEW_ATOMS + _NEW_SETUP.replace("HASH", HASH)
    return head + _NEW_RESULTS + (_NEW_END if ended else "")


def write_own(folder: Path) -> None:
    """``si.gpw`` and ``si.txt`` of one run."""
    write_gpw(folder / "si.gpw")
    (folder / "si.txt").write_text(new_log(), "utf-8")
