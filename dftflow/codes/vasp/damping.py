"""How an INCAR damps D3 with functionals whose parameters not every version of VASP has.

Those of PBE, RPBE, revPBE and PBEsol all have, others a person gives (https://vasp.at/wiki/DFT-D3, VDW_S8, VDW_SR,
VDW_A1, VDW_A2; s6 is 1 and there are no three-body terms). They are written out for the others, whatever the version.
"""

from __future__ import annotations

from typing import Final

__all__ = ["DAMPED", "damping_tags"]

_OWN: Final = frozenset({"PBE", "RPBE", "REVPBE", "PBESOL"})
_TAGS: Final = {"D3": ("VDW_S8", "VDW_SR"), "D3(BJ)": ("VDW_S8", "VDW_A1", "VDW_A2")}
_PARAMETERS: Final[dict[str, dict[str, tuple[float, ...]]]] = {
    "D3": {
        "B3LYP": (1.703, 1.261),
        "HSE03": (1.0156, 1.3944),
        "HSE06": (0.109, 1.129),
        "PBE0": (0.928, 1.287),
        "SCAN": (0.0, 1.324),
        "TPSS": (1.105, 1.166),
    },
    "D3(BJ)": {
        "B3LYP": (1.9889, 0.3981, 4.4211),
        "HSE03": (1.1243, 0.0, 6.8889),
        "HSE06": (2.310, 0.383, 5.685),
        "PBE0": (1.2177, 0.4145, 4.8593),
        "R2SCAN": (0.78981345, 0.49484001, 5.73083694),
        "SCAN": (0.0, 0.538, 5.42),
        "TPSS": (1.9435, 0.4535, 4.4752),
    },
}
"""In the order of the tags. Sources: `dftflow.model.dispersion`."""

DAMPED: Final = {name: _OWN | known.keys() for name, known in _PARAMETERS.items()}
"""Correction -> functionals that VASP has the parameters of, or is told them."""


def damping_tags(dispersion: str, xc: str) -> tuple[tuple[str, float], ...]:
    """Tags and values; none where every VASP has them.

    Examples
    --------
    >>> damping_tags("D3(BJ)", "HSE06")
    (('VDW_S8', 2.31), ('VDW_A1', 0.383), ('VDW_A2', 5.685))
    """
    return tuple(zip(_TAGS.get(dispersion, ()), _PARAMETERS.get(dispersion, {}).get(xc.upper(), ()), strict=False))
