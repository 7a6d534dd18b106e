"""Reads ``<seed>.hug``, the averages over each state of a shocked crystal (Hugoniostat dynamics).

Own code: the file is one regular expression, and castep_outputs (0.3.3), which reads it too, skips a damaged line
without a word and calls c a percentage.

Format: castep-docs, Molecular_Dynamics/files. A line ``c T P E  <-- cTPE`` a state, with 12 decimals of c and 8 of the
others; T, P and E are in the units that the run was told to print in, which the file does not name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from dftflow.codes.castep.output.content import latin_lines
from dftflow.errors import ParseError

__all__ = ["Hugoniostat", "HugoniostatState", "read_hugoniostat"]

_STATE = re.compile(
    r" *([0-9]{1,6}\.[0-9]{12}) +(-?[0-9]{1,9}\.[0-9]{8}) +(-?[0-9]{1,9}\.[0-9]{8}) +(-?[0-9]{1,9}\.[0-9]{8})"
    r" +<-- cTPE *"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class HugoniostatState:
    """A point of the Hugoniot curve; temperature, pressure and energy are averages over time.

    Attributes
    ----------
    compression
        Length of the compressed lattice vectors divided by that of the original ones.
    """

    compression: float
    temperature_k: float
    pressure_gpa: float
    energy_ev: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Hugoniostat:
    """The states in the order of the file.

    Attributes
    ----------
    states
        At least one.
    incomplete
        The file ends within a line, which is left out: the run goes on, or was killed.
    """

    states: tuple[HugoniostatState, ...]
    incomplete: bool


def read_hugoniostat(
    file: Path, *, temperature_unit_k: float = 1.0, pressure_unit_gpa: float = 1.0, energy_unit_ev: float = 1.0
) -> Hugoniostat:
    """All states of a ``.hug`` file.

    Parameters
    ----------
    file
        ``<seed>.hug``.
    temperature_unit_k, pressure_unit_gpa, energy_unit_ev
        What the run printed in (``temperature_unit`` … in its ``.param``); CASTEP's defaults are K, GPa and eV.

    Raises
    ------
    ParseError
        The file holds no state, or is damaged before its end.
    """
    rows: list[tuple[float, ...]] = []
    lines = latin_lines(file)
    incomplete = False
    for number, line in enumerate(lines, start=1):
        if found := _STATE.fullmatch(line):
            rows.append(_numbers(file, number, found))
        elif number == len(lines):
            incomplete = bool(line.strip(" "))
        elif line.strip(" "):
            raise _damaged(file, number, line)
    if not rows:
        reason = "its first line is not complete yet" if incomplete else ""
        raise ParseError("the file holds no state", reason=reason, where=f"{file}:{len(lines)}")
    states = tuple(
        HugoniostatState(
            compression=compression,
            temperature_k=temperature * temperature_unit_k,
            pressure_gpa=pressure * pressure_unit_gpa,
            energy_ev=energy * energy_unit_ev,
        )
        for compression, temperature, pressure, energy in rows
    )
    return Hugoniostat(states=states, incomplete=incomplete)


def _numbers(file: Path, number: int, found: re.Match[str]) -> tuple[float, ...]:
    compression, temperature, *others = map(float, found.groups())
    if compression <= 0 or temperature < 0:
        raise _damaged(file, number, found[0])
    return compression, temperature, *others


def _damaged(file: Path, number: int, line: str) -> ParseError:
    summary = f"this is no state of a Hugoniostat: {line.strip()[:60]!r}"
    return ParseError(summary, reason="the file is damaged", where=f"{file}:{number}")
