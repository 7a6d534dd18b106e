"""The data block of a CIF (https://www.iucr.org/resources/cif) that holds the crystal, by tags of any spelling.

pymatgen splits the text. What it passes over in silence is refused here: a tag, a loop or a block that is given twice,
of which it takes the last one. The signs outside ASCII that it drops are kept: the minus of a typesetter, the bar over
a number.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from pymatgen.io.cif import CifFile

from dftflow.crystals.file_notes import place
from dftflow.errors import StructureError

__all__ = ["CifBlock", "cif_block", "cif_number", "uncertainty_of"]

_DASHES = re.compile("[\u2010-\u2015\u2212\ufe63\uff0d]")
_OVERLINED = re.compile("([0-9])[\u0304\u0305\u00af]")
_NUMBER = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?)(?:\((\d+)\))?")
_FRACTION = re.compile(r"([+-]?\d{1,3})/(\d{1,3})")
_DECIDING = re.compile(
    r"_cell_(?:length|angle)|_atom_site_(?:label|type_symbol|fract|occupancy)|_(?:symmetry|space_group)_|_cell_formula"
    r"|_chemical_formula_sum"
)
_NAMES = re.compile(r"_chemical_formula_|_(?:symmetry_)?space_group_name_")
LONGEST_NUMBER = 64


def cif_number(text: str) -> float | None:
    """Value of a number, its standard uncertainty in brackets dropped; None when it is none.

    Examples
    --------
    >>> cif_number("0.3736(2)"), cif_number("90.(0)"), cif_number("1/3"), cif_number("?"), cif_number("inf")
    (0.3736, 90.0, 0.3333333333333333, None, None)
    """
    if len(text) > LONGEST_NUMBER:
        return None
    found = _NUMBER.fullmatch(text)
    if found:
        return float(found[1])
    ratio = _FRACTION.fullmatch(text)
    return int(ratio[1]) / int(ratio[2]) if ratio and int(ratio[2]) else None


def uncertainty_of(text: str) -> float:
    """Half a unit of the last digit of a number, or its standard uncertainty when that is larger; 0 when it is none."""
    found = _NUMBER.fullmatch(text) if len(text) <= LONGEST_NUMBER else None
    if found is None or "e" in text.lower():
        return 0.0
    unit: float = 10.0 ** -len(found[1].partition(".")[2])
    return max(unit / 2, unit * int(found[2] or 0))


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class CifBlock:
    """A data block.

    Attributes
    ----------
    data
        Tag in lower case, with ``_`` for the ``.`` of newer dictionaries -> value, or one a row of its loop.
    text, where
        The file.
    """

    data: Mapping[str, str | list[str]]
    text: str
    where: str

    def column(self, tag: str) -> list[str]:
        """Values of a tag, one a row; empty when it is not there."""
        value = self.data.get(tag, [])
        return [value] if isinstance(value, str) else list(value)

    def value(self, *tags: str) -> str:
        """The first of the tags that is there and says something; ``""`` when none does (``?`` and ``.``)."""
        for tag in tags:
            for text in self.column(tag):
                if text.strip() not in ("", "?", "."):
                    return text.strip()
        return ""

    def number(self, *tags: str) -> float | None:
        """The first of the tags that says a number."""
        found = (cif_number(self.value(tag)) for tag in tags)
        return next((value for value in found if value is not None), None)

    def tag_of(self, *tags: str) -> str:
        """The first of the tags that says something, as the file spells it; ``""`` when none does."""
        known = next((tag for tag in tags if self.value(tag)), "")
        found = re.search(rf"(?im)^\s*({_any_spelling(known)})(?=\s|$)", self.text) if known else None
        return found[1] if found else known

    def place(self, *tags: str) -> str:
        """``file:line`` of the first of the tags that says something."""
        known = next((tag for tag in tags if self.value(tag)), tags[0])
        return place(self.where, self.text, rf"(?i)^\s*{_any_spelling(known)}(?=\s|$)")

    def place_of_site(self, name: str) -> str:
        """``file:line`` of a site by its label."""
        row = rf"^\s*{re.escape(name)}\s|\s{re.escape(name)}\s"
        return place(self.where, self.text, row)


def _any_spelling(tag: str) -> str:
    return re.escape(tag).replace("_", "[_.]")


def _ascii(text: str) -> str:
    """Signs that stand for ASCII ones as these, so that they are not lost."""
    return _OVERLINED.sub(r"-\1", _DASHES.sub("-", text.replace("\u00a0", " ")))


def _tags(text: str) -> dict[str, Counter[tuple[str, str]]]:
    """Name of each data block -> how often each tag opens a line in it, with what stands behind it."""
    found: dict[str, Counter[tuple[str, str]]] = {}
    block, inside = "", False
    for line in text.splitlines():
        if line.startswith(";"):
            inside = not inside
        elif not inside and (head := re.match(r"\s*data_(\S*)", line, re.I)):
            block = head[1]
            found.setdefault(block, Counter())["data_", ""] += 1
        elif not inside and (tag := re.match(r"\s*(_\S+)\s*(.*)", line)):
            found.setdefault(block, Counter())[tag[1].lower().replace(".", "_"), tag[2].strip()] += 1
    return found


def _refuse_unquoted(tags: Counter[tuple[str, str]], text: str, where: str) -> None:
    """A name with blanks without quotes is its first word to a reader, and the rest is lost."""
    for tag, value in tags:
        words = re.sub(r"\s#.*", "", value).split()
        plain = len(words) > 1 and value[0] not in "'\"#_;" and words[1][0] not in "_#"
        if plain and _NAMES.match(tag):
            raise StructureError(
                f"the value of {tag} needs quotes",
                reason=f"without them it is {words[0]!r} alone",
                fix=f"write {tag} '{' '.join(words)}'",
                where=place(where, text, rf"(?i)^\s*{_any_spelling(tag)}(?=\s)"),
            )


def _refuse_repeats(name: str, tags: Mapping[str, Counter[tuple[str, str]]], text: str, where: str) -> None:
    found = tags.get(name, Counter())
    if found["data_", ""] > 1:
        raise StructureError(
            f"two data blocks are called {name!r}",
            reason="one of them would be passed over",
            fix="keep one of them, or give them two names",
            where=place(where, text, rf"(?i)^\s*data_{re.escape(name)}\s*$"),
        )
    counts: Counter[str] = Counter()
    for (tag, value), count in found.items():
        counts[tag] += 1 if value else count
    twice = [tag for tag, count in counts.items() if count > 1 and _DECIDING.match(tag)]
    if twice:
        lines = [
            n for n, line in enumerate(text.splitlines(), 1) if re.match(rf"(?i)\s*{_any_spelling(twice[0])}", line)
        ]
        raise StructureError(
            f"{twice[0]} is given twice",
            reason="the two differ, or open two loops, and one of them would be passed over",
            fix=f"keep one of the lines {' and '.join(map(str, lines[:2]))}" if len(lines) > 1 else "keep one of them",
            where=f"{where}:{lines[1]}" if len(lines) > 1 else where,
        )


def cif_block(text: str, where: str) -> CifBlock:
    """The one block with atoms.

    Raises
    ------
    StructureError
        When there is none, or several, or something is given twice.
    """
    # pymatgen's patterns take the square of the number of blank lines
    filled = "\n".join(line for line in _ascii(text).split("\n") if line.strip()) + "\n"
    clean = re.sub(r"(?im)^([ \t]*)(loop_|data_)", lambda found: found[1] + found[2].lower(), filled)
    blocks: dict[str, dict[str, str | list[str]]] = {}
    for block in CifFile.from_str(clean).data.values():
        plain: dict[str, str | list[str]] = {}
        for tag, value in block.data.items():
            if isinstance(value, str) and value.startswith("_") and value.lower() in clean.lower().split():
                raise StructureError(
                    f"{tag} has no value",
                    reason=f"{value} comes next, and would be taken for it and lost",
                    fix=f"write ? behind {tag}",
                    where=place(where, text, rf"(?i)^\s*{_any_spelling(tag.lower())}(?=\s|$)"),
                )
            plain.setdefault(tag.lower().replace(".", "_").rstrip("_"), value)
        blocks[block.header] = plain
    with_atoms = {name: data for name, data in blocks.items() if "_atom_site_fract_x" in data}
    if len(with_atoms) != 1:
        raise StructureError(
            f"this CIF holds {len(with_atoms) or 'no'} crystal{'s' if with_atoms else ''}",
            reason="exactly one data block with atoms (_atom_site_fract_x) is needed",
            fix=f"keep one of the data blocks {', '.join(with_atoms)}"
            if with_atoms
            else "check that it is a complete CIF",
            where=where,
        )
    name, data = next(iter(with_atoms.items()))
    tags = _tags(clean)
    _refuse_repeats(name, tags, text, where)
    _refuse_unquoted(tags.get(name, Counter()), text, where)
    return CifBlock(data=data, text=text, where=where)
