"""What comparing a calculated structure with the one that was asked for ends with."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Likeness"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Likeness:
    """Whether one structure is the other.

    Attributes
    ----------
    refusal
        What makes it another one, as the end of "a calculation of …"; ``""`` when nothing does.
    remark
        What makes it doubtful, a whole sentence; ``""`` when nothing does.
    """

    refusal: str = ""
    remark: str = ""
