"""The template renderer: every name matches, and a template cannot reach outside."""

from __future__ import annotations

from pathlib import Path

import pytest

from dftflow.codes.templates import render_template
from dftflow.errors import SpecError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "x").mkdir()
    return tmp_path


def render(folder: Path, text: str, **values: object) -> str:
    (folder / "x" / "t.j2").write_text(text)
    return render_template("x/t.j2", values, search=[folder])


def test_values_reach_the_text(folder: Path) -> None:
    assert render(folder, "cutoff : {{ cutoff }} eV\n", cutoff=244.9) == "cutoff : 244.9 eV\n"


def test_block_lines_leave_no_blank_line(folder: Path) -> None:
    text = "a\n  {% if yes %}\nb\n  {% endif %}\nc\n"
    assert render(folder, text, yes=True) == "a\nb\nc\n"
    assert render(folder, text, yes=False) == "a\nc\n"


def test_text_is_not_escaped_as_html(folder: Path) -> None:
    assert render(folder, "{{ a }}", a="<seed> & 'x'") == "<seed> & 'x'"


def test_unknown_name_is_an_error_with_the_nearest(folder: Path) -> None:
    with pytest.raises(SpecError, match=r"'cutof'(.|\n)*did you mean 'cutoff'") as caught:
        render(folder, "{{ cutof }} {{ cutoff }}", cutoff=1)
    assert caught.value.where.endswith("t.j2")


def test_unknown_name_in_a_branch_not_taken_is_an_error(folder: Path) -> None:
    with pytest.raises(SpecError, match="'b'"):
        render(folder, "{% if a %}{{ b }}{% endif %}", a=False)


def test_unused_name_is_an_error(folder: Path) -> None:
    with pytest.raises(SpecError, match="never uses grid"):
        render(folder, "{{ cutoff }}", cutoff=1, grid=2)


def test_names_of_included_templates_count(folder: Path) -> None:
    (folder / "x" / "inner.j2").write_text("{{ grid }}")
    assert render(folder, '{{ cutoff }} {% include "x/inner.j2" %}', cutoff=1, grid=2) == "1 2"
    with pytest.raises(SpecError, match="'grid'"):
        render(folder, '{{ cutoff }} {% include "x/inner.j2" %}', cutoff=1)


def test_attribute_that_does_not_exist_is_an_error(folder: Path) -> None:
    with pytest.raises(SpecError, match="no attribute"):
        render(folder, "{{ a.nothing }}", a=1)


@pytest.mark.parametrize("text", ["{{ a", "{% if a %}", "{{ a | nofilter }}", '{% include "x/none.j2" %}{{ a }}'])
def test_broken_template_says_where(folder: Path, text: str) -> None:
    with pytest.raises(SpecError) as caught:
        render(folder, text, a=1)
    assert "t.j2" in str(caught.value) or "none.j2" in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "{{ a.__class__.__mro__ }}",
        "{{ a.__init__.__globals__ }}",
        "{{ ''.__class__.__base__.__subclasses__() }}{{ a }}",
    ],
)
def test_sandbox_holds(folder: Path, text: str) -> None:
    with pytest.raises(SpecError):
        render(folder, text, a="x")


def test_template_cannot_change_what_it_gets(folder: Path) -> None:
    with pytest.raises(SpecError):
        render(folder, "{{ a.append(1) }}", a=[0])


def test_template_outside_the_folders_is_not_found(folder: Path) -> None:
    (folder / "secret").write_text("s")
    with pytest.raises(SpecError, match="no template"):
        render_template("../secret", {}, search=[folder / "x"])


def test_own_template_replaces_the_shipped_one(folder: Path) -> None:
    (folder / "castep").mkdir()
    (folder / "castep" / "heading.j2").write_text("! mine: {{ title }}, {{ reference }}\n")
    values = {"title": "CsBr", "reference": "10.1021/x"}
    assert render_template("castep/heading.j2", values, search=[folder]) == "! mine: CsBr, 10.1021/x\n"
    shipped = "! CsBr\n! the study refers to doi 10.1021/x; a comment names it where a setting is from there\n"
    assert render_template("castep/heading.j2", values) == shipped
