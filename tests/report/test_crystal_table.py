"""The crystals of a study as plain text."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dftflow.model.outcome import StudyOutcome
from dftflow.report.crystal_table import crystal_table


@pytest.mark.parametrize(
    ("vbm", "cbm", "at"),
    [
        (("R", (0.5, 0.5, 0.5)), ("R", (0.5, 0.5, 0.5)), " R "),
        (("M", (0.5, 0.5, 0.0)), ("G", (0.0, 0.0, 0.0)), " M-G "),
        (("", (0.25, 0.375, 0.25)), ("T", (0.0, 0.5, 0.5)), " (1/4, 3/8, 1/4)-T "),
        (("", (0.25, 0.0, 0.0)), ("", (0.0, 0.25, 0.0)), " (1/4, 0, 0)-(0, 1/4, 0) "),
    ],
)
def test_a_gap_lies_at_its_points_also_where_these_have_no_names(outcome: StudyOutcome, vbm, cbm, at: str) -> None:
    material = outcome.materials[0]
    edges = replace(material.bulk.edges, vbm_label=vbm[0], vbm_k=vbm[1], cbm_label=cbm[0], cbm_k=cbm[1])
    table = crystal_table([replace(material, bulk=replace(material.bulk, edges=edges))])
    row = next(line for line in table.splitlines() if line.startswith(material.name))
    assert at in row and f"{edges.band_gap_ev:.3f}" in row
