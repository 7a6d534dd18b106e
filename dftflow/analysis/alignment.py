"""Band offsets between two materials, and the type of the alignment.

How the type follows from the offsets, with a tolerance t
---------------------------------------------------------
Each offset (valence, conduction; first minus second) is positive, negative, or, when its size is at most t, none.

1. The VBM of one material lies above the CBM of the other: type III (broken gap).
2. Both offsets are none: not resolved.
3. One offset is none: quasi-type II. One carrier is confined to one material, the other spreads over both (Balet et
   al., Nano Lett. 4, 1485 (2004)).
4. Both offsets have the same sign: type II (staggered). Electron and hole are in different materials.
5. They have opposite signs: type I (straddling). Both carriers are in the material with the smaller gap.

There is no agreed t. Errors of the line-up move both edges of a material together, by the same amount. The type is
given only when it stays the same while the first material is moved against the second by anything between minus and
plus the uncertainty of the offsets; otherwise it is not resolved.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from math import hypot

from dftflow.errors import AnalysisError
from dftflow.model.alignment import AbsoluteEdges, Alignment, AlignmentType
from dftflow.model.levels import SurfaceLevels

__all__ = [
    "TOLERANCES_EV",
    "align",
    "alignment_type",
    "edges_from_levels",
    "edges_from_work_function",
    "in_order",
    "published_alignment",
]

TOLERANCES_EV = (0.026, 0.10, 0.20)
"""kT at 300 K; the size of a line-up's error; what others use."""


def align(
    first: AbsoluteEdges,
    second: AbsoluteEdges,
    *,
    method: str,
    tolerance_ev: float = 0.10,
    uncertainty_ev: float | None = None,
) -> Alignment:
    """Offsets of `first` against `second` (first minus second) and the type of the alignment.

    Parameters
    ----------
    first, second
        Band edges relative to vacuum.
    method
        How they were found.
    tolerance_ev
        Offsets of at most this size count as none.
    uncertainty_ev
        Of each offset; by default those of the two materials' edges in quadrature.

    Returns
    -------
    Alignment
        `type` takes the uncertainty into account, `types_by_tolerance` are those of the offsets as they stand.

    Raises
    ------
    AnalysisError
        For a tolerance or uncertainty that is not positive or zero, or a material without a gap.
    """
    error_ev = hypot(first.uncertainty_ev, second.uncertainty_ev) if uncertainty_ev is None else uncertainty_ev
    if not (tolerance_ev >= 0 and error_ev >= 0):
        raise AnalysisError(f"tolerance {tolerance_ev} eV and uncertainty {error_ev} eV must not be negative")
    return Alignment(
        method=method,
        first=first,
        second=second,
        first_name=first.material,
        second_name=second.material,
        valence_band_offset_ev=first.vbm_ev - second.vbm_ev,
        conduction_band_offset_ev=first.cbm_ev - second.cbm_ev,
        uncertainty_ev=error_ev,
        type=_resolved_type(first, second, tolerance_ev, error_ev),
        tolerance_ev=tolerance_ev,
        types_by_tolerance=tuple((value, alignment_type(first, second, value)) for value in TOLERANCES_EV),
    )


def alignment_type(first: AbsoluteEdges, second: AbsoluteEdges, tolerance_ev: float) -> AlignmentType:
    """Type of the alignment as the edges stand, by the rules above, without regard to their uncertainty.

    Raises
    ------
    AnalysisError
        For a material whose CBM is not above its VBM.
    """
    for edges in (first, second):
        if not edges.cbm_ev > edges.vbm_ev:
            raise AnalysisError(f"{edges.material} has no gap", reason=f"VBM {edges.vbm_ev} eV, CBM {edges.cbm_ev} eV")
    if first.vbm_ev > second.cbm_ev or second.vbm_ev > first.cbm_ev:
        return "type III"
    valence = _direction(first.vbm_ev - second.vbm_ev, tolerance_ev)
    conduction = _direction(first.cbm_ev - second.cbm_ev, tolerance_ev)
    if valence == conduction:
        return "type II" if valence else "not resolved"
    return "type I" if valence and conduction else "quasi-type II"


def _direction(offset_ev: float, tolerance_ev: float) -> int:
    return 0 if abs(offset_ev) <= tolerance_ev else 1 if offset_ev > 0 else -1


