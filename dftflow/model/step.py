"""The steps of a study as plain data: what is calculated, of what, and what it needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from dftflow.errors import SpecError
from dftflow.model.names import NAME_RULE, SEED_LENGTH, is_name
from dftflow.model.point import OWN, Point
from dftflow.model.printable import shown

__all__ = ["Need", "Purpose", "Step", "StepId", "Subject"]

Purpose = Literal["geometry", "density", "edges"]
"""What a step takes from an earlier one: its last geometry; its density as a start, which no result depends on; where
its band edges lie."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What a calculation is about; every part is a name, because folders and files are called by them.

    Attributes
    ----------
    kind
        Name of the kind of subject, whose file in `dftflow.studies.kinds` says which steps it has: ``bulk``, ``slab``.
    materials
        Keys of the study's materials that it is made of.
    label
        Tells it from the other subjects of the same materials: ``bulk``, ``slab-011``.
    """

    kind: str
    materials: tuple[str, ...]
    label: str

    def __post_init__(self) -> None:
        if not self.materials:
            raise SpecError(f"the subject {shown(self.label)} is made of no material", fix="name the study's materials")
        _check_names(self.kind, *self.materials, self.label)

    def __str__(self) -> str:
        return f"{'+'.join(self.materials)}/{self.label}"


@dataclass(frozen=True, slots=True, kw_only=True)
class StepId:
    """Which step: a task on a subject, in a variant where there are several. Printed as its name, and never parsed."""

    subject: Subject
    task: str
    variant: str = ""

    def __post_init__(self) -> None:
        _check_names(self.task, *([self.variant] if self.variant else []))
        if not is_name(seed := str(self).replace("/", "-"), longest=SEED_LENGTH):
            raise SpecError(
                f"the step {shown(seed)} has too long a name", fix="use shorter names for what it is made of"
            )

    def __str__(self) -> str:
        return f"{self.subject}-{self.task}{f'-{self.variant}' if self.variant else ''}"

    def at(self, point: Point) -> StepId:
        """The same step at a point of a sweep, which its variant names."""
        return replace(self, variant="-".join(filter(None, (self.variant, point.name)))) if point else self


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """An earlier step, and what for."""

    step: StepId
    purpose: Purpose


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One calculation of a study.

    Attributes
    ----------
    title
        One line for a person.
    needs
        Steps that must have finished before.
    settings
        What its kind needs to build it, as plain data that JSON can hold.
    point
        Of a sweep: the settings of the study that are others for this step.
    """

    id: StepId
    title: str
    needs: tuple[Need, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    point: Point = OWN

    @property
    def name(self) -> str:
        """``"CsPbBr3/slab-011-relax"``."""
        return str(self.id)

    @property
    def seed(self) -> str:
        """Stem of its files: ``"CsPbBr3-slab-011-relax"``."""
        return self.name.replace("/", "-")


def _check_names(*names: str) -> None:
    for name in names:
        if not isinstance(name, str) or not is_name(name):
            raise SpecError(f"{shown(name)} cannot be part of the name of a step", fix=f"use {NAME_RULE}")
