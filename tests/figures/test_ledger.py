"""The figure of corrections: what stands where, and what is said of it."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import numpy as np
import pytest
from built import built
from matplotlib.colors import to_rgba
from outcomes import StoredRun

from dftflow.figures.drawing import Drawing
from dftflow.figures.labels import signed
from dftflow.figures.ledger import LedgerColumn, ledger_drawing
from dftflow.figures.look import Look
from dftflow.figures.study_figures import study_figures
from dftflow.model.edge_shifts import EdgeShifts
from dftflow.model.ledger import EdgeMove
from dftflow.model.outcome import StudyOutcome

COUPLING = EdgeMove(corrections=("spin-orbit",), vbm_ev=0.03, cbm_ev=-1.1, vbm_open_ev=0.002, cbm_open_ev=0.066)
HYBRID = EdgeMove(corrections=("HSE06",), vbm_ev=-0.4, cbm_ev=0.25)
COLUMNS = (
    LedgerColumn(material="CsPbBr3", vbm_ev=-5.0, cbm_ev=-3.4, moves=(COUPLING, HYBRID)),
    LedgerColumn(material="FAPbBr3", vbm_ev=-5.2, cbm_ev=-3.7, moves=(HYBRID,)),
)
LOOK = Look(colors={"CsPbBr3": "#0072B2", "FAPbBr3": "#D55E00"})


def drawing(*columns: LedgerColumn, on_vacuum: bool = True) -> Drawing:
    return ledger_drawing(columns, "PBE", LOOK, name="ledger", title="Corrections", on_vacuum=on_vacuum)


def test_every_edge_stands_at_its_level_before_and_after() -> None:
    (ax,) = built(drawing(*COLUMNS)).axes
    levels = {
        tuple(np.round(segment[:, 1], 6))
        for lines in ax.collections
        if hasattr(lines, "get_segments") and np.allclose(lines.get_color()[0], to_rgba("#0072B2"))
        for segment in lines.get_segments()
    }
    assert levels == {(level,) * 2 for level in (-5.0, -3.4, -5.4, -3.15)}


def test_only_what_both_have_is_compared_and_offsets_stand_below() -> None:
    (ax,) = built(drawing(*COLUMNS)).axes
    before, after = (label.get_text() for label in ax.get_xticklabels())
    assert before.startswith("PBE") and "+0.200" in before and "+0.300" in before
    assert after.startswith("HSE06")


def test_what_spin_orbit_coupling_is_added_to_is_named() -> None:
    (ax,) = built(drawing(COLUMNS[0], on_vacuum=False)).axes
    labels = [label.get_text().split() for label in ax.get_xticklabels()]
    assert labels == [["PBE"], ["PBE", "+", "spin-orbit"], ["HSE06"]]
    assert "own VBM" in ax.get_ylabel()


def test_the_bars_are_what_is_open() -> None:
    (ax,) = built(drawing(COLUMNS[0], on_vacuum=False)).axes
    bars = [bar.lines[2][0].get_segments()[0][:, 1] for bar in ax.containers]
    np.testing.assert_allclose(bars, [[-4.972, -4.968], [-4.566, -4.434]])


@pytest.mark.parametrize("on_vacuum", [True, False])
def test_the_numbers_are_in_a_table(on_vacuum: bool) -> None:
    found = drawing(*COLUMNS, on_vacuum=on_vacuum)
    assert found.data is not None
    rows = list(csv.DictReader(io.StringIO(found.data().csv())))
    assert [(row["material"], row["with"]) for row in rows] == [
        ("CsPbBr3", "PBE"), ("CsPbBr3", "HSE06"), ("FAPbBr3", "PBE"), ("FAPbBr3", "HSE06"),
    ]  # fmt: skip
    assert float(rows[3]["cbm_ev"]) == pytest.approx(-3.45) and float(rows[3]["vbm_shift_ev"]) == pytest.approx(-0.4)
    assert ("minus FAPbBr3" in found.caption) == on_vacuum


@pytest.fixture(scope="module")
def paper(tmp_path_factory: pytest.TempPathFactory) -> StudyOutcome:
    """The paper's study, in which spin-orbit coupling moves the CBM of CsPbBr3 by -1.2 eV and of FAPbBr3 by -1.1 eV."""
    outcome = StoredRun.of(tmp_path_factory.mktemp("study") / "run").outcome()
    materials = []
    for material, shift_ev in zip(outcome.materials, (-1.2, -1.1), strict=True):
        edges = material.bulk.edges
        assert edges is not None
        before = np.array([[edges.vbm.value_ev, edges.cbm.value_ev]])
        shifts = EdgeShifts(
            labels=("R",),
            kpoints_frac=[edges.vbm_k],
            before_ev=before,
            after_ev={"spin-orbit": before + np.array([[0, shift_ev]])},
        )
        bulk = replace(material.bulk, shifts=shifts, shifts_step=f"{material.name}/bulk-shifts")
        materials.append(replace(material, bulk=bulk))
    return replace(outcome, materials=tuple(materials))


def test_a_study_draws_its_row_that_it_defends(paper: StudyOutcome) -> None:
    (found,) = [drawing for drawing in study_figures(paper) if drawing.name == "ledger"]
    row = paper.defended[0]
    (ax,) = built(found).axes
    before, after = (label.get_text().split() for label in ax.get_xticklabels())
    assert row.conduction_band_offset_ev is not None
    assert before[-1] == signed(row.conduction_band_offset_ev)
    assert after[-1] == signed(row.conduction_band_offset_ev - 0.1)
    assert "Energy relative to vacuum" in ax.get_ylabel()


def test_without_an_alignment_each_crystal_has_its_own_zero(paper: StudyOutcome) -> None:
    (found,) = [drawing for drawing in study_figures(replace(paper, alignments=())) if drawing.name == "ledger"]
    (ax,) = built(found).axes
    assert "own VBM" in ax.get_ylabel()
