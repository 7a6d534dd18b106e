"""Tables of levels that somebody wrote: IP and EA, VBM and CBM, or one and the gap, into band edges below the vacuum.

A name has a meaning and a sign: IP = -VBM and EA = -CBM, relative to the vacuum level. Numbers that stand there twice
(IP and VBM; IP, EA and gap) have to agree within the digits that are written.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import get_args

from dftflow.analysis.alignment import published_alignment
from dftflow.errors import InputError
from dftflow.model.alignment import AbsoluteEdges, Alignment, AlignmentType, Range, ReferenceLevel
from dftflow.model.printable import is_line, shown
from dftflow.model.sourced_levels import LevelSource, SourcedLevels
from dftflow.quoted.level_file import LevelEntry, LevelField, entries_of, read_level_file
from dftflow.quoted.level_keys import named_fields
from dftflow.quoted.level_numbers import ReadNumber, read_number, read_range

__all__ = ["QUOTED", "read_level_mapping", "read_level_table", "reference_level"]

QUOTED = "quoted levels"
NOT_TOLD = "as quoted; its source does not say what it holds"
SHE_EV = 4.44
"""Recommended absolute potential of the standard hydrogen electrode, ± 0.02 V, water, 298.15 K."""
SHE_SOURCE = "SHE 4.44 ± 0.02 eV below vacuum, 10.1351/pac198658070955"
LOWEST_AFFINITY_EV = -3.0
LEAST_POTENTIAL_EV = 1.5
"""Of any solid: multialkali photocathodes have 1.55 eV (gap 1.0 eV, electron affinity 0.55 eV)."""
MOST_TEXT = 300
TYPES: tuple[AlignmentType, ...] = get_args(AlignmentType)

_Fields = Mapping[str, LevelField]


def read_level_table(file: Path) -> LevelSource:
    """What a table of levels holds.

    Parameters
    ----------
    file
        TOML, YAML (bapt's too) or CSV, by its suffix. Its sections are ``materials``, ``levels`` and ``offsets``; a CSV
        has one material a row.

    Raises
    ------
    InputError
        It cannot be read, or a number in it cannot be what its name says; with file and line.
    """
    entries, looks = read_level_file(file)
    return _source(entries, looks, str(file))


def read_level_mapping(materials: Mapping[str, object], where: str) -> LevelSource:
    """The same of a mapping from Python: name -> ``{"ip_ev": 5.9, "ea_ev": 3.6}``; raises as `read_level_table`."""
    return _source(entries_of(materials, where), (), where)


def _source(entries: tuple[LevelEntry, ...], looks: tuple[str, ...], where: str) -> LevelSource:
    levels, references, offsets = [], [], []
    ignored = list(looks)
    for entry in entries:
        fields, more = named_fields(entry)
        ignored += more
        if entry.section == "materials":
            levels.append(_levels(fields, entry))
        elif entry.section == "levels":
            references.append(_reference(fields, entry))
        else:
            offsets.append(_offset(fields, entry))
    if not entries:
        raise InputError("the table is empty", fix="give a name, IP and EA of each material", where=where)
    names = ", ".join(dict.fromkeys(ignored))
    notes = (f"{where}: colours and fonts are not taken from it: {names}",) if names else ()
    return LevelSource(levels=tuple(levels), references=tuple(references), offsets=tuple(offsets), notes=notes)


# --- texts ------------------------------------------------------------------------------------------------------


def _text(fields: _Fields, name: str) -> str:
    """The text of a field, in one line; ``""`` where it is left out."""
    if name not in fields:
        return ""
    field = fields[name]
    text = field.texts[0].strip() if len(field.texts) == 1 else ""
    if not text or len(text) > MOST_TEXT or not is_line(text):
        raise InputError(
            f"{field.key} is {shown(', '.join(field.texts))}",
            fix=f"give one line of at most {MOST_TEXT} characters",
            where=field.where,
        )
    return text


def _name(fields: _Fields, entry: LevelEntry) -> str:
    if "name" not in fields:
        raise InputError("an entry has no name", fix='add name = "CsPbBr3"', where=entry.where)
    # bapt's names are matplotlib's: $_3$ is a count that dftflow lowers itself
    return re.sub(r"\$_\{?([\d.]+)\}?\$", r"\1", _text(fields, "name"))


def _color(fields: _Fields) -> str:
    """As the figures take it: ``#0072B2``, a name such as ``red``."""
    color = _text(fields, "color")
    if color and not re.fullmatch(r"#[0-9A-Fa-f]{6}", color):
        from matplotlib.colors import is_color_like  # takes long to load

        if color.lower() == "none" or not is_color_like(color):
            raise InputError(
                f"{shown(color)} is no colour", fix="give one such as #0072B2", where=fields["color"].where
            )
    return color


def _holds(fields: _Fields) -> str:
    holds = _text(fields, "uncertainty_holds")
    if "uncertainty" in fields:
        return holds or NOT_TOLD
    if holds:
        raise InputError(
            "it says what an uncertainty holds, and gives none",
            fix="add uncertainty = 0.1, or leave it out",
            where=fields["uncertainty_holds"].where,
        )
    return ""


# --- materials --------------------------------------------------------------------------------------------------


def _levels(fields: _Fields, entry: LevelEntry) -> SourcedLevels:
    name = _name(fields, entry)
    numbers = {key: read_number(fields[key]) for key in ("ip", "ea", "vbm", "cbm", "gap") if key in fields}
    vbm_ev, cbm_ev = _edges(numbers, name, entry)
    method = _text(fields, "method")
    edges = AbsoluteEdges(
        material=name,
        surface=_text(fields, "surface"),
        vbm_ev=vbm_ev,
        cbm_ev=cbm_ev,
        range_ev=_range(fields, numbers),
        source=_text(fields, "reference") or entry.where,
    )
    above = f"its CBM is quoted {cbm_ev:g} eV above the vacuum level (a negative electron affinity)"
    return SourcedLevels(
        edges=edges,
        way=QUOTED,
        method=method,
        range_holds=_holds(fields),
        origin=entry.where,
        color=_color(fields),
        remarks=(above,) if cbm_ev > 0 else (),
    )


def _edges(numbers: Mapping[str, ReadNumber], name: str, entry: LevelEntry) -> tuple[float, float]:
    """VBM and CBM, eV relative to vacuum, of whichever of the five numbers are there."""
    _check_signs(numbers)
    _agree(numbers, "ip", "vbm", -1)
    _agree(numbers, "ea", "cbm", -1)
    vbm_ev, cbm_ev = _either(numbers, "vbm", "ip"), _either(numbers, "cbm", "ea")
    gap = numbers.get("gap")
    if gap is not None:
        vbm_ev = cbm_ev - gap.value if vbm_ev is None and cbm_ev is not None else vbm_ev
        if cbm_ev is None and vbm_ev is not None:
            cbm_ev = round(vbm_ev + gap.value, 9)
    if vbm_ev is None or cbm_ev is None:
        lacks, fix = (
            ("VBM", "ip = ..., or vbm = ...") if vbm_ev is None else ("CBM", "ea = ..., cbm = ..., or gap = ...")
        )
        raise InputError(
            f"{name} has no {lacks}", reason=f"given: {', '.join(numbers) or 'no number'}", fix=f"add {fix}",
            where=entry.where,
        )  # fmt: skip
    _check_order(numbers, name, vbm_ev, cbm_ev, entry)
    return round(vbm_ev, 9), round(cbm_ev, 9)


def _either(numbers: Mapping[str, ReadNumber], level: str, depth: str) -> float | None:
    if level in numbers:
        return numbers[level].value
    return 0.0 - numbers[depth].value if depth in numbers else None


def _check_signs(numbers: Mapping[str, ReadNumber]) -> None:
    for key, sign, other, what in (
        ("ip", 1, "vbm", "an ionisation potential is positive, the depth of the VBM below the vacuum level"),
        ("vbm", -1, "ip", "relative to the vacuum level a VBM is negative"),
        ("gap", 1, "", "a gap is positive"),
    ):
        number = numbers.get(key)
        if number is not None and not sign * number.value > 0:
            value = f"{abs(number.value):g}"
            signed = {"ip": f"{key} = {value}", "vbm": f"{key} = -{value}", "gap": f"{key} = {value}"}[key]
            meant = {"vbm": f", or vbm = -{value}", "ip": f", or ip = {value}", "": ""}[other]
            raise InputError(
                f"{number.field.key} is {number.field.texts[0]} eV",
                reason=what,
                fix="leave the material out" if not number.value else f"write {signed}{meant}, whichever is meant",
                where=number.field.where,
            )
    for key, sign in (("ea", 1), ("cbm", -1)):
        number = numbers.get(key)
        if number is not None and sign * number.value < LOWEST_AFFINITY_EV:
            raise InputError(
                f"{number.field.key} is {number.field.texts[0]} eV, a CBM far above the vacuum level",
                reason="EA = -CBM; the sign has most likely slipped",
                fix=f"write {key} = {-number.value:g}",
                where=number.field.where,
            )


def _agree(numbers: Mapping[str, ReadNumber], one: str, other: str, sign: int) -> None:
    """Refuse two numbers for one level that differ by more than their rounding."""
    if one not in numbers or other not in numbers:
        return
    first, second = numbers[one], numbers[other]
    if abs(first.value - sign * second.value) > first.rounding + second.rounding + 1e-9:
        raise InputError(
            f"{first.field.key} = {first.field.texts[0]} and {second.field.key} = {second.field.texts[0]} disagree",
            reason=f"{one.upper()} is -{other.upper()}",
            fix="leave the wrong one out",
            where=second.field.where,
        )


def _check_order(numbers: Mapping[str, ReadNumber], name: str, vbm_ev: float, cbm_ev: float, entry: LevelEntry) -> None:
    if not vbm_ev < 0:
        raise InputError(
            f"the VBM of {name} would lie {vbm_ev:g} eV above the vacuum level", fix="check EA and gap",
            where=entry.where,
        )  # fmt: skip
    if vbm_ev > -LEAST_POTENTIAL_EV:
        given = numbers.get("vbm") or numbers.get("ip")
        raise InputError(
            f"the VBM of {name} would lie {-vbm_ev:g} eV below the vacuum level, that of no solid lies so high",
            reason="energies relative to E_F or to a VBM are no levels below vacuum",
            fix="give IP and EA, or VBM and CBM relative to the vacuum level",
            where=entry.where if given is None else given.field.where,
        )
    if not cbm_ev > vbm_ev:
        raise InputError(
            f"the CBM of {name} ({cbm_ev:g} eV) does not lie above its VBM ({vbm_ev:g} eV)",
            fix=f"if they are exchanged, write ip = {0 - cbm_ev:g} and ea = {0 - vbm_ev:g}; a metal has no band edges: "
            "give its work function under levels",
            where=entry.where,
        )
    gap = numbers.get("gap")
    reach = sum(number.rounding for number in numbers.values()) + 1e-9
    if gap is not None and abs(cbm_ev - vbm_ev - gap.value) > reach:
        raise InputError(
            f"the gap of {name} is given as {gap.field.texts[0]} eV, and its edges lie {cbm_ev - vbm_ev:g} eV apart",
            reason="the optical gap is smaller than that between the edges by what binds the exciton",
            fix="leave gap out, or leave out the edge that was not found with it",
            where=gap.field.where,
        )


def _range(fields: _Fields, numbers: Mapping[str, ReadNumber]) -> Range:
    """Of both levels; that of depths (IP, EA) is turned round."""
    if "uncertainty" not in fields:
        return 0.0, 0.0
    low, high = read_range(fields["uncertainty"])
    depths, levels = (any(key in numbers for key in keys) for keys in (("ip", "ea"), ("vbm", "cbm")))
    if depths and levels and low != -high:
        raise InputError(
            f"uncertainty is {low:g} to {high:g} eV, of IP and EA or of VBM and CBM",
            reason="both are given, and it turns round between them",
            fix="give one kind alone",
            where=fields["uncertainty"].where,
        )
    return (0.0 - high, 0.0 - low) if depths else (low, high)


# --- reference levels -------------------------------------------------------------------------------------------


def reference_level(name: str, value: float, scale: str, source: str) -> ReferenceLevel:
    """A level beside the band edges.

    Parameters
    ----------
    value
        In eV on the vacuum scale, in V on the others.
    scale
        ``"vacuum"``; ``"SHE"`` or ``"NHE"``: a potential in water at 298.15 K, put below the vacuum by 4.44 eV
        (10.1351/pac198658070955); NHE is taken for SHE.

    Raises
    ------
    InputError
        It lies above the vacuum level.
    """
    if scale == "vacuum":
        energy_ev = value
    else:
        energy_ev = round(-SHE_EV - value, 9)
        taken = f"{scale} taken for SHE; {SHE_SOURCE}" if scale != "SHE" else SHE_SOURCE
        source = "; ".join(filter(None, (source, taken)))
    if not energy_ev < 0:
        raise InputError(
            f"the level {name} would lie {energy_ev:g} eV above the vacuum level",
            fix=f"write {-value:g}, or name its scale: a potential is given vs SHE",
            where=source,
        )
    return ReferenceLevel(name=name, energy_ev=energy_ev, source=source)


def _reference(fields: _Fields, entry: LevelEntry) -> ReferenceLevel:
    name = _name(fields, entry)
    given = [key for key in ("energy", "work_function", "vs_she", "vs_nhe") if key in fields]
    if len(given) != 1:
        raise InputError(
            f"the level {name} is given by {' and '.join(given) or 'no number'}",
            fix="give one of energy (relative to vacuum, negative), work_function, vs_she, vs_nhe",
            where=entry.where,
        )
    number = read_number(fields[given[0]])
    scale = {"vs_she": "SHE", "vs_nhe": "NHE"}.get(given[0], "vacuum")
    value = number.value
    if scale == "vacuum" and (given[0] == "energy") == (value >= 0):
        raise InputError(
            f"{number.field.key} is {number.field.texts[0]} eV",
            reason="relative to vacuum a level is negative, a work function positive",
            fix=f"write {given[0]} = {-value:g}; a potential relative to SHE is vs_she = {value:g}",
            where=number.field.where,
        )
    value = 0.0 - value if given[0] == "work_function" else value
    return reference_level(name, value, scale, _text(fields, "reference") or (entry.where if scale == "vacuum" else ""))


# --- offsets that were found by others --------------------------------------------------------------------------


def _offset(fields: _Fields, entry: LevelEntry) -> Alignment:
    pair = fields["materials"].texts if "materials" in fields else ()
    if len(pair) == 1:
        pair = tuple(part.strip() for part in pair[0].split("|"))
    if len(pair) != 2 or pair[0] == pair[1] or not all(pair) or not all(map(is_line, pair)):
        raise InputError(
            "an offset is between two materials", fix='write materials = ["CsPbBr3", "FAPbBr3"]', where=entry.where
        )
    if "valence" not in fields:
        raise InputError("an offset has no valence", fix="add valence = 0.17 (first minus second)", where=entry.where)
    method = _text(fields, "method")
    type = _type(fields)
    row = published_alignment(
        method=method or "published",
        first_name=pair[0],
        second_name=pair[1],
        valence_band_offset_ev=read_number(fields["valence"]).value,
        conduction_band_offset_ev=read_number(fields["conduction"]).value if "conduction" in fields else None,
        type=type or "not resolved",
        tolerance_ev=0.0,
        source=_text(fields, "reference") or entry.where,
    )
    range_ev = read_range(fields["uncertainty"]) if "uncertainty" in fields else None
    remarks = () if type else ("no type of the alignment is quoted with it",)
    return replace(row, range_ev=range_ev, range_holds=_holds(fields), remarks=remarks, relaxed=None)


def _type(fields: _Fields) -> AlignmentType | None:
    given = _text(fields, "type")
    for known in TYPES:
        if given == known:
            return known
    if given:
        raise InputError(f"{shown(given)} is no type", fix=f"one of {', '.join(TYPES)}", where=fields["type"].where)
    return None
