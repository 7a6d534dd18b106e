"""The block SPECIES_POT of a ``.cell`` file: which potential each species gets, and of what kind it is.

A line of one word is a library for every element; ``species potential`` names an on-the-fly string, a library or a
file (CASTEP 18.1 ``--help``; castep-docs, "Pseudopotentials").
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from dftflow.codes.castep.input.cell_file import CellSite
from dftflow.codes.castep.input.deck_file import DeckFile
from dftflow.codes.castep.input.on_the_fly import OnTheFly, read_on_the_fly
from dftflow.codes.castep.input.potentials import POTENTIAL_FILES

__all__ = ["NamedPotential", "SpeciesPotentials", "read_species_potentials"]

_ULTRASOFT_LIBRARY = re.compile(r"(C\d+|QC5)", re.IGNORECASE)
_ULTRASOFT_FILE = re.compile(r"_(00(PBE)?|C\d+|QC5)[_.]|\.uspcc$", re.IGNORECASE)  # those of Materials Studio, OTF
_NORM_CONSERVING = re.compile(r"NCP|SOC\d|_OP\b|\.recpot$", re.IGNORECASE)
_J_DEPENDENT = re.compile(r"SOC\d|\.uspso$|\.upf$", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedPotential:
    """A line of the block; `species` is ``""`` for a library of every element."""

    species: str
    text: str
    line: int

    @property
    def on_the_fly(self) -> OnTheFly | None:
        """What the string says, None for a library and a file."""
        return read_on_the_fly(self.text)

    @property
    def is_file(self) -> bool:
        """Whether it is the name of a file."""
        return self.text.lower().endswith(POTENTIAL_FILES) and "|" not in self.text

    @property
    def ultrasoft(self) -> bool | None:
        """Whether it is ultrasoft; None where its name does not tell (``.usp`` and ``.upf`` hold either kind).

        Examples
        --------
        >>> [NamedPotential(species="O", text=text, line=1).ultrasoft for text in ("C19", "NCP19", "O.usp")]
        [True, False, None]
        """
        string = self.on_the_fly
        if string is not None:
            return string.ultrasoft
        if _NORM_CONSERVING.search(self.text):
            return False
        known = _ULTRASOFT_FILE.search(self.text) if self.is_file else _ULTRASOFT_LIBRARY.fullmatch(self.text)
        return True if known else None

    @property
    def j_dependent(self) -> bool | None:
        """Whether it carries spin-orbit coupling; None where its name does not tell."""
        if _J_DEPENDENT.search(self.text) and self.on_the_fly is None:
            return True
        told = self.on_the_fly is not None or self.ultrasoft is not None or self.text.lower().endswith(".usp")
        return False if told else None


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeciesPotentials:
    """The block as a whole.

    Attributes
    ----------
    named
        Species in lower case -> its line.
    library
        That of every other element, None for CASTEP's default.
    """

    named: Mapping[str, NamedPotential]
    library: NamedPotential | None

    @property
    def lines(self) -> tuple[NamedPotential, ...]:
        """All lines."""
        return (*self.named.values(), *([self.library] if self.library else []))

    def of(self, site: CellSite) -> NamedPotential | None:
        """The potential of a site; None for CASTEP's default, an ultrasoft one made on the fly."""
        return self.named.get(site.species.lower()) or self.named.get(site.element.lower()) or self.library


def read_species_potentials(deck: DeckFile) -> SpeciesPotentials:
    """The potentials that a ``.cell`` file names."""
    block = deck.block_of.get("species_pot")
    named: dict[str, NamedPotential] = {}
    library: NamedPotential | None = None
    for line in block.lines if block else ():
        species, *rest = line.text.split(maxsplit=1)
        if rest:
            text = rest[0].strip().strip("\"'")
            named.setdefault(species.lower(), NamedPotential(species=species, text=text, line=line.number))
        elif library is None:
            library = NamedPotential(species="", text=species.strip("\"'"), line=line.number)
    return SpeciesPotentials(named=named, library=library)
