"""Names of space groups as files write them, and the settings of the International Tables that they can mean.

spglib has the 530 tabulated settings and their operations, pymatgen the table of the Crystallography Open Database with
its other names and some 200 settings that no table has. Both are read here by Hermann-Mauguin and by Hall symbol.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files

import numpy as np
import spglib

from dftflow.crystals.symmetry import quiet_spglib
from dftflow.crystals.symmetry_operations import SymmetryOperations, read_operations, transformed

__all__ = ["Setting", "operations_of", "setting_of_hall", "settings_called", "settings_numbered"]

_BARS = {"\u2212": "-", "\u2013": "-", "\u2014": "-", "\u2010": "-", "\u2011": "-"}
_OVERLINED = re.compile("([1346])[\u0304\u0305\u00af]|[\u0304\u0305\u00af]([1346])")
_MARKUP = re.compile(r"</?su[bp]>|[~^_'\"*]|\\")
_SCREW = re.compile(r"([2346])\(([1-5])\)")
_BAR_WORD = re.compile(r"([1346])\s*bar|bar\s*([1346])")
_BAR_BEHIND = re.compile(r"([346])-(?![1346])|(1)-$")
_ORIGIN_WORDS = re.compile(r"[({\[:\s]*(?:origin|o)\s*(?:choice|at)?\s*:?\s*([12])[)}\]]?$")
_CHOICE = re.compile(r":\s*(-?[abc][123]?|[12]?(?:ba-c|cab|-cba|bca|a-cb|abc)|[12]|[hrsz])$|\(([12])\)$")
_LETTER = re.compile(r"(hr|rs|[hrsz])$")
_OF_LETTER = {"s": "1", "z": "2", "h": "h", "r": "r", "hr": "h", "rs": "r"}
# The symbols without e of the settings abc, ba-c, cab, -cba, bca, a-cb (International Tables A before 1992).
_BEFORE_E = {
    39: ("abm2", "bma2", "b2cm", "c2mb", "cm2a", "ac2m"),
    41: ("aba2", "bba2", "b2cb", "c2cb", "cc2a", "ac2a"),
    64: ("cmca", "ccmb", "abma", "acam", "bbcm", "bmab"),
    67: ("cmma", "cmmb", "abmm", "acmm", "bmcm", "bmam"),
    68: ("ccca", "cccb", "abaa", "acaa", "bbcb", "bbab"),
}
_AXES = ("", "ba-c", "cab", "-cba", "bca", "a-cb")
_CENTRINGS = {
    "a": "x,y+1/2,z+1/2",
    "b": "x+1/2,y,z+1/2",
    "c": "x+1/2,y+1/2,z",
    "i": "x+1/2,y+1/2,z+1/2",
}


STANDARD_CHOICES = ("", "b", "b1", "H")


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A space group in one choice of axes and origin.

    Attributes
    ----------
    name
        As a CIF writes it: ``"F d -3 m :2"``; with blanks, and behind a colon what else tells it from its siblings.
    number
        1 to 230.
    choice
        What tells it from its siblings: ``"2"``, ``"H"``, ``"b1"``, ``"cab"``; ``""`` for the only or the first one.
    hall
        Hall symbol.
    hall_number
        1 to 530, or 0 outside the International Tables.
    names
        All its names without blanks, in lower case.
    """

    name: str
    number: int
    choice: str
    hall: str
    hall_number: int
    names: frozenset[str]

    @property
    def is_standard(self) -> bool:
        """Whether its symbol is used for the space group in any setting."""
        return self.choice in STANDARD_CHOICES


@cache
def _cod_table() -> dict[str, list[dict[str, object]]]:
    """Hall symbol -> entries of the table of the Crystallography Open Database, as pymatgen brings it."""
    text = files("pymatgen.symmetry").joinpath("symm_ops.json").read_text(encoding="utf-8")
    found: dict[str, list[dict[str, object]]] = {}
    for entry in json.loads(text):
        found.setdefault(_hall_key(entry["hall"]), []).append(entry)
    return found


def _hall_key(text: str) -> str:
    return re.sub(r"\s*,\s*", ",", " ".join(text.replace("_", " ").lower().split()))


