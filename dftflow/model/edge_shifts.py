"""Band edges at special points of a crystal before and after corrections, as one calculation gives them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from dftflow.model.correction import Correction
from dftflow.model.results import FloatArray, readonly

__all__ = ["EdgeShifts", "GapOfItsOwn"]


@dataclass(frozen=True, slots=True, kw_only=True)
class GapOfItsOwn:
    """The gap by a functional with a derivative discontinuity (GLLB-SC, 10.1103/PhysRevB.82.115106).

    Attributes
    ----------
    kohn_sham_ev
        Of its eigenvalues, the smallest on the grid.
    discontinuity_ev
        What is to be added to it.
    """

    kohn_sham_ev: float
    discontinuity_ev: float

    @property
    def band_gap_ev(self) -> float:
        """The fundamental gap."""
        return self.kohn_sham_ev + self.discontinuity_ev


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class EdgeShifts:
    """Highest occupied and lowest empty level at special points, without and with each correction.

    Attributes
    ----------
    labels
        Names of the points; ``()`` where there is no gap that anything could be added to.
    kpoints_frac
        shape (n_points, 3).
    before_ev
        shape (n_points, 2): highest occupied, lowest empty level, by the functional of the density.
    after_ev
        Correction -> the same, with it alone; all on one zero.
    gaps
        Correction -> the gap of a functional whose levels are on a zero of their own.
    grid
        Numbers of the grid that exact exchange was summed over.
    spin_orbit_factors
        ``"Pb p"`` -> by which factor the engine's own operator of the spin-orbit coupling was multiplied.
    """

    labels: tuple[str, ...]
    kpoints_frac: FloatArray
    before_ev: FloatArray
    grid: tuple[int, int, int] = (1, 1, 1)
    after_ev: Mapping[Correction, FloatArray] = field(default_factory=dict)
    gaps: Mapping[Correction, GapOfItsOwn] = field(default_factory=dict)
    spin_orbit_factors: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        count = len(self.labels)
        object.__setattr__(self, "kpoints_frac", readonly(self.kpoints_frac, (count, 3), "kpoints_frac"))
        object.__setattr__(self, "before_ev", readonly(self.before_ev, (count, 2), "before_ev"))
        after = {name: readonly(values, (count, 2), f"after_ev of {name}") for name, values in self.after_ev.items()}
        object.__setattr__(self, "after_ev", after)
