"""Crystals and slabs, from wherever they are, as a figure."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import Unpack

from pymatgen.core import Lattice, Structure

from dftflow.analysis.calculation_levels import slab_normal
from dftflow.api.calculation import Calculation
from dftflow.api.plotted import LookOptions, PlottedFigure, plotted, refuse_more, refuse_unknown
from dftflow.api.sources import LeftOut, Source, named_calculations
from dftflow.api.structures import StructureLike, as_structure
from dftflow.crystals.ions import formula_of
from dftflow.crystals.sources import load_crystal
from dftflow.crystals.structure_file import reader_of
from dftflow.crystals.symmetry import space_group
from dftflow.errors import AnalysisError, InputError, StructureError
from dftflow.figures.structure import ShownStructure, structures_drawing
from dftflow.gate.found import FoundCalculation
from dftflow.input_file import named_place

__all__ = ["standing", "structure"]

MOST = 24


def structure(*sources: Source | StructureLike, **look: Unpack[LookOptions]) -> PlottedFigure:
    """Crystals and slabs: from folders of results, structure files, shipped names, or pymatgen's structures.

    Raises
    ------
    InputError
        There is no such folder, file or crystal.
    """
    refuse_unknown(structure, look, "window")
    shown: list[ShownStructure] = []
    left_out: list[LeftOut] = []
    for source in sources:
        here, without = _found(source)
        shown += [_shown(name, structure) for name, structure in here]
        left_out += without
    if not shown:
        raise InputError("there is no structure to draw", fix="give a folder of results, a structure file or a name")
    refuse_more(len(shown), MOST)
    title = "Crystal structures" if len(shown) > 1 else shown[0].name
    names = [one.name for one in shown]
    return plotted(
        names, look, lambda look: structures_drawing(shown, look, name="structure", title=title), left_out=left_out
    )


def _found(source: Source | StructureLike) -> tuple[list[tuple[str, Structure]], list[LeftOut]]:
    """The structures that `source` holds, each with its name; and what has none.

    A folder or an output file has those of its calculations; anything else is a crystal, by name or file.
    """
    if not isinstance(source, str | PathLike | Calculation | FoundCalculation):
        structure = as_structure(source)
        return [(formula_of(structure), structure)], []
    if isinstance(source, str | PathLike) and not _is_of_calculations(named_place(source)):
        crystal = load_crystal(source)
        return [(crystal.name, crystal.structure)], []
    calculations, left_out = named_calculations([source])
    shown: list[tuple[str, Structure]] = []
    for one in calculations:
        calculated = one.found.results.structure
        if calculated is None:
            left_out.append((one.name, "it tells no structure"))
        else:
            shown.append((one.name, calculated))
    if not shown:
        raise AnalysisError(
            "the calculations here tell no structure", reason=", ".join(one.name for one in calculations)
        )
    return shown, left_out


def _is_of_calculations(place: Path) -> bool:
    return place.is_dir() or (place.is_file() and reader_of(place) is None)


def _shown(name: str, structure: Structure) -> ShownStructure:
    normal = slab_normal(structure.frac_coords, structure.lattice.matrix)
    if normal is not None:
        return ShownStructure(name=name, structure=standing(structure, normal), is_slab=True)
    try:
        symbol = space_group(structure).symbol
    except StructureError:
        symbol = ""
    return ShownStructure(name=name, structure=structure, note=symbol)


def standing(structure: Structure, normal: int) -> Structure:
    """The same slab with the lattice vector `normal` as the third one."""
    order = [axis for axis in range(3) if axis != normal] + [normal]
    lattice = Lattice(structure.lattice.matrix[order])
    return Structure(lattice, structure.species, structure.frac_coords[:, order])
