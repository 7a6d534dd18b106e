"""Which corrections for dispersion a code has parameters for: a code would take others, and those of PBE for them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Final

from dftflow.errors import SpecError
from dftflow.model.spec import CalcSpec

__all__ = ["OF_FREE_ATOMS", "check_known_dispersion"]

OF_FREE_ATOMS: Final = frozenset((*range(1, 57), *range(72, 87)))
"""Atomic numbers whose free atoms are tabulated for TS and MBD in VASP (https://vasp.at/wiki/Tkatchenko-Scheffler_method)
and pw.x (``GetVdWParam``): hydrogen to radon without lanthanides."""


def check_known_dispersion(
    spec: CalcSpec,
    program: str,
    known: Mapping[str, frozenset[str]],
    atomic_numbers: Iterable[int] = (),
    elements: Mapping[str, Collection[int]] | None = None,
) -> None:
    """Raise `SpecError` for a correction that `program` does not have of this functional, or of these elements.

    Parameters
    ----------
    known
        Correction -> the functionals, in upper case, that it has parameters for.
    atomic_numbers
        Of the crystal.
    elements
        Correction -> the atomic numbers that it has parameters for; all of them unless named.
    """
    asked = spec.dispersion
    if asked == "none":
        return
    others = [name for name, functionals in known.items() if spec.xc.upper() in functionals]
    fix = f"with {spec.xc} choose {' or '.join(others)}" if others else "leave dispersion out, or choose another code"
    if spec.xc.upper() not in known.get(asked, frozenset()):
        raise SpecError(
            f"{program} has no parameters of {asked} for {spec.xc}",
            reason="it would take those of another functional, or none, without a word",
            fix=fix,
        )
    of_crystal = set(atomic_numbers)
    lacking = {name: of_crystal.difference(numbers) for name, numbers in (elements or {}).items()}
    if lacking.get(asked):
        from ase.data import chemical_symbols

        symbols = ", ".join(chemical_symbols[number] for number in sorted(lacking[asked]))
        able = [name for name in others if not lacking.get(name)]
        raise SpecError(
            f"{program} has no parameters of {asked} for {symbols}",
            fix=f"choose {' or '.join(able)}" if able else "leave dispersion out, or choose another code",
        )
