"""The memory of a calculation before it runs, beside what engines took; and the refusal of what cannot fit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import pi
from pathlib import Path

import pytest
from pymatgen.core import Lattice, Structure

from dftflow.codes.memory_use import MemoryUse
from dftflow.codes.registry import load_code
from dftflow.errors import MachineError
from dftflow.jobs.machine_profile import Machine
from dftflow.jobs.resource_table import ResourceTable
from dftflow.model.spec import CalcSpec, KPath, KPoint, Relaxation
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
SUPERCELL = CUBIC.make_supercell([2, 2, 1], in_place=False)
ODD = Structure(Lattice.from_parameters(4, 5, 6, 80, 95, 101), ["Cs", "Br"], [[0, 0, 0], [0.3, 0.41, 0.57]])
"""Without symmetry."""
NOTHING_ELSE = MemoryUse(process_mib=0.0)
CSBR = Structure(Lattice.cubic(4.286), ["Cs", "Br"], [[0, 0, 0], [0.5, 0.5, 0.5]])


LOOSE = Relaxation(
    cell="fixed", energy_tol_ev_per_atom=1e-3, force_tol_ev_per_ang=0.1, stress_tol_gpa=0.5,
    displacement_tol_ang=0.1, max_steps=2,
)  # fmt: skip


def spec(cutoff_ev: float, grid: tuple[int, int, int]) -> CalcSpec:
    return CalcSpec(
        title="m", task="potential", xc="PBE", cutoff_ev=cutoff_ev, grid=grid, smearing_ev=0.1,
        scf_tol_ev_per_atom=1e-3, max_scf_cycles=2, empty_bands=12,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("code", "crystal", "cutoff_ev", "grid", "measured_mib"),
    [
        ("gpaw", CSBR, 400.0, (4, 4, 4), 151),
        ("gpaw", CUBIC, 300.0, (2, 2, 2), 174),
        ("gpaw", CUBIC, 500.0, (4, 4, 4), 225),
        ("gpaw", SUPERCELL, 300.0, (1, 1, 1), 292),
        ("gpaw", SLAB, 350.0, (3, 3, 1), 579),
        ("espresso", CSBR, 400.0, (4, 4, 4), 42),
        ("espresso", CUBIC, 300.0, (2, 2, 2), 52),
        ("espresso", CUBIC, 500.0, (4, 4, 4), 82),
        ("espresso", CUBIC, 600.0, (6, 6, 6), 114),
        ("espresso", SUPERCELL, 300.0, (1, 1, 1), 189),
    ],
)
def test_it_is_what_the_engines_take_to_a_factor_of_one_and_a_half(
    code: str, crystal: Structure, cutoff_ev: float, grid: tuple[int, int, int], measured_mib: float
) -> None:
    """Measured: the largest resident memory of two SCF iterations, as the system tells it (`getrusage`)."""
    use = load_code(code, {}).memory_use
    asked = replace(spec(cutoff_ev, grid), slab_axis=2 if crystal is SLAB else None)
    assert 1 / 1.5 < expected_memory_mib(crystal, asked, use) / measured_mib < 1.5


def test_it_grows_as_the_arrays_do() -> None:
    grid = (24, 24, 24)
    small = expected_memory_mib(ODD, spec(400.0, grid), NOTHING_ELSE)
    assert expected_memory_mib(ODD, spec(1600.0, grid), NOTHING_ELSE) / small == pytest.approx(8, rel=0.01)
    assert expected_memory_mib(ODD, spec(400.0, (48, 24, 24)), NOTHING_ELSE) / small == pytest.approx(2, rel=0.01)
    apart = expected_memory_mib(ODD, spec(400.0, grid), MemoryUse(process_mib=10.0), ranks=8, nodes=2)
    assert apart == pytest.approx(small / 2 + 40), "half of the arrays, and four processes"


def test_points_of_a_path_count_for_a_code_that_holds_them() -> None:
    """KPOINTS of VASP lists them at weight zero behind half of the grid; in a cubic zone Γ-X is π/a long."""
    grid = spec(400.0, (2, 2, 2))
    listing = MemoryUse(process_mib=0.0, lists_path=True)

    def along(points: int) -> CalcSpec:
        corners = (KPoint(label="G", frac=(0.0, 0.0, 0.0)), KPoint(label="X", frac=(0.5, 0.0, 0.0)))
        return replace(grid, task="bands", path=KPath(segments=(corners,), spacing_per_ang=pi / 5.874 / (points - 0.5)))

    one = expected_memory_mib(CUBIC, grid, listing)
    assert expected_memory_mib(CUBIC, along(99), NOTHING_ELSE) == one, "taken in batches elsewhere"
    hundred, two_hundred = (expected_memory_mib(CUBIC, along(points), listing) for points in (100, 200))
    assert (two_hundred - hundred) / (hundred - one) == pytest.approx(100 / 103)


def test_of_a_slab_only_time_reversal_reduces_a_grid() -> None:
    """As CASTEP and VASP calculate it: (3, 3, 1) has 5 points then, and 3 by the symmetry of this slab."""
    crystal, slab = (replace(spec(350.0, (3, 3, 1)), slab_axis=axis) for axis in (None, 2))
    assert expected_memory_mib(SLAB, slab, NOTHING_ELSE) > 1.1 * expected_memory_mib(SLAB, crystal, NOTHING_ELSE)


def test_where_atoms_are_held_only_time_reversal_reduces_a_grid() -> None:
    relaxed = replace(spec(400.0, (6, 6, 6)), task="relax", relaxation=LOOSE)
    held = replace(relaxed, fixed_atoms=(0,))
    assert expected_memory_mib(CUBIC, held, NOTHING_ELSE) > 3 * expected_memory_mib(CUBIC, relaxed, NOTHING_ELSE)


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
