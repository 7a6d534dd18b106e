from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import dftflow.report.results_json
from dftflow.errors import StoreError
from dftflow.model.outcome import StudyOutcome
from dftflow.model.quantity import Missing
from dftflow.report.results_json import SCHEMA, results_document, write_results_json

SCHEMA_FILE = Path(dftflow.report.results_json.__file__).with_name("results.schema.json")


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    return json.loads(SCHEMA_FILE.read_text())


NOTHING = Missing(kind="not run", reason="the slab calculation gave no levels")
NO_BANDS = Missing(kind="not run", reason="bulk-bands was not run")


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


def _bare(outcome: StudyOutcome) -> StudyOutcome:
    """Nothing finished."""
    materials = tuple(
        replace(
            m,
            bulk=replace(m.bulk, edges=None, bands=None, no_edges=NO_BANDS),
            slabs=tuple(replace(s, profile=None, vacuum=(), levels=None, missing=NOTHING) for s in m.slabs),
        )
        for m in outcome.materials
    )
    steps = tuple(replace(s, state="not_run", results=None, wall_time_s=None) for s in outcome.steps)
    return replace(outcome, materials=materials, alignments=(), steps=steps, wall_time_s=None)


@pytest.mark.parametrize("change", [lambda o: o, _bare, lambda o: replace(o, materials=(), alignments=(), steps=())])
def test_it_keeps_to_its_schema(outcome: StudyOutcome, tmp_path: Path, schema: dict[str, Any], change: Any) -> None:
    document = _read(change(outcome), tmp_path)
    assert list(_complaints(document, schema, schema)) == []


def test_the_check_itself_sees_breaches(outcome: StudyOutcome, tmp_path: Path, schema: dict[str, Any]) -> None:
    document = results_document(outcome, tmp_path)
    document["schema"] = "dftflow-results/0"
    document["extra"] = 1
    del document["steps"]
    bulk = document["materials"]["CsPbBr3"]["bulk"]
    bulk["direct"], bulk["band_gap_ev"], bulk["vbm_k"] = "yes", True, [0, 0]
    assert len(list(_complaints(document, schema, schema))) == 6


def test_jsonschema_agrees(outcome: StudyOutcome, tmp_path: Path, schema: dict[str, Any]) -> None:
    jsonschema = pytest.importorskip("jsonschema", reason="jsonschema is not installed; the check above still ran")
    jsonschema.Draft202012Validator.check_schema(schema)
    for study in (outcome, _bare(outcome)):
        jsonschema.validate(_read(study, tmp_path), schema)


def test_the_keys_that_users_rely_on(outcome: StudyOutcome, tmp_path: Path) -> None:
    document = _read(outcome, tmp_path)
    assert document["schema"] == SCHEMA
    bulk = document["materials"]["FAPbBr3"]["bulk"]
    assert bulk["band_gap_ev"] == pytest.approx(1.641)
    assert bulk["cbm_ev"] - bulk["vbm_ev"] == pytest.approx(1.641)
    assert bulk["vbm_k"] == bulk["cbm_k"] == [0.5, 0.5, 0.5]
    assert bulk["direct"] is True
    assert bulk["volume_ang3"] == pytest.approx(5.99**3)
    np.testing.assert_allclose(bulk["cell_ang"], 5.99 * np.eye(3), atol=1e-12)
    slab = document["materials"]["CsPbBr3"]["slabs"][0]
    assert (slab["miller"], slab["setting"], slab["formal_charge"]) == ([0, 1, 1], "Pnma", 0)
    assert slab["termination"] == "CsBr3/2 (half Cs2Br6)"
    assert (slab["work_function_ev"], slab["ionisation_potential_ev"], slab["electron_affinity_ev"]) == (
        4.771,
        5.812,
        3.903,
    )
    assert {k: slab["vacuum"][k] for k in ("low_ev", "high_ev", "spread_ev")} == {
        "low_ev": 4.853, "high_ev": 4.853, "spread_ev": 0.006,
    }  # fmt: skip
    row = document["alignment"]
    assert row == document["alignments"][0]
    assert (row["valence_band_offset_ev"], row["tolerance_ev"], row["type"]) == (0.021, 0.1, "not resolved")
    assert row["method"] == "bulk line-up"
    assert document["alignments"][-1]["source"] == "10.1021/acsami.1c18025"
    assert document["provenance"]["gpaw"] == "26.7.0"


