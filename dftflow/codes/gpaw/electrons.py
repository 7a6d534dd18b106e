"""What a GPAW deck says of spin, Hubbard's U and dispersion, and what it cannot say.

Setups with U: https://gpaw.readthedocs.io/tutorialsexercises/energetics/hubbardu/hubbardu.html. Dispersion is added by
dftd3 (s-dftd3, 10.21105/joss.07169), which has D3 alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.util import find_spec

from dftflow.codes.deck_text import refuse_core_levels
from dftflow.codes.hubbard_shells import check_hubbard_shells
from dftflow.codes.known_dispersion import check_known_dispersion
from dftflow.errors import SpecError
from dftflow.installer import install_line
from dftflow.model.spec import CalcSpec

__all__ = ["check_electrons", "moments_text", "setups_text"]

WITH_DISPERSION = ("none", "D3", "D3(BJ)")
_OF_D3 = frozenset({"PBE", "RPBE", "REVPBE", "SCAN"})
DISPERSIONS = {"D3": _OF_D3, "D3(BJ)": _OF_D3 | {"R2SCAN"}}
"""Functionals of the engine that dftd3 has parameters for."""
_LIKE = {"D2": "D3", "TS": "D3(BJ)", "MBD": "D3(BJ)"}


def check_electrons(spec: CalcSpec) -> None:
    """Raise `SpecError` for what the engine does not calculate."""
    if spec.spin_orbit:
        raise SpecError(
            "the embedded engine has no self-consistent spin-orbit coupling",
            reason="GPAW adds it to the finished states",
            fix="leave spin_orbit out, or choose another code (--code vasp)",
        )
    check_hubbard_shells(spec.hubbard_u_ev)
    refuse_core_levels(spec, "GPAW", "its data sets keep the core as it is in the free atom")
    if spec.dispersion not in WITH_DISPERSION:
        raise SpecError(
            f"the embedded engine has no dispersion correction {spec.dispersion}",
            reason="dftd3, which calculates it there, has D3 alone",
            fix=f'set dispersion = "{_LIKE[spec.dispersion]}", or choose another code',
        )
    check_known_dispersion(spec, "dftd3", DISPERSIONS)
    if spec.dispersion != "none" and find_spec("gpaw") is not None and find_spec("dftd3") is None:
        raise SpecError(f"{spec.dispersion} needs the package dftd3, which is not installed", fix=install_line("dftd3"))
    elements = [name.partition(":")[0] for name in spec.hubbard_u_ev]
    if len(set(elements)) < len(elements):
        raise SpecError("two shells of an element have a U", fix="leave one shell of each element in hubbard_u_ev")


def moments_text(moments_mub: Sequence[float]) -> str:
    """The moments as a list; ``""`` for a calculation without spin."""
    return f"[{', '.join(f'{moment:g}' for moment in moments_mub)}]" if moments_mub else ""


def setups_text(hubbard_u_ev: Mapping[str, float]) -> str:
    """GPAW's ``setups``; ``""`` where there is no U."""
    shells = {name.partition(":")[0]: f":{name[-1]},{value:g}" for name, value in sorted(hubbard_u_ev.items())}
    return repr(shells).replace("'", '"') if shells else ""
