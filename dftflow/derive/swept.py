"""How the quantities of a study change along its sweeps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from dftflow.model.point import SWEPT, Point
from dftflow.model.quantity import BY_LINE_UP_WAY, METAL_WAY, TOTAL_ENERGY, VALENCE_OFFSET, Quantity

__all__ = ["OWN_SCALE", "SweptSeries", "swept_series"]

SAME_EV = 1e-6
"""Less is rounding."""
FINER_WHEN_SMALLER = ("kpoint_spacing_per_ang", "smearing_ev")
WITHOUT_ORDER = ("xc", "orientation", "ordering", "seed")
"""Settings whose values are words, or numbers that name something: none is finer than another."""
OWN_SCALE = "on the scale of the run itself"
FOLLOWED = {
    (TOTAL_ENERGY, OWN_SCALE), ("band gap", ""), ("ionisation potential", BY_LINE_UP_WAY), ("work function", METAL_WAY),
}  # fmt: skip
"""Name and method of what has a meaning beside the same of another run, or is looked at as if it had; and offsets."""
NOT_BESIDE = {("xc", TOTAL_ENERGY), ("fraction", TOTAL_ENERGY)}
"""Setting and name of what has none along that setting: each functional counts its total energy from another zero, and
each composition is of other atoms."""


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
        From the coarsest to the finest; in the order of the sweep where none is finer. All have a value.
    absent
        The same at the other values of the setting, which have none.
    swept
        All values of the setting, in that order; those at which there is no number too.
    """

    setting: str
    others: Point
    quantities: tuple[Quantity, ...]
    absent: tuple[Quantity, ...]
    swept: tuple[float | str, ...]

    @property
    def name(self) -> str:
        """What it is: ``"band gap"``."""
        return self.quantities[0].name

    @property
    def of(self) -> str:
        """What it belongs to, with the other settings of the sweep."""
        return ", ".join(filter(None, (self.quantities[0].subject, str(self.others))))

    @property
    def is_to_scale(self) -> bool:
        """Whether the setting is a number that can be more or less."""
        return self.setting not in WITHOUT_ORDER

    @property
    def settings(self) -> tuple[float | str, ...]:
        """Value of the setting for each quantity."""
        return _settings(self.setting, self.quantities)

    @property
    def absent_settings(self) -> tuple[float | str, ...]:
        """Values of the setting at which there is no number."""
        return _settings(self.setting, self.absent)

    @property
    def changes_mev(self) -> tuple[float, ...]:
        """Of each from the last one."""
        values = [value for quantity in self.quantities if (value := _number(quantity)) is not None]
        return tuple(1000 * (value - values[-1]) for value in values)


def swept_series(quantities: Iterable[Quantity]) -> tuple[SweptSeries, ...]:
    """Every series of two or more values that are not all the same, by setting.

    It is of gaps, ionisation potentials by line-up, work functions of metals, valence-band offsets by line-up and, but
    for functionals, total energies.
    """
    groups: dict[tuple[str, Point, str, str, str], list[Quantity]] = {}
    for quantity in quantities:
        if _is_followed(quantity):
            for key, _ in quantity.point.settings:
                if (key, quantity.name) not in NOT_BESIDE:
                    place = (key, quantity.point.without(key), quantity.name, quantity.subject, quantity.method)
                    groups.setdefault(place, []).append(quantity)
    found = [_series(key, others, group) for (key, others, *_), group in groups.items() if _varies(group)]
    return tuple(sorted(found, key=lambda series: list(SWEPT).index(series.setting)))


def _series(setting: str, others: Point, group: Sequence[Quantity]) -> SweptSeries:
    ordered = _in_order(setting, group)
    return SweptSeries(
        setting=setting,
        others=others,
        quantities=tuple(quantity for quantity in ordered if _number(quantity) is not None),
        absent=tuple(quantity for quantity in ordered if _number(quantity) is None),
        swept=_settings(setting, ordered),
    )


def _settings(setting: str, quantities: Iterable[Quantity]) -> tuple[float | str, ...]:
    found = (quantity.point.get(setting) for quantity in quantities)
    return tuple(value for value in found if value is not None)


def _number(quantity: Quantity) -> float | None:
    return quantity.value if isinstance(quantity.value, float | int) else None


def _varies(group: Sequence[Quantity]) -> bool:
    values = [value for quantity in group if (value := _number(quantity)) is not None]
    return bool(values) and max(values) - min(values) > SAME_EV


def _is_followed(quantity: Quantity) -> bool:
    by_line_up = quantity.name == VALENCE_OFFSET and quantity.method.startswith(BY_LINE_UP_WAY)
    return by_line_up or (quantity.name, quantity.method) in FOLLOWED


def _in_order(key: str, group: Sequence[Quantity]) -> tuple[Quantity, ...]:
    if key in WITHOUT_ORDER:
        return tuple(group)
    ordered = tuple(sorted(group, key=lambda quantity: float(quantity.point.get(key) or 0.0)))
    return ordered[::-1] if key in FINER_WHEN_SMALLER else ordered
