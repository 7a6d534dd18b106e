"""What follows from one structure, asked for once: for structures that nobody changes, as those of a plan."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar
from weakref import ref

if TYPE_CHECKING:
    from pymatgen.core import Structure

__all__ = ["per_structure"]

Value = TypeVar("Value")


def per_structure(derive: Callable[[Structure], Value]) -> Callable[[Structure], Value]:
    """`derive`, whose answer is remembered for a structure, told by its identity, as long as that one lives.

    A thousand steps of a sweep start from the same object, and to look at its atoms takes longer than the rest of them.
    """
    known: dict[int, tuple[ref[Structure], Value]] = {}

    def derived(structure: Structure) -> Value:
        number = id(structure)
        found = known.get(number)
        if found is not None and found[0]() is structure:
            return found[1]
        value = derive(structure)
        known[number] = (ref(structure, lambda _: known.pop(number, None)), value)
        return value

    return derived
