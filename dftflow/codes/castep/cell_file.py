"""Reads a structure and a k-path from a ``.cell`` file, as written by a person or by CASTEP (``<seed>-out.cell``).

Own code, because the readers at hand stop at things that real files hold: ASE (3.29) at exponents that overflow their
field (``1.000000000000000-105``), castepinput (0.1.11) at two blanks in ``%ENDBLOCK  NAME``, and neither says in which
line a damaged file ends.

Format: CASTEP 18.1 ``--help`` and castep-docs. Keywords in any case; ``!``, ``#`` and ``;`` start comments;
coordinates may be fractions (``1/3``); a block may start with a line that names its unit.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dftflow.errors import ParseError
from dftflow.model.results import FloatArray
from dftflow.model.spec import KPath, KPoint
from dftflow.units import BOHR_ANG

if TYPE_CHECKING:
    from pymatgen.core import Lattice, Structure

__all__ = ["CellFile", "read_cell", "read_cell_path", "read_cell_structure"]

LENGTH_UNITS_ANG = {"ang": 1.0, "bohr": BOHR_ANG, "a0": BOHR_ANG, "nm": 10.0, "pm": 0.01, "cm": 1e8, "m": 1e10}
DEFAULT_PATH_SPACING_PER_ANG = 0.1
_COMMENT = re.compile(r"[!#;]")
_EXPONENT_WITHOUT_E = re.compile(r"^([+-]?\d+\.\d*)([+-]\d{3})$")


@dataclass(frozen=True, slots=True, kw_only=True)
class CellFile:
    """Raw content of a ``.cell`` file.

    Attributes
    ----------
    blocks
        Block name in lower case -> its lines, each with its line number and its trailing comment.
    keywords
        Keyword in lower case -> rest of the line.
    """

    file: Path
    blocks: dict[str, tuple[tuple[int, str, str], ...]]
    keywords: dict[str, str]


def read_cell(file: Path) -> CellFile:
    """Blocks and keywords of `file`; raises `ParseError` when a block has no end."""
    blocks: dict[str, tuple[tuple[int, str, str], ...]] = {}
    keywords: dict[str, str] = {}
    name, start, lines = "", 0, []  # type: str, int, list[tuple[int, str, str]]
    for number, raw in enumerate(_text(file).splitlines(), start=1):
        text, comment = _split_comment(raw)
        words = text.split()
        if not words:
            continue
        if words[0].lower() == "%block" and len(words) > 1:
            if name:
                raise _unclosed(file, number, name, start)
            name, start, lines = words[1].lower(), number, []
        elif words[0].lower() == "%endblock":
            if len(words) < 2 or words[1].lower() != name:
                raise ParseError(f"{text.strip()} does not close the open block {name!r}", where=f"{file}:{number}")
            blocks[name], name = tuple(lines), ""
        elif name:
            lines.append((number, text.strip(), comment))
        else:
            keyword, *rest = re.split(r"[\s:=]+", text.strip(), maxsplit=1)
            keywords[keyword.lower()] = rest[0] if rest else ""
    if name:
        raise _unclosed(file, start, name, start)
    return CellFile(file=file, blocks=blocks, keywords=keywords)


def read_cell_structure(file: Path) -> Structure:
    """The structure in a ``.cell`` file.

    Labels behind a species (``C:a``) and spins are not kept.

    Raises
    ------
    ParseError
        The file is cut short, lacks lattice or positions, or holds a mixture of elements on one site.
    """
    from pymatgen.core import Structure

    cell = read_cell(file)
    lattice = _lattice(cell)
    name = "positions_frac" if "positions_frac" in cell.blocks else "positions_abs"
    unit, rows = _rows(cell, name)
    scale = 1.0 if name == "positions_frac" else unit
    species, positions = [], []
    for number, text in rows:
        if "mixture" in text.lower():
            raise ParseError(
                "a site holds a mixture of elements", fix="dftflow reads ordered crystals only", where=_at(cell, number)
            )
        words = text.split()
        species.append(_element(cell, number, words[0]))
        positions.append([scale * _number(cell, number, word) for word in _three(cell, number, words[1:4])])
    return Structure(lattice, species, positions, coords_are_cartesian=name == "positions_abs")


def read_cell_path(file: Path) -> KPath | None:
    """The band-structure path in a ``.cell`` file, with the comments behind its corners as labels; None without one."""
    cell = read_cell(file)
    for prefix in ("spectral_kpoint", "bs_kpoint", "spectral_kpoints", "bs_kpoints"):
        lines = cell.blocks.get(f"{prefix}_path")
        if lines:
            spacing = cell.keywords.get(f"{prefix}_path_spacing", str(DEFAULT_PATH_SPACING_PER_ANG)).split()[0]
            segments = _segments(cell, lines)
            return KPath(segments=segments, spacing_per_ang=_number(cell, lines[0][0], spacing)) if segments else None
    return None


def _segments(cell: CellFile, lines: tuple[tuple[int, str, str], ...]) -> tuple[tuple[KPoint, ...], ...]:
    segments: list[list[KPoint]] = [[]]
    for number, text, comment in lines:
        words = text.split()
        if words[0].lower() == "break":
            segments.append([])
        elif len(words) == 1 and words[0].isalpha():
            return ()  # names in place of coordinates: CASTEP 25.1 alone knows where they lie
        else:
            x, y, z = (_number(cell, number, word) for word in _three(cell, number, words[:3]))
            segments[-1].append(KPoint(label=comment, frac=(x, y, z)))
    return tuple(tuple(segment) for segment in segments if segment)


def _lattice(cell: CellFile) -> Lattice:
    from pymatgen.core import Lattice

    name = "lattice_cart" if "lattice_cart" in cell.blocks else "lattice_abc"
    unit, rows = _rows(cell, name)
    wanted = 3 if name == "lattice_cart" else 2
    if len(rows) != wanted:
        number = rows[-1][0] if rows else 1
        raise ParseError(f"block {name} has {len(rows)} rows, expected {wanted}", where=_at(cell, number))
    matrix: FloatArray = np.array(
        [[_number(cell, number, word) for word in _three(cell, number, text.split())] for number, text in rows]
    )
    if name == "lattice_cart":
        return Lattice(unit * matrix)
    a, b, c = unit * matrix[0]
    return Lattice.from_parameters(a, b, c, *matrix[1], vesta=True)  # a along x, b in the xy plane, as CASTEP does


def _rows(cell: CellFile, name: str) -> tuple[float, list[tuple[int, str]]]:
    """Unit of length in Å and the numbered rows of a block."""
    if name not in cell.blocks:
        other = name.replace("_abc", "_cart").replace("_abs", "_frac")
        raise ParseError(f"the file has neither block {other} nor {name}", where=str(cell.file))
    rows = [(number, text) for number, text, _ in cell.blocks[name]]
    if rows and rows[0][1].lower() in LENGTH_UNITS_ANG:
        return LENGTH_UNITS_ANG[rows[0][1].lower()], rows[1:]
    return 1.0, rows


def _three(cell: CellFile, number: int, words: list[str]) -> list[str]:
    if len(words) < 3:
        raise ParseError("three numbers were expected here", where=_at(cell, number))
    return words[:3]


def _number(cell: CellFile, number: int, word: str) -> float:
    """A Fortran number: ``1/3``, ``1.5D0`` and ``1.0-105`` are legal."""
    try:
        if "/" in word:
            over, under = word.split("/")
            return float(over) / float(under)
        return float(_EXPONENT_WITHOUT_E.sub(r"\1E\2", word.replace("D", "E").replace("d", "e")))
    except (ValueError, ZeroDivisionError):
        raise ParseError(f"{word!r} is not a number", where=_at(cell, number)) from None


def _element(cell: CellFile, number: int, label: str) -> str:
    from pymatgen.core import Element

    symbol = re.split(r"[^A-Za-z]", label)[0].capitalize()
    if not Element.is_valid_symbol(symbol):
        raise ParseError(f"{label!r} names no element", where=_at(cell, number))
    return symbol


def _split_comment(line: str) -> tuple[str, str]:
    found = _COMMENT.search(line)
    return (line, "") if found is None else (line[: found.start()], line[found.end() :].strip())


def _text(file: Path) -> str:
    try:
        return file.read_text(errors="replace")
    except OSError as error:
        raise ParseError("the file cannot be read", reason=str(error), where=str(file)) from error


def _unclosed(file: Path, number: int, name: str, start: int) -> ParseError:
    return ParseError(
        f"block {name!r} from line {start} has no end",
        reason="the file is cut short or damaged",
        where=f"{file}:{number}",
    )


def _at(cell: CellFile, number: int) -> str:
    return f"{cell.file}:{number}"
