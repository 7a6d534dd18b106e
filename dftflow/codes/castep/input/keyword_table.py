"""What is known of each keyword of CASTEP: its file, its type, its units, its allowed values, what it excludes.

The facts stand in ``keyword_table.toml`` beside this file. Units: the identifiers of CASTEP's ``*_unit`` keywords
(Materials Studio help, "CASTEP keywords"; castep-docs); a bare number is in the default unit of its dimension.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from dftflow.model.fortran_number import fortran_number
from dftflow.units import BOHR_ANG, EV_PER_ANG3_GPA, HARTREE_EV, RYDBERG_EV

__all__ = [
    "UNITS",
    "ChangedDefault",
    "Exclusion",
    "Keyword",
    "KeywordTable",
    "canonical_name",
    "keyword_table",
    "split_quantity",
]

ValueType = Literal[
    "block", "boolean", "defined", "integer", "integer vector", "physical", "real", "real vector", "text"
]
FILE = Path(__file__).with_suffix(".toml")
NEAR = 0.8
LONGEST_NAME = 64

# dimension -> unit in lower case -> factor to the first unit; None where dftflow has no need to convert it
UNITS: Mapping[str, Mapping[str, float | None]] = {
    "energy": {
        "ev": 1.0,
        "mev": 1e-3,
        "hartree": HARTREE_EV,
        "ha": HARTREE_EV,
        "mha": 1e-3 * HARTREE_EV,
        "millihartree": 1e-3 * HARTREE_EV,
        "ry": RYDBERG_EV,
        "mry": 1e-3 * RYDBERG_EV,
    }
    | dict.fromkeys(("kj/mol", "kcal/mol", "j", "erg", "hz", "mhz", "ghz", "thz", "cm-1", "cm^-1", "1/cm", "k")),
    "length": {"ang": 1.0, "bohr": BOHR_ANG, "a0": BOHR_ANG, "nm": 10.0, "pm": 0.01, "cm": 1e8, "m": 1e10},
    "inverse_length": {
        "1/ang": 1.0,
        "/ang": 1.0,
        "ang-1": 1.0,
        "ang^-1": 1.0,
        "1/bohr": 1 / BOHR_ANG,
        "/bohr": 1 / BOHR_ANG,
        "1/a0": 1 / BOHR_ANG,
        "1/nm": 0.1,
        "1/cm": 1e-8,
        "1/m": 1e-10,
    },
    "force": {
        "ev/ang": 1.0,
        "hartree/bohr": HARTREE_EV / BOHR_ANG,
        "ha/bohr": HARTREE_EV / BOHR_ANG,
        "h/bohr": HARTREE_EV / BOHR_ANG,
        "ry/bohr": RYDBERG_EV / BOHR_ANG,
        "n": None,
    },
    "pressure": {
        "gpa": 1.0,
        "mpa": 1e-3,
        "pa": 1e-9,
        "bar": 1e-4,
        "mbar": 1e2,
        "kbar": 0.1,
        "ev/ang**3": EV_PER_ANG3_GPA,
        "hartree/bohr**3": HARTREE_EV / BOHR_ANG**3 * EV_PER_ANG3_GPA,
        "ha/bohr**3": HARTREE_EV / BOHR_ANG**3 * EV_PER_ANG3_GPA,
        "atm": None,
    },
    "frequency": dict.fromkeys(
        ("thz", "ghz", "mhz", "hz", "cm-1", "cm^-1", "1/cm", "cm**-1", "ev", "mev", "ha", "hartree", "k", "ry")
    ),
    "time": {"ps": 1.0, "fs": 1e-3, "ns": 1e3, "us": 1e6, "mus": 1e6, "ms": 1e9, "s": 1e12, "aut": None},
    "temperature": {"k": 1.0},
    "force_constant": dict.fromkeys(("ev/ang**2", "hartree/bohr**2", "ha/bohr**2", "n/m", "dyne/cm", "ev/ang*ang")),
    "volume": dict.fromkeys(("ang**3", "bohr**3", "m**3", "cm**3", "nm**3")),
}
OTHER_UNITS = (
    *("amu", "me", "kg", "g", "e", "c", "debye", "hbar/2", "hbar", "magneton", "mub", "bohr_magneton", "tesla", "t"),
    *(
        "auv",
        "ang/ps",
        "ang/fs",
        "bohr/ps",
        "bohr/fs",
        "m/s",
        "radsectesla",
        "ev/ang/e",
        "hartree/bohr/e",
        "v/m",
        "n/c",
    ),
    *("j/m**2", "ha/bohr^2", "hartree/bohr^2"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Keyword:
    """One keyword.

    Attributes
    ----------
    file
        ``param`` or ``cell``.
    dimension
        Of a physical: key of `UNITS`, or ``any``.
    allowed
        Values of a text in lower case without blanks; ``()`` when anything goes.
    open_list
        Whether later versions have added values to `allowed`.
    least
        The value must be above 0 (``positive``), at least 0 (``non_negative``), or may be anything (``""``).
    added_after_18_1
        Whether CASTEP 18.1 does not know it.
    """

    name: str
    file: str
    type: ValueType
    dimension: str = ""
    allowed: tuple[str, ...] = ()
    open_list: bool = False
    least: str = ""
    added_after_18_1: bool = False

    @property
    def units(self) -> tuple[str, ...]:
        """The units that it takes."""
        if self.dimension in UNITS:
            return tuple(UNITS[self.dimension])
        return (*(unit for units in UNITS.values() for unit in units), *OTHER_UNITS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exclusion:
    """Keywords of which one at most may be given, under their canonical names."""

    names: tuple[str, ...]
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedDefault:
    """A keyword whose default differs between versions; `tasks` are those for which it matters, ``()`` for all."""

    name: str
    tasks: tuple[str, ...]
    values: str


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class KeywordTable:
    """All keywords, by name in lower case."""

    keywords: Mapping[str, Keyword]
    aliases: Mapping[str, str]
    exclusions: tuple[Exclusion, ...]
    changed_defaults: tuple[ChangedDefault, ...]

    def find(self, name: str) -> Keyword | None:
        """The keyword `name`, in any case; None when it is unknown."""
        return self.keywords.get(name.lower())

    def nearest(self, name: str) -> str:
        """The known name that `name` looks like, ``""`` when it looks like none.

        Examples
        --------
        >>> keyword_table().nearest("cutoff_energy")
        'cut_off_energy'
        """
        bare = {_bare(known): known for known in self.keywords}
        if _bare(name.lower()) in bare:
            return bare[_bare(name.lower())]
        if len(name) > LONGEST_NAME:
            return ""
        near = difflib.get_close_matches(name.lower(), self.keywords, n=1, cutoff=NEAR)
        return near[0] if near else ""


@cache
def keyword_table() -> KeywordTable:
    """The table of ``keyword_table.toml``."""
    raw = tomllib.loads(FILE.read_text(encoding="utf-8"))
    keywords = {name: _keyword(raw, group, name) for group in raw["keywords"] for name in group["names"]}
    return KeywordTable(
        keywords=keywords,
        aliases=dict(raw["aliases"]),
        exclusions=tuple(Exclusion(names=tuple(e["names"]), why=e["why"]) for e in raw["exclusive"]),
        changed_defaults=tuple(
            ChangedDefault(name=c["name"], tasks=tuple(c["tasks"]), values=c["values"]) for c in raw["changed_default"]
        ),
    )


def canonical_name(name: str) -> str:
    """The one name, in lower case, of all spellings that mean the same keyword.

    Examples
    --------
    >>> canonical_name("SPIN_POLARISED"), canonical_name("bs_kpoints_path")
    ('spin_polarized', 'bs_kpoint_path')
    """
    lower = name.lower().replace("kpoints_", "kpoint_")
    return keyword_table().aliases.get(lower, lower)


def split_quantity(text: str) -> tuple[float | None, str]:
    """Number and unit (in lower case) of a physical value; no number when there is none.

    Examples
    --------
    >>> split_quantity("0.05 eV/Ang"), split_quantity("1.5e-005"), split_quantity("much")
    ((0.05, 'ev/ang'), (1.5e-05, ''), (None, ''))
    """
    word, *unit = text.split(maxsplit=1)[:2] or [""]
    number = fortran_number(word)
    return number, unit[0].strip().lower() if unit and number is not None else ""


def _keyword(raw: dict[str, Any], group: dict[str, Any], name: str) -> Keyword:
    canonical = raw["aliases"].get(name, name)
    listed = raw["same_list"].get(canonical, canonical)
    return Keyword(
        name=name,
        file=group["file"],
        type=group["type"],
        dimension=group.get("dimension", ""),
        allowed=tuple(raw["allowed"].get(listed, ())),
        open_list=canonical in raw["open_lists"],
        least=next((sign for sign in ("positive", "non_negative") if name in raw[sign]), ""),
        added_after_18_1=name in raw["added_after_18_1"],
    )


def _bare(name: str) -> str:
    """Without the signs that old versions did not look at (``unit.cell``, ``unitcell``)."""
    return name.replace("_", "").replace(".", "").replace("-", "")
