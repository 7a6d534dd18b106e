"""Reads a ``.param`` file: what was asked of CASTEP, keyword by keyword, in dftflow's units on demand.

Own code: castepinput (0.1.11) reads the text but knows neither types nor units, and ASE (3.29) wants a list of keywords
from a CASTEP program. Format: CASTEP 18.1 ``--help``; see `dftflow.codes.castep.input.deck_file` for lines and
blocks, and `dftflow.codes.castep.input.keyword_table` for what a keyword's value is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dftflow.codes.castep.input.deck_file import DeckBlock, DeckKeyword, scan_deck
from dftflow.codes.castep.input.keyword_table import UNITS, canonical_name, split_quantity
from dftflow.errors import ParseError
from dftflow.model.fortran_number import fortran_integer, fortran_number

__all__ = ["ParamFile", "read_param"]

TRUE = ("true", "t", ".true.")
FALSE = ("false", "f", ".false.")


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class ParamFile:
    """A ``.param`` file. The typed readers give None for a keyword that is not there.

    Attributes
    ----------
    settings
        Keyword -> its text and line. Spellings that mean the same stand under one name: ``spin_polarised`` under
        ``spin_polarized``, ``elec_method`` under ``metals_method``.
    blocks
        Name -> block (``devel_code``).
    """

    file: Path
    settings: Mapping[str, DeckKeyword]
    blocks: Mapping[str, DeckBlock]

    def text(self, name: str) -> str | None:
        """The value as written."""
        keyword = self.settings.get(canonical_name(name))
        return None if keyword is None else keyword.value

    def option(self, name: str) -> str | None:
        """The value in lower case without blanks: ``Single Point`` is ``singlepoint``."""
        text = self.text(name)
        return None if text is None else "".join(text.lower().split())

    def boolean(self, name: str) -> bool | None:
        """True or false; a keyword without value is true. Raises `ParseError` for anything else."""
        option = self.option(name)
        if option is None or option in (*TRUE, *FALSE, ""):
            return None if option is None else option not in FALSE
        raise self._wrong(name, "neither true nor false")

    def integer(self, name: str) -> int | None:
        """A whole number; raises `ParseError` for anything else."""
        text = self.text(name)
        value = None if text is None else fortran_integer(text)
        if text is not None and value is None:
            raise self._wrong(name, "no whole number")
        return value

    def number(self, name: str) -> float | None:
        """A number without unit; raises `ParseError` for anything else."""
        text = self.text(name)
        value = None if text is None else fortran_number(text)
        if text is not None and value is None:
            raise self._wrong(name, "no number")
        return value

    def quantity(self, name: str, dimension: str) -> float | None:
        """A number with its unit, in the default unit of `dimension`, which is the unit of a bare number.

        Parameters
        ----------
        dimension
            As in the table of keywords: ``energy`` (eV), ``length`` (Å), ``force`` (eV/Å), ``pressure`` (GPa),
            ``inverse_length`` (1/Å), ``time`` (ps), ``temperature`` (K).

        Raises
        ------
        ParseError
            The value is no number, or its unit is not one of that dimension.
        """
        text = self.text(name)
        if text is None:
            return None
        value, unit = split_quantity(text)
        factor = UNITS[dimension].get(unit) if unit else 1.0
        if value is None or factor is None:
            raise self._wrong(name, f"no {dimension.replace('_', ' ')}")
        return value * factor

    def _wrong(self, name: str, what: str) -> ParseError:
        keyword = self.settings[canonical_name(name)]
        return ParseError(f"{name} is {keyword.value!r}, which is {what}", where=f"{self.file}:{keyword.line}")


def read_param(file: Path) -> ParamFile:
    """Keywords and blocks of `file`.

    Raises
    ------
    ParseError
        The file is no text, a block has no end, or a keyword is given twice with different values.
    """
    deck = scan_deck(file)
    for problem in deck.problems:
        raise ParseError(problem.summary, reason=problem.reason, fix=problem.fix, where=deck.where(problem.line))
    settings: dict[str, DeckKeyword] = {}
    for keyword in deck.keywords:
        earlier = settings.setdefault(canonical_name(keyword.name), keyword)
        if earlier.value.lower() != keyword.value.lower():
            raise ParseError(
                f"{keyword.name} is {earlier.value!r} in line {earlier.line} and {keyword.value!r} here",
                fix="leave one",
                where=deck.where(keyword.line),
            )
    return ParamFile(file=file, settings=settings, blocks=dict(deck.block_of))
