"""Reads ``<seed>.castep``: every run in the file, how it was set up, how it ended, and a frame for every geometry.

CASTEP appends each restart to the same file; the last run is ``read_castep(file)[-1]``. The format is documented by the
files alone. Read are those of CASTEP 5 to 25 and of Materials Studio builds.

Own code, after weighing ASE 3.29, castep_outputs 0.3.3 and matador 0.12. ASE refuses every file without a footer and
every spectral run, castep_outputs, by CASTEP's own developers and the most complete, refuses truncated files and reads
0.4 to 1.7 MB/s, and matador keeps the last step alone. None of them tells an SCF that was given up from one that
converged, nor checks what it reads against what stands beside it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from dftflow.codes.castep.output.castep_frames import CollectedFrames, collect_frames
from dftflow.codes.castep.output.castep_header import read_setup
from dftflow.codes.castep.output.castep_run import CastepRun, CastepSetup
from dftflow.codes.castep.output.castep_text import LONGEST_LINE, CastepText, latin
from dftflow.errors import ParseError
from dftflow.model.results import Status

__all__ = ["read_castep"]

_BANNER = re.compile(
    rb"\W*(?:Welcome to )?(Academic Release|Materials Studio)? *CASTEP version +(\d[\w.]*(?: HF\d+)?)\W*"
)
_ART = re.compile(rb"\n \| +CCC +AA +SSS +TTTTT ")
_FOOTER = re.compile(rb"\s*Total time\s+=\s*(\d+\.\d+) s\s*")
_MEMORY = re.compile(rb"\s*Peak Memory Use\s+=\s*(\d{1,15}) kB\s*")
_ART_LINES = 12

_OUT_OF_TIME = b"Insufficient time for another iteration"
_GEOMETRY_FAILED = b"Geometry optimization failed to converge"
_GEOMETRY_DONE = b"Geometry optimization completed successfully"
_TRACE = b"Current trace stack:"


def read_castep(file: Path) -> tuple[CastepRun, ...]:
    """Every run in `file`, in order.

    Raises
    ------
    ParseError
        The file cannot be read, holds no CASTEP run, or is damaged: a number cannot be read or has an unknown unit, or
        what the file prints contradicts itself. A file that was cut short is read as far as it goes.
    """
    text = CastepText.of(file)
    starts = [start for start in _positions(text.data, b"CASTEP version") if _banner(text.data, start)]
    if not starts:
        raise ParseError("this is no CASTEP output", reason="it has no line 'CASTEP version'", where=str(file))
    floors = [0, *starts]
    tops = [_top_of_banner(text.data, start, floor) for start, floor in zip(starts, floors, strict=False)]
    if begun := _ART.search(text.data, starts[-1]):
        tops.append(_top_of_banner(text.data, begun.start() + 1, starts[-1]))
    head = text.part(0, tops[0], 0)
    _check_starts(head, 0)
    runs = []
    before = len(head.lines)
    for top, end in zip(tops, [*tops[1:], len(text.data)], strict=True):
        part = text.part(top, end, before)
        _check_starts(part, 1)
        runs.append(_read_run(part))
        before += len(part.lines)
    return tuple(runs)


def _positions(data: bytes, mark: bytes) -> list[int]:
    """Where `mark` stands in `data`."""
    found = []
    position = data.find(mark)
    while position >= 0:
        found.append(position)
        position = data.find(mark, position + 1)
    return found


def _banner(data: bytes, position: int) -> re.Match[bytes] | None:
    """The line around `position`, when it is that of a banner."""
    before = data[max(position - LONGEST_LINE, 0) : position].splitlines() or [b""]
    if data[position - 1 : position] in (b"\n", b"\r"):
        before.append(b"")
    return _BANNER.fullmatch(before[-1] + data[position : position + LONGEST_LINE].splitlines()[0])


def _top_of_banner(data: bytes, position: int, floor: int) -> int:
    """Start of the first line of the frame around the banner, behind `floor`; the run before ends there."""
    top = data.rfind(b"\n", 0, position) + 1
    for _ in range(_ART_LINES):
        above = data.rfind(b"\n", 0, max(top - 1, 0)) + 1
        if above == top or above <= floor > 0 or not data[above:top].rstrip().endswith((b" |", b"--+")):
            break
        top = above
    return top


def _check_starts(text: CastepText, allowed: int) -> None:
    """Refuse a run that has begun without a banner: it would be taken for part of the one before."""
    if text.data.count(b"\n Run started: ") > allowed:
        line = [n for n, content in enumerate(text.lines) if content.startswith(b" Run started: ")][allowed:]
        raise text.error(
            line[0] if line else 0, "a run begins here without a banner", "the line 'CASTEP version' is damaged"
        )


def _first_banner(text: CastepText) -> tuple[int, re.Match[bytes] | None]:
    """Index of the line with the version; 0 and None for a run that was cut before it."""
    for line, content in enumerate(text.lines):
        if (found := _BANNER.fullmatch(content)) is not None:
            return line, found
    return 0, None


def _read_run(text: CastepText) -> CastepRun:
    line, banner = _first_banner(text)
    setup = read_setup(text)
    if banner is None and (setup.settings or b"\n Run started: " in text.data):
        raise text.error(line, "the banner of this run has no line 'CASTEP version'")
    found = collect_frames(text, setup)
    end = _read_end(text, found.last_line)
    return CastepRun(
        version="" if banner is None else latin(banner[2]),
        build="materials-studio" if banner is not None and banner[1] == b"Materials Studio" else "academic",
        start_line=text.before + line + 1,
        status=_status(text, setup, found, whole=end is not None),
        setup=setup,
        iteration=found.iteration,
        scf_cycle=found.scf_cycle,
        frames=found.frames,
        final=found.final,
        energies=found.energies,
        fermi_ev=found.fermi_ev,
        final_enthalpy_ev=found.final_enthalpy_ev,
        finite_basis_de_dlnecut_ev=found.finite_basis_de_dlnecut_ev,
        wall_time_s=None if end is None else end[0],
        peak_memory_mib=None if end is None else end[1],
        warnings=_warnings(text),
    )


def _read_end(text: CastepText, last: int) -> tuple[float, float | None] | None:
    """Wall time in s and peak memory in MiB of a run that came to its end; None without a footer behind line `last`."""
    for line in range(len(text.lines) - 1, last, -1):
        footer = _FOOTER.fullmatch(text.lines[line])
        if footer is not None:
            memory = [found for content in text.lines[line:] if (found := _MEMORY.fullmatch(content))]
            return float(footer[1]), float(memory[0][1]) / 1024 if memory else None
    return None


def _status(text: CastepText, setup: CastepSetup, found: CollectedFrames, *, whole: bool) -> Status:
    if found.scf_failed:
        return "scf_not_converged"
    if _GEOMETRY_FAILED in text.data:
        return "geom_not_converged"
    if _OUT_OF_TIME in text.data:
        return "out_of_time"
    if _TRACE in text.data:
        return "died"
    if not whole:
        return "truncated"
    return "geom_not_converged" if setup.is_geometry_run and _GEOMETRY_DONE not in text.data else "finished"


def _warnings(text: CastepText) -> tuple[str, ...]:
    """Every line with a warning, once, but for the line that counts them."""
    found = sorted({*_lines_with(text.data, b"arning"), *_lines_with(text.data, b"ARNING")})
    lines = (" ".join(latin(text.data[start:end]).strip(" *\r\n").split()) for start, end in found)
    return tuple(dict.fromkeys(line for line in lines if not line.startswith("There were at least")))


def _lines_with(data: bytes, mark: bytes) -> Iterator[tuple[int, int]]:
    """Where the whole lines that hold `mark` start and end; of long ones the part around it."""
    place = data.find(mark)
    while place >= 0:
        start = max(data.rfind(b"\n", max(place - LONGEST_LINE, 0), place) + 1, place - LONGEST_LINE, 0)
        end = data.find(b"\n", place)
        if end < 0:
            return
        yield start, min(end, place + LONGEST_LINE)
        place = data.find(mark, end)
