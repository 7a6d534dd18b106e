"""Remedies as data: which one is taken, and that none changes what a result is."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest
from pymatgen.core import Lattice, Structure

from dftflow.codes.base import Code
from dftflow.codes.registry import load_code
from dftflow.codes.remedy import DeckLine, Remedy, fitting_remedy, with_lines
from dftflow.crystals.kpaths import standard_path
from dftflow.errors import SpecError
from dftflow.model.cause import CAUSES
from dftflow.model.results import Status
from dftflow.model.spec import CalcSpec, Relaxation, Task

CSBR = Structure(Lattice.cubic(4.291), ["Cs", "Br"], [[0, 0, 0], [0.5, 0.5, 0.5]])
SLAB = Structure(Lattice.orthorhombic(4.291, 4.291, 20), ["Cs", "Br"], [[0, 0, 0.4], [0.5, 0.5, 0.6]])
GOAL = Relaxation(
    cell="fixed", energy_tol_ev_per_atom=1e-5, force_tol_ev_per_ang=0.05, stress_tol_gpa=0.1,
    displacement_tol_ang=1e-3, max_steps=50,
)  # fmt: skip
SPEC = CalcSpec(
    title="t", task="potential", xc="PBE", cutoff_ev=400.0, grid=(2, 2, 1), smearing_ev=0.1, scf_tol_ev_per_atom=2e-6,
    max_scf_cycles=100,
)  # fmt: skip
MAY_CHANGE = {
    "castep": {"nextra_bands", "perc_extra_bands", "mix_charge_amp", "max_scf_cycles", "metals_method", "continuation",
               "opt_strategy", "geom_max_iter"},
    "espresso": {"mixing_beta", "electron_maxstep", "diagonalization", "restart_mode", "nstep"},
    "gpaw": {"mixer", "maxiter", "max_steps"},
    "vasp": {"ALGO", "AMIX", "BMIX", "NELM", "NSW"},
}  # fmt: skip
"""What decides how a calculation gets to its end, by each code's manual: no cutoff, grid, smearing, criterion."""
CASES = [(name, remedy) for name in MAY_CHANGE for remedy in load_code(name, {}).remedies]


def deck_of(code: Code, task: Task, remedy: Remedy | None = None) -> dict[str, str]:
    structure = CSBR if task == "bands" else SLAB
    if task == "bands":
        spec = replace(SPEC, task=task, path=standard_path(CSBR, 0.5))
    else:
        spec = replace(SPEC, task=task, relaxation=GOAL if task == "relax" else None, slab_axis=2)
    deck = dict(code.render(structure, remedy.changed(spec) if remedy else spec, "seed").files)
    return with_lines(deck, remedy.lines, ("4", "30")) if remedy else deck


def test_a_keyword_that_ends_in_a_sign_is_written_once() -> None:
    """In a template of one's own, which has the line already."""
    slower = DeckLine(file="*.py", keyword="mixer=", text="mixer={{'beta': 0.02}},", after="here")
    (text,) = with_lines({"a.py": "    mixer={'beta': 0.1},\nhere\n"}, (slower,), ()).values()
    assert text == "    mixer={'beta': 0.02},\nhere\n"


@pytest.mark.parametrize(("name", "remedy"), CASES, ids=[f"{name}-{remedy.name}" for name, remedy in CASES])
def test_a_remedy_changes_how_the_result_is_reached_and_nothing_else(name: str, remedy: Remedy) -> None:
    code = load_code(name, {})
    for task in remedy.tasks:
        before, after = deck_of(code, task), deck_of(code, task, remedy)
        lines = [set(text) ^ set(other) for text, other in _lines_of_both(before, after)]
        changed = {re.split(r"[\s=:(]+", line.strip())[0].lower() for line in set().union(*lines)}
        allowed = {word.lower() for word in MAY_CHANGE[name]}
        assert changed <= allowed, (task, changed)
        assert changed or remedy.start != "anew", f"{remedy.name} does nothing"


def _lines_of_both(before: dict[str, str], after: dict[str, str]) -> list[tuple[list[str], list[str]]]:
    assert before.keys() == after.keys()
    squeezed = [{name: [" ".join(line.split()) for line in text.splitlines()] for name, text in deck.items()}
                for deck in (before, after)]  # fmt: skip
    return [(squeezed[0][name], squeezed[1][name]) for name in before]


