"""Reads a ``.cell`` file, as written by a person or by CASTEP (``<seed>-out.cell``).

Own code, because the readers at hand stop at things that real files hold: ASE (3.29) at exponents that overflow their
field (``1.000000000000000-105``), castepinput (0.1.11) at two blanks in ``%ENDBLOCK  NAME``, and neither says in which
line a damaged file ends.

Format: CASTEP 18.1 ``--help`` and castep-docs; see `dftflow.codes.castep.input.deck_file` for lines and blocks.
Coordinates may be sums (``1/3``), and an atomic number may stand for the symbol; a block may start with a line that
names its unit; behind the three coordinates of an atom may stand ``SPIN=``, ``LABEL=`` and ``MIXTURE=``.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dftflow.codes.castep.input.constraints import (
    IonicConstraint,
    fixed_atoms,
    read_cell_constraints,
    read_ionic_constraints,
)
from dftflow.codes.castep.input.deck_file import DeckBlock, DeckFile, DeckLine, scan_deck
from dftflow.crystals.castep_cell_file import LENGTH_UNITS_ANG, castep_element
from dftflow.errors import ParseError
from dftflow.model.fortran_number import fortran_integer, fortran_number
from dftflow.model.results import FloatArray
from dftflow.model.spec import KPath, KPoint

if TYPE_CHECKING:
    from pymatgen.core import Lattice, Structure

__all__ = [
    "CellDeck",
    "CellSite",
    "KPointSampling",
    "cell_structure",
    "path_corners",
    "read_cell",
    "read_cell_deck",
    "read_cell_lattice",
    "read_cell_path",
    "read_cell_path_of",
    "read_cell_sites",
    "read_cell_structure",
]

DEFAULT_PATH_SPACING_PER_ANG = 0.1
LISTS = ("spectral_kpoint_list", "bs_kpoint_list", "spectral_kpoints_list", "bs_kpoints_list")
PATHS = ("spectral_kpoint_path", "bs_kpoint_path", "spectral_kpoints_path", "bs_kpoints_path")
SMALLEST_VOLUME_ANG3 = 1e-3
LONGEST_ANG = 1e5
_SPIN = re.compile(r"\bspin(?:\s*[=:]\s*|\s+)\(?\s*(.*)", re.IGNORECASE)
_LABEL = re.compile(r"\blabel\s*[=:]\s*(\S+)", re.IGNORECASE)
_MODIFIER = re.compile(r"[A-Za-z]")
_TRUE, _FALSE = ("true", "t", ".true.", ""), ("false", "f", ".false.")


@dataclass(frozen=True, slots=True, kw_only=True)
class CellSite:
    """A line of the positions.

    Attributes
    ----------
    species
        As written: ``C:a`` is carbon with the label ``a``.
    element
        Chemical symbol.
    position
        As written, in fractions or in Å.
    spin
        One number, or three for a vector; ``()`` when none is given.
    mixture
        Whether the site holds several elements.
    """

    species: str
    element: str
    label: str
    position: tuple[float, float, float]
    spin: tuple[float, ...]
    mixture: bool
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KPointSampling:
    """How the k-points of one set are given; None for what the file does not say.

    Attributes
    ----------
    spacing
        As written, in units of 2π/Å (the unit that CASTEP counts in, whatever the file calls it).
    points
        The list: three coordinates and, where given, the weight.
    """

    grid: tuple[int, int, int] | None = None
    offset: tuple[float, float, float] | None = None
    spacing: float | None = None
    points: tuple[tuple[float, ...], ...] = ()


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class CellDeck:
    """What a ``.cell`` file says, in dftflow's terms.

    Attributes
    ----------
    structure
        None for a fragment without lattice and positions, and for a site with a mixture of elements.
    sites
        The positions as written.
    kpoints
        Of the SCF.
    path
        The band-structure path; None without one, and where letters stand in place of coordinates.
    path_letters
        Those letters, segment by segment (CASTEP 25.1).
    path_spacing_per_ang
        Largest step of the path, of either kind, 2π included.
    band_kpoints
        The k-points of the band structure where they are a list; their labels are the comments.
    cell_constraints
        a, b, c, α, β, γ: equal numbers vary together, 0 is fixed.
    fixed_atoms
        Indices into `sites` of the atoms that cannot move.
    species_pot
        Species -> potential; a library for all elements stands under ``""``.
    symmetry_tol_ang
        As given.
    """

    file: Path
    structure: Structure | None
    sites: tuple[CellSite, ...]
    kpoints: KPointSampling
    path: KPath | None
    path_letters: tuple[tuple[str, ...], ...]
    path_spacing_per_ang: float
    band_kpoints: tuple[KPoint, ...]
    cell_constraints: tuple[int, ...] | None
    ionic_constraints: tuple[IonicConstraint, ...]
    fixed_atoms: tuple[int, ...]
    species_pot: Mapping[str, str]
    fix_all_cell: bool
    fix_all_ions: bool
    fix_com: bool | None
    symmetry_generate: bool
    snap_to_symmetry: bool
    symmetry_tol_ang: float | None


def read_cell(file: Path) -> DeckFile:
    """Blocks and keywords of `file`.

    Raises
    ------
    ParseError
        The file is no text, a block has no end, or a block of which there can be one stands twice.
    """
    deck = scan_deck(file)
    for problem in deck.problems:
        raise ParseError(problem.summary, reason=problem.reason, fix=problem.fix, where=deck.where(problem.line))
    twice = [name for name, count in Counter(block.name for block in deck.blocks).items() if count > 1]
    if twice:
        line = [block.line for block in deck.blocks if block.name == twice[0]][1]
        raise ParseError(f"block {twice[0]} is given twice", fix="leave one", where=deck.where(line))
    return deck


def read_cell_structure(file: Path) -> Structure:
    """The structure in a ``.cell`` file.

    Labels behind a species (``C:a``) and spins are not kept.

    Raises
    ------
    ParseError
        The file is cut short, lacks lattice or positions, or holds a mixture of elements on one site.
    """
    deck = read_cell(file)
    lattice = read_cell_lattice(deck)
    sites = read_cell_sites(deck)
    for site in sites:
        if site.mixture:
            raise ParseError(
                "a site holds a mixture of elements",
                fix="dftflow reads ordered crystals only",
                where=deck.where(site.line),
            )
    return cell_structure(deck, lattice, sites)


def read_cell_path(file: Path) -> KPath | None:
    """The band-structure path in a ``.cell`` file, with the comments behind its corners as labels.

    None without a path, and for a path of letters, which CASTEP 25.1 alone can place: it takes ``K`` of a rhombohedral
    cell for that of a face-centred cubic one.
    """
    return read_cell_path_of(read_cell(file))


def read_cell_path_of(deck: DeckFile) -> KPath | None:
    """As `read_cell_path`, of a file that is read already."""
    return _path(deck)[0]


def read_cell_deck(file: Path) -> CellDeck:
    """Everything of a ``.cell`` file that dftflow knows.

    Raises
    ------
    ParseError
        The file is cut short or damaged, or a value is none.
    """
    deck = read_cell(file)
    has_structure = bool({"lattice_cart", "lattice_abc", "positions_frac", "positions_abs"} & deck.block_of.keys())
    lattice = read_cell_lattice(deck) if has_structure else None
    sites = read_cell_sites(deck) if has_structure else ()
    ordered = lattice is not None and not any(site.mixture for site in sites)
    path, letters, spacing = _path(deck)
    ionic = deck.block_of.get("ionic_constraints")
    constraints = read_ionic_constraints(deck, ionic) if ionic else ()
    of_cell = deck.block_of.get("cell_constraints")
    tolerance = _quantity(deck, "symmetry_tol")
    com = _flag(deck, "fix_com")
    return CellDeck(
        file=file,
        structure=cell_structure(deck, lattice, sites) if ordered and lattice is not None else None,
        sites=sites,
        kpoints=_sampling(deck),
        path=path,
        path_letters=letters,
        path_spacing_per_ang=spacing,
        band_kpoints=_band_kpoints(deck),
        cell_constraints=read_cell_constraints(deck, of_cell) if of_cell else None,
        ionic_constraints=constraints,
        fixed_atoms=fixed_atoms([site.species for site in sites], constraints),
        species_pot=_species_pot(deck),
        fix_all_cell=bool(_flag(deck, "fix_all_cell")),
        fix_all_ions=bool(_flag(deck, "fix_all_ions")),
        fix_com=com,
        symmetry_generate=bool(_flag(deck, "symmetry_generate")),
        snap_to_symmetry=bool(_flag(deck, "snap_to_symmetry")),
        symmetry_tol_ang=tolerance,
    )


# --- lattice and positions -------------------------------------------------------------------------------------------


def read_cell_lattice(deck: DeckFile) -> Lattice:
    """The lattice; raises `ParseError` when there is none, two, or one that spans no volume."""
    from pymatgen.core import Lattice

    block = _one_block(deck, "lattice_cart", "lattice_abc")
    unit, lines = _unit_and_lines(deck, block)
    wanted = 3 if block.name == "lattice_cart" else 2
    if len(lines) != wanted:
        number = lines[-1].number if lines else block.line
        raise ParseError(f"block {block.name} has {len(lines)} rows, expected {wanted}", where=deck.where(number))
    matrix: FloatArray = np.array([_numbers(deck, line, line.words) for line in lines])
    lengths = matrix if wanted == 3 else matrix[:1]
    if float(np.abs(lengths).max()) > LONGEST_ANG / unit or (wanted == 2 and lengths.min() <= 0):
        raise ParseError("the lattice vectors span no cell", where=deck.where(lines[0].number))
    if wanted == 3:
        lattice = Lattice(unit * matrix)
    else:
        _check_angles(deck, lines[1].number, matrix[1])
        a, b, c = unit * matrix[0]
        lattice = Lattice.from_parameters(a, b, c, *matrix[1], vesta=True)  # a along x, b in the xy plane, as CASTEP
    if lattice.volume < SMALLEST_VOLUME_ANG3:
        raise ParseError("the lattice vectors span no cell", where=deck.where(lines[0].number))
    return lattice


def _check_angles(deck: DeckFile, number: int, angles_deg: FloatArray) -> None:
    """Each angle between 0 and 180°, and the three possible together."""
    cosines = np.cos(np.radians(angles_deg))
    gram = 1 + 2 * float(np.prod(cosines)) - float(np.sum(cosines**2))
    if angles_deg.min() <= 0 or angles_deg.max() >= 180 or gram <= 0:
        text = ", ".join(f"{angle:g}" for angle in angles_deg)
        raise ParseError(f"no cell has the angles {text}", where=deck.where(number))


def read_cell_sites(deck: DeckFile) -> tuple[CellSite, ...]:
    """The positions as written, in Å or fractions.

    Raises
    ------
    ParseError
        There are none, a line is damaged, or an atom is given twice.
    """
    block = _one_block(deck, "positions_abs", "positions_frac")
    unit, lines = _unit_and_lines(deck, block)
    if not lines:
        raise ParseError(f"block {block.name} holds no atom", where=deck.where(block.line))
    scale = 1.0 if block.name == "positions_frac" else unit
    sites = tuple(_site(deck, line, scale) for line in lines)
    places: dict[tuple[str, tuple[float, float, float]], int] = {}
    for site in sites:
        earlier = places.setdefault((site.species, site.position), site.line)
        if earlier != site.line:
            raise ParseError(f"this atom stands in line {earlier} already", where=deck.where(site.line))
    return sites


def _site(deck: DeckFile, line: DeckLine, scale: float) -> CellSite:
    species, *words = line.words
    x, y, z = (scale * number for number in _numbers(deck, line, words[:3]))
    if max(abs(x), abs(y), abs(z)) > LONGEST_ANG:
        raise ParseError("an atom lies out of all bounds", where=deck.where(line.number))
    behind = " ".join(words[3:])
    if behind and not _MODIFIER.match(behind):
        raise ParseError(f"{behind!r} stands behind the three coordinates", where=deck.where(line.number))
    spin, label = _SPIN.search(behind), _LABEL.search(behind)
    return CellSite(
        species=species,
        element=_element(deck, line.number, species),
        label=label[1] if label else species.partition(":")[2],
        position=(x, y, z),
        spin=_spin(spin[1]) if spin else (),
        mixture="mixture" in behind.lower(),
        line=line.number,
    )


def _spin(text: str) -> tuple[float, ...]:
    """The numbers in front of the next modifier: one, or three for a vector (``4``, ``- 3``, ``(0 0 1.5)``)."""
    numbers: list[float] = []
    for word in re.sub(r"([+-])\s+", r"\1", text).split():
        number = fortran_number(word.rstrip(",)"))
        if number is None:
            break
        numbers.append(number)
    return tuple(numbers)


def cell_structure(deck: DeckFile, lattice: Lattice, sites: tuple[CellSite, ...]) -> Structure:
    """The structure of a file whose lattice and sites are read; a mixture is its first element."""
    from pymatgen.core import Structure

    return Structure(
        lattice,
        [site.element for site in sites],
        [site.position for site in sites],
        coords_are_cartesian="positions_abs" in deck.block_of,
    )


def _one_block(deck: DeckFile, *names: str) -> DeckBlock:
    found = [deck.block_of[name] for name in names if name in deck.block_of]
    if not found:
        raise ParseError(f"the file has neither block {' nor '.join(names)}", where=str(deck.file))
    if len(found) > 1:
        raise ParseError(
            f"the file has both block {names[0]} and {names[1]}",
            fix="leave one",
            where=deck.where(max(block.line for block in found)),
        )
    return found[0]


def _unit_and_lines(deck: DeckFile, block: DeckBlock) -> tuple[float, tuple[DeckLine, ...]]:
    """Unit of length in Å, and the lines without the one that names it."""
    first = block.lines[0] if block.lines else None
    if first is None or (not first.text.isalpha() and first.text.lower() not in LENGTH_UNITS_ANG):
        return 1.0, block.lines
    if first.text.lower() not in LENGTH_UNITS_ANG:
        fix = f"write one of {', '.join(LENGTH_UNITS_ANG)}, or nothing (ang)"
        raise ParseError(f"{first.text!r} is no unit of length", fix=fix, where=deck.where(first.number))
    return LENGTH_UNITS_ANG[first.text.lower()], block.lines[1:]


def _element(deck: DeckFile, number: int, species: str) -> str:
    symbol = castep_element(species)
    # a damaged letter must not leave another element: Pb with its b lost is no phosphorus
    if symbol is None:
        raise ParseError(f"{species!r} names no element", where=deck.where(number))
    return symbol


# --- k-points --------------------------------------------------------------------------------------------------------


def _path(deck: DeckFile) -> tuple[KPath | None, tuple[tuple[str, ...], ...], float]:
    """The path, or the letters that stand in its place, and the spacing."""
    for name in PATHS:
        block = deck.block_of.get(name)
        if block is None or not block.lines:
            continue
        runs = path_corners(block)
        spacing = _quantity(deck, f"{name}_spacing")
        if spacing is None:
            spacing = DEFAULT_PATH_SPACING_PER_ANG
        if spacing <= 0:
            where = deck.where(deck.values[f"{name}_spacing"].line)
            raise ParseError(f"{name}_spacing is {spacing:g}", fix="give a number above zero", where=where)
        if any(_is_letter(line) for run in runs for line in run):
            return None, tuple(tuple(line.text for line in run) for run in runs), spacing
        segments = tuple(tuple(_corner(deck, line) for line in run) for run in runs)
        return (KPath(segments=segments, spacing_per_ang=spacing) if segments else None), (), spacing
    return None, (), DEFAULT_PATH_SPACING_PER_ANG


def path_corners(block: DeckBlock) -> list[list[DeckLine]]:
    """The lines of a k-path, one list for each run between two BREAK."""
    runs: list[list[DeckLine]] = [[]]
    for line in block.lines:
        if line.words[0].lower() == "break":
            runs.append([])
        else:
            runs[-1].append(line)
    return [run for run in runs if run]


def _band_kpoints(deck: DeckFile) -> tuple[KPoint, ...]:
    """The list of k-points; their weights, of no use for bands, are not kept."""
    block = next((deck.block_of[name] for name in LISTS if name in deck.block_of), None)
    return tuple(_corner(deck, line) for line in block.lines) if block else ()


def _is_letter(line: DeckLine) -> bool:
    return len(line.words) == 1 and line.text.isalpha()


def _corner(deck: DeckFile, line: DeckLine) -> KPoint:
    """A k-point; its label is the comment, or what stands behind a ``%`` in its place."""
    words = line.words
    x, y, z = _numbers(deck, line, words[:3])
    behind = " ".join(words[3:])
    if behind and not behind.startswith("%") and fortran_number(words[3]) is None:
        raise ParseError(f"{behind!r} stands behind the three coordinates", where=deck.where(line.number))
    label = behind.lstrip("% ") if behind.startswith("%") else ""
    return KPoint(label=line.comment or label, frac=(x, y, z))


def _sampling(deck: DeckFile) -> KPointSampling:
    grid = _vector(deck, "kpoint_mp_grid", "kpoints_mp_grid")
    offset = _vector(deck, "kpoint_mp_offset", "kpoints_mp_offset")
    spacings = [_quantity(deck, name) for name in ("kpoint_mp_spacing", "kpoints_mp_spacing")]
    block = deck.block_of.get("kpoint_list") or deck.block_of.get("kpoints_list")
    points = tuple(tuple(_numbers(deck, line, line.words, 3, 4)) for line in block.lines) if block else ()
    return KPointSampling(
        grid=None if grid is None else (int(grid[0]), int(grid[1]), int(grid[2])),
        offset=offset,
        spacing=next((spacing for spacing in spacings if spacing is not None), None),
        points=points,
    )


def _vector(deck: DeckFile, *names: str) -> tuple[float, float, float] | None:
    keyword = next((deck.values[name] for name in names if name in deck.values), None)
    if keyword is None:
        return None
    whole = keyword.name.endswith("grid")
    numbers = [fortran_integer(word) if whole else fortran_number(word) for word in keyword.value.split()]
    if len(numbers) != 3 or None in numbers or (whole and min(number or 0 for number in numbers) < 1):
        kind = "whole numbers of at least 1" if whole else "numbers"
        raise ParseError(f"{keyword.value!r} is not three {kind}", where=deck.where(keyword.line))
    x, y, z = (float(number or 0) for number in numbers)
    return (x, y, z)


# --- keywords --------------------------------------------------------------------------------------------------------


def _species_pot(deck: DeckFile) -> dict[str, str]:
    block = deck.block_of.get("species_pot")
    pairs = [line.text.split(maxsplit=1) for line in block.lines] if block else []
    return {(pair[0] if len(pair) > 1 else ""): pair[-1].strip() for pair in pairs}


def _flag(deck: DeckFile, name: str) -> bool | None:
    keyword = deck.values.get(name)
    if keyword is None:
        return None
    value = keyword.value.lower()
    if value not in (*_TRUE, *_FALSE):
        raise ParseError(f"{name} is {keyword.value!r}", fix="write true or false", where=deck.where(keyword.line))
    return value in _TRUE


def _quantity(deck: DeckFile, name: str) -> float | None:
    """A number in Å or 1/Å."""
    keyword = deck.values.get(name)
    if keyword is None:
        return None
    word, _, unit = keyword.value.partition(" ")
    number = fortran_number(word)
    unit = unit.strip().lower().removeprefix("1/").removeprefix("/")
    if number is None or (unit and unit not in LENGTH_UNITS_ANG):
        raise ParseError(f"{keyword.value!r} is no length", where=deck.where(keyword.line))
    scale = LENGTH_UNITS_ANG[unit] if unit else 1.0
    return number * scale if name.endswith("_tol") else number / scale


def _numbers(deck: DeckFile, line: DeckLine, words: list[str], at_least: int = 3, at_most: int = 3) -> list[float]:
    if not at_least <= len(words) <= at_most:
        raise ParseError("three numbers were expected here", where=deck.where(line.number))
    numbers = []
    for word in words:
        number = fortran_number(word)
        if number is None:
            raise ParseError(f"{word!r} is not a number", where=deck.where(line.number))
        numbers.append(number)
    return numbers
