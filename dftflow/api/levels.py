"""Levels below the vacuum, of slabs and crystals that lie somewhere: planned by dftflow or not.

>>> from dftflow.api.levels import edges, levels                       # doctest: +SKIP
>>> edges("results/CsPbBr3-bulk").band_gap_ev                          # doctest: +SKIP
>>> levels("results/slab-011", bulk="results/CsPbBr3-bulk").to_frame() # doctest: +SKIP
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from numbers import Real
from typing import TYPE_CHECKING, Any

from dftflow.analysis.alignment import check_edges
from dftflow.api.calculation import Calculation, Place, as_calculation
from dftflow.api.slab_levels import slab_levels
from dftflow.crystals.ions import formula_of
from dftflow.errors import AnalysisError, BandEdgeError, InputError
from dftflow.model.alignment import AbsoluteEdges
from dftflow.model.levels import BandEdges
from dftflow.model.slab_levels import FaceLevels, SlabLevels
from dftflow.report.calculation_table import short_names
from dftflow.report.levels_table import levels_records, levels_table, slab_document

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Levels", "Source", "edges", "levels"]

Source = Place | Calculation
REPR_WIDTH = 120
ONE_FACE_EV = 5e-3
"""Two faces of one name whose levels differ by less are one surface."""


class Levels:
    """The levels of slabs, each below the vacuum levels of its two faces.

    Attributes
    ----------
    slabs
        In the order in which they were given.
    bulk
        The crystal that was lined up; None where none was given.
    material
        Its formula; that of the first slab without a crystal.
    """

    def __init__(self, slabs: Sequence[SlabLevels], *, bulk: Calculation | None, material: str) -> None:
        self.slabs = tuple(slabs)
        self.bulk = bulk
        self.material = material

    def table(self, width: int = REPR_WIDTH) -> str:
        """A line for each face and what has to be known of it, at most `width` columns wide."""
        return "\n".join(levels_table(self.slabs, width))

    def to_dict(self) -> dict[str, Any]:
        """As plain data: the document of ``dftflow levels --json``."""
        gap = None if self.bulk is None else self.bulk.summary.band_gap_ev
        return {
            "material": self.material,
            "bulk": None if self.bulk is None else {"place": str(self.bulk.place), "band_gap_ev": gap},
            "slabs": [slab_document(slab) for slab in self.slabs],
        }

    def to_csv(self) -> str:
        """A line for each face as comma-separated text."""
        return levels_records(self.slabs).csv()

    def to_frame(self) -> pd.DataFrame:
        """A line for each face as a pandas table; raises `CodeNotFoundError` without pandas."""
        return levels_records(self.slabs).frame()

    def columns(self) -> tuple[AbsoluteEdges, ...]:
        """The crystal's edges below the vacuum level of every face, for an alignment; two equal faces give one.

        Raises
        ------
        AnalysisError
            No slab was lined up, with the reason of each.
        """
        return tuple(column for _, column in self.columns_of_slabs())

    def columns_of_slabs(self) -> tuple[tuple[SlabLevels, AbsoluteEdges], ...]:
        """The same, each with the slab that it is of."""
        columns = [
            (slab, _column(self.material, slab, face))
            for slab in self.slabs
            for face in _distinct(slab)
            if face.line_up is not None
        ]
        if not columns:
            reasons = (f"{slab.name}: {slab.why_no_line_up}" for slab in self.slabs)
            raise AnalysisError("no slab gives absolute band edges by a line-up", reason="; ".join(reasons))
        for _, column in columns:
            check_edges(column)
        return tuple(columns)

    def __repr__(self) -> str:
        parts = [f"{slab.name} {slab.surface or ''}".rstrip() for slab in self.slabs]
        return f"<Levels of {self.material}: {'; '.join(parts)}>"

    def _repr_html_(self) -> str:
        from dftflow.figures.alignment import alignment_drawing  # with matplotlib
        from dftflow.report.cell_html import block, figure_html, notes_html, records_html

        notes = [
            f"{slab.name}: {text}"
            for slab in self.slabs
            for text in (slab.why_no_faces, slab.why_no_line_up, slab.why_no_surface, *slab.remarks)
            if text
        ]
        table = records_html(levels_records(self.slabs), without=("place",))
        figure = figure_html(lambda: alignment_drawing(self.columns(), ()))
        title = f"Levels of {self.material}"
        return str(block(title, table, figure, notes_html(notes)))


def _distinct(slab: SlabLevels) -> tuple[FaceLevels, ...]:
    """Its faces, the upper one alone where both are the same."""
    low, high = (slab.faces or (None, None))[:2]
    if low is None or high is None:
        return slab.faces
    apart_ev = abs(low.own.vacuum.level - high.own.vacuum.level)
    return (high,) if low.name == high.name and apart_ev < ONE_FACE_EV else (low, high)


def _column(material: str, slab: SlabLevels, face: FaceLevels) -> AbsoluteEdges:
    assert face.line_up is not None, "asked of faces that were lined up"
    spread_ev = face.line_up.spread.total_ev
    surface = slab.name if slab.surface is None else f"{slab.surface.plane}, {face.name}"
    return AbsoluteEdges(
        material=material,
        surface=surface if len(_distinct(slab)) == 1 else f"{surface}, {face.own.vacuum.side} side",
        vbm_ev=-face.line_up.ionisation_potential_ev,
        cbm_ev=-face.line_up.electron_affinity_ev,
        range_ev=(-spread_ev, spread_ev),
    )


def levels(slabs: Source | Sequence[Source], *, bulk: Source | None = None, period_ang: float | None = None) -> Levels:
    """Work function, ionisation potential and electron affinity of both faces of slabs.

    By three ways, side by side: the band edges of the crystal, lined up through the middle of the slab
    (10.1103/PhysRevLett.61.734); the slab's own band edges; its Fermi level. Which plane and which termination a slab
    is follows from the calculated crystal and slab, and with it the width of the averaging window.

    Parameters
    ----------
    slabs
        One or several: a folder with one calculation, one of its files, or what `dftflow.api.calculation.read` gave.
    bulk
        The crystal, with potential and eigenvalues of one run; without it the slabs' own levels alone are derived.
    period_ang
        Width of the averaging window, for slabs whose surface cannot be told.

    Raises
    ------
    InputError
        There is no calculation at a place, or several; a slab has no vacuum; the crystal has one; the window is not a
        length.
    ParseError
        A calculation has left no output that can be read.
    """
    if period_ang is not None and not (isinstance(period_ang, Real) and 0 < period_ang < float("inf")):
        raise InputError(f"the averaging window of {period_ang!r} Å is no length", fix="give a number of Å, above 0")
    given = [slabs] if isinstance(slabs, str | os.PathLike | Calculation) else list(slabs)
    crystal = None if bulk is None else as_calculation(bulk)
    calculations = [as_calculation(one) for one in given]
    names = short_names([one.place for one in calculations])
    of_crystal, of_slabs = None if crystal is None else crystal.found, [one.found for one in calculations]
    derived = [
        slab_levels(found, of_crystal, name=name, period_ang=period_ang)
        for found, name in zip(of_slabs, names, strict=True)
    ]
    structure = (of_crystal or of_slabs[0]).results.structure
    material = (crystal or calculations[0]).name if structure is None else formula_of(structure)
    return Levels(derived, bulk=crystal, material=material)


def edges(place: Source) -> BandEdges:
    """Band edges of one calculation.

    Parameters
    ----------
    place
        As in `levels`.

    Raises
    ------
    BandEdgeError
        It has none, with the reason.
    InputError, ParseError
        As in `levels`.
    """
    calculation = as_calculation(place)
    found = calculation.levels
    if found.edges is None:
        raise BandEdgeError("there are no band edges", reason=found.why_no_edges, where=str(calculation.place))
    return found.edges
