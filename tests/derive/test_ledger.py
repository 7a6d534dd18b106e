"""The ledger of two model crystals, whose shifts are numbers of the test."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from levels import pair
from pymatgen.core import Lattice, Structure

from dftflow.derive import ledger
from dftflow.derive.findings import Findings
from dftflow.derive.ledger import ledger_quantities, moves_or_reason, shifts_or_reason
from dftflow.derive.missing import MissingOffset
from dftflow.model.admission import Admitted, Refusal
from dftflow.model.correction import Correction
from dftflow.model.edge_shifts import EdgeShifts, GapOfItsOwn
from dftflow.model.energy import Energy, EnergyZero
from dftflow.model.ledger import EdgeMove
from dftflow.model.levels import BandEdges
from dftflow.model.outcome import BulkOutcome, MaterialOutcome
from dftflow.model.quantity import Missing, Quantity

R, G, AWAY = (0.5, 0.5, 0.5), (0.0, 0.0, 0.0), (0.3, 0.0, 0.0)
VBM_EV, CBM_EV = 1.0, 2.5
OFFSETS = {"spin-orbit": (0.03, -1.10), "HSE06": (-0.40, 0.25)}
"""Of the crystal called first; those of the second are a tenth smaller."""


def edges(vbm_k: tuple[float, float, float] = R, cbm_k: tuple[float, float, float] = R) -> BandEdges:
    zero = EnergyZero(run="toy", reference="cell_average")
    return BandEdges(
        vbm=Energy(VBM_EV, zero), cbm=Energy(CBM_EV, zero), vbm_k=vbm_k, cbm_k=cbm_k, vbm_label="", cbm_label="",
        direct=vbm_k == cbm_k, fermi_ev=1.7, fermi_in_gap=True,
    )  # fmt: skip


EDGES = edges()


def shifts(
    size: float = 1.0, at_gamma: tuple[float, float] = (0.0, 0.0), moved: Mapping[str, tuple[float, float]] = OFFSETS
) -> EdgeShifts:
    """At Γ and R; at Γ the gap before is wider by 2 eV on each side, and `at_gamma` is added to what moves it."""
    before = np.array([[VBM_EV - 2, CBM_EV + 2], [VBM_EV, CBM_EV]])
    after: dict[Correction, Any] = {
        name: before + size * np.array(shift) + np.array([at_gamma, (0, 0)])
        for name, shift in moved.items()  # type: ignore[misc]
    }
    return EdgeShifts(labels=("G", "R"), kpoints_frac=np.array([G, R]), before_ev=before, after_ev=after)


def crystal(name: str, shifts: EdgeShifts | None, edges: BandEdges | None = EDGES, **more: Any) -> MaterialOutcome:
    bulk = BulkOutcome(
        structure=Structure(Lattice.cubic(5.0), ["Pb"], [[0, 0, 0]]), source="", space_group="", edges=edges,
        bands=None, relaxed=False, no_edges=Missing(kind="metallic", reason="it is a metal") if edges is None else None,
        edges_step=f"{name}/bulk-bands", shifts=shifts, shifts_step=f"{name}/bulk-shifts", **more,
    )  # fmt: skip
    return MaterialOutcome(name=name, formula=name, bulk=bulk, slabs=())


def told(*materials: MaterialOutcome, **more: Any) -> dict[tuple[str, str, str], Quantity]:
    found = ledger_quantities(Findings(admissions={}, materials=materials, **more))
    names = [(quantity.name, quantity.subject, quantity.method) for quantity in found]
    assert len(set(names)) == len(names)
    return dict(zip(names, found, strict=True))


def test_each_shift_is_a_quantity_with_its_step() -> None:
    found = told(crystal("A", shifts()))
    for name, (vbm, cbm) in OFFSETS.items():
        assert found["shift of the valence band maximum", "A", name].value == pytest.approx(vbm)
        assert found["shift of the conduction band minimum", "A", name].value == pytest.approx(cbm)
        gap = found["corrected band gap", "A", name]
        assert gap.value == pytest.approx(CBM_EV - VBM_EV + cbm - vbm)
        assert gap.origin == ("A/bulk-bands", "A/bulk-shifts")


def test_a_hybrid_and_spin_orbit_coupling_are_added_and_it_is_said() -> None:
    both = told(crystal("A", shifts()))["shift of the conduction band minimum", "A", "HSE06 + spin-orbit"]
    assert both.value == pytest.approx(0.25 - 1.10) and "added" in both.remarks[0]


def test_what_is_open_is_a_part_of_the_spin_orbit_shift_alone() -> None:
    found = told(crystal("A", shifts()))
    for name in ("spin-orbit", "HSE06 + spin-orbit"):
        quantity = found["shift of the conduction band minimum", "A", name]
        assert quantity.uncertainty == pytest.approx((-0.066, 0.066)) and "6 %" in quantity.uncertainty_holds
    assert found["shift of the conduction band minimum", "A", "HSE06"].uncertainty is None


def test_one_factor_is_open_in_both_crystals() -> None:
    """6 % of the difference with its sign: shifts of +0.03 and -0.03 leave 0.0036 eV open, equal ones nothing."""
    for other, half in ((0.03, 0.0), (-0.03, 0.0036), (0.13, 0.006)):
        one, two = (
            EdgeMove(
                corrections=("spin-orbit",), vbm_ev=value, cbm_ev=-1.0, vbm_open_ev=0.06 * value, cbm_open_ev=-0.06
            )
            for value in (0.03, other)
        )
        value, found = ledger._difference(one, two, "vbm")
        assert value == pytest.approx(0.03 - other) and abs(found or 0.0) == pytest.approx(half, abs=1e-12)


def test_exchange_that_is_not_summed_far_enough_is_told() -> None:
    """The cell is 5 Å wide: 3 repeats are too few, 4 are 20 Å; spin-orbit coupling sums nothing."""
    for grid, told in (((4, 3, 4), True), ((4, 4, 4), False)):
        moves = moves_or_reason(crystal("A", replace(shifts(), grid=grid)).bulk)[0]
        found = {move.name: any("15.0 Å" in remark for remark in move.remarks) for move in moves}
        assert found == {"spin-orbit": False, "HSE06": told, "HSE06 + spin-orbit": told}


def test_an_edge_moves_as_its_own_point_does() -> None:
    """The VBM at R, the CBM at Γ, whose levels move by others than those of R."""
    (move, *_) = moves_or_reason(crystal("A", shifts(at_gamma=(0.5, 0.7)), edges(cbm_k=G)).bulk)[0]
    assert (move.vbm_ev, move.cbm_ev) == (pytest.approx(0.03), pytest.approx(-1.10 + 0.7))


def test_an_edge_that_another_point_takes_over_is_told() -> None:
    (move, *_) = moves_or_reason(crystal("A", shifts(at_gamma=(2.5, -2.5))).bulk)[0]
    assert any("highest at G" in remark for remark in move.remarks)
    assert any("lowest at G" in remark for remark in move.remarks)


def test_another_gap_on_the_grid_of_the_correction_is_told() -> None:
    wide = replace(EDGES, cbm=Energy(CBM_EV + 0.2, EDGES.cbm.zero))
    (move, *_) = moves_or_reason(crystal("A", shifts(), wide).bulk)[0]
    assert any("1.500 eV, not 1.700" in remark for remark in move.remarks)


@pytest.mark.parametrize(
    ("material", "kind", "said"),
    [
        (
            crystal("A", shifts(), edges(vbm_k=AWAY)),
            "not derived",
            "the valence band edge lies at (0.300, 0.000",
        ),
        (crystal("A", shifts(), edges(cbm_k=AWAY)), "not derived", "the conduction band edge"),
        (crystal("A", shifts(), None), "metallic", "it is a metal"),
        (crystal("A", None, no_shifts=Missing(kind="failed", reason="it died")), "failed", "it died"),
    ],
)
def test_without_shifts_there_is_the_reason(material: MaterialOutcome, kind: str, said: str) -> None:
    found = told(material)["shift of the valence band maximum", "A", ""]
    assert found.value is None and found.missing is not None
    assert found.missing.kind == kind and said in found.missing.reason


def test_a_crystal_of_which_none_is_asked_for_is_passed_over() -> None:
    plain = crystal("A", None)
    assert told(replace(plain, bulk=replace(plain.bulk, shifts_step=""))) == {}


def test_differences_and_offsets_are_those_of_both_crystals() -> None:
    row = pair(vbo=0.021)
    a, b = (crystal(name, shifts(size)) for name, size in ((row.first_name, 1.0), (row.second_name, 0.9)))
    found = told(a, b, alignments=(row,))
    subject = f"{row.first_name} | {row.second_name}"
    difference = found["difference of the shifts of the conduction band minimum", subject, "spin-orbit"]
    assert difference.value == pytest.approx(-0.11) and difference.uncertainty == pytest.approx((-0.0066, 0.0066))
    assert difference.origin == (f"{row.first_name}/bulk-shifts", f"{row.second_name}/bulk-shifts")
    after = found["corrected valence band offset", subject, f"{row.method}; HSE06"]
    assert after.value == pytest.approx(0.021 - 0.04) and after.uncertainty == row.range_ev
    with_coupling = found["corrected conduction band offset", subject, f"{row.method}; spin-orbit"]
    assert row.conduction_band_offset_ev is not None and row.range_ev is not None
    assert with_coupling.value == pytest.approx(row.conduction_band_offset_ev - 0.11)
    assert with_coupling.uncertainty == pytest.approx((row.range_ev[0] - 0.0066, row.range_ev[1] + 0.0066))


def test_crystals_without_a_row_have_their_differences() -> None:
    none = MissingOffset(first="A", second="B", missing=Missing(kind="not run", reason="no slabs"))
    found = told(crystal("A", shifts()), crystal("B", shifts(0.9)), no_offsets=(none,))
    assert found["difference of the shifts of the valence band maximum", "A | B", "HSE06"].value == pytest.approx(-0.04)
    assert not any(name.startswith("corrected valence") for name, _, _ in found)


def test_one_crystal_alone_makes_no_difference() -> None:
    row = pair()
    found = told(crystal(row.first_name, shifts()), alignments=(row,))
    assert not any("difference" in name or "offset" in name for name, _, _ in found)


def test_a_gap_of_its_own_moves_no_edge() -> None:
    gaps = replace(shifts(moved={}), gaps={"GLLB-SC": GapOfItsOwn(kohn_sham_ev=1.9, discontinuity_ev=0.7)})
    found = told(crystal("A", gaps))
    gap = found["corrected band gap", "A", "GLLB-SC"]
    assert gap.value == pytest.approx(2.6) and "moves no edge" in gap.remarks[1]


def test_the_step_is_asked_through_the_gate() -> None:
    refusal = Refusal(kind="failed", reason="it died")
    assert shifts_or_reason(None) == (None, None)
    missing = shifts_or_reason(("A/bulk-shifts", refusal))[1]
    assert missing is not None and missing.kind == "failed" and "A/bulk-shifts" in missing.reason
    empty = EdgeShifts(labels=(), kpoints_frac=np.zeros((0, 3)), before_ev=np.zeros((0, 2)))
    results: Any = SimpleNamespace(shifts=empty)
    built: Any = None
    admitted = Admitted(built=built, results=results, folder=Path())
    missing = shifts_or_reason(("A/bulk-shifts", admitted))[1]
    assert missing is not None and missing.kind == "metallic"
