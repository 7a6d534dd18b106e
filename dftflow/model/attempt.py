"""An attempt at a calculation that failed, and what was done about it."""

from __future__ import annotations

from dataclasses import dataclass

from dftflow.model.cause import cause_words

__all__ = ["Attempt"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One that failed and had a remedy.

    Attributes
    ----------
    cause
        See `dftflow.model.cause`.
    failure
        Why it has no results, for a person.
    remedy, words
        Name of what the next attempt does differently, and what that is.
    values
        What the remedy took from the log of the attempt, as it stands there.
    wall_time_s
        Of all attempts so far.
    folder
        Where its files were put, below the folder of the step.
    """

    cause: str
    failure: str
    remedy: str
    words: str
    values: tuple[str, ...] = ()
    wall_time_s: float = 0.0
    folder: str = ""

    def __str__(self) -> str:
        return f"{cause_words(self.cause)}; again with {self.words}"
