"""Kinds of subject from another package: one that cannot be used is named before anything is calculated."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from broken_package import put_package

from dftflow.errors import CodeNotFoundError
from dftflow.studies.plan import plan_study
from dftflow.studies.reader import load_study


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import no_such_package\n", "No module named 'no_such_package'"),
        ("def found():\n    return 1 / 0\n", "ZeroDivisionError"),
        ("class found:\n    name = 'broken'\n", "it lacks name, steps or build"),
    ],
)
def test_a_broken_kind_is_named(
    write_study: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, said: str
) -> None:
    put_package(tmp_path / "site", monkeypatch, "dftflow.kinds", code)
    with pytest.raises(CodeNotFoundError, match="toy-broken") as caught:
        plan_study(load_study(str(write_study()), "quick"))
    assert said in caught.value.reason and "uninstall" in caught.value.fix
