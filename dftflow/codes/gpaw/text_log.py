"""GPAW's text log (``txt=``), of versions 0.9 to 26.

A log begins with GPAW's name in letters of several lines, holds the SCF of every geometry in turn, and ends with a
table of timings, which GPAW writes when its process ends.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dftflow.codes.gpaw.log_setup import LogSetup, setup_in
from dftflow.codes.gpaw.log_tables import GEOMETRY, NUMBER, atoms_in, cell_in, forces_in, stress_in
from dftflow.crystals.atoms import from_arrays
from dftflow.errors import ParseError
from dftflow.input_file import read_regular
from dftflow.model.results import FloatArray, Status
from dftflow.units import EV_PER_ANG3_GPA

if TYPE_CHECKING:
    from pymatgen.core import Structure

__all__ = ["LOG_HEAD_BYTES", "TextLog", "is_log", "read_log"]

MOST_SECONDS = 1e9
LOG_HEAD_BYTES = 1 << 15
"""A fixed density's log of GPAW 26 has its SCF before the name."""

_BANNER = re.compile(r"^ \|__ \|  _\|___\|_____\| +(\S+)|^ \|__\|\|  \| \|\|/\\\| - (\S+)", re.MULTILINE)
_ENERGY = re.compile(r"^ *(?:Extrapolated|Zero Kelvin): *(.*)$", re.MULTILINE | re.IGNORECASE)
_FREE_ENERGY = re.compile(r"^ *Free energy: *(.*)$", re.MULTILINE | re.IGNORECASE)
_FERMI = re.compile(r"^ *Fermi levels?: *(.*)$", re.MULTILINE | re.IGNORECASE)
_GAP = re.compile(r"^Gap: *(.*?) *eV$", re.MULTILINE)
_NO_GAP = re.compile(r"^(?:No gap|Could not find a gap)", re.MULTILINE)
_ITERATION = re.compile(r"^\|?iter: *(\d+)", re.MULTILINE)
_CONVERGED = re.compile(
    r"^ *(?:Converged (?:in|after) \d+ (?:steps|iterations)|SCF steps:)", re.MULTILINE | re.IGNORECASE
)
_NOT_CONVERGED = re.compile(r"^ *Did not converge!", re.MULTILINE)
_MOST_ITERATIONS = re.compile(
    r"^ *Maximum number of (?:scf \[iter\]ations|iterations): *(\d+)", re.MULTILINE | re.IGNORECASE
)
_END = re.compile(rf"^(?:Total: +({NUMBER}) +100\.0%|  Total: +({NUMBER})  # .*)$", re.MULTILINE)
_TIMINGS = re.compile(r"^Timing: +incl\.|^timing:  # \[seconds\]", re.MULTILINE)
_MEMORY = re.compile(rf"^Memory usage: +({NUMBER}) MiB", re.MULTILINE)
_WORD = re.compile(NUMBER)
_RUN_ON = "the run was stopped from outside, goes on still, or the file was cut"


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class TextLog:
    """What the last run in a log prints, of its last geometry that has an energy.

    Attributes
    ----------
    energy_ev, free_energy_ev
        Extrapolated to zero width, and E - TS; counted from GPAW's reference atoms.
    fermi_levels_ev
        One, or one a channel; infinite where a channel has no empty band.
    gap_ev
        As it is printed; None where none is.
    stress_gpa
        shape (3, 3); positive is tension.
    converged
        Whether the last SCF says so; None where the log shows none.
    has_end
        Whether the table of timings stands at the end.
    message
        Why `status` is not ``finished``.
    n_geometries, n_runs
        Those in the log.
    last_is_whole
        Whether the last geometry has an energy.
    """

    version: str
    status: Status
    message: str
    energy_ev: float | None
    free_energy_ev: float | None
    fermi_levels_ev: tuple[float, ...]
    gap_ev: float | None
    structure: Structure | None
    forces_ev_per_ang: FloatArray | None
    stress_gpa: FloatArray | None
    setup: LogSetup
    converged: bool | None
    has_end: bool
    n_geometries: int
    n_runs: int
    last_is_whole: bool
    wall_time_s: float | None
    peak_memory_mib: float | None


def is_log(head: bytes) -> bool:
    """Whether a file with the first bytes `head` is a log of GPAW."""
    return b"\0" not in head and _BANNER.search(_text(head)) is not None


def read_log(file: Path) -> TextLog:
    """What a log holds; its last line counts only when it is whole.

    Raises
    ------
    ParseError
        It is no log of GPAW, or what stands in the place of a number is none.
    """
    text = _text(read_regular(file))
    text = text[: text.rfind("\n") + 1]
    banners = list(_BANNER.finditer(text))
    if not banners:
        raise ParseError("this is no log of GPAW", reason="its name in large letters is missing", where=str(file))
    start = banners[-1].start() if len(banners) > 1 else 0
    try:
        return _log(text[start:], banners[-1][1] or banners[-1][2], len(banners))
    except (ValueError, ArithmeticError) as error:
        raise ParseError("the log is damaged", reason=str(error), where=str(file)) from error


