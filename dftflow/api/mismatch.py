"""How far two crystals are from fitting onto each other.

>>> import dftflow                                                                      # doctest: +SKIP
>>> dftflow.lattice_mismatch("FAPbBr3_Pm-3m_FA100", "CsPbBr3_Pnma").best                # doctest: +SKIP
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dftflow.analysis.mismatch import published_text, vector_text
from dftflow.api.structures import StructureLike, as_structure
from dftflow.crystals.crystal import Crystal
from dftflow.crystals.ions import formula_of
from dftflow.crystals.sources import load_crystal
from dftflow.derive.mismatch import MatchedCrystal, mismatch
from dftflow.errors import InputError
from dftflow.model.miller import read_miller
from dftflow.model.mismatch import Mismatch, MismatchRequest, NamedPlane, PlaneMatch, PlanePair, least_strained
from dftflow.model.records import Records

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["LatticeMismatch", "PlaneLike", "lattice_mismatch"]

PlaneLike = str | Sequence[int] | tuple[str | Sequence[int], str]
"""Indices, ``"010"`` or ``(0, 1, 0)``; with the setting that they belong to, ``("010", "Pnma")``."""

_COLUMNS = (
    "first_plane", "second_plane", "first_area_ang2", "second_area_ang2", "first_cells", "second_cells",
    "low_percent", "high_percent", "mean_percent", "von_mises_percent",
)  # fmt: skip


class LatticeMismatch:
    """What was found of two crystals.

    Attributes
    ----------
    found
        Lengths that were compared, and planes with the cells that they share.
    """

    def __init__(self, found: Mismatch) -> None:
        self.found = found

    def __repr__(self) -> str:
        return f"<LatticeMismatch {self.found.request.subject}: {len(self.found.pairs)} pairs of planes>"

    @property
    def best(self) -> PlanePair | None:
        """The pair of planes that is strained least; None where none share a cell."""
        return least_strained(self.found.pairs)

    def records(self) -> Records:
        """A row for each pair of planes with the cell of least strain that they share."""
        rows = [
            (
                *(str(pair.first), str(pair.second), *pair.least.area_ang2, *pair.least.cells),
                *(*pair.least.principal_percent, pair.least.mean_percent, pair.least.von_mises_percent),
            )
            for pair in self.found.pairs
            if pair.least is not None
        ]
        return Records(columns=_COLUMNS, rows=tuple(rows))

    def to_frame(self) -> pd.DataFrame:
        """`records` as a pandas table; raises `CodeNotFoundError` without pandas."""
        return self.records().frame()

    def to_dict(self) -> dict[str, Any]:
        """As plain data: the document of ``dftflow mismatch --json``."""
        request = self.found.request
        return {
            "first": {"name": request.first, "cell": self.found.cells[0]},
            "second": {"name": request.second, "cell": self.found.cells[1]},
            "strained": request.first,
            "lengths": [
                {
                    "first": pair.first,
                    "second": pair.second,
                    "first_ang": pair.first_ang,
                    "second_ang": pair.second_ang,
                    "percent_of_second": pair.percent,
                    "percent_of_first": pair.of_first_percent,
                    "strain_of_first_percent": pair.strain_percent,
                }
                for pair in self.found.lengths
            ],
            "published": published_text(self.found),
            "planes": [
                {
                    "first": str(pair.first),
                    "second": str(pair.second),
                    "smallest": _plain(pair.smallest),
                    "least": _plain(pair.least),
                    "missing": None if pair.missing is None else pair.missing.reason,
                }
                for pair in self.found.pairs
            ],
            "missing": None if self.found.missing is None else self.found.missing.reason,
        }


def _plain(match: PlaneMatch | None) -> dict[str, Any] | None:
    if match is None:
        return None
    return {
        "cells": list(match.cells),
        "area_ang2": list(match.area_ang2),
        "angles_deg": list(match.angles_deg),
        "principal_strains_percent": list(match.principal_percent),
        "mean_strain_percent": match.mean_percent,
        "von_mises_strain_percent": match.von_mises_percent,
        "vectors": [
            {
                "first": vector_text(vectors.first),
                "second": vector_text(vectors.second),
                "first_ang": vectors.first_ang,
                "second_ang": vectors.second_ang,
                "strain_of_first_percent": vectors.strain_percent,
            }
            for vectors in match.vectors
        ],
    }


def lattice_mismatch(
    first: StructureLike,
    second: StructureLike,
    *,
    planes: Sequence[tuple[PlaneLike, PlaneLike]] = (),
    max_index: int = 1,
    max_area_ang2: float = 150.0,
    most_strain_percent: float = 10.0,
    published_percent: float | None = None,
) -> LatticeMismatch:
    """Lengths of two crystals beside each other, and the cells that planes of both share, with the strain of `first`.

    Parameters
    ----------
    first, second
        As `dftflow.api.structures.as_structure` takes them; the first is strained onto the second.
    planes
        Pairs of planes; all of indices up to `max_index` unless given.
    max_area_ang2, most_strain_percent
        Largest shared cell, and largest principal strain, that are looked for.
    published_percent
        Put beside the nearest of the lengths that are compared.

    Raises
    ------
    InputError
        A number out of its range.
    SurfaceError
        A plane is none of its crystal, or ambiguous.
    StructureError
        There is no such crystal.
    """
    (one, name), (other, other_name) = _crystal(first), _crystal(second)
    request = MismatchRequest(
        first=name,
        second=other_name if other_name != name else f"{other_name} (2)",
        planes=tuple((_plane(a), _plane(b)) for a, b in _pairs(planes)),
        max_index=max_index,
        max_area_ang2=max_area_ang2,
        most_strain_percent=most_strain_percent,
        published_percent=published_percent,
    )
    return LatticeMismatch(mismatch(request, one, other))


def _crystal(given: StructureLike) -> tuple[MatchedCrystal, str]:
    crystal = load_crystal(given) if isinstance(given, str | os.PathLike) else given
    held = as_structure(crystal)
    if isinstance(crystal, Crystal):
        return MatchedCrystal(structure=held, cell=f"as given: {crystal.source}"), crystal.name
    return MatchedCrystal(structure=held, cell="as given: a structure"), formula_of(held)


def _pairs(planes: Sequence[tuple[PlaneLike, PlaneLike]]) -> Sequence[tuple[PlaneLike, PlaneLike]]:
    if isinstance(planes, str) or any(isinstance(pair, str) or len(pair) != 2 for pair in planes):
        raise InputError("planes are pairs, one of each crystal", fix='give planes=[("100", "010")]')
    return planes


def _plane(given: PlaneLike) -> NamedPlane:
    if not isinstance(given, str) and len(given) == 2 and isinstance(given[1], str):
        indices: Any = given[0]
        return NamedPlane(miller=read_miller(indices), setting=given[1])
    miller: Any = given
    return NamedPlane(miller=read_miller(miller))
