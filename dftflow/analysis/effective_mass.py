"""Effective masses from states around a band edge: the tensor of a single band, directions of degenerate ones.

1/m = (1/ħ²) d²E/dk². Near an extremum E = E0 + g·q + ħ²/2 q·M⁻¹·q, fitted by least squares to the states at one
distance from the edge, and once more to those at twice the distance. Terms of the fourth order change the curvature by
a part that grows as the square of the distance: what the two differ by is three times what they add at the first.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from dftflow.analysis.mass_stencil import NAMED, is_its_own_opposite
from dftflow.errors import AnalysisError
from dftflow.model.effective_mass import Carrier, DirectionalMass, EdgePoints, MassTensor
from dftflow.model.results import Bands, FloatArray
from dftflow.units import HBAR2_2M_EV_ANG2

__all__ = [
    "DEGENERATE_EV",
    "MOST_DIFFERENCE",
    "Shells",
    "degenerate_bands",
    "directional_masses",
    "mass_tensor",
    "shells",
]

DEGENERATE_EV = 0.005
"""Bands this near to each other at the edge have no tensor of their own."""
MOST_DIFFERENCE = 0.2
"""Part of a mass by which that from twice the distance may differ, before the band counts as not parabolic."""
ON_SHELL = 0.02
MOST_OFFSET = 1.0
"""Distances from the edge's k-point, in steps, at which the extremum may lie."""
FLAT_PER_MASS = 1e-3
"""Inverse masses below it (in 1/m_e) are no curvature that these differences tell."""


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class Shells:
    """The states at an edge and around it, of one carrier: energies counted into the gap's far side as positive.

    Attributes
    ----------
    edge_ev
        shape (n_bands,): of the bands from the edge outwards, how far each lies from the edge at its own k-point.
    displacements
        Two arrays of shape (n, 3), at one and at two steps from the edge's k-point, in 1/Å.
    energies_ev
        The same points, shape (n, n_bands), from the edge; positive where a band rises from an electron's edge, or
        falls from that of a hole.
    step_per_ang
        The smaller of the two distances.
    """

    edge_ev: FloatArray
    displacements: tuple[FloatArray, FloatArray]
    energies_ev: tuple[FloatArray, FloatArray]
    step_per_ang: float


def shells(bands: Bands, points: EdgePoints, carrier: Carrier) -> Shells:
    """The states around an edge in the spin channel that has it.

    Raises
    ------
    AnalysisError
        When the k-point itself, or the points around it, are not among those that were calculated.
    """
    k = np.array(points.vbm if carrier == "hole" else points.cbm)
    apart = bands.kpoints_frac - k
    moved = (apart - np.round(apart)) @ bands.reciprocal_per_ang
    lengths = np.linalg.norm(moved, axis=1) / points.step_per_ang
    here = np.flatnonzero(lengths < ON_SHELL)
    rings = [np.flatnonzero(np.abs(lengths - times) < ON_SHELL) for times in (1, 2)]
    if not here.size or min(ring.size for ring in rings) < 9:
        raise AnalysisError(
            "the states around the band edge were not calculated",
            reason=f"{here.size} k-points are that of the edge; {rings[0].size} and {rings[1].size} lie one and two "
            f"steps of {points.step_per_ang:g} 1/Å from it",
        )
    ordered = _outwards(bands, carrier, int(here[0]))
    zero_ev = ordered[here[0], 0]
    mirrored = (1, -1) if is_its_own_opposite(k) else (1,)
    displacements = [np.concatenate([sign * moved[ring] for sign in mirrored]) for ring in rings]
    energies = [np.concatenate([ordered[ring] - zero_ev] * len(mirrored)) for ring in rings]
    return Shells(
        edge_ev=ordered[here[0]] - zero_ev,
        displacements=(displacements[0], displacements[1]),
        energies_ev=(energies[0], energies[1]),
        step_per_ang=points.step_per_ang,
    )


