"""A material of a study: the crystal that its table names, and the cell that the first step starts from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from dftflow.crystals.crystal import Crystal
from dftflow.crystals.molecules import load_molecule
from dftflow.crystals.sources import is_database_query, load_crystal
from dftflow.crystals.substitution import substitute
from dftflow.studies.paced import Say, paced
from dftflow.studies.reader import Study
from dftflow.studies.side_by_side import side_by_side

if TYPE_CHECKING:
    from pymatgen.core import Structure

__all__ = ["Material", "load_materials"]


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
    entries = study.content.materials
    asks_others = any(is_database_query(entry.structure) for entry in entries.values())
    load = partial(_load, study)
    found = map(load, entries) if asks_others else side_by_side(load, list(entries))
    return dict(zip(paced(entries, "crystals read", say), found, strict=True))


def _load(study: Study, name: str) -> Material:
    entry = study.content.materials[name]
    crystal = load_crystal(entry.structure, base_dir=study.file.parent, where=str(study.file))
    made = entry.substitute
    if made is None:
        return Material(name=name, crystal=crystal, start=crystal.structure)
    start = substitute(
        crystal.structure,
        site=made.site,
        by=load_molecule(made.by, base_dir=study.file.parent, charge=made.charge),
        orientation=made.orientation,
        seed=made.seed,
        supercell=entry.supercell,
        pseudocubic_ang=entry.pseudocubic_ang,
    )
    return Material(name=name, crystal=crystal, start=start)
