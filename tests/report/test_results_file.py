"""Files of both versions, read back into quantities, and files that are damaged."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from outcomes import VARIANTS, StoredRun

from dftflow.errors import InputError, ParseError
from dftflow.model.outcome import StudyOutcome
from dftflow.model.quantity import Missing, MissingKind, Quantity
from dftflow.report.results_file import read_results
from dftflow.report.results_json import write_results_json

# --- version 2 --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("variant", VARIANTS)
def test_what_a_study_writes_comes_back(tmp_path: Path, variant: str) -> None:
    outcome = VARIANTS[variant](tmp_path / "run")
    file = write_results_json(outcome, tmp_path)
    assert read_results(file) == read_results(tmp_path) == outcome.quantities


TEXT = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=12)
NUMBER = st.floats(allow_nan=False, allow_infinity=False)


@st.composite
def quantities(draw: st.DrawFn) -> Quantity:
    """Any quantity that can be made."""
    known: dict[str, Any] = {name: draw(TEXT) for name in ("name", "subject", "method", "unit")}
    known |= {name: tuple(draw(st.lists(TEXT, max_size=3))) for name in ("origin", "remarks")}
    if draw(st.booleans()):
        missing = Missing(kind=draw(st.sampled_from(get_args(MissingKind))), reason=draw(TEXT))
        return Quantity(value=None, missing=missing, **known)
    if draw(st.booleans()):
        low, high = sorted(draw(st.tuples(NUMBER, NUMBER)))
        known |= {"uncertainty": (low, high), "uncertainty_holds": draw(TEXT.filter(bool))}
    return Quantity(value=draw(NUMBER | TEXT), **known)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> StudyOutcome:
    return StoredRun.of(tmp_path_factory.mktemp("whole")).outcome()


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(quantities(), max_size=4))
def test_any_quantities_come_back(whole: StudyOutcome, tmp_path: Path, given_quantities: list[Quantity]) -> None:
    file = write_results_json(replace(whole, quantities=tuple(given_quantities)), tmp_path)
    found = read_results(file)
    assert found == tuple(given_quantities)
    assert [type(q.value) for q in found] == [type(q.value) for q in given_quantities]


# --- version 1 --------------------------------------------------------------------------------------------------

BULK_1: dict[str, Any] = {
    "band_gap_ev": 1.5,
    "vbm_ev": 2.0,
    "cbm_ev": 3.5,
    "fermi_ev": None,
    "missing": {"fermi_ev": "the code gave none"},
    "vbm_k": [0.0, 0.0, 0.0],
    "cbm_k": [0.0, 0.0, 0.0],
    "vbm_label": "G",
    "cbm_label": "G",
    "direct": True,
    "volume_ang3": 80.0,
    "space_group": "Pm-3m (221)",
    "relaxed": True,
    "from": {"edges": "A/bulk-bands", "cell": "A/bulk-relax"},
    "warnings": [],
}
SLAB_1: dict[str, Any] = {
    "miller": [1, 1, 0],
    "setting": "cubic",
    "termination": "CsBr",
    "work_function_ev": 4.0,
    "ionisation_potential_ev": 5.5,
    "electron_affinity_ev": 4.0,
    "uncertainty_ev": 0.02,
    "slab_gap_ev": None,
    "missing": {"slab_gap_ev": "the slab is metallic"},
    "vacuum": {"low_ev": 6.0, "high_ev": 6.0, "spread_ev": 0.001, "missing": {}},
    "from": {"levels": "A/slab-1-potential"},
    "failure": "",
}
ROW_1: dict[str, Any] = {
    "method": "bulk line-up",
    "valence_band_offset_ev": 0.3,
    "conduction_band_offset_ev": -0.2,
    "uncertainty_ev": 0.04,
    "missing": {},
    "type": "type I",
    "tolerance_ev": 0.1,
    "first": "A",
    "second": "B",
    "source": "",
}
PUBLISHED_1 = ROW_1 | {
    "method": "published",
    "conduction_band_offset_ev": None,
    "missing": {"conduction_band_offset_ev": "the source gives none"},
    "source": "10.1000/x",
}


def first_version(**changes: Any) -> dict[str, Any]:
    """A file as dftflow 0.1 wrote it, with what is read of it."""
    material = {"formula": "CsBr", "bulk": BULK_1, "slabs": [SLAB_1]}
    return {
        "schema": "dftflow-results/1",
        "study": {"title": "T", "name": "t", "code": "gpaw", "preset": "quick"},
        "materials": {"A": material},
        "alignments": [ROW_1, PUBLISHED_1],
        "steps": [],
        "warnings": [],
        **changes,
    }


def _written(folder: Path, content: object) -> Path:
    file = folder / "results.json"
    file.write_text(json.dumps(content))
    return file


def test_version_1(tmp_path: Path) -> None:
    found = read_results(_written(tmp_path, first_version()))
    face, pair, own = "A (110) cubic, CsBr", "A | B", "on the scale of the run itself"
    by_line_up = "bulk line-up through the slab"
    assert [(q.name, q.subject, q.method, q.value, q.unit, q.origin) for q in found] == [
        ("band gap", "A", "", 1.5, "eV", ("A/bulk-bands",)),
        ("valence band maximum", "A", own, 2.0, "eV", ("A/bulk-bands",)),
        ("conduction band minimum", "A", own, 3.5, "eV", ("A/bulk-bands",)),
        ("Fermi level", "A", own, None, "eV", ("A/bulk-bands",)),
        ("volume", "A", "", 80.0, "Å³", ("A/bulk-relax",)),
        ("work function", face, "", 4.0, "eV", ("A/slab-1-potential",)),
        ("ionisation potential", face, by_line_up, 5.5, "eV", ("A/slab-1-potential",)),
        ("electron affinity", face, by_line_up, 4.0, "eV", ("A/slab-1-potential",)),
        ("band gap", face, "the slab's own bands", None, "eV", ("A/slab-1-potential",)),
        ("valence band offset", pair, "bulk line-up", 0.3, "eV", ()),
        ("conduction band offset", pair, "bulk line-up", -0.2, "eV", ()),
        ("type of the alignment", pair, "bulk line-up", "type I", "", ()),
        ("valence band offset", pair, "published", 0.3, "eV", ("10.1000/x",)),
        ("conduction band offset", pair, "published", None, "eV", ("10.1000/x",)),
        ("type of the alignment", pair, "published", "type I", "", ("10.1000/x",)),
    ]
    reasons = [q.missing.reason for q in found if q.missing]
    assert reasons == ["the code gave none", "the slab is metallic", "the source gives none"]


def test_what_version_1_called_an_uncertainty_is_none(tmp_path: Path) -> None:
    assert all(q.uncertainty is None for q in read_results(_written(tmp_path, first_version())))


def test_both_versions_name_a_number_alike(whole: StudyOutcome, tmp_path: Path) -> None:
    """The tables that version 1 had are read from a file of version 2 with another name of its schema."""
    document = json.loads(write_results_json(whole, tmp_path).read_text())
    old = read_results(_written(tmp_path, document | {"schema": "dftflow-results/1"}))
    values = {(q.name, q.subject, q.method): q.value for q in whole.quantities}
    assert len(old) > 30
    assert all(values[q.name, q.subject, q.method] == q.value for q in old)


def test_a_number_that_version_1_does_not_tell(tmp_path: Path) -> None:
    bulk = {key: value for key, value in BULK_1.items() if key not in ("fermi_ev", "missing")}
    content = first_version(materials={"A": {"bulk": bulk, "slabs": []}}, alignments=[])
    (fermi,) = [q for q in read_results(_written(tmp_path, content)) if q.name == "Fermi level"]
    assert fermi.missing == Missing(kind="not derived", reason="the file does not tell why")


# --- damage -----------------------------------------------------------------------------------------------------

GOOD: dict[str, Any] = {
    "name": "band gap",
    "subject": "A",
    "method": "",
    "unit": "eV",
    "value": 1.5,
    "uncertainty": [-0.1, 0.2],
    "uncertainty_holds": "of a fit",
    "origin": ["A/bulk-bands"],
    "remarks": [],
    "missing": None,
}
NOT_RUN = {"kind": "not run", "reason": "x"}


def second_version(**changes: Any) -> dict[str, Any]:
    return {"schema": "dftflow-results/2", "quantities": [GOOD | changes]}


def test_the_good_one_is_read(tmp_path: Path) -> None:
    (quantity,) = read_results(_written(tmp_path, second_version()))
    assert quantity.as_dict() == GOOD


@pytest.mark.parametrize(
    "change",
    [
        {"value": None},
        {"missing": NOT_RUN},
        {"value": True},
        {"value": [1.5]},
        {"value": float("nan")},
        {"value": float("inf")},
        {"value": 10**400},
        {"value": None, "missing": {"kind": "lost", "reason": "x"}, "uncertainty": None, "uncertainty_holds": ""},
        {"value": None, "missing": {"kind": "not run"}, "uncertainty": None, "uncertainty_holds": ""},
        {"uncertainty": [0.2, -0.1]},
        {"uncertainty": [0.1]},
        {"uncertainty": [-0.1, float("nan")]},
        {"uncertainty": "01"},
        {"uncertainty": None},
        {"uncertainty_holds": ""},
        {"origin": "A/bulk-bands"},
        {"origin": None},
        {"remarks": [1]},
        {"name": None},
        {"unit": 3},
        {"error_ev": 0.1},
    ],
    ids=repr,
)
def test_a_quantity_that_cannot_be_is_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    with pytest.raises(ParseError, match=r"damaged|cannot be read") as caught:
        read_results(_written(tmp_path, second_version(**change)))
    assert caught.value.where == str(tmp_path / "results.json")


@pytest.mark.parametrize("key", GOOD)
def test_a_quantity_without_a_field_is_refused(tmp_path: Path, key: str) -> None:
    plain = {name: value for name, value in GOOD.items() if name != key}
    with pytest.raises(ParseError, match="damaged"):
        read_results(_written(tmp_path, {"schema": "dftflow-results/2", "quantities": [plain]}))


@pytest.mark.parametrize("listed", [None, {}, "x", [None], [[]], 3])
def test_what_is_no_list_of_quantities_is_refused(tmp_path: Path, listed: object) -> None:
    content = first_version(schema="dftflow-results/2", quantities=listed)
    with pytest.raises(ParseError, match="damaged"):
        read_results(_written(tmp_path, content))


@pytest.mark.parametrize(
    "content",
    [
        first_version(materials=[]),
        first_version(materials={"A": {"bulk": BULK_1}}),
        first_version(materials={"A": {"bulk": BULK_1 | {"band_gap_ev": "1.5"}, "slabs": []}}),
        first_version(materials={"A": {"bulk": BULK_1 | {"volume_ang3": None}, "slabs": []}}),
        first_version(materials={"A": {"bulk": BULK_1, "slabs": [SLAB_1 | {"miller": None}]}}),
        first_version(alignments=[ROW_1 | {"type": None}]),
        first_version(alignments=[{"method": "x"}]),
        first_version(alignments=None),
        {"schema": "dftflow-results/2"},
    ],
)
def test_a_damaged_table_is_refused(tmp_path: Path, content: object) -> None:
    with pytest.raises(ParseError, match="damaged"):
        read_results(_written(tmp_path, content))


@pytest.mark.parametrize(
    "content", [{"schema": "dftflow-results/3"}, {"schema": ["dftflow-results/2"]}, {}, [], 3, None]
)
def test_another_version_is_named(tmp_path: Path, content: object) -> None:
    with pytest.raises(ParseError, match="another version of dftflow"):
        read_results(_written(tmp_path, content))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda file: file.write_bytes(file.read_bytes()[:-200]),
        lambda file: file.write_bytes(b""),
        lambda file: file.write_bytes(b"\xff\xfe\x00"),
        lambda file: file.write_text("[" * 100_000),
    ],
    ids=["cut", "empty", "binary", "deep"],
)
def test_a_file_that_is_none(whole: StudyOutcome, tmp_path: Path, spoil: Callable[[Path], Any]) -> None:
    spoil(write_results_json(whole, tmp_path))
    with pytest.raises(ParseError, match="cannot be read"):
        read_results(tmp_path)
    (tmp_path / "results.json").unlink()
    with pytest.raises(InputError, match="no results of a study here"):
        read_results(tmp_path)


@pytest.mark.parametrize("step", range(7))
def test_a_file_cut_anywhere_is_refused(whole: StudyOutcome, tmp_path: Path, step: int) -> None:
    file = write_results_json(whole, tmp_path)
    content = file.read_bytes()
    file.write_bytes(content[: len(content) * (step + 1) // 8])
    with pytest.raises(ParseError):
        read_results(file)
