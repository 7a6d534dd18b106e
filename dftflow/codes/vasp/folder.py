"""Which files in a folder belong to a VASP calculation: VASP's names are fixed, so that a folder holds one."""

from __future__ import annotations

from pathlib import Path

from dftflow.codes.base import Calculation

__all__ = ["calculations_in"]

INPUTS = ("INCAR", "POSCAR", "KPOINTS", "POTCAR.spec")
OUTPUTS = ("vasprun.xml", "OUTCAR", "LOCPOT", "CONTCAR", "EIGENVAL", "DOSCAR", "OSZICAR")
TELLING = ("vasprun.xml", "OUTCAR", "LOCPOT")


def calculations_in(folder: Path) -> tuple[Calculation, ...]:
    """The calculation in `folder`: one of VASP's outputs that can be read, or an INCAR beside a POSCAR."""
    if not folder.is_dir():
        return ()
    here = {name for name in (*INPUTS, *OUTPUTS) if (folder / name).is_file()}
    if not here & set(TELLING) and not {"INCAR", "POSCAR"} <= here:
        return ()
    files = tuple(folder / name for name in (*INPUTS, *OUTPUTS) if name in here)
    return (Calculation(code="vasp", folder=folder, seed=folder.name, files=files),)
