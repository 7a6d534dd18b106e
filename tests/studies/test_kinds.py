"""Kinds of subject from another package: one that cannot be used is named before anything is calculated."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from broken_package import put_package

from dftflow.errors import CodeNotFoundError, InputError
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


KIND = """
from dftflow.model.step import Step, StepId, Subject

class found:
    name = "toy"
    def steps(self, study, materials):
        subject = Subject(kind={kind!r}, materials={materials!r}, label={label!r})
        return (Step(id=StepId(subject=subject, task={task!r}), title={title!r}),)
    def build(self, step, study, materials, parents):
        raise RuntimeError
"""
HARMLESS = {"kind": "toy", "materials": ("CsBr",), "label": "x", "task": "bands", "title": "one line"}


@pytest.mark.parametrize(
    ("part", "wrong"),
    [
        *(
            (part, wrong)
            for part in ("kind", "label", "task")
            for wrong in ("../../../x", "/abs", "", ".", "a b", "a\n")
        ),
        *(("materials", (wrong,)) for wrong in ("../../../x", "/abs", "", "..", "KBr")),
        ("materials", ()),
        ("title", "a\n| b |"),
    ],
)
def test_a_kind_whose_steps_would_lie_elsewhere_is_refused(
    write_study: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: str, wrong: object
) -> None:
    put_package(tmp_path / "site", monkeypatch, "dftflow.kinds", KIND.format(**{**HARMLESS, part: wrong}))
    with pytest.raises(InputError):
        plan_study(load_study(str(write_study()), "quick"))


def test_a_kind_whose_steps_have_names_is_taken(
    write_study: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_package(tmp_path / "site", monkeypatch, "dftflow.kinds", KIND.format(**HARMLESS))
    steps = plan_study(load_study(str(write_study()), "quick")).steps
    assert "CsBr/x-bands" in [step.name for step in steps]
