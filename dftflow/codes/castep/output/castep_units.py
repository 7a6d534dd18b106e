"""The units that CASTEP can print beside a number, as factors to eV, Å, eV/Å and GPa.

CASTEP prints in the units that ``energy_unit``, ``length_unit``, ``force_unit`` and ``pressure_unit`` of the ``.param``
file name; the number alone does not tell. A unit that is not listed here is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from dftflow.units import BOHR_ANG, EV_PER_ANG3_GPA, HARTREE_EV, RYDBERG_EV

__all__ = ["ENERGY_EV", "FORCE_EV_PER_ANG", "LENGTH_ANG", "PRESSURE_GPA", "factor_of"]

ENERGY_EV: Mapping[str, float] = MappingProxyType(
    {
        "ev": 1.0,
        "mev": 1e-3,
        "ha": HARTREE_EV,
        "hartree": HARTREE_EV,
        "mha": HARTREE_EV * 1e-3,
        "ry": RYDBERG_EV,
        "rydberg": RYDBERG_EV,
        "mry": RYDBERG_EV * 1e-3,
    }
)
LENGTH_ANG: Mapping[str, float] = MappingProxyType(
    {"a": 1.0, "ang": 1.0, "bohr": BOHR_ANG, "a0": BOHR_ANG, "nm": 10.0, "pm": 0.01, "cm": 1e8, "m": 1e10}
)
FORCE_EV_PER_ANG: Mapping[str, float] = MappingProxyType(
    {
        f"{energy}/{length}": ENERGY_EV[energy] / LENGTH_ANG[length]
        for energy in ENERGY_EV
        for length in ("a", "ang", "bohr", "a0", "nm")
    }
)
PRESSURE_GPA: Mapping[str, float] = MappingProxyType(
    {
        "gpa": 1.0,
        "mpa": 1e-3,
        "kpa": 1e-6,
        "pa": 1e-9,
        "tpa": 1e3,
        "bar": 1e-4,
        "kbar": 0.1,
        "mbar": 1e2,
        **{
            f"{energy}/{length}**3": ENERGY_EV[energy] / LENGTH_ANG[length] ** 3 * EV_PER_ANG3_GPA
            for energy in ENERGY_EV
            for length in ("a", "ang", "bohr", "a0")
        },
    }
)


def factor_of(unit: str, known: Mapping[str, float]) -> float | None:
    """Factor from `unit`, in any case, to the unit of the table `known`; None for a unit that is not in it."""
    return known.get(unit.strip().lower())