def test_each_number_names_its_step_and_each_step_its_folder(outcome: StudyOutcome, tmp_path: Path) -> None:
    document = _read(outcome, tmp_path)
    steps = {step["name"]: step for step in document["steps"]}
    for name, material in document["materials"].items():
        assert material["bulk"]["from"] == {"edges": f"{name}/bulk-bands", "cell": f"{name}/bulk-relax"}
        assert material["slabs"][0]["from"]["levels"] in steps
    assert steps["CsPbBr3/bulk-bands"]["folder"] == "steps/CsPbBr3-bulk-bands"
    outside = results_document(outcome, tmp_path / "elsewhere")["steps"][0]["folder"]
    assert Path(outside).is_absolute()


def _nulls(value: Any, names: set[str]) -> Iterator[tuple[dict[str, Any], str]]:
    if isinstance(value, dict):
        for key, item in value.items():
            if key in names and item is None:
                yield value, key
            yield from _nulls(item, names)
    if isinstance(value, list):
        for item in value:
            yield from _nulls(item, names)


def test_every_missing_number_has_a_reason(outcome: StudyOutcome, tmp_path: Path) -> None:
    names = {
        "band_gap_ev", "vbm_ev", "cbm_ev", "work_function_ev", "ionisation_potential_ev", "electron_affinity_ev",
        "slab_gap_ev", "slab_ionisation_potential_ev", "lineup_spread_ev", "low_ev", "high_ev", "spread_ev",
        "valence_band_offset_ev", "conduction_band_offset_ev",
    }  # fmt: skip
    for study in (outcome, _bare(outcome)):
        document = _read(study, tmp_path)
        nulls = list(_nulls({k: document[k] for k in ("materials", "alignment", "alignments")}, names))
        assert nulls
        assert all(owner["missing"][key] for owner, key in nulls)
    failed = _read(outcome, tmp_path)["materials"]["CsPbBr3"]["slabs"][1]
    assert failed["missing"]["work_function_ev"] == "CsPbBr3/slab-2-potential failed: scf_not_converged"


def test_nan_becomes_null_with_a_reason(outcome: StudyOutcome, tmp_path: Path) -> None:
    cs, fa = outcome.materials
    metallic = "filled and empty bands overlap: there is no gap"
    levels = replace(fa.slabs[0].levels, work_function_ev=math.nan, slab_edges=None, why_no_slab_edges=metallic)
    odd = replace(
        outcome,
        materials=(cs, replace(fa, slabs=(replace(fa.slabs[0], levels=levels),))),
        settings={"array": np.array([1.0, math.inf]), "path": Path("a/b"), "set": {"b", "a"}, "count": np.int64(3)},
    )
    document = _read(odd, tmp_path)
    slab = document["materials"]["FAPbBr3"]["slabs"][0]
    assert slab["work_function_ev"] is None
    assert slab["missing"] == {
        "work_function_ev": "the calculation gave nan",
        "slab_gap_ev": metallic,
        "slab_ionisation_potential_ev": metallic,
        "slab_electron_affinity_ev": metallic,
    }
    assert document["settings"] == {"array": [1.0, None], "path": "a/b", "set": ["a", "b"], "count": 3}


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
def test_any_settings_come_back_as_they_went_in(
    outcomes: ModuleType, outcome: StudyOutcome, tmp_path: Path, given_settings: Any
) -> None:
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

    def full(self: Path, data: bytes) -> int:
        with self.open("wb") as file:
            file.write(data[:10])
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(StoreError, match=r"results\.json cannot be written") as caught:
        write_results_json(replace(outcome, title="other"), tmp_path)
    assert "No space left" in caught.value.reason
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["results.json"]
