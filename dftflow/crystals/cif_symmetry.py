"""The symmetry that a CIF declares: by its operations, or by names and numbers, which may leave a setting open."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dftflow.crystals.cif_block import CifBlock
from dftflow.crystals.space_group_names import (
    Setting,
    operations_of,
    setting_of_hall,
    settings_called,
    settings_numbered,
)
from dftflow.crystals.symmetry_operations import SymmetryOperations, read_operations
from dftflow.errors import StructureError

if TYPE_CHECKING:
    from pymatgen.core import Lattice

__all__ = ["DeclaredSymmetry", "SymmetryChoice", "declared_symmetry", "other_settings"]

OPERATIONS = ("_space_group_symop_operation_xyz", "_symmetry_equiv_pos_as_xyz")
MAGNETIC = "_space_group_symop_magn_operation_xyz"
HALL = ("_space_group_name_hall", "_symmetry_space_group_name_hall")
NAMES = (
    "_space_group_name_h-m_full",
    "_space_group_name_h-m_alt",
    "_symmetry_space_group_name_h-m",
    "_symmetry_space_group_name_h_m",
    "_space_group_name_h-m",
)
NUMBER = ("_space_group_it_number", "_symmetry_int_tables_number")
CODE = "_space_group_it_coordinate_system_code"
GIVE_NAME = "_symmetry_space_group_name_H-M"


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class SymmetryChoice:
    """One group of operations that the file can mean, and how a file names it."""

    name: str
    operations: SymmetryOperations


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class DeclaredSymmetry:
    """What the file declares.

    Attributes
    ----------
    choices
        One, or several where the file leaves the setting open.
    said
        How it is declared, as a person reads it: ``"_symmetry_Int_Tables_number 62"``.
    place
        ``file:line`` of that.
    number
        Space group that it declares; None for none.
    listed
        Whether the operations stand in the file.
    notes
        What a person should know.
    """

    choices: tuple[SymmetryChoice, ...]
    said: str
    place: str
    number: int | None
    listed: bool
    notes: list[str] = field(default_factory=list)


def declared_symmetry(block: CifBlock, lattice: Lattice) -> DeclaredSymmetry:
    """The symmetry that a block declares.

    Raises
    ------
    StructureError
        Where its statements contradict each other or the lattice, or name no space group.
    """
    if block.number("_cell_modulation_dimension"):
        raise StructureError(
            "this crystal is modulated",
            reason="its atoms are displaced by waves that do not repeat with the cell",
            fix="make a commensurate model of it, or take its average structure (set _cell_modulation_dimension 0)",
            where=block.place("_cell_modulation_dimension"),
        )
    if any(block.value(tag) for tag in (*OPERATIONS, MAGNETIC)):
        return _by_operations(block, lattice)
    settings, said, tag, notes = _by_names(block)
    if not settings:
        note = "the file names no space group: only the listed atoms were taken (P1)"
        only = SymmetryChoice(name="P 1", operations=read_operations(["x,y,z"]))
        return DeclaredSymmetry(
            choices=(only,), said="", place=block.where, number=None, listed=False, notes=[*notes, note]
        )
    fitting = [setting for setting in settings if not operations_of(setting).misfit(lattice)]
    if not fitting:
        others = other_settings(settings[0].number, lattice, ())
        raise StructureError(
            f"the lattice is not one of {said}",
            reason=f"with these operations {operations_of(settings[0]).misfit(lattice)}",
            fix=f"write {GIVE_NAME} '{others[0].name}', if the lattice is right"
            if others
            else "correct the lattice constants or the space group",
            where=block.place(tag),
        )
    return DeclaredSymmetry(
        choices=tuple(
            SymmetryChoice(name=setting.name, operations=operations_of(setting)) for setting in _standard(fitting)
        ),
        said=said,
        place=block.place(tag),
        number=fitting[0].number,
        listed=False,
        notes=notes,
    )


def other_settings(number: int | None, lattice: Lattice, known: Iterable[SymmetryChoice]) -> list[SymmetryChoice]:
    """Further settings of a space group that fit the lattice."""
    have = {choice.operations.keys for choice in known}
    return [
        SymmetryChoice(name=setting.name, operations=operations)
        for setting in (settings_numbered(number) if number else ())
        if (operations := operations_of(setting)).keys not in have and not operations.misfit(lattice)
    ]


def _standard(fitting: Sequence[Setting]) -> list[Setting]:
    """A short monoclinic symbol is one of the unique axis b (International Tables A, 1.4.1)."""
    upright = [setting for setting in fitting if 3 <= setting.number <= 15 and "b" in setting.choice]
    distinct = {operations_of(setting).keys: setting for setting in reversed(fitting)}
    short = len({setting.name.replace(" 1", "") for setting in fitting}) == 1
    return upright[:1] if upright and short else [s for s in fitting if distinct[operations_of(s).keys] is s]


# --- names and numbers -----------------------------------------------------------------------------------------------


def _number(block: CifBlock) -> int | None:
    value = block.number(*NUMBER)
    if value is None:
        return None
    if not (1 <= value <= 230 and float(value).is_integer()):
        raise StructureError(
            f"there is no space group number {value:g}",
            fix="give a number from 1 to 230",
            where=block.place(*NUMBER),
        )
    return int(value)


def _by_names(block: CifBlock) -> tuple[tuple[Setting, ...], str, str, list[str]]:
    """Settings that Hall symbol, names and number have in common; how they are declared, where, and notes."""
    notes: list[str] = []
    number, hall = _number(block), block.value(*HALL)
    named = [(tag, block.value(tag)) for tag in NAMES if block.value(tag)]
    settings: tuple[Setting, ...] = ()
    said, where = "", ""
    for tag, name in named:
        found = settings_called(name, block.value(CODE))
        if not found:
            notes.append(f"{block.tag_of(tag)} {name!r} is no name of a space group that is known here")
            continue
        common = tuple(s for s in found if not settings or any(s.hall == other.hall for other in settings))
        if not common:
            raise _contradiction(block, said, f"{block.tag_of(tag)} {name!r}", where, tag)
        settings, said, where = common, said or f"{block.tag_of(tag)} {name!r}", where or tag
    of_hall = setting_of_hall(hall) if hall else None
    if of_hall is not None:
        told = f"{block.tag_of(*HALL)} {hall!r}"
        keys = of_hall[1].keys
        if settings and not any(operations_of(setting).keys == keys for setting in settings):
            raise _contradiction(block, said, told, where, HALL[0] if block.value(HALL[0]) else HALL[1])
        settings, said, where, notes = (of_hall[0],), told, HALL[0] if block.value(HALL[0]) else HALL[1], []
    elif hall:
        notes.append(f"{block.tag_of(*HALL)} {hall!r} is no Hall symbol that is known here")
    tag_of_number = next((tag for tag in NUMBER if block.value(tag)), NUMBER[0])
    if number is not None and settings and number not in {setting.number for setting in settings}:
        raise _contradiction(
            block, said, f"{block.tag_of(tag_of_number)} {number}", where, tag_of_number, number=settings[0].number
        )
    if number is not None and not settings:
        settings, said, where = (
            settings_numbered(number, block.value(CODE)),
            f"{block.tag_of(tag_of_number)} {number}",
            tag_of_number,
        )
    elif number is not None:
        settings = tuple(setting for setting in settings if setting.number == number)
    if not settings and (named or hall):
        raise _unknown(block, named[0] if named else (HALL[0] if block.value(HALL[0]) else HALL[1], hall))
    return settings, said, where, notes


def _unknown(block: CifBlock, named: tuple[str, str]) -> StructureError:
    tag, name = named
    return StructureError(
        f"unknown {'Hall symbol' if tag in HALL else 'space group'} {name!r}",
        reason="the file lists no symmetry operations, so the symbol alone says which atoms there are",
        fix="write a Hermann-Mauguin symbol such as 'P n m a', or list the operations "
        "(loop_ _space_group_symop_operation_xyz)",
        where=block.place(tag),
    )


def _contradiction(
    block: CifBlock, first: str, second: str, tag: str, other: str, number: int | None = None
) -> StructureError:
    advice = f"write {block.tag_of(other)} {number}, if the name is right; or " if number else ""
    return StructureError(
        "the file contradicts itself on its space group",
        reason=f"{first} and {second} are not one group in one setting",
        fix=f"{advice}remove the line that is wrong: {block.place(tag).rpartition(':')[2]} or "
        f"{block.place(other).rpartition(':')[2]}",
        where=block.place(other),
    )


# --- listed operations -----------------------------------------------------------------------------------------------


def _by_operations(block: CifBlock, lattice: Lattice) -> DeclaredSymmetry:
    tag, *others = [tag for tag in (*OPERATIONS, MAGNETIC) if block.value(tag)]
    operations = _listed(block, tag)
    if any(_listed(block, other).keys != operations.keys for other in others if other != MAGNETIC):
        raise StructureError(
            "the file contradicts itself on its symmetry operations",
            reason=f"{block.tag_of(tag)} and {block.tag_of(others[0])} list other ones",
            fix="remove the list that is wrong",
            where=block.place(others[0]),
        )
    wrong = operations.misfit(lattice)
    if wrong:
        raise StructureError(
            "the lattice does not fit the symmetry operations",
            reason=f"with these operations {wrong}",
            fix="correct the lattice constants or the operations",
            where=block.place(tag),
        )
    notes = _against_names(block, operations)
    return DeclaredSymmetry(
        choices=(SymmetryChoice(name="the listed operations", operations=operations),),
        said=f"the {len(operations)} operations of {block.tag_of(tag) or tag}",
        place=block.place(tag),
        number=_declared_number(block),
        listed=True,
        notes=notes,
    )


def _listed(block: CifBlock, tag: str) -> SymmetryOperations:
    texts = _without_time(block) if tag == MAGNETIC else [text for text in block.column(tag) if text.strip()]
    try:
        operations = read_operations(texts)
    except ValueError as error:
        raise StructureError(
            f"{str(error)[:60]!r} is no symmetry operation",
            reason="such a one takes x,y,z to a place of the same crystal, as '-x, y+1/2, -z' does",
            fix="correct it, or remove the list and name the space group",
            where=block.place(tag),
        ) from None
    if not operations.is_group:
        named = next((settings for t in NAMES if (settings := settings_called(block.value(t)))), ())
        count = f"; {named[0].name} has {len(operations_of(named[0]))}" if named else ""
        raise StructureError(
            "the list of symmetry operations is not whole",
            reason=f"two of its {len(operations)} operations after each other make one that is not listed{count}",
            fix=f"list all of them, or remove the list and write {GIVE_NAME} with the symbol of the space group",
            where=block.place(tag),
        )
    return operations


def _without_time(block: CifBlock) -> list[str]:
    """The operations of a magnetic space group on the places of the atoms, centrings included."""
    points = [text.rpartition(",")[0] for text in block.column(MAGNETIC)]
    centrings = [text.rpartition(",")[0] for text in block.column("_space_group_symop_magn_centering_xyz")]
    shifts = [re.sub(r"[xyz]", "", text.lower()).split(",") for text in centrings] or [["", "", ""]]
    return [
        ",".join(f"{part}{shift}" for part, shift in zip(point.split(","), shift, strict=True))
        for shift in shifts
        for point in points
    ]


def _declared_number(block: CifBlock) -> int | None:
    """By number or name, whatever the operations say."""
    number = _number(block)
    hall = setting_of_hall(block.value(*HALL)) if block.value(*HALL) else None
    named = [found[0].number for tag in NAMES if (found := settings_called(block.value(tag)))]
    return number or (hall[0].number if hall else None) or (named[0] if named else None)


def _against_names(block: CifBlock, operations: SymmetryOperations) -> list[str]:
    """Refuses a name or a number of another group; a name of another setting of this one is a note."""
    alone = len(operations) == 1  # all atoms of the cell may be listed, beside the name of what they are
    number = _number(block)
    tag_of_number = next((tag for tag in NUMBER if block.value(tag)), NUMBER[0])
    listed = f"the {len(operations)} operations listed"
    if number is not None and number != operations.number and operations.number and not alone:
        raise _other_group(block, tag_of_number, f"{number}", operations, f"{number}")
    notes: list[str] = []
    hall = block.value(*HALL)
    of_hall = setting_of_hall(hall) if hall else None
    tag_of_hall = next((tag for tag in HALL if block.value(tag)), HALL[0])
    if of_hall is not None and of_hall[1].keys != operations.keys and not alone:
        raise _other_group(block, tag_of_hall, hall, operations, of_hall[0].name)
    for tag in NAMES:
        name = block.value(tag)
        found = settings_called(name, block.value(CODE)) if name else ()
        if name and not found:
            notes.append(f"{block.tag_of(tag)} {name!r} is no name that is known here: {listed} were taken")
        if not found or alone or any(operations_of(setting).keys == operations.keys for setting in found):
            continue
        elsewhere = operations.number and operations.number not in {setting.number for setting in found}
        if elsewhere or (len(found) == 1 and not found[0].is_standard):
            raise _other_group(block, tag, name, operations, found[0].name)
        own = next(
            (s.name for s in settings_numbered(operations.number) if operations_of(s).keys == operations.keys), ""
        )
        notes.append(
            f"{block.tag_of(tag)} {name!r} is another setting than that of {listed}"
            + (f", which is {own}" if own else "")
            + ": the operations were taken"
        )
    return notes


def _other_group(block: CifBlock, tag: str, value: str, operations: SymmetryOperations, meant: str) -> StructureError:
    own = next((s for s in settings_numbered(operations.number) if operations_of(s).keys == operations.keys), None)
    name = f"{own.name if own else 'another setting'} (number {operations.number})"
    right = str(operations.number) if tag in NUMBER else (own.hall if tag in HALL else own.name) if own else ""
    quoted = right if tag in NUMBER else f"'{right}'"
    return StructureError(
        "the file contradicts itself on its space group",
        reason=f"{block.tag_of(tag)} says {value}{'' if meant == value else f' ({meant})'}, "
        f"the {len(operations)} operations listed are those of {name}",
        fix=(f"write {block.tag_of(tag)} {quoted}, if the operations are right; " if right else "")
        + "remove their list, if the name is right",
        where=block.place(tag),
    )
