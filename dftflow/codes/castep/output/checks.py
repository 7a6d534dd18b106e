"""Questions whose answers make a wrong or mismatched CASTEP file speak.

Each compares a number that a file holds with one that follows from elsewhere: from another file of the run, from the
deck, or from arithmetic. Nothing is read here. Tolerances are those of the printed decimals, of which each says how
many there are; a check that these cannot decide has ``passed=None``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from dftflow.analysis.band_edges import find_band_edges
from dftflow.crystals.kpaths import sample_path
from dftflow.errors import BandEdgeError, SpecError
from dftflow.model.check import Check
from dftflow.model.kpoint_grid import is_lattice_vector
from dftflow.model.levels import VacuumLevel
from dftflow.model.results import Bands, FloatArray, readonly
from dftflow.model.spec import KPath, KPoint
from dftflow.units import HARTREE_EV

__all__ = [
    "ExpectedPath",
    "expected_path",
    "fermi_check",
    "list_check",
    "path_check",
    "vacuum_check",
    "weights_check",
]

KPOINT_TOLERANCE = 2e-8  # .bands has 8 decimals
WEIGHT_HALF_UNIT = 5e-9
FERMI_TOLERANCE_EV = 0.5e-6 * HARTREE_EV + 1e-6  # .bands has 6 decimals of a Hartree
MOST_POINTS = 100_000
MOST_SPREAD_EV = 0.05
MOST_SLOPE_EV_PER_ANG = 0.01
MOST_IN_PLANE_EV = 0.5
XC_INSIDE = (
    "CASTEP's potential includes exchange and correlation, which is noise of 0.1 to 0.2 eV from point to point where "
    "the density vanishes and leaves a residue in the plane average"
)


# --- weights ----------------------------------------------------------------------------------------------------


def weights_check(weights: FloatArray | None) -> Check:
    """Whether the weights of the k-points, shape (n_kpoints,), sum to 1 within the rounding of their 8 decimals."""
    name = "weights of the k-points sum to 1"
    if weights is None or len(weights) == 0:
        return Check(name=name, passed=None, detail="there are no weights", concerns=("bands",))
    total, allowed = float(np.sum(weights)), WEIGHT_HALF_UNIT * len(weights) + 1e-12
    detail = f"{len(weights)} weights sum to {total:.8f}; rounding allows {allowed:.1e}"
    if not np.min(weights) >= 0:
        return Check(
            name=name, passed=False, detail=f"{detail}; the smallest is {np.min(weights):.8f}", concerns=("bands",)
        )
    return Check(name=name, passed=abs(total - 1) <= allowed, detail=detail, concerns=("bands",))


# --- the path ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class ExpectedPath:
    """The k-points that CASTEP makes of a path.

    Attributes
    ----------
    kpoints_frac
        shape (n_kpoints, 3).
    labels
        length n_kpoints; ``""`` between corners.
    segments
        length n_kpoints; which unbroken segment each point belongs to.
    """

    kpoints_frac: FloatArray
    labels: tuple[str, ...]
    segments: tuple[int, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "kpoints_frac", readonly(self.kpoints_frac, (len(self.labels), 3), "kpoints_frac"))


def expected_path(path: KPath, reciprocal_per_ang: FloatArray) -> ExpectedPath:
    """The k-list of a deck's path: ceil(length/spacing) equal steps between corners, corners once.

    The rule reproduces published runs of CASTEP 16 to 25; none of them has a ``BREAK``, at which, as in its
    documentation, the path stops and starts anew.

    Parameters
    ----------
    path
        As the deck gives it, with the spacing in 1/Å, 2π included.
    reciprocal_per_ang
        shape (3, 3); rows are the reciprocal lattice vectors, 2π included.

    Raises
    ------
    SpecError
        A segment is empty, or the spacing is no length or asks for more than 100,000 k-points.
    """
    if not all(path.segments):
        raise SpecError("the path has a segment without points")
    legs = [np.subtract(b.frac, a.frac) for segment in path.segments for a, b in pairwise(segment)]
    lengths = np.linalg.norm(np.reshape(legs, (-1, 3)) @ reciprocal_per_ang, axis=1)
    spacing = path.spacing_per_ang
    if not (np.isfinite(spacing) and spacing > 0 and np.isfinite(lengths).all()):
        raise SpecError(f"a path cannot be sampled every {spacing} 1/Å", fix="give a spacing above zero, e.g. 0.025")
    if lengths.sum() > MOST_POINTS * spacing:
        raise SpecError(
            f"the path is {lengths.sum():.3g} 1/Å long, and a spacing of {spacing:g} 1/Å makes more than "
            f"{MOST_POINTS} k-points of it",
            fix="give a larger spacing",
        )
    kpoints, labels, segments = sample_path(path, reciprocal_per_ang)
    return ExpectedPath(kpoints_frac=np.reshape(kpoints, (-1, 3)), labels=tuple(labels), segments=tuple(segments))


def path_check(expected: ExpectedPath, kpoints_frac: FloatArray) -> Check:
    """Whether the k-points of a run, shape (n_kpoints, 3), are those of the deck's path, to 2e-8."""
    name = "k-points follow from the path in the deck"
    wanted = expected.kpoints_frac
    common = min(len(wanted), len(kpoints_frac))
    deviation = np.abs(wanted[:common] - kpoints_frac[:common]).max(axis=1, initial=0.0)
    counts = f"the deck's path has {len(wanted)} k-points, the file {len(kpoints_frac)}"
    wrong = np.flatnonzero(~(deviation <= KPOINT_TOLERANCE))
    if len(wrong):
        first = int(wrong[0])
        detail = f"{counts}; k-point {first + 1} is {_triple(kpoints_frac[first])}, expected {_triple(wanted[first])}"
        return Check(name=name, passed=False, detail=detail, concerns=("bands",))
    if common < max(len(wanted), len(kpoints_frac)):
        return Check(name=name, passed=False, detail=f"{counts}; the first {common} agree", concerns=("bands",))
    if common == 0:
        return Check(name=name, passed=None, detail=counts, concerns=("bands",))
    return Check(
        name=name, passed=True, detail=f"{counts}; largest difference {deviation.max():.1e}", concerns=("bands",)
    )


