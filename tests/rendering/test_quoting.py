"""Text of others in every template of every code: it stays text, and where it is a value it comes back the same."""

from __future__ import annotations

import ast
import io
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ase.io.espresso import read_fortran_namelist
from hostile_text import CANARY, HOSTILE
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from pymatgen.core import Lattice, Structure
from pymatgen.io.vasp import Incar, Kpoints, Poscar

from dftflow.codes.castep.input.deck_file import scan_deck
from dftflow.codes.registry import load_code
from dftflow.codes.runsheet import run_sheet
from dftflow.codes.sheet_facts import SheetFacts
from dftflow.crystals.kpaths import special_points, standard_path
from dftflow.errors import SpecError
from dftflow.model.deck import Deck
from dftflow.model.printable import is_line
from dftflow.model.spec import CalcSpec, Relaxation
from dftflow.model.step import Step, StepId, Subject
from dftflow.rendering.quoting import CASTEP, ESPRESSO, LANGUAGES, MARKDOWN, PYTHON, SHELL, VASP, Language, Verbatim
from dftflow.rendering.templates import render_template

CSBR = Structure(Lattice.cubic(4.291), ["Cs", "Br"], [[0, 0, 0], [0.5, 0.5, 0.5]])
SLAB = Structure(Lattice.orthorhombic(4.2, 4.2, 20), ["Cs", "Br"], [[0, 0, 0.4], [0.5, 0.5, 0.5]])
POTENTIAL = CalcSpec(
    title="plain", task="potential", xc="PBE", cutoff_ev=600.0, grid=(2, 2, 2), smearing_ev=0.1,
    scf_tol_ev_per_atom=2e-6, max_scf_cycles=100,
)  # fmt: skip
RELAX = replace(
    POTENTIAL,
    task="relax",
    relaxation=Relaxation(
        cell="isotropic", energy_tol_ev_per_atom=2e-5, force_tol_ev_per_ang=0.05, stress_tol_gpa=0.1,
        displacement_tol_ang=2e-3, max_steps=100,
    ),
)  # fmt: skip
BANDS = replace(
    POTENTIAL, task="bands", path=standard_path(CSBR, 0.5), edge_kpoints=tuple(special_points(CSBR).values())
)
SURFACE = replace(POTENTIAL, slab_axis=2, grid=(2, 2, 1), edge_kpoints=())
KINDS = {"potential": (CSBR, POTENTIAL), "relax": (CSBR, RELAX), "bands": (CSBR, BANDS), "surface": (SLAB, SURFACE)}
CODES = ("castep", "espresso", "gpaw", "vasp")


def with_text(spec: CalcSpec, text: str) -> CalcSpec:
    """`text` in every field of `spec` that takes words."""
    goal = spec.relaxation
    notes = dict.fromkeys(
        ("energy_tol_ev_per_atom", "force_tol_ev_per_ang", "stress_tol_gpa", "displacement_tol_ang"), text
    )
    return replace(
        spec,
        title=text,
        reference=text,
        cutoff_note=text,
        grid_note=text,
        relaxation=None if goal is None else replace(goal, notes=notes),
    )


def decks(code: str) -> Iterator[tuple[Deck, list[Deck]]]:
    """Of each kind of calculation the deck without a word, and those with each of the hostile texts."""
    maker = load_code(code)
    for structure, spec in KINDS.values():
        plain = maker.render(structure, with_text(spec, "plain"), "seed")
        yield plain, [maker.render(structure, with_text(spec, text), "seed") for text in HOSTILE]


# --- the decks, executed or parsed ------------------------------------------------------------------------------

