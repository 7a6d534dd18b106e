"""The sites that a CIF lists: elements, places, states; what is no whole atom at one place is refused."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import hypot
from typing import TYPE_CHECKING

import numpy as np
from pymatgen.core import Element
from scipy.spatial import cKDTree  # type: ignore[import-untyped]

from dftflow.crystals.cif_block import CifBlock, cif_number, uncertainty_of
from dftflow.crystals.file_notes import check_element
from dftflow.errors import ClashError, StructureError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["CifSite", "cif_sites", "element_called"]

LAST_ELEMENT = 103
"""Heavier ones make no crystal: ``NH4`` is no nihonium."""

ORDERED = (
    'order it: in a study give the material ordering = "quasirandom" and a supercell; of a file '
    "dftflow structure FILE --ordering quasirandom --supercell 2 2 2 --out ordered.cif makes an ordered cell"
)
FARTHEST = 1000.0
MULTIPLICITIES = ("symmetry_multiplicity", "site_symmetry_multiplicity", "site_symmetry_order")
SAME_PLACE = 1e-4
SAME_SHARE = 2e-3
VACANCY = "vacancy"
_GROUP = re.compile(r"(?:wat|Wat|WAT|H2O|[CNOPS]-?H\d?|Me|ME)(?![a-z])")
_CHARGE = re.compile(r"[A-Za-z]{1,2}\d*?(?:(\d+(?:\.\d+)?)?([+-])|([+-])(\d+(?:\.\d+)?))$")


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class CifSite:
    """A line of the atom list.

    Attributes
    ----------
    label
        As written.
    element
        Chemical symbol; deuterium is H.
    heavy
        Whether it is deuterium.
    state
        Oxidation state that the file gives it; None when it gives none.
    frac
        shape (3,).
    multiplicity
        As the file gives it; None when it does not.
    attached
        Hydrogens that it carries without a place of their own.
    others
        What the place holds beside the element, `VACANCY` for nothing -> its share; empty where the element fills it.
    """

    label: str
    element: str
    heavy: bool
    state: float | None
    frac: NDArray[np.float64]
    multiplicity: int | None
    attached: float
    others: Mapping[str, float] = field(default_factory=dict)

    @property
    def shares(self) -> Mapping[str, float]:
        """Element -> its share of the place."""
        held = {name: share for name, share in self.others.items() if name != VACANCY}
        return {self.element: 1.0 - sum(self.others.values()), **held}


def element_called(text: str) -> str | None:
    """Chemical symbol at the start of a type symbol (``Pb2+``, ``PB``, ``D``); None when it holds none."""
    letters = re.match(r"[A-Za-z]*", text)
    symbol = letters[0].capitalize() if letters else ""
    if symbol in ("D", "T"):
        return "H"
    return symbol if Element.is_valid_symbol(symbol) and Element(symbol).Z <= LAST_ELEMENT else None


def _element_of_label(label: str, elements: frozenset[str]) -> str:
    """Element of a site that a label alone names: ``OW1`` is an oxygen; ``HO1`` is Ho or H, as the formula says."""
    letters = re.match(r"[A-Za-z]*", label)
    text = letters[0] if letters else ""
    readings = [found for part in (text[:2], text[:1]) if part and (found := element_called(part)) is not None]
    in_formula = [reading for reading in readings if reading in elements]
    return next(iter(in_formula or readings), text)


def cif_sites(
    block: CifBlock, elements: frozenset[str], *, mixed: bool = False
) -> tuple[tuple[CifSite, ...], list[str]]:
    """The sites of a block, and what a person should know of how they were read.

    Parameters
    ----------
    elements
        Of the formula that the file gives; empty when it gives none.
    mixed
        Take places of several elements, or of one in part, as that of the element with the largest share.

    Raises
    ------
    StructureError
        For an unknown element, a site without a place or that stands for a group of atoms, and disorder.
    ClashError
        For two atoms listed at one place.
    """
    labels = block.column("_atom_site_label")
    symbols = block.column("_atom_site_type_symbol")
    names = labels or symbols
    rows = len(block.column("_atom_site_fract_x"))
    if not names or any(len(block.column(f"_atom_site_fract_{axis}")) != rows for axis in "xyz") or len(names) != rows:
        raise StructureError(
            "the list of atoms is not whole",
            reason="labels or type symbols and three coordinates are needed for each",
            fix="check that the file is complete",
            where=block.place("_atom_site_fract_x"),
        )
    notes: list[str] = []
    used = [name for name in symbols if name not in ("?", ".")] == symbols and bool(symbols)
    _refuse_mixtures(block, names, symbols)
    _refuse_groups(block, names, symbols if used else labels)
    kinds = [_element(block, text, elements, typed=used) for text in (symbols if used else labels)]
    _refuse_dummies(block, names)
    frac = _places(block, names)
    kept, others, more = _whole(block, names, kinds, frac, mixed=mixed)
    notes += more
    states = _states(block, symbols)
    columns = (block.column(f"_atom_site_{name}") for name in MULTIPLICITIES)
    counts = next((column for column in columns if column), [])
    attached = block.column("_atom_site_attached_hydrogens")
    heavy = [re.match(r"[DT](?![a-z])", text) is not None for text in (symbols if used else labels)]
    sites = tuple(
        CifSite(
            label=names[k],
            element=kinds[k],
            heavy=heavy[k],
            state=states[k] if states else None,
            frac=frac[k],
            multiplicity=_whole_number(counts[k]) if len(counts) == rows else None,
            attached=(cif_number(attached[k]) or 0.0) if len(attached) == rows else 0.0,
            others=others.get(k, {}),
        )
        for k in kept
    )
    return sites, notes


def _whole_number(text: str) -> int | None:
    return int(text) if text.isdigit() and 0 < len(text) < 4 and int(text) else None


def _element(block: CifBlock, text: str, elements: frozenset[str], *, typed: bool) -> str:
    found = element_called(text) if typed else _element_of_label(text, elements)
    if found is None or not Element.is_valid_symbol(found):
        letters = re.match(r"[A-Za-z]*", text)
        symbol = letters[0].capitalize() if letters and letters[0] else text
        check_element(symbol if not Element.is_valid_symbol(symbol) else text, block.text, block.where)
        return symbol
    return found


def _refuse_groups(block: CifBlock, names: Sequence[str], texts: Sequence[str]) -> None:
    if any(element_called(text) == "H" and not _GROUP.match(text) for text in texts):
        return  # the hydrogens are listed apart, and OH1 is the label of an oxygen
    for name, text in zip(names, texts, strict=True):
        found = _GROUP.match(text)
        if found:
            raise StructureError(
                f"site {name} stands for a group of atoms, {found[0]}",
                reason="its hydrogens have no places of their own, and a calculation needs every atom",
                fix="give each atom of the group a line, or start from a crystal that has them",
                where=block.place_of_site(name),
            )


def _refuse_mixtures(block: CifBlock, names: Sequence[str], symbols: Sequence[str]) -> None:
    """The Pauling file writes ``0.5Br + 0.5I`` as a type symbol."""
    for name, symbol in zip(names, symbols, strict=False):
        if re.search(r"[\d.]+\s*[A-Z][a-z]?\s*\+\s*[\d.]+\s*[A-Z]", symbol):
            raise StructureError(
                "this crystal is disordered",
                reason=f"the place of {name} holds {symbol}",
                fix=ORDERED,
                where=block.place_of_site(name),
            )


def _refuse_dummies(block: CifBlock, names: Sequence[str]) -> None:
    flags = block.column("_atom_site_calc_flag")
    dummies = [name for name, flag in zip(names, flags, strict=False) if flag.lower() == "dum"]
    if dummies:
        raise StructureError(
            f"{len(dummies)} site{'s have' if len(dummies) > 1 else ' has'} no place: {', '.join(dummies[:4])}",
            reason="_atom_site_calc_flag is dum, so that its coordinates mean nothing",
            fix="give the places of these atoms, or start from a crystal that has them",
            where=block.place_of_site(dummies[0]),
        )


def _places(block: CifBlock, names: Sequence[str]) -> NDArray[np.float64]:
    rows = zip(*(block.column(f"_atom_site_fract_{axis}") for axis in "xyz"), strict=True)
    found = []
    for name, texts in zip(names, rows, strict=True):
        values = [cif_number(text) for text in texts]
        bad = next(
            (text for text, value in zip(texts, values, strict=True) if value is None or abs(value) > FARTHEST), None
        )
        if bad is not None:
            raise StructureError(
                f"{name} has no place: {bad!r} is no fractional coordinate",
                reason="the atom is part of the crystal, but the file does not say where it is",
                fix="give its coordinates, or start from a crystal that has them",
                where=block.place_of_site(name),
            )
        found.append([value or 0.0 for value in values])
    return np.array(found, dtype=np.float64)


def _whole(
    block: CifBlock, names: Sequence[str], kinds: Sequence[str], frac: NDArray[np.float64], *, mixed: bool
) -> tuple[list[int], dict[int, Mapping[str, float]], list[str]]:
    """Rows that are one place each, what is there beside their element, and notes.

    Those at one place that share it among one element are taken together.
    """
    texts = block.column("_atom_site_occupancy")
    given = [cif_number(text) for text in texts] if len(texts) == len(names) else [None] * len(names)
    shares = [1.0 if value is None else value for value in given]
    _refuse_untold_shares(block, names, given)
    over = [k for k, share in enumerate(shares) if share > 1.001 + (uncertainty_of(texts[k]) if texts else 0)]
    if over or min(shares) < 0:
        k = over[0] if over else int(np.argmin(shares))
        raise StructureError(
            f"{names[k]} has an occupancy of {texts[k]}",
            reason="a place holds between no atom and one",
            fix="write 1 if the place is full",
            where=block.place_of_site(names[k]),
        )
    notes = [
        f"{names[k]} is refined to an occupancy of {texts[k]}: taken as 1"
        for k, share in enumerate(shares)
        if share > 1.001
    ]
    kept: list[int] = []
    partial: list[list[int]] = []
    for group in _at_one_place(frac):
        present = [k for k in group if shares[k] > 1e-6]
        notes += [f"{names[k]} has an occupancy of 0: left out" for k in group if shares[k] <= 1e-6]
        whole = abs(sum(shares[k] for k in present) - 1) < SAME_SHARE
        if len(present) > 1 and whole and len({kinds[k] for k in present}) == 1:
            kept.append(present[0])
            notes.append(
                f"{', '.join(names[k] for k in present)} fill one place with {kinds[present[0]]}: taken as one atom"
            )
        elif len(present) > 1 and all(shares[k] > 0.999 for k in present):
            _refuse_twice(block, names, present)
        elif any(shares[k] < 0.999 for k in present):
            _refuse_too_much(block, names, present, texts)
            partial.append(present)
        else:
            kept += present
    if partial and not mixed:
        _refuse_partial(block, names, kinds, shares, partial)
    others = dict(_shared_place(group, kinds, shares) for group in partial)
    _refuse_disorder_groups(block, names, [*kept, *others])
    return sorted([*kept, *others]), others, notes


def _refuse_too_much(block: CifBlock, names: Sequence[str], rows: Sequence[int], texts: Sequence[str]) -> None:
    """A place that several share holds no more than one atom, within the uncertainty of the sum."""
    total = sum(1.0 if (share := cif_number(texts[k])) is None else share for k in rows)
    if total > 1 + SAME_SHARE + hypot(*(uncertainty_of(texts[k]) for k in rows)):
        raise StructureError(
            f"the place of {', '.join(names[k] for k in rows)} holds {total:.4g} atoms",
            reason=f"their occupancies are {', '.join(texts[k] for k in rows)}, and a place holds between no atom and "
            "one",
            fix="correct the occupancies (_atom_site_occupancy) so that they sum to 1 or less",
            where=block.place_of_site(names[rows[0]]),
        )


def _shared_place(
    rows: Sequence[int], kinds: Sequence[str], shares: Sequence[float]
) -> tuple[int, Mapping[str, float]]:
    """The row of the largest share, and what is there beside its element."""
    held: dict[str, float] = {}
    for k in rows:
        held[kinds[k]] = held.get(kinds[k], 0.0) + shares[k]
    main = max(held, key=lambda element: held[element])
    total = sum(held.values())
    others = {element: share / max(total, 1.0) for element, share in held.items() if element != main}
    if total < 1 - SAME_SHARE:
        others[VACANCY] = 1 - total
    return next(k for k in rows if kinds[k] == main), others


def _refuse_untold_shares(block: CifBlock, names: Sequence[str], given: Sequence[float | None]) -> None:
    """SHELXL marks a site whose occupancy it constrained with P."""
    columns = (block.column(f"_atom_site_refinement_flags{part}") for part in ("_occupancy", ""))
    flags = next((column for column in columns if len(column) == len(names)), [])
    for name, flag, share in zip(names, flags, given, strict=False):
        if "P" in flag and share is None:
            raise StructureError(
                f"{name} is partly occupied, and the file does not say how far",
                reason=f"its refinement flags are {flag}: P stands for a constrained occupancy",
                fix="give the occupancies (_atom_site_occupancy), or remove the flag if the place is full",
                where=block.place_of_site(name),
            )


def _at_one_place(frac: NDArray[np.float64]) -> list[list[int]]:
    """Rows that lie at the same place, periodic images included."""
    folded = frac % 1.0
    folded[folded >= 1.0] = 0.0
    group = list(range(len(frac)))
    for k, j in sorted(cKDTree(folded, boxsize=1.0).query_pairs(SAME_PLACE)):
        group[j] = min(group[j], group[k])
    found: dict[int, list[int]] = {}
    for k, first in enumerate(group):
        found.setdefault(first, []).append(k)
    return list(found.values())


def _refuse_twice(block: CifBlock, names: Sequence[str], rows: Sequence[int]) -> None:
    k, j = rows[:2]
    raise ClashError(
        f"{names[k]} and {names[j]} (atoms {k + 1} and {j + 1} of the list) are 0.000 Å apart",
        reason="both are listed at the same place",
        fix="remove one of them",
        where=block.place_of_site(names[j]),
    )


def _refuse_partial(
    block: CifBlock,
    names: Sequence[str],
    kinds: Sequence[str],
    shares: Sequence[float],
    partial: Sequence[Sequence[int]],
) -> None:
    first = partial[0]
    count = sum(len(group) for group in partial)
    held = " + ".join(f"{shares[k]:g} {kinds[k]}" for k in first)
    reason = f"{count} of its sites are partly occupied, the first is {names[first[0]]} ({shares[first[0]]:g})"
    if len(first) > 1:
        reason += f", whose place holds {held}"
    raise StructureError(
        "this crystal is disordered",
        reason=reason,
        fix=ORDERED,
        where=block.place_of_site(names[first[0]]),
    )


def _refuse_disorder_groups(block: CifBlock, names: Sequence[str], kept: Sequence[int]) -> None:
    """Groups of one assembly exclude each other, whatever the occupancies say."""
    groups = block.column("_atom_site_disorder_group")
    assemblies = block.column("_atom_site_disorder_assembly")
    if len(groups) != len(names):
        return
    found: dict[str, dict[str, int]] = {}
    for k in kept:
        if groups[k].strip() not in ("", ".", "?", "0"):
            of = assemblies[k] if len(assemblies) == len(names) else "."
            found.setdefault(of, {}).setdefault(groups[k], k)
    for of, members in found.items():
        if len(members) > 1 or any(group.startswith("-") for group in members):
            listed = " and ".join(f"{group} ({names[k]} …)" for group, k in sorted(members.items()))
            raise StructureError(
                "this crystal is disordered",
                reason=f"disorder group {listed}{'' if of in '.?' else f' of assembly {of}'}: "
                + ("at most one of them is there at a time" if len(members) > 1 else "its images exclude each other"),
                fix="keep the sites of one group, with an occupancy of 1, and remove its number",
                where=block.place_of_site(names[next(iter(members.values()))]),
            )


def _states(block: CifBlock, symbols: Sequence[str]) -> list[float | None]:
    """Oxidation state of each row: of its type in the list of atom types, or else behind its type symbol."""
    types, numbers = block.column("_atom_type_symbol"), block.column("_atom_type_oxidation_number")
    listed = {t.lower(): cif_number(n) for t, n in zip(types, numbers, strict=False)} if numbers else {}
    bare: dict[str, set[float]] = {}
    for name, number in listed.items():
        element = element_called(name)
        if element and number is not None:
            bare.setdefault(element, set()).add(number)
    found: list[float | None] = []
    for symbol in symbols:
        charge = _charge(symbol)
        state = listed.get(symbol.lower())
        if state is None:
            of_element = bare.get(element_called(symbol) or "", set())
            state = charge if charge is not None else (next(iter(of_element)) if len(of_element) == 1 else None)
        elif charge is not None and abs(charge - state) > 1e-3:
            raise StructureError(
                f"{symbol} is given the oxidation number {state:+g}",
                reason=f"its type symbol says {charge:+g}, _atom_type_oxidation_number {state:+g}",
                fix="correct the one that is wrong",
                where=block.place("_atom_type_oxidation_number"),
            )
        found.append(state)
    return found if any(found) else []


def _charge(symbol: str) -> float | None:
    """``Sn4+``, ``Sn+4`` -> 4; None for a symbol without a charge."""
    found = _CHARGE.match(symbol)
    if found is None:
        return None
    sign = -1.0 if "-" in (found[2], found[3]) else 1.0
    return sign * float(found[1] or found[4] or 1)
