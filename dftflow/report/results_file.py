"""Reads ``results.json`` of any version of dftflow into quantities.

Version 2 (``dftflow-results/2``, described by ``results.schema.json``) lists them. Version 1 does not: they are made
from its tables of materials and offsets, whose names version 2 keeps.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args

from dftflow.errors import InputError, ParseError
from dftflow.input_file import NotAFile, named_place
from dftflow.model.alignment import Range
from dftflow.model.point import Point
from dftflow.model.quantity import (
    ALIGNMENT_TYPE,
    BY_LINE_UP_WAY,
    CONDUCTION_OFFSET,
    VALENCE_OFFSET,
    Missing,
    MissingKind,
    Quantity,
)
from dftflow.stored_file import plain_json, read_stored

__all__ = ["read_results"]

VERSIONS = ("dftflow-results/1", "dftflow-results/2")
FIELDS = frozenset(field.name for field in fields(Quantity))
KINDS: tuple[MissingKind, ...] = get_args(MissingKind)
NOT_TOLD = "the file does not tell why"
BULK = {
    "band_gap_ev": ("band gap", ""),
    "vbm_ev": ("valence band maximum", "on the scale of the run itself"),
    "cbm_ev": ("conduction band minimum", "on the scale of the run itself"),
    "fermi_ev": ("Fermi level", "on the scale of the run itself"),
}
SLAB = {
    "work_function_ev": ("work function", ""),
    "ionisation_potential_ev": ("ionisation potential", BY_LINE_UP_WAY),
    "electron_affinity_ev": ("electron affinity", BY_LINE_UP_WAY),
    "slab_gap_ev": ("band gap", "the slab's own bands"),
}
OFFSETS = {"valence_band_offset_ev": VALENCE_OFFSET, "conduction_band_offset_ev": CONDUCTION_OFFSET}


def read_results(file: Path) -> tuple[Quantity, ...]:
    """Every quantity of a ``results.json``.

    Parameters
    ----------
    file
        The file, or the folder that holds it.

    Raises
    ------
    InputError
        When there is none, or no regular file.
    ParseError
        When it is damaged, or of an unknown version.
    """
    file = named_place(file)
    place = file / "results.json" if file.is_dir() else file
    try:
        content = plain_json(read_stored(place, links=True).decode("utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(
            "there are no results of a study here",
            where=str(place),
            fix="give a results.json, or the folder that `dftflow run`, `collect` or `report` wrote one to",
        ) from None
    except NotAFile as error:
        raise InputError("this is no results.json", reason=str(error.strerror), where=str(place)) from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise ParseError("results.json cannot be read", reason=reason, where=str(place)) from error
    except ValueError as error:
        raise ParseError("results.json cannot be read", reason=str(error), where=str(place)) from error
    version = content.get("schema") if isinstance(content, dict) else None
    if version not in VERSIONS:
        raise ParseError(
            "this is no results.json of a study, or one of another version of dftflow",
            reason=f"its schema is {version!r}; known are {', '.join(VERSIONS)}",
            where=str(place),
        )
    try:
        return tuple(_first_version(content) if version == VERSIONS[0] else _listed(content["quantities"]))
    except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        raise ParseError(
            "results.json is damaged", reason=f"{type(error).__name__}: {error}", where=str(place)
        ) from error


def _listed(quantities: object) -> Iterator[Quantity]:
    if not isinstance(quantities, list):
        raise ValueError(f"quantities is no list: {quantities!r}"[:120])
    return map(_quantity, quantities)


def _quantity(plain: Mapping[str, Any]) -> Quantity:
    unknown = plain.keys() - FIELDS
    if unknown:
        raise ValueError(f"a quantity has no {', '.join(sorted(unknown))}")
    missing, reach, point = plain["missing"], plain["uncertainty"], plain.get("point", {})
    return Quantity(
        **{name: _text(plain[name], name) for name in ("name", "subject", "method", "unit", "uncertainty_holds")},
        value=_value(plain["value"]),
        uncertainty=None if reach is None else _range(reach),
        origin=_texts(plain["origin"], "origin"),
        remarks=_texts(plain["remarks"], "remarks"),
        missing=None if missing is None else Missing(kind=_kind(missing["kind"]), reason=_text(missing["reason"])),
        point=Point.of({key: _setting(value) for key, value in point.items()}),
    )


def _setting(value: object) -> float | str:
    if isinstance(value, int) and not isinstance(value, bool):
        return value  # a seed has more digits than a float
    return value if isinstance(value, str) else _float(value)


def _text(value: object, name: str = "reason") -> str:
    if not isinstance(value, str):
        raise ValueError(f"{name} is no text: {value!r}"[:120])
    return value


def _texts(values: object, name: str) -> tuple[str, ...]:
    if not isinstance(values, list):
        raise ValueError(f"{name} is no list: {values!r}"[:120])
    return tuple(_text(value, name) for value in values)


def _value(value: object) -> float | str | None:
    return value if value is None or isinstance(value, str) else _float(value)


def _float(value: object) -> float:
    """A finite number as float, an integer as well as one with a point."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{value!r} is no number"[:120])
    return float(value)


def _range(ends: object) -> Range:
    if not isinstance(ends, list) or len(ends) != 2:
        raise ValueError(f"a range is the lowest and the highest: {ends!r}"[:120])
    low, high = map(_float, ends)
    if low > high:
        raise ValueError(f"a range is the lowest and the highest: {ends!r}"[:120])
    return low, high


def _kind(value: object) -> MissingKind:
    for kind in KINDS:
        if value == kind:
            return kind
    raise ValueError(f"{value!r} is no kind of reason; known are {', '.join(KINDS)}")


# --- version 1 --------------------------------------------------------------------------------------------------


def _first_version(content: Mapping[str, Any]) -> Iterator[Quantity]:
    for name, material in content["materials"].items():
        bulk = material["bulk"]
        for key, (quantity, method) in BULK.items():
            yield _number(quantity, name, method, bulk, key, bulk["from"]["edges"])
        cell = bulk["from"]["cell"]
        yield Quantity(
            name="volume", subject=name, unit="Å³", value=_float(bulk["volume_ang3"]), origin=(cell,) if cell else ()
        )
        for slab in material["slabs"]:
            plane = f"({''.join(map(str, slab['miller']))}) {slab['setting']}"
            subject = f"{name} {plane}, {slab['termination']}"
            for key, (quantity, method) in SLAB.items():
                yield _number(quantity, subject, method, slab, key, slab["from"]["levels"])
    for row in content["alignments"]:
        subject = f"{row['first']} | {row['second']}"
        for key, quantity in OFFSETS.items():
            yield _number(quantity, subject, _text(row["method"], "method"), row, key, row["source"])
        yield Quantity(
            name=ALIGNMENT_TYPE, subject=subject, unit="", value=_text(row["type"], "type"),
            method=row["method"], origin=(row["source"],) if row["source"] else (),
        )  # fmt: skip


def _number(name: str, subject: str, method: str, owner: Mapping[str, Any], key: str, origin: str | None) -> Quantity:
    """One number, without what version 1 called its uncertainty: that held the flatness of the slab's middle alone."""
    why = Missing(kind="not derived", reason=owner.get("missing", {}).get(key) or NOT_TOLD)
    value = owner.get(key)
    return Quantity.of(
        name, subject, "eV", None if value is None else _float(value), why, method=method,
        origin=(origin,) if origin else (),
    )  # fmt: skip
