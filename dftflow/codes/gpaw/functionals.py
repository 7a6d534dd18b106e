"""Names of functionals in GPAW's input, and those by which dftflow knows them.

GPAW takes its own short names and those of libxc joined by ``+`` (https://gpaw.readthedocs.io/documentation/xc/xc.html).
"""

from __future__ import annotations

__all__ = ["DEFAULT_FUNCTIONAL", "common_name"]

DEFAULT_FUNCTIONAL = "LDA"

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
