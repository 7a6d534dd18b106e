"""The template renderer: every name matches, and a template cannot reach outside."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

import numpy as np
import pytest

from dftflow.errors import OptionError, SpecError
from dftflow.model.spec import Relaxation
from dftflow.rendering import template_process, template_sandbox
from dftflow.rendering.own_templates import own_templates
from dftflow.rendering.templates import render_template


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
        "{{ a | attr('__class__') }}",
        "{{ ('{0.__class__.__mro__}' | attr('format'))(a) }}",
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


# --- templates of others are bounded ----------------------------------------------------------------------------

COSTLY = [
    "{{ 1/0 }}",
    "{{ 'x'*10**10 }}",
    "{% for i in range(10**9) %}x{% endfor %}",
    "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}",
    "{{ 'x' | center(10**10) }}",
    "{{ [1] | batch(10**9, 'x') | list | length }}",
    "{{ '{:>9999999999}'.format(1) }}",
    "{{ ('%' ~ 10**9 ~ 'd') | format(1) | length }}{{ 5 .to_bytes(10**10, 'big') }}",
    "{% include 'x/t.j2' %}",
    "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "{% set n = namespace(x='x'*1000) %}{% for i in range(60) %}{% set n.x = n.x ~ n.x %}{% endfor %}",
    "{{ (10**10)**(10**10) }}",
    "{{ ''.format.__globals__ }}",
]


@pytest.mark.parametrize("text", COSTLY)
def test_what_a_template_costs_is_bounded(folder: Path, text: str) -> None:
    """In time and memory; the next template is served all the same."""
    started = time.monotonic()
    with pytest.raises(SpecError) as caught:
        render(folder, f"{{{{ a }}}}\n{text}", a=1)
    assert re.search(r"t\.j2(:\d)?$", caught.value.where) and len(str(caught.value)) < 1000
    assert time.monotonic() - started < 60
    assert render(folder, "{{ a }}", a=1) == "1"


@pytest.mark.parametrize("text", COSTLY[:3])
def test_the_line_that_is_to_blame_is_told(folder: Path, text: str) -> None:
    with pytest.raises(SpecError) as caught:
        render(folder, f"{{{{ a }}}}\n\n{text}", a=1)
    assert caught.value.where == f"{folder / 'x' / 't.j2'}:3"


@pytest.mark.parametrize("text", [f"{{{{ {'(' * 5000}a{')' * 5000} }}}}", "{% if a %}" * 3000 + "{% endif %}" * 3000])
def test_nesting_is_bounded(folder: Path, text: str) -> None:
    with pytest.raises(SpecError, match="nests too deeply"):
        render(folder, text, a=1)


def test_the_process_apart_knows_nothing_of_this_one(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither its environment nor what lies in the folder that it was started from."""
    (folder / "jinja2.py").write_text("open('hacked', 'w')\n")
    monkeypatch.chdir(folder)
    monkeypatch.setattr(template_process, "_WORKER", template_process._Worker())
    assert render(folder, "{{ a }}", a=1) == "1"
    assert not (folder / "hacked").exists()


def test_values_of_any_plain_kind_reach_it(folder: Path) -> None:
    values = {"one": Relaxation(cell="all", energy_tol_ev_per_atom=1, force_tol_ev_per_ang=np.float64(2),
                                stress_tol_gpa=3, displacement_tol_ang=4, max_steps=5)}  # fmt: skip
    assert render(folder, "{{ one.cell }} {{ one.force_tol_ev_per_ang }}", **values) == "all 2.0"


# --- the files of a person's own --------------------------------------------------------------------------------


@pytest.fixture
def own(folder: Path) -> Path:
    (folder / "castep").mkdir()
    (folder / "castep" / "heading.j2").write_text('! {{ title }}{{ reference }}{% include "castep/more.j2" %}')
    return folder


def test_what_is_included_is_kept_too(own: Path) -> None:
    (own / "castep" / "more.j2").write_text("more")
    assert sorted(own_templates("castep", own)) == ["castep/heading.j2", "castep/more.j2"]


def make(kind: str, file: Path) -> None:
    if kind == "pipe":
        os.mkfifo(file)
    elif kind == "folder":
        file.mkdir()
    elif kind == "too large":
        file.write_text("x" * 300_000)
    elif kind == "no text":
        file.write_bytes(b"\xff\xfe")
    elif kind == "too deep":
        file.write_text(f"{{{{ {'(' * 5000} }}}}")
    else:
        file.symlink_to({"link to a device": "/dev/zero", "link away": "/etc/passwd", "link": "heading.j2"}[kind])


@pytest.mark.parametrize("name", ["more.j2", "heading.j2"])
@pytest.mark.parametrize(
    "kind", ["pipe", "folder", "too large", "no text", "too deep", "link to a device", "link away", "link"]
)
def test_a_template_is_a_regular_file_of_its_folder(own: Path, kind: str, name: str) -> None:
    file = own / "castep" / name
    file.unlink(missing_ok=True)
    make(kind, file)
    with pytest.raises(OptionError) as caught:
        own_templates("castep", own)
    assert str(file) in caught.value.reason and caught.value.place == ("templates",)


@pytest.mark.parametrize("name", ["/etc/passwd", "../secret", "castep/../../secret", "castep/none.j2"])
def test_nothing_is_included_from_outside(own: Path, name: str) -> None:
    (own.parent / "secret").write_text("s")
    (own / "castep" / "heading.j2").write_text(f'{{{{ title }}}}{{{{ reference }}}}{{% include "{name}" %}}')
    texts = own_templates("castep", own)
    assert list(texts) == ["castep/heading.j2"]
    with pytest.raises(SpecError, match="no template"):
        render_template("castep/heading.j2", {"title": "t", "reference": "r"}, search=[texts])


def test_a_folder_of_templates_behind_a_link_is_another_one(
    own: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = tmp_path_factory.mktemp("other")
    (other / "castep").symlink_to(own / "castep")
    with pytest.raises(OptionError, match="lies outside the folder"):
        own_templates("castep", other)


def test_a_shipped_template_that_has_changed_is_looked_through_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or what a person edits in a checkout while a notebook runs would not reach the deck."""
    monkeypatch.setattr(template_sandbox, "templates_dir", lambda: tmp_path)
    whole, part = tmp_path / "whole.j2", tmp_path / "part.j2"
    whole.write_text("{{ first }} {% include 'part.j2' %}")
    part.write_text("{{ second }}")
    assert render_template("whole.j2", {"first": 1, "second": 2}) == "1 2"
    part.write_text("{{ third }}")
    os.utime(part, (0, 0))
    assert render_template("whole.j2", {"first": 1, "third": 3}) == "1 3"
    with pytest.raises(SpecError, match="second"):
        render_template("whole.j2", {"first": 1, "second": 2})
    whole.write_text("{{ first }}")
    os.utime(whole, (0, 0))
    assert render_template("whole.j2", {"first": 4}) == "4"
