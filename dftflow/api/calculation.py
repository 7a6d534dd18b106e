"""Calculations that lie somewhere, of whichever code: read one, or find all in folders.

    >>> from dftflow.api.calculation import find, read    # doctest: +SKIP
    >>> read("results/Si").edges.band_gap_ev              # doctest: +SKIP
    >>> find("results").to_frame()                        # doctest: +SKIP

What is refused of a calculation, by its reader or by a check, is not among its results, and `Calculation.refused` has
the reason.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from dftflow.codes import base
from dftflow.codes.finding import passed_over
from dftflow.errors import InputError
from dftflow.gate.found import FoundCalculation, calculation_at, read_calculation, unread_in
from dftflow.input_file import named_place
from dftflow.model.absolute import CalculationLevels
from dftflow.model.levels import BandEdges
from dftflow.model.records import Records
from dftflow.model.results import Bands, Results, Status
from dftflow.report.calculation_json import calculation_document
from dftflow.report.calculation_page import calculation_page
from dftflow.report.calculation_summary import CalculationSummary, summary_of, summary_records
from dftflow.report.calculation_table import calculation_table, short_names
from dftflow.report.methods import Methods, methods_of

if TYPE_CHECKING:
    import pandas as pd
    from pymatgen.core import Structure

__all__ = ["Calculation", "Calculations", "Place", "as_calculation", "find", "read"]

Place = str | os.PathLike[str]
REPR_WIDTH = 120


@dataclass(frozen=True, eq=False, slots=True, repr=False, kw_only=True)
class Calculation:
    """One calculation.

    One of many, from `find`, keeps no eigenvalues and no grids: it reads its files again each time that `structure`,
    `bands`, `edges`, `levels` or `results` is asked for. One from `read` keeps all.

    Attributes
    ----------
    name
        Among those that were found with it: the shortest end of its path that no other one has.
    summary
        What a line of the table has: energy and its kind, gap, work functions.
    page
        What a person reads of it, as ``dftflow parse --long`` prints it.
    files
        Each of its files: what it holds, or why it was refused.
    """

    name: str
    summary: CalculationSummary
    page: str
    files: tuple[base.FileReading, ...]
    _document: Mapping[str, Any]
    _unread: base.Calculation
    _kept: FoundCalculation | None = None

    @property
    def place(self) -> Path:
        """Folder and seed."""
        return self.summary.place

    @property
    def code(self) -> str:
        """Name of the code that it is of."""
        return self.summary.code

    @property
    def status(self) -> Status | None:
        """How it ended; None when it has left no output that can be read."""
        return self.summary.status

    @property
    def refused(self) -> tuple[str, ...]:
        """A line for each refused file and each refused part of the results, with the reason."""
        return self.summary.refused

    @property
    def found(self) -> FoundCalculation:
        """Its files as read, and judged; read again unless they are kept."""
        return read_calculation(self._unread) if self._kept is None else self._kept

    @property
    def results(self) -> Results:
        """What may be used of it.

        Raises
        ------
        ParseError
            When it has left no output that can be read.
        """
        return self.found.results

    @property
    def structure(self) -> Structure | None:
        """Last geometry; None where the files do not hold it. Raises `ParseError` as `results` does."""
        return self.results.structure

    @property
    def bands(self) -> Bands | None:
        """Eigenvalues; None without. Raises `ParseError` as `results` does."""
        return self.results.bands

    @property
    def levels(self) -> CalculationLevels:
        """Band edges and, of a slab, its levels below the vacuum, or why there are none.

        Raises
        ------
        ParseError
            As `results` does.
        """
        return self.found.levels()

    @property
    def edges(self) -> BandEdges | None:
        """Band edges; where there are none, `levels` has the reason. Raises `ParseError` as `results` does."""
        return self.levels.edges

    def to_dict(self) -> dict[str, Any]:
        """As plain data: the entry of ``dftflow parse --json``, with the unit in each name."""
        return dict(self._document)

    def to_frame(self) -> pd.DataFrame:
        """Its line as a pandas table; raises `CodeNotFoundError` without pandas."""
        return summary_records([self.name], [self.summary]).frame()

    def __repr__(self) -> str:
        one = self.summary
        parts = [
            f"{one.code} {one.code_version}".rstrip(),
            one.formula,
            one.ended,
            "" if one.energy_ev is None else f"{one.energy_ev:.5f} eV",
            "" if one.band_gap_ev is None else f"gap {one.band_gap_ev:.3f} eV",
            f"{len(one.refused)} refused" if one.refused else "",
        ]
        return f"<Calculation {self.name}: {', '.join(filter(None, parts))}>"

    def _repr_html_(self) -> str:
        from dftflow.report.notebook import html_of  # with matplotlib

        return str(html_of(self.found))


class Calculations(Sequence[Calculation]):
    """Calculations that were found, in the order of their folders."""

    def __init__(self, calculations: Sequence[Calculation]) -> None:
        self._all = tuple(calculations)

    def __len__(self) -> int:
        return len(self._all)

    @overload
    def __getitem__(self, place: int) -> Calculation: ...

    @overload
    def __getitem__(self, place: slice) -> Calculations: ...

    def __getitem__(self, place: int | slice) -> Calculation | Calculations:
        return Calculations(self._all[place]) if isinstance(place, slice) else self._all[place]

    def where(self, *, statuses: Collection[str] = (), holding: Collection[str] = ()) -> Calculations:
        """Those that ended in one of `statuses` and hold all of `holding`; an empty one asks for nothing.

        Parameters
        ----------
        statuses
            Of `dftflow.model.results.Status`.
        holding
            Of ``"bands"``, ``"gap"``, ``"potential"``, ``"work-function"``: what may be used, and was not refused.
        """
        return Calculations(
            [one for one in self if (not statuses or one.status in statuses) and set(holding) <= one.summary.holds]
        )

    def table(self, width: int = REPR_WIDTH) -> str:
        """A line for each, at most `width` columns wide, and every refusal with its reason."""
        names, summaries = [one.name for one in self], [one.summary for one in self]
        return "\n".join(calculation_table(names, summaries, width))

    def to_dict(self) -> dict[str, Any]:
        """As plain data: the document of ``dftflow parse --json``."""
        return {"calculations": [one.to_dict() for one in self]}

    @property
    def refused(self) -> tuple[str, ...]:
        """A line for each refused file and part of the results, with the reason."""
        return tuple(dict.fromkeys(f"{one.place}: {text}" for one in self for text in one.refused))

    @property
    def _records(self) -> Records:
        return summary_records([one.name for one in self], [one.summary for one in self])

    def to_csv(self) -> str:
        """A line for each as comma-separated text, with a line of names."""
        return self._records.csv()

    def to_frame(self) -> pd.DataFrame:
        """A line for each as a pandas table; raises `CodeNotFoundError` without pandas."""
        return self._records.frame()

    def cite(self, *, uses: Sequence[str] = ()) -> Methods:
        """A methods paragraph and the publications that it names, by what the files tell; see `Methods`.

        Parameters
        ----------
        uses
            What else dftflow did: ``"line-up"``, ``"symmetry"``.
        """
        named = [
            (one.name if number == 0 else f"the bands of {one.name}", method)
            for one in self
            if one.status is not None
            for number, method in enumerate(one.summary.methods or (None,))
        ]
        return methods_of(named, uses=uses)

    def __repr__(self) -> str:
        codes = ", ".join(dict.fromkeys(one.code for one in self))
        return f"<Calculations: {len(self)}{f' of {codes}' if codes else ''}>"

    def _repr_html_(self) -> str:
        from dftflow.report.cell_html import block, records_html  # with matplotlib

        table = records_html(self._records, without=("folder", "seed"))
        return str(block(f"{len(self)} calculations", table))


def read(place: Place, code: str | None = None) -> Calculation:
    """The one calculation at `place`, with all that its files hold.

    Parameters
    ----------
    place
        A folder that holds a single calculation, or one of its files.
    code
        Name of a code, where the files of several lie there.

    Raises
    ------
    InputError
        There is none, or more than one.
    ParseError
        A folder cannot be read. A file that cannot be is among `Calculation.refused`.
    """
    found = calculation_at(named_place(place), code)
    return _calculation(found, keep=True)


def find(*places: Place, code: str | None = None) -> Calculations:
    """All calculations in `places` and below, each once.

    Parameters
    ----------
    *places
        Folders; a file stands for the calculation that it belongs to.
    code
        Name of a code: those of that one alone.

    Raises
    ------
    InputError
        A place is not there, or there is no calculation in any of them.
    ParseError
        A folder cannot be read. A file that cannot be is among `Calculation.refused`.
    """
    folders = [named_place(place) for place in places]
    unread = unread_in(folders, code)
    if not unread:
        strange = [f"{file} is {kind}, not a file" for folder in folders for file, kind in passed_over(folder)]
        raise InputError(
            "no calculation was found",
            reason="\n       ".join(strange),
            where=", ".join(map(str, folders)),
            fix="give the folder that holds the output files" + (", or leave --code out" if code else ""),
        )
    names = short_names([one.folder / one.seed for one in unread])
    return Calculations(
        [_calculation(read_calculation(one), name=name) for name, one in zip(names, unread, strict=True)]
    )


def as_calculation(source: Place | Calculation) -> Calculation:
    """`source`, read where it is a place; raises as `read` does."""
    return source if isinstance(source, Calculation) else read(source)


def _calculation(found: FoundCalculation, *, name: str = "", keep: bool = False) -> Calculation:
    summary = summary_of(found)
    return Calculation(
        name=name or short_names([summary.place])[0],
        summary=summary,
        page="\n".join(calculation_page(found)),
        files=found.reading.files,
        _document=calculation_document(found),
        _unread=found.calculation,
        _kept=found if keep else None,
    )
