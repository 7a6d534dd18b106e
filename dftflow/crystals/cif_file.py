"""A crystal from a CIF (https://www.iucr.org/resources/cif), read by pymatgen, whose silent guesses are refused."""

from __future__ import annotations

import re
import warnings
from typing import Any

import numpy as np
from pymatgen.core import Element
from pymatgen.io.cif import CifFile, CifParser

from dftflow.crystals.file_notes import Read, check_element, messages_of, place, plain
from dftflow.errors import ClashError, StructureError

__all__ = ["read_cif"]


def _cif_column(block: dict[str, Any], name: str) -> list[str]:
    value = block.get(name, [])
    return [value] if isinstance(value, str) else list(value)


def _number(text: str) -> float:
    """Value of a CIF number, its standard uncertainty in brackets dropped; NaN when it is none."""
    try:
        return float(re.sub(r"\(\d+\)$", "", text))
    except ValueError:
        return float("nan")


def _cif_block(text: str, where: str) -> dict[str, Any]:
    """The one data block of a CIF that holds atoms, with its lattice, elements and occupancies checked."""
    blocks = [dict(block.data) for block in CifFile.from_str(text).data.values()]
    with_atoms = [block for block in blocks if "_atom_site_fract_x" in block]
    if len(with_atoms) != 1:
        raise StructureError(
            f"this CIF holds {len(with_atoms) or 'no'} crystal{'s' if with_atoms else ''}",
            reason="exactly one data block with atoms (_atom_site_fract_x) is needed",
            fix="keep one data block" if with_atoms else "check that the file is a complete CIF",
            where=where,
        )
    block = with_atoms[0]
    for key in ("length_a", "length_b", "length_c", "angle_alpha", "angle_beta", "angle_gamma"):
        if not _number(str(block.get(f"_cell_{key}", ""))) > 0:
            raise StructureError(
                "this CIF has no lattice",
                reason=f"_cell_{key} is missing or no positive number",
                fix="give all three lengths and angles",
                where=place(where, text, f"_cell_{key}"),
            )
    _check_cif_sites(block, text, where)
    return block


def _check_cif_sites(block: dict[str, Any], text: str, where: str) -> None:
    labels = _cif_column(block, "_atom_site_label")
    symbols = _cif_column(block, "_atom_site_type_symbol") or labels
    for symbol in symbols:
        letters = re.match(r"[A-Za-z]*", symbol).group(0).capitalize()  # type: ignore[union-attr]
        if symbols is labels:  # "OW1" and "CA2" are an oxygen and a carbon: the reader's own guess is taken
            letters = next((part for part in (letters[:2], letters[:1]) if Element.is_valid_symbol(part)), letters)
        check_element(letters, text, where)
    occupancies = [_number(value) for value in _cif_column(block, "_atom_site_occupancy")]
    partial = [k for k, value in enumerate(occupancies) if value < 0.999]
    if partial:
        name = (labels or symbols)[partial[0]]
        raise StructureError(
            "this crystal is disordered",
            reason=f"{len(partial)} of its sites are partly occupied, the first is {name} ({occupancies[partial[0]]})",
            fix="make an ordered model of it (pymatgen's EnumerateStructureTransformation or supercell program), "
            "or start from a shipped crystal and substitute",
            where=place(where, text, rf"^\s*{re.escape(name)}\s|\s{re.escape(name)}\s"),
        )
    xyz = np.array(
        [[_number(v) for v in _cif_column(block, f"_atom_site_fract_{axis}")] for axis in "xyz"], dtype=np.float64
    ).T
    apart = np.abs((xyz[:, None] - xyz[None] + 0.5) % 1 - 0.5).max(axis=2)
    same = np.argwhere(np.triu(apart < 1e-4, k=1))
    if len(same):
        k, j = map(int, same[0])
        names = labels or symbols
        raise ClashError(
            f"{names[k]} and {names[j]} (atoms {k + 1} and {j + 1} of the list) are 0.000 Å apart",
            reason="both are listed at the same place",
            fix="remove one of them",
            where=place(where, text, rf"(?<!\S){re.escape(names[j])}(?!\S)"),
        )


def read_cif(text: str, where: str) -> Read:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        block = _cif_block(text, where)
        structures = CifParser.from_str(text).parse_structures(primitive=False)
    messages = messages_of(caught)
    declared = [key for key in block if re.search(r"space_?group_(name_H-M|IT_number)|Int_Tables_number", key, re.I)]
    operations = any("xyz" in key for key in block)
    names = [str(block[key]) for key in declared if "H-M" in key]
    by_symbol = any("Spacegroup from" in str(entry.message) for entry in caught)
    if names and not operations and not by_symbol:
        raise StructureError(
            f"unknown space group {names[0]!r}",
            reason="the file lists no symmetry operations, so the symbol alone says which atoms there are",
            fix="write a Hermann-Mauguin symbol such as 'P n m a', or list the operations",
            where=place(where, text, "name_H-M"),
        )
    if not declared and not operations:
        messages.append("the file names no space group: only the listed atoms were taken (P1)")
    doi = next((str(block[key]) for key in block if key.lower().endswith("_doi")), "")
    return plain(structures[0]), [m for m in messages if "Defaulting to P1" not in m], doi
