"""Which files in a folder belong to which calculation of Quantum ESPRESSO.

dftflow's decks are named ``<seed>.<stage>.in``, and each stage leaves ``<seed>.<stage>.out`` and ``.xml``. Files of
other people have names of their own, and are told by how they begin: a log under any of the usual endings, the XML
beside it or in the ``.save`` folder that pw.x makes there or one folder below (``out``, as AiiDA has it), a grid of
pp.x and the table of average.x. Each may be compressed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from dftflow.codes.base import Calculation
from dftflow.codes.compressed import head_of, lying_at, plain_file, plain_name
from dftflow.codes.espresso.state_files import PROJECTED, state_files

__all__ = ["OLD_XML", "PW_STAGES", "STAGES", "calculations_in", "file_of", "other_logs"]

PW_STAGES = ("relax", "scf", "", "nscf", "bands")
STAGES = (*PW_STAGES[:2], "", "pp", "average", *PW_STAGES[3:])
HEAD_BYTES = 3000
SAVED = "data-file-schema.xml"
OLD_XML = "data-file.xml"
AVERAGES = "avg.dat"
INPUTS, LOGS = ("in", "pwi", "inp"), ("out", "pwo", "log", "stdout")
_NAME = re.compile(
    r"(.+?)(?:\.(relax|scf|nscf|bands|pp|average))?\.(in|pwi|inp|out|pwo|log|stdout|xml|pot|average\.dat|sh)"
)
_INPUT = re.compile(rb"^\s*&(?:control|inputpp)\b", re.IGNORECASE | re.MULTILINE)
_OUTPUT = re.compile(rb"Program (PWSCF|POST-PROC|AVERAGE)\s+v\.")
_XML = b"quantum-espresso.org/ns/qes"
_GRID = re.compile(rb"[^\n]*\n(?:\s*\d{1,6}){8}\s*\n\s*-?\d{1,3}(?:\s+-?\d+\.\d+){6}\s*\n")


def file_of(calculation: Calculation, stage: str, suffix: str) -> Path:
    """``<seed>.<stage><suffix>``, or ``<seed><suffix>`` without a stage, whether it exists or not.

    Where the calculation has no such file, but one other output of that kind that belongs to no stage, that one. The
    name is that of the plain file, whether it is compressed or not.
    """
    name = f"{calculation.seed}.{stage}{suffix}" if stage else f"{calculation.seed}{suffix}"
    exact = calculation.folder / name
    here = {plain_name(file) for file in calculation.files if file.parent == calculation.folder}
    if stage or name in here or os.path.lexists(exact):
        return exact
    others = [plain_file(file) for file in calculation.files if _is_kind(calculation, file, suffix)]
    return others[0] if others else exact


def other_logs(calculation: Calculation, *programs: str) -> Iterator[Path]:
    """What pp.x and average.x, or only those of the `programs`, printed, whatever the names of the files tell."""
    for file in calculation.files:
        if _program(file) in (programs or ("POST-PROC", "AVERAGE")):
            yield file


def calculations_in(folder: Path) -> tuple[Calculation, ...]:
    """The calculations whose files lie in `folder`, by seed; ``()`` when there are none, or it is no folder."""
    try:
        files = sorted(file for file in folder.iterdir() if file.is_file())
    except OSError:
        return ()
    groups = _groups(folder, files)
    taken = {file for group in groups.values() for file in group}
    calculations = [
        Calculation(code="espresso", folder=folder, seed=seed, files=tuple(group)) for seed, group in groups.items()
    ]
    xml = lying_at(folder / SAVED)
    if xml is not None and xml in files and xml not in taken and not _is_claimed(xml):
        calculations.append(Calculation(code="espresso", folder=folder, seed=SAVED.removesuffix(".xml"), files=(xml,)))
    return tuple(found for found in calculations if not all(map(_is_claimed, found.files)))


# --- who owns what --------------------------------------------------------------------------------------------------


def _groups(folder: Path, files: Sequence[Path]) -> dict[str, list[Path]]:
    """Seed -> files, in the order of the seeds."""
    groups: dict[str, list[Path]] = {}
    telling: set[str] = set()
    for file in files:
        found = _NAME.fullmatch(plain_name(file))
        if found is None or plain_name(file) in (SAVED, OLD_XML, PROJECTED):
            continue
        groups.setdefault(found[1], []).append(file)
        if _is_espresso(file, found[3]):
            telling.add(found[1])
    chosen = _merged({seed: groups[seed] for seed in sorted(telling)})
    _give_xml(folder, chosen)
    _give_rest(folder, files, chosen)
    return chosen


def _merged(groups: dict[str, list[Path]]) -> dict[str, list[Path]]:
    """One XML and one output of different names are one calculation; what pp.x and average.x printed goes with it."""
    after = [seed for seed, files in groups.items() if {_program(file) for file in files} & {"POST-PROC", "AVERAGE"}]
    of_pw = [seed for seed in groups if seed not in after or any(_program(f) == "PWSCF" for f in groups[seed])]
    if len(of_pw) == 1:
        merged = {of_pw[0]: [*groups[of_pw[0]]]}
        for seed in after:
            merged[of_pw[0]] += groups[seed] if seed != of_pw[0] else []
        return merged
    with_xml = [seed for seed in of_pw if _has(groups[seed], "xml")]
    rest = [seed for seed in of_pw if seed not in with_xml]
    if len(with_xml) == 1 and len(rest) == 1 and not any(_has(groups[with_xml[0]], log) for log in LOGS):
        return {with_xml[0]: sorted([*groups[with_xml[0]], *groups[rest[0]]])}
    return groups


def _has(files: Sequence[Path], ending: str) -> bool:
    return any(plain_name(file).endswith(f".{ending}") for file in files)


def _give_xml(folder: Path, groups: dict[str, list[Path]]) -> None:
    """The XML beside the logs, or in a ``.save`` folder here or one below, goes to the log that it is the run of."""
    from dftflow.codes.espresso.pairing import log_of_xml

    logs = {
        seed: log
        for seed, files in groups.items()
        if not _has(files, "xml") and (log := next((file for file in files if _program(file) == "PWSCF"), None))
    }
    for xmls in _saved_near(folder) if logs else ():
        if any(xml in files for files in groups.values() for xml in xmls):
            continue
        seed = next(iter(logs)) if len(logs) == 1 else log_of_xml(xmls[0], logs)
        if seed is not None:
            groups[seed] = [*groups[seed], *xmls]
            del logs[seed]


def _saved_near(folder: Path) -> Iterator[list[Path]]:
    """Each run's XML: ``data-file-schema.xml`` beside the logs; ``X.xml`` and ``X.save/data-file-schema.xml``."""
    places = [folder, *sorted(place for place in folder.iterdir() if place.is_dir() and place.suffix != ".save")]
    for place in places:
        if place != folder and any(_program(file) == "PWSCF" for file in _files(place)):
            continue  # these logs have the first claim
        beside = _xml_at(place / SAVED)
        if beside is not None:
            yield [beside]
        for saved in sorted(place.glob("*.save")):
            of_run = [_xml_at(saved.with_suffix(".xml")), _xml_at(saved / SAVED)]
            found = [xml for xml in of_run if xml is not None]
            if found:
                yield found


