"""The rule for names: nothing that passes leaves a folder, starts an option or splits into words."""

from __future__ import annotations

import shlex
from pathlib import Path, PurePosixPath, PureWindowsPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dftflow.errors import SpecError
from dftflow.model.names import is_name
from dftflow.model.step import StepId, Subject

ESCAPING = ["", ".", "..", "../../../x", "/abs", "a/b", "a\\b", "~", "~root", "-rf", ".hidden", "a\n", "\na", "a\x00",
            "a b", "$(x)", "`x`", "a;b", "a'b", 'a"b', "γ", "Å", "ａ", "a\u202eb", "x" * 101, "a."]  # fmt: skip


@given(st.text(st.characters(codec="utf-8"), max_size=8) | st.from_regex(r"[A-Za-z0-9._+-]{1,9}", fullmatch=True))
def test_a_name_is_one_word_and_one_part_of_a_path(text: str) -> None:
    if not is_name(text):
        return
    assert PurePosixPath(text).parts == (text,) and PureWindowsPath(text).parts == (text,)
    assert text not in (".", "..") and text[0] not in ".-~"
    assert shlex.split(text, comments=True) == [text] and shlex.quote(text) == text


@pytest.mark.parametrize("name", ["CsPbBr3", "a" * 100, "A+B", "x-", "1.5_", "_", "+"])
def test_names(name: str) -> None:
    assert is_name(name)


@pytest.mark.parametrize("wrong", ESCAPING)
@pytest.mark.parametrize("part", ["kind", "material", "label", "task", "variant"])
def test_no_step_can_have_another_name(part: str, wrong: str, tmp_path: Path) -> None:
    """Whoever makes it: a study, a kind of another package, or a stored plan."""
    parts = {"kind": "k", "material": "m", "label": "l", "task": "t", "variant": "v", part: wrong}
    if part == "variant" and not wrong:
        return
    with pytest.raises(SpecError, match="name of a step"):
        StepId(
            subject=Subject(kind=parts["kind"], materials=(parts["material"],), label=parts["label"]),
            task=parts["task"],
            variant=parts["variant"],
        )


def test_a_step_of_no_material_would_be_an_absolute_path() -> None:
    with pytest.raises(SpecError, match="no material"):
        Subject(kind="k", materials=(), label="l")


def test_a_step_of_many_parts_still_names_a_file() -> None:
    subject = Subject(kind="k", materials=("m" * 100, "n" * 100), label="l")
    with pytest.raises(SpecError, match="too long"):
        StepId(subject=subject, task="t")
