"""A study's crystal, from wherever it is: shipped, a file, or the Materials Project.

Files are read by pymatgen (CIF, POSCAR) and ASE (CASTEP .cell, extended XYZ), whose silent guesses (a cell without
symmetry for an unknown space group, hydrogen and helium for a POSCAR without elements, Å for an unknown unit) are
refused here.
"""

from __future__ import annotations

import difflib
import hashlib
import io
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from pymatgen.core import Element, Structure
from pymatgen.io.cif import CifFile, CifParser
from pymatgen.io.vasp import Poscar

from dftflow.crystals.atoms import from_arrays
from dftflow.crystals.contacts import check_contacts
from dftflow.crystals.crystal import Crystal
from dftflow.crystals.shipped import load_shipped, shipped_names
from dftflow.crystals.symmetry import space_group
from dftflow.errors import ClashError, DftflowError, StructureError

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["load_crystal"]

_DATABASE_QUERY = re.compile(r"mp[-:].*")
_FORMATS = ".cif, POSCAR, CONTCAR, .vasp, .cell, .extxyz or .xyz"

# What pymatgen says on every file, or says twice.
_NOISE = (
    "Issues encountered",
    "Skipping relative stoichiometry",
    "Cannot determine chemical composition",
    "Spacegroup from",
)

Warnings = list[str]


def _line(text: str, pattern: str) -> int | None:
    """Number of the first line that holds `pattern`."""
    found = (number for number, line in enumerate(text.splitlines(), 1) if re.search(pattern, line))
    return next(found, None)


def _at(where: str, text: str, pattern: str) -> str:
    line = _line(text, pattern)
    return where if line is None else f"{where}:{line}"


def _plain(structure: Structure) -> Structure:
    """Only lattice, elements and coordinates: no oxidation states, velocities, labels or constraints."""
    return Structure(structure.lattice, [Element(site.specie.symbol) for site in structure], structure.frac_coords)


def _check_element(symbol: str, text: str, where: str) -> None:
    if not Element.is_valid_symbol(symbol):
        raise StructureError(
            f"unknown element {symbol!r}",
            fix="give a symbol of the periodic table",
            where=_at(where, text, rf"(?<!\w){re.escape(symbol)}(?![a-z])"),
        )


def _messages(caught: Sequence[warnings.WarningMessage]) -> Warnings:
    texts = [str(entry.message) for entry in caught if not issubclass(entry.category, DeprecationWarning)]
    return list(dict.fromkeys(text.splitlines()[0] for text in texts if text and not any(n in text for n in _NOISE)))


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
                where=_at(where, text, f"_cell_{key}"),
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
        _check_element(letters, text, where)
    occupancies = [_number(value) for value in _cif_column(block, "_atom_site_occupancy")]
    partial = [k for k, value in enumerate(occupancies) if value < 0.999]
    if partial:
        name = (labels or symbols)[partial[0]]
        raise StructureError(
            "this crystal is disordered",
            reason=f"{len(partial)} of its sites are partly occupied, the first is {name} ({occupancies[partial[0]]})",
            fix="make an ordered model of it (pymatgen's EnumerateStructureTransformation or supercell program), "
            "or start from a shipped crystal and substitute",
            where=_at(where, text, rf"^\s*{re.escape(name)}\s|\s{re.escape(name)}\s"),
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
            where=_at(where, text, rf"(?<!\S){re.escape(names[j])}(?!\S)"),
        )


def _read_cif(text: str, where: str) -> tuple[Structure, Warnings, str]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        block = _cif_block(text, where)
        structures = CifParser.from_str(text).parse_structures(primitive=False)
    messages = _messages(caught)
    declared = [key for key in block if re.search(r"space_?group_(name_H-M|IT_number)|Int_Tables_number", key, re.I)]
    operations = any("xyz" in key for key in block)
    names = [str(block[key]) for key in declared if "H-M" in key]
    by_symbol = any("Spacegroup from" in str(entry.message) for entry in caught)
    if names and not operations and not by_symbol:
        raise StructureError(
            f"unknown space group {names[0]!r}",
            reason="the file lists no symmetry operations, so the symbol alone says which atoms there are",
            fix="write a Hermann-Mauguin symbol such as 'P n m a', or list the operations",
            where=_at(where, text, "name_H-M"),
        )
    if not declared and not operations:
        messages.append("the file names no space group: only the listed atoms were taken (P1)")
    doi = next((str(block[key]) for key in block if key.lower().endswith("_doi")), "")
    return _plain(structures[0]), [m for m in messages if "Defaulting to P1" not in m], doi


