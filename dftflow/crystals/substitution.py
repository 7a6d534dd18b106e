"""Ions put in the place of others: molecules, atoms or nothing, on all sites of a kind or on some of them.

On some of them the result is an ordered cell of a mixture; which ordering it is, is said with it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from math import gcd, prod
from typing import TYPE_CHECKING, Any

import numpy as np
from ase.data import atomic_numbers

from dftflow.crystals.contacts import check_contacts
from dftflow.crystals.formal_charges import usual_charge
from dftflow.crystals.ions import charges_may_balance, ionic_units
from dftflow.crystals.mixture import Replacement, shares_text
from dftflow.crystals.molecules import Molecule
from dftflow.crystals.ordering_choice import QUASIRANDOM, Ordering, listed_orderings, ordering_of
from dftflow.crystals.orderings import Frame, MixedSites, alike_turned, site_permutations
from dftflow.crystals.orientation import RANDOM, parse_orientation, rotations
from dftflow.crystals.partial_sites import PARTIAL_SITES
from dftflow.crystals.placed_units import Unit, crystal_of, repeated
from dftflow.crystals.substitution_plan import SubstitutionPlan, substitution_plan
from dftflow.crystals.supercell import Repeats
from dftflow.errors import StructureError, SurfaceError
from dftflow.model.mixture import Mixture

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pymatgen.core import Structure

__all__ = [
    "SUBSTITUTION",
    "common_orientation",
    "mixture_of",
    "notes_of",
    "orderings_of",
    "substitute",
    "substitute_all",
    "substitution_text",
]

SUBSTITUTION = "substitution"
"""Property of a structure with what was done to the host, plain data."""

KIND = 1000
"""Atoms of the n-th sublattice count as kinds of n times this and more."""


def substitute(
    structure: Structure,
    *,
    site: str,
    by: str | Molecule,
    fraction: float | None = None,
    orientation: str | Sequence[str] = "100",
    supercell: Repeats | None = None,
    ordering: str | int = QUASIRANDOM,
    seed: int | None = None,
    pseudocubic_ang: float | None = None,
) -> Structure:
    """Replace `site` ions by others: `substitute_all` for one replacement."""
    replacement = Replacement.of(site, by, fraction=fraction, orientation=orientation)
    return substitute_all(
        structure,
        (replacement,),
        supercell=supercell,
        ordering=ordering,
        seed=seed,
        pseudocubic_ang=pseudocubic_ang,
    )


def substitute_all(
    structure: Structure,
    replacements: Sequence[Replacement],
    *,
    supercell: Repeats | None = None,
    ordering: str | int = QUASIRANDOM,
    seed: int | None = None,
    pseudocubic_ang: float | None = None,
) -> Structure:
    """Put other ions in the places of some of a crystal's own.

    Parameters
    ----------
    structure
        The host; left as it is.
    replacements
        Each is of the host's own ions; several may share a site. A molecule comes to lie with its centre of mass on
        the site, an atom on the centre of mass of the molecule that it replaces. ``"110"`` as the orientation of a
        molecule: its long axis (FA: N···N, MA: C to N) along [110] of the host and its second axis (FA: C to H, along
        the dipole) along [010], made perpendicular to the first. ``"100/001"`` names both. ``"random"`` draws every
        molecule's rotation evenly from all rotations, the same ones for the same `seed`.
    supercell
        Repeats along the three lattice vectors. Unless given: none, and for fractions that the cell does not have
        the smallest ones that have them.
    ordering, seed
        Of a mixture, see `dftflow.crystals.ordering_choice.ordering_of`; `seed` also of random orientations.
    pseudocubic_ang
        Scale the host first, all lengths between its ions by one factor, to the volume of `pseudocubic_ang` cubed per
        formula unit of an ABX3 crystal, of another one per ion of the first replacement's site: 5.99 makes a
        FAPbBr3-sized cell of CsPbBr3 in any phase and setting. Molecules keep their size.

    Returns
    -------
    Structure
        The ions that stay come first. Site property ``molecule``: -1 for a single atom, else the number of the
        molecule, each of which is written whole (not wrapped into the cell). ``properties["molecule_charges"]`` gives
        the charge of each molecule as a unit, in e; ``properties["substitution"]`` says what was done, and of a
        mixture ``properties["formula_units"]`` how many formula units the cell holds.

    Raises
    ------
    StructureError
        For a site, molecule, orientation, fraction, supercell, ordering or scale that cannot be used.
    ClashError
        When an ion comes too close to its surroundings.
    """
    plan = substitution_plan(structure, replacements, supercell, pseudocubic_ang)
    found = ordering_of(_mixed_sites(plan), ordering, seed) if plan.mixed else None
    built = crystal_of(plan.supercell_ang, _placed(plan, found, seed))
    built.properties = {**structure.properties, **built.properties}
    built.properties.pop(PARTIAL_SITES, None)
    units = structure.properties.get("formula_units", 0)
    if plan.mixed or units:
        own = units or gcd(*Counter(unit.name for unit in plan.host).values())
        built.properties["formula_units"] = own * prod(plan.repeats)
    before = _done(structure)
    built.properties[SUBSTITUTION] = {
        "replaced": [*before.get("replaced", ()), *(_told(replacement, plan) for replacement in replacements)],
        "supercell": list(plan.repeats),
        "seed": seed,
        "pseudocubic_ang": pseudocubic_ang,
        "orientations": _orientations(plan),
        "ordering": None if found is None else found.as_dict(),
        "notes": list(before.get("notes", ())),
    }
    first = replacements[0]
    check_contacts(
        built,
        where=f"{first.name} on {first.site} of {structure.composition.reduced_formula}, orientation "
        f"{first.orientation}",
        fix="choose another orientation or seed, or a larger cell (pseudocubic_ang)",
    )
    built.properties[SUBSTITUTION]["notes"] += _notes(plan, found)
    built.properties[SUBSTITUTION]["notes"] += _charge_note(_charge_of(built, structure, plan))
    return built


def orderings_of(
    structure: Structure, replacements: Sequence[Replacement], *, supercell: Repeats | None = None
) -> tuple[Ordering, ...]:
    """All orderings of a mixture in its cell, the most random ones first; arguments and errors as `substitute_all`."""
    plan = substitution_plan(structure, replacements, supercell, None)
    if not plan.mixed:
        raise StructureError(
            "there is one ordering", reason="nothing is mixed", fix="give a fraction: FA=Cs:0.15, fraction = 0.15"
        )
    return listed_orderings(_mixed_sites(plan))


def notes_of(structure: Structure) -> tuple[str, ...]:
    """What a person has to know of how a crystal was substituted."""
    return tuple(_done(structure).get("notes", ()))


def substitution_text(structure: Structure) -> str:
    """What was put where, in a line: ``"3 of 20 FA by Cs"``; ``""`` for a crystal that nothing was put into."""
    return "; ".join(
        f"{one['count']} of {one['of']} {one['site']} by {one['by']}"
        + (f", orientation {one['orientation']}" if one["geometry"] else "")
        for one in _done(structure).get("replaced", ())
    )


def mixture_of(structure: Structure) -> Mixture:
    """What is known of its ordering and orientation; of one where nothing was put in."""
    done = _done(structure)
    found = done.get("ordering") or {}
    kept = {key: found[key] for key in ("degeneracy", "arrangements", "correlation_error") if key in found}
    return Mixture(orientations=done.get("orientations", 1), **kept)


def common_orientation(structure: Structure) -> str | None:
    """How all molecules that were put into a crystal are turned; None where they differ, or there are none."""
    turned = [one["orientation"] for one in _done(structure).get("replaced", ()) if one["geometry"]]
    alike = bool(turned) and all(one == turned[0] for one in turned)
    return turned[0] if alike and isinstance(turned[0], str) and turned[0] != RANDOM else None


def _done(structure: Structure) -> Mapping[str, Any]:
    done = (structure.properties or {}).get(SUBSTITUTION)
    return done if isinstance(done, Mapping) else {}


# --- where it comes ---------------------------------------------------------------------------------------------


def _frame(plan: SubstitutionPlan) -> Frame:
    """The unit cell with a mark on each site that something comes to, and what stays there of the host's molecules."""
    frac, kinds = [], []
    inverse = np.linalg.inv(plan.cell_ang)
    for unit in plan.host:
        number = plan.number_of(unit)
        kind = 0 if number is None else KIND * (number + 1)
        leaves = number is not None and (len(unit.symbols) == 1 or plan.contents[number][0] == 0)
        for symbol, offset in zip(unit.symbols, unit.offsets_ang, strict=True):
            frac.append(unit.frac if leaves else unit.frac + offset @ inverse)
            kinds.append(kind if leaves else kind + atomic_numbers[symbol])
            if leaves:
                break
    return Frame(cell_ang=plan.cell_ang, frac=np.array(frac), kinds=tuple(kinds), rigid=tuple(_rigid(plan)))