def list_check(points: Sequence[KPoint], kpoints_frac: FloatArray) -> Check:
    """Whether every point of the deck's list is among the k-points of a run, shape (n_kpoints, 3), to 2e-8.

    Up to reciprocal lattice vectors.
    """
    name = "k-points are those of the list in the deck"
    counts = f"the deck lists {len(points)} k-points, the file has {len(kpoints_frac)}"
    wanted = np.array([point.frac for point in points]).reshape(-1, 3)
    as_many = len(wanted) == len(kpoints_frac)
    in_order = as_many and bool(is_lattice_vector(wanted - kpoints_frac, KPOINT_TOLERANCE).all())
    for point in () if in_order else points:
        if not is_lattice_vector(kpoints_frac - np.array(point.frac), KPOINT_TOLERANCE).any():
            missing = " ".join(part for part in (point.label, _triple(np.array(point.frac))) if part)
            return Check(name=name, passed=False, detail=f"{counts}; {missing} is not there", concerns=("bands",))
    return Check(name=name, passed=as_many, detail=counts, concerns=("bands",))


def _triple(point: FloatArray) -> str:
    return f"({', '.join(f'{value:.8f}' for value in point)})"


# --- the Fermi level --------------------------------------------------------------------------------------------


def fermi_check(bands: Bands, *, fixed_occupancy: bool | None = None, of_scf: bool | None = None) -> Check:
    """Whether the Fermi level fits the band edges that follow from counting electrons.

    With fixed occupancy CASTEP's Fermi level is the highest filled state on the k-points of the SCF, with smearing it
    lies in the gap of these. Other k-points, such as those of a path, may hold higher filled and lower empty states
    than the SCF's: against their edges a level with smearing contradicts nothing, and a filled state contradicts a gap
    below it. Where nothing tells the occupation and the k-points, a level above the CBM may as well come from bands
    that hold one electron and were counted with two: it fails.

    Parameters
    ----------
    fixed_occupancy
        As the run was told; None when unknown.
    of_scf
        Whether the k-points are those of the SCF, whose Fermi level this is; None when unknown.
    """
    name = "Fermi level fits the counted band edges"
    levels = bands.fermi_by_spin_ev or (bands.fermi_ev,)
    low, high = min(levels), max(levels)
    said = f"E_F = {high:.5f} eV" if high - low <= FERMI_TOLERANCE_EV else f"E_F = {low:.5f} and {high:.5f} eV"
    try:
        edges = find_band_edges(bands)
        vbm, cbm = edges.vbm.value_ev, edges.cbm.value_ev
        said += f", counted VBM {vbm:.5f} eV, CBM {cbm:.5f} eV"
    except BandEdgeError as error:
        found = _highest_filled_ev(bands)
        if fixed_occupancy is not True or found is None:
            return Check(name=name, passed=None, detail=f"{said}; {error.summary}", concerns=("bands",))
        vbm, cbm = found, np.inf
        said += f", highest filled state {vbm:.5f} eV; {error.summary}"
    if not np.isfinite([low, high, vbm]).all():
        return Check(name=name, passed=None, detail=said, concerns=("bands",))
    judge = {True: _judge_filled_state, False: _judge_smeared, None: _judge_unknown}[fixed_occupancy]
    passed, remark = judge(low - vbm, high - cbm, of_scf)
    return Check(name=name, passed=passed, detail=f"{said}; {remark}", concerns=("bands",))


