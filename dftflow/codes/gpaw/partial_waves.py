"""Weights of states on partial waves of the atoms, as `dftflow.codes.gpaw.engine` leaves them beside eigenvalues."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from dftflow.model.projections import SHELLS, ProjectionGroup, Projections
from dftflow.model.results import Atoms, Bands

__all__ = ["projections_in"]

METHOD = (
    "bound partial waves of GPAW's data sets, by their coefficients as in its own projected densities: shells without "
    "a bound wave are left out, and nothing is normalised, so that a state's weights may sum to less or more than 1"
)
NAMES = ("projections", "projection_sites", "projection_l")


def projections_in(arrays: Mapping[str, Any], bands: Bands) -> Projections | None:
    """Weights on each shell of each atom that has bound partial waves.

    Parameters
    ----------
    arrays
        Of ``bands.npz``: `NAMES`, the weights with the shape (n_spins, n_kpoints, n_bands, n_shells), index of the atom
        and angular momentum l of each shell.
    bands
        The eigenvalues in it.

    Returns
    -------
    projections
        None in a file that was written before it told them.

    Raises
    ------
    ValueError
        They are no weights of these states on these atoms.
    """
    there = [name for name in NAMES if name in arrays]
    if not there:
        return None
    if len(there) < len(NAMES):
        raise ValueError(f"the file does not hold {' and '.join(name for name in NAMES if name not in there)}")
    weights, sites, momenta = (arrays[name] for name in NAMES)
    if weights.dtype != np.float32 or weights.shape[:3] != bands.eigenvalues_ev.shape:
        raise ValueError(
            f"the projections are {weights.dtype} of the shape {weights.shape}, the eigenvalues have the shape "
            f"{bands.eigenvalues_ev.shape}"
        )
    if not np.isfinite(weights).all() or (weights < 0).any():
        raise ValueError("a weight of the projections is negative, or no number")
    return Projections(weights=weights, groups=_groups(sites, momenta, bands.atoms), method=METHOD)


def _groups(sites: Any, momenta: Any, atoms: Atoms | None) -> tuple[ProjectionGroup, ...]:
    if atoms is None:
        raise ValueError("the projections are on atoms that the file does not name")
    for found, what, end in ((sites, "atoms", len(atoms.elements)), (momenta, "l", len(SHELLS))):
        if found.ndim != 1 or found.dtype.kind not in "iu" or not ((found >= 0) & (found < end)).all():
            raise ValueError(f"the {what} of the projections are not whole numbers from 0 to {end - 1}")
    return tuple(
        ProjectionGroup(element=atoms.elements[site], site=int(site), orbital=SHELLS[momentum])
        for site, momentum in zip(sites, momenta, strict=True)
    )