def _xml_at(file: Path) -> Path | None:
    """`file`, plain or compressed, where it is an XML of pw.x."""
    found = lying_at(file)
    return found if found is not None and found.is_file() and _XML in head_of(found, HEAD_BYTES) else None


def _files(folder: Path) -> list[Path]:
    try:
        return [file for file in folder.iterdir() if _NAME.fullmatch(plain_name(file)) and file.is_file()]
    except OSError:
        return []


def _give_rest(folder: Path, files: Sequence[Path], groups: dict[str, list[Path]]) -> None:
    """Grids of pp.x, the table of average.x and an old XML go to the one calculation that there is."""
    if len(groups) != 1:
        return
    ((seed, group),) = groups.items()
    taken = set(group)
    for file in files:
        is_named = plain_name(file) in (AVERAGES, OLD_XML)
        if file not in taken and (is_named or _GRID.match(head_of(file, HEAD_BYTES))):
            groups[seed].append(file)
    groups[seed] += [file for file in state_files(folder, files) if file not in groups[seed]]
    groups[seed] += [
        old for old in sorted(folder.glob(f"*.save/{OLD_XML}")) if old.is_file() and old not in groups[seed]
    ]


def _is_claimed(file: Path) -> bool:
    """Whether an XML belongs to a log in a folder above it."""
    if not plain_name(file).endswith(".xml"):
        return False
    above = file.parent.parent.parent, file.parent.parent
    if file.parent.suffix == ".save" and list(file.parent.parent.glob(f"{file.parent.stem}.*xml")):
        return True
    for place in above if file.parent.suffix == ".save" else above[1:]:
        logs = [log for log in _files(place) if _program(log) == "PWSCF"]
        if logs and any(file in group for group in _groups(place, sorted(_files_of(place))).values()):
            return True
    return False


def _files_of(folder: Path) -> list[Path]:
    try:
        return [file for file in folder.iterdir() if file.is_file()]
    except OSError:
        return []


# --- what a file is -------------------------------------------------------------------------------------------------


def _is_espresso(file: Path, ending: str) -> bool:
    if ending == "xml":
        return _XML in head_of(file, HEAD_BYTES)
    if ending in INPUTS:
        return _INPUT.search(head_of(file, HEAD_BYTES)) is not None
    return ending in LOGS and _program(file) != ""


def _program(file: Path) -> str:
    """Program whose output `file` is; ``""`` for none of ours."""
    if not plain_name(file).endswith(tuple(f".{log}" for log in LOGS)):
        return ""
    found = _OUTPUT.search(head_of(file, HEAD_BYTES))
    return "" if found is None else found[1].decode()


def _stage_of(calculation: Calculation, file: Path) -> str | None:
    """Stage of one of dftflow's own names; None for another's."""
    found = _NAME.fullmatch(plain_name(file))
    return found[2] or "" if found is not None and found[1] == calculation.seed else None


def _is_kind(calculation: Calculation, file: Path, suffix: str) -> bool:
    """Whether a file of another name is what ``<seed><suffix>`` would be."""
    name = plain_name(file)
    if suffix == ".out":
        return _program(file) == "PWSCF" and not _stage_of(calculation, file)
    if suffix == ".average.dat":
        return name == AVERAGES
    if _stage_of(calculation, file):
        return False
    if suffix == ".pot":
        return name.endswith(".pot") or _GRID.match(head_of(file, HEAD_BYTES)) is not None
    return name.endswith(suffix) and name not in (OLD_XML, PROJECTED) and not name.startswith(f"{calculation.seed}.")
