"""A crystal from a file of any kind that is read here; what no crystal can be is refused for all of them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

from pymatgen.core import Structure

from dftflow.crystals.castep_cell_file import read_cell
from dftflow.crystals.cif_file import read_cif
from dftflow.crystals.contacts import check_contacts
from dftflow.crystals.crystal import Crystal
from dftflow.crystals.file_notes import Read, check_element
from dftflow.crystals.json_file import read_json
from dftflow.crystals.missing_hydrogens import check_hydrogens
from dftflow.crystals.number_bounds import (
    MAX_ATOMS_READ,
    MAX_FILE_BYTES,
    check_cif_counts,
    check_lines,
    check_poscar_counts,
    check_size,
)
from dftflow.crystals.poscar_file import read_poscar
from dftflow.crystals.pw_input_file import read_pw_input
from dftflow.crystals.structure_format import FORMATS, StructureFormat, format_of
from dftflow.crystals.symmetry import space_group
from dftflow.crystals.xyz_file import read_xyz
from dftflow.errors import DftflowError, StructureError
from dftflow.input_file import read_named

__all__ = ["checked", "read_atoms", "read_structure_file", "reader_of"]

_FORMATS = f"{', '.join(FORMATS[:-1])} or {FORMATS[-1]}"
_READERS: dict[StructureFormat, Callable[[str, str], Read]] = {
    "cif": read_cif,
    "poscar": read_poscar,
    "cell": read_cell,
    "xyz": read_xyz,
    "pw": read_pw_input,
    "json": read_json,
}


def reader_of(path: Path) -> Callable[[str, str], Read] | None:
    """What reads a file of this name; None when nothing does."""
    format = format_of(path.name)
    return None if format is None else _READERS[format]


def _text(path: Path, content: bytes) -> str:
    if not content.strip():
        raise StructureError("the file is empty", fix="write the crystal into it", where=str(path))
    if b"\0" in content:
        raise StructureError("this is a binary file", fix=f"give a text file: {_FORMATS}", where=str(path))
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def checked(structure: Structure, where: str) -> Structure:
    if not len(structure):
        raise StructureError("there are no atoms", fix="check that the file is complete", where=where)
    check_size(structure, where, most_atoms=MAX_ATOMS_READ)
    check_contacts(structure, where=where)
    return structure


def read_structure_file(path: Path, source: str, *, mixed_sites: bool = False) -> Crystal:
    """With `mixed_sites` a CIF may have places of several elements, see `dftflow.crystals.partial_sites`."""
    (structure, messages, reference), content = _read(path, mixed_sites=mixed_sites)
    group = space_group(checked(structure, str(path)))
    check_hydrogens(structure, str(path))
    return Crystal(
        name=path.stem,
        structure=structure,
        source=source,
        reference=reference,
        sha256=hashlib.sha256(content).hexdigest(),
        space_group=group.symbol,
        space_group_number=group.number,
        confidence="file",
        warnings=tuple(messages),
    )


def read_atoms(path: Path) -> Structure:
    """The atoms of a file that a code left, wherever it had got to: near each other as in no crystal, maybe."""
    structure = _read(path)[0][0]
    check_size(structure, str(path), most_atoms=MAX_ATOMS_READ)
    return structure


def _read(path: Path, *, mixed_sites: bool = False) -> tuple[Read, bytes]:
    reader = reader_of(path)
    content = read_named(path, limit_bytes=MAX_FILE_BYTES, error=StructureError)
    text = _text(path, content)
    if reader is None:
        raise StructureError(f"unknown kind of file {path.name!r}", fix=f"give {_FORMATS}", where=str(path))
    check_lines(text, str(path))
    if reader is read_cif:
        check_cif_counts(text, str(path))
    if reader is read_poscar:
        check_poscar_counts(text, str(path))
    try:
        if reader is read_cif:
            return read_cif(text, str(path), mixed=mixed_sites), content
        return reader(text, str(path)), content
    except DftflowError:
        raise
    except KeyError as error:
        check_element(str(error.args[0]), text, str(path))
        raise _unreadable(path, error) from error
    except Exception as error:  # the readers raise whatever their parsing code happens to raise
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> StructureError:
    return StructureError(
        f"this file cannot be read as {path.suffix.lstrip('.').upper() or 'POSCAR'}",
        reason=f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'no details'}",
        fix="check that the file is complete and of the kind its name says",
        where=str(path),
    )
