"""Valence-band maximum and conduction-band minimum of a crystal, found by counting electrons."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dftflow.errors import BandEdgeError, MetallicError
from dftflow.model.energy import Energy
from dftflow.model.kpoint_grid import same_kpoint
from dftflow.model.levels import BandEdges
from dftflow.model.results import Bands, FloatArray
from dftflow.model.spec import KPoint

__all__ = ["edges_or_reason", "find_band_edges", "grid_band_gap_ev", "missing_points", "why_no_clear_gap"]

K_TOLERANCE = 1e-4
DEGENERACY_EV = 1e-3
ELECTRON_TOLERANCE = 1e-3
LEAST_GAP_EV = 0.05
"""Twice k_B T at 300 K: across less the bands exchange electrons, and denser k-points often close it."""


def find_band_edges(bands: Bands, *, required: Sequence[KPoint] = ()) -> BandEdges:
    """Band edges: the highest of the bands that the electrons fill, and the lowest of the rest, over all k-points.

    With one spin channel N electrons fill N/2 bands at every k-point (N when the bands are spinors), with two each
    channel fills as many as it has electrons. The Fermi level is reported but never used: it may lie anywhere in the
    gap, and on a path even in a band. The gap is direct when the edges, or states within 1 meV of them, share a
    k-point. Two k-points are the same up to a reciprocal lattice vector and, by time reversal, up to the sign, within
    1e-4.

    Parameters
    ----------
    bands
        Eigenvalues on any set of k-points.
    required
        Points that must be in the set, such as the known place of the gap.

    Raises
    ------
    BandEdgeError
        When a required point is missing, a channel does not hold a whole number of electrons, or there is no empty
        band.
    MetallicError
        When filled and empty bands overlap, or a band is half filled.
    """
    for point in required:
        _require(bands, point)
    highest, lowest = _frontier(bands)
    valence, conduction = highest.max(axis=0), lowest.min(axis=0)
    vbm_ev, cbm_ev = float(valence.max()), float(conduction.min())
    if cbm_ev <= vbm_ev:
        raise _overlap(bands, int(valence.argmax()), int(conduction.argmin()), vbm_ev - cbm_ev)
    vbm_at, cbm_at, direct = _edge_points(bands.kpoints_frac, valence, conduction)
    return BandEdges(
        vbm=Energy(vbm_ev, bands.zero),
        cbm=Energy(cbm_ev, bands.zero),
        vbm_k=_coordinates(bands, vbm_at),
        cbm_k=_coordinates(bands, cbm_at),
        vbm_label=_label(bands, vbm_at),
        cbm_label=_label(bands, cbm_at),
        direct=direct,
        fermi_ev=bands.fermi_ev,
        fermi_in_gap=vbm_ev - DEGENERACY_EV <= bands.fermi_ev <= cbm_ev + DEGENERACY_EV,
    )


def grid_band_gap_ev(bands: Bands) -> float | None:
    """Gap on the points of the regular grid alone, None without a grid; what it exceeds the gap by, the grid misses.

    Points of a grid are those on no path and without a name.

    Raises
    ------
    BandEdgeError
        As `find_band_edges`, save for the overlap: a negative value is returned.
    """
    on_grid = [segment == -1 and not label for segment, label in zip(bands.on_path, bands.labels, strict=True)]
    if not any(on_grid):
        return None
    highest, lowest = _frontier(bands)
    return float(lowest[:, on_grid].min() - highest[:, on_grid].max())


def missing_points(bands: Bands, points: Sequence[KPoint]) -> tuple[KPoint, ...]:
    """Those of `points` that are not among the k-points, up to reciprocal lattice vectors and the sign."""
    return tuple(
        point for point in points if not same_kpoint(bands.kpoints_frac, np.array(point.frac), K_TOLERANCE).any()
    )


def edges_or_reason(bands: Bands | None, *, required: Sequence[KPoint] = ()) -> tuple[BandEdges | None, str]:
    """What `find_band_edges` finds, or why there are no band edges, in one line."""
    if bands is None:
        return None, "there are no eigenvalues"
    try:
        return find_band_edges(bands, required=required), ""
    except BandEdgeError as error:
        return None, error.sentence


def why_no_clear_gap(edges: BandEdges, smearing_ev: float | None = None) -> str:
    """Why edges that do not overlap are still no sign of a gap, in one line; ``""`` when they are.

    A gap is clear above 0.05 eV and above the width of the smearing. Across less than that width both edges are partly
    filled (by a Gaussian 24 % and more, erfc(1/2)/2), so that the density is not that of an insulator.

    Parameters
    ----------
    smearing_ev
        Width of the smearing that the density was made with; None without one.
    """
    gap_ev, width_ev = edges.band_gap_ev, smearing_ev or 0.0
    where = (
        f"VBM at {f'{edges.vbm_label} {_triple(edges.vbm_k)}'.strip()}, "
        f"CBM at {f'{edges.cbm_label} {_triple(edges.cbm_k)}'.strip()}"
    )
    if gap_ev <= LEAST_GAP_EV:
        return (
            f"filled and empty bands touch to within {gap_ev:.5f} eV, {where}; below {LEAST_GAP_EV:g} eV (2 k_B T at "
            "300 K) that is no clear gap: a metal, or k-points that miss where the bands cross"
        )
    if gap_ev <= width_ev:
        return (
            f"the gap of {gap_ev:.5f} eV, {where}, is narrower than the smearing of {width_ev:g} eV, which fills "
            "states on both sides: that is no clear gap before it stands with less smearing"
        )
    return ""


# --- filling the bands ------------------------------------------------------------------------------------------


def _frontier(bands: Bands) -> tuple[FloatArray, FloatArray]:
    """Highest filled and lowest empty eigenvalue, each of shape (n_spins, n_kpoints); -inf where none is filled."""
    values = bands.eigenvalues_ev
    n_spins, n_kpoints, n_bands = values.shape
    filled = [_filled_bands(count, n_spins, spinor=bands.spinor) for count in bands.n_electrons]
    if n_kpoints == 0 or max(filled, default=0) == 0:
        raise BandEdgeError(
            "there are no filled bands", reason=f"{n_kpoints} k-points, {sum(bands.n_electrons):g} electrons"
        )
    if not all(_reaches_past(channel, n) for channel, n in zip(values, filled, strict=True)):
        raise BandEdgeError(
            "there is no empty band, so the conduction-band minimum is unknown",
            reason=f"{max(filled)} bands are filled, {n_bands} were calculated",
            fix="calculate more empty bands",
        )
    highest = np.array(
        [channel[:, n - 1] if n else np.full(n_kpoints, -np.inf) for channel, n in zip(values, filled, strict=True)]
    )
    lowest = np.array([channel[:, n] for channel, n in zip(values, filled, strict=True)])
    return highest, lowest


def _reaches_past(channel: FloatArray, n_filled: int) -> bool:
    """Whether a channel, shape (n_kpoints, n_bands), holds the filled bands and one more at every k-point."""
    return channel.shape[1] > n_filled and bool(np.isfinite(channel[:, : n_filled + 1]).all())


def _filled_bands(n_electrons: float, n_spins: int, *, spinor: bool) -> int:
    per_band = 1 if spinor or n_spins == 2 else 2
    whole = round(n_electrons)
    if abs(n_electrons - whole) > ELECTRON_TOLERANCE:
        raise BandEdgeError(
            "the number of electrons is not whole, so no number of bands is filled",
            reason=f"{n_electrons:g} electrons in a spin channel" if n_spins == 2 else f"{n_electrons:g} electrons",
            fix="fix the charge of the cell, and in a spin-polarised run its spin, to whole numbers",
        )
    if whole % per_band:
        raise MetallicError(
            "the number of electrons is odd, so one band is half filled",
            reason=f"{whole} electrons without spin polarisation fill {whole / 2} bands",
            fix="a metal has no band edges; calculate anything else spin-polarised, or look for a missing or surplus "
            "atom or charge",
        )
    return whole // per_band


def _overlap(bands: Bands, vbm_at: int, cbm_at: int, overlap_ev: float) -> MetallicError:
    return MetallicError(
        "filled and empty bands overlap: there is no gap",
        reason=f"the highest filled state, at {_name(bands, vbm_at)}, lies {overlap_ev:.3f} eV above the lowest empty "
        f"one, at {_name(bands, cbm_at)}",
        fix="check the charge and the spin of the cell and the termination of a slab; a metal has no band edges",
    )


# --- k-points ---------------------------------------------------------------------------------------------------


def _require(bands: Bands, point: KPoint) -> None:
    if missing_points(bands, [point]):
        raise BandEdgeError(
            f"the band edge is expected at {point.label} {_triple(point.frac)}, which was not calculated",
            reason=f"it is not among the {len(bands.kpoints_frac)} k-points; an even Monkhorst-Pack grid holds neither "
            "Γ nor the corners of the zone",
            fix=f"add {point.label} to the k-points of the band calculation",
        )


def _edge_points(kpoints: FloatArray, valence: FloatArray, conduction: FloatArray) -> tuple[int, int, bool]:
    """Indices of the points of both edges, and whether they are the same point.

    Of the points within `DEGENERACY_EV` of an edge, the pair that coincides and has the smallest gap is taken.
    """
    tops = np.flatnonzero(valence >= valence.max() - DEGENERACY_EV)
    bottoms = np.flatnonzero(conduction <= conduction.min() + DEGENERACY_EV)
    pairs = [
        (top, bottom) for top in tops for bottom in bottoms[same_kpoint(kpoints[bottoms], kpoints[top], K_TOLERANCE)]
    ]
    if not pairs:
        return int(valence.argmax()), int(conduction.argmin()), False
    top, bottom = min(pairs, key=lambda pair: conduction[pair[1]] - valence[pair[0]])
    return int(top), int(bottom), True


def _label(bands: Bands, index: int) -> str:
    same = same_kpoint(bands.kpoints_frac, bands.kpoints_frac[index], K_TOLERANCE)
    names = [bands.labels[index], *(label for label, is_same in zip(bands.labels, same, strict=True) if is_same)]
    return next(filter(None, names), "")


def _coordinates(bands: Bands, index: int) -> tuple[float, float, float]:
    a, b, c = (float(value) for value in bands.kpoints_frac[index])
    return (a, b, c)


def _name(bands: Bands, index: int) -> str:
    return f"{_label(bands, index)} {_triple(_coordinates(bands, index))}".strip()


def _triple(k: tuple[float, float, float]) -> str:
    return f"({', '.join(f'{value:g}' for value in k)})"
