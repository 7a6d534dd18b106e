"""How the quantities of a study change along its sweeps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from dftflow.model.point import SWEPT, Point
from dftflow.model.quantity import BY_LINE_UP_WAY, TOTAL_ENERGY, VALENCE_OFFSET, Quantity

__all__ = ["SweptSeries", "swept_series"]

SAME_EV = 1e-6
"""Less is rounding."""
FINER_WHEN_SMALLER = ("kpoint_spacing_per_ang", "smearing_ev")
OWN_SCALE = "on the scale of the run itself"
FOLLOWED = {
    (TOTAL_ENERGY, OWN_SCALE), ("band gap", ""), ("ionisation potential", BY_LINE_UP_WAY),
}  # fmt: skip
"""Name and method of what has a meaning beside the same of another run, or is looked at as if it had; and offsets."""


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class SweptSeries:
    """One number along one setting, everything else being the same.

    Attributes
    ----------
    setting
        Its key, of `SWEPT`.
    others
        What else is not as the study is written.
    quantities
        From the coarsest to the finest; of words in the order of the sweep. All have a value.
    """

    setting: str
    others: Point
    quantities: tuple[Quantity, ...]

    @property
    def name(self) -> str:
        """What it is: ``"band gap"``."""
        return self.quantities[0].name

    @property
    def of(self) -> str:
        """What it belongs to, with the other settings of the sweep."""
        return ", ".join(filter(None, (self.quantities[0].subject, str(self.others))))

    @property
    def settings(self) -> tuple[float | str, ...]:
        """Value of the setting for each quantity."""
        found = (quantity.point.get(self.setting) for quantity in self.quantities)
        return tuple(value for value in found if value is not None)

    @property
    def changes_mev(self) -> tuple[float, ...]:
        """Of each from the last one."""
        values = [quantity.value for quantity in self.quantities if isinstance(quantity.value, float | int)]
        return tuple(1000 * (value - values[-1]) for value in values)


def swept_series(quantities: Iterable[Quantity]) -> tuple[SweptSeries, ...]:
    """Every series of two or more values that are not all the same, by setting.

    It is of gaps, ionisation potentials by line-up, valence-band offsets by the same and total energies.
    """
    groups: dict[tuple[str, Point, str, str, str], list[Quantity]] = {}
    for quantity in quantities:
        if _is_followed(quantity):
            for key, _ in quantity.point.settings:
                place = (key, quantity.point.without(key), quantity.name, quantity.subject, quantity.method)
                groups.setdefault(place, []).append(quantity)
    found = [
        SweptSeries(setting=key, others=others, quantities=_in_order(key, group))
        for (key, others, *_), group in groups.items()
        if _varies(group)
    ]
    return tuple(sorted(found, key=lambda series: list(SWEPT).index(series.setting)))


def _varies(group: Sequence[Quantity]) -> bool:
    values = [quantity.value for quantity in group if isinstance(quantity.value, float | int)]
    return max(values) - min(values) > SAME_EV


def _is_followed(quantity: Quantity) -> bool:
    if not isinstance(quantity.value, float | int):
        return False
    by_line_up = quantity.name == VALENCE_OFFSET and quantity.method.startswith(BY_LINE_UP_WAY)
    return by_line_up or (quantity.name, quantity.method) in FOLLOWED


def _in_order(key: str, group: Sequence[Quantity]) -> tuple[Quantity, ...]:
    values = [quantity.point.get(key) for quantity in group]
    if not all(isinstance(value, float | int) for value in values):
        return tuple(group)
    order = sorted(range(len(group)), key=lambda place: float(values[place] or 0.0))
    ordered = tuple(group[place] for place in order)
    return ordered[::-1] if key in FINER_WHEN_SMALLER else ordered
