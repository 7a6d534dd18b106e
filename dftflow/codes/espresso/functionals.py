"""Quantum ESPRESSO's names of functionals, both ways.

Names: ``Modules/funct.f90`` of Quantum ESPRESSO, https://www.quantum-espresso.org/Doc/INPUT_PW.html (``input_dft``).
Hybrids and meta-GGAs are read, not written: their decks need settings that a `CalcSpec` does not hold.
"""

from __future__ import annotations

from dftflow.errors import SpecError

__all__ = ["functional_name", "input_dft"]

_INPUT = {
    "PBE": "PBE",
    "LDA": "PZ",
    "PBESOL": "PBESOL",
    "REVPBE": "REVPBE",
    "PW91": "PW91",
    "BLYP": "BLYP",
    "WC": "WC",
}
_COMMON = {
    "PBE": ("PBE", "SLA PW PBE PBE", "SLA PW PBX PBC"),
    "LDA": ("LDA", "PZ", "SLA PZ NOGX NOGC"),
    "LDA (PW92)": ("PW", "SLA PW NOGX NOGC"),
    "PBEsol": ("PBESOL", "SLA PW PSX PSC"),
    "revPBE": ("REVPBE", "SLA PW REVX PBC", "SLA PW RPB PBC"),
    "PW91": ("PW91", "SLA PW GGX GGC"),
    "BLYP": ("BLYP", "SLA LYP B88 BLYP"),
    "WC": ("WC", "SLA PW WCX PBC"),
    "HSE06": ("HSE",),
    "PBE0": ("PBE0",),
    "B3LYP": ("B3LYP",),
    "SCAN": ("SCAN",),
}
_OF_ORBITALS = frozenset(
    {"HSE03", "HSE06", "HSESOL", "PBE0", "B3LYP", "SCAN", "RSCAN", "R2SCAN", "TPSS", "REVTPSS", "M06L", "MBJ"}
)
_BY_NAME = {written: common for common, names in _COMMON.items() for written in names}


def input_dft(name: str) -> str:
    """Value of ``input_dft`` for the functional `name`; raises `SpecError` when no deck can be written for it."""
    try:
        return _INPUT[name.upper()]
    except KeyError:
        raise SpecError(
            f"no Quantum ESPRESSO deck can be written for the functional {name!r}",
            reason=_why_not(name),
            fix=f"choose one of {', '.join(_INPUT)}",
        ) from None


def _why_not(name: str) -> str:
    if name.upper() in _OF_ORBITALS:
        return "a hybrid or meta-GGA needs settings of its own, and pw.x calculates no bands along a path with one"
    return ""


def functional_name(written: str) -> str | None:
    """Common name of a functional as pw.x or a potential writes it; as it stands where it has none.

    Examples
    --------
    >>> functional_name(" SLA  PW   PBX  PBC"), functional_name("pbesol"), functional_name("")
    ('PBE', 'PBEsol', None)
    """
    words = written.upper().replace("+", " ").split()
    text = " ".join(words)
    return _BY_NAME.get(text, text) or None
