"""Keywords of a file by canonical name, as the checks ask for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dftflow.codes.castep.input.deck_file import DeckFile, DeckKeyword
from dftflow.codes.castep.input.keyword_table import UNITS, canonical_name, split_quantity
from dftflow.codes.castep.input.param_file import FALSE
from dftflow.codes.castep.lint.finding import Finding, Severity

__all__ = ["SPINORS", "DeckValues"]

POLARIZED = ("scalar", "colinear", "collinear", "polarised", "polarized")
SPINORS = ("vector", "noncolinear", "noncollinear")


@dataclass(frozen=True, slots=True)
class DeckValues:
    """Values of a file by canonical name, in lower case without blanks; a keyword that is switched off is not there."""

    deck: DeckFile
    given: Mapping[str, DeckKeyword]

    @classmethod
    def of(cls, deck: DeckFile) -> DeckValues:
        """The values of `deck`."""
        return cls(deck, {canonical_name(name): keyword for name, keyword in deck.values.items()})

    def option(self, name: str) -> str:
        """The value, ``""`` when there is none."""
        keyword = self.given.get(name)
        return "" if keyword is None else "".join(keyword.value.lower().split())

    def is_on(self, name: str) -> bool:
        """Whether it is given and not false."""
        return name in self.given and self.option(name) not in FALSE

    def number(self, name: str) -> float | None:
        """The number in front, None when there is none."""
        return split_quantity(self.given[name].value)[0] if name in self.given else None

    def energy_ev(self, name: str) -> float | None:
        """An energy; None when there is none, or in a unit that dftflow does not convert."""
        number, unit = split_quantity(self.given[name].value) if name in self.given else (None, "")
        factor = UNITS["energy"].get(unit or "ev")
        return None if number is None or factor is None else number * factor

    @property
    def continues(self) -> bool:
        """Whether what is not given comes from another run."""
        return any(name in self.given and self.option(name) != "null" for name in ("continuation", "reuse"))

    @property
    def spinors(self) -> bool:
        """Whether a band holds one electron."""
        return self.option("spin_treatment") in SPINORS or self.is_on("spin_orbit_coupling")

    @property
    def polarized(self) -> bool | None:
        """Whether the spins have bands of their own; None when it is left to the default.

        The default of spin_polarized is true when the keyword spin is above zero (CASTEP 18.1 ``--help``).
        """
        if self.option("spin_treatment") in POLARIZED or self.option("nspins") == "2":
            return True
        if "spin_polarized" in self.given:
            return self.is_on("spin_polarized")
        return True if (self.number("spin") or 0.0) > 0 else None

    def finding(self, name: str, severity: Severity, message: str, fix: str = "") -> Finding:
        """A finding in the line of the keyword `name`, the first where it is not there."""
        line = self.given[name].line if name in self.given else 1
        return Finding(file=self.deck.file, line=line, severity=severity, message=message, fix=fix)
