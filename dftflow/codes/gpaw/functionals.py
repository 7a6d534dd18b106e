"""Names of functionals in GPAW's input, those by which dftflow knows them, and which of them GPAW calculates here.

GPAW takes its own short names and those of libxc joined by ``+`` (https://gpaw.readthedocs.io/documentation/xc/xc.html).
"""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path

from dftflow.errors import SpecError

__all__ = ["DEFAULT_FUNCTIONAL", "common_name", "input_name"]

DEFAULT_FUNCTIONAL = "LDA"
OWN = ("PBE", "LDA", "revPBE", "RPBE")
"""What every GPAW calculates; for each there are data sets of its own."""
WITH_LIBXC = (*OWN, "PBEsol")
MARK_OF_LIBXC = b"lxcXCFuncNum"
"""Stands in GPAW's compiled part where it has libxc (``gpaw.xc.libxc``, 26.7)."""

_OF_LIBXC = {
    "GGA_X_PBE+GGA_C_PBE": "PBE",
    "GGA_X_PBE_SOL+GGA_C_PBE_SOL": "PBEsol",
    "GGA_X_RPBE+GGA_C_PBE": "RPBE",
    "LDA_X+LDA_C_PW": "LDA",
    "MGGA_X_SCAN+MGGA_C_SCAN": "SCAN",
    "MGGA_X_R2SCAN+MGGA_C_R2SCAN": "r2SCAN",
}


def common_name(name: str) -> str:
    """Common name of the functional that GPAW calls `name`; the same name where there is none.

    >>> common_name("GGA_X_PBE_SOL+GGA_C_PBE_SOL")
    'PBEsol'
    """
    return _OF_LIBXC.get(name, name)


def input_name(name: str) -> str:
    """The functional `name` as a deck has it; where GPAW is installed, one that it calculates.

    Raises
    ------
    SpecError
        There is none, or the GPAW that would run it here was built without libxc.
    """
    known = {one.upper(): one for one in WITH_LIBXC}.get(name.upper())
    here = WITH_LIBXC if _libxc_is_not_missing() else OWN
    if known is None:
        raise SpecError(
            f"no GPAW deck can be written for the functional {name!r}", fix=f"choose one of {', '.join(here)}"
        )
    if known not in here:
        raise SpecError(
            f"the GPAW that is installed here cannot calculate with {known}",
            reason="it was built without libxc",
            fix=f"choose one of {', '.join(here)}, or build GPAW with libxc",
        )
    return known


@cache
def _libxc_is_not_missing() -> bool:
    """Whether GPAW has libxc, or is not here, so that another one runs the deck; GPAW itself is not loaded for that."""
    package = find_spec("_gpaw")
    if package is None or package.origin is None:
        return True
    try:
        return MARK_OF_LIBXC in Path(package.origin).read_bytes()
    except OSError:
        return True