def _read_poscar(text: str, where: str) -> tuple[Structure, Warnings, str]:
    lines = text.splitlines()
    symbols = lines[5].split() if len(lines) > 5 else []
    for symbol in symbols:
        if not symbol.isdigit():
            _check_element(re.split(r"[_/]", symbol)[0], text, where)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        structure = Poscar.from_str(text, read_velocities=False).structure
    messages = _messages(caught)
    if any("false names" in message for message in messages):
        raise StructureError(
            "this POSCAR names no elements",
            reason="line 6 holds numbers, as in the format of VASP 4",
            fix="insert a line with the element symbols before the numbers of atoms",
            where=f"{where}:6",
        )
    return _plain(structure), messages, ""


def _from_atoms(atoms: Atoms, where: str) -> Structure:
    if atoms.cell.rank < 3:
        raise StructureError(
            "this file holds a molecule, not a crystal",
            reason="it has no lattice",
            fix='add one (extended XYZ: Lattice="ax ay az bx by bz cx cy cz" in the second line)',
            where=where,
        )
    return from_arrays(atoms.numbers, atoms.cell.array, atoms.positions)


def _read_cell(text: str, where: str) -> tuple[Structure, Warnings, str]:
    from ase.io.castep import read_castep_cell

    if re.search(r"(?im)^[^#!]*\bMIXTURE\b", text):
        raise StructureError(
            "this crystal is disordered",
            reason="an atom is a mixture of two species",
            fix="make an ordered model of it",
            where=_at(where, text, r"(?i)\bMIXTURE\b"),
        )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        # A tolerance of 3 keeps ASE from looking for a CASTEP binary to ask for its keywords.
        atoms = read_castep_cell(io.StringIO(text), calculator_args={"keyword_tolerance": 3})
    messages = _messages(caught)
    if any("unit specifier" in message for message in messages):
        raise StructureError(
            "unknown unit of length in a block",
            reason=next(message for message in messages if "unit specifier" in message),
            fix="write ang, bohr, nm, pm, cm or m, or leave the unit out (Å)",
            where=_at(where, text, r"(?i)%BLOCK\s+(LATTICE|POSITIONS_ABS)"),
        )
    return _from_atoms(atoms, where), messages, ""


def _read_xyz(text: str, where: str) -> tuple[Structure, Warnings, str]:
    from ase.io import read

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        frames = read(io.StringIO(text), format="extxyz", index=":")
    messages = _messages(caught)
    if len(frames) > 1:
        messages.append(f"the file holds {len(frames)} frames: the last one was taken")
    return _from_atoms(cast("Atoms", frames[-1]), where), messages, ""


def _reader(path: Path) -> Callable[[str, str], tuple[Structure, Warnings, str]] | None:
    readers = {
        ".cif": _read_cif,
        ".cell": _read_cell,
        ".xyz": _read_xyz,
        ".extxyz": _read_xyz,
        ".vasp": _read_poscar,
        ".poscar": _read_poscar,
    }
    if re.match(r"(POSCAR|CONTCAR)", path.name, re.I):
        return _read_poscar
    return readers.get(path.suffix.lower())


def _text(path: Path, content: bytes) -> str:
    if not content.strip():
        raise StructureError("the file is empty", fix="write the crystal into it", where=str(path))
    if b"\0" in content:
        raise StructureError("this is a binary file", fix=f"give a text file: {_FORMATS}", where=str(path))
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def _bytes(path: Path) -> bytes:
    if path.is_dir():
        raise StructureError("this is a folder, not a file", fix="name the file in it", where=str(path))
    try:
        return path.read_bytes()
    except OSError as error:
        raise StructureError(
            "the file cannot be read", reason=error.strerror or str(error), fix="check its permissions", where=str(path)
        ) from error


