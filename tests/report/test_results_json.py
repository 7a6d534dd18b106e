from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import outcomes
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from outcomes import CS_010, CS_011, FA_010, FA_BANDS, VARIANTS, StoredRun

import dftflow.report.results_json
from dftflow.errors import StoreError
from dftflow.model.outcome import StudyOutcome
from dftflow.report.page import render_report
from dftflow.report.results_json import SCHEMA, results_document, write_results_json

SCHEMA_FILE = Path(dftflow.report.results_json.__file__).with_name("results.schema.json")


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    return json.loads(SCHEMA_FILE.read_text())


def _read(outcome: StudyOutcome, folder: Path) -> dict[str, Any]:
    def refuse(name: str) -> float:
        raise AssertionError(f"{name} in JSON")

    return json.loads(write_results_json(outcome, folder).read_text(), parse_constant=refuse)


def _complaints(value: Any, rule: dict[str, Any], root: dict[str, Any], path: str = "$") -> Iterator[str]:
    """Breaches of the part of JSON Schema that the shipped schema uses."""
    if "$ref" in rule:
        rule = {
            **root["$defs"][rule["$ref"].removeprefix("#/$defs/")],
            **{k: v for k, v in rule.items() if k != "$ref"},
        }
    names = {"object": dict, "array": list, "string": str, "number": (int, float), "integer": int, "boolean": bool,
             "null": type(None)}  # fmt: skip
    kinds = rule.get("type", list(names))
    kinds = [kinds] if isinstance(kinds, str) else kinds
    is_kind = any(isinstance(value, names[k]) and (k == "boolean" or not isinstance(value, bool)) for k in kinds)
    if not is_kind:
        yield f"{path} is {value!r}, not {kinds}"
        return
    if ("const" in rule and value != rule["const"]) or ("enum" in rule and value not in rule["enum"]):
        yield f"{path} is {value!r}"
    if isinstance(value, dict):
        known = rule.get("properties", {})
        yield from (f"{path}.{key} is missing" for key in rule.get("required", []) if key not in value)
        for key, item in value.items():
            other = rule.get("additionalProperties", {})
            if key not in known and other is False:
                yield f"{path}.{key} is unknown"
            yield from _complaints(item, known.get(key, other or {}), root, f"{path}.{key}")
    if isinstance(value, list):
        if not rule.get("minItems", 0) <= len(value) <= rule.get("maxItems", math.inf):
            yield f"{path} has {len(value)} items"
        for number, item in enumerate(value):
            yield from _complaints(item, rule.get("items", {}), root, f"{path}[{number}]")


@pytest.mark.parametrize("variant", VARIANTS)
def test_it_keeps_to_its_schema(tmp_path: Path, schema: dict[str, Any], variant: str) -> None:
    document = _read(VARIANTS[variant](tmp_path / "run"), tmp_path)
    assert list(_complaints(document, schema, schema)) == []


def test_the_check_itself_sees_breaches(outcome: StudyOutcome, tmp_path: Path, schema: dict[str, Any]) -> None:
    document = results_document(outcome, tmp_path)
    document["schema"] = "dftflow-results/0"
    document["extra"] = 1
    del document["steps"]
    bulk = document["materials"]["CsPbBr3"]["bulk"]
    bulk["direct"], bulk["band_gap_ev"], bulk["vbm_k"] = "yes", True, [0, 0]
    assert len(list(_complaints(document, schema, schema))) == 6


@pytest.mark.parametrize("variant", VARIANTS)
def test_jsonschema_agrees(tmp_path: Path, schema: dict[str, Any], variant: str) -> None:
    jsonschema = pytest.importorskip("jsonschema", reason="jsonschema is not installed; the check above still ran")
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(_read(VARIANTS[variant](tmp_path / "run"), tmp_path), schema)


