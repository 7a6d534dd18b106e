"""Lines of a powder diffraction pattern, as calculated of a crystal or measured."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from dftflow.model.miller import miller_text
from dftflow.model.results import FloatArray

__all__ = ["MeasuredPattern", "MeasuredPeak", "PowderLine", "PowderLines", "spacing_ang", "two_theta_deg"]


def two_theta_deg(d_ang: float, wavelength_ang: float) -> float | None:
    """Angle 2θ of planes by Bragg's law, λ = 2 d sin θ; None where the wavelength is too long for them."""
    sine = wavelength_ang / (2 * d_ang)
    return math.degrees(2 * math.asin(sine)) if sine <= 1 else None


def spacing_ang(angle_deg: float, wavelength_ang: float) -> float:
    """Distance of planes of a line at 2θ, the inverse of `two_theta_deg`."""
    return wavelength_ang / (2 * math.sin(math.radians(angle_deg / 2)))


@dataclass(frozen=True, slots=True, kw_only=True)
class PowderLine:
    """One line: planes that diffract to the same angle.

    Attributes
    ----------
    two_theta_deg, d_ang
        Its angle 2θ, and the distance of its planes.
    intensity
        Relative to the strongest line in the range that was asked for, which has 100.
    planes
        One of each family of planes, in the axes of the crystal's own cell; (hkil) of hexagonal axes.
    open_ang
        By how much the distance may be off by what the relaxation of the cell leaves open; None where not known.
    """

    two_theta_deg: float
    d_ang: float
    intensity: float
    planes: tuple[tuple[int, ...], ...]
    open_ang: float | None = None

    @property
    def name(self) -> str:
        """Its planes: ``(121)``, ``(333) (511)``."""
        return " ".join(miller_text(plane) for plane in self.planes)


@dataclass(frozen=True, slots=True, kw_only=True)
class PowderLines:
    """The lines of one crystal.

    Attributes
    ----------
    crystal
        Its name.
    setting
        Of the axes that planes are named in: ``Pnma``, or ``given`` where the cell is of no tabulated setting.
    cell
        Where the cell comes from: ``"as calculated: CsPbBr3/bulk-relax"``, ``"as given: CsPbBr3_Pnma"``.
    wavelength_ang
        Of the radiation.
    lines
        By rising angle.
    per_mass
        Intensity of a line of intensity 100 for a unit of mass of the crystal, in a unit that all crystals share.
    """

    crystal: str
    setting: str
    cell: str
    wavelength_ang: float
    lines: tuple[PowderLine, ...]
    per_mass: float

    def between(self, low_deg: float, high_deg: float) -> tuple[PowderLine, ...]:
        """Its lines in a range of angles, both ends included."""
        return tuple(line for line in self.lines if low_deg <= line.two_theta_deg <= high_deg)

    def strongest(self, low_deg: float, high_deg: float) -> PowderLine | None:
        """The most intense line in a range; None where there is none."""
        return max(self.between(low_deg, high_deg), key=lambda line: line.intensity, default=None)


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class MeasuredPattern:
    """A pattern that was measured.

    Attributes
    ----------
    name
        Of the file.
    two_theta_deg, intensity
        Angles, rising, and counts in any unit; both of shape (n,).
    """

    name: str
    two_theta_deg: FloatArray
    intensity: FloatArray

    def lies_in(self, range_deg: tuple[float, float]) -> bool:
        """Whether any of its angles does."""
        low, high = range_deg
        return bool(((self.two_theta_deg >= low) & (self.two_theta_deg <= high)).any())

    def beside(self, range_deg: tuple[float, float]) -> str:
        """Of one that has no angle in a range, which it has: a clause for messages."""
        first, last = self.two_theta_deg[0], self.two_theta_deg[-1]
        return f"has angles 2θ from {first:g} to {last:g} degrees, and none from {range_deg[0]:g} to {range_deg[1]:g}"

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        columns = {"two_theta_deg": self.two_theta_deg.tolist(), "intensity": self.intensity.tolist()}
        return {"name": self.name, **columns}


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredPeak:
    """A peak of a measured pattern: its angle, and its height above the background relative to the highest (100)."""

    two_theta_deg: float
    height: float
