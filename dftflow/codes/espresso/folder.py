"""Which files in a folder belong to which calculation of Quantum ESPRESSO.

dftflow's decks are named ``<seed>.<stage>.in``, and each stage leaves ``<seed>.<stage>.out`` and ``.xml``. Files of
other people have names of their own; those are told by how they begin.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from dftflow.codes.base import Calculation

__all__ = ["PW_STAGES", "STAGES", "calculations_in", "file_of"]

PW_STAGES = ("relax", "scf", "", "nscf", "bands")
STAGES = (*PW_STAGES[:2], "", "pp", "average", *PW_STAGES[3:])
HEAD_BYTES = 3000
SAVED = "data-file-schema.xml"
_NAME = re.compile(r"(.+?)(?:\.(relax|scf|nscf|bands|pp|average))?\.(in|out|xml|pot|average\.dat|sh)")
_INPUT = re.compile(rb"^\s*&(?:control|inputpp)\b", re.IGNORECASE | re.MULTILINE)
_OUTPUT = re.compile(rb"Program (?:PWSCF|POST-PROC|AVERAGE) v\.")
_XML = b"quantum-espresso.org/ns/qes"


def file_of(calculation: Calculation, stage: str, suffix: str) -> Path:
    """``<seed>.<stage><suffix>``, or ``<seed><suffix>`` without a stage, whether it exists or not.

    Where the calculation has no such file, but one other output of that kind that belongs to no stage, that one.
    """
    name = f"{calculation.seed}.{stage}{suffix}" if stage else f"{calculation.seed}{suffix}"
    exact = calculation.folder / name
    if stage or os.path.lexists(exact):
        return exact
    others = [f for f in calculation.files if f.suffix == suffix and not f.name.startswith(f"{calculation.seed}.")]
    return others[0] if len(others) == 1 else exact


def calculations_in(folder: Path) -> tuple[Calculation, ...]:
    """The calculations whose files lie in `folder`, by seed; ``()`` when there are none, or it is no folder."""
    try:
        files = sorted(file for file in folder.iterdir() if file.is_file())
    except OSError:
        return ()
    if folder.suffix == ".save":
        return _saved(folder)
    groups: dict[str, list[Path]] = {}
    telling: set[str] = set()
    for file in files:
        found = _NAME.fullmatch(file.name)
        if found is None or file.name == SAVED:
            continue
        groups.setdefault(found[1], []).append(file)
        if found[3] in ("in", "out", "xml") and _is_espresso(file, found[3]):
            telling.add(found[1])
    chosen = _merged({seed: groups[seed] for seed in sorted(telling)})
    return tuple(
        Calculation(code="espresso", folder=folder, seed=seed, files=tuple(group)) for seed, group in chosen.items()
    )


def _saved(folder: Path) -> tuple[Calculation, ...]:
    """``<prefix>.save`` counts when nothing beside it tells of the same calculation."""
    beside = list(folder.parent.glob(f"{folder.stem}.*xml"))
    file = folder / SAVED
    if beside or not file.is_file():
        return ()
    return (Calculation(code="espresso", folder=folder, seed=SAVED.removesuffix(".xml"), files=(file,)),)


def _is_espresso(file: Path, suffix: str) -> bool:
    try:
        with file.open("rb") as stream:
            head = stream.read(HEAD_BYTES)
    except OSError:
        return False
    if suffix == "xml":
        return _XML in head
    return (_INPUT if suffix == "in" else _OUTPUT).search(head) is not None


def _merged(groups: dict[str, list[Path]]) -> dict[str, list[Path]]:
    """One XML and one output of different names are the two halves of one calculation."""
    with_xml = [seed for seed, files in groups.items() if any(file.suffix == ".xml" for file in files)]
    rest = [seed for seed in groups if seed not in with_xml]
    if len(with_xml) != 1 or not rest or len(rest) > 1:
        return groups
    (seed,), (other,) = with_xml, rest
    if any(file.suffix == ".out" for file in groups[seed]):
        return groups
    return {seed: sorted([*groups[seed], *groups[other]])}