def test_the_keys_that_users_rely_on(run: StoredRun, tmp_path: Path) -> None:
    document = _read(run.outcome(), tmp_path)
    assert document["schema"] == SCHEMA
    bulk = document["materials"]["FAPbBr3"]["bulk"]
    vbm, cbm = outcomes.recorded_edges_ev(run.folder(FA_BANDS))
    assert (bulk["vbm_ev"], bulk["cbm_ev"], bulk["band_gap_ev"]) == pytest.approx((vbm, cbm, cbm - vbm))
    assert bulk["vbm_k"] == bulk["cbm_k"] == [0.5, 0.5, 0.5] and bulk["vbm_label"] == "R"
    assert bulk["direct"] is True
    assert bulk["volume_ang3"] == pytest.approx(5.99**3)
    np.testing.assert_allclose(bulk["cell_ang"], 5.99 * np.eye(3), atol=1e-12)
    slab = document["materials"]["CsPbBr3"]["slabs"][0]
    assert (slab["miller"], slab["setting"], slab["formal_charge"]) == ([0, 1, 1], "Pnma", 0)
    assert (slab["termination"], slab["subject"]) == ("CsBr3 (half)", "CsPbBr3/slab-011")
    assert slab["polar_plane"] is True and slab["relaxed"] is False
    assert slab["work_function_ev"] == pytest.approx(4.675, abs=1e-3)
    assert slab["ionisation_potential_ev"] == pytest.approx(5.007, abs=1e-3)
    assert slab["ionisation_potential_ev"] - slab["electron_affinity_ev"] == pytest.approx(1.6594, abs=1e-4)
    vacuum = outcomes.recorded_vacuum_ev(run.folder(CS_011))
    assert (slab["vacuum"]["low_ev"], slab["vacuum"]["high_ev"]) == pytest.approx((vacuum, vacuum), abs=2e-3)
    assert 0 < slab["vacuum"]["spread_ev"] < 0.005
    row = document["alignment"]
    assert row == document["alignments"][0]
    assert (row["tolerance_ev"], row["type"]) == (0.1, "type II")
    assert row["method"] == "bulk line-up through the slabs (010) and (010)"
    assert document["alignments"][-1]["source"] == "10.1021/acsami.1c18025"
    assert document["alignments"][-1]["valence_band_offset_ev"] == 0.021
    assert document["steps"][0]["engine"]["version"] == document["steps"][0]["code_version"] == "26.7.0"


@pytest.mark.parametrize("variant", ["whole", "three materials"])
def test_an_offset_is_the_difference_of_the_levels_beside_it(tmp_path: Path, variant: str) -> None:
    rows = [row for row in _read(VARIANTS[variant](tmp_path), tmp_path)["alignments"] if not row["source"]]
    assert rows
    for row in rows:
        for key, offset in (("vbm_ev", "valence_band_offset_ev"), ("cbm_ev", "conduction_band_offset_ev")):
            assert row[offset] == pytest.approx(row["first_edges"][key] - row["second_edges"][key], abs=1e-12)


def test_each_number_names_its_step_and_each_step_its_folder(run: StoredRun) -> None:
    document = _read(run.outcome(), run.root)
    steps = {step["name"]: step for step in document["steps"]}
    for name, material in document["materials"].items():
        assert material["bulk"]["from"] == {"edges": f"{name}/bulk-bands", "cell": None}
        assert all(slab["from"]["levels"] in steps for slab in material["slabs"])
    assert all((run.root / step["folder"] / file).is_file() for step in steps.values() for file in step["files"])


def test_a_relaxed_cell_names_the_relaxation(tmp_path: Path) -> None:
    """The relaxation ended at 4.336438 Å, by its last line."""
    document = _read(outcomes.make_relaxed(tmp_path), tmp_path)
    bulk, (slab,) = (document["materials"]["CsBr"][key] for key in ("bulk", "slabs"))
    assert bulk["from"] == {"edges": "CsBr/bulk-bands", "cell": "CsBr/bulk-relax"}
    assert bulk["lengths_ang"] == pytest.approx([4.336437730541587] * 3) and bulk["relaxed"] is True
    assert slab["from"]["levels"] == "CsBr/slab-110-potential" and slab["relaxed"] is True
    assert document["alignments"] == [] and document["alignment"]["missing"]["valence_band_offset_ev"] == (
        "the study names no two materials to align"
    )


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_null_number_has_its_reason(tmp_path: Path, variant: str) -> None:
    names = {"band_gap_ev", "vbm_ev", "cbm_ev", "fermi_ev", "work_function_ev", "ionisation_potential_ev",
             "electron_affinity_ev", "lineup_spread_ev", "slab_gap_ev", "low_ev", "high_ev", "spread_ev",
             "valence_band_offset_ev", "conduction_band_offset_ev"}  # fmt: skip

    def nulls(value: Any) -> Iterator[tuple[dict[str, Any], str]]:
        if isinstance(value, list):
            for item in value:
                yield from nulls(item)
        elif isinstance(value, dict):
            yield from ((value, key) for key, item in value.items() if item is None and key in names)
            for item in value.values():
                yield from nulls(item)

    document = _read(VARIANTS[variant](tmp_path), tmp_path)
    found = list(nulls({key: document[key] for key in ("materials", "alignment", "alignments")}))
    assert all(owner["missing"][key] for owner, key in found)
    assert all(quantity["missing"]["reason"] for quantity in document["quantities"] if quantity["value"] is None)
    assert found or variant in ("three materials",)


