"""Renders the input-deck templates: Jinja2 in a sandbox, in which every name has to match.

A template that asks for a name nobody gives, and a value that no template uses, are both errors: the second means that
something the user set would not reach the deck.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from jinja2 import FileSystemLoader, StrictUndefined, TemplateError, TemplateNotFound, TemplateSyntaxError, meta
from jinja2.sandbox import ImmutableSandboxedEnvironment

from dftflow.errors import SpecError
from dftflow.resources import templates_dir

__all__ = ["render_template"]


def render_template(name: str, values: Mapping[str, Any], *, search: Sequence[Path] = ()) -> str:
    """Text of the template `name` filled with `values`.

    Parameters
    ----------
    name
        Path below a templates folder, e.g. ``"castep/relax.param.j2"``.
    values
        Everything that the template and those it includes may use; all of it has to be used.
    search
        Folders that are looked into before the shipped one, e.g. ``[Path("templates")]``: a file of the same name
        there replaces the shipped template.

    Raises
    ------
    SpecError
        The template does not exist, is not valid Jinja2, does something the sandbox forbids, needs a name that is
        not in `values`, or leaves one of `values` unused.
    """
    environment = ImmutableSandboxedEnvironment(
        loader=FileSystemLoader([*search, templates_dir()]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # decks are plain text, not HTML
    )
    try:
        wanted = _names(environment, name) - environment.globals.keys()
        _check_names(_file_of(environment, name), wanted, values.keys())
        return environment.get_template(name).render(values)
    except TemplateNotFound as error:
        folders = ", ".join(str(folder) for folder in (*search, templates_dir()))
        raise SpecError(f"there is no template {error.name!r}", reason=f"looked in {folders}") from error
    except TemplateSyntaxError as error:
        where = f"{error.filename or name}:{error.lineno}"
        raise SpecError("the template is not valid Jinja2", reason=str(error.message), where=where) from error
    except TemplateError as error:
        raise SpecError("the template cannot be rendered", reason=str(error), where=name) from error


def _names(environment: ImmutableSandboxedEnvironment, name: str) -> set[str]:
    """Names that the template and everything it includes look up."""
    found: set[str] = set()
    todo, seen = [name], set[str]()
    while todo:
        current = todo.pop()
        if current in seen:
            continue
        seen.add(current)
        environment.get_template(current)  # compiles it, so that an error in it carries its file and line
        assert environment.loader is not None
        tree = environment.parse(environment.loader.get_source(environment, current)[0])
        found |= meta.find_undeclared_variables(tree)
        todo += [other for other in meta.find_referenced_templates(tree) if other is not None]
    return found


def _file_of(environment: ImmutableSandboxedEnvironment, name: str) -> str:
    assert environment.loader is not None
    return environment.loader.get_source(environment, name)[1] or name


def _check_names(file: str, wanted: set[str], given: Any) -> None:
    for unknown in sorted(wanted - set(given)):
        nearest = get_close_matches(unknown, given, n=1)
        hint = f"did you mean {nearest[0]!r}? " if nearest else ""
        raise SpecError(
            f"the template uses the name {unknown!r}, which does not exist",
            fix=f"{hint}names that exist: {', '.join(sorted(given))}",
            where=file,
        )
    unused = sorted(set(given) - wanted)
    if unused:
        raise SpecError(
            f"the template never uses {', '.join(unused)}",
            reason="what was set for this calculation would not reach the deck",
            fix="write each of them into the template, in a comment line of the deck where it does no harm",
            where=file,
        )
