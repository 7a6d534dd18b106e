"""INCAR's tags for spin, spin-orbit coupling, Hubbard's U and dispersion.

https://vasp.at/wiki: MAGMOM, LSORBIT, LNONCOLLINEAR, LDAUTYPE, LMAXMIX, IVDW, ICORELEVEL.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Final

from dftflow.codes.deck_text import decimal_text
from dftflow.codes.known_dispersion import OF_FREE_ATOMS
from dftflow.codes.vasp.damping import DAMPED, damping_tags
from dftflow.codes.vasp.functionals import Functional
from dftflow.model.spec import CalcSpec
from dftflow.rendering.quoting import Verbatim

__all__ = ["DISPERSIONS", "DISPERSION_ELEMENTS", "PROGRAMS", "Tag", "band_count", "electron_tags", "is_aspherical"]

Tag = tuple[str, str, str]
"""Name, value, comment."""

PROGRAMS: Final = {False: ("vasp_std", "vasp_gam", "vasp_ncl"), True: ("vasp_ncl",)}
"""Whether states are spinors -> the builds of VASP that can run it, the best first."""

DISPERSIONS: Final = {
    "D2": frozenset({"PBE"}),
    **DAMPED,
    "TS": frozenset({"PBE"}),
    "MBD": frozenset({"PBE"}),
}
"""Functionals of which VASP knows the parameters, or is told them."""

DISPERSION_ELEMENTS: Final = {"D2": range(1, 55), "TS": OF_FREE_ATOMS, "MBD": OF_FREE_ATOMS}
"""Of which it has them: D2 up to xenon (https://vasp.at/wiki/DFT-D2)."""

_IVDW: Final = {"D2": "1", "D3": "11", "D3(BJ)": "12", "TS": "2", "MBD": "202"}
_ANGULAR: Final = {"s": 0, "p": 1, "d": 2, "f": 3}
_D_AND_F: Final = {"d": "4", "f": "6"}
VALUES_A_LINE: Final = 12
LINE_GOES_ON: Final = " \\\n           "
"""https://vasp.at/wiki/INCAR: no blank behind the backslash."""


def electron_tags(spec: CalcSpec, order: Sequence[int], elements: Sequence[str]) -> tuple[Tag, ...]:
    """The tags of `spec` beside functional, cutoff and smearing.

    Parameters
    ----------
    order
        Index in the structure of each atom of the POSCAR.
    elements
        Of the POSCAR, in its order.
    """
    hubbard = _hubbard(spec.hubbard_u_ev, elements, spinors=spec.spin_orbit)
    return (*_spin(spec, order), *hubbard, *_dispersion(spec), *_core_levels(spec))


def is_aspherical(spec: CalcSpec, xc: Functional) -> bool:
    """Whether the gradient corrections within the spheres are wanted as they are, not averaged over angles.

    "Essential" for open d and f shells, U, hybrids and meta-GGAs (https://vasp.at/wiki/LASPH).
    """
    return xc.hybrid or xc.meta or spec.spin_polarised or bool(spec.hubbard_u_ev)


def band_count(spec: CalcSpec, electrons: float) -> int:
    """Filled and empty bands; a spinor holds one electron, and of two spin channels one may hold more than half."""
    if spec.spin_orbit:
        return int(electrons + 0.5) + spec.empty_count
    return int(electrons + abs(sum(spec.moments_mub)) + 1) // 2 + spec.empty_count


def _spin(spec: CalcSpec, order: Sequence[int]) -> tuple[Tag, ...]:
    moments = [spec.moments_mub[index] for index in order] if spec.moments_mub else []
    if not spec.spin_orbit:
        if not moments:
            return (("ISPIN", "1", ""),)
        return ("ISPIN", "2", ""), ("MAGMOM", _repeated(moments), "Bohr magnetons to start from, atom by atom")
    vectors = [value for moment in moments for value in (0.0, 0.0, moment)] or [0.0] * (3 * len(order))
    return (
        ("ISPIN", "1", "spinors; VASP 6.5 ends with 2"),
        ("LSORBIT", ".TRUE.", "needs vasp_ncl; sets LNONCOLLINEAR"),
        ("MAGMOM", _repeated(vectors), "x, y and z of each atom"),
    )


def _repeated(values: Sequence[float]) -> Verbatim:
    """``3*0.0 1*2.0``: VASP's way to repeat a value; a long list goes on behind a backslash."""
    words = [f"{len(list(same))}*{decimal_text(value)}" for value, same in groupby(values)]
    lines = [" ".join(words[first : first + VALUES_A_LINE]) for first in range(0, len(words), VALUES_A_LINE)]
    return Verbatim(LINE_GOES_ON.join(lines))


def _hubbard(hubbard_u_ev: Mapping[str, float], elements: Sequence[str], *, spinors: bool) -> tuple[Tag, ...]:
    if not hubbard_u_ev:
        return (("LMAXMIX", "4", "mixes the density of d shells too"),) if spinors else ()
    of_element = {name.partition(":")[0]: (name[-1], value) for name, value in hubbard_u_ev.items()}
    chosen = [of_element.get(element) for element in elements]
    shells = [shell for shell, _ in filter(None, chosen)]
    return (
        ("LDAU", ".TRUE.", ""),
        ("LDAUTYPE", "2", "Dudarev: only U - J counts"),
        ("LDAUL", " ".join("-1" if one is None else str(_ANGULAR[one[0]]) for one in chosen), ", ".join(elements)),
        ("LDAUU", " ".join("0.0" if one is None else decimal_text(one[1]) for one in chosen), "eV"),
        ("LDAUJ", " ".join("0.0" for _ in chosen), ""),
        ("LMAXMIX", max((_D_AND_F.get(shell, "4") for shell in shells), default="4"), "mixes these shells too"),
    )


def _dispersion(spec: CalcSpec) -> tuple[Tag, ...]:
    if spec.dispersion == "none":
        return ()
    damping = damping_tags(spec.dispersion, spec.xc)
    own = ((tag, decimal_text(value), f"{spec.dispersion} of {spec.xc.upper()}") for tag, value in damping)
    return ("IVDW", _IVDW[spec.dispersion], spec.dispersion), *own


def _core_levels(spec: CalcSpec) -> tuple[Tag, ...]:
    """In the initial state approximation: eigenvalues of the core states in the converged potential, in OUTCAR."""
    return (("ICORELEVEL", "1", "energies of core states, in OUTCAR"),) if spec.core_levels else ()