@pytest.mark.parametrize(
    ("variant", "number", "state", "reason"),
    [
        ("failed", 0, "failed", f"{CS_011} failed: {outcomes.FAILURE}"),
        ("refused", 1, "refused", f"{CS_010} refused: a calculation of a surface cell of 8.24 x 14.32 Å"),
        ("bare", 1, "waiting", f"{CS_010} not run: it has run for"),
    ],
)
def test_why_there_are_no_levels(tmp_path: Path, variant: str, number: int, state: str, reason: str) -> None:
    document = _read(VARIANTS[variant](tmp_path), tmp_path)
    slab = document["materials"]["CsPbBr3"]["slabs"][number]
    assert slab["missing"]["work_function_ev"].startswith(reason)
    (step,) = [step for step in document["steps"] if step["name"] == f"{slab['subject']}-potential"]
    assert step["state"] == state and step["failure"] in slab["failure"]


def test_a_surface_that_was_never_built_is_a_quantity_without_a_value(tmp_path: Path) -> None:
    document = _read(VARIANTS["never started"](tmp_path), tmp_path)
    assert [slab["subject"] for slab in document["materials"]["CsPbBr3"]["slabs"]] == ["CsPbBr3/slab-011"]
    (nothing,) = [q for q in document["quantities"] if q["subject"] == "CsPbBr3/slab-010"]
    assert nothing["missing"] == {"kind": "not run", "reason": f"{CS_010} not run: no slab can be cut"}


def test_a_step_without_a_folder_names_none(tmp_path: Path) -> None:
    outcome = VARIANTS["never started"](tmp_path)
    folders = {step["name"]: step["folder"] for step in _read(outcome, tmp_path)["steps"]}
    assert [name for name, folder in folders.items() if not folder] == [CS_010]
    assert all(folder.startswith("steps/") for name, folder in folders.items() if name != CS_010)
    page = render_report(outcome, (), tmp_path)
    assert 'href="/' not in page and str(Path.cwd()) not in page


def test_a_metallic_slab_keeps_its_work_function(run: StoredRun, tmp_path: Path) -> None:
    metallic = "filled and empty bands overlap: there is no gap"
    document = _read(run.shifted(FA_010, conduction_ev=-3.0).outcome(), tmp_path)
    slab = document["materials"]["FAPbBr3"]["slabs"][0]
    assert slab["work_function_ev"] == pytest.approx(outcomes.recorded_work_function_ev(run.folder(FA_010)), abs=2e-3)
    own = ("slab_gap_ev", "slab_ionisation_potential_ev", "slab_electron_affinity_ev")
    assert set(slab["missing"]) == set(own)
    assert all(slab["missing"][key].startswith(metallic) and slab[key] is None for key in own)


def test_two_vacuum_levels_that_differ_are_both_told(run: StoredRun, tmp_path: Path) -> None:
    """0.1 eV more on the upper side: the work function, which counts from there, is 0.1 eV larger."""
    before = _read(run.outcome(), tmp_path)["materials"]["FAPbBr3"]["slabs"][0]
    run.potential(FA_010, lambda z, v: v + np.where(z > z[-1] / 2, 0.1, 0.0))
    document = _read(run.outcome(), tmp_path)
    after = document["materials"]["FAPbBr3"]["slabs"][0]
    assert after["vacuum"]["high_ev"] - after["vacuum"]["low_ev"] == pytest.approx(0.1, abs=3e-3)
    assert after["work_function_ev"] - before["work_function_ev"] == pytest.approx(0.1, abs=1e-6)
    assert any("the two vacuum levels differ by +0.1" in text for text in document["warnings"])
    touched = [q for q in document["quantities"] if q["subject"].startswith("FAPbBr3 (") or "|" in q["subject"]]
    of_study = [*touched, after, *document["alignments"]]
    own = [
        entry for entry in of_study if "10.1021/acsami.1c18025" not in (entry.get("source"), *entry.get("origin", ()))
    ]
    assert len(own) > 10
    assert all(any("vacuum levels differ by +0.1" in text for text in entry["remarks"]) for entry in own)
    elsewhere = [q for q in document["quantities"] if q["subject"].startswith("CsPbBr3 (")]
    assert elsewhere and not any("vacuum levels differ" in text for q in elsewhere for text in q["remarks"])


