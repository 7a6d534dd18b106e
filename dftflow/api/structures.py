"""Crystals as people hold them (a name, a file, a pymatgen `Structure`, ASE `Atoms`), and ions put on their sites.

>>> import dftflow                                             # doctest: +SKIP
>>> dftflow.substitute("CsPbBr3_Pm-3m", site="Cs", by="FA")    # doctest: +SKIP
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from numbers import Real
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeAlias

from pymatgen.core import Element, IStructure, Structure

from dftflow.crystals import substitution
from dftflow.crystals.atoms import from_atoms
from dftflow.crystals.crystal import Crystal
from dftflow.crystals.ions import OXIDATION_STATE
from dftflow.crystals.mixture import Replacement
from dftflow.crystals.molecules import Molecule
from dftflow.crystals.moments import MOMENT
from dftflow.crystals.sources import load_crystal
from dftflow.crystals.structure_file import checked
from dftflow.errors import StructureError
from dftflow.model.printable import shown

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["NotebookStructure", "StructureLike", "as_structure", "substitute"]


class _WithStructure(Protocol):
    @property
    def structure(self) -> Structure | None: ...


StructureLike: TypeAlias = "str | os.PathLike[str] | IStructure | Atoms | _WithStructure"
"""A shipped name, a file, an id of the Materials Project, or a crystal that another package or dftflow made."""


class NotebookStructure(Structure):
    """A pymatgen `Structure` in every way, which a notebook shows as a table and a picture.

    Its JSON names pymatgen's own class, so that it is read without dftflow.
    """

    @classmethod
    def of(cls, structure: Structure) -> Self:
        """`structure` with all that it carries."""
        return cls.from_sites(structure.sites, charge=structure._charge, properties=structure.properties)

    def as_dict(self, *settings: Any, **more: Any) -> dict[str, Any]:
        """As `Structure.as_dict`."""
        plain: dict[str, Any] = super().as_dict(*settings, **more)
        return plain | {"@module": Structure.__module__, "@class": Structure.__name__}

    def __repr__(self) -> str:
        return f"<{self.composition.reduced_formula} crystal: {len(self)} atoms, {self.volume:.2f} Å³>"

    def _repr_html_(self) -> str:
        from dftflow.report.notebook import html_of  # with matplotlib

        return str(html_of(self))


def as_structure(crystal: StructureLike) -> Structure:
    """The crystal as a pymatgen `Structure`: axes and sites in the order given, a copy of what another package made.

    Parameters
    ----------
    crystal
        A shipped name (``"CsPbBr3_Pnma"``), a file that `load_crystal` reads (a relative path counts from the working
        folder, ``~`` is the home), ``"mp-567629"`` or ``"mp:CsPbBr3"``; a `Crystal`; a pymatgen `Structure`; ASE
        `Atoms` that are periodic along all three axes; what has a `structure`: a slab, a calculation that was read.

    Returns
    -------
    Structure
        Of elements: oxidation states of its species become the site property ``oxidation_state``,
        spins ``magmom``.

    Raises
    ------
    StructureError
        No such crystal (with the nearest names), a file that cannot be read; or an object that is none: disordered,
        without a lattice, not periodic, empty, too large, of another type.
    ClashError
        Two atoms overlap.
    SourceError, CodeNotFoundError
        From the Materials Project.
    """
    from ase import Atoms

    if isinstance(crystal, str | os.PathLike):
        return load_crystal(crystal).structure
    if isinstance(crystal, Crystal):
        return crystal.structure
    if isinstance(crystal, Atoms):
        return checked(_of_atoms(crystal), "")
    held = crystal if isinstance(crystal, IStructure) else getattr(crystal, "structure", None)
    if isinstance(held, IStructure):
        return checked(_of_elements(held), "")
    raise _no_crystal(crystal)


def _of_atoms(atoms: Atoms) -> Structure:
    if atoms.cell.rank == 3 and not all(atoms.pbc):
        raise StructureError(
            f"the Atoms {atoms.get_chemical_formula()} are not periodic along all three axes",
            reason=f"pbc is {[bool(flag) for flag in atoms.pbc]}",
            fix="if the cell is that of a crystal, or of a slab with its vacuum, set atoms.pbc = True",
        )
    return from_atoms(atoms, "")


def _of_elements(structure: IStructure) -> Structure:
    """A copy without `Species`, whose oxidation states become a site property."""
    if not structure.is_ordered:
        raise StructureError(
            f"{structure.composition.reduced_formula} is disordered",
            reason="a site that holds several elements, or an element in part, is no site of one calculation",
            fix="order it first, e.g. with pymatgen's OrderDisorderedStructureTransformation",
        )
    elements = [Element(site.specie.symbol) for site in structure]
    properties = dict(structure.site_properties)
    states = [getattr(site.specie, "oxi_state", None) for site in structure]
    if any(state is not None for state in states):
        properties[OXIDATION_STATE] = states
    spins = [getattr(site.specie, "spin", None) for site in structure]
    if any(spin is not None for spin in spins):
        properties[MOMENT] = spins
    return Structure(
        structure.lattice,
        elements,
        structure.frac_coords,
        charge=structure._charge,
        site_properties=properties,
        properties=structure.properties,
    )


def _no_crystal(thing: object) -> StructureError:
    fix = "give a shipped name, a path, a pymatgen Structure, or ASE Atoms"
    if getattr(thing, "structure", thing) is None:
        return StructureError(f"this {type(thing).__name__} holds no structure", fix=fix)
    if isinstance(thing, Sequence) and len(thing) and not isinstance(thing, bytes):
        fix = "give one of them, such as the last: [-1]"
    return StructureError(f"{type(thing).__module__}.{type(thing).__qualname__} is no crystal", fix=fix)


def substitute(
    crystal: StructureLike,
    *,
    site: str | None = None,
    by: str | os.PathLike[str] | Molecule | None = None,
    mix: Mapping[str, Mapping[str, float]] | None = None,
    fraction: float | None = None,
    orientation: str | Sequence[str] = "100",
    supercell: tuple[int, int, int] | None = None,
    ordering: str | int = "quasirandom",
    seed: int | None = None,
    pseudocubic_ang: float | None = None,
) -> NotebookStructure:
    """Replace the `site` ions of a crystal, or a fraction of them, by a molecule, an atom or nothing; or `mix` several.

    Parameters
    ----------
    crystal
        As `as_structure` takes it; left as it is.
    site
        Ion to replace: ``"Cs"``, ``"Br"``, ``"MA"``.
    by
        ``"FA"``, ``"MA"``, a file, a `Molecule`; an element; ``"vacancy"``.
    mix
        Instead of `site`, `by` and `fraction`: site -> what comes to it -> fraction of its ions, ordered together:
        ``{"Cs": {"FA": 0.5, "MA": 0.25}, "Br": {"I": 1 / 3}}``.
    fraction
        Of the sites; all of them unless given.
    orientation, supercell, ordering, seed, pseudocubic_ang
        As `dftflow.crystals.substitution.substitute_all` takes them: ``"110/001"`` names the lattice directions of the
        molecule's long and second axis, ``"random"`` draws them with `seed`; of a mixture `ordering` is
        ``"quasirandom"``, ``"random"`` (with `seed`) or the number of one; `pseudocubic_ang` scales the host first.

    Returns
    -------
    NotebookStructure
        A pymatgen `Structure`. Site property ``molecule``: -1 for a single atom, else the number of its molecule.
        ``properties["substitution"]`` tells what was done: of a mixture its ordering, how many arrangements of the
        ions are that one, and how far its pairs are off the random ones.

    Raises
    ------
    StructureError
        As `as_structure`; a site, molecule, orientation, fraction, supercell, ordering or scale that cannot be used.
    ClashError
        A molecule comes too close to its surroundings.
    """
    if supercell is not None and not (
        isinstance(supercell, Sequence) and all(isinstance(number, Real) for number in supercell)
    ):
        raise StructureError(f"supercell {supercell!r} cannot be made", fix="give three whole numbers: (2, 2, 2)")
    if mix is not None and (site, by, fraction) != (None, None, None):
        raise StructureError("mix is given beside site, by or fraction", fix="say all of it in mix")
    replacements = [_replacement(site, by, fraction, orientation)] if mix is None else _mixed(mix, orientation)
    built = substitution.substitute_all(
        as_structure(crystal),
        replacements,
        supercell=supercell,
        ordering=ordering,
        seed=seed,
        pseudocubic_ang=pseudocubic_ang,
    )
    return NotebookStructure.of(built)


def _replacement(site: str | None, by: object, fraction: float | None, orientation: str | Sequence[str]) -> Replacement:
    if site is None or by is None:
        raise StructureError(
            "site and by are not both given",
            reason="what is replaced, and by what",
            fix='write site="Cs", by="FA", or for several mix={"Cs": {"FA": 0.5, "MA": 0.25}, "Br": {"I": 0.5}}',
        )
    if not isinstance(by, str | os.PathLike | Molecule):
        raise StructureError(
            f"a {type(by).__module__}.{type(by).__qualname__} is not put on sites",
            fix='write it to a file and give that: by="ion.xyz"; or "FA", "MA", or a dftflow Molecule',
        )
    incoming = by if isinstance(by, Molecule) else os.fspath(by)
    return Replacement.of(site, incoming, fraction=fraction, orientation=orientation)


def _mixed(mix: object, orientation: str | Sequence[str]) -> list[Replacement]:
    """One for each share; the molecules of all are turned alike."""
    if not isinstance(mix, Mapping) or not all(isinstance(shares, Mapping) for shares in mix.values()):
        raise StructureError(
            f"mix cannot be {shown(repr(mix))}", fix='give dicts: {"Cs": {"FA": 0.5, "MA": 0.25}, "Br": {"I": 0.5}}'
        )
    made = [_replacement(site, by, part, orientation) for site, shares in mix.items() for by, part in shares.items()]
    if not made:
        raise StructureError("mix names nothing to replace", fix='name a site: {"Br": {"I": 0.5}}')
    return made