@cache
def _settings() -> tuple[Setting, ...]:
    """The tabulated settings by Hall number, then those that only the open database names."""
    found: dict[str, Setting] = {}
    for hall_number in range(1, 531):
        with quiet_spglib():
            kind = spglib.get_spacegroup_type(hall_number)
        assert kind is not None
        key = _hall_key(kind.hall_symbol)
        # three pairs of the table are one group each
        first = found.get(key) or _tabulated(hall_number, kind)
        found[key] = replace(first, names=first.names | _names_of(kind))
    for key, entries in _cod_table().items():
        if key not in found:
            shown = " ".join(str(entries[0]["universal_h_m"]).split())
            found[key] = Setting(
                name=shown,
                number=int(str(entries[0]["number"])),
                choice="",
                hall=" ".join(str(entries[0]["hall"]).split()),
                hall_number=0,
                names=frozenset(_spellings(_squeezed(shown), 0)),
            )
    return tuple(found.values())


def _tabulated(hall_number: int, kind: spglib.SpaceGroupType) -> Setting:
    """A setting of spglib's table, without its names."""
    of_group, *of_setting = kind.international.split("=")
    shown = max(of_setting or [of_group], key=len).strip().replace("_", "")
    if kind.number in (67, 68):  # with e, two settings share a symbol
        shown = " ".join(_before_e(kind)).capitalize()
    told = kind.choice[:1] if kind.choice[:1] in ("1", "2", "H", "R") else ""
    return Setting(
        name=f"{shown} :{told}" if told else shown,
        number=kind.number,
        choice=kind.choice,
        hall=kind.hall_symbol,
        hall_number=hall_number,
        names=frozenset(),
    )


def _names_of(kind: spglib.SpaceGroupType) -> frozenset[str]:
    same = _cod_table().get(_hall_key(kind.hall_symbol), [])
    of_group, *of_setting = kind.international.split("=")
    symbols = [*(of_setting or [of_group]), kind.international_full]  # the first one is of the group alone
    symbols += [str(entry[name]) for entry in same for name in ("hermann_mauguin", "hermann_mauguin_u")]
    names = {name for symbol in symbols for name in _spellings(_squeezed(symbol), kind.number)}
    if kind.choice == "H":
        names |= {f"h{name[1:]}" for name in names}
    if kind.number in _BEFORE_E:
        names = names - set(_BEFORE_E[kind.number]) | {_before_e(kind)}
    return frozenset(names)


def _before_e(kind: spglib.SpaceGroupType) -> str:
    return _BEFORE_E[kind.number][_AXES.index(kind.choice.lstrip("12"))]


def _spellings(squeezed: str, number: int) -> Iterator[str]:
    """A name without blanks and the older and shorter ways to write it."""
    yield squeezed
    if 3 <= number <= 15:
        yield squeezed[0] + _without_ones(squeezed[1:])
    if number >= 195 and "-3" in squeezed:
        yield re.sub(r"(?<=[mnacd])-3", "3", squeezed)


def _without_ones(rest: str) -> str:
    """``121/c1`` -> ``21/c``: the places of a monoclinic symbol along which there is nothing."""
    whole = re.fullmatch(r"1(.+)1|(.+)11|11(.+)", rest)
    return next(part for part in whole.groups() if part) if whole and rest not in ("1", "11") else rest


def _squeezed(text: str) -> str:
    """A symbol without blanks and markup, in lower case, bars in front."""
    text = _OVERLINED.sub(lambda found: f"-{found[1] or found[2]}", unicodedata.normalize("NFD", text))
    text = unicodedata.normalize("NFKC", "".join(_BARS.get(letter, letter) for letter in text)).lower()
    text = _MARKUP.sub("", _SCREW.sub(r"\1\2", text))
    text = _BAR_WORD.sub(lambda found: f"-{found[1] or found[2]}", text)
    text = re.sub(r"\s+", "", text)
    return _BAR_BEHIND.sub(lambda found: f"-{found[1] or found[2]}", text)


def _parted(text: str) -> tuple[str, str]:
    """The symbol without blanks, and what stands behind it of origin, axes or cell choice."""
    clean = _SCREW.sub(r"\1\2", unicodedata.normalize("NFKC", text).lower()).strip().strip("'\"").strip()
    for pattern in (_ORIGIN_WORDS, _CHOICE):
        found = pattern.search(clean)
        if found:
            choice = next(part for part in found.groups() if part)
            return _squeezed(clean[: found.start()]), _OF_LETTER.get(choice, choice)
    squeezed = _squeezed(text)
    letter = _LETTER.search(squeezed[1:])
    if letter:
        return squeezed[: 1 + letter.start()], _OF_LETTER[letter[1]]
    return squeezed, ""


