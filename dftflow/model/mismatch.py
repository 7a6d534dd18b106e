"""How far two crystals are from fitting onto each other: what is asked, what is compared, what is strained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import hypot, log, sqrt

from dftflow.errors import InputError
from dftflow.model import bounds
from dftflow.model.bounds import Bound
from dftflow.model.printable import shown
from dftflow.model.quantity import Missing
from dftflow.model.surface import Plane

__all__ = [
    "LengthPair",
    "MatchedVectors",
    "Mismatch",
    "MismatchRequest",
    "NamedPlane",
    "PlaneMatch",
    "PlanePair",
    "least_strained",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedPlane:
    """Indices of a plane, and the setting that they belong to; None where all settings mean the same plane."""

    miller: tuple[int, ...]
    setting: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MismatchRequest:
    """Which two crystals are compared, and which of their planes.

    Attributes
    ----------
    first, second
        Names of the crystals; the first is the one that is strained.
    planes
        Pairs of planes; none for all planes of low indices.
    max_index
        The largest index of those planes.
    max_area_ang2
        Of the cell that both planes share.
    most_strain_percent
        Vectors that differ more are not matched.
    published_percent
        A mismatch that was published, which is put beside the nearest of ours.
    """

    first: str
    second: str
    planes: tuple[tuple[NamedPlane, NamedPlane], ...] = ()
    max_index: int = 1
    max_area_ang2: float = 150.0
    most_strain_percent: float = 10.0
    published_percent: float | None = None

    def __post_init__(self) -> None:
        _refuse("the largest index", self.max_index, bounds.MISMATCH_INDEX)
        _refuse("the largest area", self.max_area_ang2, bounds.MATCH_AREA_ANG2)
        _refuse("the largest strain", self.most_strain_percent, bounds.STRAIN_PERCENT)
        if self.published_percent is not None:
            _refuse("a published mismatch", self.published_percent, bounds.FRACTION_PERCENT)

    @property
    def subject(self) -> str:
        """Both names, the strained one first."""
        return f"{self.first} | {self.second}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LengthPair:
    """One length of each crystal: ``a`` and ``c/√2``."""

    first: str
    second: str
    first_ang: float
    second_ang: float

    @property
    def percent(self) -> float:
        """(first - second) / second: the mismatch as it is quoted of a film (first) on a substrate (second)."""
        return 100 * (self.first_ang - self.second_ang) / self.second_ang

    @property
    def of_first_percent(self) -> float:
        """(first - second) / first, the same difference in parts of the other length."""
        return 100 * (self.first_ang - self.second_ang) / self.first_ang

    @property
    def strain_percent(self) -> float:
        """(second - first) / first: of the first when it takes on the length of the second; < 0 is compressed."""
        return -self.of_first_percent

    @property
    def compared(self) -> str:
        """What was compared, with lengths."""
        return f"{self.first} = {self.first_ang:.4f} Å | {self.second} = {self.second_ang:.4f} Å"


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchedVectors:
    """A vector of each plane that come to lie on each other, in the axes of each crystal's cell."""

    first: tuple[float, float, float]
    second: tuple[float, float, float]
    first_ang: float
    second_ang: float

    @property
    def strain_percent(self) -> float:
        """Of the first crystal along it, when it takes on the length of the second."""
        return 100 * (self.second_ang / self.first_ang - 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaneMatch:
    """A cell that a plane of each crystal has, and how the first is strained that takes on that of the second.

    Attributes
    ----------
    cells
        How many primitive cells of each plane it holds.
    area_ang2
        Of each crystal, not strained.
    angles_deg
        Between the two vectors of each crystal.
    stretches
        Principal stretches of the first crystal's plane, the smaller first: lengths after over lengths before.
    """

    cells: tuple[int, int]
    area_ang2: tuple[float, float]
    vectors: tuple[MatchedVectors, MatchedVectors]
    angles_deg: tuple[float, float]
    stretches: tuple[float, float]

    @property
    def principal_percent(self) -> tuple[float, float]:
        """Principal strains of the first crystal's plane; < 0 is compressed."""
        return 100 * (self.stretches[0] - 1), 100 * (self.stretches[1] - 1)

    @property
    def mean_percent(self) -> float:
        """Root mean square of the logarithms of the principal stretches: the same whichever crystal is strained."""
        return 100 * hypot(*(log(stretch) for stretch in self.stretches)) / sqrt(2)

    @property
    def von_mises_percent(self) -> float:
        """Von Mises' strain, sqrt(2/3 e:e) of the deviator e of the principal strains and none along the normal."""
        strains = (*self.principal_percent, 0.0)
        third = sum(strains) / 3
        return sqrt(2 / 3 * sum((strain - third) ** 2 for strain in strains))


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanePair:
    """Two planes with the smallest cell that they share and the one of least strain; why there is none, else."""

    first: Plane
    second: Plane
    smallest: PlaneMatch | None = None
    least: PlaneMatch | None = None
    missing: Missing | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Mismatch:
    """What was found of a request.

    Attributes
    ----------
    cells
        Where the cell of each crystal comes from.
    lengths
        The pairs of lengths that were compared.
    pairs
        The planes asked for; else those of low indices that share a cell, the least strained first.
    missing
        Why there are no planes; None where there are.
    """

    request: MismatchRequest
    cells: tuple[str, str]
    lengths: tuple[LengthPair, ...]
    pairs: tuple[PlanePair, ...]
    missing: Missing | None = None

    @property
    def nearest(self) -> LengthPair | None:
        """The pair of lengths whose mismatch is nearest to the published one, in size."""
        published = self.request.published_percent
        if published is None or not self.lengths:
            return None
        return min(self.lengths, key=lambda pair: abs(abs(pair.percent) - abs(published)))


def least_strained(pairs: Sequence[PlanePair]) -> PlanePair | None:
    """The pair whose cell is strained least."""
    matched = [(pair.least.mean_percent, pair) for pair in pairs if pair.least is not None]
    return min(matched, key=lambda one: one[0])[1] if matched else None


def _refuse(what: str, value: float, bound: Bound) -> None:
    if not isinstance(value, int | float) or isinstance(value, bool) or not bound.holds(value):
        raise InputError(f"{what} cannot be {shown(value)}", fix=f"it can be {bound}")
