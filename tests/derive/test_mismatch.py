"""Lattice mismatch in a study: quantities with what was compared, and what a study file may not ask."""

from __future__ import annotations

from pathlib import Path

import pytest

from dftflow.errors import StudyError
from dftflow.model.outcome import StudyOutcome
from dftflow.model.quantity import Quantity
from dftflow.studies.outcome import study_outcome
from dftflow.studies.plan import plan_study
from dftflow.studies.reader import load_study

MATERIAL = """
[materials.{name}]
structure = "{structure}"
cutoff_ev = 244.9
relax_kpoints = [2, 2, 2]
bands_kpoints = [4, 4, 4]
"""
HEAD = 'schema = 1\ntitle = "fit"\n' + "".join(
    MATERIAL.format(name=name, structure=structure)
    for name, structure in (("FA", "FAPbBr3_Pm-3m_FA100"), ("Cs", "CsPbBr3_Pnma"), ("Salt", "CsBr_Pm-3m"))
)
TABLE = """
[[mismatch]]
materials = ["FA", "Cs"]
published_percent = 3.4

[[mismatch]]
materials = ["FA", "Cs"]
planes = [{ first = [1, 0, 0], first_setting = "cubic", second = [0, 1, 0], second_setting = "Pnma" }]
"""


def outcome_of(root: Path, table: str) -> StudyOutcome:
    (root / "fit.toml").write_text(HEAD + table)
    return study_outcome(plan_study(load_study(str(root / "fit.toml"), "quick")), {}, ())


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> StudyOutcome:
    """Cells as given: nothing was calculated."""
    return outcome_of(tmp_path_factory.mktemp("fit"), TABLE)


def quantity(outcome: StudyOutcome, name: str) -> Quantity:
    return next(one for one in outcome.quantities if one.name == name)


def test_lengths_say_what_was_compared_and_what_was_published(outcome: StudyOutcome) -> None:
    along = quantity(outcome, "lattice mismatch, a | c/√2")
    assert along.value == pytest.approx(3.33, abs=0.01) and along.unit == "%" and along.subject == "FA | Cs"
    assert along.remarks[:3] == (
        "a = 5.9900 Å | c/√2 = 5.7970 Å",
        "FA on Cs is compressed by 3.22 %",
        "published 3.4 %; nearest to it is a (5.9900 Å) with c/√2 (5.7970 Å): "
        "3.33 % of the second, 3.22 % of the first",
    )
    assert along.origin == ("FAPbBr3_Pm-3m_FA100", "CsPbBr3_Pnma")
    assert quantity(outcome, "lattice mismatch, V^(1/3) | (V/4)^(1/3)").value == pytest.approx(2.72, abs=0.01)


def test_the_planes_asked_for_and_the_least_strained_ones(outcome: StudyOutcome) -> None:
    asked = quantity(outcome, "least strain of (100) cubic | (010) Pnma")
    assert asked.value == pytest.approx(3.01, abs=0.01)
    assert "FA is compressed by" in asked.remarks[1] and "71.8 Å²" in asked.remarks[0]
    best = [one for one in outcome.quantities if one.name.startswith("least strain")]
    assert best[0].name == "least strain of (110) Pm-3m | (001) Pnma"
    assert [len(found.pairs) for found in outcome.mismatches] == [6, 1]


def test_what_shares_no_cell_says_so(tmp_path: Path) -> None:
    table = '\n[mismatch]\nmaterials = ["FA", "Salt"]\nmax_area_ang2 = 20.0\nmost_strain_percent = 0.5\n'
    found = quantity(outcome_of(tmp_path, table), "least strain of two planes")
    assert found.missing is not None and "no two planes" in found.missing.reason


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ('materials = ["FA", "Other"]', "names 'Other'"),
        ('materials = ["FA", "FA"]', "twice"),
        ('materials = ["FA"]', "materials"),
        ('materials = ["FA", "Cs"]\nmax_index = 9', "max_index"),
        ('materials = ["FA", "Cs"]\nplanes = [{ first = [0, 0, 0], second = [1, 0, 0] }]', "planes"),
        ('materials = ["FA", "Cs"]\nplane = 1', "planes"),
    ],
)
def test_what_cannot_be_asked_is_refused(table: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(StudyError) as caught:
        outcome_of(tmp_path, f"\n[[mismatch]]\n{table}\n")
    assert told in str(caught.value) and "fit.toml:" in caught.value.where


def test_a_plane_that_is_ambiguous_is_refused_before_anything_runs(tmp_path: Path) -> None:
    table = '\n[[mismatch]]\nmaterials = ["FA", "Cs"]\nplanes = [{ first = [1, 0, 0], second = [0, 1, 1] }]\n'
    with pytest.raises(StudyError, match="first_setting = ") as caught:
        outcome_of(tmp_path, table)
    assert "ambiguous" in caught.value.summary and caught.value.where.endswith(tuple("0123456789"))


def test_a_substituted_crystal_is_not_said_to_be_as_it_was_given(tmp_path: Path) -> None:
    hybrid = MATERIAL.format(name="Put", structure="CsPbBr3_Pm-3m") + "pseudocubic_ang = 5.99\n"
    table = '\n[materials.Put.substitute]\nsite = "Cs"\nby = "FA"\n\n[mismatch]\nmaterials = ["Put", "Cs"]\n'
    found = quantity(outcome_of(tmp_path, hybrid + table), "lattice mismatch, a | c/√2")
    assert "Put as given: CsPbBr3_Pm-3m, with ions substituted" in found.remarks[-1]
