"""VASP's tags for the functionals, both ways.

Tags and names: https://vasp.at/wiki/GGA, https://vasp.at/wiki/METAGGA, https://vasp.at/wiki/List_of_hybrid_functionals.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dftflow.errors import SpecError

__all__ = ["Functional", "functional", "functional_name"]

SAME = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True)
class Functional:
    """A functional as INCAR tags, in the order in which they are written; `hybrid` and `meta` ask for more."""

    tags: tuple[tuple[str, str], ...]
    hybrid: bool = False
    meta: bool = False


def _gga(tag: str) -> Functional:
    return Functional(tags=(("GGA", tag),))


def _meta(tag: str) -> Functional:
    return Functional(tags=(("METAGGA", tag),), meta=True)


def _hybrid(*tags: tuple[str, str]) -> Functional:
    return Functional(tags=(("LHFCALC", ".TRUE."), *tags), hybrid=True)


_FUNCTIONALS = {
    "LDA": _gga("CA"),
    "PW91": _gga("91"),
    "PBE": _gga("PE"),
    "PBESOL": _gga("PS"),
    "RPBE": _gga("RP"),
    "REVPBE": _gga("RE"),
    "AM05": _gga("AM"),
    "TPSS": _meta("TPSS"),
    "SCAN": _meta("SCAN"),
    "RSCAN": _meta("RSCAN"),
    "R2SCAN": _meta("R2SCAN"),
    "PBE0": _hybrid(("GGA", "PE"), ("AEXX", "0.25")),
    "HSE03": _hybrid(("GGA", "PE"), ("AEXX", "0.25"), ("HFSCREEN", "0.3")),
    "HSE06": _hybrid(("GGA", "PE"), ("AEXX", "0.25"), ("HFSCREEN", "0.2")),
    "HSESOL": _hybrid(("GGA", "PS"), ("AEXX", "0.25"), ("HFSCREEN", "0.2")),
    "B3LYP": _hybrid(("GGA", "B3"), ("AEXX", "0.2"), ("AGGAX", "0.72"), ("AGGAC", "0.81"), ("ALDAC", "0.19")),
}

_GGA_NAMES = {
    "CA": "LDA",
    "PZ": "LDA",
    "91": "PW91",
    "PE": "PBE",
    "PS": "PBEsol",
    "RP": "RPBE",
    "RE": "revPBE",
    "AM": "AM05",
}
_BASES_OF_POTENTIALS = {"PAW_PBE": "PBE", "PAW_GGA": "PW91", "PAW": "LDA"}
_UNSET = ("", "--", "NONE")


def functional(name: str) -> Functional:
    """VASP's tags for the functional `name`; raises `SpecError` when there are none here."""
    try:
        return _FUNCTIONALS[name.upper()]
    except KeyError:
        raise SpecError(
            f"no VASP deck can be written for the functional {name!r}",
            fix=f"choose one of {', '.join(_FUNCTIONALS)}",
        ) from None


def functional_name(parameters: Mapping[str, Any], titels: Sequence[str]) -> str | None:
    """Common name of the functional of a run.

    Parameters
    ----------
    parameters
        Tags of the run, as VASP prints all of them into ``vasprun.xml``.
    titels
        TITEL lines of its potentials: where GGA is not set, they decide.

    Returns
    -------
    str or None
        A combination of tags without a common name is given with its numbers: ``"hybrid of PBE, AEXX 0.3"``. None
        when the potentials disagree.
    """
    base = _base(parameters, titels)
    if parameters.get("LHFCALC") is True:
        return None if base is None else _hybrid_name(parameters, base)
    return base if base is None or parameters.get("LUSE_VDW") is not True else f"{base} with vdW-DF correlation"


def _base(parameters: Mapping[str, Any], titels: Sequence[str]) -> str | None:
    meta = str(parameters.get("METAGGA", "")).strip().upper()
    if meta not in _UNSET:
        return meta
    gga = str(parameters.get("GGA", "")).strip().upper()
    if gga not in _UNSET:
        return _GGA_NAMES.get(gga, f"GGA={gga}")
    bases = {_BASES_OF_POTENTIALS.get(titel.split()[0] if titel.split() else "") for titel in titels}
    return bases.pop() if len(bases) == 1 else None


def _hybrid_name(parameters: Mapping[str, Any], base: str) -> str | None:
    exchange, screening = parameters.get("AEXX"), parameters.get("HFSCREEN", 0.0)
    if not isinstance(exchange, int | float) or not isinstance(screening, int | float):
        return None
    if base == "GGA=B3" and abs(exchange - 0.2) < SAME and screening == 0:
        return "B3LYP"
    if abs(exchange - 0.25) < SAME:
        known = {("PBE", 0.0): "PBE0", ("PBE", 0.3): "HSE03", ("PBE", 0.2): "HSE06", ("PBEsol", 0.2): "HSEsol"}
        # 0.2, 0.207 and 0.208 1/Å are all in use for HSE06
        rounded = 0.2 if 0.2 - SAME < screening < 0.21 else round(screening, 3)
        if (base, rounded) in known:
            return known[base, rounded]
    screened = f", HFSCREEN {screening:g}" if screening else ""
    return f"hybrid of {base}, AEXX {exchange:g}{screened}"
