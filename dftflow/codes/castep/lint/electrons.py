"""Checks the electrons against the bands that are to hold them, where the potentials tell how many there are."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator

from dftflow.codes.castep.input.cell_file import CellSite
from dftflow.codes.castep.input.species_potentials import SpeciesPotentials
from dftflow.codes.castep.lint.finding import Finding
from dftflow.codes.castep.lint.values import DeckValues

__all__ = ["check_electrons", "count_electrons"]

ROUNDING = 1e-6
BANDS_OF_TASK = {
    "bandstructure": "bs_nbands",
    "spectral": "spectral_nbands",
    "optics": "optics_nbands",
    "elnes": "elnes_nbands",
}


def check_electrons(
    values: DeckValues, potentials: SpeciesPotentials, sites: tuple[CellSite, ...]
) -> Iterator[Finding]:
    """Too few bands, and an odd electron among fixed pairs. Silent where the electrons cannot be counted for sure."""
    electrons = count_electrons(values, potentials, sites)
    if electrons is None or electrons <= 0:
        return
    filled = _filled_bands(values, electrons)
    for name in ("nbands", BANDS_OF_TASK.get(values.option("task"), "")):
        bands = values.number(name)
        if bands is None or bands >= filled:
            continue
        yield values.finding(
            name,
            "error" if name == "nbands" else "warning",
            f"{name} is {bands:g}, but {electrons:g} electrons fill {filled} bands" + _channel(values),
            f"{name} : {filled} at least, and more for empty ones",
        )
    paired = values.polarized is False or (values.polarized is None and not values.continues)
    if values.is_on("fix_occupancy") and paired and not values.spinors and abs(electrons / 2 % 1) > ROUNDING:
        yield values.finding(
            "fix_occupancy",
            "error",
            f"{electrons:g} electrons do not fill bands of two, and fix_occupancy leaves none half full",
            "spin_polarized : true with a spin, or fix_occupancy : false; or mend charge or the atoms",
        )


def count_electrons(values: DeckValues, potentials: SpeciesPotentials, sites: tuple[CellSite, ...]) -> float | None:
    """Electrons of the cell: as the keywords say, or the valence of every atom less the charge.

    None where a potential does not tell its valence (a library, a file), a site holds a mixture, or the keywords do not
    fit together.
    """
    if "nelectrons" in values.given:
        return values.number("nelectrons")
    up, down = values.number("nup"), values.number("ndown")
    if up is not None and down is not None:
        return up + down
    charge = values.number("charge") if "charge" in values.given else 0.0
    if charge is None or up is not None or down is not None or any(site.mixture for site in sites):
        return None
    total = -charge
    kinds: dict[tuple[str, str], CellSite] = {(site.species, site.element): site for site in sites}
    count = Counter((site.species, site.element) for site in sites)
    for kind, site in kinds.items():
        potential = potentials.of(site)
        string = potential.on_the_fly if potential else None
        valence = string.valence(site.element) if string else None
        if valence is None:
            return None
        total += valence * count[kind]
    return total


def _filled_bands(values: DeckValues, electrons: float) -> int:
    """Bands of the fuller spin channel (CASTEP 18.1 ``--help``, NBANDS: at least MAX(NUP, NDOWN))."""
    if values.spinors:
        return math.ceil(electrons - ROUNDING)
    unpaired = 0.0
    if values.polarized:
        up, down = values.number("nup"), values.number("ndown")
        unpaired = up - down if up is not None and down is not None else values.number("spin") or 0.0
    return math.ceil((electrons + abs(unpaired)) / 2 - ROUNDING)


def _channel(values: DeckValues) -> str:
    if values.spinors:
        return " of one electron each"
    return " of one spin" if values.polarized else ""
