"""How random the ordered cell of a mixture is; means and spreads over orderings, draws and orientations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from math import prod, sqrt

from dftflow.derive.findings import Findings
from dftflow.derive.swept import OWN_SCALE
from dftflow.model.mixture import Mixture
from dftflow.model.point import PICTURES, Point
from dftflow.model.quantity import TOTAL_ENERGY, Missing, Quantity
from dftflow.model.reaction import ARROW

__all__ = ["averages", "mixture_quantities"]

_HOLDS = "the lowest and the highest of them"

Mixtures = Mapping[Point, Mapping[str, Mixture]]
"""Point of a sweep -> name of a material -> what it is there."""


def mixture_quantities(findings: Findings) -> Iterator[Quantity]:
    """Of each mixture how far its pairs are off the random ones, and for how many arrangements its ordering stands."""
    for material in findings.materials:
        mixture = material.mixture
        if mixture.correlation_error is None:
            continue
        origin = (material.bulk.source,)
        yield Quantity(
            name="pair correlation error",
            subject=material.name,
            unit="",
            value=mixture.correlation_error,
            method="mean over the three nearest shells, 0 random, 1 segregated",
            origin=origin,
        )
        yield Quantity(
            name="degeneracy of the ordering",
            subject=material.name,
            unit="",
            value=float(mixture.degeneracy),
            method=f"of {mixture.arrangements} arrangements",
            origin=origin,
        )


def averages(quantities: Iterable[Quantity], mixtures: Mixtures) -> Iterator[Quantity]:
    """Mean and spread of every energy over the orderings, seeds or orientations of a sweep.

    Each counts as often as there are arrangements or orientations of it; no energy decides, as at a temperature that
    makes all alike. One without a value, or by another method, leaves the mean without one.
    """
    groups: dict[tuple[str, Point, str, str, str], list[Quantity]] = {}
    for one in quantities:
        for setting in PICTURES:
            if _has_a_mean(one) and one.point.get(setting) is not None:
                place = (setting, one.point.without(setting), one.name, one.subject, one.method)
                groups.setdefault(place, []).append(one)
    every: dict[tuple[str, Point, str, str], set[Point]] = {}
    for (setting, others, name, subject, _), group in groups.items():
        every.setdefault((setting, others, name, subject), set()).update(one.point for one in group)
    for (setting, others, name, subject, _), group in groups.items():
        there = len(every[setting, others, name, subject])
        if len(group) > 1:
            yield from _mean_and_spread(setting, others, group, mixtures, there)


def _has_a_mean(one: Quantity) -> bool:
    """Energies; levels on the scale of a run have its zero, and not that of another."""
    return one.unit == "eV" and (one.name == TOTAL_ENERGY or OWN_SCALE not in one.method)


def _mean_and_spread(
    setting: str, others: Point, group: Sequence[Quantity], mixtures: Mixtures, there: int
) -> tuple[Quantity, Quantity]:
    """Of those by one method; where `there` are more, the others being another thing, they have no mean."""
    first = group[0]
    weights = [_weight(setting, one, mixtures) for one in group]
    values = [one.value for one in group if isinstance(one.value, float | int)]
    absent = next((one for one in group if not isinstance(one.value, float | int)), None)
    why = None if absent is None else _missing(absent, len(group) - len(values), len(group))
    if absent is None and len(group) < there:
        reason = (
            f"{len(group)} of {there} {PICTURES[setting]} have it as {first.method or 'this'}, the others otherwise"
        )
        why = Missing(kind="not derived", reason=reason)
    mean, spread = _moments(values, weights) if why is None else (None, None)
    several = f"over {len(group)} {PICTURES[setting]}"
    told = {
        "method": ", ".join(filter(None, (several, first.method))),
        "origin": tuple(dict.fromkeys(step for one in group for step in one.origin)),
        "remarks": tuple(_remarks(setting, group, weights, mixtures)),
        "point": others,
    }
    ends = None if mean is None else (min(values) - mean, max(values) - mean)
    reach = {} if ends is None else {"uncertainty": ends, "uncertainty_holds": _HOLDS}
    return (
        Quantity.of(f"mean {first.name}", first.subject, "eV", mean, why, **told, **reach),
        Quantity.of(f"spread of the {first.name}", first.subject, "eV", spread, why, **told),
    )


def _moments(values: Sequence[float], weights: Sequence[int]) -> tuple[float, float]:
    """Mean and standard deviation."""
    total = sum(weights)
    mean = sum(weight * value for weight, value in zip(weights, values, strict=True)) / total
    square = sum(weight * (value - mean) ** 2 for weight, value in zip(weights, values, strict=True)) / total
    return mean, sqrt(square)


def _missing(absent: Quantity, number: int, of: int) -> Missing:
    """The reason of the first that has no value."""
    why = absent.missing or Missing(kind="not derived", reason="it is a word")
    return replace(why, reason=f"{number} of {of} have no value, the first at {absent.point}: {why.reason}")


def _named(one: Quantity, mixtures: Mixtures) -> list[Mixture]:
    """What the materials of its subject are at its point."""
    there = mixtures.get(one.point, {})
    names = (
        one.subject.split(" ")
        if ARROW in one.subject
        else [part.split(" ")[0].split("/")[0] for part in one.subject.split(" | ")]
    )
    return [there[name] for name in names if name in there]


def _weight(setting: str, one: Quantity, mixtures: Mixtures) -> int:
    return prod(mixture.weight(setting) for mixture in _named(one, mixtures))


def _remarks(setting: str, group: Sequence[Quantity], weights: Sequence[int], mixtures: Mixtures) -> Iterator[str]:
    if setting != "ordering":
        return
    there = prod(mixture.arrangements for mixture in _named(group[0], mixtures))
    if sum(weights) != there:
        yield f"these orderings stand for {sum(weights)} of {there} arrangements"