def test_a_potential_that_falls_through_the_vacuum_has_a_slope_as_large_as_one_that_rises(
    run: StoredRun, tmp_path: Path
) -> None:
    """4 meV/Å down on both sides, on top of the 1 to 2 meV/Å of the record."""
    run.potential(FA_010, lambda z, v: v - 0.004 * (z - z[-1] / 2))
    slab = _read(run.outcome(), tmp_path)["materials"]["FAPbBr3"]["slabs"][0]
    assert slab["vacuum"]["slope_ev_per_ang"] == pytest.approx(0.004, abs=2.2e-3)


def test_a_number_that_is_none_becomes_null_with_a_reason(outcome: StudyOutcome, tmp_path: Path) -> None:
    """No record can hold one: the reader refuses it."""
    cs, fa = outcome.materials
    own = replace(fa.slabs[0].own, work_function_ev=math.nan)
    odd = replace(
        outcome,
        materials=(cs, replace(fa, slabs=(replace(fa.slabs[0], sides=(own,)),))),
        settings={"array": np.array([1.0, math.inf]), "path": Path("a/b"), "set": {"b", "a"}, "count": np.int64(3)},
    )
    document = _read(odd, tmp_path)
    slab = document["materials"]["FAPbBr3"]["slabs"][0]
    assert slab["work_function_ev"] is None
    assert slab["missing"] == {"work_function_ev": "the calculation gave nan"}
    assert document["settings"] == {"array": [1.0, None], "path": "a/b", "set": ["a", "b"], "count": 3}


@pytest.mark.parametrize(("variant", "count"), [("one material", 1), ("whole", 2), ("three materials", 3)])
def test_any_number_of_materials(tmp_path: Path, variant: str, count: int) -> None:
    document = _read(VARIANTS[variant](tmp_path), tmp_path)
    assert len(document["materials"]) == count
    pairs = {(row["first"], row["second"]) for row in document["alignments"]}
    assert len(pairs) == count * (count - 1) // 2
    assert (document["alignment"]["first"] is None) == (count == 1)
    names = {quantity["subject"].split(" ")[0] for quantity in document["quantities"]}
    assert names == set(document["materials"])


PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats()
    | st.text(alphabet=st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.dictionaries(st.text(alphabet="ab.", max_size=4), PLAIN, max_size=3))
def test_any_settings_come_back_as_they_went_in(outcome: StudyOutcome, tmp_path: Path, given_settings: Any) -> None:
    def finite(value: Any) -> Any:
        if isinstance(value, dict):
            return {k: finite(v) for k, v in value.items()}
        if isinstance(value, list):
            return [finite(v) for v in value]
        return None if isinstance(value, float) and not math.isfinite(value) else value

    document = _read(replace(outcome, settings=given_settings), tmp_path)
    assert document["settings"] == finite(given_settings)


def test_writing_is_repeatable_and_leaves_no_other_file(outcome: StudyOutcome, tmp_path: Path) -> None:
    first = write_results_json(outcome, tmp_path / "run").read_bytes()
    assert write_results_json(outcome, tmp_path / "run").read_bytes() == first
    assert [p.name for p in (tmp_path / "run").iterdir()] == ["results.json"]


def test_a_full_disk_keeps_the_old_file(outcome: StudyOutcome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_results_json(outcome, tmp_path)
    before = path.read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match="disk is full") as caught:
        write_results_json(replace(outcome, title="other"), tmp_path)
    assert "No space left" in caught.value.reason
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["results.json"]
