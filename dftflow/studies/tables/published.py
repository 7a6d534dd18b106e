"""``[[published]]``: a number of a publication, beside which ours stands."""

from __future__ import annotations

from typing import Annotated

from pydantic import model_validator

from dftflow.model import bounds
from dftflow.model.published import PublishedNumber
from dftflow.toml_file.entries import Paragraph, Table, Text, Word, within

__all__ = ["PublishedEntry"]

Number = Annotated[float, within(bounds.PUBLISHED)]
Reach = Annotated[float, within(bounds.REACH)]


class PublishedEntry(Table):
    """What a publication says of a quantity of this study, and how far both may be off."""

    quantity: Word
    subject: Word
    value: Number | Text
    unit: Text = ""
    method: Text = ""
    plus_minus: Reach | None = None
    good_to: Reach | None = None
    good_to_holds: Paragraph = ""
    said: Paragraph = ""
    source: Word

    @model_validator(mode="after")
    def _says_what_it_holds(self) -> PublishedEntry:
        if (self.good_to is None) != (not self.good_to_holds):
            raise ValueError(
                "good_to and good_to_holds go together: how far ours may be off, and what leaves that open"
            )
        if isinstance(self.value, str) and (self.plus_minus, self.good_to) != (None, None):
            raise ValueError("a word is not off by a number: leave plus_minus and good_to out")
        return self

    def request(self) -> PublishedNumber:
        """The same as a type of the model."""
        return PublishedNumber(**self.model_dump())
