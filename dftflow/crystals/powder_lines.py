"""Lines of the powder pattern of a crystal: angles, distances of planes, intensities and the planes themselves."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import permutations, product
from typing import TYPE_CHECKING

import numpy as np

from dftflow.crystals.planes import setting_of_cell
from dftflow.crystals.vacuum import refuse_as_powder
from dftflow.errors import AnalysisError, InputError
from dftflow.model.powder import PowderLine, PowderLines

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pymatgen.core import Lattice, Structure

__all__ = ["powder_lines"]

MOST_POINTS = 100_000
"""Of the reciprocal lattice within the range; each is gone through in turn."""
ONE_LINE_DEG = 1e-3
"""Lines that lie nearer to each other are one: what symmetry makes equal, rounding does not part."""
SAME_LENGTH, SEEN = 1e-5, 1e-3
"""Of vectors of the reciprocal lattice; and of a structure factor beside the largest of its family."""
LEAST_DEG = 0.05
"""Below that there is the beam itself; no planes are so far apart."""


def powder_lines(
    structure: Structure,
    *,
    crystal: str,
    cell: str,
    wavelength_ang: float,
    needed_deg: tuple[float, float],
    range_deg: tuple[float, float],
    open_lengths_ang: tuple[float, float, float] | None = None,
) -> PowderLines:
    """Every line of a crystal with at least a thousandth of a percent of the strongest, by pymatgen's `XRDCalculator`.

    Intensities are those of a powder without texture: structure factors of neutral atoms at rest, multiplicities and
    the Lorentz and polarisation factors; no thermal motion, no anomalous scattering, no absorption (De Graef and
    McHenry, Structure of Materials, 10.1017/CBO9780511996087, chapter 12).

    Parameters
    ----------
    structure
        Any cell of the crystal; planes are named in its axes.
    crystal, cell
        Its name, and where its cell comes from.
    needed_deg
        Range of 2θ in which lines are given.
    range_deg
        Range of 2θ whose strongest line has an intensity of 100.
    open_lengths_ang
        By how much a, b and c may be off; None where that is not known.

    Raises
    ------
    AnalysisError
        No line lies in the range.
    InputError
        The cell holds vacuum, the wavelength is too short for so large a cell, or nobody tabulated how an element
        scatters.
    """
    low, high = max(needed_deg[0], LEAST_DEG), min(needed_deg[1], 179.999)
    refuse_as_powder(structure, crystal)
    _refuse_too_many(structure, wavelength_ang, high, crystal)
    found = _merged(_calculated(structure, wavelength_ang, (low, high), crystal))
    inside = [strength for angle, _, strength, _ in found if range_deg[0] <= angle <= range_deg[1]]
    if not inside:
        raise AnalysisError(
            f"{crystal} has no line from {range_deg[0]:g} to {range_deg[1]:g} degrees",
            reason=f"at a wavelength of {wavelength_ang / 10:g} nm",
            fix="choose a wider range",
        )
    scale = max(inside)
    lines = tuple(
        PowderLine(
            two_theta_deg=angle,
            d_ang=d_ang,
            intensity=100 * strength / scale,
            planes=planes,
            open_ang=None if open_lengths_ang is None else _open_ang(structure, planes, d_ang, open_lengths_ang),
        )
        for angle, d_ang, strength, planes in found
    )
    # a powder of one gram diffracts as |F|^2 / (V^2 rho), each of a cell of volume V
    per_mass = scale / (structure.volume**2 * float(structure.density))
    return PowderLines(
        crystal=crystal,
        setting=setting_of_cell(structure),
        cell=cell,
        wavelength_ang=wavelength_ang,
        lines=lines,
        per_mass=per_mass,
    )


_Found = tuple[float, float, float, tuple[tuple[int, ...], ...]]


def _refuse_too_many(structure: Structure, wavelength_ang: float, high_deg: float, crystal: str) -> None:
    radius = 2 * math.sin(math.radians(high_deg / 2)) / wavelength_ang
    points = 4 / 3 * math.pi * radius**3 * structure.volume
    if points > MOST_POINTS:
        raise InputError(
            f"{crystal} has about {points:.0e} planes that diffract in this range",
            reason=f"at most {MOST_POINTS} are calculated",
            fix="choose a longer wavelength, a narrower range or a smaller cell",
        )


def _calculated(
    structure: Structure, wavelength_ang: float, range_deg: tuple[float, float], crystal: str
) -> list[_Found]:
    from pymatgen.analysis.diffraction.xrd import XRDCalculator
    from pymatgen.core import Structure as Plain

    bare = Plain(structure.lattice, [site.specie.symbol for site in structure], structure.frac_coords)
    try:
        pattern = XRDCalculator(wavelength=wavelength_ang).get_pattern(bare, scaled=False, two_theta_range=range_deg)
    except ValueError as error:
        if "scattering" in str(error):
            raise InputError(f"no pattern of {crystal} can be calculated", reason=str(error)) from None
        return []  # pymatgen takes the highest of no lines
    rows = zip(pattern.x, pattern.d_hkls, pattern.y, pattern.hkls, strict=True)
    return [
        (float(angle), float(d_ang), float(strength), _planes(bare, [family["hkl"] for family in families]))
        for angle, d_ang, strength, families in rows
    ]


def _planes(structure: Structure, families: list[tuple[int, ...]]) -> tuple[tuple[int, ...], ...]:
    """One of each family that diffracts, with as few negative indices as there can be.

    pymatgen names any of the planes of one distance, one that is extinct too, as (102) for (012) of a rhombohedral
    lattice.
    """
    named = {_of_family(structure, np.array([plane[0], plane[1], plane[-1]])): len(plane) for plane in families}
    four = _has_four_indices(structure.lattice)
    return tuple((h, k, -h - k, m) if count == 4 and four else (h, k, m) for (h, k, m), count in named.items())


def _has_four_indices(lattice: Lattice) -> bool:
    """Whether a and b stand at 120 degrees, with c normal to both: the axes that (hkil) belongs to."""
    return bool(lattice.is_hexagonal() and lattice.gamma > 100)


def _of_family(structure: Structure, hkl: NDArray[np.int_]) -> tuple[int, int, int]:
    reciprocal = structure.lattice.reciprocal_lattice_crystallographic.matrix
    kinds = [*permutations(hkl.tolist())]
    if structure.lattice.is_hexagonal() and abs(structure.lattice.gamma - 90) > 1:
        h, k, m = hkl.tolist()
        kinds = [(*pair, m) for pair in permutations((h, k, -h - k), 2)]
    alike = np.array([np.multiply(kind, signs) for kind in kinds for signs in product((1, -1), repeat=3)])
    lengths = np.linalg.norm(alike @ reciprocal, axis=1)
    alike = alike[np.isclose(lengths, np.linalg.norm(hkl @ reciprocal), rtol=SAME_LENGTH)]
    charges = np.array([site.specie.Z for site in structure])
    strengths = np.abs(np.exp(2j * np.pi * alike @ structure.frac_coords.T) @ charges)
    seen = alike[strengths > SEEN * strengths.max()]
    h, k, m = min(seen.tolist(), key=_plainest)
    return h, k, m


def _plainest(plane: Sequence[int]) -> tuple[int, list[int]]:
    """By the number of negative indices, then the largest first index."""
    return sum(index < 0 for index in plane), [-index for index in plane]


def _merged(found: list[_Found]) -> list[_Found]:
    lines: list[_Found] = []
    for angle, d_ang, strength, planes in found:
        if lines and angle - lines[-1][0] < ONE_LINE_DEG:
            before = lines.pop()
            planes = tuple(sorted({*before[3], *planes}, key=_plainest))
            angle, d_ang, strength = before[0], before[1], before[2] + strength
        lines.append((angle, d_ang, strength, planes))
    return lines


def _open_ang(
    structure: Structure,
    planes: tuple[tuple[int, ...], ...],
    d_ang: float,
    open_lengths_ang: tuple[float, float, float],
) -> float:
    """By how much the distance is off at most: an axis longer by a share stretches its part of the normal as much."""
    shares = np.array(open_lengths_ang) / np.array(structure.lattice.abc)
    reciprocal = structure.lattice.reciprocal_lattice_crystallographic.matrix
    return d_ang * max(_share(np.array([plane[0], plane[1], plane[-1]]), reciprocal, shares) for plane in planes)


def _share(hkl: NDArray[np.int_], reciprocal: NDArray[np.float64], shares: NDArray[np.float64]) -> float:
    parts = hkl[:, None] * reciprocal
    normal = parts.sum(axis=0)
    return float(np.abs(parts @ normal) @ shares / (normal @ normal))
