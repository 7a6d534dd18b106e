"""CASTEP's keywords for spin, spin-orbit coupling, Hubbard's U and dispersion.

castep-docs, pages "SOC", "DFT+U input" and "Dispersion Corrections"; D3 needs CASTEP 20.1 or later.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from dftflow.codes.deck_text import decimal_text
from dftflow.model.spec import CalcSpec

if TYPE_CHECKING:
    from pymatgen.core import Structure

__all__ = [
    "DISPERSIONS",
    "DISPERSION_ELEMENTS",
    "SPIN_ORBIT_LIBRARY",
    "electron_notes",
    "electron_values",
    "hubbard_block",
    "spin_text",
    "spins_break_symmetry",
]

SPIN_ORBIT_LIBRARY: Final = "SOC19"
"""On-the-fly potentials that depend on j (castep-docs, "SOC")."""

DISPERSIONS: Final = {
    "D2": frozenset({"PBE", "BLYP"}),
    "D3": frozenset({"PBE", "PBE0"}),
    "D3(BJ)": frozenset({"PBE", "PBE0"}),
    "TS": frozenset({"PBE", "PBE0"}),
    "MBD": frozenset({"PBE", "PBE0"}),
}
"""Functionals of which CASTEP has the parameters (castep-docs, "Dispersion Corrections")."""

DISPERSION_ELEMENTS: Final = dict.fromkeys(("D2", "TS", "MBD"), range(1, 55))
"""Of which it has them, up to xenon; lanthanides of TS, which it has too, are refused with the rest."""

_SCHEMES: Final = {"D2": "G06", "D3": "D3", "D3(BJ)": "D3-BJ", "TS": "TS", "MBD": "MBD"}
_SINCE_20_1: Final = ("D3", "D3(BJ)")


def electron_values(spec: CalcSpec) -> dict[str, str]:
    """What the ``.param`` says; ``""`` for what it leaves out."""
    return {
        "spin_polarized": "true" if spec.spin_polarised else "false",
        "spin": decimal_text(sum(spec.moments_mub)) if spec.spin_polarised and not spec.spin_orbit else "",
        "spinors": "vector" if spec.spin_orbit else "",
        "sedc_scheme": "" if spec.dispersion == "none" else _SCHEMES[spec.dispersion],
    }


def spin_text(spec: CalcSpec, index: int) -> str:
    """What stands behind the position of an atom; ``""`` without a moment."""
    moment = spec.moments_mub[index] if spec.moments_mub else 0.0
    if not moment:
        return ""
    return f"  SPIN= {'0.0 0.0 ' if spec.spin_orbit else ''}{decimal_text(moment)}"


def hubbard_block(hubbard_u_ev: Mapping[str, float]) -> str:
    """Lines of ``HUBBARD_U``, one an element; ``""`` without one."""
    of_element: dict[str, list[str]] = {}
    for name, value in sorted(hubbard_u_ev.items()):
        element, _, shell = name.partition(":")
        of_element.setdefault(element, []).append(f"{shell}: {decimal_text(value)}")
    return "\n".join(f"   {element} {' '.join(shells)}" for element, shells in of_element.items())


def spins_break_symmetry(structure: Structure, spec: CalcSpec) -> bool:
    """Whether atoms of one element start with different moments, which an operation could exchange."""
    moments: dict[str, set[float]] = {}
    for site, moment in zip(structure, spec.moments_mub, strict=False):
        moments.setdefault(site.specie.symbol, set()).add(moment)
    return any(len(found) > 1 for found in moments.values()) or (spec.spin_orbit and spec.spin_polarised)


def electron_notes(spec: CalcSpec) -> tuple[str, ...]:
    """What a person who runs it has to have."""
    if spec.dispersion not in _SINCE_20_1:
        return ()
    return (f"sedc_scheme {_SCHEMES[spec.dispersion]} needs CASTEP 20.1 or later, built with the D3 library.",)
