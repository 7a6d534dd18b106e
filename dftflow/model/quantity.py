"""A derived number with its unit, its uncertainty and its origin, or the reason why there is none."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from dftflow.model.alignment import Range
from dftflow.model.point import OWN, Point

__all__ = [
    "ALIGNMENT_TYPE",
    "BY_LINE_UP_WAY",
    "CONDUCTION_OFFSET",
    "METAL_WAY",
    "POLAR_PLANE",
    "TOTAL_ENERGY",
    "VALENCE_OFFSET",
    "Missing",
    "MissingKind",
    "Quantity",
]

VALENCE_OFFSET, CONDUCTION_OFFSET = "valence band offset", "conduction band offset"
ALIGNMENT_TYPE = "type of the alignment"
TOTAL_ENERGY = "total energy per atom"
BY_LINE_UP_WAY = "bulk line-up through the slab"
"""The method of levels that are relative to the vacuum of a slab."""

METAL_WAY = "E_vac - E_F of a metal, without line-up"
"""The method of the work function of a metal, which no crystal is needed for."""

POLAR_PLANE = " is a polar plane"
"""How the remark on such a plane ends; material and plane stand before it."""

MissingKind = Literal["not run", "running", "uncertain", "failed", "refused", "metallic", "not read", "not derived"]
"""``not read``: the files do not carry it; ``not derived``: they do, and the number does not follow from it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """Why a quantity has no value: said by whoever found out."""

    kind: MissingKind
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """One number of a study.

    Attributes
    ----------
    name
        ``"band gap"``, ``"ionisation potential"``.
    subject
        What it belongs to: ``"CsPbBr3"``, ``"CsPbBr3 (011) Pnma, CsBr3 (half)"``, ``"CsPbBr3 | FAPbBr3"``.
    method
        How it was obtained, where there is more than one way; else ``""``.
    unit
        ``"eV"``; ``""`` for a pure number or a word.
    value
        A finite number, or a word such as ``"type II"``; None exactly when there is `missing`.
    uncertainty, uncertainty_holds
        How far the value may lie from where it is given, (lowest, highest) in its unit, and what that holds. None and
        ``""`` when it is not known.
    origin
        Names of the steps that it comes from; a DOI; or the source of a crystal whose cell was not calculated.
    remarks
        What has to stand beside it.
    point
        Of a sweep that it was calculated at; none where it is of the study as it is written.
    """

    name: str
    subject: str
    unit: str
    value: float | str | None
    method: str = ""
    uncertainty: Range | None = None
    uncertainty_holds: str = ""
    origin: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    missing: Missing | None = None
    point: Point = OWN

    def __post_init__(self) -> None:
        if (self.value is None) == (self.missing is None):
            raise ValueError(f"{self.name} of {self.subject} needs either a value or a reason why there is none")
        if isinstance(self.value, float | int) and not math.isfinite(self.value):
            raise ValueError(f"{self.name} of {self.subject} is {self.value}: give the reason why there is none")
        if (self.uncertainty is None) != (self.uncertainty_holds == ""):
            raise ValueError(f"the uncertainty of {self.name} of {self.subject} does not say what it holds")

    @classmethod
    def of(
        cls, name: str, subject: str, unit: str, value: float | str | None, why: Missing | None, **more: Any
    ) -> Quantity:
        """The quantity with `value`; without one (None, NaN, infinite), with the reason `why`, which is then needed."""
        if value is None:
            return cls(name=name, subject=subject, unit=unit, value=None, missing=why, **_without_range(more))
        if isinstance(value, float | int) and not math.isfinite(value):
            nothing = Missing(kind="not derived", reason=f"the calculation gave {value}")
            return cls(name=name, subject=subject, unit=unit, value=None, missing=nothing, **_without_range(more))
        return cls(name=name, subject=subject, unit=unit, value=value, **more)

    def as_dict(self) -> dict[str, Any]:
        """Plain data, as ``results.json`` holds it: with ``point`` where it is of a point of a sweep."""
        plain = asdict(self)
        for name in ("origin", "remarks"):
            plain[name] = list(plain[name])
        plain["uncertainty"] = None if self.uncertainty is None else [float(end) for end in self.uncertainty]
        del plain["point"]
        return plain | ({"point": self.point.as_dict()} if self.point else {})


def _without_range(more: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in more.items() if key not in ("uncertainty", "uncertainty_holds")}
