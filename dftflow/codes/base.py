"""The seam between dftflow and a DFT code.

A code is a class that satisfies `Code` and is made from its options: ``CASTEP(CastepOptions(...))``. Its attribute
``options_model`` is the model of these options (`dftflow.codes.options`). docs/howto-code.md says how to add one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from dftflow.codes.memory_use import MemoryUse
from dftflow.codes.options import CodeOptions
from dftflow.codes.remedy import Remedy
from dftflow.codes.sheet_facts import SheetFacts
from dftflow.errors import DftflowError
from dftflow.model.deck import Deck
from dftflow.model.results import Results, Status
from dftflow.model.spec import CalcSpec

if TYPE_CHECKING:
    from pymatgen.core import Structure

__all__ = ["Calculation", "Code", "Diagnosis", "FileReading", "Launch", "PLAIN_LAUNCH", "Progress", "Reading"]


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Calculation:
    """The files of one calculation, as found in a folder; nothing of them was read yet."""

    code: str
    folder: Path
    seed: str
    files: tuple[Path, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileReading:
    """What one file of a calculation holds.

    Attributes
    ----------
    kind
        ``"eigenvalues"``, ``"local potential"`` …
    summary
        One line: what was found in it; ``""`` when it was refused.
    error
        Why it was refused.
    """

    file: Path
    kind: str
    summary: str = ""
    error: DftflowError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A calculation as read: what every file holds, and the results of those that are whole.

    Attributes
    ----------
    results
        Of the files that could be read; None when no output was among them (input files alone).
    """

    calculation: Calculation
    files: tuple[FileReading, ...]
    results: Results | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """How a machine starts the program of a code.

    Attributes
    ----------
    launcher
        Words in front of it: ``("mpirun", "-n", "4")``; ``()`` for one process.
    program
        Its name or path; ``""`` for the code's own choice.
    """

    launcher: tuple[str, ...] = ()
    program: str = ""


PLAIN_LAUNCH = Launch()


class Code(Protocol):
    """What dftflow needs from a DFT code."""

    name: str

    @property
    def options(self) -> CodeOptions:
        """What it was made with."""
        ...

    @property
    def sheet(self) -> SheetFacts:
        """What a run sheet says of it; ``SheetFacts()`` says nothing."""
        ...

    @property
    def deck_files(self) -> tuple[str, ...]:
        """Names of the files of a deck, as patterns in which ``{seed}`` stands for the seed."""
        ...

    @property
    def remedies(self) -> tuple[Remedy, ...]:
        """What is done about its known failures, the first that fits before the others; ``()`` for nothing."""
        ...

    @property
    def scratch(self) -> tuple[str, ...]:
        """Patterns of the files that a finished calculation left for its engine alone, and that nobody reads."""
        ...

    @property
    def memory_use(self) -> MemoryUse:
        """What it holds in memory beside its bands; ``MemoryUse()`` for a compiled code that was not measured."""
        ...

    @property
    def runs_here(self) -> bool:
        """Whether `dftflow run` can start it on this machine."""
        ...

    @property
    def how_to_get_it(self) -> str:
        """What a person does who does not have it, in one line."""
        ...

    def render(self, structure: Structure, spec: CalcSpec, seed: str) -> Deck:
        """Input files for `spec` on `structure`; raises `SpecError` for what the code cannot express.

        Thousands of steps may share one structure, which nobody changes: what follows from it alone can be kept
        (`dftflow.crystals.per_structure`).
        """
        ...

    def fingerprint(self, elements: Sequence[str]) -> Mapping[str, str]:
        """What decides the numbers of a calculation of these elements beside its deck, as far as it is known before.

        They are symbols, each once, in the order of the alphabet (`dftflow.crystals.geometry.elements_of`).

        The version, and the potentials by name and content. What this machine does not have is
        `dftflow.codes.file_hash.NOT_KNOWN_HERE`. No time, no host and no absolute path is in it. An element for which
        the code has no potential raises `SpecError`, as `render` does.
        """
        ...

    def command(self, deck: Deck, launch: Launch = PLAIN_LAUNCH) -> tuple[str, ...]:
        """Argument list that runs the deck with its folder as working directory.

        Raises `SpecError` where it cannot be started in that way.
        """
        ...

    def progress(self, folder: Path) -> Progress:
        """Where the calculation in `folder` is."""
        ...

    def diagnose(self, folder: Path) -> Diagnosis:
        """How the calculation in `folder` ended."""
        ...

    def find(self, folder: Path) -> tuple[Calculation, ...]:
        """The calculations of this code whose files lie in `folder` itself; ``()`` when there are none."""
        ...

    def read(self, calculation: Calculation) -> Reading:
        """Everything that can be read of a calculation; a file that is refused is named and costs no other file."""
        ...
