"""The cutoffs that CASTEP's on-the-fly potentials name, in whole Hartree: coarse, medium and fine for each element.

Those of the ultrasoft set C9 (https://ccp-nc.github.io/pspot-site). The default since CASTEP 19, C19, has the same for
lead, carbon, nitrogen and hydrogen, as far as its strings stand in public outputs, and higher ones for oxygen, which is
given with these. What a run used stands in its ``.castep`` file.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from dftflow.codes.least_cutoff import LeastCutoff
from dftflow.units import HARTREE_EV

__all__ = ["COARSE", "FINE", "MEDIUM", "least_cutoff", "recommended_ev"]

COARSE, MEDIUM, FINE = range(3)
LEVELS: Final = ("coarse", "medium", "fine")
SETS: Final = ("C9", "C17", "C18", "C19")
"""Ultrasoft sets for which these numbers stand."""

_HARTREE: Final[dict[tuple[int, int, int], str]] = {
    (4, 4, 5): "Al Cs P Xe",
    (5, 6, 7): "Ac Ba Br Cl Fr I Kr La Ra Rb S Si Sr Te",
    (7, 7, 9): "Th",
    (7, 8, 9): "Ar At Bi Ca Cd Hg In Mg Pb Po Pt Rn Sb Sn Tl Y Zr",
    (9, 10, 11): "Au Ce Co Cr Fe Ir K Mn Nd Os Pa Pr Re Ta Ti V W",
    (10, 11, 12): "Cf",
    (10, 12, 13): "Am As Bk C Cm Cu Er Es Eu Ga Gd Ge Hf Lu Mo Nb Ne Ni Np Pm Pu Sc Se Sm Tb Tc Tm U Yb Zn",
    (12, 14, 16): "B Dy He Ho",
    (13, 15, 17): "H",
    (14, 16, 18): "Ag Be F Li N Na Pd Rh Ru",
    (17, 20, 23): "O",
}
_OF_ELEMENT: Final = {element: levels for levels, elements in _HARTREE.items() for element in elements.split()}


def recommended_ev(elements: Iterable[str], level: int) -> tuple[float, str] | None:
    """The highest cutoff of these elements at a level, and whose it is; None where one is not listed.

    Examples
    --------
    >>> [round(recommended_ev(("Cs", "Pb", "Br"), level)[0], 1) for level in (COARSE, MEDIUM, FINE)]
    [190.5, 217.7, 244.9]
    """
    levels = {element: _OF_ELEMENT.get(element) for element in elements}
    known = {element: found[level] for element, found in levels.items() if found is not None}
    if not known or len(known) < len(levels):
        return None
    hardest = max(known, key=known.__getitem__)
    return known[hardest] * HARTREE_EV, hardest


def least_cutoff(elements: Iterable[str], library: str) -> LeastCutoff | None:
    """The coarse level of a library of these; None for another library, and where an element is not listed."""
    found = recommended_ev(elements, COARSE) if library.upper() in SETS else None
    if found is None:
        return None
    least_ev, hardest = found
    why = f"the coarse level of CASTEP's on-the-fly potential of {hardest} is {least_ev / HARTREE_EV:g} Ha"
    return LeastCutoff(ev=least_ev, why=f"{why} ({least_ev:.1f} eV)")
