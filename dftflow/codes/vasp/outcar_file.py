"""Reads the few lines of ``OUTCAR`` that tell how a run ended and what it cost.

Own code: pymatgen's `Outcar` reads the whole file many times over and raises on one that was cut short, which is the
file that matters here.

Format: https://vasp.at/wiki/OUTCAR. The last mention of a number counts. Energies are those that close a geometry,
below ``FREE ENERGIE OF THE ION-ELECTRON SYSTEM``; two blanks tell their lines, ``free  energy   TOTEN``, from those of
the SCF cycles and of the response to a field, ``free energy    TOTEN``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from dftflow.errors import ParseError

__all__ = [
    "ENERGY",
    "FERMI",
    "FREE_ENERGY",
    "LONGEST_LINE",
    "OutcarFile",
    "printed_number",
    "read_outcar",
    "read_version",
]

LONGEST_LINE = 10_000

_NUMBER = r"(-?\d{1,12}\.?\d{0,12}(?:[Ee][+-]?\d{1,2})?)(?=\s|$)"
_VERSION = re.compile(r"^\s*vasp\.(\S+)")
ENERGY = re.compile(r"energy {2,}without entropy\s*=.*energy\(sigma->0\)\s*=\s*(?:" + _NUMBER + r"\s*$)?")
FREE_ENERGY = re.compile(r"free {2,}energy\s+TOTEN\s*=\s*(?:" + _NUMBER + r"\s*eV)?")
FERMI = re.compile(r"\s*(?:E-fermi|Fermi energy)\s*:\s*(?:" + _NUMBER + r")?")
"""What closes a geometry, and the Fermi level: lines whose number may be one that VASP could not print."""
_ITERATION = re.compile(r"Iteration\s+(\d{1,9})\(\s*(\d{1,9})\)")
_IONS = re.compile(r"number of ions\s+NIONS\s*=\s*(\d{1,9})\b")
_ELECTRONS = re.compile(r"^\s*NELECT\s*=\s*" + _NUMBER)
_CUTOFF = re.compile(r"^\s*ENCUT\s*=\s*" + _NUMBER + r"\s*eV")
_SPINS = re.compile(r"^\s*ISPIN\s*=\s*([12])\b")
_STEPS = re.compile(r"^\s*(NSW|IBRION|NELM)\s*=\s*(-?\d{1,9})\b")
_ELAPSED = re.compile(r"Elapsed time \(sec\):\s*" + _NUMBER)
_MEMORY = re.compile(r"Maximum memory used \(kb\):\s*" + _NUMBER)


@dataclass(slots=True)
class _Found:
    version: str = ""
    energy_ev: float | None = None
    free_energy_ev: float | None = None
    fermi_levels_ev: list[float] = field(default_factory=list)
    n_atoms: int | None = None
    n_electrons: float | None = None
    cutoff_ev: float | None = None
    ispin: int | None = None
    ionic_step: int | None = None
    scf_cycle: int | None = None
    nsw: int | None = None
    ibrion: int | None = None
    nelm: int | None = None
    scf_converged: bool = False
    closed: bool = False
    relaxed: bool = False
    stopped: bool = False
    ended: bool = False
    wall_time_s: float | None = None
    memory_kb: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcarFile:
    """How a run went.

    Attributes
    ----------
    energy_ev, free_energy_ev
        Of the last geometry: extrapolated to zero smearing, E - TS.
    fermi_levels_ev
        Every one that is printed for the last geometry: one a channel where they are fixed apart, and one more where
        eigenvalues at further k-points follow.
    n_atoms, n_electrons, cutoff_ev, ispin
        NIONS, NELECT, ENCUT (one decimal) and ISPIN; None where VASP has not printed them.
    ionic_step, scf_cycle
        The last SCF cycle that was begun.
    is_relaxation
        IBRION 1, 2 or 3 with NSW above 0; None before VASP has printed them.
    scf_converged
        The SCF of the last geometry reached EDIFF. VASP 5 says so of one that was given up as well, so that there a
        loop of NELM cycles does not count (https://github.com/kavanase/vaspup2.0/issues/1).
    relaxed
        The relaxation reached EDIFFG.
    stopped
        A STOPCAR ended it.
    ended
        VASP came to its own end.
    wall_time_s, peak_memory_mib
        As VASP measured them; the memory is that of one process.
    """

    version: str
    energy_ev: float | None
    free_energy_ev: float | None
    fermi_levels_ev: tuple[float, ...]
    n_atoms: int | None
    n_electrons: float | None
    cutoff_ev: float | None
    ispin: int | None
    ionic_step: int | None
    scf_cycle: int | None
    is_relaxation: bool | None
    scf_converged: bool
    relaxed: bool
    stopped: bool
    ended: bool
    wall_time_s: float | None
    peak_memory_mib: float | None

    @property
    def fermi_ev(self) -> float | None:
        """The last Fermi level of the last geometry."""
        return self.fermi_levels_ev[-1] if self.fermi_levels_ev else None


def read_outcar(file: Path) -> OutcarFile:
    """How the run of `file` went, as far as it goes.

    Raises
    ------
    ParseError
        The file cannot be read, or does not begin with VASP's version.
    """
    found = _Found()
    try:
        with file.open(encoding="latin-1") as stream:
            found.version = read_version(file, stream.readline(LONGEST_LINE))
            while line := stream.readline(LONGEST_LINE):
                if line.endswith("\n"):  # of a line that was cut no number is whole
                    _note(found, line)
    except OSError as error:
        raise ParseError("the file cannot be read", reason=str(error), where=str(file)) from error
    known = found.nsw is not None and found.ibrion is not None
    return OutcarFile(
        version=found.version,
        energy_ev=found.energy_ev,
        free_energy_ev=found.free_energy_ev,
        fermi_levels_ev=tuple(found.fermi_levels_ev),
        n_atoms=found.n_atoms,
        n_electrons=found.n_electrons,
        cutoff_ev=found.cutoff_ev,
        ispin=found.ispin,
        ionic_step=found.ionic_step,
        scf_cycle=found.scf_cycle,
        is_relaxation=(found.nsw or 0) > 0 and found.ibrion in (1, 2, 3) if known else None,
        scf_converged=found.scf_converged
        and (not _says_it_always(found) or (found.scf_cycle or 0) < (found.nelm or 0)),
        relaxed=found.relaxed,
        stopped=found.stopped,
        ended=found.ended,
        wall_time_s=found.wall_time_s,
        peak_memory_mib=None if found.memory_kb is None else found.memory_kb / 1024,
    )


def _says_it_always(found: _Found) -> bool:
    return found.version.split(".")[0] in ("4", "5")


def read_version(file: Path, first: str) -> str:
    """VASP's version, from the first line; raises `ParseError` when that is not the first line of an OUTCAR."""
    match = _VERSION.match(first)
    if match is None or not first.endswith("\n"):
        raise ParseError(
            "this is no OUTCAR", reason="it does not begin with a line that holds VASP's version", where=f"{file}:1"
        )
    return match[1]


def _note(found: _Found, line: str) -> None:
    """Take what `line` tells; most lines are rows of numbers, and a plain word is looked for first."""
    if "Iteration" in line:
        if match := _ITERATION.search(line):
            _note_iteration(found, int(match[1]), int(match[2]))
    elif "aborting loop" in line:
        if not found.closed:
            found.scf_converged = "EDIFF is reached" in line
    elif "energy" in line or "nergy :" in line or "E-fermi" in line:
        _note_energy(found, line)
    elif "NSW" in line or "IBRION" in line or "NELM" in line:
        if match := _STEPS.match(line):
            setattr(found, match[1].lower(), int(match[2]))
    elif "NIONS" in line or "NELECT" in line or "ENCUT" in line or "ISPIN" in line:
        _note_size(found, line)
    else:
        _note_end(found, line)


def _note_iteration(found: _Found, geometry: int, cycle: int) -> None:
    if found.ionic_step != geometry:  # the numbers so far are of another geometry
        found.energy_ev = found.free_energy_ev = None
        found.fermi_levels_ev = []
        found.closed = False
    found.ionic_step = geometry
    if not found.closed:  # behind the energies of a geometry come cycles of its response to a field
        found.scf_cycle, found.scf_converged = cycle, False


def _note_size(found: _Found, line: str) -> None:
    if match := _IONS.search(line):
        found.n_atoms = int(match[1])
    elif match := _ELECTRONS.match(line):
        found.n_electrons = float(match[1])
    elif match := _CUTOFF.match(line):
        found.cutoff_ev = float(match[1])
    elif match := _SPINS.match(line):
        found.ispin = int(match[1])


def _note_energy(found: _Found, line: str) -> None:
    # a number that cannot be read must not leave the one of an earlier geometry standing
    if match := ENERGY.search(line):
        found.energy_ev = printed_number(match)
    elif match := FREE_ENERGY.search(line):
        found.free_energy_ev = printed_number(match)
        found.closed = True
    elif match := FERMI.match(line):
        level_ev = printed_number(match)
        found.fermi_levels_ev = [] if level_ev is None else [*found.fermi_levels_ev, level_ev]
    elif "reached required accuracy" in line:
        found.relaxed = True


def printed_number(match: re.Match[str]) -> float | None:
    """The number of one of the lines above; None where VASP could not print it."""
    return None if match[1] is None else float(match[1])


def _note_end(found: _Found, line: str) -> None:
    if "reached required accuracy" in line:
        found.relaxed = True
    elif "stop encountered" in line:  # "soft stop encountered!  aborting job ...", "hard stop encountered!"
        found.stopped = True
    elif "General timing and accounting" in line:
        found.ended = True
    elif match := _ELAPSED.search(line):
        found.wall_time_s = float(match[1])
    elif match := _MEMORY.search(line):
        found.memory_kb = float(match[1])
