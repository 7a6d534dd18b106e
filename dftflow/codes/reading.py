"""Reads the files of a calculation one by one, and finds the only calculation of a folder.

`FileLog` is what the codes read with: a file that is refused is named and costs no other file, and one that is stored
compressed is read like a plain one.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from dftflow.codes.base import Calculation, Code, FileReading, Reading
from dftflow.codes.compressed import expanded, lying_at, plain_name, special_at
from dftflow.errors import DftflowError, ParseError
from dftflow.model.energy import EnergyZero

__all__ = ["FileLog", "read_only", "zero_of"]

T = TypeVar("T")


class FileLog:
    """What was read of each file of a calculation, in order."""

    def __init__(self) -> None:
        self._files: list[FileReading] = []

    @property
    def files(self) -> tuple[FileReading, ...]:
        """Every file so far."""
        return tuple(self._files)

    def take(self, file: Path, kind: str, read: Callable[[Path], T], say: Callable[[T], str]) -> T | None:
        """Content of `file` by `read`, noted with what `say` finds in it.

        Where only a compressed file of that name lies, `read` gets its content in a temporary file of the plain name.
        None, with the error noted, when `read` refuses it or the system does not hand it out (a folder of that name,
        a link to nowhere, no permission); None and nothing noted when there is no such file. A named pipe or a device
        of that name is noted as passed over.
        """
        place = lying_at(file)
        if place is None:
            special = special_at(file)
            if special is not None:
                self.pass_over(special[0], kind, f"it is {special[1]}, not a file")
            return None
        try:
            content = _read_at(place, read)
            summary = say(content)
        except DftflowError as error:
            self._files.append(FileReading(file=place, kind=kind, error=error))
            return None
        except OSError as error:  # of no regular file too, which could hang
            refusal = ParseError("the file cannot be read", reason=error.strerror or str(error), where=str(place))
            self._files.append(FileReading(file=place, kind=kind, error=refusal))
            return None
        self._files.append(FileReading(file=place, kind=kind, summary=summary))
        return content

    def pass_over(self, file: Path, kind: str, why: str = "") -> None:
        """Note that `file`, which lies there, was not read."""
        self._files.append(FileReading(file=file, kind=kind, summary=f"not read: {why}" if why else "not read"))

    def pass_over_copies(self, calculation: Calculation) -> None:
        """Note the compressed files of which the plain one lies beside them, and was read."""
        for file in calculation.files:
            if plain_name(file) != file.name and (file.parent / plain_name(file)) in calculation.files:
                self.pass_over(file, "copy", f"{plain_name(file)} lies beside it")


def _read_at(place: Path, read: Callable[[Path], T]) -> T:
    """What `read` makes of the content of `place`; what it refuses is said of that file, not of a temporary one."""
    with expanded(place) as plain:
        try:
            return read(plain)
        except DftflowError as error:
            error.where = error.where.replace(str(plain), str(place))
            raise


def zero_of(folder: Path, seed: str) -> EnergyZero:
    """The code's own zero in the calculation `seed` in `folder`, under a name that no other calculation has."""
    return EnergyZero(run=str(folder.resolve() / seed), reference="cell_average")


def read_only(code: Code, folder: Path) -> Reading:
    """The one calculation of `code` in `folder`, with every refused file named.

    Raises
    ------
    ParseError
        There is no calculation of `code`, or more than one.
    """
    found = code.find(folder)
    if len(found) > 1:  # what was kept of earlier runs has names of its own
        found = tuple(calculation for calculation in found if calculation.seed == folder.name) or found
    if len(found) != 1:
        names = ", ".join(calculation.seed for calculation in found)
        raise ParseError(
            f"several calculations share a folder: {names}" if found else f"there is no {code.name} calculation here",
            fix="give each a folder of its own" if found else "",
            where=str(folder),
        )
    return code.read(found[0])