def _checked(structure: Structure, where: str) -> Structure:
    if not len(structure):
        raise StructureError("there are no atoms", fix="check that the file is complete", where=where)
    if not np.all(np.isfinite(structure.frac_coords)) or not structure.volume > 1e-3:
        raise StructureError(
            "the lattice has no volume, or a coordinate is no number",
            fix="check the lattice vectors and the coordinates",
            where=where,
        )
    check_contacts(structure, where=where)
    return structure


def _read_file(path: Path, source: str) -> Crystal:
    reader = _reader(path)
    content = _bytes(path)
    text = _text(path, content)
    if reader is None:
        raise StructureError(f"unknown kind of file {path.name!r}", fix=f"give {_FORMATS}", where=str(path))
    try:
        structure, messages, reference = reader(text, str(path))
    except DftflowError:
        raise
    except KeyError as error:
        _check_element(str(error.args[0]), text, str(path))
        raise _unreadable(path, error) from error
    except Exception as error:  # the readers raise whatever their parsing code happens to raise
        raise _unreadable(path, error) from error
    group = space_group(_checked(structure, str(path)))
    messages += _contradiction(text, path, group.number)
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


def _contradiction(text: str, path: Path, number: int) -> Warnings:
    """A warning when a CIF gives another space-group number than its atoms have."""
    given = re.search(r"^_(?:space_group_IT_number|symmetry_Int_Tables_number)\s+'?(\d+)", text, re.M)
    if path.suffix.lower() != ".cif" or given is None or int(given.group(1)) in (1, number):
        return []
    return [f"the file says space group number {given.group(1)}, its atoms have {number}"]


def _unreadable(path: Path, error: Exception) -> StructureError:
    return StructureError(
        f"this file cannot be read as {path.suffix.lstrip('.').upper() or 'POSCAR'}",
        reason=f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'no details'}",
        fix="check that the file is complete and of the kind its name says",
        where=str(path),
    )


def _nearest(path: Path) -> Iterator[str]:
    if path.parent.is_dir():
        yield from difflib.get_close_matches(path.name, [entry.name for entry in path.parent.iterdir()], n=2)
    yield from difflib.get_close_matches(path.name, shipped_names(), n=2)


def _not_found(source: str, path: Path, where: str) -> StructureError:
    near = list(_nearest(path))
    looks_like_file = _reader(path) is not None or (path.parent != Path() and "/" in source)
    return StructureError(
        f"no crystal {source!r}",
        reason=f"there is no file {path}" if looks_like_file else f"it is no shipped name, and there is no file {path}",
        fix=f"did you mean {' or '.join(near)}?" if near else f"shipped are {', '.join(shipped_names())}",
        where=where or (str(path) if looks_like_file else ""),
    )


def _from_database(query: str) -> Crystal:
    from dftflow.crystals.materials_project import fetch_structure

    answer = fetch_structure(query)
    structure = _checked(_plain(answer.structure), str(answer.material_id))
    group = space_group(structure)
    return Crystal(
        name=str(answer.material_id),
        structure=structure,
        source=query,
        reference=f"{answer.material_id}, Materials Project {answer.database_version}, retrieved {answer.retrieved}",
        sha256=answer.sha256,
        space_group=group.symbol,
        space_group_number=group.number,
        confidence="database",
        warnings=tuple(answer.warnings),
    )


def load_crystal(source: str, *, base_dir: Path, where: str = "") -> Crystal:
    """The crystal that a study names.

    Parameters
    ----------
    source
        A shipped name (``"CsPbBr3_Pnma"``), a path (CIF, POSCAR or CONTCAR, CASTEP .cell, extended XYZ with a
        lattice), ``"mp-567629"`` or ``"mp:CsPbBr3"``.
    base_dir
        Folder that a relative path counts from: that of the study.
    where
        Place in the study, for the message when there is no such crystal.

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
    SourceError, CodeNotFoundError
        From the Materials Project.
    """
    if source in shipped_names():
        return load_shipped(source)
    path = base_dir / Path(source).expanduser()
    if _DATABASE_QUERY.fullmatch(source) and not path.exists():
        return _from_database(source)
    if not source.strip() or not path.exists():
        raise _not_found(source, path, where)
    return _read_file(path, source)
