"""A material of a study: the crystal that its table names, and the cell that the first step starts from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dftflow.crystals.cell_charge import check_neutral
from dftflow.crystals.crystal import Crystal
from dftflow.crystals.ions import with_charges
from dftflow.crystals.mixture import Replacement
from dftflow.crystals.moments import check_open_shells, with_moments
from dftflow.crystals.ordering_choice import QUASIRANDOM
from dftflow.crystals.partial_sites import has_partial_sites, partial_replacements
from dftflow.crystals.primitive_cell import primitive_cell_of
from dftflow.crystals.sources import load_crystal
from dftflow.crystals.substitution import notes_of, substitute_all
from dftflow.crystals.supercell import Repeats, supercell_of
from dftflow.crystals.vacuum import refuse_as_material
from dftflow.studies.blame import blamed
from dftflow.studies.paced import Say, paced
from dftflow.studies.reader import Study
from dftflow.studies.schema import MaterialEntry

if TYPE_CHECKING:
    from pymatgen.core import Structure

__all__ = ["LazyMaterials", "Material", "MaterialsAt", "load_materials"]


MOMENTS_FIX = (
    "give this material starting moments in Bohr magnetons, moments = {{ {element} = 2.0 }}, all of them up, or one "
    "for each atom in the order of its cell, moments = {{ {element} = [{each}] }}; moments = {{}} calculates without "
    "spin"
)


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class Material:
    """A crystal as shipped, read or fetched, and `start`: the same after the study's substitution."""

    name: str
    crystal: Crystal
    start: Structure


def load_materials(study: Study, *, say: Say = lambda line: None) -> dict[str, Material]:
    """Every material of `study`, in its order; `say` is told how far it is.

    Raises
    ------
    DftflowError
        When a crystal or a substitution cannot be made.
    """
    materials = LazyMaterials(study)
    return {name: materials[name] for name in paced(study.content.materials, "crystals read", say)}


class LazyMaterials(Mapping[str, Material]):
    """The materials of `study` in its order, each read when it is first asked for, with the errors of that.

    Materials of one source have the same crystal, so that what follows from it is found out once.
    """

    def __init__(self, study: Study) -> None:
        self._study = study
        self._read: dict[str, Material] = {}
        self._crystals: dict[tuple[str, bool], Crystal] = {}

    def __getitem__(self, name: str) -> Material:
        if name not in self._read:
            with blamed(self._study, f"material {name}", "materials", name, "structure"):
                entry = self._study.content.materials[name]
                crystal = self._crystal(entry.structure, mixed_sites=entry.ordering is not None)
            with blamed(self._study, f"material {name}", "materials", name, "substitute"):
                self._read[name] = _material(name, crystal, _start(self._study, name, crystal))
        return self._read[name]

    def _crystal(self, source: str, *, mixed_sites: bool) -> Crystal:
        if (source, mixed_sites) not in self._crystals:
            file = self._study.file
            kept = self._study.kept.get(source)
            where = str(file)
            crystal = kept or load_crystal(source, base_dir=file.parent, where=where, mixed_sites=mixed_sites)
            check_neutral(crystal.structure)
            refuse_as_material(crystal.structure, source)
            self._crystals[source, mixed_sites] = crystal
        return self._crystals[source, mixed_sites]

    def __iter__(self) -> Iterator[str]:
        return iter(self._study.content.materials)

    def __len__(self) -> int:
        return len(self._study.content.materials)


class MaterialsAt(Mapping[str, Material]):
    """The materials of a study at a point of a sweep: with another molecule in them where that is swept.

    Parameters
    ----------
    materials
        Of the study as it is written.
    study
        At the point.
    starts
        Name of a material -> the cell that its first step starts from, where that is known already.
    """

    def __init__(
        self, materials: Mapping[str, Material], study: Study, starts: Mapping[str, Structure] | None = None
    ) -> None:
        self._materials = materials
        self._study = study
        self._starts = dict(starts or {})
        entries = study.content.materials.items()
        turned = study.point.get("orientation") is not None
        ordered = any(study.point.get(key) is not None for key in ("ordering", "seed"))
        shared = study.point.get("fraction") is not None
        self.others = tuple(
            name
            for name, entry in entries
            if (turned and entry.substitute) or (ordered and entry.is_ordered) or (shared and entry.fractions)
        )

    def __getitem__(self, name: str) -> Material:
        own = self._materials[name]
        if name not in self.others:
            return own
        if name not in self._starts:
            with blamed(self._study, f"material {name}, {self._study.point}", "materials", name, "substitute"):
                self._starts[name] = _start(self._study, name, own.crystal)
        others = tuple(line for line in own.crystal.warnings if line not in notes_of(own.start))
        return _material(name, replace(own.crystal, warnings=others), self._starts[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._materials)

    def __len__(self) -> int:
        return len(self._materials)


def _material(name: str, crystal: Crystal, start: Structure) -> Material:
    """With what is to be known of the substitution beside what is to be known of the crystal."""
    notes = notes_of(start)
    told = replace(crystal, warnings=(*crystal.warnings, *notes)) if notes else crystal
    return Material(name=name, crystal=told, start=start)


def _start(study: Study, name: str, crystal: Crystal) -> Structure:
    """The crystal after the substitutions that its entry asks for, with the charges and moments that it gives."""
    entry = study.content.materials[name]
    own = primitive_cell_of(crystal.structure) if entry.primitive else crystal.structure
    made = [one for one in entry.substitute if one.fraction != 0]
    partial = entry.ordering is not None and (has_partial_sites(own) or made == list(entry.substitute))
    changed = bool(made) or partial
    start = _substituted(study, entry, own) if changed else _repeated(own, entry.supercell)
    if entry.charges:
        with blamed(study, f"material {name}", "materials", name, "charges"):
            start = with_charges(start, {ion: of[0] if len(of) == 1 else of for ion, of in entry.charges.items()})
    if entry.moments is not None:
        return with_moments(start, entry.moments)
    check_open_shells(start, fix=MOMENTS_FIX)
    return start


def _repeated(structure: Structure, repeats: Repeats | None) -> Structure:
    return structure if repeats is None else supercell_of(structure, repeats)


def _substituted(study: Study, entry: MaterialEntry, structure: Structure) -> Structure:
    """With what is substituted, and with partly occupied sites ordered."""
    replacements = [
        Replacement.of(
            made.site,
            made.by,
            fraction=made.fraction,
            orientation=made.orientation,
            charge=made.charge,
            base_dir=study.file.parent,
        )
        for made in entry.substitute
        if made.fraction != 0
    ]
    mixed = any(made.fraction is not None for made in entry.substitute)
    if entry.ordering is not None and not (mixed and not has_partial_sites(structure)):
        replacements += partial_replacements(structure)
    return substitute_all(
        structure,
        replacements,
        supercell=entry.supercell,
        ordering=entry.ordering or QUASIRANDOM,
        seed=entry.one_seed,
        pseudocubic_ang=entry.pseudocubic_ang,
    )
