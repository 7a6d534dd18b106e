"""Why an entry of a file or an option cannot be what it is, in dftflow's own words.

The types that read files are pydantic's, and so are the kinds of their errors; what a person reads is written here. An
error of a kind that has no words of its own says so in general ones: no sentence of pydantic is handed on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["OWN_KINDS", "reason_of"]

OWN_KINDS = frozenset({"out_of_bounds", "text_too_long", "no_line", "no_plane", "no_window", "too_dense"})
"""Kinds of errors that dftflow's own checks raise, whose sentences are dftflow's."""

_OTHER = "it is of another kind than what belongs here"

_KINDS: Mapping[str, str | Callable[[Mapping[str, Any]], str]] = {
    "string_type": "it has to be a text in quotes",
    "string_too_short": "it is empty",
    "float_type": "it has to be a number",
    "int_type": "it has to be a whole number",
    "int_from_float": "it has to be a whole number",
    "int_parsing_size": "it has too many digits",
    "finite_number": "it has to be a finite number",
    "bool_type": "it has to be true or false, without quotes",
    "tuple_type": "it has to be a list in brackets: [ ]",
    "dict_type": "it has to be a table",
    "model_type": "it has to be a table",
    "mapping_type": "it has to be a table",
    "literal_error": lambda context: f"it can be {context['expected']}",
    "too_long": lambda context: f"it has {context['actual_length']} entries; {context['max_length']} belong there",
    "too_short": lambda context: f"it has {context['actual_length'] or 'no'} entries; {_at_least(context)}",
    "greater_than_equal": lambda context: f"it has to be at least {context['ge']}",
    "less_than_equal": lambda context: f"it has to be at most {context['le']}",
    "missing": "it is missing",
    "extra_forbidden": "there is no such key",
}


def reason_of(error: Mapping[str, Any]) -> str:
    """One clause on an error of a `pydantic.ValidationError`, such as ``"it has to be a whole number"``.

    Parameters
    ----------
    error
        One of its ``errors()``.
    """
    kind = error["type"]
    if kind == "value_error":
        return str(error["ctx"]["error"])
    if kind in OWN_KINDS:
        return str(error["msg"])
    words = _KINDS.get(kind, _OTHER)
    return words if isinstance(words, str) else words(error["ctx"])


def _at_least(context: Mapping[str, Any]) -> str:
    least = context["min_length"]
    return "at least one belongs there" if least == 1 else f"at least {least} belong there"