def _outwards(bands: Bands, carrier: Carrier, here: int) -> FloatArray:
    """Energies (n_kpoints, n_bands) from the gap outwards, upside down for holes, of the channel with the edge."""
    counts = [round(electrons / bands.electrons_per_band) for electrons in bands.n_electrons]
    if carrier == "hole":
        found = [-channel[:, :count][:, ::-1] for channel, count in zip(bands.eigenvalues_ev, counts, strict=True)]
    else:
        found = [channel[:, count:] for channel, count in zip(bands.eigenvalues_ev, counts, strict=True)]
    found = [channel for channel in found if channel.shape[1]]
    if not found:
        raise AnalysisError("there is no band on that side of the gap", fix="calculate more empty bands")
    return min(found, key=lambda channel: float(channel[here, 0]))


def degenerate_bands(found: Shells) -> int:
    """How many bands lie within `DEGENERATE_EV` of the edge at its k-point; two spinors of one pair count as one.

    Bands that stay together at every point, as a pair of spinors does, are one.
    """
    near = int((found.edge_ev <= DEGENERATE_EV).sum())
    pairs = [found.energies_ev[0][:, band + 1] - found.energies_ev[0][:, band] for band in range(0, near - 1, 2)]
    if near % 2 == 0 and pairs and all(np.abs(pair).max() < DEGENERATE_EV / 10 for pair in pairs):
        return near // 2
    return near


# --- a single band ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class _Form:
    """E = g·q + q·C·q of one shell."""

    gradient: FloatArray
    curvature: FloatArray
    residual_ev: float

    def inverse_mass(self, axis: FloatArray) -> float:
        """Along a unit vector, in 1/m_e."""
        return float(axis @ self.curvature @ axis) / HBAR2_2M_EV_ANG2


def _fitted(displacements: FloatArray, energies: FloatArray) -> _Form:
    x, y, z = displacements.T
    terms = np.column_stack([x, y, z, x * x, y * y, z * z, 2 * y * z, 2 * x * z, 2 * x * y])
    solved, *_ = np.linalg.lstsq(terms, energies, rcond=None)
    g, (xx, yy, zz, yz, xz, xy) = solved[:3], solved[3:]
    residual = float(np.sqrt(np.mean((terms @ solved - energies) ** 2)))
    curvature = np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])
    return _Form(gradient=np.asarray(g), curvature=curvature, residual_ev=residual)


def mass_tensor(found: Shells) -> MassTensor:
    """Principal masses of the band at the edge.

    Raises
    ------
    AnalysisError
        When the edge is no extremum there: a direction in which the band goes on beyond it, or none in which it turns
        within a step; or when the band is not parabolic, so that masses from one and two steps differ by more than
        `MOST_DIFFERENCE`.
    """
    near, far = (
        _fitted(moved, energies[:, 0]) for moved, energies in zip(found.displacements, found.energies_ev, strict=True)
    )
    values, vectors = np.linalg.eigh(near.curvature)
    inverse = values / HBAR2_2M_EV_ANG2
    if (inverse <= FLAT_PER_MASS).any():
        raise AnalysisError(
            "the edge is not an extremum at its k-point",
            reason=f"the inverse masses there are {', '.join(f'{one:.3f}' for one in inverse)} in 1/m_e: the band is "
            "flat in a direction, or goes on beyond the edge",
            fix="calculate the band edge on a denser path, or name it (band_edge)",
        )
    offset = float(np.linalg.norm(np.linalg.solve(near.curvature, near.gradient) / 2))
    if offset > MOST_OFFSET * found.step_per_ang:
        raise AnalysisError(
            f"the extremum lies {offset:.4f} 1/Å from the k-point of the edge",
            reason=f"that is more than the step of {found.step_per_ang:g} 1/Å that it is fitted with",
            fix="calculate the band edge on a denser path",
        )
    order = np.argsort(-inverse)
    axes = [vectors[:, i] for i in order]
    masses = [1 / inverse[i] for i in order]
    others = [far.inverse_mass(axis) for axis in axes]
    apart = [abs(one * mass - 1) for one, mass in zip(others, masses, strict=True)]
    _refuse_not_parabolic(max(apart), found.step_per_ang)
    ranges = [tuple(sorted((0.0, 1 / one - mass))) for one, mass in zip(others, masses, strict=True)]
    return MassTensor(
        masses=_triple(masses),
        ranges=tuple((-max(-low, high), max(-low, high)) for low, high in ranges),  # type: ignore[arg-type]
        axes=tuple(_triple(_upward(axis)) for axis in axes),  # type: ignore[arg-type]
        offset_per_ang=offset,
        residual_ev=near.residual_ev,
        window_ev=float(np.abs(found.energies_ev[0][:, 0]).max()),
        parabolic=max(apart),
    )


