"""Between which numbers a quantity has a meaning, with the reason: what the study file and the command line ask."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Final

__all__ = [
    "MOST_ATOMS",
    "MOST_GRID_POINTS",
    "MOST_PATH_POINTS",
    "MOST_SLAB_ATOMS",
    "Bound",
    "grid_is_too_dense",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """The least and the most that a number may be, both included, and why."""

    least: float
    most: float
    why: str
    unit: str = ""

    def holds(self, value: float) -> bool:
        """Whether `value` lies within; what is no number or not finite does not."""
        return self.least <= value <= self.most

    def __str__(self) -> str:
        unit = f" {self.unit}" if self.unit else ""
        return f"from {self.least:.12g} to {self.most:.12g}{unit}: {self.why}"


# --- energies ---------------------------------------------------------------------------------------------------

CUTOFF_EV: Final = Bound(least=1, most=10_000, unit="eV", why="plane waves have cutoffs of up to some hundred Ry")
SMEARING_EV: Final = Bound(least=1e-6, most=5, unit="eV", why="more would smear bands over each other")
SCF_TOL_EV: Final = Bound(least=1e-14, most=0.1, unit="eV per atom", why="less is lost in rounding")
ENERGY_TOL_EV: Final = Bound(least=1e-12, most=1, unit="eV per atom", why="less is lost in rounding")
OFFSET_EV: Final = Bound(least=-100, most=100, unit="eV", why="offsets are differences of valence levels")
WINDOW_EV: Final = Bound(least=-100, most=100, unit="eV", why="it is seen from the zero of the figure")
ENERGY_ERROR_EV: Final = Bound(least=0, most=10, unit="eV per atom", why="it is an error of an energy")
ABOVE_HULL_EV: Final = Bound(least=0, most=10, unit="eV per atom", why="it is a height above stable phases")
HUBBARD_U_EV: Final = Bound(least=-20, most=20, unit="eV", why="it is a screened repulsion within one shell")
MOMENT_MUB: Final = Bound(least=-10, most=10, unit="Bohr magnetons", why="no atom has more unpaired electrons")
PUBLISHED: Final = Bound(least=-1e9, most=1e9, why="it is a number in the unit of a quantity")
REACH: Final = Bound(least=0, most=1e9, why="it is how far a number may be off, either way")
PHOTON_NM: Final = Bound(
    least=1, most=1e5, unit="nm", why="light of lamps and lasers, from soft X-rays to far infrared"
)
GAP_REACH_EV: Final = Bound(least=0, most=30, unit="eV", why="it is how far a gap may be off, either way")
GAP_EV: Final = Bound(least=1e-3, most=30, unit="eV", why="no crystal has a larger gap")
TOLERANCE_EV: Final = Bound(least=1e-6, most=10, unit="eV", why="an offset of that size counts as none")

# --- lengths, forces, stresses ----------------------------------------------------------------------------------

FORCE_TOL: Final = Bound(least=1e-6, most=10, unit="eV/Å", why="engines resolve no less")
STRESS_TOL_GPA: Final = Bound(least=1e-6, most=100, unit="GPa", why="engines resolve no less")
DISPLACEMENT_TOL_ANG: Final = Bound(least=1e-8, most=1, unit="Å", why="engines resolve no less")
PSEUDOCUBIC_ANG: Final = Bound(least=1, most=100, unit="Å", why="it is the edge of a cell of some atoms")
THICKNESS_ANG: Final = Bound(least=0.1, most=500, unit="Å", why="thicker slabs hold more atoms than can be calculated")
VACUUM_ANG: Final = Bound(least=1, most=500, unit="Å", why="plane waves fill the vacuum too")

# --- diffraction and lattices that are to fit -------------------------------------------------------------------

WAVELENGTH_NM: Final = Bound(least=0.005, most=1, unit="nm", why="X-rays that crystals diffract have such wavelengths")
TWO_THETA_DEG: Final = Bound(least=0, most=180, unit="degrees", why="a beam is deflected by no more")
LEAST_INTENSITY: Final = Bound(least=0, most=100, unit="%", why="the strongest line has 100")
TOLERANCE_DEG: Final = Bound(least=1e-3, most=5, unit="degrees", why="more would take a line for its neighbours")
CRYSTALLITE_NM: Final = Bound(least=0.5, most=1000, unit="nm", why="smaller is no crystal, larger broadens no line")
INSTRUMENT_DEG: Final = Bound(least=0, most=5, unit="degrees", why="it is the width of a sharp line")
WEIGHT: Final = Bound(least=1e-6, most=1e6, why="it is a share of the mass")
SPACING_NM: Final = Bound(least=0.02, most=20, unit="nm", why="lattice planes have such distances")
READING_NM: Final = Bound(least=1e-6, most=1, unit="nm", why="it is the error of a distance that was read")
MISMATCH_INDEX: Final = Bound(least=1, most=3, why="planes of higher indices are no faces that grow")
MATCH_AREA_ANG2: Final = Bound(least=1, most=600, unit="Å²", why="larger cells always fit, and take long to be found")
STRAIN_PERCENT: Final = Bound(least=0.1, most=15, unit="%", why="no crystal stands more")
FRACTION_PERCENT: Final = Bound(least=-50, most=50, unit="%", why="lattices that differ more are not compared")

# --- k-points ---------------------------------------------------------------------------------------------------

PATH_SPACING: Final = Bound(least=1e-4, most=10, unit="1/Å", why="it is a step in a Brillouin zone, 2π included")
GRID_SPACING: Final = Bound(least=1e-3, most=10, unit="1/Å", why="it is a step in a Brillouin zone, 2π included")
MASS_STEP: Final = Bound(least=1e-3, most=0.2, unit="1/Å", why="bands are parabolic near their edges alone")
GRID_NUMBER: Final = Bound(least=1, most=100, why="it is how often a Brillouin zone is divided")
MOST_GRID_POINTS: Final = 100_000
MOST_PATH_POINTS: Final = 5_000

# --- numbers of things ------------------------------------------------------------------------------------------

MILLER_INDEX: Final = Bound(least=-30, most=30, why="planes of higher indices hold hardly any atoms")
REPEATS: Final = Bound(least=1, most=100, why="it is how often a cell is repeated")
MOST_ATOMS: Final = 10_000
"""Of a crystal that dftflow makes; plane-wave calculations end well before."""
MOST_SLAB_ATOMS: Final = 1_000
ENTRIES: Final = Bound(least=1, most=100, why="each entry is a material with steps of its own")
CYCLES: Final = Bound(least=1, most=100_000, why="it is how often an engine tries")
BANDS: Final = Bound(least=1, most=10_000, why="each band costs as much as an occupied one")
ION_CHARGE: Final = Bound(least=-10, most=10, why="it is the charge of one ion")
FRACTION: Final = Bound(least=1e-4, most=1, why="it is how many of the sites of an ion are taken")
SWEPT_FRACTION: Final = Bound(least=0, most=1, why="it is how many of the sites of an ion are taken, of none to all")
ORDERING: Final = Bound(least=1, most=50_000, why="it is a number in the list of the orderings of a cell")
SEED: Final = Bound(least=0, most=2**63 - 1, why="it starts a sequence of random numbers")
LOG_LINES: Final = Bound(least=1, most=100_000, why="more are for an editor")
WORKERS: Final = Bound(least=1, most=4096, why="it is how many processes run at once on this machine")
SECONDS: Final = Bound(least=1e-3, most=1e9, unit="s", why="longer than some years is no limit")
NODES: Final = Bound(least=1, most=100_000, why="no machine has more nodes")
RANKS: Final = Bound(least=1, most=10_000_000, why="no machine has more cores")
MINUTES: Final = Bound(least=1e-6, most=1.5e7, unit="minutes", why="longer than some years is no limit")
HOURS: Final = Bound(least=1e-6, most=2.5e5, unit="hours", why="longer than some years is no limit")
MEMORY_GIB: Final = Bound(least=1e-3, most=1e6, unit="GiB", why="more than a PiB is no limit")
MEMORY_MIB: Final = Bound(least=1, most=1e9, unit="MiB", why="more than a PiB is no limit")


def grid_is_too_dense(grid: tuple[int, int, int]) -> bool:
    """Whether a grid has more points than `MOST_GRID_POINTS`."""
    return prod(grid) > MOST_GRID_POINTS
