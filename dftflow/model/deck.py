"""The input files of one calculation, as text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["Deck"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Deck:
    """Input files of one calculation: pure text, no paths, no time, no host, so that it can be hashed.

    Attributes
    ----------
    code
        Registry name of the code that wrote it.
    seed
        Stem of the file names.
    files
        File name -> text. Every name is plain (no folder).
    notes
        What a person must supply or know before running it (potentials, the file an earlier step leaves behind).
    cautions
        What bears on the numbers that come out (Pulay stress, a criterion that the code lacks): it goes with them, to
        the report.
    """

    code: str
    seed: str
    files: Mapping[str, str]
    notes: tuple[str, ...] = ()
    cautions: tuple[str, ...] = ()
