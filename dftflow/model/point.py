"""A point of a sweep: which settings of a study are others there, and what they are."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["OWN", "PICTURES", "SWEPT", "Point", "value_text"]

SWEPT: Mapping[str, str] = {
    "cutoff_ev": "cutoff",
    "kpoint_spacing_per_ang": "kspacing",
    "slab_thickness_ang": "thickness",
    "vacuum_ang": "vacuum",
    "smearing_ev": "smearing",
    "xc": "xc",
    "orientation": "orientation",
    "fraction": "fraction",
    "ordering": "ordering",
    "seed": "seed",
}
"""Settings that a study may sweep, in the order in which they stand, and what each is called in the name of a point."""

PICTURES: Mapping[str, str] = {"ordering": "orderings", "seed": "seeds", "orientation": "orientations"}
"""Settings whose values are pictures of one crystal, and what several of them are called."""

_NO_NAME = re.compile(r"[^A-Za-z0-9._+-]+")


@dataclass(frozen=True, slots=True)
class Point:
    """Settings with their values; without any, the study as it is written.

    Attributes
    ----------
    settings
        Pairs of a key of `SWEPT` and its value, in that order.
    """

    settings: tuple[tuple[str, float | str], ...] = ()

    def __post_init__(self) -> None:
        keys = [key for key, _ in self.settings]
        if keys != [key for key in SWEPT if key in keys]:
            raise ValueError(f"{', '.join(keys) or 'nothing'} is no point of a sweep over {', '.join(SWEPT)}")

    @classmethod
    def of(cls, settings: Mapping[str, float | str]) -> Point:
        """The point with these settings, in whatever order; raises `ValueError` for one that is not swept."""
        return cls(tuple(sorted(settings.items(), key=lambda item: [*SWEPT, item[0]].index(item[0]))))

    def __bool__(self) -> bool:
        return bool(self.settings)

    def get(self, key: str) -> float | str | None:
        """The value of a setting; None where this point leaves it as it is."""
        return dict(self.settings).get(key)

    def without(self, key: str) -> Point:
        """The same but for one setting, which is as the study has it."""
        return Point(tuple(pair for pair in self.settings if pair[0] != key))

    @property
    def name(self) -> str:
        """``"cutoff-300-vacuum-20"``, part of the names of its steps; ``""`` for the study as it is written."""
        return "-".join(f"{SWEPT[key]}-{_in_name(value)}" for key, value in self.settings)

    def __str__(self) -> str:
        return ", ".join(f"{key} = {value_text(value)}" for key, value in self.settings)

    def as_dict(self) -> dict[str, float | str]:
        """Plain data."""
        return dict(self.settings)


OWN = Point()
"""The study as it is written."""


def value_text(value: float | str) -> str:
    """A value as a person writes it: ``300``, ``PBE``."""
    return str(value) if isinstance(value, str | int) else f"{value:.12g}"


def _in_name(value: float | str) -> str:
    return _NO_NAME.sub("_", value_text(value)).strip("._")