def _resolved_type(
    first: AbsoluteEdges, second: AbsoluteEdges, tolerance_ev: float, uncertainty_ev: float
) -> AlignmentType:
    """The type that holds for every rigid shift of `first` within the uncertainty, else "not resolved".

    The type changes only at shifts where an offset reaches the tolerance or the two gaps stop overlapping; it is enough
    to look at the ends and once between every two of them.
    """
    valence, conduction = first.vbm_ev - second.vbm_ev, first.cbm_ev - second.cbm_ev
    changes = [sign * tolerance_ev - offset for offset in (valence, conduction) for sign in (-1, 1)]
    changes += [second.cbm_ev - first.vbm_ev, second.vbm_ev - first.cbm_ev]
    within = [change for change in changes if abs(change) < uncertainty_ev]
    borders = sorted({-uncertainty_ev, uncertainty_ev, *within})
    shifts = [0.0, -uncertainty_ev, uncertainty_ev, *((left + right) / 2 for left, right in pairwise(borders))]
    types = {alignment_type(_shifted(first, shift), second, tolerance_ev) for shift in shifts}
    return types.pop() if len(types) == 1 else "not resolved"


def _shifted(edges: AbsoluteEdges, shift_ev: float) -> AbsoluteEdges:
    return replace(edges, vbm_ev=edges.vbm_ev + shift_ev, cbm_ev=edges.cbm_ev + shift_ev)


# --- where the edges come from ----------------------------------------------------------------------------------


def edges_from_work_function(material: str, surface: str, work_function_ev: float, band_gap_ev: float) -> AbsoluteEdges:
    """Edges from the work function of a slab, as papers do it: VBM = -W, CBM = -W + gap.

    This takes the Fermi level for the VBM, which it is in a CASTEP run with fixed occupations. In general it lies
    anywhere in the gap, so the uncertainty is half of the gap, and the VBM can only be lower.

    Parameters
    ----------
    material, surface
        Names.
    work_function_ev
        E_vac - E_F of the slab.
    band_gap_ev
        Of the bulk.

    Raises
    ------
    AnalysisError
        When the gap is not positive.
    """
    if not band_gap_ev > 0:
        raise AnalysisError(f"{material} has no gap ({band_gap_ev} eV), so its work function gives no band edges")
    return AbsoluteEdges(
        material=material,
        surface=surface,
        vbm_ev=-work_function_ev,
        cbm_ev=-work_function_ev + band_gap_ev,
        uncertainty_ev=band_gap_ev / 2,
    )


def edges_from_levels(material: str, surface: str, levels: SurfaceLevels) -> AbsoluteEdges:
    """Edges from the bulk lined up through the middle of a slab: VBM = -IP, CBM = -EA."""
    return AbsoluteEdges(
        material=material,
        surface=surface,
        vbm_ev=-levels.ionisation_potential_ev,
        cbm_ev=-levels.electron_affinity_ev,
        uncertainty_ev=levels.lineup_uncertainty_ev,
    )


# --- what others found ------------------------------------------------------------------------------------------


def published_alignment(
    *,
    method: str,
    first_name: str,
    second_name: str,
    valence_band_offset_ev: float,
    conduction_band_offset_ev: float | None = None,
    type: AlignmentType,
    tolerance_ev: float,
    source: str,
) -> Alignment:
    """A row quoted from a publication: the type is the one claimed there, whatever the tolerance.

    Parameters
    ----------
    first_name, second_name
        In the order of the quoted offset, first minus second; see `in_order`.
    source
        DOI.
    """
    return Alignment(
        method=method,
        first=None,
        second=None,
        first_name=first_name,
        second_name=second_name,
        valence_band_offset_ev=valence_band_offset_ev,
        conduction_band_offset_ev=conduction_band_offset_ev,
        uncertainty_ev=None,
        type=type,
        tolerance_ev=tolerance_ev,
        source=source,
    )


def in_order(alignment: Alignment, first_name: str, second_name: str) -> Alignment:
    """The same alignment with the materials in the order asked for; exchanging them turns the sign of the offsets.

    Raises
    ------
    AnalysisError
        When it is about other materials.
    """
    names = (alignment.first_name, alignment.second_name)
    if names == (first_name, second_name):
        return alignment
    if names != (second_name, first_name):
        raise AnalysisError(
            f"the offset by {alignment.method!r} is between {' and '.join(names)}",
            reason=f"asked for: {first_name} and {second_name}",
        )
    conduction = alignment.conduction_band_offset_ev
    return replace(
        alignment,
        first=alignment.second,
        second=alignment.first,
        first_name=first_name,
        second_name=second_name,
        valence_band_offset_ev=-alignment.valence_band_offset_ev,
        conduction_band_offset_ev=None if conduction is None else -conduction,
    )
