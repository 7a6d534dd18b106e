"""Checks CASTEP input files without CASTEP: what it would refuse, what it would do without being told.

Own code: the published readers know no keywords, units or clashes (castepinput 0.1.11, ASE 3.29), and CASTEP's own
``--dryrun`` needs CASTEP.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dftflow.codes.castep.input.deck_file import DeckFile, scan_deck
from dftflow.codes.castep.lint.clashes import check_exclusions, check_parameters, check_together
from dftflow.codes.castep.lint.finding import Finding
from dftflow.codes.castep.lint.keywords import check_keywords
from dftflow.codes.castep.lint.kpath_families import check_kpath_families
from dftflow.codes.castep.lint.structure import CellFacts, check_structure
from dftflow.errors import InputError, ParseError

__all__ = ["lint_files"]

KINDS = ("cell", "param")


def lint_files(files: Sequence[Path]) -> tuple[Finding, ...]:
    """Everything that is to be said about `files`, file by file and line by line.

    A ``.cell`` and a ``.param`` of the same seed in the same folder are also checked together. A ``.cell`` without
    lattice and positions is taken for a fragment, and not missed any. Of a file in which the end of a block is missing
    nothing is said that could follow from that alone.

    Raises
    ------
    InputError
        A file is neither a ``.cell`` nor a ``.param``.
    """
    decks: dict[Path, DeckFile] = {}
    facts: dict[Path, CellFacts] = {}
    findings: list[Finding] = []
    for file in dict.fromkeys(files):
        kind = _kind(file)
        try:
            deck = decks[file] = scan_deck(file)
        except ParseError as error:
            findings.append(
                Finding(file=file, line=1, severity="error", message=error.summary, fix=error.fix or error.reason)
            )
            continue
        findings += [*check_keywords(deck, kind), *check_exclusions(deck)]
        if kind == "cell" and deck.whole:
            facts[file], of_structure = check_structure(deck)
            findings += of_structure
    findings += _of_whole_files({file: deck for file, deck in decks.items() if deck.whole}, facts)
    order = {file: number for number, file in enumerate(dict.fromkeys(files))}
    return tuple(sorted(dict.fromkeys(findings), key=lambda finding: (order[finding.file], finding.line)))


def _of_whole_files(whole: dict[Path, DeckFile], facts: dict[Path, CellFacts]) -> list[Finding]:
    """What keywords say together, within a file and across the two of one calculation."""
    findings: list[Finding] = []
    pairs = _pairs(whole)
    for param, cell in pairs.items():
        findings += check_together(whole[param], whole[cell], facts[cell])
    for file, deck in whole.items():
        if _kind(file) == "param":
            findings += check_parameters(deck, alone=file not in pairs)
        else:
            of_cell = (whole[param] for param, cell in pairs.items() if cell == file)
            findings += check_kpath_families(deck, next(of_cell, None))
    return findings


def _kind(file: Path) -> str:
    kind = file.suffix.lower().removeprefix(".")
    if kind not in KINDS:
        raise InputError(
            f"{file.name} is no input file of CASTEP", fix="give files that end in .cell or .param", where=str(file)
        )
    return kind


def _pairs(decks: dict[Path, DeckFile]) -> dict[Path, Path]:
    """The ``.cell`` of each ``.param`` that has one."""
    cells = {file.with_suffix(""): file for file in decks if _kind(file) == "cell"}
    return {
        file: cells[file.with_suffix("")] for file in decks if _kind(file) == "param" and file.with_suffix("") in cells
    }
