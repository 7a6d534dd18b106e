"""A crystal from a CIF (https://www.iucr.org/resources/cif): its sites and their images, held against what it says.

A CIF says the same thing in several ways: operations, Hall symbol, name and number of the space group; formula, number
of formula units, density, multiplicities. What the atoms contradict is refused, and what is open (a name without its
setting or origin) is decided by the rest where only one choice fits, and asked about elsewhere.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from pymatgen.core import Lattice, Structure

from dftflow.crystals.cif_block import CifBlock, cif_block, cif_number
from dftflow.crystals.cif_claims import CifClaims, Contradiction, cif_claims, density_of, formula_text, mass_of
from dftflow.crystals.cif_sites import CifSite, cif_sites
from dftflow.crystals.cif_symmetry import (
    GIVE_NAME,
    DeclaredSymmetry,
    SymmetryChoice,
    declared_symmetry,
    other_settings,
)
from dftflow.crystals.contacts import check_contacts
from dftflow.crystals.file_notes import Read, messages_of
from dftflow.crystals.ions import with_oxidation_states
from dftflow.crystals.missing_hydrogens import missing_hydrogens
from dftflow.crystals.orbits import MERGED_ANG, Orbit, orbits_of
from dftflow.crystals.partial_sites import PARTIAL_SITES
from dftflow.crystals.placed_units import SITE_LABEL
from dftflow.crystals.symmetry import FROM_SYMPREC, SYMPREC_ANG, symmetry_dataset
from dftflow.errors import ClashError, StructureError
from dftflow.model.bounds import MOST_ATOMS

__all__ = ["read_cif"]

SAID_ANG = 1e-3
"""A site is moved less than this without a word: 0.3333 for 1/3 is 3e-4 Å off along 10 Å."""

UNEVEN_CHARGE = 0.05
"""In e: the states of mixed valence are rounded (2.67 for 8/3)."""

LONGEST_ANG = 1e4
SMALLEST_VOLUME_ANG3 = 1.0


@dataclass(frozen=True, eq=False)
class _Crystal:
    """The atoms that one choice of the symmetry makes of the sites."""

    choice: SymmetryChoice
    sites: Sequence[CifSite]
    lattice: Lattice

    @cached_property
    def orbits(self) -> tuple[Orbit, ...]:
        return orbits_of([(site.element, site.frac) for site in self.sites], self.choice.operations, self.lattice)

    @cached_property
    def counts(self) -> dict[str, float]:
        """Atoms of each element in the cell; of mixed places as their shares."""
        found: dict[str, float] = {}
        for site, orbit in zip(self.sites, self.orbits, strict=True):
            for element, share in site.shares.items():
                found[element] = found.get(element, 0) + share * len(orbit.places)
        return found

    @cached_property
    def told_charge(self) -> float:
        """Sum of the oxidation states of the cell; 0 where not all atoms have one."""
        if any(site.state is None for site in self.sites):
            return 0.0
        pairs = zip(self.sites, self.orbits, strict=True)
        charge = sum((site.state or 0.0) * len(orbit.places) for site, orbit in pairs)
        return charge if abs(charge) > UNEVEN_CHARGE else 0.0

    @cached_property
    def mass_u(self) -> float:
        pairs = zip(self.sites, self.orbits, strict=True)
        return mass_of(self.counts, sum(len(orbit.places) for site, orbit in pairs if site.heavy))

    @cached_property
    def structure(self) -> Structure:
        """In the order of electronegativity, as pymatgen sorts what it reads."""
        sites, orbits = self.sites, self.orbits
        states = [site.state for site, orbit in zip(sites, orbits, strict=True) for _ in orbit.places]
        structure = Structure(
            self.lattice,
            [site.element for site, orbit in zip(sites, orbits, strict=True) for _ in orbit.places],
            np.concatenate([orbit.places for orbit in orbits]),
        )
        if any(site.others for site in sites):
            return _with_partial_sites(structure, sites, [len(orbit.places) for orbit in orbits])
        if self.told_charge == 0 and any(state is not None for state in states):
            structure = with_oxidation_states(structure, states)
        return structure.get_sorted_structure()

    @cached_property
    def misplaced(self) -> str:
        """A site whose images are too near to each other, or another number of them than the file gives it."""
        for site, orbit in zip(self.sites, self.orbits, strict=True):
            if orbit.crowded_ang:
                return f"the images of {site.label} would be {orbit.crowded_ang:.2f} Å apart"
            if site.multiplicity and orbit.twin is None and not self._has_multiplicity(site, orbit):
                return f"{site.label} would have {len(orbit.places)} images, not its multiplicity {site.multiplicity}"
        return ""

    @cached_property
    def clash(self) -> str:
        """Two atoms too near to each other."""
        try:
            check_contacts(self.structure)
        except ClashError as error:
            return error.summary
        return ""

    def _has_multiplicity(self, site: CifSite, orbit: Orbit) -> bool:
        """Older programs give the order of the site's symmetry under this name."""
        order = len(self.choice.operations) / len(orbit.places)
        return site.multiplicity in (len(orbit.places), order) or len(self.choice.operations) == 1

    def contradictions(self, claims: CifClaims) -> list[Contradiction]:
        return claims.of_atoms(self.counts) + claims.of_cell(self.lattice.volume, self.mass_u)

    def against(self, claims: CifClaims) -> str:
        """Why these are not the atoms that the file means, missing hydrogens apart; ``""`` when they can be."""
        if self.misplaced or self.clash:
            return self.misplaced or self.clash
        wrong = [c for c in self.contradictions(claims) if not c.missing_hydrogens and c.tag != "_cell_volume"]
        lacks = any(c.missing_hydrogens for c in claims.of_atoms(self.counts))
        wrong = [c for c in wrong if not (lacks and c.tag.startswith(("_chemical_formula_weight", "_exptl")))]
        return f"{wrong[0].tag} says {wrong[0].says}, this makes {wrong[0].built}" if wrong else ""

    @property
    def makeup(self) -> str:
        atoms = sum(self.counts.values())
        return f"{atoms:g} atoms, {formula_text(self.counts)}, {density_of(self.mass_u, self.lattice.volume):.2f} g/cm3"