def _has_choice(setting: Setting, choice: str) -> bool:
    own = setting.choice.lower()
    if choice in ("1", "2"):
        return own.startswith(choice)
    return own in (choice, "" if choice == "abc" else choice)


def settings_called(name: str, choice: str = "") -> tuple[Setting, ...]:
    """Settings that a Hermann-Mauguin symbol can mean, in any of the ways in which files write it.

    Parameters
    ----------
    name
        ``"P n m a"``, ``"P2_1/n"``, ``"R -3 c :H"``, ``"F d -3 m Z"``, ``"Cmca"`` (now Cmce), ``"F d 3 m"`` ...
    choice
        The code of the coordinate system, where the file gives it apart: ``"2"``, ``"h"``, ``"b1"``, ``"ba-c"``.

    Returns
    -------
    tuple
        Empty for a name that is none; several where it leaves axes, cell or origin open.
    """
    symbol, own = _parted(name)
    if not symbol:
        return ()
    wanted = own or choice.strip().lower()
    whole = _squeezed(name)
    found = [setting for setting in _settings() if symbol in setting.names or whole in setting.names]
    chosen = [setting for setting in found if not wanted or _has_choice(setting, wanted)]
    if not found and re.fullmatch(r"[abcif]-?1", symbol):
        return (_triclinic(f"{'-' * ('-' in symbol)}{symbol[0].upper()} 1", symbol[0], centric="-" in symbol)[0],)
    if not chosen and found and not own:
        return tuple(found)
    return tuple(chosen)


def settings_numbered(number: int, choice: str = "") -> tuple[Setting, ...]:
    """The tabulated settings of a space group, with the code of a coordinate system those that it names."""
    found = [setting for setting in _settings() if setting.number == number and setting.hall_number]
    chosen = [setting for setting in found if not choice or _has_choice(setting, choice.strip().lower())]
    return tuple(chosen or found)


def setting_of_hall(symbol: str) -> tuple[Setting, SymmetryOperations] | None:
    """Setting and operations of a Hall symbol, with a change of basis behind it or not; None for an unknown one."""
    key = _hall_key(symbol)
    known = next((setting for setting in _settings() if _hall_key(setting.hall) == key), None)
    if known is not None:
        return known, operations_of(known)
    if re.fullmatch(r"-?[abcif] 1", key):
        return _triclinic(symbol, key.lstrip("-")[0], centric=key.startswith("-"))
    found = re.fullmatch(r"(.+?)\s*\((.+)\)", key)
    base = None if found is None else setting_of_hall(found[1])
    operations = None if base is None or found is None else transformed(base[1], found[2])
    if base is None or operations is None:
        return None
    name = f"the group of the Hall symbol {symbol}"
    return Setting(
        name=name, number=base[0].number, choice="", hall=symbol, hall_number=0, names=frozenset()
    ), operations


def _triclinic(symbol: str, centring: str, *, centric: bool) -> tuple[Setting, SymmetryOperations]:
    """A centred cell of P 1 or P -1, which no table has."""
    points = ["x,y,z", *(_CENTRINGS[letter] for letter in ("abc" if centring == "f" else centring))]
    texts = points + [re.sub("([xyz])", r"-\1", point) for point in points if centric]
    setting = Setting(name=symbol, number=2 if centric else 1, choice="", hall=symbol, hall_number=0, names=frozenset())
    return setting, read_operations(texts)


@cache
def operations_of(setting: Setting) -> SymmetryOperations:
    """The operations of a setting."""
    if not setting.hall_number:
        entries = _cod_table().get(_hall_key(setting.hall))
        found = None if entries else setting_of_hall(setting.hall)
        return read_operations(entries[0]["symops"]) if entries else found[1]  # type: ignore[arg-type, index]
    with quiet_spglib():
        table = spglib.get_symmetry_from_database(setting.hall_number)
    assert table is not None
    return SymmetryOperations(
        rotations=np.array(table["rotations"], dtype=np.int64), translations=np.array(table["translations"]) % 1.0
    )
