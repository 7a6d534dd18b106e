"""Jinja2 in a sandbox, in which every name has to match, and what is written is text of the deck's language."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from traceback import walk_tb
from typing import Any

from jinja2 import (
    BaseLoader,
    BytecodeCache,
    ChoiceLoader,
    DictLoader,
    Environment,
    FileSystemLoader,
    StrictUndefined,
    Template,
    TemplateError,
    TemplateNotFound,
    TemplateSyntaxError,
    meta,
)
from jinja2.bccache import Bucket
from jinja2.sandbox import ImmutableSandboxedEnvironment

from dftflow.errors import SpecError
from dftflow.model.printable import brief, shown
from dftflow.rendering.quoting import Language
from dftflow.rendering.template_source import TemplateSource
from dftflow.resources import templates_dir

__all__ = ["render_here"]

MOST_CHARACTERS = 20_000_000
"""Of a rendered text: the longest decks, which list 100,000 k-points, have a third of it."""


def render_here(name: str, values: Mapping[str, Any], *, search: Sequence[TemplateSource], language: Language) -> str:
    """As `dftflow.rendering.templates.render_template`, in this process and without bounds on what it costs."""
    shelf = _Shelf([*search, templates_dir()], language) if search else _shipped(templates_dir(), language)
    try:
        prepared = shelf.prepared(name)
        _check_names(prepared.file, prepared.names, values.keys())
        text = prepared.template.render(values)
    except SpecError:
        raise
    except TemplateNotFound as error:
        folders = ", ".join(
            str(source) if isinstance(source, Path) else "the study's own" for source in (*search, templates_dir())
        )
        raise SpecError(f"there is no template {shown(error.name)}", reason=f"looked in {folders}") from error
    except TemplateSyntaxError as error:
        where = f"{error.filename or name}:{error.lineno}"
        raise SpecError("the template is not valid Jinja2", reason=brief(str(error.message)), where=where) from error
    except Exception as error:
        raise SpecError("the template cannot be rendered", reason=_reason(error), where=_where(error, name)) from error
    if len(text) > MOST_CHARACTERS:
        raise SpecError(f"the template makes a text of more than {MOST_CHARACTERS} characters", where=name)
    return text


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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Prepared:
    """A compiled template.

    Attributes
    ----------
    file
        Where it lies; its name where it lies nowhere.
    parts
        The template, and all that it includes.
    names
        What they look up, and has to be given.
    """

    template: Template
    file: str
    parts: tuple[Template, ...]
    names: frozenset[str]

    @property
    def is_up_to_date(self) -> bool:
        """Whether no file of it has changed since."""
        return all(part.is_up_to_date for part in self.parts)


class _Shelf:
    """The templates of some sources; each is read once, and again when its file has changed."""

    def __init__(self, sources: Sequence[TemplateSource], language: Language) -> None:
        self._environment = _environment(sources, language)
        self._prepared: dict[str, _Prepared] = {}

    def prepared(self, name: str) -> _Prepared:
        """The template `name`; raises what jinja2 raises."""
        known = self._prepared.get(name)
        if known is None or not known.is_up_to_date:
            known = self._prepared[name] = self._made(name)
        return known

    def _made(self, name: str) -> _Prepared:
        parts: dict[str, Template] = {}
        names: set[str] = set()
        todo = [name]
        while todo:
            current = todo.pop()
            if current in parts:
                continue
            # compiles it, so that an error in it carries its file and line
            parts[current] = self._environment.get_template(current)
            looked_up, others = _looked_up(self._source(current)[0])
            names |= looked_up
            todo += others
        return _Prepared(
            template=parts[name],
            file=self._source(name)[1] or name,
            parts=tuple(parts.values()),
            names=frozenset(names - self._environment.globals.keys()),
        )

    def _source(self, name: str) -> tuple[str, str | None]:
        """Text and file."""
        assert self._environment.loader is not None
        return self._environment.loader.get_source(self._environment, name)[:2]


@lru_cache(maxsize=16)
def _shipped(folder: Path, language: Language) -> _Shelf:
    return _Shelf([folder], language)


def _environment(sources: Sequence[TemplateSource], language: Language) -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        loader=ChoiceLoader([_loader(source) for source in sources]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # decks are no HTML: their own language has the word
        finalize=language.written,
        bytecode_cache=_COMPILED,
    )
    if language.quote is not None:
        environment.filters["quoted"] = language.quoted
    return environment


class _TextLoader(DictLoader):
    """Texts by their names, which stand in errors where a file would."""

    def get_source(  # type: ignore[override]  # the base class gives no name
        self, environment: Environment, template: str
    ) -> tuple[str, str, Callable[[], bool]]:
        source, _, fresh = super().get_source(environment, template)
        return source, template, fresh


def _loader(source: TemplateSource) -> BaseLoader:
    return FileSystemLoader(source) if isinstance(source, Path) else _TextLoader(source)


def _reason(error: BaseException) -> str:
    if isinstance(error, MemoryError):
        return "it needs more memory than a deck may"
    if isinstance(error, RecursionError):
        return "it includes or calls itself, or nests too deeply"
    return brief(str(error) if isinstance(error, TemplateError) else f"{type(error).__name__}: {error}")


def _where(error: BaseException, name: str) -> str:
    """The innermost line of a template that was at work."""
    lines = [(frame.f_code.co_filename, line) for frame, line in walk_tb(error.__traceback__)]
    at_work = [f"{file}:{line}" for file, line in lines if file.endswith(".j2")]
    return at_work[-1] if at_work else name


@lru_cache(maxsize=64)
def _looked_up(text: str) -> tuple[frozenset[str], tuple[str, ...]]:
    """Names that a template looks up, and the templates that it includes."""
    environment = Environment(autoescape=False)
    environment.filters["quoted"] = str  # that it exists is asked, and not what it does
    tree = environment.parse(text)
    others = tuple(other for other in meta.find_referenced_templates(tree) if other is not None)
    return frozenset(meta.find_undeclared_variables(tree)), others


def _check_names(file: str, wanted: Set[str], given: Set[str]) -> None:
    for unknown in sorted(wanted - given):
        nearest = get_close_matches(unknown, given, n=1)
        hint = f"did you mean {nearest[0]!r}? " if nearest else ""
        raise SpecError(
            f"the template uses the name {shown(unknown)}, which does not exist",
            fix=f"{hint}names that exist: {', '.join(sorted(given))}",
            where=file,
        )
    unused = sorted(given - wanted)
    if unused:
        raise SpecError(
            f"the template never uses {', '.join(unused)}",
            reason="what was set for this calculation would not reach the deck",
            fix="write each of them into the template, in a comment line of the deck where it does no harm",
            where=file,
        )
