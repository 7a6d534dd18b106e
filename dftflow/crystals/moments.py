"""Magnetic moments that a crystal carries from another package or a file; no deck uses them, and says so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pymatgen.core import Structure

__all__ = ["MOMENT", "has_moments"]

MOMENT = "magmom"
"""pymatgen's name of the site property: a number in Bohr magnetons, a vector of three, or a `Magmom`."""


def has_moments(structure: Structure) -> bool:
    """Whether a moment other than zero is given for any atom."""
    return any(_is_moment(moment) for moment in structure.site_properties.get(MOMENT, ()))


def _is_moment(given: Any) -> bool:
    moment = getattr(given, "moment", given)
    try:
        return moment is not None and bool(np.any(np.asarray(moment, dtype=float)))
    except (TypeError, ValueError):  # the site property of somebody else's program
        return True
