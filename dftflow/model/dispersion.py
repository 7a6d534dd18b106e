"""Corrections for dispersion, by their usual names, and the functionals that each has published parameters for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

from dftflow.errors import SpecError

__all__ = ["DISPERSIONS", "Dispersion", "check_dispersion"]

Dispersion = Literal["none", "D2", "D3", "D3(BJ)", "TS", "MBD"]

_OF_D3 = frozenset({"PBE", "PBESOL", "RPBE", "REVPBE", "BLYP", "PBE0", "B3LYP", "HSE03", "HSE06", "TPSS", "SCAN"})
DISPERSIONS: Mapping[str, frozenset[str]] = {
    "D2": frozenset({"PBE", "BLYP", "B3LYP"}),
    "D3": _OF_D3,
    "D3(BJ)": _OF_D3 | {"R2SCAN"},
    "TS": frozenset({"PBE", "PBE0", "HSE06"}),
    "MBD": frozenset({"PBE", "PBE0", "HSE06"}),
}
"""D2: 10.1002/jcc.20495. D3: 10.1063/1.3382344, with zero damping; D3(BJ), with that of Becke and Johnson:
10.1002/jcc.21759; both of SCAN 10.1103/PhysRevB.94.115144, of HSE06 10.1021/jp501237c, of HSE03 10.1039/c7cp04913g; of
r2SCAN 10.1063/5.0041008. TS: 10.1103/PhysRevLett.102.073005.
MBD: 10.1103/PhysRevLett.108.236402."""


def check_dispersion(dispersion: str, xc: str) -> None:
    """Raise `SpecError` for a correction that is none of these, or that has no parameters for the functional `xc`."""
    if dispersion == "none":
        return
    if dispersion not in DISPERSIONS:
        raise SpecError(
            f"there is no correction for dispersion called {dispersion!r}",
            fix=f"choose one of {', '.join(get_args(Dispersion))}",
        )
    known = DISPERSIONS[dispersion]
    if xc.upper() not in known:
        others = [name for name, functionals in DISPERSIONS.items() if xc.upper() in functionals]
        raise SpecError(
            f"{dispersion} has no published parameters for {xc}",
            reason=f"it has them for {', '.join(sorted(known))}",
            fix=f"with {xc} choose {' or '.join(others)}" if others else f"leave dispersion out with {xc}",
        )
