"""The string from which CASTEP makes a potential on the fly: cutoffs, projectors, and which electrons are valence.

``l|rc|...|coarse|medium|fine|projectors{configuration}(flags)[test]``, the three cutoffs in Hartree. A projector is
``nl`` and its type: none or ``U`` is ultrasoft, ``N`` norm-conserving, ``L`` the local channel, ``P`` no projector
(castep-docs, "OTFG string").
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from dftflow.model.fortran_number import fortran_number
from dftflow.units import HARTREE_EV

__all__ = ["OnTheFly", "Projector", "read_on_the_fly"]

LEAST_PARTS = 6
SHELLS = "spdfg"
_PROJECTOR = re.compile(r"(\d)(\d)([^@+=-]*)")
_CONFIGURED = re.compile(r"(\d)([spdfg])", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Projector:
    """A projector of the shell `n`, `l`."""

    n: int
    l: int  # noqa: E741
    ultrasoft: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OnTheFly:
    """What a string says.

    Attributes
    ----------
    coarse_ev, fine_ev
        The cutoffs that it asks for.
    configured
        Shells that its own reference configuration names.
    """

    coarse_ev: float
    fine_ev: float
    projectors: tuple[Projector, ...]
    configured: frozenset[tuple[int, int]]

    @property
    def ultrasoft(self) -> bool:
        """Whether one of its projectors is."""
        return any(projector.ultrasoft for projector in self.projectors)

    def valence(self, symbol: str) -> int | None:
        """Valence electrons of the element, None where the string leaves a doubt.

        Valence are the occupied shells that have a projector. The others are core, which they can be only when they
        are full and lie below: a string that leaves out an open or an outer shell means something else, and so does a
        reference configuration with a shell of the core in it (a core hole).

        Examples
        --------
        >>> ti = read_on_the_fly("3|1.9|8|9|10|30U:40:31:32(qc=5)")
        >>> ti.valence("Ti"), ti.valence("Zr")
        (12, None)
        """
        from pymatgen.core import Element

        occupied = {(n, SHELLS.index(shell)): count for n, shell, count in Element(symbol).full_electronic_structure}
        listed = {(projector.n, projector.l) for projector in self.projectors}
        outermost = max(n for n, _ in occupied)
        for (n, l), count in occupied.items():  # noqa: E741
            if (n, l) in listed:
                continue
            above = any(other == l and lower < n for lower, other in listed)
            if count < 2 * (2 * l + 1) or n == outermost or above:
                return None
        if not listed & occupied.keys() or self.configured - listed:
            return None
        return sum(count for shell, count in occupied.items() if shell in listed)


def read_on_the_fly(text: str) -> OnTheFly | None:
    """The string, with or without its quotes; None when it is none (a file, a library)."""
    parts = text.strip().strip("\"'").split("|")
    numbers = [fortran_number(part) for part in parts[-4:-1]]
    if len(parts) < LEAST_PARTS or None in numbers:
        return None
    coarse, _, fine = (HARTREE_EV * (number or 0.0) for number in numbers)
    head = re.split(r"[{(\[]", parts[-1])[0]
    configuration = re.search(r"\{(.*?)\}", parts[-1])
    return OnTheFly(
        coarse_ev=coarse,
        fine_ev=fine,
        projectors=tuple(_projector(*found.groups()) for found in map(_PROJECTOR.match, head.split(":")) if found),
        configured=frozenset(
            (int(n), SHELLS.index(shell.lower()))
            for n, shell in _CONFIGURED.findall(configuration[1] if configuration else "")
        ),
    )


def _projector(n: str, l: str, rest: str) -> Projector:  # noqa: E741
    types = {letter for letter in rest.upper() if letter in "UNLPGH"}
    return Projector(n=int(n), l=int(l), ultrasoft=not types or bool(types & {"U", "G"}))
