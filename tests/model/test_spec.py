"""Calculations that contradict themselves are refused before any code sees them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from dftflow.errors import SpecError
from dftflow.model.spec import CalcSpec, KPath, KPoint, Relaxation

RELAXATION = Relaxation(
    cell="fixed",
    energy_tol_ev_per_atom=2e-5,
    force_tol_ev_per_ang=0.05,
    stress_tol_gpa=0.1,
    displacement_tol_ang=2e-3,
    max_steps=100,
)
SPEC = CalcSpec(
    title="t",
    task="relax",
    xc="PBE",
    cutoff_ev=244.9,
    grid=(2, 2, 1),
    smearing_ev=0.1,
    scf_tol_ev_per_atom=2e-6,
    max_scf_cycles=100,
    relaxation=RELAXATION,
    slab_axis=2,
)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"cutoff_ev": 0.0}, "cutoff is 0"),
        ({"grid": (2, 0, 1)}, "k-grid"),
        ({"grid": (2.5, 2, 1)}, "k-grid"),
        ({"grid": (2, 2)}, "k-grid"),
        ({"grid": (2, 2, 1, 1)}, "k-grid"),
        ({"grid": (2, 2, 2)}, "2 points along the slab's normal"),
        ({"slab_axis": 3}, "slab_axis is 3"),
        ({"relaxation": replace(RELAXATION, cell="all")}, "cannot be relaxed"),
        ({"relaxation": None}, "do not go together"),
        ({"task": "potential", "relaxation": None, "fixed_atoms": (0,)}, "moves no atom"),
        ({"fixed_atoms": (0, 0)}, "twice"),
    ],
)
def test_contradictions(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        replace(SPEC, **changes)


def test_fixed_atoms_are_those_of_the_structure() -> None:
    replace(SPEC, fixed_atoms=(0, 2)).check_fixed_atoms(3)
    with pytest.raises(SpecError, match="atom 2, but there are 2"):
        replace(SPEC, fixed_atoms=(0, 2)).check_fixed_atoms(2)
    with pytest.raises(SpecError, match="nothing to relax"):
        replace(SPEC, fixed_atoms=(0, 1)).check_fixed_atoms(2)


@pytest.mark.parametrize("spacing_per_ang", [0.0, -1.0, float("nan")])
def test_a_path_has_steps(spacing_per_ang: float) -> None:
    corner = KPoint(label="G", frac=(0.0, 0.0, 0.0))
    with pytest.raises(SpecError, match="spacing of the path"):
        KPath(segments=((corner, corner),), spacing_per_ang=spacing_per_ang)
