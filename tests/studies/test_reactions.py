"""Reactions and phases of a study file: what is refused when it is read or planned, and what comes out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from collected import collected_with, material

from dftflow.errors import StudyError
from dftflow.model.outcome import StudyOutcome
from dftflow.model.quantity import Quantity
from dftflow.studies.plan import plan_study
from dftflow.studies.reader import load_study

HALIDES = (
    material("CsPbBr3", "CsPbBr3_Pm-3m")
    + material("gamma", "CsPbBr3_Pnma", "[3, 2, 3]")
    + material("Cs4PbBr6", "Cs4PbBr6_R-3c", "[2, 2, 1]")
    + material("CsBr", "CsBr_Pm-3m", "[5, 5, 5]")
)
REACTION = """
[[reaction]]
equation = "Cs4PbBr6 -> CsPbBr3 + 3 CsBr"
convergence_ev_per_atom = 0.001
[phases]
materials = "all"
"""
TURNED = (
    material("FA", "CsPbBr3_Pm-3m", "[4, 4, 4]").rstrip()
    + '\nsubstitute = { site = "Cs", by = "FA", orientation = "100/010" }\n'
    + material("other", "FAPbBr3_Pm-3m_FA100", "[4, 4, 4]")
    + '[phases]\nmaterials = "all"\nconvergence_ev_per_atom = 0.001\n'
)
PER_ATOM_EV = {"CsPbBr3": -3.4, "gamma": -3.45, "Cs4PbBr6": -3.6, "CsBr": -3.7}
"""-17 - 22.2 + 39.6 = +0.4 eV per formula unit."""


def planned(root: Path, text: str) -> str:
    """The error of a study."""
    (root / "s.toml").write_text('schema = 1\ntitle = "s"\n' + text)
    with pytest.raises(StudyError) as caught:
        plan_study(load_study(str(root / "s.toml"), "quick"))
    assert caught.value.where.startswith(f"{root / 's.toml'}:")
    return caught.value.sentence


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[reaction]\nequation = "Cs4PbBr6 -> CsPbBr3 + CsCl"', "names 'CsCl'; the study has"),
        ('[reaction]\nequation = "Cs4PbBr6 = CsPbBr3"', "one arrow"),
        ('[reaction]\nequation = "Cs4PbBr6 -> CsPbBr3 + 2 CsBr"', "1 Br, 1 Cs too few on the right"),
        ('[phases]\nmaterials = ["CsBr", "KBr"]', "names 'KBr'; the study has"),
        ('[phases]\nmaterials = ["CsBr", "CsBr"]', "twice"),
        ('[phases]\nmaterials = "some"', "list of names"),
        ('[reaction]\nequation = "CsBr -> CsBr"', "twice"),
    ],
)
def test_what_no_study_can_mean_is_refused_with_its_line(text: str, told: str, tmp_path: Path) -> None:
    assert told in planned(tmp_path, HALIDES + text)


def by_name(outcome: StudyOutcome, name: str) -> list[Quantity]:
    return [one for one in outcome.quantities if one.name == name]


def per_atom_ev(step: Any, built: Any) -> float:
    return PER_ATOM_EV[step.id.subject.materials[0]]


def test_reactions_and_phases_come_out(tmp_path: Path) -> None:
    outcome = collected_with(tmp_path, HALIDES + REACTION, per_atom_ev)
    (energy,) = by_name(outcome, "reaction energy")
    assert energy.value == pytest.approx(0.4) and energy.subject == "Cs4PbBr6 -> CsPbBr3 + 3 CsBr"
    assert energy.uncertainty == pytest.approx((-0.26423, 0.26423), abs=1e-4), "11 x hypot(24, 1) meV"
    assert by_name(outcome, "sign of the reaction energy")[0].value == "costs energy"
    above = {one.subject: one.value for one in by_name(outcome, "energy above the lowest phase")}
    assert above == {"CsPbBr3": pytest.approx(0.25), "gamma": pytest.approx(0.0)}
    volumes = {one.subject: one.value for one in by_name(outcome, "volume per formula unit")}
    assert volumes["CsPbBr3"] == pytest.approx(5.874**3) and volumes["gamma"] == pytest.approx(793.1 / 4, abs=0.1)


def test_a_material_that_was_not_run_is_named(tmp_path: Path) -> None:
    outcome = collected_with(
        tmp_path, HALIDES + REACTION, lambda s, b: None if s.name == "CsBr/bulk-bands" else per_atom_ev(s, b)
    )
    for name in ("reaction energy", "reaction energy per atom", "molar reaction energy", "sign of the reaction energy"):
        (one,) = by_name(outcome, name)
        assert one.missing is not None and one.missing.kind == "not run" and "CsBr has no energy" in one.missing.reason


def test_a_sweep_gives_the_convergence(tmp_path: Path) -> None:
    sweep = "[sweep]\ncutoff_ev = [400.0, 500.0]\n"
    text = HALIDES + REACTION.replace("convergence_ev_per_atom = 0.001\n", "") + sweep

    def energy_ev(step: Any, built: Any) -> float:
        """At 500 eV CsBr lies 1 meV per atom higher, the others as at 300 eV: 6 meV."""
        higher = 0.001 if step.point.get("cutoff_ev") == 500.0 and step.id.subject.materials == ("CsBr",) else 0.0
        return per_atom_ev(step, built) + higher

    outcome = collected_with(tmp_path, text, energy_ev)
    (energy,) = by_name(outcome, "reaction energy")
    assert "convergence 0.006 eV (change to the cutoff 500 of the sweep)" in energy.uncertainty_holds
    assert by_name(outcome, "sign of the reaction energy")[0].value == "costs energy"


def test_a_picture_has_the_error_of_its_own_series(tmp_path: Path) -> None:
    """Only FA along <100> is calculated at 500 eV too, 1 meV per atom higher; along <110> it lies 50 meV higher."""
    text = TURNED.replace("convergence_ev_per_atom = 0.001\n", "") + (
        '[[sweep]]\norientation = ["110/001"]\nmaterials = ["FA"]\n[[sweep]]\ncutoff_ev = [500.0]\n'
    )

    def energy_ev(step: Any, built: Any) -> float:
        if step.id.subject.materials == ("other",):
            return -5.1
        return -5.0 + (0.05 if step.point.get("orientation") else 0.0) + (0.001 if step.point.get("cutoff_ev") else 0.0)

    outcome = collected_with(tmp_path, text, energy_ev)
    found = {str(one.point): one for one in by_name(outcome, "energy above the lowest phase") if one.subject == "FA"}
    assert "convergence 0.012 eV (change to the cutoff 500 of the sweep)" in found[""].uncertainty_holds
    assert found["orientation = 110/001"].value == pytest.approx(12 * 0.15)
    assert "nothing of how far it is converged" in found["orientation = 110/001"].uncertainty_holds


def test_orientations_have_a_mean_and_a_spread(tmp_path: Path) -> None:
    """Of 6 ways along <100> and 12 along <110>, by the weights of the host."""
    text = TURNED + (
        '[[published]]\nquantity = "mean energy above the lowest phase"\nsubject = "FA"\nvalue = 0.25\nunit = "eV"\n'
        'source = "10.1000/xyz"\n[sweep]\nmaterials = ["FA"]\norientation = ["100/010", "110/001"]\n'
    )

    def energy_ev(step: Any, built: Any) -> float:
        (material_,) = step.id.subject.materials
        return -5.0 if material_ == "other" else -5.0 + {"100/010": 0.01, "110/001": 0.02}.get(
            str(step.point.get("orientation") or "100/010"), 0.0
        )  # fmt: skip

    outcome = collected_with(tmp_path, text, energy_ev)
    mean = [one for one in by_name(outcome, "mean energy above the lowest phase") if one.subject == "FA"]
    assert [one.value for one in mean] == [pytest.approx(12 * (0.01 + 0.02) / 2)], "12 atoms; 12 ways each"
    (row,) = outcome.published
    assert row.ours == mean[0] and row.verdict == "differ", "0.12 to 0.24 eV"
