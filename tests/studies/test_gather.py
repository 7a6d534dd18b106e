"""What a row of offsets may be made from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import outcomes
import pytest

from dftflow.errors import AnalysisError
from dftflow.studies.gather import _edges_by_work_function


def test_a_fermi_level_outside_the_gap_bounds_no_band_edge(tmp_path: Path) -> None:
    """With smearing E_F can lie in the conduction band: [-W - gap, -W] would then not hold the VBM."""
    material = outcomes.make_outcome(tmp_path).materials[1]
    slab = material.slabs[0]
    assert slab.levels is not None and slab.levels.slab_edges is not None
    edges = _edges_by_work_function(material, slab)
    assert edges.vbm_ev == pytest.approx(-slab.levels.work_function_ev)
    assert edges.range_ev == (pytest.approx(-2.13), 0.0)
    outside = replace(slab.levels, slab_edges=replace(slab.levels.slab_edges, fermi_in_gap=False))
    with pytest.raises(AnalysisError, match="does not lie in the gap of the slab"):
        _edges_by_work_function(material, replace(slab, levels=outside))
    metal = replace(slab.levels, slab_edges=None, why_no_slab_edges="filled and empty bands overlap")
    with pytest.raises(AnalysisError, match="filled and empty bands overlap"):
        _edges_by_work_function(material, replace(slab, levels=metal))


def test_cautions_lie_beside_the_deck(tmp_path: Path) -> None:
    from dftflow.model.deck import Deck
    from dftflow.studies.cautions import CAUTIONS_FILE, cautions_file, read_cautions

    deck = Deck(code="vasp", seed="a", files={"INCAR": ""}, notes=("bring a POTCAR",), cautions=("Pulay stress: 1 Å",))
    ((name, text),) = cautions_file(deck).items()
    (tmp_path / name).write_text(text, encoding="utf-8")
    assert read_cautions(tmp_path) == ("Pulay stress: 1 Å",)
    assert cautions_file(replace(deck, cautions=())) == {} and read_cautions(tmp_path / "nowhere") == ()
    for damaged in ("", "[1, 2", '{"a": 1}', "[1, null]", "[" * 100_000):
        (tmp_path / CAUTIONS_FILE).write_text(damaged)
        assert read_cautions(tmp_path) == ()
