"""Names of functionals in GPAW's input, those by which dftflow knows them, and which of them GPAW calculates here.

GPAW takes its own short names and those of libxc joined by ``+`` (https://gpaw.readthedocs.io/documentation/xc/xc.html).
"""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path
from shlex import quote
from shutil import which

from dftflow.errors import SpecError
from dftflow.installer import install_line
from dftflow.resources import templates_dir

__all__ = ["DEFAULT_FUNCTIONAL", "common_name", "input_name", "libxc_is_not_missing", "line_that_builds"]

DEFAULT_FUNCTIONAL = "LDA"
OWN = ("PBE", "LDA", "revPBE", "RPBE")
"""What every GPAW calculates; for each there are data sets of its own."""
OF_LIBXC = {"SCAN": "SCAN", "r2SCAN": "MGGA_X_R2SCAN+MGGA_C_R2SCAN"}
"""What it calculates with libxc besides, and its name there; the data sets are those of PBE."""
WITHOUT_BANDS = ("HSE06", "PBE0", "B3LYP")
"""Hybrids, which GPAW cannot calculate at k-points beside its grid."""
WITHOUT_DATA = ("PBEsol",)
"""What libxc has, and the data sets (gpaw-data 1.2) have not."""
MARK_COMMON = b"lxcXCFuncNum"
"""Stands in GPAW's compiled part where it has libxc (``gpaw.xc.libxc``, 26.7)."""

_COMMON = {
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
    return _COMMON.get(name, name)


def input_name(name: str) -> str:
    """The functional `name` as a deck has it; where GPAW is installed, one that it calculates.

    >>> input_name("rpbe")
    'RPBE'

    Raises
    ------
    SpecError
        There is none, or the GPAW that would run it here was built without libxc.
    """
    known = {one.upper(): one for one in (*OWN, *OF_LIBXC)}.get(name.upper())
    here = (*OWN, *OF_LIBXC) if libxc_is_not_missing() else OWN
    if known is None:
        raise SpecError(
            f"no GPAW deck can be written for the functional {name!r}",
            reason=_why_not(name),
            fix=f"choose one of {', '.join(here)}",
        )
    if known not in here:
        raise SpecError(
            f"the GPAW that is installed here cannot calculate with {known}",
            reason="it was built without libxc",
            fix=f"choose one of {', '.join(here)}, or build GPAW with libxc: {line_that_builds(with_libxc=True)}",
        )
    return OF_LIBXC.get(known, known)


def _why_not(name: str) -> str:
    if name.upper() in WITHOUT_BANDS:
        return "it gives no eigenvalues of a hybrid along a path; at the band edges corrections = [...] has them"
    if name.upper() in (one.upper() for one in WITHOUT_DATA):
        return "GPAW has no data sets for it"
    return ""


def line_that_builds(*, with_libxc: bool) -> str:
    """The line that builds GPAW into this environment, for a shell."""
    compiler = "" if which("g++") else "install g++ (apt-get install g++), then "
    file = templates_dir() / "gpaw" / ("siteconfig_xc.py" if with_libxc else "siteconfig.py")
    build = f"CC=g++ GPAW_CONFIG={quote(str(file))} {install_line('gpaw', 'gpaw-data', built_anew=True)}"
    return f"{compiler}{install_line('pyscf')} && {build}" if with_libxc else f"{compiler}{build}"


@cache
def libxc_is_not_missing() -> bool:
    """Whether GPAW has libxc, or is not here, so that another one runs the deck; GPAW itself is not loaded for that."""
    package = find_spec("_gpaw")
    if package is None or package.origin is None:
        return True
    try:
        return MARK_COMMON in Path(package.origin).read_bytes()
    except OSError:
        return True
