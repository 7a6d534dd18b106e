"""The cutoff that a PAW data set of GPAW asks for, which it does not name: from its pseudo partial waves.

What a plane-wave basis leaves out of an atom is the kinetic energy of its pseudo partial waves beyond the cutoff
(Rappe, Rabe, Kaxiras and Joannopoulos, 10.1103/PhysRevB.41.1227). Own code, because neither gpaw-data nor GPAW has it.
File format: https://gpaw.readthedocs.io/setups/pawxml.html.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from dftflow.codes.gpaw.data_sets import data_set_file
from dftflow.codes.least_cutoff import LeastCutoff
from dftflow.units import HARTREE_EV

__all__ = ["least_cutoff", "residual_cutoff_ev"]

LEFT_OUT_EV = 0.1
"""Of kinetic energy an electron: more, and nothing of the element is converged."""

LARGEST_BYTES = 50_000_000
FARTHEST_BOHR = 20.0
FADES_BOHR = 14.0
STEP_BOHR = 0.05
WAVE_NUMBERS_PER_BOHR = np.linspace(0.03, 9.0, 300)  # up to 1100 eV
_GRID = re.compile(r"r=a\*i/\(n-i\)")

FloatArray = NDArray[np.float64]


def least_cutoff(elements: Iterable[str]) -> LeastCutoff | None:
    """The highest of these elements, where one of the data sets is at hand."""
    needs = {element: found for element in elements if (found := residual_cutoff_ev(element, LEFT_OUT_EV))}
    if not needs:
        return None
    hardest = max(needs, key=needs.__getitem__)
    lacking = f"lacks {LEFT_OUT_EV:g} eV of kinetic energy an electron"
    return LeastCutoff(ev=needs[hardest], why=f"below {needs[hardest]:.0f} eV the data set of {hardest} {lacking}")


def residual_cutoff_ev(element: str, left_out_ev: float) -> float | None:
    """Where the kinetic energy beyond the cutoff has fallen to `left_out_ev` for each valence electron.

    None where there is no data set, or none that can be read; and where it has not fallen so far at 1100 eV.
    """
    file = data_set_file(element)
    if file is None:
        return None
    beyond = _beyond_ev(file)
    if beyond is None or beyond[-1] > left_out_ev:
        return None
    wave_number = WAVE_NUMBERS_PER_BOHR[int(np.argmax(beyond < left_out_ev))]
    return float(wave_number**2 / 2 * HARTREE_EV)


@lru_cache(maxsize=256)
def _beyond_ev(file: Path) -> FloatArray | None:
    """Kinetic energy an electron beyond each of the wave numbers, shape (n,); None for a file that is no data set."""
    try:
        waves = list(_valence_waves(_root(file)))
    except (OSError, ValueError, KeyError, TypeError, EOFError, AttributeError, ElementTree.ParseError):
        return None
    electrons = sum(count for count, _, _ in waves)
    if not electrons > 0:
        return None
    spectrum = np.sum([count * _kinetic_ev_per_bohr(momentum, wave) for count, momentum, wave in waves], axis=0)
    step = WAVE_NUMBERS_PER_BOHR[1] - WAVE_NUMBERS_PER_BOHR[0]
    return np.asarray(np.cumsum(spectrum[::-1])[::-1] * step / electrons, dtype=np.float64)


def _root(file: Path) -> ElementTree.Element:
    with gzip.GzipFile(file) if file.suffix == ".gz" else file.open("rb") as stream:
        content = stream.read(LARGEST_BYTES + 1)
    if len(content) > LARGEST_BYTES:
        raise ValueError("far too large for a data set")
    return ElementTree.fromstring(content)


def _valence_waves(root: ElementTree.Element) -> Iterator[tuple[float, int, FloatArray]]:
    """Electrons, angular momentum and radial part, on an even grid, of each occupied bound state."""
    grids = {grid.get("id"): _radii_bohr(grid) for grid in root.iter("radial_grid")}
    states = {state.get("id"): state for state in root.iter("state")}
    for wave in root.iter("pseudo_partial_wave"):
        state = states[wave.get("state")]
        electrons = float(state.get("f", 0.0))
        if electrons > 0 and state.get("n") is not None:
            values = np.array((wave.text or "").split(), dtype=float)
            yield electrons, int(state.get("l", "")), _even(grids[wave.get("grid")], values)


def _radii_bohr(grid: ElementTree.Element) -> FloatArray:
    if not _GRID.fullmatch(grid.get("eq", "")):
        raise ValueError(f"a grid {grid.get('eq')!r} is not known")
    count, scale = int(grid.get("n", "")), float(grid.get("a", ""))
    index = np.arange(count)
    return np.asarray(scale * index / (count - index), dtype=np.float64)


def _even(radii_bohr: FloatArray, values: FloatArray) -> FloatArray:
    """The radial part at even steps, brought to zero where the last of it fades."""
    from scipy.interpolate import CubicSpline  # type: ignore[import-untyped]

    even = np.arange(0.0, FARTHEST_BOHR, STEP_BOHR)
    fade = np.clip((even - FADES_BOHR) / (FARTHEST_BOHR - FADES_BOHR), 0.0, 1.0)
    padded = np.pad(values, (0, len(radii_bohr) - len(values)))
    return np.asarray(CubicSpline(radii_bohr, padded)(even) * (1 + np.cos(np.pi * fade)) / 2, dtype=np.float64)


def _kinetic_ev_per_bohr(momentum: int, wave: FloatArray) -> FloatArray:
    """q^4 |phi(q)|^2/2 with phi(q) = sqrt(2/pi) times the integral of j_l(qr) phi(r) r^2."""
    radii = np.arange(len(wave)) * STEP_BOHR
    amplitude = np.sqrt(2 / np.pi) * (_bessel(momentum, len(wave)) @ (wave * radii**2)) * STEP_BOHR
    return np.asarray(WAVE_NUMBERS_PER_BOHR**4 * amplitude**2 / 2 * HARTREE_EV, dtype=np.float64)


@lru_cache(maxsize=8)
def _bessel(momentum: int, count: int) -> FloatArray:
    """j_l(qr), shape (n_wave_numbers, count)."""
    from scipy.special import spherical_jn  # type: ignore[import-untyped]

    radii = np.arange(count) * STEP_BOHR
    return np.asarray(spherical_jn(momentum, WAVE_NUMBERS_PER_BOHR[:, None] * radii), dtype=np.float64)
