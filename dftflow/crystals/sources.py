"""A study's crystal, from wherever it is: shipped, a file, the Materials Project, or a provider of OPTIMADE."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from dftflow.crystals.crystal import Crystal
from dftflow.crystals.database_names import is_database_query, is_optimade
from dftflow.crystals.missing_hydrogens import check_hydrogens
from dftflow.crystals.shipped import load_shipped, shipped_names
from dftflow.crystals.structure_file import checked, read_structure_file, reader_of
from dftflow.errors import StructureError
from dftflow.input_file import named_place

__all__ = ["from_database", "load_crystal"]


def _nearest(path: Path) -> Iterator[str]:
    if path.parent.is_dir():
        yield from difflib.get_close_matches(path.name, [entry.name for entry in path.parent.iterdir()], n=2)
    yield from difflib.get_close_matches(path.name, shipped_names(), n=2)


def _not_found(source: str, path: Path, where: str) -> StructureError:
    near = list(_nearest(path))
    looks_like_file = reader_of(path) is not None or (path.parent != Path() and "/" in source)
    return StructureError(
        f"no crystal {source!r}",
        reason=f"there is no file {path}" if looks_like_file else f"it is no shipped name, and there is no file {path}",
        fix=f"did you mean {' or '.join(near)}?" if near else f"shipped are {', '.join(shipped_names())}",
        where=where or (str(path) if looks_like_file else ""),
    )


def from_database(query: str, *, refresh: bool = False) -> Crystal:
    """The crystal that a database is asked for, once more where that is wanted; raises as `load_crystal`."""
    from dftflow.crystals import materials_project, optimade  # with what asks

    ask = optimade.fetch_structure if is_optimade(query) else materials_project.fetch_structure
    crystal = ask(query, refresh=refresh)
    check_hydrogens(checked(crystal.structure, crystal.name), crystal.name)
    return replace(crystal, source=query)


def load_crystal(
    source: str | os.PathLike[str], *, base_dir: Path | None = None, where: str = "", mixed_sites: bool = False
) -> Crystal:
    """A crystal with where it is from, as a study or a person names it.

    Parameters
    ----------
    source
        A shipped name (``"CsPbBr3_Pnma"``), a path (CIF, POSCAR or CONTCAR, CASTEP .cell, extended XYZ with a
        lattice, input of pw.x, JSON of pymatgen), ``"mp-567629"`` or ``"mp:CsPbBr3"``, ``"optimade:cod/1000041"``.
    base_dir
        Folder that a relative path counts from, such as that of the study; the working folder unless given.
    where
        Place in the study, for the message when there is no such crystal.
    mixed_sites
        Take a CIF with places of several elements, or of one in part: the element with the largest share stands
        there, and `dftflow.crystals.partial_sites` orders it.

    Returns
    -------
    Crystal
        Its cell as given: no axis is exchanged, nothing is reduced. What the readers remarked is in ``warnings``.

    Raises
    ------
    StructureError
        No such crystal (with the nearest names), or a file that is empty, binary, damaged, disordered, without a
        lattice, or with an unknown element or space group.
    ClashError
        Two atoms overlap.
    SourceError
        From the Materials Project, or from a provider of OPTIMADE.
    """
    path = named_place(source, base=base_dir, error=StructureError)
    source = os.fspath(source)
    if source in shipped_names():
        return load_shipped(source)
    if is_database_query(source) and not path.exists():
        return from_database(source)
    if not source.strip() or not path.exists():
        raise _not_found(source, path, where)
    return read_structure_file(path, source, mixed_sites=mixed_sites)
