"""Which shells of an element can have a U: a code would leave out one that is not there, or end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from dftflow.errors import SpecError

__all__ = ["check_hubbard_shells"]

_FIRST_OF_SHELL: Final = {"s": 1, "p": 5, "d": 19, "f": 57}
"""Atomic number from which on a shell of this kind lies among the valence states, empty ones included."""


def check_hubbard_shells(hubbard_u_ev: Mapping[str, float]) -> None:
    """Raise `SpecError` for a U on a shell that the element does not have: d of oxygen, f of nickel.

    Parameters
    ----------
    hubbard_u_ev
        ``"Ni:d"`` -> U.
    """
    from ase.data import atomic_numbers

    for name in hubbard_u_ev:
        element, _, shell = name.partition(":")
        number = atomic_numbers[element]
        if number < _FIRST_OF_SHELL.get(shell, number + 1):
            usual = next(one for one in "fdps" if number >= _FIRST_OF_SHELL[one])
            raise SpecError(
                f"{element} has no {shell} shell for a U to act on",
                reason="a code would leave it out, or end",
                fix=f"name one that it has, {element} = {{ {usual} = {hubbard_u_ev[name]:g} }}, or leave it out",
            )
