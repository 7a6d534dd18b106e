"""The families of quantities: each a function from findings to quantities, in one file of this folder.

Another package names a function of its own as an entry point of the group ``dftflow.quantities``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib.metadata import EntryPoint, entry_points
from typing import NamedTuple

from dftflow.derive.alloys import alloy_quantities
from dftflow.derive.contacts import contact_quantities
from dftflow.derive.densities import dos_quantities
from dftflow.derive.diffraction import diffraction_quantities
from dftflow.derive.edge_characters import edge_quantities
from dftflow.derive.edges import crystal_quantities
from dftflow.derive.findings import Findings
from dftflow.derive.hull import hull_quantities
from dftflow.derive.ledger import ledger_quantities
from dftflow.derive.masses import mass_quantities
from dftflow.derive.mismatch import mismatch_quantities
from dftflow.derive.mixtures import mixture_quantities
from dftflow.derive.offsets import offset_quantities
from dftflow.derive.photons import photon_quantities
from dftflow.derive.polymorphs import polymorph_quantities
from dftflow.derive.reactions import reaction_quantities
from dftflow.derive.surfaces import surface_quantities
from dftflow.errors import DftflowError
from dftflow.model.quantity import Missing, Quantity
from dftflow.plugins import load_plugin, package_of

__all__ = ["FoundQuantities", "all_quantities"]

GROUP = "dftflow.quantities"
Family = Callable[[Findings], Iterable[Quantity]]
STANDING: tuple[Family, ...] = (
    crystal_quantities,
    mixture_quantities,
    surface_quantities,
    offset_quantities,
    contact_quantities,
    ledger_quantities,
)
"""Of what every study has: crystals, surfaces, offsets."""
ASKED: tuple[Family, ...] = (
    dos_quantities,
    edge_quantities,
    mass_quantities,
    diffraction_quantities,
    mismatch_quantities,
    reaction_quantities,
    polymorph_quantities,
    hull_quantities,
    alloy_quantities,
    photon_quantities,
)
"""Of tables of its own that a study may have."""


class FoundQuantities(NamedTuple):
    """The quantities of all families.

    Attributes
    ----------
    standing
        Of crystals, surfaces and offsets.
    asked
        Of what else the study asks, and of other packages.
    """

    standing: tuple[Quantity, ...]
    asked: tuple[Quantity, ...]

    @property
    def every(self) -> tuple[Quantity, ...]:
        """Both."""
        return (*self.standing, *self.asked)


def all_quantities(findings: Findings) -> FoundQuantities:
    """Every quantity of every family, those of this package first.

    A family of another package that fails costs its own quantities alone: one without a value says why.
    """
    others = (quantity for point in entry_points(group=GROUP) for quantity in _of_another(point, findings))
    return FoundQuantities(
        standing=tuple(quantity for family in STANDING for quantity in family(findings)),
        asked=(*(quantity for family in ASKED for quantity in family(findings)), *others),
    )


def _of_another(point: EntryPoint, findings: Findings) -> tuple[Quantity, ...]:
    try:
        found = tuple(load_plugin(point, "quantity")(findings))
        wrong = [type(item).__name__ for item in found if not isinstance(item, Quantity)]
        reason = f"{package_of(point)} gave {wrong[0]} for a Quantity" if wrong else ""
    except DftflowError as error:
        found, reason = (), error.sentence
    except Exception as error:
        found, reason = (), f"{package_of(point)} failed: {type(error).__name__}: {error}"
    if not reason:
        return found
    why = Missing(kind="not derived", reason=reason)
    return (Quantity(name=point.name, subject="the study", unit="", value=None, missing=why),)