def _rigid(plan: SubstitutionPlan) -> Iterator[tuple[NDArray[np.float64], tuple[int, ...]]]:
    """Molecules that come in, those of which all are turned alike."""
    for sublattice in plan.sublattices:
        for replacement in sublattice.replacements:
            unit = replacement.unit()
            together = isinstance(replacement.orientation, str) and replacement.orientation != RANDOM
            if unit is not None and len(unit.symbols) > 1 and together:
                turn = parse_orientation(str(replacement.orientation)).rotation(plan.cell_ang)
                yield unit.offsets_ang @ turn.T, tuple(atomic_numbers[symbol] for symbol in unit.symbols)


def _mixed_sites(plan: SubstitutionPlan) -> MixedSites:
    mixed = [k for k, counts in enumerate(plan.contents) if sum(count > 0 for count in counts) > 1]
    sites = [(mixed.index(n), u.frac) for u in repeated(plan.host, plan.repeats) if (n := plan.number_of(u)) in mixed]
    frac = np.array([place for _, place in sites])
    return MixedSites(
        cell_ang=plan.supercell_ang,
        frac=frac,
        sublattice=tuple(number for number, _ in sites),
        contents=tuple(plan.contents[k] for k in mixed),
        permutations=site_permutations(_frame(plan), plan.repeats, frac),
    )


