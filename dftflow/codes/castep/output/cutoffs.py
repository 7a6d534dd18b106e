"""The cut-offs that a ``.castep`` file prints above its SCFs.

A finite-basis correction calculates the first geometry at lower cut-offs too and says how many there are; the run's
own, the highest, comes last (CASTEP 5 to 25). Older and sparse logs print no other cut-off.
"""

from __future__ import annotations

import re

from dftflow.codes.castep.output.castep_text import NUMBER, CastepText, latin, printed_number
from dftflow.codes.castep.output.castep_units import ENERGY_EV, factor_of

__all__ = ["CORRECTION", "CUTOFF", "cutoff_of_run_ev", "read_cutoff_ev"]

CORRECTION = b"Calculating finite basis set correction"
CUTOFF = b"Calculating total energy with cut-off"
_COUNT = re.compile(rb"\s*" + CORRECTION + rb" with\s+(\d{1,3})\s+cut-off energies\.\s*")
_CUTOFF = re.compile(rb"\s*" + CUTOFF + rb" of\s*(" + NUMBER + rb")\s*([A-Za-z]+)\.\s*")


def read_cutoff_ev(text: CastepText, line: int) -> float | None:
    """The cut-off that `line` prints; raises `ParseError` when it is damaged or in an unknown unit."""
    found = _CUTOFF.fullmatch(text.lines[line])
    if found is None:
        raise text.damaged(line, "the cut-off")
    factor = factor_of(latin(found[2]), ENERGY_EV)
    if factor is None:
        raise text.error(line, f"the energy is in {latin(found[2])!r}, which is not known")
    value = printed_number(found[1])
    return None if value is None else value * factor


def cutoff_of_run_ev(text: CastepText) -> float | None:
    """The highest cut-off above an SCF of the run in `text`.

    None without one, and where the run ends within its finite-basis correction: the highest comes last there.

    Raises
    ------
    ParseError
        A cut-off is damaged or in an unknown unit.
    """
    if CUTOFF not in text.data:
        return None
    printed: list[float] = []
    missing = 0
    highest = None
    for line, content in enumerate(text.lines):
        if content.lstrip().startswith(CORRECTION):
            found = _COUNT.fullmatch(content)
            missing = 0 if found is None else int(found[1])
        elif content.lstrip().startswith(CUTOFF):
            value = read_cutoff_ev(text, line)
            printed += [] if value is None else [value]
            missing = max(missing - 1, 0)
            highest = highest if missing else max(printed, default=None)
    return highest
