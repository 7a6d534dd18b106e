"""How entries of databases are called: known without pymatgen, and without a network."""

from __future__ import annotations

import re

__all__ = ["canonical_id", "is_database_query", "is_material_id", "is_optimade", "query_name"]

_DATABASE_QUERY = re.compile(r"(mp[-:]|optimade:).*", re.DOTALL)
_ID = re.compile(r"mp-(?:\d{1,15}|[a-z]{1,10})", re.ASCII)
LAST_NUMBERED = 3347529
"""Of the ids of the Materials Project that came before those in letters; these keep their number in its answers."""


def is_database_query(source: str) -> bool:
    """Whether it is asked of a database, where no file is called so."""
    return _DATABASE_QUERY.fullmatch(source) is not None


def is_optimade(source: str) -> bool:
    """Whether it is asked of a provider that speaks OPTIMADE."""
    return source.startswith("optimade:")


def query_name(query: str) -> str:
    """What a query of a database is called where it names no crystal: ``CsBr`` of ``mp:CsBr``, ``cod-1533063``."""
    return re.sub(r"[^\w.-]+", "-", query.removeprefix("mp:").removeprefix("optimade:"), flags=re.ASCII).strip("-.")


def is_material_id(text: str) -> bool:
    """Whether it is the id of an entry of the Materials Project, such as ``mp-567629``."""
    return _ID.fullmatch(text) is not None


def canonical_id(material_id: str) -> str:
    """One spelling for both kinds of id of the Materials Project: ``mp-lxf`` and ``mp-8039`` are the same material.

    Letters are a number to the base 26; what came after `LAST_NUMBERED` is spelled in them, as by emmet's ``AlphaID``.

    Examples
    --------
    >>> canonical_id("mp-lxf"), canonical_id("mp-008039"), canonical_id("mp-3347530")
    ('mp-8039', 'mp-8039', 'mp-hilze')
    """
    if not is_material_id(material_id):
        raise ValueError(f"{material_id!r} is no id of a material")
    word = material_id.removeprefix("mp-")
    number = int(word) if word.isdigit() else sum((ord(c) - 97) * 26**k for k, c in enumerate(reversed(word)))
    if number <= LAST_NUMBERED:
        return f"mp-{number}"
    letters = ""
    while number:
        number, rest = divmod(number, 26)
        letters = chr(97 + rest) + letters
    return f"mp-{letters}"
