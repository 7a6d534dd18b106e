"""Renders the templates of decks and scripts.

A template that asks for a name nobody gives, and a value that no template uses, are both errors: the second means that
something the user set would not reach the deck. Every value passes the language of the deck
(`dftflow.rendering.quoting`).
Templates of a person's own are rendered in a process apart, which is bounded in time and memory.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dftflow.rendering.quoting import PLAIN, Language
from dftflow.rendering.template_process import render_apart
from dftflow.rendering.template_sandbox import render_here
from dftflow.rendering.template_source import TemplateSource

__all__ = ["render_template"]


def render_template(
    name: str, values: Mapping[str, Any], *, search: Sequence[TemplateSource] = (), language: Language = PLAIN
) -> str:
    """Text of the template `name` filled with `values`.

    Parameters
    ----------
    name
        Path below a templates folder, e.g. ``"castep/relax.param.j2"``.
    values
        Everything that the template and those it includes may use; all of it has to be used. Plain data: numbers,
        text, sequences, mappings and dataclasses of these.
    search
        What is looked into before the shipped folder, e.g. ``[Path("templates")]``: a template of the same name there
        replaces the shipped one.
    language
        What the template writes: which text means nothing there, and what the filter ``quoted`` does.

    Raises
    ------
    SpecError
        The template does not exist, is not valid Jinja2, does something the sandbox forbids, needs a name that is
        not in `values`, leaves one of `values` unused, fails, or needs more time, memory or room than a deck may.
    """
    if not any(search):
        return render_here(name, values, search=(), language=language)
    return render_apart(name, values, search=search, language=language)
