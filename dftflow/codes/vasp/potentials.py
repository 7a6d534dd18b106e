"""The PAW potentials that a deck asks for: their names, never their content, which is licensed.

The recommended ones of the PBE set for calculations of occupied states, and their valence electrons:
https://vasp.at/wiki/Available_pseudopotentials (potpaw.54; the ones that are the default recommendation there).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dftflow.errors import SpecError

__all__ = ["PotentialName", "choose_potentials"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PotentialName:
    """One potential: ``Pb_d``, and the valence electrons it has; None when they are not known here."""

    element: str
    symbol: str
    valence: int | None


_VALENCES = {
    "H": 1, "He": 2, "Li_sv": 3, "Be": 2, "B": 3, "C": 4, "N": 5, "O": 6, "F": 7, "Ne": 8,
    "Na_pv": 7, "Mg": 2, "Al": 3, "Si": 4, "P": 5, "S": 6, "Cl": 7, "Ar": 8,
    "K_sv": 9, "Ca_sv": 10, "Sc_sv": 11, "Ti_sv": 12, "V_sv": 13, "Cr_pv": 12, "Mn_pv": 13, "Fe": 8, "Co": 9,
    "Ni": 10, "Cu": 11, "Zn": 12, "Ga_d": 13, "Ge_d": 14, "As": 5, "Se": 6, "Br": 7, "Kr": 8,
    "Rb_sv": 9, "Sr_sv": 10, "Y_sv": 11, "Zr_sv": 12, "Nb_sv": 13, "Mo_sv": 14, "Tc_pv": 13, "Ru_pv": 14, "Rh_pv": 15,
    "Pd": 10, "Ag": 11, "Cd": 12, "In_d": 13, "Sn_d": 14, "Sb": 5, "Te": 6, "I": 7, "Xe": 8,
    "Cs_sv": 9, "Ba_sv": 10, "La": 11, "Hf_pv": 10, "Ta_pv": 11, "W_sv": 14, "Re": 7, "Os": 8, "Ir": 9,
    "Pt": 10, "Au": 11, "Hg": 12, "Tl_d": 13, "Pb_d": 14, "Bi_d": 15,
}  # fmt: skip
_BY_ELEMENT = {symbol.split("_")[0]: symbol for symbol in _VALENCES}


def choose_potentials(elements: Sequence[str], own: Mapping[str, str] | None = None) -> tuple[PotentialName, ...]:
    """A potential for each of `elements`, in that order.

    Parameters
    ----------
    own
        Element -> symbol of the user's choice, e.g. ``{"Pb": "Pb"}``; the recommended one for every other element.

    Raises
    ------
    SpecError
        There is no recommended potential for an element, or a symbol of the user's choice is not one of its element.
    """
    return tuple(_potential(element, (own or {}).get(element)) for element in elements)


def _potential(element: str, chosen: str | None) -> PotentialName:
    symbol = chosen or _BY_ELEMENT.get(element)
    if symbol is None:
        raise SpecError(
            f"no potential is recommended here for {element}",
            fix=f"choose one: potentials={{'{element}': '{element}'}}",
        )
    if symbol.split("_")[0] != element or not symbol.replace("_", "").replace(".", "").isalnum():
        raise SpecError(
            f"{symbol!r} is no potential of {element}", fix=f"give a name such as {element} or {element}_sv"
        )
    return PotentialName(element=element, symbol=symbol, valence=_VALENCES.get(symbol))
