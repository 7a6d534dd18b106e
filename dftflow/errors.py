"""Every error dftflow raises on purpose, and the exit code each one ends a command with.

    DftflowError                     1
    ├── InputError                   2   what the user wrote cannot be used
    │   ├── StudyError                   the study file
    │   ├── MachineError                 a machine of machines.toml
    │   ├── StructureError               a crystal, or the file that holds it
    │   │   └── ClashError               two atoms too close
    │   ├── SurfaceError                 a plane, setting or termination
    │   ├── SpecError                    a calculation that the chosen code cannot express
    │   └── OptionError                  an option of a code
    ├── SourceError                  3   a structure database said no, or said nothing
    ├── CodeNotFoundError            4   a DFT code or an optional package is not installed
    ├── CalculationError             5   an engine failed, or did not converge
    ├── ParseError                   6   an output file is incomplete, damaged or of another format
    ├── AnalysisError                7   the data do not carry the number that was asked for
    │   ├── VacuumError                  no plateau in the vacuum
    │   ├── BandEdgeError                no gap, or the band edge is not in the k-set
    │   │   └── MetallicError            filled and empty bands overlap
    │   └── ReferenceMismatch            two energies with different zeros
    ├── StoreError                   8   a folder cannot be written, is full, or is in use
    └── Undecided                    9   the files do not tell what was asked, neither yes nor no

An error says what went wrong (``summary``), why (``reason``), how to mend it (``fix``) and where (``where``,
``file`` or ``file:line``). No traceback is shown for these; anything else that escapes is a bug in dftflow.
"""

from __future__ import annotations

__all__ = [
    "AnalysisError",
    "BandEdgeError",
    "CalculationError",
    "ClashError",
    "CodeNotFoundError",
    "DftflowError",
    "InputError",
    "MachineError",
    "MetallicError",
    "OptionError",
    "ParseError",
    "ReferenceMismatch",
    "SourceError",
    "SpecError",
    "StoreError",
    "StructureError",
    "StudyError",
    "SurfaceError",
    "Undecided",
    "VacuumError",
]


class DftflowError(Exception):
    """Base of all errors that dftflow raises on purpose.

    Parameters
    ----------
    summary
        One sentence: what went wrong.
    reason
        Why, where it is known.
    fix
        What the user can do about it.
    where
        ``file`` or ``file:line``.
    """

    exit_code = 1

    def __init__(self, summary: str, *, reason: str = "", fix: str = "", where: str = "") -> None:
        self.summary = summary
        self.reason = reason
        self.fix = fix
        self.where = where
        super().__init__(summary, reason, fix, where)

    @property
    def sentence(self) -> str:
        """What went wrong, why and what can be done, in one line."""
        why = f" ({self.reason})" if self.reason else ""
        return " ".join(f"{self.summary}{why}{f'; {self.fix}' if self.fix else ''}".split())

    def __str__(self) -> str:
        head = f"{self.where}: {self.summary}" if self.where else self.summary
        lines = [head]
        if self.reason:
            lines.append(f"  why: {self.reason}")
        if self.fix:
            lines.append(f"  fix: {self.fix}")
        return "\n".join(lines)


class InputError(DftflowError):
    """What the user wrote cannot be used."""

    exit_code = 2


class StudyError(InputError):
    """The study file is wrong."""


class MachineError(InputError):
    """The profile of a machine is wrong, or asks for more than the machine has."""


class StructureError(InputError):
    """A crystal, or the file that holds it, is wrong."""


class ClashError(StructureError):
    """Two atoms are closer than any chemistry allows."""


class SurfaceError(InputError):
    """A plane, a cell setting or a termination is wrong or ambiguous."""


class SpecError(InputError):
    """The chosen code cannot express this calculation."""


class OptionError(InputError):
    """An option of a code, as in the table ``[codes.NAME]`` of a study file, is wrong.

    Parameters
    ----------
    place
        Keys that lead to it in that table: ``("potentials", "Pb")``.
    """

    def __init__(
        self, summary: str, *, reason: str = "", fix: str = "", where: str = "", place: tuple[str, ...] = ()
    ) -> None:
        self.place = place
        super().__init__(summary, reason=reason, fix=fix, where=where)


class SourceError(DftflowError):
    """A structure database refused, failed or did not answer."""

    exit_code = 3


class CodeNotFoundError(DftflowError):
    """A DFT code or an optional package is not installed."""

    exit_code = 4


class CalculationError(DftflowError):
    """An engine failed or did not converge."""

    exit_code = 5


class ParseError(DftflowError):
    """An output file is incomplete, damaged or of another format."""

    exit_code = 6


class AnalysisError(DftflowError):
    """The data do not carry the number that was asked for."""

    exit_code = 7


class VacuumError(AnalysisError):
    """The potential has no plateau in the vacuum."""


class BandEdgeError(AnalysisError):
    """There is no gap, or the k-set does not hold the band edge."""


class MetallicError(BandEdgeError):
    """Filled and empty bands overlap, or one is half filled: there are no band edges."""


class ReferenceMismatch(AnalysisError):
    """Two energies do not share the same zero."""


class StoreError(DftflowError):
    """A folder cannot be read or written, is full, is in use, belongs to another study, or holds what is not ours."""

    exit_code = 8


class Undecided(DftflowError):
    """The files do not tell what was asked: neither yes nor no."""

    exit_code = 9
