"""Reads the standard output of pw.x, pp.x and average.x: how the program ended, and what the XML does not hold.

Every message is of Quantum ESPRESSO 4 to 7 (``PW/src/electrons.f90``, ``run_pwscf.f90``, ``UtilXlib/error_handler``).
The numbers are those of the last geometry. Lines are read one by one, so that a file of any size costs no memory.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from dftflow.codes.espresso.limits import LONGEST_LINE
from dftflow.errors import ParseError
from dftflow.model.results import Status
from dftflow.units import RYDBERG_EV

__all__ = ["ProgramOutput", "read_stdout"]

FIRST_LINES = 200
LARGEST = 1e9
_VERSION = re.compile(r"\s*Program ([\w.+-]{1,30})\s+v\.\s*([\w.+-]{1,30})(?:\s*\([^)]{0,40}\))?\s+starts")
_ENERGY = re.compile(r"!{1,2}\s+total energy\s*=\s*([-\d.]{1,30}) Ry")
_FERMI = re.compile(r"\s*the Fermi energy is\s+([-\d.]{1,20}) ev")
_HIGHEST = re.compile(
    r"\s*highest occupied(?:, lowest unoccupied)? level \(ev\):\s*(-?\d[\d.]{0,19})(?:\s+(-?\d[\d.]{0,19}))?\s*"
)
_SIZE = re.compile(
    r"\s*(number of atoms/cell|number of electrons|kinetic-energy cutoff)\s*=\s*(\d{1,9}(?:\.\d{1,6})?)(?=\s|$)"
)
_ROW_OF_LEVELS = re.compile(r"(?:\s*-?\d{1,5}\.\d{4})+\s*")
_LEVEL = re.compile(r"-?\d{1,5}\.\d{4}")
_ITERATION = re.compile(r"\s*iteration #\s*(\d{1,6})")
_POTENTIAL = re.compile(r"\s*PseudoPot\. #\s*\d{1,4} for\s+([A-Za-z]\S{0,9})\s+read from file")
_MD5 = re.compile(r"\s*MD5 check sum:\s*([0-9a-f]{32})")
_ERROR = re.compile(r"\s*Error in routine\s+(\S+)\s*\(\s*(-?\d+)\s*\):?")
_BFGS_STEP = re.compile(r"\s*number of bfgs steps\s*=\s*(\d{1,6})")
_STARTS = "Erro JOB conv Maxi The bfgs SCF iter numb Comp the high kine Pseu MD5 End"
_TELLING = frozenset((*(f"{start:4s}" for start in _STARTS.split()), "k = ", "k =-"))
"""First four characters of the lines that tell something; most lines are rows of numbers."""
_BAND = re.compile(r"\s*Computing kpt #:\s*(\d{1,7})\s+of\s+(\d{1,7})")


@dataclass(slots=True, kw_only=True)
class ProgramOutput:
    """What one program printed.

    Attributes
    ----------
    program, version
        ``"PWSCF"`` and ``"6.7MaX"``; ``"POST-PROC"`` and ``"AVERAGE"`` are pp.x and average.x.
    done
        ``JOB DONE.`` was printed.
    error
        Routine and message of QE's error box; ``""`` without one.
    scf_failed, out_of_time, out_of_steps, relaxation_failed
        Whether it says so; `scf_failed` of the last geometry.
    energy_ev, fermi_ev
        Of the last geometry, as printed: E - TS; None where there is none.
    highest_ev, lowest_ev
        Highest occupied and lowest unoccupied level of the last geometry, where occupations are fixed.
    eigenvalues_ev
        Of the last geometry, as printed: k-point after k-point, one channel after the other; empty where there are too
        many k-points for pw.x to print them.
    n_atoms, n_electrons, cutoff_ev
        None before they are printed.
    scf_cycle, geometry
        The last SCF cycle and BFGS step begun; None before the first.
    md5
        Element -> MD5 of its potential.
    """

    program: str = ""
    version: str = ""
    done: bool = False
    error: str = ""
    scf_failed: bool = False
    out_of_time: bool = False
    out_of_steps: bool = False
    relaxation_failed: bool = False
    energy_ev: float | None = None
    fermi_ev: float | None = None
    highest_ev: float | None = None
    lowest_ev: float | None = None
    eigenvalues_ev: list[float] = field(default_factory=list)
    lists_levels: bool = False
    n_atoms: float | None = None
    n_electrons: float | None = None
    cutoff_ev: float | None = None
    scf_cycle: int | None = None
    geometry: int | None = None
    band_point: tuple[int, int] | None = None
    md5: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    @property
    def status(self) -> Status:
        """How the program ended."""
        if self.error:
            return "died"
        if self.out_of_time:
            return "out_of_time"
        if self.scf_failed:
            return "scf_not_converged"
        if self.out_of_steps or self.relaxation_failed:
            return "geom_not_converged"
        return "finished" if self.done else "truncated"

    @property
    def message(self) -> str:
        """Why, for a person; ``""`` when it finished."""
        return {
            "died": self.error,
            "out_of_time": "stopped before its end, by max_seconds or as it was asked to; the run can be continued",
            "scf_not_converged": "the SCF was given up after electron_maxstep cycles",
            "geom_not_converged": "the geometry did not converge within nstep steps"
            if self.out_of_steps
            else "the BFGS relaxation failed before it converged",
            "truncated": "the output has no end: the run still goes on, or was killed",
            "finished": "",
        }[self.status]


def read_stdout(file: Path) -> ProgramOutput:
    """What a program of Quantum ESPRESSO printed into `file`.

    Raises
    ------
    ParseError
        The file cannot be read, is no output of Quantum ESPRESSO, or has stars where the energy should stand.
    """
    found = ProgramOutput()
    try:
        with file.open("rb") as stream:
            number = 0
            while raw := stream.readline(LONGEST_LINE):
                number += 1
                line = raw.decode("latin-1").rstrip("\r\n")
                _take(found, line, f"{file}:{number}")
                if number == FIRST_LINES and not found.program:
                    break
    except OSError as error:
        raise ParseError("the file cannot be read", reason=error.strerror or str(error), where=str(file)) from error
    if not found.program:
        raise ParseError("this is no output of Quantum ESPRESSO", where=f"{file}:1")
    if found.version[:1] in "0123" and not found.version[:2].isdigit():
        raise ParseError(
            f"this is the output of version {found.version}, and nothing before 4.0 is read", where=str(file)
        )
    return found


def _take(found: ProgramOutput, line: str, where: str) -> None:
    if not found.program:
        match = _VERSION.match(line)
        if match:
            found.program, found.version = match[1], match[2]
        return
    if line.lstrip()[:4] not in _TELLING and not (line[:1] == "!" or found.lists_levels or found.error[-1:] == ":"):
        return
    if line.startswith("!"):
        _take_energy(found, line, where)
    elif "Error in routine" in line:
        match = _ERROR.match(line)
        found.error = f"{match[1]} ({match[2]}):" if match else line.strip()
    elif found.error.endswith(":") and line.strip() and "%%%" not in line:
        found.error += f" {line.strip()}"
    elif "JOB DONE." in line:
        found.done = True
    else:
        _take_ends(found, line)
        _take_progress(found, line)
        _take_levels(found, line, where)
        _take_eigenvalues(found, line)


def _take_energy(found: ProgramOutput, line: str, where: str) -> None:
    match = _ENERGY.match(line)
    if match:
        found.energy_ev = _number(match[1], where) * RYDBERG_EV
        found.scf_failed = False
    elif "total energy" in line:
        raise ParseError("the total energy is no number", reason=line[:60], where=where)


def _take_ends(found: ProgramOutput, line: str) -> None:
    if "convergence NOT achieved" in line:
        found.scf_failed = True
    elif "convergence has been achieved" in line:
        found.scf_failed = False
    elif "Maximum CPU time exceeded" in line:
        found.out_of_time = True
    elif "The maximum number of steps has been reached" in line:
        found.out_of_steps = True
    elif "bfgs failed after" in line:
        found.relaxation_failed = True
    elif "bfgs converged in" in line:
        found.relaxation_failed = found.out_of_steps = False
    elif "SCF correction compared to forces is large" in line:
        found.warnings.append("the forces are not converged: pw.x asks for a smaller conv_thr")
        found.warnings = list(dict.fromkeys(found.warnings))


def _take_progress(found: ProgramOutput, line: str) -> None:
    if match := _ITERATION.match(line):
        found.scf_cycle = int(match[1])
        if found.scf_cycle == 1:  # of another geometry, whose numbers are not those of the one before
            found.energy_ev = found.fermi_ev = found.highest_ev = found.lowest_ev = None
    elif match := _BFGS_STEP.match(line):
        found.geometry = int(match[1]) + 1
    elif match := _BAND.match(line):
        found.band_point = (int(match[1]), int(match[2]))


def _take_levels(found: ProgramOutput, line: str, where: str) -> None:
    if match := (_FERMI.match(line) or _HIGHEST.match(line)):
        found.fermi_ev = _number(match[1], where)
        if match.re is _HIGHEST:
            found.highest_ev, found.lowest_ev = found.fermi_ev, None if match[2] is None else _number(match[2], where)
    elif match := _SIZE.match(line):
        _take_size(found, match[1], _number(match[2], where))
    elif match := _POTENTIAL.match(line):
        found.md5[match[1]] = ""
    elif (match := _MD5.match(line)) and found.md5:
        found.md5[next(reversed(found.md5))] = match[1]


def _take_size(found: ProgramOutput, name: str, value: float) -> None:
    if name == "number of electrons":
        found.n_electrons = value
    elif name == "kinetic-energy cutoff":
        found.cutoff_ev = value * RYDBERG_EV
    else:
        found.n_atoms = value


def _take_eigenvalues(found: ProgramOutput, line: str) -> None:
    if _ITERATION.match(line) or ("End of" in line and "calculation" in line):
        found.eigenvalues_ev, found.lists_levels = [], False
    elif "bands (ev):" in line:
        found.lists_levels = True
    elif found.lists_levels and line.strip():
        found.lists_levels = _ROW_OF_LEVELS.fullmatch(line) is not None
        if found.lists_levels:
            found.eigenvalues_ev += [float(word) for word in _LEVEL.findall(line)]


def _number(text: str, where: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise ParseError(f"{text[:30]!r} is no number", where=where) from None
    if not abs(value) < LARGEST:
        raise ParseError(f"{value:g} is beyond all reason", where=where)
    return value