def _placed(plan: SubstitutionPlan, ordering: Ordering | None, seed: int | None) -> list[Unit]:
    """The units of the supercell: those that stay, then what each replacement brings."""
    arranged = iter(() if ordering is None else ordering.occupants)
    kept: list[Unit] = []
    places: dict[tuple[int, int], list[NDArray[np.float64]]] = {
        (number, which): []
        for number, sublattice in enumerate(plan.sublattices)
        for which in range(len(sublattice.replacements))
    }
    for unit in repeated(plan.host, plan.repeats):
        number = plan.number_of(unit)
        present = [] if number is None else [k for k, count in enumerate(plan.contents[number]) if count]
        occupant = next(arranged) if len(present) > 1 else sum(present)
        if number is None or occupant == 0:
            kept.append(unit)
        else:
            places[number, occupant - 1].append(unit.frac)
    brought = [
        placed
        for nth, ((number, which), there) in enumerate(places.items())
        for placed in _turned(plan, plan.sublattices[number].replacements[which], there, seed, nth)
    ]
    return kept + brought


def _turned(
    plan: SubstitutionPlan,
    replacement: Replacement,
    places: Sequence[NDArray[np.float64]],
    seed: int | None,
    nth: int,
) -> Iterator[Unit]:
    """What comes in, on each of its places; the n-th replacement draws other rotations than the first."""
    unit = replacement.unit()
    if unit is None:
        return
    if len(unit.symbols) == 1:
        yield from (unit.at(place) for place in places)
        return
    drawn = seed if seed is None or nth == 0 else [seed, nth]
    turns = rotations(replacement.orientation, plan.cell_ang, len(places), drawn)
    for place, turn in zip(places, turns, strict=True):
        yield replace(unit, frac=place, offsets_ang=unit.offsets_ang @ turn.T)


# --- what is said of it -----------------------------------------------------------------------------------------


