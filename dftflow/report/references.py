"""What a calculation stands on, as BibTeX; the entries are in ``references.toml`` beside this file."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from dftflow import __version__

__all__ = ["Reference", "bibtex", "code_name", "dftflow_entry", "each_once", "references_for"]

_FILE = Path(__file__).with_name("references.toml")
_KINDS = ("codes", "functionals", "dispersions", "potentials", "uses")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """One publication.

    Attributes
    ----------
    key
        By which a text and a BibTeX file name it.
    names
        Kind (``codes``, ``functionals``, ``dispersions``, ``potentials``, ``uses``) -> what it is cited for.
    fields
        Of the BibTeX entry, in their order.
    """

    key: str
    names: Mapping[str, tuple[str, ...]]
    fields: Mapping[str, str]

    @property
    def doi(self) -> str:
        """Its DOI."""
        return self.fields["doi"]

    def bibtex(self) -> str:
        """The entry."""
        lines = [f"  {name} = {{{value}}}," for name, value in self.fields.items()]
        return "\n".join([f"@article{{{self.key},", *lines, "}"])


@cache
def _content() -> tuple[Mapping[str, str], tuple[Reference, ...]]:
    content = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    names = content.pop("names")
    return names, tuple(
        Reference(
            key=key,
            names={kind: tuple(entry.get(kind, ())) for kind in _KINDS},
            fields={name: str(value) for name, value in entry.items() if name not in _KINDS},
        )
        for key, entry in content.items()
    )


def code_name(code: str) -> str:
    """A code as people write it; as dftflow calls it where that is not known."""
    return _content()[0].get(code, code)


def references_for(kind: str, name: str | None) -> tuple[Reference, ...]:
    """Publications that are cited for `name`, such as the functional ``"PBE"``; ``()`` where none is known here.

    Parameters
    ----------
    kind
        As in `Reference.names`. Of potentials a name is any text that holds the word.
    """
    wanted = "" if name is None else name.casefold()
    if kind == "potentials":
        return tuple(one for one in _content()[1] if any(word in wanted for word in one.names[kind]))
    return tuple(one for one in _content()[1] if wanted in map(str.casefold, one.names[kind]))


def dftflow_entry() -> str:
    """The entry of dftflow itself."""
    title = "dftflow: from one study file to a defended band alignment"
    return f"@software{{dftflow,\n  title = {{{{{title}}}}},\n  version = {{{__version__}}},\n}}"


def each_once(references: Iterable[Reference]) -> tuple[Reference, ...]:
    """The same without repetitions, in their order."""
    return tuple({reference.key: reference for reference in references}.values())


def bibtex(references: Iterable[Reference]) -> str:
    """The entries, each once, and that of dftflow."""
    entries = [reference.bibtex() for reference in each_once(references)]
    return "\n\n".join([*entries, dftflow_entry()]) + "\n"
