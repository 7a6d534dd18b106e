"""Means over orderings and orientations: each counts as often as there are arrangements of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dftflow.derive.mixtures import averages
from dftflow.model.admission import Refusal
from dftflow.model.mixture import Mixture
from dftflow.model.point import Point
from dftflow.model.quantity import Missing, Quantity
from dftflow.studies.outcome import study_outcome
from dftflow.studies.plan import plan_study
from dftflow.studies.reader import load_study


def gap(value: float | None, point: Point, *, subject: str = "A", name: str = "band gap", unit: str = "eV") -> Quantity:
    why = Missing(kind="failed", reason="the engine died")
    return Quantity.of(name, subject, unit, value, why, origin=(f"{subject}/bulk-bands-{point.name}",), point=point)


def at(**settings: float | str) -> Point:
    return Point.of(settings)


def of_two(*degeneracies: int) -> dict[Point, dict[str, Mixture]]:
    total = sum(degeneracies)
    return {
        at(ordering=k): {"A": Mixture(degeneracy=d, arrangements=total, correlation_error=0.1)}
        for k, d in enumerate(degeneracies, 1)
    }


def test_orderings_count_by_their_degeneracies() -> None:
    """1.0 eV twice, 2.5 eV four times: mean 2.0, variance (2 * 1 + 4 * 0.25) / 6 = 0.5."""
    mean, spread = averages([gap(1.0, at(ordering=1)), gap(2.5, at(ordering=2))], of_two(2, 4))
    assert (mean.name, mean.subject, mean.method) == ("mean band gap", "A", "over 2 orderings")
    assert mean.value == pytest.approx(2.0)
    assert mean.uncertainty == pytest.approx((-1.0, 0.5)), "from the mean, as every range"
    assert "lowest" in mean.uncertainty_holds
    assert (spread.name, spread.value) == ("spread of the band gap", pytest.approx(0.5**0.5))
    assert mean.origin == ("A/bulk-bands-ordering-1", "A/bulk-bands-ordering-2")
    assert mean.remarks == () and not mean.point


def test_orderings_that_are_left_out_are_said() -> None:
    mixtures = {point: {"A": Mixture(degeneracy=2, arrangements=70)} for point in (at(ordering=1), at(ordering=2))}
    mean, _ = averages([gap(1.0, at(ordering=1)), gap(2.0, at(ordering=2))], mixtures)
    assert mean.remarks == ("these orderings stand for 4 of 70 arrangements",)


def test_orientations_count_by_how_many_there_are_and_seeds_alike() -> None:
    along, across = at(orientation="100"), at(orientation="110")
    mixtures = {along: {"A": Mixture(orientations=6)}, across: {"A": Mixture(orientations=12)}}
    mean, _ = averages([gap(1.0, along), gap(4.0, across)], mixtures)
    assert (mean.value, mean.method) == (pytest.approx(3.0), "over 2 orientations")
    seeds = [gap(1.0, at(seed=1)), gap(4.0, at(seed=2))]
    mean, spread = averages(seeds, {one.point: {"A": Mixture(degeneracy=k + 1)} for k, one in enumerate(seeds)})
    assert (mean.value, spread.value) == (pytest.approx(2.5), pytest.approx(1.5))


def test_an_offset_counts_by_the_orderings_of_both() -> None:
    points = [at(ordering=1), at(ordering=2)]
    mixtures = {
        points[0]: {"A": Mixture(degeneracy=1, arrangements=3), "B": Mixture(degeneracy=1, arrangements=2)},
        points[1]: {"A": Mixture(degeneracy=2, arrangements=3), "B": Mixture(degeneracy=1, arrangements=2)},
    }
    offsets = [gap(value, point, subject="A | B") for value, point in zip((0.0, 3.0), points, strict=True)]
    mean, _ = averages(offsets, mixtures)
    assert mean.value == pytest.approx(2.0)


def test_one_without_a_value_leaves_the_mean_without_one() -> None:
    mean, spread = averages([gap(1.0, at(ordering=1)), gap(None, at(ordering=2))], of_two(1, 1))
    for one in (mean, spread):
        assert one.value is None and one.missing is not None
        assert one.missing.kind == "failed"
        assert "1 of 2 have no value, the first at ordering = 2: the engine died" in one.missing.reason


def test_what_is_no_energy_and_what_is_swept_otherwise_has_no_mean() -> None:
    volumes = [gap(1.0, at(ordering=k), name="volume", unit="Å3") for k in (1, 2)]
    cutoffs = [gap(1.0, at(cutoff_ev=k)) for k in (300.0, 400.0)]
    levels = [replace(gap(1.0, at(ordering=k)), method="on the scale of the run itself") for k in (1, 2)]
    assert list(averages([*volumes, *levels, *cutoffs, gap(1.0, at(ordering=1))], of_two(1, 1))) == []


def test_at_each_cutoff_a_mean_of_its_own() -> None:
    quantities = [gap(o + c, at(ordering=o, cutoff_ev=100.0 * c)) for o in (1, 2) for c in (3, 4)]
    means = [one for one in averages(quantities, {}) if one.name.startswith("mean")]
    assert {one.point.name: one.value for one in means} == {"cutoff-300": 4.5, "cutoff-400": 5.5}


@given(st.lists(st.tuples(st.floats(-5, 5), st.integers(1, 50)), min_size=2, max_size=8))
def test_the_mean_lies_within_and_is_that_of_all_arrangements(found: list[tuple[float, int]]) -> None:
    points = [at(ordering=k) for k in range(1, len(found) + 1)]
    quantities = [gap(value, point) for (value, _), point in zip(found, points, strict=True)]
    mean, spread = averages(quantities, of_two(*(weight for _, weight in found)))
    every = [value for value, weight in found for _ in range(weight)]
    middle = sum(every) / len(every)
    assert mean.value == pytest.approx(middle, abs=1e-9)
    assert isinstance(spread.value, float)
    assert spread.value**2 == pytest.approx(sum((v - middle) ** 2 for v in every) / len(every), abs=1e-9)


def test_a_study_that_sweeps_orderings(tmp_path: Path) -> None:
    """Nothing ran: how random the cells are is known, and why there is no mean is said."""
    file = tmp_path / "mixed.toml"
    file.write_text(
        'schema = 1\ntitle = "mixed"\n[materials.A]\nstructure = "CsPbBr3_Pm-3m"\nsupercell = [2, 2, 2]\n'
        'substitute = { site = "Cs", by = "Rb", fraction = 0.5 }\ncutoff_ev = 300\nrelax_kpoints = [1, 1, 1]\n'
        "bands_kpoints = [1, 1, 1]\n[sweep]\nordering = [1, 6]\n"
    )
    plan = plan_study(load_study(file, "quick"))
    nothing = {step.id: Refusal(kind="not run", reason="") for step in plan.steps}
    quantities = study_outcome(plan, nothing, ()).quantities
    errors = {one.point.name: one.value for one in quantities if one.name == "pair correlation error"}
    # alternating ions: alpha -1, 1, -1 in the three nearest shells; the best of the six orderings has 1/9
    assert errors == {"": pytest.approx(1 / 9), "ordering-6": pytest.approx(1.0)}
    arrangements = {one.point.name: one.value for one in quantities if one.name == "degeneracy of the ordering"}
    assert arrangements == {"": 24.0, "ordering-6": 2.0}
    mean = next(one for one in quantities if one.name == "mean band gap")
    assert mean.missing is not None and mean.missing.kind == "not run"
    assert mean.remarks == ("these orderings stand for 26 of 70 arrangements",)


def test_no_mean_is_of_some_of_them_alone() -> None:
    """Of three orientations two lie above B, the third above C."""
    points = [at(orientation=name) for name in ("100", "110", "111")]
    mixtures = {point: {"A": Mixture(orientations=6)} for point in points}
    values = [
        replace(gap(value, point), method=method)
        for value, point, method in zip((0.1, 0.2, 0.3), points, ("above B", "above B", "above C"), strict=True)
    ]
    mean, spread = averages(values, mixtures)
    assert mean.value is None and spread.value is None and mean.missing is not None
    assert mean.missing.reason == "2 of 3 orientations have it as above B, the others otherwise"