def _told(replacement: Replacement, plan: SubstitutionPlan) -> dict[str, Any]:
    number = next(n for n, sublattice in enumerate(plan.sublattices) if sublattice.name == replacement.site)
    counts = plan.contents[number]
    which = plan.sublattices[number].replacements.index(replacement)
    molecule = replacement.by if isinstance(replacement.by, Molecule) else None
    orientation = replacement.orientation
    return {
        "site": replacement.site,
        "by": replacement.name,
        "count": counts[which + 1],
        "of": sum(counts),
        "geometry": "" if molecule is None else molecule.source,
        "orientation": orientation if isinstance(orientation, str) else list(orientation),
    }


def _orientations(plan: SubstitutionPlan) -> int:
    frame = _frame(plan)
    return alike_turned(frame, plan.repeats if plan.mixed else (1, 1, 1)) if frame.rigid else 1


def _notes(plan: SubstitutionPlan, found: Ordering | None) -> Iterator[str]:
    if plan.chosen:
        size = " x ".join(map(str, plan.repeats))
        yield f"supercell {size}: the smallest compact one that has these fractions; none was asked for"
    yield from _rounded(plan)
    if found is not None:
        yield _ordering_note(plan, found)


def _charge_note(charge: int) -> Iterator[str]:
    if charge:
        yield (
            f"the formal charges add up to {charge:+d} e, and the calculation is of a neutral cell: it has "
            f"{abs(charge)} electron{'s' if abs(charge) > 1 else ''} {'more' if charge > 0 else 'less'} than the "
            "closed shells of its ions, so that its Fermi level lies in a band or a defect level"
        )


def _rounded(plan: SubstitutionPlan) -> Iterator[str]:
    """Shares of a file that are others in the cell."""
    for sublattice, counts in zip(plan.sublattices, plan.contents, strict=True):
        for replacement, count in zip(sublattice.replacements, counts[1:], strict=True):
            share, is_now = replacement.fraction or 1.0, count / sum(counts)
            if replacement.nearest and abs(share - is_now) > 1e-6:
                yield (
                    f"{share:.4g} of the {sublattice.name} sites are {replacement.name} in the file, and "
                    f"{is_now:.4g} ({count} of {sum(counts)}) in this cell"
                )


def _ordering_note(plan: SubstitutionPlan, found: Ordering) -> str:
    pairs = zip(plan.sublattices, plan.contents, strict=True)
    mixed = "; ".join(
        f"{sublattice.name} sites: {', '.join(shares_text(sublattice, counts))}"
        for sublattice, counts in pairs
        if sum(count > 0 for count in counts) > 1
    )
    which = f"ordering {found.number} of {found.distinct}" if found.distinct else "one ordering of more than are listed"
    alike = f", one of {found.alike} that are as random" if found.alike and found.alike > 1 else ""
    return (
        f"{mixed}. {str(found.asked).capitalize() if isinstance(found.asked, str) else 'Chosen'}: {which}{alike}; "
        f"{found.degeneracy} of {found.arrangements} arrangements are it; its pairs are off the random ones by "
        f"{found.correlation_error:.3f} (0 random, 1 segregated)"
    )


def _charge_of(built: Structure, host: Structure, plan: SubstitutionPlan) -> int:
    """Sum of the formal charges of what was built: what came in, or 0 where some charges balance (Sn +4 where half of
    the Sn left)."""
    try:
        return 0 if charges_may_balance(built) else _charge_brought(host, plan)
    except SurfaceError:
        return 0


def _charge_brought(host: Structure, plan: SubstitutionPlan) -> int:
    """By how much the sum of the usual charges changes; 0 where one of an ion that comes or goes is not known."""
    try:
        own = {unit.name: unit.charge for unit in ionic_units(host)}
    except SurfaceError:
        return 0
    total = 0
    for sublattice, counts in zip(plan.sublattices, plan.contents, strict=True):
        for replacement, count in zip(sublattice.replacements, counts[1:], strict=True):
            unit, leaves = replacement.unit(), own.get(sublattice.ion)
            comes = 0 if unit is None else unit.charge if unit.marked else usual_charge(unit.name)
            if comes is None or leaves is None:
                return 0
            total += count * (comes - leaves)
    return total