def _judge_filled_state(above_vbm: float, above_cbm: float, of_scf: bool | None) -> tuple[bool | None, str]:
    """Verdict and its reason where E_F is a filled state of the SCF, from its height above the edges in eV."""
    if above_cbm > FERMI_TOLERANCE_EV:
        return False, f"E_F, a filled state of the SCF, lies {above_cbm:.5f} eV above the CBM: there is no such gap"
    if above_vbm < -FERMI_TOLERANCE_EV:
        return _unless_of_scf(f"E_F lies {-above_vbm:.5f} eV inside the valence bands", "VBM", of_scf)
    if above_vbm <= FERMI_TOLERANCE_EV:
        return True, "E_F is the VBM, as with fixed occupancy"
    if np.isinf(above_cbm):
        return None, f"the SCF has a filled state {above_vbm:.5f} eV higher than these k-points"
    return True, f"E_F lies in the gap: the SCF has a filled state {above_vbm:.5f} eV higher than these k-points"


def _judge_smeared(above_vbm: float, above_cbm: float, of_scf: bool | None) -> tuple[bool | None, str]:
    """Verdict and its reason with smearing."""
    if above_cbm > FERMI_TOLERANCE_EV:
        return _unless_of_scf(f"E_F lies {above_cbm:.5f} eV above the CBM", "CBM", of_scf)
    if above_vbm < -FERMI_TOLERANCE_EV:
        return _unless_of_scf(f"E_F lies {-above_vbm:.5f} eV inside the valence bands", "VBM", of_scf)
    return True, "E_F lies in the gap"


def _judge_unknown(above_vbm: float, above_cbm: float, of_scf: bool | None) -> tuple[bool | None, str]:
    """Verdict and its reason where no log tells the occupation, nor how many electrons a band holds."""
    if above_cbm > FERMI_TOLERANCE_EV and of_scf is None:
        return False, (
            f"E_F lies {above_cbm:.5f} eV above the CBM: the electrons were counted differently, or these are other "
            "k-points than the SCF's, and no log tells"
        )
    return _judge_smeared(above_vbm, above_cbm, of_scf)


def _unless_of_scf(where: str, edge: str, of_scf: bool | None) -> tuple[bool | None, str]:
    if of_scf:
        return False, f"{where} of the SCF's own k-points: the electrons were counted differently"
    whose = "it is that of the SCF" if of_scf is False else "these may be other k-points than the SCF's"
    return None, f"{where}: {whose}, whose k-points need not hold this {edge}"


def _highest_filled_ev(bands: Bands) -> float | None:
    """Highest filled state by counting; None where no whole number of bands is filled, or bands are missing."""
    n_bands = bands.eigenvalues_ev.shape[2]
    per_band = bands.electrons_per_band
    tops = []
    for channel, count in zip(bands.eigenvalues_ev, bands.n_electrons, strict=True):
        filled = count / per_band
        if not 0 <= filled <= n_bands or abs(filled - round(filled)) > 1e-3 / per_band:
            return None
        if round(filled):
            tops.append(float(channel[:, round(filled) - 1].max()))
    return max(tops, default=None)


# --- the vacuum -------------------------------------------------------------------------------------------------


def vacuum_check(levels: tuple[VacuumLevel, VacuumLevel], in_plane_std_ev: float | None = None) -> Check:
    """Whether the potential of a slab has come to rest in the vacuum.

    Plane averages decide: on both sides they may vary by 0.05 eV with a slope of 0.01 eV/Å at most. Within a plane the
    potential scatters far more, by the noise of exchange and correlation; beyond 0.5 eV the plane is not in the vacuum.

    Parameters
    ----------
    levels
        Of both sides.
    in_plane_std_ev
        Standard deviation within the planes of the plateau; None when it is unknown.
    """
    name = "the potential is flat in the vacuum"
    parts = [
        f"{level.side} side: spread {level.spread_ev:.4f} eV, slope {level.slope_ev_per_ang:+.4f} eV/Å"
        for level in levels
    ]
    scatter = "not known" if in_plane_std_ev is None else f"{in_plane_std_ev:.3f} eV"
    limits = f"accepted are {MOST_SPREAD_EV} eV and {MOST_SLOPE_EV_PER_ANG} eV/Å, within planes {MOST_IN_PLANE_EV} eV"
    detail = "; ".join([*parts, f"scatter within planes {scatter}", limits, XC_INSIDE])
    numbers = [level.spread_ev for level in levels] + [level.slope_ev_per_ang for level in levels]
    if not np.isfinite([*numbers, in_plane_std_ev or 0.0]).all():
        return Check(name=name, passed=None, detail=detail, concerns=("potential",))
    flat = all(
        level.spread_ev <= MOST_SPREAD_EV and abs(level.slope_ev_per_ang) <= MOST_SLOPE_EV_PER_ANG for level in levels
    )
    return Check(
        name=name, passed=flat and (in_plane_std_ev or 0.0) <= MOST_IN_PLANE_EV, detail=detail, concerns=("potential",)
    )
