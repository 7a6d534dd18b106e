"""Bowing of mixtures from known gaps: means over orderings, what is missing, what does not stand on one footing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from phases import phase

from dftflow.derive.alloys import AlloyMember, alloy_quantities, alloys
from dftflow.derive.findings import Findings
from dftflow.model.alloy import Alloy
from dftflow.model.mixture import Mixture
from dftflow.model.point import OWN, Point
from dftflow.model.quantity import Missing, Quantity

B = 0.3
METALLIC = Missing(kind="metallic", reason="bands overlap")


def gap_ev(x: float) -> float:
    return 2.0 * (1 - x) + 2.5 * x - B * x * (1 - x)


def member(x: float, more_ev: float = 0.0, *, ordering: int | None = None, n: int = 1, **changes: Any) -> AlloyMember:
    settings: dict[str, float | str] = {"fraction": x} | ({} if ordering is None else {"ordering": ordering})
    one = phase("A", -17.0, formula="CsPbBr3", gap_ev=gap_ev(x) + more_ev, at=f"-{x}-{ordering}", **changes)
    return AlloyMember(
        fraction=x,
        point=Point.of(settings),
        phase=replace(one, volume_per_atom_ang3=(6 + 0.2 * x) ** 3 / 5),
        mixture=Mixture(degeneracy=n, arrangements=n),
    )


def of(*members: AlloyMember) -> Alloy:
    (found,) = alloys({"A": members})
    return found


def quantities(found: Alloy) -> dict[str, Quantity]:
    return {one.name: one for one in alloy_quantities(Findings(admissions={}, alloys=(found,)))}


def test_an_exact_parabola_returns_its_bowing() -> None:
    found = quantities(of(*(member(x) for x in (0.0, 0.25, 0.5, 1.0))))
    bowing = found["bowing parameter of the band gap"]
    assert bowing.value == pytest.approx(B) and "4 fractions" in bowing.method
    assert bowing.uncertainty == pytest.approx((0, 0), abs=1e-9) and "scatter" in bowing.uncertainty_holds
    assert found["residual of the bowing fit"].value == pytest.approx(0, abs=1e-9)
    assert found["deviation from Vegard's line"].value == pytest.approx(0, abs=1e-9)


def test_orderings_count_by_their_degeneracy_and_their_spread_is_said() -> None:
    """At 0.5 once 0.03 eV higher and three times 0.01 lower: the mean is exact; spread sqrt(3) x 0.01 eV, / 0.25."""
    found = of(
        member(0.0), member(0.5, 0.03, ordering=1, n=1), member(0.5, -0.01, ordering=2, n=3), member(1.0)
    )  # fmt: skip
    bowing = quantities(found)["bowing parameter of the band gap"]
    assert bowing.value == pytest.approx(B)
    assert bowing.uncertainty == pytest.approx((-0.0693, 0.0693), abs=1e-4)
    assert bowing.uncertainty_holds.startswith("spread over orderings 0.069 eV")


def test_one_fraction_in_one_ordering_has_no_error() -> None:
    found = quantities(of(member(0.0), member(0.5), member(1.0)))
    bowing, residual = found["bowing parameter of the band gap"], found["residual of the bowing fit"]
    assert bowing.uncertainty is None and any("nothing tells" in remark for remark in bowing.remarks)
    assert residual.missing is not None and "goes through every point" in residual.missing.reason


def test_the_largest_deviation_from_vegards_line_is_named() -> None:
    wide = member(0.5)
    wide = replace(wide, phase=replace(wide.phase, volume_per_atom_ang3=6.15**3 / 5))
    off = quantities(of(member(0.0), wide, member(1.0)))["deviation from Vegard's line"]
    assert off.value == pytest.approx(0.05) and off.method.endswith("at fraction 0.5")


@pytest.mark.parametrize(
    ("fractions", "told"),
    [
        ((0.0, 0.5), "fraction 1 is not"),
        ((0.25, 0.5, 1.0), "fraction 0 is not"),
        ((0.25, 0.5), "fraction 0 and 1 is not"),
        ((0.0, 1.0), "no fraction between"),
    ],
)
def test_a_missing_end_is_refused(fractions: tuple[float, ...], told: str) -> None:
    for one in quantities(of(*map(member, fractions))).values():
        assert one.missing is not None and told in one.missing.reason


def test_one_without_a_gap_says_why() -> None:
    found = of(member(0.0), replace(member(0.5), no_gap=METALLIC), member(1.0))
    assert found.missing is not None and found.missing.kind == "metallic"
    assert found.missing.reason == "no gap at fraction 0.5: bands overlap"


def test_one_footing_or_none() -> None:
    found = of(member(0.0), member(0.5, cutoff_ev=500.0), member(1.0))
    assert found.missing is not None and "cutoff of fraction 0 and fraction 0.5" in found.missing.reason


def test_the_studys_own_counts_where_it_is_not_swept() -> None:
    own = replace(member(0.5), point=OWN)
    assert of(member(0.0), own, member(1.0)).missing is None
    other = replace(member(0.5, 9.0), point=OWN)
    found = of(member(0.0), member(0.5), member(1.0), other)
    assert found.gap is not None and found.gap.bowing == pytest.approx(B)
