"""Materials that a table of a study file names: a list, or all; and lists that have nothing twice."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Sequence
from typing import Annotated

from pydantic import BeforeValidator

from dftflow.model.printable import shown
from dftflow.toml_file.entries import EntryError, Word

__all__ = ["ALL", "Names", "named_materials", "refuse_twice", "wrong_materials", "wrong_name"]

ALL = "all"


def _as_names(value: object) -> object:
    if isinstance(value, str) and value != ALL:
        raise ValueError(f"materials is a list of names, or {ALL!r}")
    return (value,) if isinstance(value, str) else value


Names = Annotated[tuple[Word, ...], BeforeValidator(_as_names)]
"""``["A", "B"]``, or ``"all"``."""


def named_materials(names: tuple[str, ...], of_study: tuple[str, ...]) -> tuple[str, ...]:
    """The materials that are meant."""
    return of_study if names == (ALL,) else names


def wrong_materials(names: tuple[str, ...], of_study: tuple[str, ...], *, least: int = 1) -> tuple[str, str] | None:
    """``"materials"`` and what is wrong with it; None where each is one of the study, once, and there are `least`."""
    named = named_materials(names, of_study)
    wrong = wrong_name(named, of_study)
    if not wrong and len(named) < least:
        wrong = "names none" if least == 1 else f"needs two materials; it names {', '.join(named) or 'none'}"
    return ("materials", wrong) if wrong else None


def wrong_name(names: Collection[str], of_study: Collection[str]) -> str:
    """What is wrong with names of materials; ``""`` where each is one of the study and stands once."""
    unknown = next((name for name in names if name not in of_study), None)
    if unknown is not None:
        return f"names {shown(unknown)}; the study has {', '.join(of_study)}"
    return f"names a material twice: {', '.join(names)}" if len(set(names)) != len(names) else ""


def refuse_twice(values: Sequence[Hashable], *place: str | int) -> None:
    """Refuse a value that a list has twice, each of which becomes a quantity of its own; `place` leads to the list."""
    twice = next((value for number, value in enumerate(values) if value in values[:number]), None)
    if twice is not None:
        text = f"{twice:g}" if isinstance(twice, float) else str(twice)
        raise EntryError(f"{place[-1]} has {text} twice", *place)
