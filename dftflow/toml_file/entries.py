"""What the entries of a person's TOML file are made of: tables, numbers within bounds, lines of text."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from dftflow.model.bounds import Bound
from dftflow.model.printable import is_line

__all__ = ["SEVERAL", "EntryError", "Paragraph", "Place", "Table", "Text", "Word", "within"]


class EntryError(ValueError):
    """What is wrong with one entry, found by a rule over several of them.

    Attributes
    ----------
    place
        Keys and numbers that lead to the entry from the table which the rule is about.
    """

    def __init__(self, text: str, *place: str | int) -> None:
        super().__init__(text)
        self.place = place


class Table(BaseModel):
    """A table that takes the keys it knows, each of the very kind that it says."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


def within(bound: Bound) -> AfterValidator:
    """That a number lies between the two of `bound`."""

    def check(value: float) -> float:
        if not bound.holds(value):
            raise PydanticCustomError("out_of_bounds", "it can be {bound}", {"bound": str(bound)})
        return value

    return AfterValidator(check)


def _line_of_at_most(longest: int) -> AfterValidator:
    def check(text: str) -> str:
        if len(text) > longest:
            raise PydanticCustomError("text_too_long", "it has {n} characters; at most {longest} are taken",
                                      {"n": len(text), "longest": longest})  # fmt: skip
        if not is_line(text):
            raise PydanticCustomError("no_line", "it has to be one line of printable characters")
        return text

    return AfterValidator(check)


Text = Annotated[str, _line_of_at_most(200)]
"""A line that stands in decks, tables and figures."""
Paragraph = Annotated[str, _line_of_at_most(2000)]
Word = Annotated[str, Field(min_length=1), _line_of_at_most(200)]
"""What is looked up among known names."""
Place = Annotated[str, Field(min_length=1), _line_of_at_most(1000)]
"""A file, or one of a list."""


def _as_list(value: object) -> object:
    return (value,) if isinstance(value, dict) else value


SEVERAL = BeforeValidator(_as_list)
"""Of a tuple of tables: ``[[table]]`` again for each, and a single one may stand as ``[table]``."""
