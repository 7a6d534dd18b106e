"""A failed check takes out what it concerns, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
from pymatgen.core import Lattice, Structure

from dftflow.gate.calculation import Refused, sound
from dftflow.model.check import Check, Part
from dftflow.model.dos import DensityOfStates
from dftflow.model.edge_shifts import EdgeShifts
from dftflow.model.energy import Energy, EnergyZero
from dftflow.model.projections import ProjectionGroup, Projections
from dftflow.model.results import Bands, Density, PotentialGrid, RelaxationStep, Results

ZERO = EnergyZero("a", "cell_average")
FIELDS: dict[Part, tuple[str, ...]] = {
    "status": ("status",),
    "structure": ("structure",),
    "energy": ("energy_ev", "free_energy_ev", "finite_basis_de_dlnecut_ev", "steps"),
    "forces": ("forces_ev_per_ang",),
    "stress": ("stress_gpa",),
    "fermi": ("log_fermi",),
    "bands": ("bands", "projections"),
    "projections": ("projections",),
    "dos": ("dos",),
    "potential": ("potential",),
    "density": ("density",),
    "shifts": ("shifts",),
}


def results(*checks: Check) -> Results:
    step = RelaxationStep(
        energy_ev=-3.0, max_force_ev_per_ang=0.1, max_stress_gpa=0.1, max_displacement_ang=None, volume_ang3=64.0
    )
    return Results(
        code="any",
        code_version="1",
        status="finished",
        energy_ev=-3.0,
        free_energy_ev=-3.1,
        checks=checks,
        structure=Structure(Lattice.cubic(4), ["Ar"], [[0, 0, 0]]),
        forces_ev_per_ang=np.zeros((1, 3)),
        stress_gpa=np.eye(3),
        finite_basis_de_dlnecut_ev=-1.0,
        log_fermi=Energy(1.5, ZERO),
        bands=Bands(
            eigenvalues_ev=np.array([[[0.0, 1.0, 2.0]]]),
            kpoints_frac=np.zeros((1, 3)),
            labels=("",),
            on_path=(-1,),
            reciprocal_per_ang=2 * np.pi / 4 * np.eye(3),
            n_electrons=(4.0,),
            fermi_ev=1.5,
            zero=ZERO,
        ),
        projections=Projections(
            weights=np.full((1, 1, 3, 1), 0.5), groups=(ProjectionGroup(element="Ar"),), method="of a test"
        ),
        dos=DensityOfStates(energies_ev=[0.0, 1.0], total=[[1.0, 1.0]], fermi_ev=None, zero=ZERO, source="a test"),
        potential=PotentialGrid(values_ev=np.zeros((2, 2, 2)), cell_ang=4 * np.eye(3), kind="local", zero=ZERO),
        density=Density(cell_ang=4 * np.eye(3), n_electrons=4.0, counted_to=1e-6, n_spins=1),
        shifts=EdgeShifts(labels=("G",), kpoints_frac=np.zeros((1, 3)), before_ev=[[0.0, 1.0]]),
        steps=(step,),
    )


def check(passed: bool | None, *concerns: Part) -> Check:
    return Check(name="a = b", passed=passed, detail="1 and 2 eV", concerns=concerns)


def test_every_part_has_its_fields() -> None:
    assert set(FIELDS) == set(get_args(Part))


@pytest.mark.parametrize("part", FIELDS)
def test_a_failed_check_costs_the_part_that_it_concerns(part: Part) -> None:
    whole = results(check(False, part))
    judged = sound(whole)
    assert judged.refused == (Refused(part=part, reason="this does not hold: a = b (1 and 2 eV)"),)
    assert judged.refused_parts == (part,) and judged.why_without(part) == judged.refused[0].reason
    for names in FIELDS.values():
        for name in names:
            found = getattr(judged.results, name)
            if name in FIELDS[part]:
                assert found in (None, (), "unknown"), name
            else:
                assert found is getattr(whole, name), name


@pytest.mark.parametrize("passed", [True, None])
def test_what_passes_or_stays_open_refuses_nothing(passed: bool | None) -> None:
    whole = results(check(passed, *FIELDS))
    judged = sound(whole)
    assert judged.refused == () and judged.results.bands is whole.bands and judged.why_without("bands") == ""
    assert judged.results.checks[0] is whole.checks[0] and len(judged.results.checks) > 1, "with those of the gate"


def test_a_part_that_is_not_there_is_not_refused() -> None:
    judged = sound(Results(code="any", code_version="1", status="died", checks=(check(False, "bands", "energy"),)))
    assert judged.refused == ()


def test_every_reason_is_kept() -> None:
    judged = sound(results(check(False, "bands"), check(False, "bands", "energy")))
    assert [refusal.part for refusal in judged.refused] == ["bands", "bands", "energy"]
    assert judged.refused_parts == ("bands", "energy") and judged.why_without("bands").count("a = b") == 2


def test_without_log_and_eigenvalues_there_is_no_fermi_level() -> None:
    judged = sound(results(check(False, "bands", "fermi")))
    assert judged.results.fermi is None and judged.results.fermi_ev is None


@pytest.mark.parametrize("part", get_args(Part))
def test_what_a_reader_had_to_refuse_is_refused_with_its_reason(part: Part) -> None:
    """Also where something of that name is there: it is of another file, or of another geometry."""
    judged = sound(replace(results(), lost={part: "stars stand there"}))
    assert judged.refused == (Refused(part=part, reason="stars stand there"),)
    assert judged.why_without(part) == "stars stand there"
    for name in FIELDS[part]:
        assert getattr(judged.results, name) in (None, (), "unknown"), name
    assert all(getattr(judged.results, name) for other, names in FIELDS.items() if other != part for name in names[:1]
               if name not in FIELDS[part] and other not in ("forces", "stress", "structure"))  # fmt: skip


def test_what_was_lost_comes_before_the_checks_that_failed() -> None:
    check = Check(name="cell", passed=False, detail="1 and 2", concerns=("bands",))
    judged = sound(replace(results(check), lost={"forces": "stars"}))
    assert judged.refused_parts == ("forces", "bands")
