"""Molecular cations, each in a frame of its own: centre of mass at the origin, long axis along x."""

from __future__ import annotations

import difflib
import io
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from ase.data import atomic_masses, atomic_numbers

from dftflow.crystals.number_bounds import check_lines
from dftflow.crystals.xyz_file import last_frame
from dftflow.errors import StructureError
from dftflow.input_file import named_place, read_named
from dftflow.model.results import FloatArray, readonly

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["MOLECULES", "Molecule", "load_molecule"]


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class Molecule:
    """A molecule that may take the place of an atom.

    Attributes
    ----------
    name
        ``"FA"``, ``"MA"`` or the stem of the file.
    symbols
        Elements, one an atom.
    positions_ang
        shape (n_atoms, 3); the centre of mass is the origin, so that it comes to lie on the site. The long axis is x
        (FA: N···N; MA: from C to N), the second axis y (FA: from C to its H; MA: the plane of one H-C-N-H).
    charge
        Of the molecule as one unit, in e.
    source
        Where the geometry is from.
    """

    name: str
    symbols: tuple[str, ...]
    positions_ang: FloatArray
    charge: int
    source: str

    def __post_init__(self) -> None:
        positions = readonly(self.positions_ang, (len(self.symbols), 3), "positions_ang")
        masses = np.array([atomic_masses[atomic_numbers[symbol]] for symbol in self.symbols])
        object.__setattr__(
            self, "positions_ang", readonly(positions - masses @ positions / masses.sum(), (None, 3), "")
        )


MAX_MOLECULE_BYTES = 1 << 20
MAX_MOLECULE_ATOMS = 200
"""An ion on the site of an atom has ten; the organic layers between perovskite slabs have some tens."""
MAX_EXTENT_ANG = 100.0
_ASE_FORMATS = {
    ".xyz": "extxyz",
    ".extxyz": "extxyz",
    ".mol": "mol",
    ".sdf": "sdf",
    ".pdb": "proteindatabank",
}
_FIX = "give an .xyz, .mol, .sdf or .pdb file with one molecule"
_GAS_PHASE = "gas-phase optimisation of the ion for dftflow, PBE/def2-TZVP, PySCF 2.14 with geomeTRIC"

MOLECULES: dict[str, Molecule] = {
    # C-N 1.315, C-H 1.093, N-H 1.017 and 1.019 Å, N-C-N 125.4°, planar.
    "FA": Molecule(
        name="FA",
        symbols=("C", "H", "N", "N", "H", "H", "H", "H"),
        positions_ang=np.array(
            [
                [0.0, -0.0028, 0.0],
                [0.0, 1.0897, 0.0],
                [1.1686, -0.6057, 0.0],
                [-1.1686, -0.6057, 0.0],
                [2.0231, -0.0542, 0.0],
                [-2.0231, -0.0542, 0.0],
                [1.2734, -1.6194, 0.0],
                [-1.2734, -1.6194, 0.0],
            ]
        ),
        charge=1,
        source=_GAS_PHASE,
    ),
    # C-N 1.511, C-H 1.095, N-H 1.031 Å, H-C-N 108.4°, H-N-C 111.5°, staggered.
    "MA": Molecule(
        name="MA",
        symbols=("C", "N", "H", "H", "H", "H", "H", "H"),
        positions_ang=np.array(
            [
                [-0.0187, 0.0, 0.0],
                [1.4923, 0.0, 0.0],
                [-0.3637, 1.0387, 0.0],
                [-0.3637, -0.51935, 0.89954],
                [-0.3637, -0.51935, -0.89954],
                [1.8698, -0.9599, 0.0],
                [1.8698, 0.47995, -0.83130],
                [1.8698, 0.47995, 0.83130],
            ]
        ),
        charge=1,
        source=_GAS_PHASE,
    ),
}


def _sense(masses: FloatArray, along: FloatArray) -> float:
    """+1 or -1: the sense in which the third moment of the mass, or else the first atom off the plane, is positive."""
    third = float(masses @ along**3)
    if abs(third) > 0.01 * float(masses @ np.abs(along) ** 3):
        return float(np.sign(third))
    off_plane = along[np.abs(along) > 0.1]
    return float(np.sign(off_plane[0])) if len(off_plane) else 1.0


