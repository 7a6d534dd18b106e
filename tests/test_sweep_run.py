"""A sweep on the real engine: what physics says of a cutoff, and what runs once."""

from __future__ import annotations

from pathlib import Path

import pytest

import dftflow

pytestmark = [pytest.mark.engine, pytest.mark.timeout(900)]

STUDY = """\
schema = 1
title = "CsBr with two cutoffs"
preset = "quick"

[materials.CsBr]
structure = "CsBr_Pm-3m"
cutoff_ev = 200
relax_kpoints = [2, 2, 2]
bands_kpoints = [2, 2, 2]

[sweep]
cutoff_ev = [200, 260]
"""


def test_more_plane_waves_lower_the_energy_and_the_study_s_own_cutoff_runs_once(tmp_path: Path) -> None:
    """With the same potentials and k-points the energy is variational in the plane waves."""
    (tmp_path / "csbr.toml").write_text(STUDY)
    outcome = dftflow.run(tmp_path / "csbr.toml", tmp_path / "run", workers=1)
    folders = {step.name: step.folder for step in outcome.steps}
    assert folders["CsBr/bulk-bands"] == folders["CsBr/bulk-bands-cutoff-200"]
    assert len(list((tmp_path / "run").glob("steps/**/results.json"))) == 2
    energies = dftflow.quantities(outcome).where(name="total energy per atom")
    found = {point: energies.where(point={"cutoff_ev": point})[0].value for point in (200, 260)}
    assert found[200] == energies.where(point={})[0].value
    assert isinstance(found[200], float) and isinstance(found[260], float)
    assert 0 < found[200] - found[260] < 0.2
    frame = dftflow.quantities(outcome).to_frame()
    assert sorted(frame["cutoff_ev"].dropna().unique()) == [200, 260]
