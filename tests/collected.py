"""Studies whose calculations a test makes up: each crystal with the energy that it gives."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from model_crystal import leave

from dftflow.model.outcome import StudyOutcome
from dftflow.model.step import Step
from dftflow.studies.builder import Builder
from dftflow.studies.execution import collect_study
from dftflow.studies.plan import plan_study
from dftflow.studies.reader import load_study

MATERIAL = """
[materials.{name}]
structure = "{structure}"
cutoff_ev = 300.0
relax_kpoints = {grid}
bands_kpoints = {grid}
"""


def material(name: str, structure: str, grid: str = "[4, 4, 4]") -> str:
    return MATERIAL.format(name=name, structure=structure, grid=grid)


def collected_with(root: Path, text: str, per_atom_ev: Callable[[Step, Any], float | None]) -> StudyOutcome:
    """The outcome of a study; `per_atom_ev` gives each step its energy, None for one that was not run."""
    (root / "s.toml").write_text('schema = 1\ntitle = "s"\n' + text)
    study = load_study(str(root / "s.toml"), "quick")
    plan = plan_study(study)
    builder = Builder(plan)
    for step in plan.steps:
        built = builder.build(step)
        energy_ev = per_atom_ev(step, built)
        if energy_ev is not None:
            changes = {"energy_ev": energy_ev * len(built.structure)}
            leave(root / "done" / step.name, built.structure, built.spec, changes=changes)
    return collect_study(study, root / "done")
