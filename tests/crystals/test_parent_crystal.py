"""The crystal read back from a slab: it is the one that was cut, and gives the same slab at another thickness."""

from __future__ import annotations

from pathlib import Path

import pytest
from pymatgen.analysis.structure_matcher import StructureMatcher

from dftflow.crystals.ions import ionic_units
from dftflow.crystals.overlay import misfit, stack_of
from dftflow.crystals.parent_crystal import parent_crystal
from dftflow.crystals.planes import resolve_plane
from dftflow.crystals.slabs import enumerate_slabs
from dftflow.crystals.sources import load_crystal

CASES = [
    ("CsPbBr3_Pm-3m", "cubic", (0, 0, 1), "CsBr"),
    ("CsPbBr3_Pm-3m", "cubic", (0, 0, 1), "PbBr2"),
    ("CsPbBr3_Pm-3m", "cubic", (1, 1, 0), "CsPbBr"),
    ("CsPbBr3_Pnma", "Pnma", (0, 1, 0), "CsBr"),
    ("CsPbBr3_Pnma", "Pnma", (0, 1, 1), "CsBr3 (half)"),
]


@pytest.mark.parametrize(("name", "setting", "miller", "termination"), CASES)
def test_the_crystal_of_a_slab(name: str, setting: str, miller: tuple[int, int, int], termination: str) -> None:
    crystal = load_crystal(name, base_dir=Path()).structure
    plane = resolve_plane(crystal, miller, setting)
    thin, thick = (
        next(
            slab
            for slab in enumerate_slabs(crystal, plane, min_thickness_ang=thickness_ang, vacuum_ang=15.0)
            if slab.termination == termination
        )
        for thickness_ang in (10.0, 20.0)
    )
    parent = parent_crystal(thin)
    assert parent is not None
    assert StructureMatcher(scale=False).fit(parent.structure, crystal)
    wanted = stack_of(ionic_units(thick.structure), thick.structure.lattice.matrix)
    assert len(wanted.names) > len(ionic_units(thin.structure))
    fits = [misfit(stack, wanted) for stack in parent.with_ions(len(wanted.names))]
    assert min(fit.max_ang for fit in fits if fit is not None) < 0.02
    assert parent.with_ions(len(wanted.names) + 1) == []