def _seconds(text: str) -> float | None:
    value = float(text)
    return value if value < MOST_SECONDS else None


def _text(content: bytes) -> str:
    return content.decode("utf-8", errors="replace").replace("\r\n", "\n")


def _log(text: str, version: str, n_runs: int) -> TextLog:
    geometry, n_geometries, last_is_whole = _last_geometry(text)
    converged, (status, message) = _converged(text), _status(text)
    stress, end, memory = stress_in(geometry), _end(text), _MEMORY.search(text)
    structure, forces = _structure(text, geometry), forces_in(geometry)
    if structure is not None and forces is not None and len(forces) != len(structure):
        raise ValueError(f"there are forces on {len(forces)} of {len(structure)} atoms")
    return TextLog(
        version=version if version.isprintable() else "",
        status=status,
        message=message,
        energy_ev=_last(_ENERGY, geometry),
        free_energy_ev=_last(_FREE_ENERGY, geometry),
        fermi_levels_ev=_fermi_levels(geometry),
        gap_ev=None if _NO_GAP.search(geometry) else _last(_GAP, geometry),
        structure=structure,
        forces_ev_per_ang=forces,
        stress_gpa=None if stress is None else EV_PER_ANG3_GPA * stress,
        setup=setup_in(text),
        converged=converged,
        has_end=end is not None,
        n_geometries=n_geometries,
        n_runs=n_runs,
        last_is_whole=last_is_whole,
        wall_time_s=None if end is None else _seconds(end[1] or end[2]),
        peak_memory_mib=None if memory is None else float(memory[1]),
    )


def _last_geometry(text: str) -> tuple[str, int, bool]:
    """Text of the last geometry that has an energy, the number of geometries, and whether it is the last of them."""
    starts = [match.start() for match in GEOMETRY.finditer(text)]
    if not starts:
        return text, 0, True
    parts = [text[a:b] for a, b in zip(starts, [*starts[1:], len(text)], strict=True)]
    whole = [index for index, part in enumerate(parts) if _ENERGY.search(part)]
    index = whole[-1] if whole else len(parts) - 1
    return parts[index], len(parts), index == len(parts) - 1


def _structure(text: str, geometry: str) -> Structure | None:
    """Old versions print the cell before the first geometry."""
    atoms, cell = atoms_in(geometry), cell_in(geometry)
    if atoms is None:
        return None
    if cell is None:
        cell = cell_in(text[: text.find(geometry)])
    if cell is None:
        return None
    from pymatgen.core import Element

    elements, positions = atoms
    return from_arrays([Element(element).Z for element in elements], cell, positions)


def _last(label: re.Pattern[str], text: str) -> float | None:
    """Number behind the last line with the label; None without such a line."""
    found = label.findall(text)
    return _number(found[-1], label) if found else None


def _number(word: str, label: re.Pattern[str]) -> float:
    if not _WORD.fullmatch(word.strip()) or len(word) > 40:
        raise ValueError(f"no number stands behind a label: {word.strip()[:40]!r}")
    value = float(word)
    if abs(value) == float("inf"):
        raise ValueError(f"a number is beyond all reason: {word[:40]}")
    return value


def _fermi_levels(text: str) -> tuple[float, ...]:
    found = _FERMI.findall(text)
    words = [word.strip() for word in found[-1].removesuffix("eV").split(",")] if found else []
    if len(words) > 2:
        raise ValueError(f"these are no Fermi levels: {found[-1][:60]!r}")
    return tuple(float(word) if word in ("inf", "-inf") else _number(word, _FERMI) for word in words)


# --- how it ended -----------------------------------------------------------------------------------------------


def _end(text: str) -> re.Match[str] | None:
    """Sum of the timings, behind the last iteration."""
    tables = list(_TIMINGS.finditer(text))
    last_iteration = max((match.start() for match in _ITERATION.finditer(text)), default=-1)
    if not tables or tables[-1].start() < last_iteration:
        return None
    return _END.search(text, tables[-1].start())


def _converged(text: str) -> bool | None:
    iterations, said = list(_ITERATION.finditer(text)), list(_CONVERGED.finditer(text))
    if not iterations:
        return True if said else None
    return bool(said) and said[-1].start() > iterations[-1].start()


def _status(text: str) -> tuple[Status, str]:
    """Status, and why it is not ``finished``."""
    if _NOT_CONVERGED.search(text):
        return "scf_not_converged", "the SCF did not converge, as GPAW says"
    iterations, most = _ITERATION.findall(text), _MOST_ITERATIONS.findall(text)
    if _converged(text) is False:
        if most and int(iterations[-1]) >= int(most[-1]):
            return "scf_not_converged", f"the SCF did not converge in {most[-1]} iterations"
        return "truncated", f"the log ends within the SCF: {_RUN_ON}"
    if _end(text) is None:
        return "truncated", f"the log has no end, a table of timings: {_RUN_ON}"
    if _converged(text) is None and not _ENERGY.search(text):
        return "died", "GPAW ended before its first iteration"
    return "finished", ""
