"""Reads what projwfc.x printed: which atomic functions it projected on, and how wide it smeared the levels."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from dftflow.errors import ParseError
from dftflow.model.projections import SHELLS
from dftflow.units import RYDBERG_EV

__all__ = ["AtomicFunction", "ProjwfcText", "orbital_name", "read_projwfc_text"]

MOST_LINES = 200_000  # the head; the states that follow are not read
STATE = re.compile(
    r"\s*state #\s*(\d+): atom\s+(\d+) \(([A-Za-z][^\s()]{0,9})\s*\), wfc\s+(\d+) "
    r"\(l=\s*([0-3])\s+(?:m=\s*(\d)(?:\s+s_z=\s*-?0\.5)?|j=\s*([0-3]\.5)\s+m_j=\s*-?[0-3]\.5)\s*\)"
)
COUNT = re.compile(r"\s*natomwfc =\s*(\d+)")
BROADENING = re.compile(r"\s*\S.* broadening.*ngauss,degauss=\s*-?\d+\s+(\d+\.\d+)")
NAMES = {
    "s": ("s",),
    "p": ("pz", "px", "py"),
    "d": ("dz2", "dxz", "dyz", "dx2-y2", "dxy"),
    "f": ("fz3", "fxz2", "fyz2", "fz(x2-y2)", "fxyz", "fx(x2-3y2)", "fy(3x2-y2)"),
}
"""Shell -> orbitals by m = 1, 2 ... (https://www.quantum-espresso.org/Doc/INPUT_PROJWFC.html)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AtomicFunction:
    """One function: index of its atom, that of its species, and what `orbital_name` makes of its numbers."""

    site: int
    species: str
    orbital: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjwfcText:
    """What it tells; `broadening_ev` is None with tetrahedra, which have no width."""

    functions: tuple[AtomicFunction, ...]
    broadening_ev: float | None


def orbital_name(shell: str, m: int | None, j: str | None) -> str:
    """``"pz"`` by m, or the shell and j of spinors, ``"p3/2"``; a shell that j does not split is ``"s"``."""
    if m is not None:
        return NAMES[shell][m - 1]
    return shell if j is None or shell == "s" else f"{shell}{int(2 * float(j))}/2"


def read_projwfc_text(file: Path) -> ProjwfcText:
    """The functions in the order of the file, which is that of ``atomic_proj.xml``.

    Raises
    ------
    ParseError
        The list is missing, cut short, or holds what is no function.
    """
    functions: list[AtomicFunction] = []
    promised, broadening = 0, None
    with file.open(encoding="latin-1") as stream:
        for _ in range(MOST_LINES):
            line = stream.readline(4096)
            if (found := STATE.match(line)) is not None:
                if int(found[1]) != len(functions) + 1:
                    raise _damaged(file, f"function {found[1]} stands where {len(functions) + 1} should")
                functions.append(_function(file, found))
            elif (found := COUNT.match(line)) is not None:
                promised = int(found[1])
            elif (found := BROADENING.match(line)) is not None:
                broadening = float(found[1]) * RYDBERG_EV
            elif not line or line.lstrip().startswith("k ="):
                break
    if not functions or len(functions) != promised:
        raise _damaged(file, f"{len(functions)} atomic functions are named, natomwfc is {promised}")
    return ProjwfcText(functions=tuple(functions), broadening_ev=broadening)


def _function(file: Path, found: re.Match[str]) -> AtomicFunction:
    shell, m = SHELLS[int(found[5])], None if found[6] is None else int(found[6])
    if m is not None and not 1 <= m <= len(NAMES[shell]):
        raise _damaged(file, f"an orbital of shell {shell} has m = {m}")
    return AtomicFunction(site=int(found[2]) - 1, species=found[3], orbital=orbital_name(shell, m, found[7]))


def _damaged(file: Path, reason: str) -> ParseError:
    return ParseError("the output of projwfc.x is damaged, or cut short", reason=reason, where=str(file))