def _with_partial_sites(structure: Structure, sites: Sequence[CifSite], images: Sequence[int]) -> Structure:
    """With the name of each place that is shared, and what is there beside its element."""
    twice = {label for label, count in Counter(site.label for site in sites).items() if count > 1}
    names = [
        "" if not site.others else f"{site.label} ({k})" if site.label in twice else site.label
        for k, site in enumerate(sites, 1)
    ]
    structure.add_site_property(SITE_LABEL, [name for name, n in zip(names, images, strict=True) for _ in range(n)])
    structure.properties[PARTIAL_SITES] = {
        name: dict(site.others) for name, site in zip(names, sites, strict=True) if name
    }
    return structure.get_sorted_structure()


def read_cif(text: str, where: str, *, mixed: bool = False) -> Read:
    """The crystal; with `mixed` one that is to be ordered where places are shared, see `partial_sites`."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        block = cif_block(text, where)
    claims = cif_claims(block)
    lattice = _lattice(block)
    sites, notes = cif_sites(block, claims.elements, mixed=mixed)
    declared = declared_symmetry(block, lattice)
    if len(sites) * max(len(choice.operations) for choice in declared.choices) > MOST_ATOMS:
        raise StructureError(
            f"{len(sites)} sites make more than {MOST_ATOMS} atoms",
            fix="give a crystal with a smaller cell",
            where=where,
        )
    notes = messages_of(caught) + declared.notes + notes
    crystal = _chosen(declared, sites, lattice, claims, block, notes)
    _check(crystal, claims, block)
    notes += _remarks(crystal, declared, block)
    doi = next((block.value(tag) for tag in block.data if tag.endswith("_doi") and block.value(tag)), "")
    return crystal.structure, notes, doi


def _lattice(block: CifBlock) -> Lattice:
    found = []
    for key in ("length_a", "length_b", "length_c", "angle_alpha", "angle_beta", "angle_gamma"):
        value = cif_number(block.value(f"_cell_{key}"))
        most = LONGEST_ANG if "length" in key else 180.0
        if value is None or not 0 < value < most:
            raise StructureError(
                "this CIF has no lattice",
                reason=f"_cell_{key} is missing or no positive number"
                + (f" below {most:g}" if value is not None and value > 0 else ""),
                fix="give all three lengths (Å) and angles (degrees)",
                where=block.place(f"_cell_{key}"),
            )
        found.append(value)
    cosines = np.cos(np.radians(found[3:]))
    if 1 + 2 * float(np.prod(cosines)) - float(cosines @ cosines) <= 1e-6:
        raise StructureError(
            f"no cell has the angles {', '.join(f'{angle:g}' for angle in found[3:])}",
            reason="each must be smaller than the sum of the two others, and all three than 360 degrees",
            fix="check the angles",
            where=block.place("_cell_angle_alpha"),
        )
    lattice = Lattice.from_parameters(*found)
    if lattice.volume < SMALLEST_VOLUME_ANG3:
        raise StructureError(
            f"the cell has a volume of {lattice.volume:.2g} Å3",
            reason="no atom goes into that",
            fix="give the lengths in Å",
            where=block.place("_cell_length_a"),
        )
    return lattice


def _chosen(
    declared: DeclaredSymmetry,
    sites: Sequence[CifSite],
    lattice: Lattice,
    claims: CifClaims,
    block: CifBlock,
    notes: list[str],
) -> _Crystal:
    """The crystal of the choice that fits; raises when none does, or several do and differ."""
    crystals = [_Crystal(choice, sites, lattice) for choice in declared.choices]
    if declared.listed or (len(crystals) == 1 and not crystals[0].against(claims)):
        return crystals[0]
    fits = [crystal for crystal in crystals if not crystal.against(claims)]
    if len(crystals) == 1:
        others = [
            _Crystal(choice, sites, lattice) for choice in other_settings(declared.number, lattice, declared.choices)
        ]
        better = [other for other in others if not other.against(claims)]
        as_told = bool(claims.formulas and claims.units) and not claims.of_atoms(crystals[0].counts)
        if not better or (as_told and not crystals[0].misplaced):  # the right number of atoms, but two are too near
            return crystals[0]
        raise _other_setting(declared, crystals[0], better, claims)
    alike = [crystal for crystal in fits[1:] if _same_atoms(fits[0].structure, crystal.structure)]
    if fits and len(alike) == len(fits) - 1:
        rest = next((c for c in crystals if c not in fits), None)
        if rest is not None:
            notes.append(
                f"{declared.said} leaves the setting open: {fits[0].choice.name} was taken ({fits[0].makeup}), "
                f"as {rest.choice.name} does not fit: {rest.against(claims)}"
            )
        return fits[0]
    raise _open(declared, fits or crystals, claims, fit=bool(fits))


def _same_atoms(first: Structure, second: Structure) -> bool:
    """Whether two structures of one lattice are the same atoms, wherever the origin lies."""
    from pymatgen.analysis.structure_matcher import StructureMatcher

    if first.composition != second.composition:
        return False
    matcher = StructureMatcher(primitive_cell=False, scale=False, ltol=1e-3, stol=1e-3, angle_tol=0.1)
    return bool(matcher.fit(first, second))


def _other_setting(
    declared: DeclaredSymmetry, crystal: _Crystal, better: Sequence[_Crystal], claims: CifClaims
) -> StructureError:
    listed = "; ".join(f"as {other.choice.name} they make {other.makeup}" for other in better[:3])
    return StructureError(
        f"the sites do not fit {declared.said}",
        reason=f"{crystal.against(claims)} ({crystal.makeup}); {listed}",
        fix=f"if that is the crystal, write {GIVE_NAME} '{better[0].choice.name}' there",
        where=declared.place,
    )


def _open(declared: DeclaredSymmetry, crystals: Sequence[_Crystal], claims: CifClaims, *, fit: bool) -> StructureError:
    rows = [f"{c.choice.name}: {c.makeup}" + ("" if fit else f", but {c.against(claims)}") for c in crystals[:8]]
    return StructureError(
        f"{declared.said} leaves open which crystal this is"
        if fit
        else f"no setting of {declared.said} fits the sites",
        reason="it has several settings, of origin, axes or cell, and the file lists no symmetry operations; "
        + "; ".join(rows),
        fix=f"write the one that is meant, {GIVE_NAME} '{crystals[0].choice.name}' for example, or list the operations"
        if fit
        else "check the coordinates, or list the symmetry operations",
        where=declared.place,
    )


def _check(crystal: _Crystal, claims: CifClaims, block: CifBlock) -> None:
    """Refuses a crystal that is not what its file says."""
    for site, orbit in zip(crystal.sites, crystal.orbits, strict=True):
        if orbit.crowded_ang:
            raise _off_special(crystal, site, orbit, block)
    _check_hydrogens(crystal, claims, block)
    wrong = crystal.contradictions(claims)
    if wrong:
        raise _contradicted(crystal, claims, wrong[0], block)
    for site, orbit in zip(crystal.sites, crystal.orbits, strict=True):
        if site.multiplicity and orbit.twin is None and not crystal._has_multiplicity(site, orbit):
            raise StructureError(
                f"{site.label} is not on the position that the file says",
                reason=f"its multiplicity is given as {site.multiplicity}, and "
                f"{_shown(site.frac)} has {len(orbit.places)} images by {crystal.choice.name}",
                fix="correct the coordinates, the multiplicity or the space group, or remove the multiplicities",
                where=block.place_of_site(site.label),
            )


def _check_hydrogens(crystal: _Crystal, claims: CifClaims, block: CifBlock) -> None:
    wrong = crystal.contradictions(claims)
    lacking = next((c for c in wrong if c.missing_hydrogens), None)
    of_sum = [c for c in wrong if c.tag == "_chemical_formula_sum"]
    if lacking is not None and all(c.missing_hydrogens for c in of_sum):
        reason = f"{lacking.tag} says {lacking.says}, and the sites make {lacking.built}"
        raise missing_hydrogens(
            crystal.structure, reason, round(lacking.missing_hydrogens, 3), block.place(lacking.tag)
        )
    pairs = zip(crystal.sites, crystal.orbits, strict=True)
    attached = sum(site.attached * len(orbit.places) for site, orbit in pairs)
    listed = "H" in claims.elements and not of_sum  # counted there and listed as well
    if attached and not listed:
        units = claims.units or crystal.structure.composition.get_integer_formula_and_factor()[1]
        tag = "_atom_site_attached_hydrogens"
        reason = f"{tag} counts {attached:g} in the cell that have no place of their own"
        raise missing_hydrogens(crystal.structure, reason, attached / units, block.place(tag))
    said = "_chemical_formula_sum" in claims.formulas and not of_sum
    if claims.refined_hydrogens and "H" not in crystal.counts and not said:
        reason = f"{claims.refined_hydrogens}, and no site is one"
        raise missing_hydrogens(crystal.structure, reason, 0, block.where)


def _shown(frac: Sequence[float] | np.ndarray) -> str:
    return f"({', '.join(f'{x:.6g}' for x in frac)})"


def _off_special(crystal: _Crystal, site: CifSite, orbit: Orbit, block: CifBlock) -> StructureError:
    steps = crystal.choice.operations.images(site.frac) - site.frac
    steps -= np.rint(steps)
    far = np.linalg.norm(steps @ crystal.lattice.matrix, axis=1)
    near = far < orbit.crowded_ang * 1.001
    special = site.frac + steps[near].mean(axis=0)
    off = float(np.linalg.norm((special - site.frac) @ crystal.lattice.matrix))
    return ClashError(
        f"site {site.label} lies {off:.3f} Å off a special position",
        reason=f"{crystal.choice.name} takes {_shown(site.frac)} to places {orbit.crowded_ang:.3f} Å from it, too near "
        f"for two atoms; on the special position {_shown(special % 1.0)} they are one"
        f" (up to {MERGED_ANG:g} Å off is put there, with a note)",
        fix=f"write {' '.join(f'{x:.6f}' for x in special % 1.0)} for {site.label}, if it is meant to be there; "
        "otherwise the space group, its setting, or the occupancy is wrong",
        where=block.place_of_site(site.label),
    )


def _contradicted(crystal: _Crystal, claims: CifClaims, wrong: Contradiction, block: CifBlock) -> StructureError:
    """With the number of formula units that would be right, where that alone differs."""
    fix = f"correct {wrong.tag}, or remove it if the sites are right; otherwise correct the sites or the space group"
    formula = claims.formulas.get(wrong.tag, {})
    ratios = {crystal.counts.get(element, 0) / amount for element, amount in formula.items()}
    if claims.units and formula and set(formula) == set(crystal.counts) and max(ratios) - min(ratios) < 1e-6:
        fix = f"write _cell_formula_units_Z {max(ratios):g}, if the sites are right; " + (
            "otherwise correct the sites or the space group, its origin and setting"
        )
    return StructureError(
        "the atoms are not what the file says",
        reason=f"{wrong.tag} says {wrong.says}; the sites and {crystal.choice.name} make {wrong.built} "
        f"({crystal.makeup})",
        fix=fix,
        where=block.place(wrong.tag),
    )


def _remarks(crystal: _Crystal, declared: DeclaredSymmetry, block: CifBlock) -> list[str]:
    """What was done to the sites, and where the symmetry of the atoms is another one than the file's."""
    advice = "" if declared.listed else f"check the coordinates and the setting; {crystal.choice.name} was taken"
    check_contacts(crystal.structure, where=block.where, fix=advice)
    notes = []
    pairs = list(zip(crystal.sites, crystal.orbits, strict=True))
    data = symmetry_dataset(crystal.structure, symprec_ang=SYMPREC_ANG)
    for site, orbit in pairs:
        if orbit.off_ang > SAID_ANG:
            notes.append(
                f"site {site.label} lies {orbit.off_ang:.3f} Å off the special position "
                f"{_position(crystal, orbit, data)}: {_shown(site.frac)} was taken as {_shown(orbit.frac)}"
            )
    twins = [f"{site.label} of {crystal.sites[orbit.twin].label}" for site, orbit in pairs if orbit.twin is not None]
    if twins:
        notes.append(
            f"sites that are images of others were taken once: {', '.join(twins[:6])}{' …' * (len(twins) > 6)}"
        )
    if crystal.told_charge:
        notes.append(
            f"the oxidation states of the file sum to {crystal.told_charge:+g} in the cell, not to 0: they are not used"
        )
    found, number = int(data.number), declared.number
    if number in (None, 1, found):
        return notes
    rounded = symmetry_dataset(crystal.structure, symprec_ang=MERGED_ANG, angle_tolerance_deg=FROM_SYMPREC)
    if len(crystal.choice.operations) == 1 and declared.listed and int(rounded.number) != number:
        raise StructureError(
            "the file contradicts itself on its space group",
            reason=f"it declares number {number} and lists the identity as its only operation; the atoms listed have "
            f"{data.international} ({found})",
            fix="list all operations or remove the list, if the name is right; write number 1 and 'P 1', if all atoms "
            "of the cell are listed",
            where=declared.place,
        )
    notes.append(f"the file says space group number {number}, its atoms have {found} ({data.international})")
    return notes


def _position(crystal: _Crystal, orbit: Orbit, data: object) -> str:
    """Multiplicity in this cell, with the letter where the atoms have the space group of the operations."""
    count = len(orbit.places)
    if getattr(data, "number", 0) != crystal.choice.operations.number:
        return f"of multiplicity {count}"
    steps = crystal.structure.frac_coords - orbit.places[0]
    index = int(np.abs(steps - np.rint(steps)).max(axis=1).argmin())
    return f"{count}{data.wyckoffs[index]}"  # type: ignore[attr-defined]
