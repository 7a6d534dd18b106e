from __future__ import annotations

from dataclasses import dataclass

from dftflow.model.check import Part
from dftflow.model.results import Results

__all__ = ["Refused", "Sound", "sound"]


@dataclass(frozen=True)
class Refused:
    part: Part
    reason: str


@dataclass(frozen=True)
class Sound:
    results: Results
    refused: tuple[Refused, ...]


def sound(results: Results) -> Sound:
    return Sound(results, ())
