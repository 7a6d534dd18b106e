"""What a sweep tells of the uncertainty of a metal's work function."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from dftflow.model.quantity import METAL_WAY, Quantity

__all__ = ["with_swept_ranges"]

ALIKE = ("name", "subject", "method")
NUMERICAL = ("cutoff_ev", "kpoint_spacing_per_ang", "slab_thickness_ang", "vacuum_ang", "smearing_ev")


def with_swept_ranges(own: Sequence[Quantity], swept: Sequence[Quantity]) -> tuple[Quantity, ...]:
    """All quantities, each work function of a metal with the range that it has over the points of the study's sweeps.

    Its electrons are quantised across a slab, so that it goes up and down with the thickness; a sweep shows by how
    much. Only settings that a converged number does not depend on count: no functional.

    Parameters
    ----------
    own
        Of the study as it is written.
    swept
        Of the points of its sweeps, as far as they differ.
    """
    return (*(_with_range(quantity, swept) for quantity in own), *swept)


def _with_range(quantity: Quantity, swept: Sequence[Quantity]) -> Quantity:
    value = quantity.value
    if quantity.method != METAL_WAY or not isinstance(value, float):
        return quantity
    there = [other for other in swept if _is_same(quantity, other) and isinstance(other.value, float)]
    if not there:
        return quantity
    assert quantity.uncertainty is not None, "the plateau of a metal slab has a spread"
    shifts = [other.value - value for other in there if isinstance(other.value, float)]
    low, high = quantity.uncertainty
    keys = dict.fromkeys(key for other in there for key, _ in other.point.settings)
    holds = f"range over the sweep of {', '.join(keys)} ({len(there)} other values), and the spread of the vacuum level"
    ends = (min(0.0, *shifts) + low, max(0.0, *shifts) + high)
    return replace(quantity, uncertainty=ends, uncertainty_holds=holds)


def _is_same(quantity: Quantity, other: Quantity) -> bool:
    """Whether it is the same number with other numerical settings."""
    alike = all(getattr(quantity, name) == getattr(other, name) for name in ALIKE)
    return alike and all(key in NUMERICAL for key, _ in other.point.settings)