def _standard_frame(atoms: Atoms) -> FloatArray:
    """Positions about the centre of mass, turned so that x, y, z are the axes of inertia, smallest moment first.

    z completes a right-handed frame, so that the molecule keeps its hand.
    """
    masses = np.asarray(atomic_masses[atoms.numbers], dtype=np.float64)
    centred = atoms.positions - masses @ atoms.positions / masses.sum()
    _, axes = np.linalg.eigh(np.einsum("n,ni,nj->ij", masses, centred, centred))
    axes = axes[:, ::-1] * [_sense(masses, along) for along in (centred @ axes[:, ::-1]).T]
    axes[:, 2] = np.cross(axes[:, 0], axes[:, 1])
    return np.asarray(centred @ axes, dtype=np.float64)


def _read_molecule(path: Path, charge: int) -> Molecule:
    where = str(path)
    content = read_named(path, limit_bytes=MAX_MOLECULE_BYTES, error=StructureError)
    if path.suffix.lower() not in _ASE_FORMATS:
        raise StructureError(f"unknown kind of file {path.name!r}", fix=_FIX, where=where)
    if b"\0" in content:
        raise StructureError("this is a binary file", fix=_FIX, where=where)
    text = content.decode("utf-8", "replace").removeprefix("\ufeff")
    try:
        check_lines(text, where)
        atoms = _atoms(text, path.suffix.lower(), where)
    except StructureError as error:
        raise _unreadable(error.reason or error.summary, error.where) from error
    except Exception as error:  # ASE's readers raise whatever their parsing code happens to raise
        raise _unreadable(f"{type(error).__name__}: {str(error)[:200]}", where) from error
    if len(atoms) < 2 or not np.all(np.abs(atoms.positions - atoms.positions[:1]) <= MAX_EXTENT_ANG):
        raise StructureError(
            "this file holds no molecule",
            reason=f"two or more atoms are needed, with coordinates that are numbers, within {MAX_EXTENT_ANG:g} Å",
            fix=_FIX,
            where=where,
        )
    if len(atoms) > MAX_MOLECULE_ATOMS or 0 in atoms.numbers:
        raise StructureError(
            "this file holds no molecule that can be put on a site",
            reason=f"up to {MAX_MOLECULE_ATOMS} atoms of known elements are read; there are {len(atoms)}"
            + (", and one of no element (X)" if 0 in atoms.numbers else ""),
            fix=_FIX,
            where=where,
        )
    return Molecule(
        name=path.stem,
        symbols=tuple(map(str, atoms.symbols)),
        positions_ang=_standard_frame(atoms),
        charge=charge,
        source=path.name,
    )


def _atoms(text: str, suffix: str, where: str) -> Atoms:
    """The molecule, the last one where there are several; every count in the file is held against it."""
    from ase import Atoms
    from ase.io import read

    if suffix in (".xyz", ".extxyz"):
        text = last_frame(text, where).text
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        atoms = read(io.StringIO(text), index=-1, format=_ASE_FORMATS[suffix])
    assert isinstance(atoms, Atoms)
    if suffix in (".mol", ".sdf"):
        promised = int(text.split("\n")[3][:3])
        if promised != len(atoms):
            raise StructureError("a line is missing", reason=f"the file has {len(atoms)} of its {promised} atoms")
    return atoms


def _unreadable(reason: str, where: str) -> StructureError:
    return StructureError("this file cannot be read as a molecule", reason=reason, fix=_FIX, where=where)


def load_molecule(name_or_file: str | Path, *, base_dir: Path | None = None, charge: int = 1) -> Molecule:
    """Built-in cation, or a molecule from a file.

    Parameters
    ----------
    name_or_file
        ``"FA"``, ``"MA"``, or a file (.xyz, .extxyz, .mol, .sdf or .pdb). A file's molecule is turned so that its
        axis of least inertia is the long axis.
    base_dir
        Folder that a relative path counts from; the working folder when left out.
    charge
        Of a molecule from a file.

    Raises
    ------
    StructureError
        For an unknown name, and for a file that is missing, no regular one, or holds no molecule.
    """
    name = str(name_or_file)
    if name in MOLECULES:
        return MOLECULES[name]
    path = named_place(name, base=base_dir, error=StructureError)
    if path.is_file():
        return _read_molecule(path, charge)
    folder = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
    near = difflib.get_close_matches(name, MOLECULES, cutoff=0.3) + difflib.get_close_matches(path.name, folder)
    raise StructureError(
        f"no molecule {name!r}",
        reason=f"it is neither one of {', '.join(MOLECULES)} nor a file",
        fix=f"did you mean {near[0]!r}?" if near else "give FA, MA or the path of an .xyz file",
        where=str(path) if path.suffix else "",
    )
