"""Families of quantities from another package: theirs stand behind our own, and a failure costs itself alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from broken_package import put_package

from dftflow.derive.findings import Findings
from dftflow.derive.registry import all_quantities
from dftflow.model.quantity import Missing

UNBUILT = Findings(admissions={}, unbuilt={"CsBr/slab-110": Missing(kind="failed", reason="died")})
GOOD = """
from dftflow.model.quantity import Quantity

def found(findings):
    yield Quantity(name="surfaces", subject="the study", unit="", value=float(len(findings.unbuilt)))
"""


def test_a_family_of_another_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_package(tmp_path / "site", monkeypatch, "dftflow.quantities", GOOD)
    assert [(q.name, q.value) for q in all_quantities(UNBUILT).every] == [
        ("ionisation potential", None),
        ("surfaces", 1.0),
    ]


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import no_such_package\n", "the quantity 'broken' of the package toy-broken cannot be loaded"),
        ("other = 1\n", "AttributeError"),
        (
            "def found(findings):\n    return 1 / 0\n",
            "the package toy-broken failed: ZeroDivisionError: division by zero",
        ),
        ("def found(findings):\n    yield 1.5\n", "the package toy-broken gave float for a Quantity"),
        (GOOD + "    yield None\n", "the package toy-broken gave NoneType for a Quantity"),
    ],
)
def test_one_that_fails_costs_itself_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, said: str
) -> None:
    put_package(tmp_path / "site", monkeypatch, "dftflow.quantities", code)
    own, failed = all_quantities(UNBUILT).every
    assert own.name == "ionisation potential"
    assert (failed.name, failed.subject, failed.unit, failed.value) == ("broken", "the study", "", None)
    assert failed.missing is not None and failed.missing.kind == "not derived"
    assert "toy-broken" in failed.missing.reason and said in failed.missing.reason
