"""Checks what a ``.cell`` file says of the crystal: lattice, atoms, constraints, k-path, potentials."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from dftflow.codes.castep.input.cell_file import (
    PATHS,
    CellSite,
    path_corners,
    read_cell_lattice,
    read_cell_path_of,
    read_cell_sites,
)
from dftflow.codes.castep.input.constraints import (
    IonicConstraint,
    fixed_atoms,
    read_cell_constraints,
    read_ionic_constraints,
)
from dftflow.codes.castep.input.deck_file import DeckBlock, DeckFile
from dftflow.codes.castep.input.kpath_points import corner_remarks, letter_remarks
from dftflow.codes.castep.input.species_potentials import SpeciesPotentials, read_species_potentials
from dftflow.codes.castep.lint.finding import Finding, Severity
from dftflow.codes.castep.lint.potentials import check_potential_files
from dftflow.codes.castep.lint.sites import check_sites
from dftflow.errors import ParseError
from dftflow.model.fortran_number import fortran_number

if TYPE_CHECKING:
    from pymatgen.core import Lattice

__all__ = ["CellFacts", "check_structure"]

SAME_LENGTH = 1e-4
MOST_CORNERS = 1000
T = TypeVar("T")


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class CellFacts:
    """What the other checks need of a ``.cell`` file; None for what is not there or damaged."""

    potentials: SpeciesPotentials
    lattice: Lattice | None = None
    sites: tuple[CellSite, ...] | None = None
    cell_constraints: tuple[int, ...] | None = None
    fixed: tuple[int, ...] = ()


class _Log:
    """Collects findings, and turns a `ParseError` into one."""

    def __init__(self, deck: DeckFile) -> None:
        self.deck = deck
        self.findings: list[Finding] = []

    def add(self, line: int, severity: Severity, message: str, fix: str = "") -> None:
        self.findings.append(Finding(file=self.deck.file, line=line, severity=severity, message=message, fix=fix))

    def read(self, reader: Callable[[], T]) -> T | None:
        try:
            return reader()
        except ParseError as error:
            line = error.where.rpartition(":")[2]
            self.add(int(line) if line.isdigit() else 1, "error", error.summary, error.fix)
            return None


def check_structure(deck: DeckFile) -> tuple[CellFacts, tuple[Finding, ...]]:
    """Facts and findings of a ``.cell`` file. A fragment without lattice and positions has nothing to be wrong."""
    log = _Log(deck)
    blocks = deck.block_of
    whole = bool({"lattice_cart", "lattice_abc", "positions_frac", "positions_abs"} & blocks.keys())
    lattice = log.read(lambda: read_cell_lattice(deck)) if whole else None
    sites = log.read(lambda: read_cell_sites(deck)) if whole else None
    of_cell = _read(log, "cell_constraints", read_cell_constraints)
    ionic = _read(log, "ionic_constraints", read_ionic_constraints)
    if lattice is not None and of_cell is not None:
        _check_cell_constraints(log, lattice, of_cell)
    if sites is not None and ionic:
        _check_ions(log, sites, ionic)
    potentials = read_species_potentials(deck)
    if "species_pot" in blocks and sites is not None:
        _check_potentials(log, blocks["species_pot"], sites)
    log.findings += check_potential_files(deck, potentials)
    if lattice is not None and sites:
        log.findings += check_sites(deck, lattice, sites)
    _check_path(log, lattice)
    _check_lists(log)
    fixed = fixed_atoms([site.species for site in sites], ionic or ()) if sites else ()
    facts = CellFacts(potentials=potentials, lattice=lattice, sites=sites, cell_constraints=of_cell, fixed=fixed)
    return facts, tuple(log.findings)


def _read(log: _Log, name: str, reader: Callable[[DeckFile, DeckBlock], T]) -> T | None:
    block = log.deck.block_of.get(name)
    return None if block is None else log.read(lambda: reader(log.deck, block))


def _check_cell_constraints(log: _Log, lattice: Lattice, numbers: tuple[int, ...]) -> None:
    line = log.deck.block_of["cell_constraints"].line
    groups = ((numbers[:3], lattice.abc, "length"), (numbers[3:], lattice.angles, "angle"))
    for tied, values, what in groups:
        for number in set(tied) - {0}:
            of_number = [value for tag, value in zip(tied, values, strict=True) if tag == number]
            if max(of_number) - min(of_number) > SAME_LENGTH * max(of_number):
                text = ", ".join(f"{value:.4f}" for value in of_number)
                log.add(
                    line,
                    "error",
                    f"cell_constraints ties lattice {what}s that differ: {text}",
                    "give each its own number",
                )


def _check_ions(log: _Log, sites: tuple[CellSite, ...], constraints: tuple[IonicConstraint, ...]) -> None:
    line = log.deck.block_of["ionic_constraints"].line
    count = Counter(site.species.lower() for site in sites)
    for constraint in constraints:
        of_species = count[constraint.species.lower()]
        if constraint.ion > of_species:
            log.add(
                line,
                "error",
                f"ionic_constraints names {constraint.species} {constraint.ion}, but there are {of_species}",
                "atoms are counted from 1 within their species",
            )
            return


def _check_potentials(log: _Log, block: DeckBlock, sites: tuple[CellSite, ...]) -> None:
    named = {line.words[0].lower(): line for line in block.lines if len(line.words) > 1}
    present = {site.species.lower() for site in sites} | {site.element.lower() for site in sites}
    for name, line in named.items():
        if name not in present:
            log.add(line.number, "note", f"no atom is of the species {line.words[0]}")
    if not named or len(named) < len(block.lines):
        return  # a library for all elements
    for species, element in dict.fromkeys((site.species, site.element) for site in sites):
        if not {species.lower(), element.lower()} & named.keys():
            log.add(block.line, "note", f"species_pot names no potential for {species}", "CASTEP takes its own default")


def _check_lists(log: _Log) -> None:
    """The first damaged line of each list of k-points: three coordinates, perhaps a weight, perhaps more."""
    for block in log.deck.blocks:
        if not block.name.endswith(("kpoint_list", "kpoints_list")):
            continue
        for line in block.lines:
            if len(line.words) < 3 or None in map(fortran_number, line.words):
                log.add(line.number, "error", f"{line.text!r} is no k-point of {block.name}", "three numbers, a weight")
                break


def _check_path(log: _Log, lattice: Lattice | None) -> None:
    name = next((name for name in PATHS if name in log.deck.block_of), "")
    if not name:
        return
    path = log.read(lambda: read_cell_path_of(log.deck))
    runs = path_corners(log.deck.block_of[name])
    if not runs:
        log.add(log.deck.block_of[name].line, "error", f"block {name} holds no k-point", "name at least two")
        return
    if path is None:
        letters = [line for run in runs for line in run if len(line.words) == 1 and line.text.isalpha()]
        for line in letters[:1]:
            log.add(line.number, "note", f"{line.text}: CASTEP 25.1 alone reads letters", "write the coordinates")
        for line, remark in zip(letters, letter_remarks(lattice, [line.text for line in letters]), strict=True):
            if remark:
                log.add(line.number, "warning", remark, "write the coordinates, or take the path of this lattice")
        return
    for run in runs:
        if len(run) == 1:
            log.add(run[0].number, "warning", "one k-point alone makes no path", "add the end of the segment")
    corners = [point for segment in path.segments for point in segment]
    lines = [line for run in runs for line in run]
    remarks = corner_remarks(lattice, corners) if lattice and len(corners) <= MOST_CORNERS else ()
    for line, remark in zip(lines, remarks, strict=False):
        if remark:
            log.add(line.number, "warning", remark, "take the path of this lattice")
