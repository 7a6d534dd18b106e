"""Reads ``results.json`` of any version of dftflow into quantities.

Version 2 (``dftflow-results/2``, described by ``results.schema.json``) lists them. Version 1 does not: they are made
from its tables of materials and offsets, whose names version 2 keeps.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from dftflow.errors import ParseError
from dftflow.model.quantity import Missing, Quantity

__all__ = ["read_results"]

VERSIONS = ("dftflow-results/1", "dftflow-results/2")
NOT_TOLD = "the file does not tell why"
BULK = {
    "band_gap_ev": ("band gap", ""),
    "vbm_ev": ("valence band maximum", "on the scale of the run itself"),
    "cbm_ev": ("conduction band minimum", "on the scale of the run itself"),
    "fermi_ev": ("Fermi level", "on the scale of the run itself"),
}
SLAB = {
    "work_function_ev": ("work function", ""),
    "ionisation_potential_ev": ("ionisation potential", "bulk line-up through the slab"),
    "electron_affinity_ev": ("electron affinity", "bulk line-up through the slab"),
    "slab_gap_ev": ("band gap", "the slab's own bands"),
}
OFFSETS = {"valence_band_offset_ev": "valence band offset", "conduction_band_offset_ev": "conduction band offset"}


def read_results(file: Path) -> tuple[Quantity, ...]:
    """Every quantity of a ``results.json``.

    Parameters
    ----------
    file
        The file, or the folder that holds it.

    Raises
    ------
    ParseError
        When there is none, or it is damaged, or of an unknown version.
    """
    place = file / "results.json" if file.is_dir() else file
    try:
        content = json.loads(place.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ParseError("there are no results of a study here", reason=str(error), where=str(place)) from error
    version = content.get("schema") if isinstance(content, dict) else None
    if version not in VERSIONS:
        raise ParseError(
            "this is no results.json of a study, or one of another version of dftflow",
            reason=f"its schema is {version!r}; known are {', '.join(VERSIONS)}",
            where=str(place),
        )
    try:
        listed = content["quantities"] if version == VERSIONS[1] else None
        return tuple(_first_version(content) if listed is None else map(_quantity, listed))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ParseError(
            "results.json is damaged", reason=f"{type(error).__name__}: {error}", where=str(place)
        ) from error


def _quantity(plain: Mapping[str, Any]) -> Quantity:
    content = dict(plain)
    content["origin"], content["remarks"] = tuple(content["origin"]), tuple(content["remarks"])
    if content["uncertainty"] is not None:
        low, high = content["uncertainty"]
        content["uncertainty"] = (low, high)
    if content["missing"] is not None:
        content["missing"] = Missing(**content["missing"])
    return Quantity(**content)


# --- version 1 --------------------------------------------------------------------------------------------------


def _first_version(content: Mapping[str, Any]) -> Iterator[Quantity]:
    for name, material in content["materials"].items():
        bulk = material["bulk"]
        for key, (quantity, method) in BULK.items():
            yield _number(quantity, name, method, bulk, key, bulk["from"]["edges"])
        yield Quantity(name="volume", subject=name, unit="Å³", value=bulk["volume_ang3"])
        for slab in material["slabs"]:
            plane = f"({''.join(map(str, slab['miller']))}) {slab['setting']}"
            subject = f"{name} {plane}, {slab['termination']}"
            for key, (quantity, method) in SLAB.items():
                yield _number(quantity, subject, method, slab, key, slab["from"]["levels"])
    for row in content["alignments"]:
        subject = f"{row['first']} | {row['second']}"
        for key, quantity in OFFSETS.items():
            yield _number(quantity, subject, row["method"], row, key, row["source"])
        yield Quantity(
            name="type of the alignment", subject=subject, unit="", value=row["type"], method=row["method"],
            origin=(row["source"],) if row["source"] else (),
        )  # fmt: skip


def _number(name: str, subject: str, method: str, owner: Mapping[str, Any], key: str, origin: str | None) -> Quantity:
    """One number, without what version 1 called its uncertainty: that held the flatness of the slab's middle alone."""
    why = Missing(kind="not derived", reason=owner.get("missing", {}).get(key) or NOT_TOLD)
    steps = (origin,) if origin else ()
    return Quantity.of(name, subject, "eV", owner.get(key), why, method=method, origin=steps)
