"""Renders the input-deck templates: Jinja2 in a sandbox, in which every name has to match.

A template that asks for a name nobody gives, and a value that no template uses, are both errors: the second means that
something the user set would not reach the deck.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import (
    BaseLoader,
    BytecodeCache,
    ChoiceLoader,
    DictLoader,
    Environment,
    FileSystemLoader,
    StrictUndefined,
    TemplateError,
    TemplateNotFound,
    TemplateSyntaxError,
    meta,
)
from jinja2.bccache import Bucket
from jinja2.sandbox import ImmutableSandboxedEnvironment

from dftflow.errors import OptionError, SpecError
from dftflow.resources import templates_dir

__all__ = ["TemplateSource", "own_templates", "render_template"]

TemplateSource = Path | Mapping[str, str]
"""A folder that holds ``<code>/<name>.j2``, or the texts of such files by these names."""


class _Compiled(BytecodeCache):
    """Templates that this process has compiled; jinja2 asks whether it was from the same text."""

    def __init__(self) -> None:
        self._code: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self._code:
            bucket.bytecode_from_string(self._code[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._code[bucket.key] = bucket.bytecode_to_string()


_COMPILED = _Compiled()


def render_template(name: str, values: Mapping[str, Any], *, search: Sequence[TemplateSource] = ()) -> str:
    """Text of the template `name` filled with `values`.

    Parameters
    ----------
    name
        Path below a templates folder, e.g. ``"castep/relax.param.j2"``.
    values
        Everything that the template and those it includes may use; all of it has to be used.
    search
        What is looked into before the shipped folder, e.g. ``[Path("templates")]``: a template of the same name there
        replaces the shipped one.

    Raises
    ------
    SpecError
        The template does not exist, is not valid Jinja2, does something the sandbox forbids, needs a name that is
        not in `values`, or leaves one of `values` unused.
    """
    environment = ImmutableSandboxedEnvironment(
        loader=ChoiceLoader([_loader(source) for source in (*search, templates_dir())]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # decks are plain text, not HTML
        bytecode_cache=_COMPILED,
    )
    try:
        wanted = _names(environment, name) - environment.globals.keys()
        _check_names(_file_of(environment, name), wanted, values.keys())
        return environment.get_template(name).render(values)
    except TemplateNotFound as error:
        folders = ", ".join(
            str(source) if isinstance(source, Path) else "the study's own" for source in (*search, templates_dir())
        )
        raise SpecError(f"there is no template {error.name!r}", reason=f"looked in {folders}") from error
    except TemplateSyntaxError as error:
        where = f"{error.filename or name}:{error.lineno}"
        raise SpecError("the template is not valid Jinja2", reason=str(error.message), where=where) from error
    except TemplateError as error:
        raise SpecError("the template cannot be rendered", reason=str(error), where=name) from error


def _loader(source: TemplateSource) -> BaseLoader:
    return FileSystemLoader(source) if isinstance(source, Path) else DictLoader(source)


def own_templates(code_name: str, folder: Path) -> dict[str, str]:
    """The templates of a person's own for one code: ``<code>/<name>.j2`` in `folder`, and what these include of it.

    Returns
    -------
    dict
        Name -> text.

    Raises
    ------
    OptionError
        None of them replaces a shipped one, or one of them cannot be read, is no Jinja2, or includes a file whose name
        is computed.
    """
    if not folder.is_dir():
        raise _refused(
            f"there is no folder {folder}",
            fix="name the folder that holds CODE/NAME.j2; a relative one counts from the study file",
        )
    todo = [f"{code_name}/{file.name}" for file in sorted((folder / code_name).glob("*.j2"))]
    _check_that_one_is_used(code_name, folder, todo)
    texts: dict[str, str] = {}
    while todo:
        name = todo.pop()
        if name not in texts and ".." not in name.split("/") and (folder / name).is_file():
            texts[name] = _own_text(folder / name)
            todo += _included(folder / name, texts[name])
    return dict(sorted(texts.items()))


def _own_text(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise _refused("this template cannot be read as UTF-8 text", reason=str(error), where=str(file)) from None


def _included(file: Path, text: str) -> list[str]:
    try:
        names = list(meta.find_referenced_templates(Environment(autoescape=False).parse(text)))
    except TemplateSyntaxError as error:
        where = f"{file}:{error.lineno}"
        raise _refused("this template is not valid Jinja2", reason=str(error.message), where=where) from None
    if None in names:
        raise _refused(
            "this template includes a file whose name is computed",
            where=str(file),
            fix="include it by its name: what the decks need is kept with them",
        )
    return [name for name in names if name is not None]


def _check_that_one_is_used(code_name: str, folder: Path, names: Sequence[str]) -> None:
    own = {name.partition("/")[2] for name in names}
    shipped = {file.name for file in (templates_dir() / code_name).glob("*.j2")}
    if not (own & shipped or (own and not shipped)):
        raise _refused(
            f"no template in {folder} replaces one of {code_name}",
            reason=f"{code_name}/ in it holds {', '.join(sorted(own)) or 'no .j2 file'}",
            fix=f"call a file {code_name}/NAME.j2, with NAME.j2 one of {', '.join(sorted(shipped))}" if shipped else "",
        )


def _refused(summary: str, *, reason: str = "", where: str = "", fix: str = "") -> OptionError:
    said = ": ".join(part for part in (where, reason) if part)
    return OptionError(summary, reason=said, fix=fix, place=("templates",))


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
        names, others = _looked_up(environment.loader.get_source(environment, current)[0])
        found |= names
        todo += others
    return found


@lru_cache(maxsize=64)
def _looked_up(text: str) -> tuple[frozenset[str], tuple[str, ...]]:
    """Names that a template looks up, and the templates that it includes."""
    tree = Environment(autoescape=False).parse(text)
    others = tuple(other for other in meta.find_referenced_templates(tree) if other is not None)
    return frozenset(meta.find_undeclared_variables(tree)), others


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