STUBS = """
import sys, types

told = []

class Told:
    def __init__(self, name):
        self.name = name
    def __call__(self, *args, **named):
        made = lambda value: value(244.9).result if callable(value) and not isinstance(value, Told) else value
        self.result = (self.name, [made(a) for a in args], {k: made(v) for k, v in named.items()})
        told.append(self.result)
        return self
    def __getattr__(self, name):
        return Told(f"{self.name}.{name}")
    def __repr__(self):
        return f"<{self.name}>"

def module(name, **content):
    sys.modules[name] = types.ModuleType(name)
    vars(sys.modules[name]).update(content)

module("gpaw", GPAW=Told("GPAW"), PW=Told("PW"), FermiDirac=Told("FermiDirac"))
module("ase"); module("ase.io", read=Told("read")); module("ase.constraints", FixAtoms=Told("FixAtoms"))
module("dftflow"); module("dftflow.codes"); module("dftflow.codes.gpaw", engine=Told("engine"))
first = None
for file in sys.argv[1:]:
    told.clear()
    exec(compile(open(file, encoding="utf-8").read(), file, "exec"), {})
    first = first or repr(told)
    assert repr(told) == first and len(told) > 4, file
"""


def test_decks_of_gpaw_are_executed(tmp_path: Path) -> None:
    """In a process of their own, with an engine that only writes down what it is called with."""
    for number, (plain, hostile) in enumerate(decks("gpaw")):
        folder = tmp_path / str(number)
        folder.mkdir()
        files = [folder / f"{index}.py" for index in range(41)]
        for file, deck in zip(files, [plain, *hostile], strict=True):
            file.write_text(deck.files["seed.py"], encoding="utf-8")
            assert deck.files["seed.xyz"] == plain.files["seed.xyz"]
        found = subprocess.run(
            [sys.executable, "-I", "-c", STUBS, *map(str, files)],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert found.returncode == 0, found.stderr
        assert not (folder / CANARY).exists()


def test_decks_of_castep_are_parsed(tmp_path: Path) -> None:
    def parsed(deck: Deck) -> object:
        content = []
        for name, text in deck.files.items():
            (tmp_path / name).write_text(text)
            scan = scan_deck(tmp_path / name)
            assert not scan.problems
            keywords = [(keyword.name, keyword.value) for keyword in scan.keywords if keyword.name != "comment"]
            blocks = [(block.name, [line.words for line in block.lines]) for block in scan.blocks]
            content.append((keywords, blocks))
        return content

    for plain, hostile in decks("castep"):
        for deck in hostile:
            assert parsed(deck) == parsed(plain)


def test_decks_of_quantum_espresso_are_parsed() -> None:
    def parsed(text: str) -> object:
        namelists, cards = read_fortran_namelist(io.StringIO(text))
        control = namelists.get("control", {})
        title = control.pop("title", "")
        assert is_line(str(title))
        return namelists, cards

    for plain, hostile in decks("espresso"):
        for deck in hostile:
            for name, text in deck.files.items():
                if name.endswith(".in") and "average" not in name:
                    assert parsed(text) == parsed(plain.files[name])
                else:
                    assert text == plain.files[name]


def test_decks_of_vasp_are_parsed() -> None:
    for plain, hostile in decks("vasp"):
        for deck in hostile:
            tags, wanted = (Incar.from_str(one.files["INCAR"]) for one in (deck, plain))
            tags.pop("SYSTEM"), wanted.pop("SYSTEM")
            assert tags == wanted and not deck.files["INCAR"].count("\\")
            assert Poscar.from_str(deck.files["POSCAR"]).structure == Poscar.from_str(plain.files["POSCAR"]).structure
            grid, wanted_grid = (Kpoints.from_str(one.files["KPOINTS"]).as_dict() for one in (deck, plain))
            assert {**grid, "comment": ""} == {**wanted_grid, "comment": ""}
            assert deck.files["vasp.sh"] == plain.files["vasp.sh"]


@pytest.mark.parametrize("code", CODES)
def test_no_deck_has_a_seed_that_a_shell_reads(code: str) -> None:
    structure, spec = KINDS["potential"]
    for text in (*HOSTILE, "", "../x", "/abs", "-x", ".x", "x" * 300):
        with pytest.raises(SpecError, match="no name for a deck"):
            load_code(code).render(structure, spec, text)


def test_no_functional_is_taken_that_is_not_known() -> None:
    for code in CODES:
        for text in HOSTILE:
            with pytest.raises(SpecError):
                load_code(code).render(CSBR, replace(POTENTIAL, xc=text), "seed")


# --- scripts ----------------------------------------------------------------------------------------------------


class _Toy:
    """A code of another package, whose commands hold whatever it likes."""

    name, deck_files, sheet = "toy", ("{seed}.toy",), SheetFacts()


STEPS = [
    Step(id=StepId(subject=Subject(kind="bulk", materials=(f"m{n}",), label="bulk"), task="relax"), title=text)
    for n, text in enumerate(HOSTILE)
]


def sheet(commands: Sequence[Sequence[str]]) -> dict[str, str]:
    return run_sheet(
        _Toy(),  # type: ignore[arg-type]
        STEPS,
        {step.name: tuple(command) for step, command in zip(STEPS, commands, strict=True)},
        cautions={text: [step.name] for step, text in zip(STEPS, HOSTILE, strict=True)},
    )


def test_the_script_of_a_sheet_hands_every_word_over(tmp_path: Path) -> None:
    """Executed, with a program that writes its arguments down."""
    program = tmp_path / "a program"
    program.write_text('#!/bin/sh\nprintf "%s\\0" "$@" > arguments\n')
    program.chmod(0o755)
    texts = [text.replace("\x00", "") for text in HOSTILE]
    (tmp_path / "run.sh").write_text(sheet([(str(program), text, "last") for text in texts])["run.sh"])
    for step in STEPS:
        (tmp_path / step.name).mkdir(parents=True)
        (tmp_path / step.name / f"{step.seed}.toy").touch()
    subprocess.run(["bash", "-n", "run.sh"], cwd=tmp_path, check=True)
    found = subprocess.run(["bash", "run.sh"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
    for step, text in zip(STEPS, texts, strict=True):
        assert (tmp_path / step.name / "arguments").read_bytes().decode().split("\0") == [text, "last", ""]
    assert not list(tmp_path.rglob(CANARY))


@pytest.mark.parametrize("text", HOSTILE, ids=range(40))
def test_the_slurm_script_sets_a_variable_and_runs_nothing(text: str, tmp_path: Path) -> None:
    (tmp_path / "run.slurm").write_text(sheet([(text or "x", "y")] * len(STEPS))["run.slurm"])
    (tmp_path / "run.sh").write_text('printf "%s" "$TOY_COMMAND" > command\n')
    clean = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    subprocess.run(["bash", "run.slurm"], cwd=tmp_path, env=clean, check=True, capture_output=True)
    assert (tmp_path / "command").read_bytes().decode() == text.replace("\x00", "")
    assert not (tmp_path / CANARY).exists()


@pytest.mark.parametrize("name", ["espresso/espresso.sh.j2", "vasp/vasp.sh.j2"])
def test_the_scripts_of_codes_run_nothing_of_their_values(name: str, tmp_path: Path) -> None:
    """No such value reaches them through dftflow; the templates alone would hold."""
    for text in HOSTILE:
        one = {"symbol": text, "valence": None}
        values: dict[str, Any] = {"library": text, "family": text, "potentials": [one, one]}
        values["programs"] = [text, text]
        if name.startswith("espresso"):
            values = {"seed": text, "stages": ["scf", text], "potentials": [text, text]}
        script = render_template(name, values, language=SHELL)
        subprocess.run(["bash", "-n", "-c", script], check=True)
        clean = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
        subprocess.run(["bash", "-c", script], cwd=tmp_path, check=False, capture_output=True, env=clean)
        assert not (tmp_path / CANARY).exists()


def test_the_sheet_for_a_person_shows_every_text_as_text() -> None:
    page = sheet([("program", text, "last") for text in HOSTILE])["RUN.md"]
    tokens = MarkdownIt("commonmark").enable("table").parse(page)
    assert not [token for token in tokens if "html" in token.type]
    cells = [token for token, opened in zip(tokens[1:], tokens, strict=False) if opened.type == "td_open"]
    assert len(cells) == 40 * 5
    for number, text in enumerate(HOSTILE):
        children = [child for cell in cells[5 * number : 5 * number + 5] for child in cell.children or []]
        assert not [
            child for child in children if child.type not in ("text", "code_inline", "softbreak", "text_special")
        ]
        title = "".join(child.content for child in cells[5 * number + 2].children or [])
        assert title.split() == "".join(char if is_line(char) else " " for char in text).split()


# --- the languages ----------------------------------------------------------------------------------------------

ANY = st.text(st.characters(codec="utf-8")) | st.sampled_from(HOSTILE)


@pytest.mark.parametrize("language", LANGUAGES.values(), ids=LANGUAGES)
def test_a_value_is_inert_wherever_the_author_of_a_template_puts_it(language: Language) -> None:
    for text in HOSTILE:
        written = render_template("x.j2", {"x": text}, search=[{"x.j2": "{{ x }}"}], language=language)
        assert is_line(written) and written == language.inert(text)
        listed = render_template("x.j2", {"x": [text]}, search=[{"x.j2": "{{ x }}"}], language=language)
        assert is_line(listed) and listed == language.inert(str([text]))


@given(ANY)
def test_python(text: str) -> None:
    assert ast.literal_eval(PYTHON.quoted(text)) == text
    inert = PYTHON.inert(text)
    assert ast.unparse(ast.parse(f'"""{inert}"""\nx = "{inert}"  # {inert}\ny = \'{inert}\'')).count("\n") == 2
    assert ast.literal_eval(f'"{inert}"') == inert


@given(ANY)
def test_shell(text: str) -> None:
    plain = text.replace("\x00", "")
    assert shlex.split(SHELL.quoted([text, "b"])) == [plain, "b"]
    inert = SHELL.inert(text)
    assert shlex.split(inert, comments=True) == inert.split(" ") or "  " in f" {inert} " or not inert
    assert not re.search(r"[^\w ._+,:/@%=-]", inert)


@given(ANY)
def test_fortran(text: str) -> None:
    """A literal ends at the first quote that is not doubled (Fortran 2018, 7.4.4)."""
    quoted = ESPRESSO.quoted(text)
    assert quoted.isascii() and is_line(quoted)
    assert quoted[0] == quoted[-1] == "'" and "'" not in quoted[1:-1].replace("''", "")
    assert not set(ESPRESSO.inert(text)) & set("'\"")


@given(ANY)
def test_decks_that_have_no_literals_get_one_line_of_ascii(text: str) -> None:
    for language in (CASTEP, VASP, ESPRESSO):
        assert language.inert(text).isascii() and is_line(language.inert(text))
    assert not set(VASP.inert(text)) & set('"\\{}')


def test_a_filter_where_there_are_no_literals_is_an_error() -> None:
    with pytest.raises(SpecError, match="quoted"):
        render_template("x.j2", {"x": "a"}, search=[{"x.j2": "{{ x | quoted }}"}], language=CASTEP)


def test_what_dftflow_made_in_the_language_stays() -> None:
    block = Verbatim('a\n"b"\\')
    assert render_template("x.j2", {"x": block}, search=[{"x.j2": "{{ x }}"}], language=PYTHON) == str(block)
    assert MARKDOWN.written(3) == 3


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
@given(st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=20))
def test_a_shell_agrees(text: str) -> None:
    found = subprocess.run(["bash", "-c", f"printf %s {SHELL.quoted(text)}"], capture_output=True, check=True)
    assert found.stdout == text.encode()
