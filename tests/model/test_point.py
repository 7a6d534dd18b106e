"""Points of sweeps: their order, their names, and what is none."""

from __future__ import annotations

import pytest

from dftflow.model.names import is_name
from dftflow.model.point import OWN, SWEPT, Point
from dftflow.model.step import StepId, Subject

STEP = StepId(subject=Subject(kind="bulk", materials=("A",), label="bulk"), task="bands")


def test_settings_have_one_order_and_one_name() -> None:
    one = Point.of({"vacuum_ang": 20.0, "cutoff_ev": 300.0})
    assert one == Point.of({"cutoff_ev": 300, "vacuum_ang": 20})
    assert one.name == "cutoff-300-vacuum-20"
    assert str(one) == "cutoff_ev = 300, vacuum_ang = 20"
    assert one.as_dict() == {"cutoff_ev": 300.0, "vacuum_ang": 20.0}
    assert one.without("vacuum_ang") == Point.of({"cutoff_ev": 300.0})


@pytest.mark.parametrize(
    ("key", "value", "name"),
    [
        ("orientation", "100/001", "orientation-100_001"),
        ("xc", "PBEsol", "xc-PBEsol"),
        ("kpoint_spacing_per_ang", 0.25, "kspacing-0.25"),
        ("smearing_ev", 1e-5, "smearing-1e-05"),
        ("cutoff_ev", 300.00001, "cutoff-300.00001"),
        ("xc", "../..", "xc-"),
    ],
)
def test_names_of_points(key: str, value: float | str, name: str) -> None:
    assert Point.of({key: value}).name == name
    assert is_name(name)


def test_what_no_study_sweeps_is_no_point() -> None:
    with pytest.raises(ValueError, match="colour"):
        Point.of({"colour": "red"})
    with pytest.raises(ValueError, match="vacuum_ang, cutoff_ev"):
        Point((("vacuum_ang", 20.0), ("cutoff_ev", 300.0)))


def test_a_step_at_a_point_is_another_step() -> None:
    there = STEP.at(Point.of({"cutoff_ev": 300.0}))
    assert str(there) == "A/bulk-bands-cutoff-300" and there != STEP
    assert STEP.at(OWN) is STEP and not OWN
    assert set(SWEPT) == {
        "cutoff_ev", "kpoint_spacing_per_ang", "slab_thickness_ang", "vacuum_ang", "smearing_ev", "xc", "orientation",
        "fraction", "ordering", "seed",
    }  # fmt: skip