@pytest.mark.parametrize("name", MAY_CHANGE)
def test_every_remedy_is_for_a_cause_that_there_is(name: str) -> None:
    remedies = load_code(name, {}).remedies
    assert all(remedy.causes and set(remedy.causes) <= set(CAUSES) and remedy.most <= 2 for remedy in remedies)
    assert len({remedy.name for remedy in remedies}) == len(remedies)
    assert all(remedy.tasks == ("relax",) for remedy in remedies if remedy.start != "anew")


def test_every_status_of_a_calculation_has_its_words() -> None:
    assert {*get_args(Status)} - {"finished"} <= set(CAUSES)


def test_castep_is_given_the_bands_that_it_recommends(tmp_path: Path) -> None:
    """The last recommendation of the log counts; without one the density is mixed more slowly."""
    code = load_code("castep", {})
    log = tmp_path / "seed.castep"
    log.write_text("Warning: There are no empty bands\n")
    ask = {"cause": "scf_not_converged", "task": "bands"}
    found = fitting_remedy(code.remedies, tmp_path, **ask, tried=())  # type: ignore[arg-type]
    assert found is not None and found.remedy.name == "slow-mixing"
    log.write_text(
        "          Recommend using nextra_bands of 2 to 4.\n          Recommend using nextra_bands of 16 to 30.     \n"
    )
    found = fitting_remedy(code.remedies, tmp_path, **ask, tried=())  # type: ignore[arg-type]
    assert found is not None and found.remedy.name == "recommended-bands" and found.values == ("16", "30")
    param = with_lines(deck_of(code, "bands"), found.remedy.lines, found.values)["seed.param"]
    assert re.search(r"^nextra_bands +: 30$", param, re.MULTILINE) and "perc_extra_bands" not in param
    again = fitting_remedy(code.remedies, tmp_path, **ask, tried=("recommended-bands",))  # type: ignore[arg-type]
    assert again is not None and again.remedy.name == "slow-mixing"


def test_a_remedy_waits_for_the_file_that_it_needs(tmp_path: Path) -> None:
    code = load_code("castep", {})
    ask = {"cause": "out_of_time", "task": "relax"}
    found = fitting_remedy(code.remedies, tmp_path, **ask, tried=())  # type: ignore[arg-type]
    assert found is not None and found.remedy.name == "last-geometry"
    (tmp_path / "seed.check").write_text("")
    found = fitting_remedy(code.remedies, tmp_path, **ask, tried=())  # type: ignore[arg-type]
    assert found is not None and found.remedy.name == "continuation"
    assert fitting_remedy(code.remedies, tmp_path, cause="out_of_time", task="bands", tried=()) is None


def test_smearing_is_nobodys_to_change() -> None:
    """It decides the number: a study says it, or a person by `retry --set`."""
    for name in MAY_CHANGE:
        for remedy in load_code(name, {}).remedies:
            words = " ".join(line.text.lower() for line in remedy.lines)
            assert not re.search(r"smear|degauss|sigma|fermidirac|encut|ecut|cut_off|kpoint", words)


def test_a_line_takes_the_place_of_its_keyword_or_stands_behind_another() -> None:
    line = DeckLine(file="*.in", keyword="beta", text="beta = {0}", after=r"&A\b")
    assert with_lines({"a.in": "&A\n  Beta   = 0.7 ! why\n/\n"}, [line], ["0.2"]) == {"a.in": "&A\n  beta = 0.2\n/\n"}
    assert with_lines({"a.in": "&A\n  x = 1\n/\n"}, [line], ["0.2"]) == {"a.in": "&A\n  beta = 0.2\n  x = 1\n/\n"}
    other = replace(line, instead_of="gamma")
    for text in ("&A\n  gamma = 3\n  x = 1\n/\n", "&A\n  beta=1\n  x = 1\n GAMMA=3\n/\n"):
        assert with_lines({"a.in": text}, [other], ["0.2"]) == {"a.in": "&A\n  beta = 0.2\n  x = 1\n/\n"}
    assert with_lines({"a.in": "&A\n  beta = 1"}, [line], ["0.2"]) == {"a.in": "&A\n  beta = 0.2"}
    with pytest.raises(SpecError, match="no place for 'beta'"):
        with_lines({"a.in": "&B\n/\n", "b.out": "&A\n"}, [line], ["0.2"])
