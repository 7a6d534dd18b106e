"""What is to take the places of the ions of a crystal, and in which cell it comes out in whole numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from math import prod
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from ase.data import atomic_numbers

from dftflow.crystals.molecules import Molecule, load_molecule
from dftflow.crystals.placed_units import Unit
from dftflow.errors import StructureError
from dftflow.model.bounds import MOST_ATOMS
from dftflow.model.printable import shown

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "MOST_MIXED_SITES",
    "VACANCY",
    "Replacement",
    "Sublattice",
    "fitting_repeats",
    "is_element",
    "not_met",
    "shares_text",
    "sublattices_of",
]

VACANCY = "vacancy"
MET = 5e-4
"""A fraction is that of a cell when they agree to three decimals: 0.333 is a third."""
MOST_MIXED_SITES = 128
"""Of a sublattice in a cell whose size is left to dftflow."""
MOST_STRETCHED = 3.0
"""Longest edge of such a cell over its shortest: in a longer one the images of an ion are nearer than its likes."""


def is_element(name: str) -> bool:
    """Whether it is the symbol of an element."""
    return name in atomic_numbers and name != "X"


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class Replacement:
    """What takes the place of an ion.

    Attributes
    ----------
    site
        The ion as the host calls it: an element, ``"FA"``, ``"MA"``, another molecule by its formula in Hill order.
    by
        An element, ``"FA"``, ``"MA"``, a file or a `Molecule`; ``"vacancy"`` for nothing.
    fraction
        Of the host's ions of that name; None for all of them.
    orientation
        Of a molecule, see `dftflow.crystals.orientation`; a sequence gives each its own.
    nearest
        Whether the nearest whole number will do in a supercell that was asked for.
    """

    site: str
    by: str | Molecule
    fraction: float | None = None
    orientation: str | Sequence[str] = "100"
    nearest: bool = False

    @property
    def name(self) -> str:
        """Of what comes in."""
        return self.by.name if isinstance(self.by, Molecule) else self.by

    @classmethod
    def of(
        cls,
        site: str,
        by: str | Molecule,
        *,
        fraction: float | None = None,
        orientation: str | Sequence[str] = "100",
        charge: int = 1,
        base_dir: Path | None = None,
    ) -> Replacement:
        """A replacement as a person writes it; `charge` is that of a molecule from a file, see `load_molecule`."""
        if isinstance(by, str) and by != VACANCY and not is_element(by):
            by = load_molecule(by, base_dir=base_dir, charge=charge)
        return cls(site=site, by=by, fraction=fraction, orientation=orientation)

    def unit(self) -> Unit | None:
        """What comes in, not turned and not placed; None for a vacancy."""
        if self.by == VACANCY:
            return None
        nowhere = np.zeros(3)
        if isinstance(self.by, str) and is_element(self.by):
            return Unit(name=self.by, symbols=(self.by,), frac=nowhere, offsets_ang=np.zeros((1, 3)))
        molecule = self.by if isinstance(self.by, Molecule) else load_molecule(self.by)
        return Unit(
            name=molecule.name,
            symbols=molecule.symbols,
            frac=nowhere,
            offsets_ang=molecule.positions_ang,
            marked=True,
            charge=molecule.charge,
        )


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class Sublattice:
    """The ions of one name, and what takes the places of some or all of them.

    Attributes
    ----------
    name
        As the host, or its file, calls the site.
    ion
        What is there in the host.
    number
        Of them in the unit cell.
    replacements
        In the order in which they were asked for.
    """

    name: str
    ion: str
    number: int
    replacements: tuple[Replacement, ...]

    def counts(self, cells: int, *, asked: bool = False) -> tuple[int, ...] | None:
        """How many ions stay, and how many each replacement takes in `cells` unit cells; None where none are whole.

        Parameters
        ----------
        asked
            Whether that many cells are asked for: then what may be the nearest is rounded, but not to nothing.
        """
        sites = self.number * cells
        if self.replacements[0].fraction is None:
            return (0, sites)
        shares = [replacement.fraction or 0.0 for replacement in self.replacements]
        taken = [round(share * sites) for share in shares]
        met = all(abs(n / sites - share) < MET for n, share in zip(taken, shares, strict=True))
        left = sites - sum(taken)
        filled = abs(1 - sum(shares)) < MET
        rounded = asked and all(replacement.nearest for replacement in self.replacements) and all(taken)
        fits = left >= 0 and (left == 0) == filled and (met or rounded)
        return (left, *taken) if fits else None


def sublattices_of(units: Sequence[Unit], replacements: Sequence[Replacement]) -> tuple[Sublattice, ...]:
    """The host's ions that something is put in the place of.

    Raises
    ------
    StructureError
        For a name that no ion has, fractions that make more than one, and an ion that replaces itself.
    """
    names = Counter(unit.label or unit.name for unit in units)
    grouped: dict[str, list[Replacement]] = {}
    for replacement in replacements:
        if replacement.site not in names:
            raise _no_such_ion(replacement.site, names)
        grouped.setdefault(replacement.site, []).append(replacement)
    ions = {unit.label or unit.name: unit.name for unit in units}
    found = tuple(
        Sublattice(name=name, ion=ions[name], number=names[name], replacements=tuple(asked))
        for name, asked in grouped.items()
    )
    for sublattice in found:
        _check_shares(sublattice)
    return found


def _no_such_ion(site: str, names: Mapping[str, int]) -> StructureError:
    return StructureError(
        f"no site {site!r} to substitute",
        reason=f"the ions of the crystal are {', '.join(sorted(names))}",
        fix=f'name one of them, e.g. site = "{sorted(names)[0]}"',
    )


def _check_shares(sublattice: Sublattice) -> None:
    name, replacements = sublattice.name, sublattice.replacements
    if any(replacement.name == sublattice.ion for replacement in replacements):
        raise StructureError(f"{name} is to be replaced by {name}", fix="name another ion, or leave this one out")
    twice = [other for other, count in Counter(r.name for r in replacements).items() if count > 1]
    if twice:
        raise StructureError(f"{twice[0]} is put on {name} twice", fix="write one fraction for it")
    given = [replacement.fraction for replacement in replacements if replacement.fraction is not None]
    bad = next((part for part in given if not isinstance(part, Real) or not 0 < part <= 1), None)
    if bad is not None:
        raise StructureError(f"{shown(bad)} is no fraction of the {name} sites", fix="give a number above 0, at most 1")
    if sum(given) + len(replacements) - len(given) > 1 + MET:
        listed = " + ".join("all" if r.fraction is None else f"{r.fraction:g}" for r in replacements)
        raise StructureError(
            f"more than all of the {name} sites are to be replaced: {listed}",
            reason="each fraction is of the host's sites, and together they make at most 1",
            fix="give each replacement a fraction, so that they make 1 or less",
        )


def fitting_repeats(
    cell_ang: NDArray[np.float64], sublattices: Sequence[Sublattice], atoms: int
) -> tuple[int, int, int] | None:
    """The smallest compact supercell in which all fractions are whole numbers of sites.

    None where it would have more than `MOST_MIXED_SITES` sites of a sublattice, or too many atoms.

    Parameters
    ----------
    atoms
        In the unit cell.
    """
    most = min(MOST_MIXED_SITES // max(s.number for s in sublattices), MOST_ATOMS // max(atoms, 1))
    edges = np.linalg.norm(cell_ang, axis=1)
    allowed = max(MOST_STRETCHED, float(edges.max() / edges.min()))
    for cells in range(1, most + 1):
        if all(sublattice.counts(cells) is not None for sublattice in sublattices):
            stretch, shape = min(_shapes(edges, cells))
            if stretch <= allowed + 1e-6:
                return shape
    return None


def _shapes(edges_ang: NDArray[np.float64], cells: int) -> Iterator[tuple[float, tuple[int, int, int]]]:
    """Repeats that hold so many unit cells, each with its longest edge over its shortest."""
    for a, b in product(range(1, cells + 1), repeat=2):
        if cells % (a * b) == 0:
            shape = (a, b, cells // (a * b))
            lengths = edges_ang * np.array(shape)
            yield round(float(lengths.max() / lengths.min()), 6), shape


def not_met(cell_ang: NDArray[np.float64], sublattices: Sequence[Sublattice], cells: int, atoms: int) -> StructureError:
    """The refusal of fractions that `cells` unit cells do not have, with what they have and which cell would do."""
    wrong = next(sublattice for sublattice in sublattices if sublattice.counts(cells) is None)
    sites = wrong.number * cells
    share = next(
        (f for r in wrong.replacements if (f := r.fraction or 0.0) and abs(round(f * sites) / sites - f) >= MET),
        wrong.replacements[0].fraction or 0.0,
    )
    near = [n for n in dict.fromkeys((int(share * sites), int(share * sites) + 1)) if 0 < n <= sites]
    told = " and ".join(f"{n / sites:.4g} ({n} of {sites})" for n in near)
    repeats = fitting_repeats(cell_ang, sublattices, atoms)
    needed = Fraction(share).limit_denominator(MOST_MIXED_SITES)
    cell = (
        f"the smallest compact supercell that has it is {' x '.join(map(str, repeats))} "
        f"({wrong.number * prod(repeats)} sites)"
        if repeats
        else f"it takes a cell of more than {MOST_MIXED_SITES} such sites; {needed} = {float(needed):.4g} is near it"
    )
    fix = f"write supercell = [{', '.join(map(str, repeats))}]" if repeats else f"write fraction = {float(needed):.4g}"
    if all(replacement.nearest for replacement in wrong.replacements):
        near, fix = [], "write a larger supercell, e.g. [2, 2, 2] (--supercell 2 2 2): the nearest numbers are taken"
    return StructureError(
        f"{share:g} of {sites} {wrong.name} sites are {share * sites:.4g} ions",
        reason=f"the nearest fractions of this cell are {told}; {cell}",
        fix=f"{fix}, or fraction = {near[0] / sites:.4g}" if near and repeats else fix,
    )


def shares_text(sublattice: Sublattice, counts: Sequence[int]) -> Iterator[str]:
    """``"17 FA"``, ``"3 Cs"``."""
    names = (sublattice.ion, *(replacement.name for replacement in sublattice.replacements))
    return (f"{count} {name}" for name, count in zip(names, counts, strict=True) if count)
