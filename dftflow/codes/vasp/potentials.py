"""The PAW potentials that a deck asks for: their names, never their content, which is licensed.

The recommended ones of the PBE set for calculations of occupied states, their valence electrons and their ENMAX:
https://vasp.at/wiki/Available_pseudopotentials (revision 25069 of the page; the ones that are the default
recommendation there). Of its tables, the one for potpaw.64 was read for Tl_d, Pb_d and Bi_d, and the one for potpaw.54
for the others.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dftflow.codes.file_hash import NOT_KNOWN_HERE, file_md5
from dftflow.errors import SpecError
from dftflow.model.printable import shown

__all__ = ["LIBRARIES", "PotentialName", "choose_potentials", "potential_hashes"]

LIBRARIES: Final = {True: ("potpaw_LDA", "PAW"), False: ("potpaw_PBE", "PAW_PBE")}
"""Whether the functional is LDA -> folder of the library, and first word of the TITEL of its potentials."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PotentialName:
    """One potential: ``Pb_d``, its valence electrons and the cutoff it asks for; None when they are not known here."""

    element: str
    symbol: str
    valence: int | None
    enmax_ev: float | None


_KNOWN: Final[dict[str, tuple[int, float]]] = {
    "H": (1, 250.0), "He": (2, 478.896), "Li_sv": (3, 499.034), "Be": (2, 247.543), "B": (3, 318.614),
    "C": (4, 400.0), "N": (5, 400.0), "O": (6, 400.0), "F": (7, 400.0), "Ne": (8, 343.606), "Na_pv": (7, 259.561),
    "Mg": (2, 200.0), "Al": (3, 240.3), "Si": (4, 245.345), "P": (5, 255.04), "S": (6, 258.689),
    "Cl": (7, 262.472), "Ar": (8, 266.408), "K_sv": (9, 259.264), "Ca_sv": (10, 266.622), "Sc_sv": (11, 222.66),
    "Ti_sv": (12, 274.61), "V_sv": (13, 263.673), "Cr_pv": (12, 265.681), "Mn_pv": (13, 269.864),
    "Fe": (8, 267.882), "Co": (9, 267.968), "Ni": (10, 269.532), "Cu": (11, 295.446), "Zn": (12, 276.723),
    "Ga_d": (13, 282.691), "Ge_d": (14, 310.294), "As": (5, 208.702), "Se": (6, 211.555), "Br": (7, 216.285),
    "Kr": (8, 185.331), "Rb_sv": (9, 220.112), "Sr_sv": (10, 229.353), "Y_sv": (11, 202.626),
    "Zr_sv": (12, 229.898), "Nb_sv": (13, 293.235), "Mo_sv": (14, 242.676), "Tc_pv": (13, 263.523),
    "Ru_pv": (14, 240.049), "Rh_pv": (15, 247.408), "Pd": (10, 250.925), "Ag": (11, 249.844), "Cd": (12, 274.336),
    "In_d": (13, 239.211), "Sn_d": (14, 241.083), "Sb": (5, 172.069), "Te": (6, 174.982), "I": (7, 175.647),
    "Xe": (8, 153.118), "Cs_sv": (9, 220.318), "Ba_sv": (10, 187.181), "La": (11, 219.292), "Hf_pv": (10, 220.334),
    "Ta_pv": (11, 223.667), "W_sv": (14, 223.057), "Re": (7, 226.216), "Os": (8, 228.022), "Ir": (9, 210.864),
    "Pt": (10, 230.283), "Au": (11, 229.943), "Hg": (12, 233.204), "Tl_d": (13, 237.053), "Pb_d": (14, 237.835),
    "Bi_d": (15, 242.839),
}  # fmt: skip
"""Symbol -> valence electrons, and ENMAX in eV."""
_BY_ELEMENT = {symbol.split("_")[0]: symbol for symbol in _KNOWN}


def choose_potentials(
    elements: Sequence[str], own: Mapping[str, str] | None = None, *, lda: bool = False
) -> tuple[PotentialName, ...]:
    """A potential for each of `elements`, in that order.

    Parameters
    ----------
    own
        Element -> symbol of the user's choice, e.g. ``{"Pb": "Pb"}``; the recommended one for every other element.
    lda
        Of the LDA set, whose valences are the same but whose ENMAX are others, not known here.

    Raises
    ------
    SpecError
        There is no recommended potential for an element, or a symbol of the user's choice is not one of its element.
    """
    return tuple(_potential(element, (own or {}).get(element), lda=lda) for element in elements)


def potential_hashes(elements: Sequence[str], own: Mapping[str, str]) -> dict[str, str]:
    """What is known of the potentials before a run: name -> hash of its POTCAR, where ``VASP_PP_PATH`` holds it.

    Which library is used depends on the functional: that for LDA is named where it is there.
    """
    folder = os.environ.get("VASP_PP_PATH")
    symbols = [name.symbol for name in choose_potentials(elements, own)]
    if not folder:
        return {f"potential {symbol}": NOT_KNOWN_HERE for symbol in symbols}
    found = {
        f"potential {library}/{symbol}": file_md5(Path(folder) / library / symbol / "POTCAR")
        for library, _ in LIBRARIES.values()
        for symbol in symbols
    }
    return {name: md5 for name, md5 in found.items() if md5 != NOT_KNOWN_HERE or LIBRARIES[False][0] in name}


def _potential(element: str, chosen: str | None, *, lda: bool) -> PotentialName:
    symbol = chosen or _BY_ELEMENT.get(element)
    if symbol is None:
        raise SpecError(
            f"no potential is recommended here for {element}",
            fix=f'choose one: [codes.vasp] potentials = {{ {element} = "{element}" }}',
        )
    if symbol.split("_")[0] != element or not re.fullmatch(r"[A-Za-z0-9_.]{1,40}", symbol):
        raise SpecError(
            f"{shown(symbol)} is no potential of {element}", fix=f"give a name such as {element} or {element}_sv"
        )
    valence, enmax_ev = _KNOWN.get(symbol, (None, None))
    return PotentialName(element=element, symbol=symbol, valence=valence, enmax_ev=None if lda else enmax_ev)
