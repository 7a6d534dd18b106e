"""What GPAW's text log says of how a calculation was made.

Lines of versions 0.9 to 24 (``gpaw/old``) and 26 (``gpaw/new``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from dftflow.codes.gpaw.functionals import DEFAULT_FUNCTIONAL, common_name
from dftflow.codes.gpaw.log_tables import NUMBER
from dftflow.model.kpoint_grid import Counts, Shift, monkhorst_pack_shift

__all__ = ["LogSetup", "setup_in"]

_FUNCTIONAL = (
    re.compile(r"^ *Using the (\S+) Exchange-Correlation functional", re.MULTILINE | re.IGNORECASE),
    re.compile(r"^ *xc=XC\(name='([^']+)'", re.MULTILINE),
    re.compile(r"^ +xc: (?:\{.*?name: )?([\w+-]+)", re.MULTILINE),
)
_INPUT_IS_WHOLE = re.compile(r"^Input parameters:$(?s:.*)^ *(?:species|Reference energy)\b", re.MULTILINE)
_CUTOFF = re.compile(r"^ *Cutoff(?: energy)?: +(\S+) eV", re.MULTILINE)
_GRID = re.compile(r"(\d{1,5}) x (\d{1,5}) x (\d{1,5}) Monkhorst-Pack grid(?: \+ \[([^\]]{0,80})\])?")
_SIZE = re.compile(
    r"Monkhorst-Pack size: \[(\d{1,5}), (\d{1,5}), (\d{1,5})\]\s+Monkhorst-Pack shift: \[([^\]]{0,80})\]"
)
_GAMMA = re.compile(r"^1 k-point \(Gamma\)", re.MULTILINE)
_SMEARING = re.compile(
    r"^ *(?:Occupation numbers: |occupation numbers:\s+)(?P<name>[A-Za-z][\w -]*):\s+width[:=] *(?P<width>\S+)",
    re.MULTILINE | re.IGNORECASE,
)
_VALENCE = re.compile(r"^ *(?P<sum>Number of |  )valence electrons: +(?P<n>\S+)$", re.MULTILINE | re.IGNORECASE)
_CHARGE = re.compile(r"^  Charge: +(\S+) +# \|e\|$", re.MULTILINE)
_DATA_SET = re.compile(
    r"^  (?P<element>[A-Z][a-z]?)[\w.-]*:$(?:\n    \w.*$)*?\n    id: +(?P<hash>[0-9a-f]{32})$", re.MULTILINE
)
_OLD_DATA_SET = re.compile(
    r"^(?P<element>[A-Z][a-z]?)-setup:$(?:\n  \w.*$)*?\n  id *: +(?P<hash>[0-9a-f]{32})$", re.MULTILINE
)
_SPIN = re.compile(r"^(?:Spin-(?P<old>paired|polarized) calculation|Spin-components: (?P<new>\S+))", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSetup:
    """What the log says of the method; None where it does not, as in `dftflow.model.method.Method`.

    Attributes
    ----------
    potentials
        Element -> ``"PAW"`` and the hash of its data set.
    """

    functional: str | None
    cutoff_ev: float | None
    grid: Counts | None
    shift: Shift | None
    smearing: str | None
    smearing_ev: float | None
    n_electrons: float | None
    spin_polarised: bool | None
    spinor: bool | None
    potentials: dict[str, str] | None


def setup_in(text: str) -> LogSetup:
    """What the text of one run says; raises ValueError for what cannot be."""
    grid, shift = _grid(text)
    smearing, smearing_ev = _smearing(text)
    cutoff, spin = _CUTOFF.search(text), _SPIN.search(text)
    if spin is not None and spin["new"] not in (None, "1", "2", "4"):
        raise ValueError(f"this is no number of spin components: {spin['new'][:40]!r}")
    sets = {match["element"]: f"PAW {match['hash']}" for regex in (_DATA_SET, _OLD_DATA_SET) for match in
            regex.finditer(text)}  # fmt: skip
    return LogSetup(
        functional=_functional(text),
        cutoff_ev=None if cutoff is None else _number(cutoff[1]),
        grid=grid,
        shift=shift,
        smearing=smearing,
        smearing_ev=smearing_ev,
        n_electrons=_electrons(text),
        spin_polarised=None if spin is None else spin["old"] == "polarized" or spin["new"] in ("2", "4"),
        spinor=None if spin is None else spin["new"] == "4",
        potentials=sets or None,
    )


def _functional(text: str) -> str | None:
    """As it is named; the default where the whole input is printed and names none."""
    for regex in _FUNCTIONAL:
        match = regex.search(text)
        if match is not None:
            return common_name(match[1])
    return DEFAULT_FUNCTIONAL if _INPUT_IS_WHOLE.search(text) else None


def _grid(text: str) -> tuple[Counts | None, Shift | None]:
    """Numbers of the grid, and where it stands; the log gives the way from the grid of Monkhorst and Pack."""
    match = _GRID.search(text) or _SIZE.search(text)
    if match is None:
        return ((1, 1, 1), (0.0, 0.0, 0.0)) if _GAMMA.search(text) else (None, None)
    counts = (int(match[1]), int(match[2]), int(match[3]))
    moved = [float(Fraction(word.strip())) for word in (match[4] or "0,0,0").split(",") if word.strip()]
    if min(counts) < 1 or len(moved) != 3:
        raise ValueError(f"this is no grid of k-points: {match[0][:60]!r}")
    own = monkhorst_pack_shift(counts)
    a, b, c = (round(start + n * move, 4) % 1.0 for start, n, move in zip(own, counts, moved, strict=True))
    return counts, (a, b, c)


def _smearing(text: str) -> tuple[str | None, float | None]:
    match = _SMEARING.search(text)
    if match is None:
        return None, None
    width_ev = _number(match["width"])
    return (match["name"].strip().lower(), width_ev) if width_ev > 0 else ("fixed", None)


def _electrons(text: str) -> float | None:
    """Valence electrons; where those of the neutral atoms are printed, less the charge."""
    match = _VALENCE.search(text)
    if match is None:
        return None
    charge = _CHARGE.search(text) if not match["sum"].strip() else None
    return _number(match["n"]) - (0.0 if charge is None else _number(charge[1]))


def _number(word: str) -> float:
    """The number; raises ValueError for what is none, and one that is beyond a double."""
    if not re.fullmatch(NUMBER, word) or abs(float(word)) == float("inf"):
        raise ValueError(f"this is no number: {word[:40]!r}")
    return float(word)
