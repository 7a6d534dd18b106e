"""What the fields of a table of levels may be called: ``IP``, ``ionization energy (eV)`` and ``ip_ev`` are one."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping

from dftflow.errors import InputError
from dftflow.model.printable import shown
from dftflow.quoted.level_file import LevelEntry, LevelField

__all__ = ["LOOKS", "named_fields"]

_NAMES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "materials": {
        "name": ("material", "compound"),
        "ip": ("ie", "ionisation potential", "ionization potential", "ionisation energy", "ionization energy"),
        "ea": ("electron affinity",),
        "vbm": ("evbm", "e vbm", "valence band maximum", "homo"),
        "cbm": ("ecbm", "e cbm", "conduction band minimum", "lumo"),
        "gap": ("eg", "e g", "band gap", "bandgap"),
        "uncertainty": ("±", "+-", "+/-", "error", "err"),
        "uncertainty_holds": ("holds", "± holds"),
        "surface": ("face", "plane", "termination"),
        "method": ("measured by", "calculated by"),
        "reference": ("ref", "doi", "source"),
        "color": ("colour",),
    },
    "levels": {
        "name": ("level", "couple", "electrode"),
        "energy": ("level relative to vacuum",),
        "work_function": ("wf", "phi"),
        "vs_she": ("she",),
        "vs_nhe": ("nhe",),
        "reference": ("ref", "doi", "source"),
    },
    "offsets": {
        "materials": ("pair",),
        "valence": ("vbo", "valence band offset"),
        "conduction": ("cbo", "conduction band offset"),
        "type": (),
        "uncertainty": ("±", "+-", "+/-", "error", "err"),
        "uncertainty_holds": ("holds", "± holds"),
        "method": ("measured by", "calculated by"),
        "reference": ("ref", "doi", "source"),
    },
}
LOOKS = frozenset(("gradient", "fade", "vb_gradient", "cb_gradient", "vb_colour", "cb_colour", "vb_color", "cb_color"))
"""What bapt's compounds say of colours; one colour a material is read, as `color`."""

_UNIT = re.compile(r"[\s_]*(?:[\[(/]\s*(?:ev|v)\s*[\])]?|[\s_]ev)$")


def named_fields(entry: LevelEntry) -> tuple[dict[str, LevelField], tuple[str, ...]]:
    """Name of a field, as dftflow calls it -> the field; and the names of those that say of looks.

    A field that is empty, as cells of CSV are, counts as left out.

    Raises
    ------
    InputError
        For a name that is not known, and for two fields of one meaning.
    """
    known = {_plain(word): name for name, words in _NAMES[entry.section].items() for word in (name, *words)}
    found: dict[str, LevelField] = {}
    looks = []
    for given in entry.fields:
        name = known.get(_plain(given.key))
        if name is None and given.key.lower() in LOOKS:
            looks.append(given.key)
        elif name is None:
            raise _unknown(given, entry.section, tuple(known))
        elif name in found:
            raise InputError(
                f"{shown(found[name].key)} and {shown(given.key)} mean the same", fix="leave one", where=given.where
            )
        elif any(given.texts) or given.is_list:
            found[name] = given
    return found, tuple(looks)


def _plain(key: str) -> str:
    """Without its unit, small, with single blanks."""
    return " ".join(_UNIT.sub("", key.strip().lower()).replace("_", " ").replace("-", " ").split()) or key


def _unknown(given: LevelField, section: str, known: tuple[str, ...]) -> InputError:
    near = difflib.get_close_matches(_plain(given.key), known, n=1, cutoff=0.6)
    guess = f"did you mean {near[0]!r}? " if near else ""
    if section == "materials" and _plain(given.key) in ("vbo", "cbo"):
        return InputError(
            f"{given.key} is an offset to the first material, and no level relative to vacuum",
            reason="offsets alone do not say where the vacuum level lies",
            fix="give ip and ea, or vbm and cbm, of each material; measured offsets between two go into [[offsets]]",
            where=given.where,
        )
    return InputError(
        f"unknown name {shown(given.key)}",
        fix=f"{guess}{section} have {', '.join(_NAMES[section])}; energies are in eV",
        where=given.where,
    )
