"""The memory of a calculation before it runs, beside what GPAW was seen to take; and the refusal of what cannot fit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from pymatgen.core import Lattice, Structure

from dftflow.errors import MachineError
from dftflow.jobs.machine_profile import Machine
from dftflow.jobs.resource_table import ResourceTable
from dftflow.model.spec import CalcSpec
from dftflow.studies.memory import expected_memory_mib
from dftflow.studies.plan import plan_study
from dftflow.studies.reader import load_study
from dftflow.studies.work import Work

SITES = [[0.5, 0.5, 0.5], [0, 0, 0], [0.5, 0, 0], [0, 0.5, 0], [0, 0, 0.5]]
FACE = [[0.5, 0.5, 0], [0, 0, 0.5], [0.5, 0, 0.5], [0, 0.5, 0.5], [0, 0, 0]]
CUBIC = Structure(Lattice.cubic(5.874), ["Cs", "Pb", "Br", "Br", "Br"], SITES)
SLAB = Structure(
    Lattice.orthorhombic(5.874, 5.874, 40.0),
    [*(["Cs", "Pb", "Br", "Br", "Br"] * 3), "Cs", "Br"],
    [[x, y, (8 + 5.874 * (z + layer)) / 40] for layer in range(4) for x, y, z in FACE[: 5 if layer < 3 else 2]],
)
"""Three layers of CsPbBr3 and a face more, with 16 Å of vacuum."""
CSBR = Structure(Lattice.cubic(4.286), ["Cs", "Br"], [[0, 0, 0], [0.5, 0.5, 0.5]])


def spec(cutoff_ev: float, grid: tuple[int, int, int]) -> CalcSpec:
    return CalcSpec(
        title="m", task="potential", xc="PBE", cutoff_ev=cutoff_ev, grid=grid, smearing_ev=0.1,
        scf_tol_ev_per_atom=1e-3, max_scf_cycles=2, empty_bands=12,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("crystal", "cutoff_ev", "grid", "measured_mib"),
    [
        (CSBR, 400.0, (4, 4, 4), 151),
        (CUBIC, 300.0, (2, 2, 2), 174),
        (CUBIC, 500.0, (4, 4, 4), 225),
        (CUBIC.make_supercell([2, 2, 1], in_place=False), 300.0, (1, 1, 1), 292),
        (SLAB, 350.0, (3, 3, 1), 579),
    ],
)
def test_it_is_what_gpaw_takes_to_a_factor_of_one_and_a_half(
    crystal: Structure, cutoff_ev: float, grid: tuple[int, int, int], measured_mib: float
) -> None:
    """Measured: the largest resident memory of two SCF iterations, as the system tells it (`getrusage`)."""
    assert 1 / 1.5 < expected_memory_mib(crystal, spec(cutoff_ev, grid)) / measured_mib < 1.5


def test_it_grows_as_the_arrays_do() -> None:
    small = expected_memory_mib(CUBIC, spec(400.0, (12, 12, 12)))
    assert expected_memory_mib(CUBIC, spec(1600.0, (12, 12, 12))) / small == pytest.approx(8, rel=0.1)
    assert expected_memory_mib(CUBIC, spec(400.0, (24, 12, 12))) / small == pytest.approx(2, rel=0.1)
    apart = expected_memory_mib(CUBIC, spec(400.0, (12, 12, 12)), ranks=8, nodes=2)
    assert small / 2 < apart < small, "half of the arrays, and four processes"


def test_what_cannot_fit_is_refused_before_anything_runs(write_study: Callable[..., Path]) -> None:
    plan = plan_study(load_study(str(write_study())))
    tiny = Machine(name="tiny", cores=1, memory_mib=20.0)
    with pytest.raises(MachineError) as caught:
        Work(plan, machine=tiny).check(decks=False)
    assert "will not fit into the memory of the machine tiny" in caught.value.summary
    assert "atoms" in caught.value.reason and "memory_gib" in caught.value.fix


def test_who_says_what_it_needs_is_believed(write_study: Callable[..., Path]) -> None:
    plan = plan_study(load_study(str(write_study())))
    told = Machine(name="tiny", cores=1, memory_mib=20.0, table=ResourceTable(memory_gib=0.01))
    work = Work(plan, machine=told)
    work.check(decks=False)
    assert work.node(plan.steps[0], work.job_here).memory_mib == pytest.approx(10.24)
    large = Work(plan, machine=Machine(name="desk", cores=1, memory_mib=1e6))
    large.check(decks=False)
    assert 100 < large.node(plan.steps[0], large.job_here).memory_mib < 2000
