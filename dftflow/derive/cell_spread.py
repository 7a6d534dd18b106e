"""How far the lengths of a relaxed cell may lie from those of the minimum, by what the stress criterion leaves open."""

from __future__ import annotations

from dftflow.model.results import Results

__all__ = ["SPREAD_HOLDS", "open_lengths_ang"]

SPREAD_HOLDS = (
    "what a stress of the size of its criterion changes, by the elasticity that its steps tell of: of the "
    "relaxation alone, not of functional, cutoff or k-points"
)


def open_lengths_ang(results: Results, stress_tol_gpa: float) -> tuple[float, float, float] | None:
    """Change of a, b and c in Å when each component of the stress is as large as its criterion allows, signs at worst.

    Hooke's law for the relaxed crystal, d ln a = S sigma: a relaxation that stops with components of the stress within
    the criterion has fixed a, b and c to that and no better. In a soft crystal, of a modulus of 20 GPa,
    0.1 GPa leaves half a per cent open.

    Parameters
    ----------
    results
        Of the relaxation.
    stress_tol_gpa
        The criterion.

    Returns
    -------
    tuple of float or None
        None where the engine told no compliance: the cell was held, or another code relaxed it.
    """
    compliance, structure = results.length_compliance_per_gpa, results.structure
    if compliance is None or structure is None:
        return None
    a, b, c = (
        float(length * part * stress_tol_gpa) for length, part in zip(structure.lattice.abc, compliance, strict=True)
    )
    return a, b, c
