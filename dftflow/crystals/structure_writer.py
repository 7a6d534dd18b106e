"""A crystal as the text of a file, in every format that `dftflow.crystals.structure_file` reads.

Numbers have 12 decimals or more, so that a relaxed crystal keeps its symmetry at tight tolerances. What a format has no
place for is told beside the text, and a crystal that none of the readers takes is refused.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from pymatgen.core import Species, Structure

from dftflow.crystals.atoms import to_extxyz
from dftflow.crystals.file_notes import plain
from dftflow.crystals.ions import OXIDATION_STATE, ionic_units
from dftflow.crystals.plain import MARKS, plain_structure
from dftflow.crystals.structure_format import FORMATS, format_of
from dftflow.errors import StructureError, SurfaceError

__all__ = ["WrittenStructure", "structure_text"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenStructure:
    """The text of a file, and what of the crystal is not in it."""

    text: str
    lost: tuple[str, ...] = ()


def structure_text(structure: Structure, name: str) -> WrittenStructure:
    """`structure` in the format that the file name `name` asks for.

    Parameters
    ----------
    structure
        Ordered; any cell, which is written as it stands. A CIF gives lengths and angles, and the lattice vectors read
        from it lie as those do that pymatgen makes of them.
    name
        ``a.cif``, ``POSCAR`` or ``CONTCAR`` and whatever follows, ``a.vasp``, ``a.cell`` (CASTEP), ``a.extxyz``,
        ``a.xyz``, ``a.in`` or ``a.pwi`` (pw.x), ``a.json`` (pymatgen).

    Raises
    ------
    StructureError
        There is no such format, or the crystal is disordered or empty.
    """
    format = format_of(name)
    if format is None:
        raise StructureError(
            f"no structure format has a name like {Path(name).name!r}", fix=f"use one of {', '.join(FORMATS)}"
        )
    if not structure.is_ordered or not len(structure):
        what = "has sites with mixed or partial occupation" if len(structure) else "has no atoms"
        raise StructureError(f"this crystal {what}", fix="make an ordered model of it")
    if format == "json":
        return WrittenStructure(text=_json(structure))
    states = _states(structure)
    if format == "cif" and _cif_holds(states):
        return WrittenStructure(text=_cif(_charged(structure, states)), lost=_lost(structure, with_states=True))
    return WrittenStructure(text=_WRITERS[format](plain(structure)), lost=_lost(structure, with_states=False))


def _states(structure: Structure) -> list[float | None]:
    """Oxidation state of each site, of its species or as the property that dftflow's readers set."""
    own = structure.site_properties.get(OXIDATION_STATE, [None] * len(structure))
    return [getattr(site.specie, "oxi_state", None) if state is None else state
            for site, state in zip(structure, own, strict=True)]  # fmt: skip


def _cif_holds(states: list[float | None]) -> bool:
    """Whether the type symbols of a CIF (``Sn4+``) can tell them: whole numbers, not all of them 0."""
    told = [state for state in states if state is not None]
    return any(told) and all(state == round(state) for state in told)


def _charged(structure: Structure, states: list[float | None]) -> Structure:
    """As `plain`, of ions."""
    symbols = [site.specie.symbol for site in structure]
    ions = [symbol if state is None else Species(symbol, state) for symbol, state in zip(symbols, states, strict=True)]
    return Structure(structure.lattice, ions, structure.frac_coords)


def _lost(structure: Structure, *, with_states: bool) -> tuple[str, ...]:
    """What the file does not hold and JSON would, one line each."""
    lost = []
    told = any(state is not None for state in _states(structure))
    if told and not with_states and not _finds_the_same_charges(structure):
        lost.append("oxidation states are not in this file")
    isotopes = sorted({name for site in structure if (name := _element_name(site.specie)) != site.specie.symbol})
    if isotopes:
        lost.append(f"{' and '.join(isotopes)} is written as H")
    if any(site.label not in (site.species_string, _element_name(site.specie)) for site in structure):
        lost.append("the labels of the sites are not in this file")
    others = sorted(set(structure.site_properties) - {*MARKS, OXIDATION_STATE})
    if others:
        lost.append(f"properties of sites are not in this file: {', '.join(others)}")
    if structure._charge:
        lost.append(f"the charge of the cell ({structure._charge:+g}) is not in this file")
    return tuple(f"{line}; .json keeps it" for line in lost)


def _finds_the_same_charges(structure: Structure) -> bool:
    """Whether the ions of a file without oxidation states get the charges that these tell: 0 in an element."""
    try:
        told, found = (
            [(unit.indices, unit.charge) for unit in ionic_units(one)] for one in (structure, plain(structure))
        )
    except SurfaceError:
        return False
    return told == found


def _element_name(specie: Any) -> str:
    """``"D"`` for deuterium, whose symbol is that of hydrogen."""
    return str(getattr(specie, "element", specie).value)


# --- formats ----------------------------------------------------------------------------------------------------


def _json(structure: Structure) -> str:
    return json.dumps(plain_structure(structure), ensure_ascii=False, allow_nan=False) + "\n"


def _cif(structure: Structure) -> str:
    from pymatgen.io.cif import CifWriter

    return str(CifWriter(structure, significant_figures=12))


def _rows(structure: Structure, first: str = "{:<2s}", last: str = "") -> list[str]:
    """A row a site: its element, and its fractional coordinates."""
    return [
        f"{first.format(site.specie.symbol)}{''.join(f' {x:18.14f}' for x in site.frac_coords)}{last}"
        for site in structure
    ]


def _vectors(structure: Structure) -> list[str]:
    return ["".join(f" {value:18.12f}" for value in row) for row in structure.lattice.matrix]


def _poscar(structure: Structure) -> str:
    kinds = [(symbol, len(list(same))) for symbol, same in groupby(site.specie.symbol for site in structure)]
    names, counts = "".join(f" {name:>4s}" for name, _ in kinds), "".join(f" {count:>4d}" for _, count in kinds)
    formula = structure.composition.reduced_formula
    rows = _rows(structure, first="")
    return "\n".join([formula, "1.0", *_vectors(structure), names, counts, "Direct", *rows]) + "\n"


def _block(name: str, lines: list[str]) -> list[str]:
    return [f"%BLOCK {name}", *lines, f"%ENDBLOCK {name}", ""]


def _cell(structure: Structure) -> str:
    lines = _block("LATTICE_CART", ["ang", *_vectors(structure)]) + _block("POSITIONS_FRAC", _rows(structure))
    return "\n".join(lines)


def _pw_input(structure: Structure) -> str:
    """The crystal for pw.x. What a calculation needs besides is left out, and pw.x asks for it."""
    elements = list(dict.fromkeys(site.specie for site in structure))
    masses = [f"{element.symbol:<2s} {float(element.atomic_mass):9.4f}  {element.symbol}.upf" for element in elements]
    return "\n".join(
        [
            "! A crystal, and no calculation: ecutwfc is to be given, and the names of the potentials below are",
            "! placeholders. `dftflow deck` writes a whole input.",
            "&CONTROL",
            "/",
            "&SYSTEM",
            "  ibrav = 0",
            f"  nat = {len(structure)}",
            f"  ntyp = {len(elements)}",
            "/",
            "&ELECTRONS",
            "/",
            "ATOMIC_SPECIES",
            *masses,
            "CELL_PARAMETERS angstrom",
            *_vectors(structure),
            "ATOMIC_POSITIONS crystal",
            *_rows(structure),
            "",
        ]
    )


_WRITERS = {"cif": _cif, "poscar": _poscar, "cell": _cell, "xyz": to_extxyz, "pw": _pw_input}
