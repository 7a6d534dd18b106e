"""How entries of the Materials Project are called: known without its client, and without pymatgen."""

from __future__ import annotations

import re

__all__ = ["is_database_query", "is_material_id"]

_DATABASE_QUERY = re.compile(r"mp[-:].*")
_ID = re.compile(r"mp-(?:\d+|[a-z]{1,10})", re.ASCII)


def is_database_query(source: str) -> bool:
    """Whether it is asked of the Materials Project, where no file is called so."""
    return _DATABASE_QUERY.fullmatch(source) is not None


def is_material_id(text: str) -> bool:
    """Whether it is the id of an entry, such as ``mp-567629``."""
    return _ID.fullmatch(text) is not None
