"""The seam between dftflow and a DFT code.

A new code is a folder here with an object that satisfies `Code`, a folder of templates, and one line in `registry.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from dftflow.model.deck import Deck
from dftflow.model.results import Results, Status
from dftflow.model.spec import CalcSpec

if TYPE_CHECKING:
    from pymatgen.core import Structure

__all__ = ["Code", "Diagnosis", "Progress"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """How a calculation ended: its status, and for a person why, with the last lines of the log."""

    status: Status
    message: str = ""
    log_tail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Where a running calculation is: what it does now, and the fraction done where that is known."""

    doing: str
    fraction: float | None = None


class Code(Protocol):
    """What dftflow needs from a DFT code."""

    name: str

    @property
    def runs_here(self) -> bool:
        """Whether `dftflow run` can start it on this machine."""
        ...

    @property
    def how_to_get_it(self) -> str:
        """What a person does who does not have it, in one line."""
        ...

    def render(self, structure: Structure, spec: CalcSpec, seed: str) -> Deck:
        """Input files for `spec` on `structure`; raises `SpecError` for what the code cannot express."""
        ...

    def command(self, deck: Deck) -> tuple[str, ...]:
        """Argument list that runs the deck with its folder as working directory."""
        ...

    def progress(self, folder: Path) -> Progress:
        """Where the calculation in `folder` is."""
        ...

    def diagnose(self, folder: Path) -> Diagnosis:
        """How the calculation in `folder` ended."""
        ...

    def parse(self, folder: Path) -> Results:
        """Results of the calculation in `folder`; raises `ParseError` for an incomplete or damaged file."""
        ...
