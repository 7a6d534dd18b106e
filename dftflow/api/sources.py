"""What figures are drawn from: calculations, each under a name of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Literal

from dftflow.analysis.band_edges import why_no_clear_gap
from dftflow.analysis.calculation_levels import smearing_ev
from dftflow.api.calculation import Calculation
from dftflow.errors import AnalysisError, InputError, ParseError
from dftflow.gate.found import FoundCalculation, calculations_in
from dftflow.input_file import named_place
from dftflow.model.absolute import CalculationLevels
from dftflow.model.results import Results

__all__ = [
    "LeftOut",
    "NamedCalculation",
    "Projected",
    "Source",
    "by_name",
    "named_calculations",
    "no_projections",
    "shortest_names",
    "with_clear_gap",
]

Source = str | PathLike[str] | Calculation | FoundCalculation
"""A folder of results, one of its files, or a calculation that was read."""

LeftOut = tuple[str, str]
"""The name of what is not drawn, and the reason."""

Projected = Literal["none", "element", "orbital"]
"""What states are told apart by."""


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class NamedCalculation:
    """A calculation and what it is called on a figure."""

    name: str
    found: FoundCalculation

    def levels(self) -> CalculationLevels:
        """Its levels, without band edges that are no sign of a gap."""
        return with_clear_gap(self.found.levels(), self.found.results)


def with_clear_gap(levels: CalculationLevels, results: Results) -> CalculationLevels:
    """`levels` without band edges that are no sign of a gap (`why_no_clear_gap`), with the reason."""
    touching = "" if levels.edges is None else why_no_clear_gap(levels.edges, smearing_ev(results))
    return replace(levels, edges=None, why_no_edges=touching) if touching else levels


def named_calculations(sources: Sequence[Source]) -> tuple[tuple[NamedCalculation, ...], list[LeftOut]]:
    """Every calculation that `sources` hold and that has left results, in their order; and each other one.

    Raises
    ------
    InputError
        There is none, or no such folder.
    ParseError
        All that there is was refused.
    """
    found: list[FoundCalculation] = []
    for source in sources:
        if isinstance(source, Calculation | FoundCalculation):
            found.append(source if isinstance(source, FoundCalculation) else source.found)
        else:
            found += calculations_in([named_place(source)])
    with_results = [one for one in found if one.judged is not None]
    if found and not with_results:
        _ = found[0].results  # raises with the reason
    left_out = [(str(one.place), _why_no_results(one)) for one in found if one.judged is None]
    if not found:
        places = ", ".join(str(source) for source in sources)
        raise InputError("there is no calculation here", where=places, fix="give a folder that holds output files")
    names = shortest_names([one.place for one in with_results])
    named = tuple(NamedCalculation(name=name, found=one) for name, one in zip(names, with_results, strict=True))
    return named, left_out


def _why_no_results(one: FoundCalculation) -> str:
    try:
        _ = one.results
    except ParseError as error:
        return error.sentence
    return ""


def shortest_names(places: Sequence[Path]) -> list[str]:
    """The seed of each where that tells it from the others, else its folder, else as much of its path as it takes."""
    seeds = [place.name for place in places]
    if len(set(seeds)) == len(seeds):
        return seeds
    most = max(len(place.parts) for place in places)
    for count in range(1, most):
        names = ["/".join(place.parent.parts[-count:]) for place in places]
        if len(set(names)) == len(names):
            return names
    return [str(place) for place in places]


def by_name(given: Mapping[str, str], names: Sequence[str], what: str) -> dict[str, str]:
    """`given` by names alone, where a key may be the number of what is drawn, counted from 1.

    Raises
    ------
    InputError
        When nothing that is drawn has that name or number.
    """
    numbers = {str(number): name for number, name in enumerate(names, start=1)}
    known: dict[str, str] = {}
    for key, value in given.items():
        name = key if key in names else numbers.get(key)
        if name is None:
            raise InputError(f"{what} {key}: nothing that is drawn is called so", fix=f"use one of {', '.join(names)}")
        known[name] = value
    return known


def no_projections(one: NamedCalculation, what: str, *, reason: str = "", fix: str = "") -> AnalysisError:
    """The error that `what` (``"the bands"``) of a calculation cannot be parted, which was asked for."""
    judged = one.found.judged
    refused = "" if judged is None else judged.why_without("projections")
    return AnalysisError(
        f"{what} of {one.name} cannot be projected",
        reason=reason or refused or "its files hold no weights of the states on atoms",
        fix=fix or f"draw {what} alone (--project none), or let the code write the projections",
    )
