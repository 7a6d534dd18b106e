"""GPAW behind the `Code` seam."""

from __future__ import annotations

import ast
import hashlib
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from dftflow.codes.base import PLAIN_LAUNCH, Calculation, Diagnosis, Launch, Progress, Reading
from dftflow.codes.compressed import head_of
from dftflow.codes.gpaw.data_sets import check_data_sets, data_set_hashes, gpaw_version
from dftflow.codes.gpaw.folder import calculations_in, files_of
from dftflow.codes.gpaw.functionals import line_that_builds
from dftflow.codes.gpaw.memory_use import GPAW_MEMORY
from dftflow.codes.gpaw.remedies import REMEDIES
from dftflow.codes.gpaw.sheet import GPAW_SHEET
from dftflow.codes.log_tail import tail_of
from dftflow.codes.options import CodeOptions
from dftflow.codes.suggested_cutoff import SuggestedCutoff
from dftflow.errors import ParseError, SpecError
from dftflow.model.deck import Deck
from dftflow.model.spec import CalcSpec
from dftflow.stored_file import plain_json, read_stored

if TYPE_CHECKING:
    from pymatgen.core import Structure

__all__ = ["GPAW"]

PRINTED = ("stdout.log", "stderr.log")
DECK_BYTES = 1 << 16
STUDY_RESULTS = b'"dftflow-results/'
WORKER_FILES = (
    *("engine.py", "optimiser.py", "hessian_update.py", "elasticity.py", "model_hessian.py", "whole_file.py"),
    *("edge_shifts.py", "spin_orbit.py"),
)
OUTPUTS = ("results.json", "bands.npz", "potential.npz", "relax.jsonl")


class GPAW:
    """The embedded engine: its deck is a Python script, its command this interpreter in a process of its own."""

    name = "gpaw"
    deck_files = ("{seed}.py", "{seed}.xyz")
    sheet = GPAW_SHEET
    options_model = CodeOptions
    remedies = REMEDIES
    scratch: tuple[str, ...] = ()
    memory_use = GPAW_MEMORY

    def __init__(self, options: CodeOptions | None = None) -> None:
        self.options = options or CodeOptions()

    @property
    def runs_here(self) -> bool:
        """Whether GPAW is installed."""
        return find_spec("gpaw") is not None and find_spec("_gpaw") is not None

    @property
    def how_to_get_it(self) -> str:
        """One line for a person who does not have it."""
        return line_that_builds(with_libxc=False)

    def render(self, structure: Structure, spec: CalcSpec, seed: str) -> Deck:
        """The script, and the structure as extended XYZ; `SpecError` for an element that has no data set."""
        from dftflow.codes.gpaw.deck import render_deck

        check_data_sets(structure)
        return render_deck(structure, spec, seed, self.options)

    def suggested_cutoff(self, structure: Structure) -> SuggestedCutoff:
        """One number for all elements: the data sets name no cutoff; `SpecError` for one that has no data set."""
        check_data_sets(structure)
        return SuggestedCutoff.untested("the data sets of GPAW name no cutoff")

    def fingerprint(self, elements: Sequence[str]) -> Mapping[str, str]:
        """Version and data sets of the GPAW beside this interpreter, and what the worker that drives it does."""
        return {"version": gpaw_version(), "worker": _worker_digest(), **data_set_hashes(elements)}

    def command(self, deck: Deck, launch: Launch = PLAIN_LAUNCH) -> tuple[str, ...]:
        """This interpreter and the script; `SpecError` for several processes, each of which would be a whole run."""
        if launch != PLAIN_LAUNCH:
            what = " ".join(launch.launcher) or launch.program
            raise SpecError(
                f"the embedded engine is one process of {sys.executable}, and the machine starts {what}",
                reason="GPAW is run without MPI; several steps run at once instead",
                fix="give the code gpaw one rank and no command: ranks = 1 in [machines.NAME.resources.codes.gpaw]",
            )
        return (sys.executable, f"{deck.seed}.py")

    def progress(self, folder: Path) -> Progress:
        """What the engine wrote last into ``progress.json``."""
        try:
            content = plain_json(read_stored(folder / "progress.json", links=True).decode("utf-8"))
            doing, fraction = content["doing"], content["fraction"]
        except (OSError, ValueError, KeyError, TypeError, IndexError):
            return Progress(doing="starting")
        told = isinstance(fraction, float | int) and 0 <= fraction <= 1
        return Progress(doing=str(doing)[:200], fraction=fraction if told else None)

    def diagnose(self, folder: Path) -> Diagnosis:
        """Status from ``results.json``, or a person's own log; without either the process was ended from outside."""
        from dftflow.codes.gpaw.output import read_record
        from dftflow.codes.gpaw.reader import diagnosis_of

        tail = _log_tail(folder)
        found = self.find(folder)
        if len(found) == 1 and any(files_of(found[0])):
            return diagnosis_of(found[0], tail)
        try:
            record = read_record(folder)
        except ParseError as error:
            return Diagnosis(status="died", message=error.summary, log_tail=tail)
        return Diagnosis(status=record["status"], message=record.get("message", ""), log_tail=tail)

    def find(self, folder: Path) -> tuple[Calculation, ...]:
        """The calculation whose record, or one of whose arrays, lies in `folder`; else those of a person's own files.

        Beside a record, and beside a deck of dftflow, GPAW's own files are the engine's.
        """
        if not folder.is_dir():
            return ()
        outputs = [folder / name for name in OUTPUTS if (folder / name).is_file() and not _is_of_a_study(folder / name)]
        decks = [file for file in sorted(folder.glob("*.py")) if file.with_suffix(".xyz").exists()]
        if not outputs and not (len(decks) == 1 and _is_deck(decks[0])):
            own = calculations_in(folder)
            if own or len(decks) != 1:
                return own
        seed = decks[0].stem if len(decks) == 1 else folder.name
        inputs = [path for deck in decks for path in (deck, deck.with_suffix(".xyz"))]
        return (Calculation(code=self.name, folder=folder, seed=seed, files=(*inputs, *outputs)),)

    def read(self, calculation: Calculation) -> Reading:
        """Record, eigenvalues, plane-averaged potential and the course of a relaxation, or a person's own files."""
        from dftflow.codes.gpaw.output import read_calculation
        from dftflow.codes.gpaw.reader import read_own_files

        return read_own_files(calculation) if any(files_of(calculation)) else read_calculation(calculation)


@cache
def _worker_digest() -> str:
    """Digest of the statements of the worker's files, without comments and docstrings."""
    trees = [ast.parse(Path(__file__).with_name(name).read_text("utf-8")) for name in WORKER_FILES]
    for node in (node for tree in trees for node in ast.walk(tree)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:]
    return hashlib.sha256("".join(map(ast.dump, trees)).encode()).hexdigest()[:12]


def _is_of_a_study(file: Path) -> bool:
    """Whether it is the ``results.json`` of a whole study, which has the same name."""
    return STUDY_RESULTS in head_of(file, 256)


def _is_deck(file: Path) -> bool:
    """Whether dftflow wrote the script."""
    try:
        return b"dftflow" in read_stored(file, links=True)[:DECK_BYTES]
    except OSError:
        return False


def _log_tail(folder: Path) -> str:
    printed = tail_of(folder, PRINTED)
    if printed:
        return printed
    logs = sorted((file for file in folder.glob("*.txt") if file.is_file()), key=lambda file: file.stat().st_mtime)
    return tail_of(folder, [file.name for file in logs[-1:]])