def _refuse_not_parabolic(apart: float, step_per_ang: float) -> None:
    if apart > MOST_DIFFERENCE:
        raise AnalysisError(
            f"the band is not parabolic: masses from {step_per_ang:g} and {2 * step_per_ang:g} 1/Å differ by "
            f"{100 * apart:.0f} %",
            reason="it bends, or the cutoff is not converged: levels jump where plane waves come and go",
            fix="ask for a smaller step_per_ang, or a higher cutoff",
        )


def _upward(axis: FloatArray) -> FloatArray:
    """The axis or its opposite: of two signs the one whose largest component is positive."""
    return np.asarray(axis * np.sign(axis[np.abs(axis).argmax()]) + 0.0, dtype=np.float64)


def _triple(values: object) -> tuple[float, float, float]:
    a, b, c = (float(value) for value in values)  # type: ignore[attr-defined]
    return (a, b, c)


# --- degenerate bands -------------------------------------------------------------------------------------------


def directional_masses(found: Shells, count: int) -> Iterator[DirectionalMass]:
    """Of each of `count` bands along each of the directions in `NAMED`, where it turns at the edge and is parabolic.

    The mean over q and -q, in which linear terms cancel. Bands are told apart by their order at each point.
    """
    for name, direction in NAMED.items():
        near, far = (_curvatures(found, shell, direction, count) for shell in (0, 1))
        for band, (one, other) in enumerate(zip(near, far, strict=True), start=1):
            apart = abs(other / one - 1) if one > FLAT_PER_MASS else np.inf
            if apart > MOST_DIFFERENCE:
                continue
            mass, spread = 1 / one, abs(1 / other - 1 / one)
            yield DirectionalMass(
                direction=name, band=band, bands=count, mass=mass, range=(-spread, spread), parabolic=float(apart)
            )


def _curvatures(found: Shells, shell: int, direction: FloatArray, count: int) -> list[float]:
    """Inverse masses along a direction, in 1/m_e, from the edge outwards."""
    moved, energies = found.displacements[shell], found.energies_ev[shell]
    along = moved @ direction
    on_line = np.linalg.norm(moved - along[:, None] * direction, axis=1) < ON_SHELL * found.step_per_ang
    if not (on_line & (along > 0)).any() or not (on_line & (along < 0)).any():
        raise AnalysisError("the states along the directions of degenerate bands were not calculated")
    per_band = _one_of_each_pair(found, energies)
    rows = np.stack([per_band[on_line & (along > 0)].mean(axis=0), per_band[on_line & (along < 0)].mean(axis=0)])
    zero = float(np.mean(_one_of_each_pair(found, found.edge_ev[None])[0, :count]))
    length = (shell + 1) * found.step_per_ang
    return [float((row - zero) / length**2 / HBAR2_2M_EV_ANG2) for row in rows.mean(axis=0)[:count]]


def _one_of_each_pair(found: Shells, energies: FloatArray) -> FloatArray:
    near = int((found.edge_ev <= DEGENERATE_EV).sum())
    return energies if degenerate_bands(found) == near else energies[:, ::2]
