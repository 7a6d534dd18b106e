"""What follows from one structure, asked for once: for structures that nobody changes, as those of a plan."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar
from weakref import ref

if TYPE_CHECKING:
    from pymatgen.core import Structure

__all__ = ["per_structure"]

Given = ParamSpec("Given")
Value = TypeVar("Value")


def per_structure(
    derive: Callable[Concatenate[Structure, Given], Value],
) -> Callable[Concatenate[Structure, Given], Value]:
    """`derive`, whose answers are remembered for a structure, told by its identity, as long as that one lives.

    A thousand steps of a sweep start from the same object, and to look at its atoms takes longer than the rest of them.
    What else it is asked with has to be hashable, and an answer is nobody's to change.
    """
    known: dict[int, tuple[ref[Structure], dict[Hashable, Value]]] = {}

    def answers(structure: Structure) -> dict[Hashable, Value]:
        number = id(structure)
        found = known.get(number)
        if found is None or found[0]() is not structure:
            found = known[number] = (ref(structure, lambda _: known.pop(number, None)), {})
        return found[1]

    def derived(structure: Structure, /, *given: Given.args, **named: Given.kwargs) -> Value:
        told, asked = answers(structure), (given, *named.items())
        if asked not in told:
            told[asked] = derive(structure, *given, **named)
        return told[asked]

    return derived
