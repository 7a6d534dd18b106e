"""The families of quantities: each a function from findings to quantities, in one file of this folder.

Another package names a function of its own as an entry point of the group ``dftflow.quantities``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib.metadata import entry_points

from dftflow.derive.edges import crystal_quantities
from dftflow.derive.findings import Findings
from dftflow.derive.offsets import offset_quantities
from dftflow.derive.surfaces import surface_quantities
from dftflow.model.quantity import Quantity

__all__ = ["all_quantities"]

GROUP = "dftflow.quantities"
FAMILIES: tuple[Callable[[Findings], Iterable[Quantity]], ...] = (
    crystal_quantities,
    surface_quantities,
    offset_quantities,
)


def all_quantities(findings: Findings) -> tuple[Quantity, ...]:
    """Every quantity of every family, those of this package first."""
    outside = [entry.load() for entry in entry_points(group=GROUP)]
    return tuple(quantity for family in (*FAMILIES, *outside) for quantity in family(findings))
