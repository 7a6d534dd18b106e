"""Which files in a folder belong to which VASP calculation.

VASP's names are fixed, so that a folder holds one calculation under them. What tools and people keep of others beside
it has a word more in its name, which all files of one calculation share: ``vasprun.xml.relax1`` (custodian),
``vasprun.hse.xml``, ``slab_OUTCAR``. Each may be compressed.
"""

from __future__ import annotations

import re
from pathlib import Path

from dftflow.codes.base import Calculation
from dftflow.codes.compressed import head_of, plain_file, plain_name

__all__ = ["NOT_READ", "calculations_in", "file_of"]

INPUTS = ("INCAR", "POSCAR", "KPOINTS", "KPOINTS_OPT", "POTCAR.spec")
OUTPUTS = ("vasprun.xml", "OUTCAR", "LOCPOT", "CHGCAR", "CONTCAR", "EIGENVAL", "DOSCAR", "OSZICAR")
TELLING = ("vasprun.xml", "OUTCAR", "LOCPOT")
NOT_READ = {
    "vaspout.h5": "results as HDF5",
    "EIGENVAL": "eigenvalues",
    "DOSCAR": "density of states",
    "PROCAR": "projected bands",
}
"""Name -> what a file holds that is named, but not read."""
HEAD_BYTES = 4096
_NAME = re.compile(
    r"(?:(.+)[._-])?(vasprun(?=[._-])|OUTCAR|LOCPOT|CHGCAR|KPOINTS_OPT|KPOINTS|INCAR)(?:\.xml)?(?:[._-](.+?))??(?:\.xml)?"
)


def calculations_in(folder: Path) -> tuple[Calculation, ...]:
    """The calculations in `folder`: one of VASP's outputs that is read or named, or an INCAR beside a POSCAR."""
    if not folder.is_dir():
        return ()
    groups: dict[str, list[Path]] = {}
    for file in sorted(folder.iterdir()):
        name, word = _name_and_word(file)
        if name and file.is_file() and (not word or _is_of_vasp(file, name)):
            groups.setdefault(word, []).append(file)
    return tuple(
        Calculation(code="vasp", folder=folder, seed=word or folder.name, files=tuple(sorted(files, key=_order)))
        for word, files in sorted(groups.items())
        if _is_calculation({_name_and_word(file)[0] for file in files}, word)
    )


def file_of(calculation: Calculation, name: str) -> Path:
    """What VASP calls `name` of `calculation`, without the ending of a compression, whether it exists or not."""
    found = next((file for file in calculation.files if _name_and_word(file)[0] == name), calculation.folder / name)
    return plain_file(found)


def _name_and_word(file: Path) -> tuple[str, str]:
    """VASP's name of `file`, and the word that it has more; two empty ones when it is none of VASP's."""
    name = plain_name(file)
    if name in (*INPUTS, *OUTPUTS, *NOT_READ):
        return name, ""
    found = _NAME.fullmatch(name)
    words = [] if found is None else [word for word in (found[1], found[3]) if word]
    if found is None or not words:
        return "", ""
    return ("vasprun.xml" if found[2] == "vasprun" else found[2]), ".".join(words)


def _is_of_vasp(file: Path, name: str) -> bool:
    """Whether a file with a word more in its name begins like one of VASP's."""
    if name == "vasprun.xml":
        return b"<modeling" in head_of(file, HEAD_BYTES)
    return name != "OUTCAR" or head_of(file, HEAD_BYTES).lstrip().startswith(b"vasp.")


def _is_calculation(names: set[str], word: str) -> bool:
    if word:
        return bool(names & {"vasprun.xml", "OUTCAR"})
    return bool(names & {*TELLING, *NOT_READ}) or names >= {"INCAR", "POSCAR"}


def _order(file: Path) -> int:
    return (*INPUTS, *OUTPUTS, *NOT_READ).index(_name_and_word(file)[0])
