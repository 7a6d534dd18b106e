"""Which corrections for dispersion a code has parameters for: a code would take others, and those of PBE for them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import inf

from dftflow.errors import SpecError
from dftflow.model.spec import CalcSpec

__all__ = ["check_known_dispersion"]


def check_known_dispersion(
    spec: CalcSpec,
    program: str,
    known: Mapping[str, frozenset[str]],
    atomic_numbers: Iterable[int] = (),
    last: Mapping[str, int] | None = None,
) -> None:
    """Raise `SpecError` for a correction that `program` does not have of this functional, or of these elements.

    Parameters
    ----------
    known
        Correction -> the functionals, in upper case, that it has parameters for.
    atomic_numbers
        Of the crystal.
    last
        Correction -> the atomic number of the last element that it has parameters for; all of them unless named.
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
    heaviest = max(atomic_numbers, default=0)
    if heaviest > (last or {}).get(asked, inf):
        from ase.data import chemical_symbols

        able = [name for name in others if heaviest <= (last or {}).get(name, inf)]
        raise SpecError(
            f"{program} has no parameters of {asked} for {chemical_symbols[heaviest]}",
            fix=f"choose {' or '.join(able)}" if able else "leave dispersion out, or choose another code",
        )
