"""Reads from ``<seed>.castep`` how a run ended, and its energy.

CASTEP appends every restart to the same file, so only what stands behind the last banner counts. Own code: ASE (3.29)
refuses every file without a footer and every spectral run, and no reader tells an SCF that was given up from one that
converged.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from dftflow.errors import ParseError
from dftflow.model.results import Status

__all__ = ["CastepRun", "read_castep"]

_BANNER = re.compile(r"(?:Welcome to )?(Academic Release|Materials Studio) CASTEP version +([\w.]+(?: HF\d+)?)")
_FOOTER = re.compile(r"^\s*Total time\s+=\s*([\d.]+) s", re.MULTILINE)
_MEMORY = re.compile(r"^\s*Peak Memory Use\s+=\s*(\d+) kB", re.MULTILINE)
_ENERGY = re.compile(
    r"^\s*(?:NB (dispersion corrected )?est\. 0K energy|(Dispersion corrected )?[Ff]inal energy)[^=\n]*"
    r"= *([-+.\dEe]+?) *eV",
    re.MULTILINE,
)
_FINITE_BASIS = re.compile(r"finite basis dEtot/dlog\(Ecut\) = *([-+.\dEe]+?) *eV")
_CYCLE = re.compile(r"^ *(\d+) .*<-- SCF *$", re.MULTILINE)
_ITERATION = re.compile(r"^ *\w+ *: finished iteration +(\d+) with", re.MULTILINE)

SCF_FAILED = "max. SCF cycles performed but system has not reached the groundstate"
OUT_OF_TIME = "Insufficient time for another iteration"
GEOMETRY_FAILED = "Geometry optimization failed to converge"
GEOMETRY_DONE = "Geometry optimization completed successfully"


@dataclass(frozen=True, slots=True, kw_only=True)
class CastepRun:
    """The last run in a ``.castep`` file.

    Attributes
    ----------
    version
        ``"23.1"``; with ``" (Materials Studio)"`` for such a build.
    energy_ev
        Last total energy: the 0 K estimate with smearing, dispersion-corrected where that is printed; None before the
        first SCF has converged.
    finite_basis_de_dlnecut_ev
        As printed "for future reference".
    scf_cycle, iteration
        Where the run is: last SCF cycle and last finished geometry iteration.
    """

    version: str
    status: Status
    is_geometry_run: bool
    energy_ev: float | None
    finite_basis_de_dlnecut_ev: float | None
    wall_time_s: float | None
    peak_memory_mib: float | None
    scf_cycle: int | None
    iteration: int | None
    warnings: tuple[str, ...]


def read_castep(file: Path) -> CastepRun:
    """The last run in `file`; raises `ParseError` when the file cannot be read or holds no CASTEP run."""
    try:
        text = file.read_text(errors="replace")
    except OSError as error:
        raise ParseError("the file cannot be read", reason=str(error), where=str(file)) from error
    banners = list(_BANNER.finditer(text))
    if not banners:
        raise ParseError("this is no CASTEP output", reason="it has no line 'CASTEP version'", where=str(file))
    build, version = banners[-1].groups()
    run = text[banners[-1].start() :]
    geometry = bool(re.search(r"type of calculation +: +geometry optimization", run))
    wall_time, memory = _last(_FOOTER, run), _last(_MEMORY, run)
    return CastepRun(
        version=version if build == "Academic Release" else f"{version} (Materials Studio)",
        status=_status(run, geometry=geometry),
        is_geometry_run=geometry,
        energy_ev=_energy(run),
        finite_basis_de_dlnecut_ev=_number(_last(_FINITE_BASIS, run)),
        wall_time_s=_number(wall_time),
        peak_memory_mib=None if memory is None else float(memory) / 1024,
        scf_cycle=_count(_last(_CYCLE, run)),
        iteration=_count(_last(_ITERATION, run)),
        warnings=_warnings(run),
    )


def _status(run: str, *, geometry: bool) -> Status:
    if SCF_FAILED in run:
        return "scf_not_converged"
    if GEOMETRY_FAILED in run:
        return "geom_not_converged"
    if OUT_OF_TIME in run:
        return "out_of_time"
    if _FOOTER.search(run) is None:
        return "truncated"
    return "geom_not_converged" if geometry and GEOMETRY_DONE not in run else "finished"


def _energy(run: str) -> float | None:
    """The last energy of the most complete kind that was printed: 0 K before E, with dispersion before without."""
    last = {("0K" in found[0], bool(found[1] or found[2])): found[3] for found in _ENERGY.finditer(run)}
    return _number(last[max(last)]) if last else None


def _warnings(run: str) -> tuple[str, ...]:
    lines = (" ".join(line.strip(" *").split()) for line in run.splitlines() if "warning" in line.lower())
    return tuple(dict.fromkeys(line for line in lines if not line.startswith("There were at least")))


def _last(pattern: re.Pattern[str], text: str) -> str | None:
    found = pattern.findall(text)
    return found[-1] if found else None


def _number(text: str | None) -> float | None:
    return None if text is None else float(text)


def _count(text: str | None) -> int | None:
    return None if text is None else int(text)
