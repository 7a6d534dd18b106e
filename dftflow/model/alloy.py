"""A mixture over its composition: gap and lattice at each fraction, and how far the gap bows."""

from __future__ import annotations

from dataclasses import dataclass

from dftflow.model.quantity import Missing

__all__ = ["Alloy", "AlloyAt", "Bowing"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AlloyAt:
    """The mixture at one fraction, over its orderings, seeds and orientations.

    Attributes
    ----------
    fraction
        Of the sites that are taken, from 0 to 1.
    gaps_ev, lengths_ang
        Of each picture: the gap, and the edge of a cube of the volume of a formula unit.
    weights
        For how many crystals each stands.
    """

    fraction: float
    gaps_ev: tuple[float, ...]
    lengths_ang: tuple[float, ...]
    weights: tuple[int, ...]

    @property
    def gap_ev(self) -> float:
        """The mean."""
        return _mean(self.gaps_ev, self.weights)

    @property
    def gap_spread_ev(self) -> float | None:
        """The standard deviation; None of one picture."""
        return _spread(self.gaps_ev, self.weights)

    @property
    def length_ang(self) -> float:
        """The mean."""
        return _mean(self.lengths_ang, self.weights)

    @property
    def length_spread_ang(self) -> float | None:
        """The standard deviation; None of one picture."""
        return _spread(self.lengths_ang, self.weights)


def _mean(values: tuple[float, ...], weights: tuple[int, ...]) -> float:
    return sum(w * value for w, value in zip(weights, values, strict=True)) / sum(weights)


def _spread(values: tuple[float, ...], weights: tuple[int, ...]) -> float | None:
    if len(values) < 2:
        return None
    mean = _mean(values, weights)
    square = sum(w * (value - mean) ** 2 for w, value in zip(weights, values, strict=True)) / sum(weights)
    return float(square**0.5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bowing:
    """A number E over the fraction x as (1 - x) E(0) + x E(1) - b x (1 - x).

    Attributes
    ----------
    first, last
        E(0) and E(1), as they are calculated.
    bowing
        b, by least squares over the fractions between.
    from_spread
        What the spread over orderings lets b vary by, one standard deviation, that of the ends with it; None where no
        fraction has several.
    from_scatter
        What the scatter about the curve lets b vary by, one standard error; None with one fraction between the ends.
    residual
        Root mean square of the means less the curve, at the fractions between.
    """

    first: float
    last: float
    bowing: float
    from_spread: float | None
    from_scatter: float | None
    residual: float

    def line(self, fraction: float) -> float:
        """Between the ends, as Vegard's."""
        return (1 - fraction) * self.first + fraction * self.last

    def curve(self, fraction: float) -> float:
        """With the bowing."""
        return self.line(fraction) - self.bowing * fraction * (1 - fraction)


@dataclass(frozen=True, slots=True, kw_only=True)
class Alloy:
    """A mixture of a study whose fraction is swept, or why nothing follows from it.

    Attributes
    ----------
    name
        Of the material.
    points
        By fraction, those that have a gap.
    gap, length
        The fits; None exactly when there is `missing`.
    origin
        Steps of all gaps.
    """

    name: str
    points: tuple[AlloyAt, ...]
    gap: Bowing | None = None
    length: Bowing | None = None
    missing: Missing | None = None
    origin: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
